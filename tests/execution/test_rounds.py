"""Rounds, against real servers: connections of their own, a second chance with the pair, recovery after a timeout."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from benchmark.execution.group import Outcome, Snapshot
from benchmark.execution.local import LocalWorkers
from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import Plan, RoundOrder, make_plan
from benchmark.execution.preflight import preflight
from benchmark.execution.recovery import Recovery
from benchmark.execution.rounds import Conductor
from benchmark.measure.exchange import Failure
from benchmark.measure.probe import Probe
from benchmark.measure.recording import Recording
from benchmark.report.document import describe
from benchmark.report.phrases import en as words
from benchmark.scenario.load import load_text
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import IMPORTED, result_of, write
from tests.report.results import a_comparison, a_result, a_run
from tests.servers import ScriptedServer, free_ports, read_request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STANDSTILL = 0.3  # seconds that a worker is held up
RECOVERED_AFTER = 2.5  # seconds in which a service answers nothing


def a_plan(urls: list[str], rest: str) -> Plan:
    targets = ", ".join(f'{name}: {{url: "{url}"}}' for name, url in zip("abc", urls, strict=False))
    return make_plan(load_text(f"targets: {{{targets}}}\n{rest}", "test", Path()))


@pytest.fixture
def workers() -> Iterator[LocalWorkers]:
    with LocalWorkers() as workers:
        yield workers


def conductor(plan: Plan, workers: LocalWorkers, allow: tuple[str, ...] = ()) -> Conductor:
    checked = preflight(plan, workers, allow)
    baseline, probes = checked.probes, checked.sent
    pacing = Pacing(plan, checked.typical, checked.slowest)
    return Conductor(pacing, workers, baseline, probes, print, print, Recovery(workers))


@pytest.mark.parametrize(("keep", "opened"), [("false", 3 * 4), ("true", 4)])
def test_every_round_opens_connections_unless_they_are_kept(
    scripted: ScriptedServer, workers: LocalWorkers, keep: str, opened: int
) -> None:
    scripted.answers(ANSWER)
    plan = a_plan(
        [f"http://127.0.0.1:{scripted.port}"],
        f"load: {{connections: 4, duration: 600ms, warmup: 50ms}}\nrounds: 3\nkeep_connections: {keep}",
    )
    conducted = conductor(plan, workers)
    before = scripted.connections  # the preflight's
    rounds = [each for pair in conducted.rounds() for each in pair]
    assert sum(each.number < 3 for each in rounds) == 3
    repeated = len(rounds) - 3  # where this machine was busy
    assert scripted.connections - before == opened + (4 * repeated if keep == "false" else 0)
    assert all(each.recording.ok == each.recording.scheduled > 0 for each in rounds)


def test_each_target_has_its_own_answers(scripted: ScriptedServer, workers: LocalWorkers) -> None:
    longer = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + b"!" * 400
    with ScriptedServer() as other:
        scripted.answers(ANSWER)
        other.answers(longer)
        urls = [f"http://127.0.0.1:{server.port}" for server in (scripted, other)]
        plan = a_plan(
            urls,
            "load: {connections: 2, duration: 400ms, warmup: 0s}\nrounds: 2\nallow: [same-address]",
        )
        rounds = [each for pair in conductor(plan, workers).rounds() for each in pair]
    size = {"a": len(ANSWER), "b": len(longer)}
    assert {each.target for each in rounds} == set(size)
    for each in rounds:
        assert each.recording.received_bytes == each.recording.ok * size[each.target] > 0


def test_the_report_says_whether_connections_were_kept() -> None:
    for kept in (True, False):
        run = a_run({"public": 31.0, "vpc": 1.6})
        run.settings["keep_connections"] = kept
        report = describe(a_result(run, a_comparison("public", "vpc")), run)
        lines = next(section.lines for section in report.sections if section.key == "method")
        assert words.connections(kept=kept) in lines
        assert words.connections(kept=not kept) not in lines


def test_a_flawed_round_comes_again_with_its_pair(workers: LocalWorkers) -> None:
    """The worker is really held up, in the first round on one of two targets."""
    with PracticeService(Behaviour(latency=Constant(0.002)), (Address(), Address("127.0.0.2"))) as service:
        plan = a_plan(service.urls, "load: {rate: 100/s, duration: 1600ms, warmup: 0s}\nrounds: 2")
        conducted = conductor(plan, workers)
        (pid,) = workers.pids
        assert pid is not None
        held: list[threading.Timer] = []

        def hold_up(snapshot: Snapshot) -> None:
            if not held:
                os.kill(pid, signal.SIGSTOP)
                held.append(threading.Timer(STANDSTILL, os.kill, (pid, signal.SIGCONT)))
                held[0].start()

        conducted.observe = hold_up
        pairs = list(conducted.rounds())
    assert [[each.number for each in pair] for pair in pairs] == [[0, 0], [1, 1], [2, 2]]
    assert [{each.target for each in pair} for pair in pairs] == [{"a", "b"}] * 3
    assert all("ms late on average" in each.flaw for each in pairs[0])  # the sound one of the pair, too
    assert all(each.recording.ok == each.recording.scheduled == 80 for pair in pairs for each in pair)


@dataclass
class LateWorkers:
    """Stands in for workers that are always 100 ms late; what it is asked for, it has done at once."""

    stopped: bool = False
    lost: str = ""

    def __len__(self) -> int:
        return 1

    def round(self, order: RoundOrder, observe: object) -> Outcome:
        recording = Recording()
        recording.histograms["lateness"].record(np.full(50, 100_000_000))
        recording.histograms["response"].record(np.full(50, 110_000_000))
        return Outcome(order, recording, (None,), 0, None)


@pytest.mark.parametrize(("rounds", "run"), [(1, 2), (5, 6), (10, 12), (30, 36)])
def test_no_more_than_a_fifth_of_the_rounds_is_repeated(rounds: int, run: int) -> None:
    plan = a_plan(["http://127.0.0.1:9", "http://127.0.0.2:9"], f"load: {{rate: 50/s}}\nrounds: {rounds}")
    baseline = dict.fromkeys("ab", Probe((), Failure.NONE, "", 200, (), "", 0, 0, 0, 1_000_000))
    idle = cast(LocalWorkers, LateWorkers())
    pacing = Pacing(plan, 1_000_000, 1_000_000)
    conducted = Conductor(pacing, idle, baseline, {}, print, print, Recovery(idle))
    pairs = list(conducted.rounds())
    assert len(pairs) == run
    assert all(each.flaw for pair in pairs for each in pair)


def test_after_a_timeout_the_next_round_waits_for_a_good_probe(
    scripted: ScriptedServer, workers: LocalWorkers
) -> None:
    loading = threading.Event()  # the preflight is over
    began: list[float] = []
    answered: Counter[int] = Counter()  # requests of each connection

    def script(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            if loading.is_set():
                began.append(time.monotonic())
                if time.monotonic() - began[0] < RECOVERED_AFTER:
                    continue  # no answer
                answered[number] += 1
            connection.sendall(ANSWER)

    scripted.script = script
    plan = a_plan(
        [f"http://127.0.0.1:{scripted.port}"],
        "request: {timeout: 1s}\nload: {rate: 20/s, duration: 400ms, warmup: 0s}\nrounds: 2",
    )
    conducted = conductor(plan, workers)
    loading.set()
    before, after, *_ = [each for pair in conducted.rounds() for each in pair]
    assert before.recording.failed > 0
    assert after.recording.failed == 0, after.recording.failures
    assert conducted.probes["a"] >= 3  # the preflight's, one that got no answer, and the good one
    first_good = min(answered)
    assert answered[first_good] == 1  # it was a probe's: a connection of its own


def test_connections_spread_over_all_addresses_of_a_name(tmp_path: Path) -> None:
    """A name with three addresses, in a mount namespace with a hosts file of its own."""
    if os.geteuid():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("only root can mount a hosts file of its own")
    hosts = [f"127.0.0.{number}" for number in (1, 2, 3)]
    (tmp_path / "hosts").write_text("".join(f"{host} many.test\n" for host in hosts))
    port = free_ports(1)[0]
    with PracticeService(Behaviour(), tuple(Address(host, port) for host in hosts)) as service:
        url = service.urls[0].replace(hosts[0], "many.test")
        write(
            tmp_path,
            f'targets: {{a: {{url: "{url}"}}}}\nload: {{connections: 6, duration: 1s, warmup: 100ms}}\nrounds: 2\n',
        )
        command = (
            f"mount --bind hosts /etc/hosts && exec {sys.executable} -m benchmark run scenario.yaml -o out"
        )
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": IMPORTED},
            check=False,
        )
        served = Counter(service.truth().address.tolist())
    assert done.returncode in {0, 3}, done.stderr  # 3: this machine was busy, which is not asked here
    assert result_of(tmp_path / "out")["targets"]["a"]["addresses"] == [f"{host}:{port}" for host in hosts]
    assert all(served[at] for at in range(3))
