"""Real paths on this machine: packets take the time that they are told to, for root and for any other user."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import benchmark
from tests.conftest import IN_CI
from tests.netlab.lab import missing

TRIP = """
import json, os, socket, sys, time
from benchmark.simulation.network import Network, NetworkUnavailable

if __name__ == "__main__":
    try:
        with Network(far={"delay": 0.02}, near={"delay": 0.001}) as network:
            network.enter("server")
            listeners = [socket.create_server((host, 8080)) for host in network.hosts.values()]
            network.enter("client")
            took = {}
            for name, host in network.hosts.items():
                begun = time.monotonic()
                socket.create_connection((host, 8080), timeout=10).close()
                took[name] = time.monotonic() - begun
            print(json.dumps(took))
    except NetworkUnavailable as error:
        print(f"unavailable: {error}")
"""
PACKAGE = Path(benchmark.__file__).parent
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The program above, where every user may read it."""
    path = tmp_path / "trip.py"
    path.write_text(TRIP)
    return path


def told(*command: str) -> str:
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def _root() -> None:
    if reason := missing():
        (pytest.fail if IN_CI else pytest.skip)(reason)


@pytest.mark.usefixtures("_root")
def test_packets_take_as_long_as_they_are_told_to(script: Path) -> None:
    took = json.loads(told(sys.executable, str(script)))
    assert took["far"] >= 0.04
    assert took["near"] >= 0.002


@pytest.mark.usefixtures("_root")
def test_what_the_system_refuses_is_said() -> None:
    """Without the capability, as in most containers; a module, so that nothing of the file system is in the way."""
    command = ["setpriv", "--bounding-set=-sys_admin", sys.executable, "-c", TRIP]
    assert told(*command) == "unavailable: unshare: Operation not permitted"


@pytest.mark.usefixtures("_root")
def test_any_user_may_have_them_where_the_system_lets_him() -> None:
    """This user sees the device as most systems have it, and an interpreter and a package that he may read."""
    python = shutil.which("python3", path="/usr/bin")
    assert python, "another user needs an interpreter that he may run"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        shutil.copytree(PACKAGE, folder / "benchmark", ignore=lambda *_: ["__pycache__"])
        (folder / "trip.py").write_text(TRIP)
        device = folder / "tun"
        os.mknod(device, stat.S_IFCHR, os.makedev(10, 200))
        device.chmod(0o666)
        program = f"cd {folder} && exec {' '.join(NOBODY)} {python} trip.py"
        took = json.loads(
            told("unshare", "--mount", "sh", "-c", f"mount --bind {device} /dev/net/tun && {program}")
        )
    assert took["far"] >= 0.04
