"""Several processes send one load: the same schedule between them, one exact account, also when one of them dies."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import kstest

from benchmark.clock import now
from benchmark.errors import VpcbenchError
from benchmark.execution.group import SharedRound, Snapshot
from benchmark.execution.local import LocalWorkers
from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import Plan, make_plan
from benchmark.execution.preflight import preflight
from benchmark.execution.recovery import Recovery
from benchmark.execution.rounds import Conductor
from benchmark.execution.worker import MOST_UNTOLD, READY, Worker
from benchmark.measure.exchange import Failure
from benchmark.measure.recorder import Part
from benchmark.measure.recording import Recording, merged, unreported
from benchmark.result.run import Round
from benchmark.scenario.load import load_text
from benchmark.schedule.base import DueCount, Schedule, due_before
from benchmark.schedule.closed_loop import ClosedLoop
from benchmark.schedule.mix import Mix, Share
from benchmark.schedule.open_loop import ConstantRate, Gamma, Poisson
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.transport.clients import request, round_order

SECOND = 1_000_000_000
MILLISECOND = 1_000_000


def first(schedule: Schedule, count: int) -> NDArray[np.int64]:
    dues = (due for chunk in schedule.due_times() for due in chunk.tolist())
    return np.array(list(islice(dues, count)))


def a_plan(url: str, load: str, rest: str = "") -> Plan:
    text = f'targets: {{a: {{url: "{url}"}}}}\nrequest: {{body: hello, timeout: 5s}}\nload: {load}\n{rest}'
    return make_plan(load_text(text, "test", Path()))


# the shares


@given(st.floats(0.5, 1e6), st.integers(1, 9))
@settings(max_examples=50)
def test_striped_ticks_are_those_of_one_process(rate: float, workers: int) -> None:
    whole = ConstantRate(rate)
    shares = [first(whole.share(at, workers), 500) for at in range(workers)]
    assert np.sort(np.concatenate(shares)).tolist() == first(whole, 500 * workers).tolist()


def test_poisson_shares_together_are_a_poisson_process_of_the_whole_rate() -> None:
    shares = [first(Poisson(1000.0, 7).share(at, 4), 5000) for at in range(4)]
    end = min(share[-1] for share in shares)
    together = np.sort(np.concatenate([share[share < end] for share in shares]))
    assert len(together) == pytest.approx(end / SECOND * 1000, rel=0.03)
    assert kstest(np.diff(together) / SECOND * 1000, "expon").pvalue > 0.01
    again = [first(Poisson(1000.0, 7).share(at, 4), 5000) for at in range(4)]
    assert all(np.array_equal(one, other) for one, other in zip(shares, again, strict=True))
    assert len({share[0] for share in shares}) == 4


@given(st.integers(1, 9), st.integers(1, 4))
@settings(max_examples=20)
def test_any_schedule_known_beforehand_can_be_striped(workers: int, more: int) -> None:
    whole = Gamma(100.0, 0.3, 5)
    shares = [whole.share(at, workers).share(part, more) for at in range(workers) for part in range(more)]
    together = np.concatenate([first(share, 400) for share in shares])
    assert np.sort(together).tolist() == first(whole, 400 * workers * more).tolist()


def test_rows_are_divided_and_every_one_is_sent() -> None:
    mix = Mix((Share(variants=10),), seed=1, start=3)
    shares = [list(islice(mix.share(at, 3).indexes(), 10)) for at in range(3)]
    interleaved = [shares[turn % 3][turn // 3] for turn in range(30)]
    assert interleaved == list(islice(mix.indexes(), 30))


@given(st.integers(1, 2000), st.integers(1, 16))
def test_connections_are_divided_and_none_is_lost(connections: int, workers: int) -> None:
    shares = [ClosedLoop(connections).share(at, workers).connections for at in range(workers)]
    assert sum(shares) == connections
    assert max(shares) - min(shares) <= 1


def test_one_process_has_the_whole_order() -> None:
    for load in ("{rate: 100/s, arrivals: poisson}", "{rate: 100/s}", "{connections: 7}"):
        plan = a_plan("http://a.example", load)
        order = plan.order(plan.targets[0], 3, 0, SECOND, 4)
        assert order.share(0, 1) == order


def test_shares_of_an_order_can_be_sent_anywhere() -> None:
    plan = a_plan("http://a.example", "{rate: 100/s, max_connections: 5}")
    order = plan.order(plan.targets[0], 3, 0, SECOND, 5)
    shares = [order.share(at, 2) for at in range(2)]
    assert [share.limit for share in shares] == [3, 2]
    assert [share.connections for share in shares] == [3, 2]
    assert pickle.loads(pickle.dumps(shares)) == shares


@pytest.mark.parametrize(
    ("load", "quickest", "needed"),
    [
        ("{rate: 200/s}", 1, 1),
        ("{rate: 5000/s}", 1, 1),
        ("{rate: 12k/s}", 1, 3),
        ("{rate: 500k/s}", 1, 8),  # cores
        ("{rate: 500k/s, max_connections: 2}", 1, 2),
        ("{connections: 1}", 1000, 1),
        ("{connections: 64}", 20 * MILLISECOND, 1),
        ("{connections: 64}", MILLISECOND // 10, 8),
        ("{connections: 64, think: 1s}", MILLISECOND // 10, 1),
    ],
)
def test_as_many_processes_as_the_load_needs(load: str, quickest: int, needed: int) -> None:
    assert a_plan("http://a.example", load).processes(8, quickest) == needed
    assert a_plan("http://a.example", load, "processes: 1").processes(8, quickest) == 1


# the account


@given(
    st.floats(1, 4000), st.lists(st.integers(0, SECOND), min_size=1, max_size=8), st.integers(0, SECOND // 2)
)
@settings(max_examples=50)
def test_counting_on_is_counting_anew(rate: float, instants: list[int], since: int) -> None:
    for schedule in (ConstantRate(rate), Poisson(rate / 2, 3), Gamma(rate / 2, 0.5, 3).share(1, 3)):
        count = DueCount(schedule, since)
        for until in sorted(instants):
            counted = sum(since <= due < until for due in first(schedule, 4096).tolist())
            assert count.until(until) == due_before(schedule, until, since=since) == counted


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_round_that_broke_off_has_a_balanced_account(due: int, more: int, recorded: int) -> None:
    rest = unreported(due, due + more, recorded)
    assert rest.scheduled == rest.ok + rest.failed + rest.unsent
    assert recorded + rest.scheduled == max(due + more, recorded)


def test_a_lost_worker_leaves_what_was_due_as_lost_and_the_rest_as_unsent() -> None:
    plan = a_plan("http://a.example", "{rate: 100/s, duration: 10s}", "rounds: 1")
    shared = SharedRound(plan.order(plan.targets[0], 0, SECOND, 10 * SECOND, 4), 2)
    shared.zero = 5 * SECOND
    told = Recording()
    told.scheduled = told.ok = 50
    shared.hear(0, told, 8 * SECOND)
    snapshot = shared.lose(0, 8 * SECOND)  # two measured seconds are over: 100 of its 500 were due
    assert snapshot.recording.failures == {Failure.LOST.label: 50}
    assert snapshot.recording.unsent == 400
    assert shared.recording.scheduled == 500


@pytest.fixture(scope="module")
def service() -> Iterator[PracticeService]:
    with PracticeService(Behaviour(latency=Constant(0.02)), (Address(),)) as service:
        yield service


@pytest.mark.parametrize(
    "load", ["{rate: 200/s, duration: 1s, warmup: 0s}", "{connections: 5, duration: 1s}"]
)
def test_two_processes_and_one_account(service: PracticeService, load: str) -> None:
    plan = a_plan(service.urls[0], load, "rounds: 1")
    before = len(service.truth())
    seen: list[Snapshot] = []
    with LocalWorkers() as workers:
        workers.grow(2)
        checked = preflight(plan, workers, ())
        baseline, probes = checked.probes, checked.sent
        pairs = list(
            Conductor(
                Pacing(plan, processes=2),
                workers,
                baseline,
                probes,
                seen.append,
                lambda round_: None,
                Recovery(workers),
            ).rounds()
        )
        assert len(set(workers.pids)) == 2
    rounds = [done for pair in pairs for done in pair]  # two, where the first came late
    account = merged([done.recording for done in rounds])
    unmeasured = sum(done.unmeasured for done in rounds)
    assert account.scheduled == account.ok + account.unsent
    assert account.ok == len(service.truth()) - before - probes["a"] - unmeasured
    if plan.open_loop:
        assert account.scheduled == 200 * len(rounds)
        assert seen[-1].due == seen[-1].planned == 200
    assert sum(each.recording.ok for each in seen) == account.ok
    assert account.histograms["response"].count == account.ok


def test_a_killed_worker_ends_the_run_and_loses_only_what_it_held(service: PracticeService) -> None:
    plan = a_plan(service.urls[0], "{rate: 200/s, duration: 20s, warmup: 0s}", "rounds: 1")
    victims: list[int | None] = []

    def kill_one(snapshot: Snapshot) -> None:
        if len(victims) == 0 and snapshot.recording.ok:
            victims.append(workers.pids[1])
            os.kill(workers.pids[1] or 0, signal.SIGKILL)

    with LocalWorkers() as workers:
        workers.grow(2)
        checked = preflight(plan, workers, ())
        baseline, probes = checked.probes, checked.sent
        pairs: list[list[Round]] = list(
            Conductor(
                Pacing(plan, processes=2),
                workers,
                baseline,
                probes,
                kill_one,
                lambda round_: None,
                Recovery(workers),
            ).rounds()
        )
        assert "SIGKILL" in workers.lost
    ((done,),) = pairs
    account = done.recording
    assert account.scheduled == account.ok + account.failed + account.unsent == 4000
    assert account.failures[Failure.LOST.label] > 0
    assert account.ok > 0 < account.unsent
    assert "SIGKILL" in done.flaw
    assert done.measured < 20


def test_a_worker_lost_before_the_load_is_told(service: PracticeService) -> None:
    plan = a_plan(service.urls[0], "{rate: 10/s}")
    with LocalWorkers() as workers:
        os.kill(workers.pids[0] or 0, signal.SIGKILL)
        with pytest.raises(VpcbenchError, match="SIGKILL") as told:
            preflight(plan, workers, ())
    assert told.value.status == 3


# a parent that is behind


@pytest.mark.parametrize("waiting", [MOST_UNTOLD - 1, MOST_UNTOLD])
async def test_what_a_parent_that_is_behind_was_not_told_comes_at_the_end(
    service: PracticeService, waiting: int
) -> None:
    told: list[object] = []

    def tell(each: object) -> None:
        told.append(each)
        if each == READY:
            worker.start(now() + MILLISECOND)

    worker = Worker(tell, lambda: waiting)
    port = int(service.urls[0].split(":")[2].split("/")[0])
    report = await worker.round(
        round_order("http1", port, request(target="/api/predict/test"), rate=500, seconds=1)
    )
    parts = [each.recording() for each in told if isinstance(each, Part)]
    assert bool(parts) is (waiting < MOST_UNTOLD)
    whole = merged([*parts, report.recording])
    assert whole.scheduled == whole.ok == whole.histograms["response"].count == 500
