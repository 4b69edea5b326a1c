"""The arithmetic of answers, against a queue simulated step by step and the shares it must come to."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.simulation.behaviour import Behaviour, Path
from benchmark.simulation.laws import Constant, Exponential, Lognormal
from benchmark.simulation.planner import OK, QUEUE_FULL, TIMED_OUT, Line, RateLimit, Workers
from benchmark.units import MILLISECOND, NANOSECONDS

SECOND = NANOSECONDS
MS = MILLISECOND


def step_by_step(arrivals: list[int], work: int, workers: int, slots: int) -> list[tuple[int, int]]:
    """The same queue, one tick of time after the other: who is at work, who waits, who is turned away."""
    ends: dict[int, tuple[int, int]] = {}
    busy: list[tuple[int, int]] = []  # (ticks left, who)
    waiting: list[int] = []
    tick, coming = 0, list(enumerate(arrivals))
    while coming or busy or waiting:
        for left, who in busy:
            if left == 0:
                ends[who] = (tick, OK)
        busy = [(left, who) for left, who in busy if left]
        while waiting and len(busy) < workers:
            busy.append((work, waiting.pop(0)))
        while coming and coming[0][1] == tick:
            who = coming.pop(0)[0]
            if len(busy) < workers:
                busy.append((work, who))
            elif len(waiting) < slots:
                waiting.append(who)
            else:
                ends[who] = (tick, QUEUE_FULL)
        busy = [(left - 1, who) for left, who in busy]
        tick += 1
    return [ends[who] for who in range(len(arrivals))]


@given(
    gaps=st.lists(st.integers(0, 6), max_size=40),
    work=st.integers(1, 12),
    workers=st.integers(1, 4),
    slots=st.integers(0, 5),
)
def test_serves_first_come_first_served(gaps: list[int], work: int, workers: int, slots: int) -> None:
    arrivals = np.cumsum(gaps).tolist() if gaps else []
    planned = Workers(Behaviour(Constant(work / NANOSECONDS), workers=workers, queue=slots), started=0)
    assert [planned.serve(at) for at in arrivals] == step_by_step(arrivals, work, workers, slots)


def test_without_a_number_of_workers_nobody_waits() -> None:
    workers = Workers(Behaviour(Constant(0.005)), started=0)
    assert [workers.serve(at) for at in (0, 0, 1, 2)] == [(5 * MS + at, OK) for at in (0, 0, 1, 2)]


def test_latencies_follow_their_law_and_errors_their_rate() -> None:
    law = Lognormal(0.005, 0.5)
    workers = Workers(Behaviour(law, error_rate=0.02, error_status=502), started=0)
    ends = [workers.serve(0) for _ in range(50_000)]
    latencies = np.array([end for end, _ in ends]) / NANOSECONDS
    for q in (0.5, 0.9, 0.99):
        assert np.quantile(latencies, q) == pytest.approx(law.quantile(q), rel=0.03)
    statuses = [status for _, status in ends]
    assert set(statuses) == {OK, 502}
    assert statuses.count(502) / len(statuses) == pytest.approx(0.02, rel=0.1)


def test_the_same_seed_and_order_give_the_same_answers() -> None:
    def answers(seed: int, error_rate: float = 0.1) -> list[tuple[int, int]]:
        workers = Workers(
            Behaviour(Exponential(0.005), error_rate=error_rate, workers=2, seed=seed), started=0
        )
        return [workers.serve(at * MS) for at in range(200)]

    assert answers(1) == answers(1)
    assert answers(1) != answers(2)
    assert [end for end, _ in answers(1)] == [end for end, _ in answers(1, error_rate=0.5)]


def test_who_is_turned_away_does_not_change_the_luck_of_others() -> None:
    def draws(queue: int) -> list[int]:
        workers = Workers(Behaviour(Exponential(0.001), workers=1, queue=queue), started=0)
        ends = [workers.serve(at) for at in (0, 0, 0, 0, SECOND)]
        return [ends[0][0], ends[-1][0]]

    assert draws(queue=0) == draws(queue=9)


STALLED = Behaviour(
    Constant(0.010), stalls=((3.0, 0.5), (1.0, 1.0), (1.5, 1.0))
)  # the last two are one: 1.0–2.5


@pytest.mark.parametrize(
    ("arrived", "answered"),
    [
        (0, 10 * MS),
        (990 * MS, 1000 * MS),  # just in time
        (995 * MS, 2505 * MS),  # 5 ms before the stall, 5 ms after
        (1200 * MS, 2510 * MS),
        (2000 * MS, 2510 * MS),
        (2500 * MS, 2510 * MS),
        (2995 * MS, 3505 * MS),
        (3500 * MS, 3510 * MS),
    ],
)
def test_work_stands_still_during_a_stall(arrived: int, answered: int) -> None:
    began = 7 * SECOND
    workers = Workers(STALLED, started=began)
    assert workers.serve(began + arrived) == (began + answered, OK)


def test_a_stall_fills_the_queue() -> None:
    behaviour = Behaviour(Constant(0.001), workers=1, queue=2, stalls=((0.0, 1.0),))
    workers = Workers(behaviour, started=0)
    assert [workers.serve(at * MS)[1] for at in range(4)] == [OK, OK, OK, QUEUE_FULL]


def test_the_gateway_gives_up_but_the_worker_goes_on() -> None:
    workers = Workers(Behaviour(Constant(0.100), workers=1, keepalive=0.050), started=0)
    assert workers.serve(0) == (50 * MS, TIMED_OUT)
    assert workers.serve(60 * MS) == (110 * MS, TIMED_OUT)  # waits until 100, would be done at 200
    patient = Workers(Behaviour(Constant(0.100), keepalive=0.100), started=0)
    assert patient.serve(0) == (100 * MS, OK)


def test_a_rate_limit_lets_its_rate_through() -> None:
    limit = RateLimit(100, burst=5)
    admitted = [limit.admits(SECOND + tick * MS) for tick in range(10_000)]  # 1,000 a second for ten
    assert admitted[:7] == [True] * 5 + [False] * 2
    assert sum(admitted) == pytest.approx(1005, abs=2)


def test_a_rate_limit_leaves_alone_who_keeps_it() -> None:
    limit = RateLimit(100, burst=None)  # ten at once
    assert all(limit.admits(tick * 10 * MS) for tick in range(1000))
    assert [limit.admits(20 * SECOND) for _ in range(11)] == [True] * 10 + [False]


def test_a_path_takes_half_its_round_trip_each_way() -> None:
    line = Line(Path(0.030), Random(1))
    assert line.there(SECOND) == SECOND + 15 * MS
    assert line.back(SECOND, size=10_000) == SECOND + 15 * MS
    assert {line.mishap() for _ in range(100)} == {0}


def test_jitter_and_loss_come_to_their_shares() -> None:
    line = Line(Path(0.030, jitter=0.002, loss=0.05, retransmit=0.2), Random(1))
    mishaps = np.array([line.mishap() for _ in range(50_000)])
    lost = mishaps >= 230 * MS
    assert lost.mean() == pytest.approx(0.05, rel=0.1)
    assert mishaps[~lost].mean() == pytest.approx(2 * MS, rel=0.03)
    assert (mishaps[lost] - 230 * MS).mean() == pytest.approx(2 * MS, rel=0.1)
    assert mishaps.min() >= 0


def test_answers_share_the_bandwidth() -> None:
    line = Line(Path(0.010, bandwidth=1_000_000), Random(1))
    assert line.shared
    assert line.back(0, 5_000) == 10 * MS  # 5 ms on the line, 5 ms of way
    assert line.back(1 * MS, 5_000) == 15 * MS  # behind the first
    assert line.back(100 * MS, 0) == 105 * MS
    assert not Line(Path(0.010), Random(1)).shared
