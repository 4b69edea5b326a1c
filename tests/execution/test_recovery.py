"""A service in trouble: waited for within one bound, asked no more than that, and its run ends as what it is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.execution import recovery
from benchmark.execution.backlog import Backlog
from benchmark.execution.dose import dosed
from benchmark.execution.group import Snapshot
from benchmark.execution.local import LocalWorkers
from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import make_plan
from benchmark.execution.preflight import preflight
from benchmark.execution.recovery import Recovery
from benchmark.execution.rounds import Conductor
from benchmark.measure.recording import Recording
from benchmark.result.run import Round
from benchmark.scenario.load import load_text
from tests.servers import ScriptedServer, read_request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LEFT = 1.0  # seconds, in place of ten


@pytest.fixture
def dying() -> tuple[ScriptedServer, threading.Event, list[float]]:
    """A server that answers until the event is set, and the instants at which it was asked from then on."""
    dead, asked = threading.Event(), []
    server = ScriptedServer()

    def script(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            if dead.is_set():
                asked.append(time.monotonic())
                continue
            connection.sendall(ANSWER)

    server.script = script
    return server, dead, asked


def conducted(
    server: ScriptedServer, load: str, after: Callable[[Round], None], kill: threading.Event, *, first: bool
) -> tuple[Conductor, list[Round], list[str]]:
    """The rounds on a server that dies once its first round is over, or before; and what was waited for."""
    text = f'targets: {{a: {{url: "http://127.0.0.1:{server.port}"}}}}\nrequest: {{timeout: 200ms}}\n{load}'
    loaded = load_text(text, "test", Path())
    told: list[str] = []
    with LocalWorkers() as workers:
        plan = make_plan(loaded)
        checked = preflight(plan, workers, ())
        plan = dosed(plan, (), checked.typical)
        if first:
            kill.set()
        conductor = Conductor(
            Pacing(plan, checked.typical, checked.slowest),
            workers,
            checked.probes,
            checked.sent,
            lambda snapshot: None,
            after,
            Recovery(workers, told.append, left=LEFT),
        )
        rounds = [each for pair in conductor.rounds() for each in pair]
    return conductor, rounds, told


@pytest.mark.parametrize("load", ["load: {rate: 20/s, duration: 2s, warmup: 0s}\nrounds: 10", "rounds: 10"])
def test_a_target_that_does_not_come_back_ends_its_run(
    dying: tuple[ScriptedServer, threading.Event, list[float]], load: str
) -> None:
    server, dead, asked = dying
    with server:
        conductor, rounds, told = conducted(server, load, lambda round_: dead.set(), dead, first=False)
    assert "gave no good answer any more" in conductor.dead
    assert sum(each.recording.failed > 0 for each in rounds) == 1  # the one in which it died, and no more
    assert told[0].startswith("waiting until a answers again")
    assert told[-1] == ""
    assert conductor.recovery.left < recovery.SHORTEST
    assert asked


def test_nobody_is_waited_for_after_the_last_round(
    dying: tuple[ScriptedServer, threading.Event, list[float]],
) -> None:
    server, dead, _ = dying
    with server:
        conductor, rounds, told = conducted(
            server,
            "load: {rate: 20/s, duration: 200ms, warmup: 0s}\nrounds: 1",
            lambda round_: None,
            dead,
            first=True,
        )
    assert any(each.recording.failed for each in rounds)
    if len(rounds) == 1:  # none had to be repeated
        assert (told, conductor.dead, conductor.recovery.left) == ([], "", LEFT)


def test_the_bound_is_one_for_all_rounds() -> None:
    """Once it is used up nobody is waited for: not a single probe more is sent."""
    probes = {"a": 3}
    plan = make_plan(
        load_text("targets: {a: {url: 'http://127.0.0.1:9'}}\nload: {rate: 5/s}", "test", Path())
    )
    with LocalWorkers() as workers:
        waiting = Recovery(workers, left=0.5)
        assert not waiting.wait(plan.targets[0], None, probes)
        sent = probes["a"]
        assert sent > 3
        assert waiting.wait(plan.targets[0], None, probes)
    assert probes["a"] == sent


# an open loop that nobody asked for by name


def seen(elapsed: float, due: int, done: int, number: int = 0) -> Snapshot:
    part = Recording()
    part.scheduled = part.ok = done
    return Snapshot("vpc", number, 0.0, 20.0, elapsed, part, due, 200)


def test_a_backlog_that_grows_for_three_windows_ends_the_run() -> None:
    asked: list[str] = []
    backlog = Backlog(10.0, asked.append)
    for second in range(1, 4):
        assert not asked
        backlog.observe(seen(second + 0.01, due=10 * second, done=7))
    assert len(asked) == 1
    assert "vpc, which does not hold 10.0/s" in asked[0]
    assert "`vpcbench capacity` finds what it holds" in asked[0]


def test_a_backlog_that_comes_and_goes_ends_nothing() -> None:
    asked: list[str] = []
    backlog = Backlog(10.0, asked.append)
    for second, done in enumerate([5, 5, 20, 5, 5, 20, 10, 10], start=1):
        backlog.observe(seen(second + 0.01, due=10 * second, done=done))
    for number in range(1, 9):  # nor one that begins anew in every round
        backlog.observe(replace(seen(1.01, due=10, done=2), number=number))
    assert not asked


# what refuses


def test_a_service_that_asks_for_less_gets_less(
    dying: tuple[ScriptedServer, threading.Event, list[float]],
) -> None:
    """The first request of the second block is answered 429: the rest of that block is held back, and said so."""
    server, _, _ = dying
    served: list[int] = []

    def script(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            served.append(number)
            if len(served) == 7:  # after two probes, a warm-up, the first block, and the first of the second
                connection.sendall(b"HTTP/1.1 429 Slow down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")
            else:
                time.sleep(0.31)  # as slow services are: blocks
                connection.sendall(ANSWER)

    server.script = script
    said: list[str] = []
    with server, LocalWorkers() as workers:
        loaded = load_text(
            f'targets: {{a: {{url: "http://127.0.0.1:{server.port}"}}}}\nrounds: 2', "test", Path()
        )
        checked = preflight(make_plan(loaded), workers, ())
        plan = dosed(make_plan(loaded), (), checked.typical)
        conductor = Conductor(
            Pacing(plan, checked.typical, checked.slowest), workers, checked.probes, checked.sent,
            lambda snapshot: None, lambda round_: None, Recovery(workers), say=said.append,
        )  # fmt: skip
        rounds = [each for pair in conductor.rounds() for each in pair]
    assert plan.blocks
    refused = [each for each in rounds if each.recording.statuses[429]]
    assert [each.recording.scheduled - each.recording.unsent for each in refused] in ([1], [2])
    assert "429" in refused[0].flaw
    assert any(line.startswith("a answered 429: the rest of the block is held back") for line in said)
