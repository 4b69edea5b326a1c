"""The lab itself: it does to packets what it is told, logs it, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.netlab.lab import ACKNOWLEDGED, FIRST_ANSWERED, FIRST_ASKED, LAST_ASKED, PUBLIC, ROOT, VPC, Lab

MILLISECOND = 1_000_000


def echo_one_connection(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        while received := connection.recv(65536):
            connection.sendall(received)


@pytest.mark.verify
def test_it_delays_handshakes_and_data_and_logs_them() -> None:
    with Lab(public=PUBLIC, vpc=VPC) as lab:
        with lab.inside("server"):
            listeners = [socket.create_server((host, 8080)) for host in lab.hosts.values()]
        for listener in listeners:
            threading.Thread(target=echo_one_connection, args=(listener,), daemon=True).start()
        for host in lab.hosts.values():
            with lab.inside("client"):
                connection = socket.create_connection((host, 8080), timeout=10)
            with connection:
                for _ in range(3):
                    connection.sendall(b"x" * 1000)
                    assert len(connection.recv(65536)) == 1000
        truth = lab.truth()
        for listener in listeners:
            listener.close()
    assert 30 <= truth.round_trips("public")[0] / MILLISECOND < 45
    assert 0.5 <= truth.round_trips("vpc")[0] / MILLISECOND < 15
    for name, least in (("public", 30.8), ("vpc", 0.5)):  # two times 1,052 bytes at 20 Mbit/s are 0.84 ms
        turns = truth.turns(name)
        assert len(turns) == 3
        assert ((turns[:, FIRST_ANSWERED] - turns[:, FIRST_ASKED]) / MILLISECOND >= least).all()
        assert (turns[:, ACKNOWLEDGED] > turns[:, LAST_ASKED]).all()
        _, size = truth.packets(name, "up")
        assert 3 * 1000 < size < 3 * 1000 + 20 * 60
        assert truth.lost(name, "up") == truth.sent_again(name) == 0


@pytest.mark.verify
def test_it_loses_packets_and_sees_them_sent_again() -> None:
    with Lab(lossy={"delay": 0.001, "loss": 0.05}) as lab:
        with lab.inside("server"):
            listener = socket.create_server((lab.hosts["lossy"], 8080))
        threading.Thread(target=echo_one_connection, args=(listener,), daemon=True).start()
        with lab.inside("client"):
            connection = socket.create_connection((lab.hosts["lossy"], 8080), timeout=30)
        with connection:
            for _ in range(100):
                connection.sendall(b"x" * 500)
                assert len(connection.recv(65536)) == 500
        truth = lab.truth()
        listener.close()
    packets, _ = truth.packets("lossy", "up")
    assert np.isclose(truth.lost("lossy", "up") / packets, 0.05, atol=0.06)
    assert 0 < truth.sent_again("lossy") <= truth.lost("lossy", "up") + truth.lost("lossy", "down")


def test_it_is_gone_when_whoever_made_it_is_killed() -> None:
    script = (
        "import time; from tests.netlab.lab import Lab, VPC\n"
        "with Lab(vpc=VPC) as lab: print(lab._relay.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout
        relay = int(maker.stdout.readline())
        assert running(relay)
        maker.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while running(relay) and time.monotonic() < until:
        time.sleep(0.02)
    assert not running(relay)


def running(pid: int) -> bool:
    """Whether there is such a process, and it has not ended (whoever inherits it may not have collected it yet)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_it_leaves_this_process_where_it_was() -> None:
    before = os.readlink("/proc/thread-self/ns/net")
    with Lab(vpc=VPC) as lab:
        with lab.inside("client"):
            assert os.readlink("/proc/thread-self/ns/net") != before
        assert os.readlink("/proc/thread-self/ns/net") == before


def test_a_whole_experiment_is_gone_when_whoever_made_it_is_killed(tmp_path: Path) -> None:
    """Relay, service, command line and its sending processes: none is left, and so neither namespace is."""
    script = (
        "import json, sys; from pathlib import Path\n"
        "from tests.netlab.experiment import serving, vpcbench\n"
        "from tests.netlab.lab import Lab, VPC\n"
        "with Lab(vpc=VPC) as lab, serving(lab) as urls:\n"
        "    print(*lab.identities().values(), flush=True)\n"
        "    scenario = {'targets': {'vpc': {'url': urls['vpc']}}, 'load': {'rate': 20, 'duration': '60s'}}\n"
        "    vpcbench(lab, Path(sys.argv[1]), json.dumps(scenario))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout
        namespaces = set(maker.stdout.readline().split())
        assert len(namespaces) == 2
        until = time.monotonic() + 60
        while (
            len(inside(namespaces)) < 4 and time.monotonic() < until
        ):  # relay, service, the command and its worker
            time.sleep(0.1)
        before = inside(namespaces)
        maker.send_signal(signal.SIGKILL)
    until = time.monotonic() + 60
    while inside(namespaces) and time.monotonic() < until:
        time.sleep(0.1)
    assert len(before) >= 4
    assert not inside(namespaces)


def inside(namespaces: set[str]) -> set[int]:
    """The processes that are in one of these network namespaces, and so keep it."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "ns" / "net") in namespaces and running(int(process.name)):
                found.add(int(process.name))
        except OSError:  # it has ended, or is the kernel's
            continue
    return found
