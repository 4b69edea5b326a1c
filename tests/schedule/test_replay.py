"""Replays: a trace's own instants, from anywhere in it, lap after lap."""

from __future__ import annotations

import pickle
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.schedule.base import due_before
from benchmark.schedule.replay import Replay


def due(schedule: Replay, count: int) -> list[int]:
    return [time for chunk in islice(schedule.due_times(), count) for time in chunk.tolist()][:count]


def test_instants_are_the_traces_own() -> None:
    replay = Replay((0, 10, 10, 70), period=100)
    assert due(replay, 6) == [0, 10, 10, 70, 100, 110]


@pytest.mark.parametrize(
    ("zero", "first", "times"),
    [
        (10, 1, [0, 0, 60, 90, 100]),
        (11, 3, [59, 89, 99, 99, 159]),
        (80, 0, [20, 30, 30, 90, 120]),
        (-30, 3, [0, 30, 40, 40, 100]),
        (210, 1, [0, 0, 60, 90, 100]),
    ],
)
def test_it_begins_anywhere(zero: int, first: int, times: list[int]) -> None:
    replay = Replay((0, 10, 10, 70), period=100, zero=zero)
    assert replay.first == first
    assert due(replay, 5) == times


@given(
    offsets=st.lists(st.integers(0, 999), min_size=1, max_size=30),
    zero=st.integers(-5000, 5000),
    rounds=st.integers(1, 7),
)
def test_parts_that_follow_each_other_are_the_whole(offsets: list[int], zero: int, rounds: int) -> None:
    times, length = tuple(sorted(offsets)), 1000 // rounds
    parts = [due_before(Replay(times, 1000, zero + at * length), length) for at in range(rounds)]
    assert sum(parts) == due_before(Replay(times, 1000, zero), rounds * length)
    assert due_before(Replay(times, 1000, zero), 3000) == 3 * len(times)


def test_workers_share_it_and_it_travels() -> None:
    replay = pickle.loads(pickle.dumps(Replay((0, 10, 20), period=30, zero=10)))
    shares = [replay.share(at, 2) for at in range(2)]
    merged = np.sort(np.concatenate([np.concatenate(list(islice(each.due_times(), 6))) for each in shares]))
    assert merged[:9].tolist() == [0, 10, 20, 30, 40, 50, 60, 70, 80]
