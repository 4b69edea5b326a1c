"""Schedules are arithmetic, so they are tested with arithmetic."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.schedule.base import due_before
from benchmark.schedule.closed_loop import ClosedLoop
from benchmark.schedule.open_loop import CHUNK, ConstantRate, Poisson


def test_constant_rate_never_drifts() -> None:
    schedule = ConstantRate(3.0)
    times = np.concatenate(list(islice(schedule.due_times(), 100)))
    exact = [n * 1_000_000_000 // 3 for n in range(100 * CHUNK)]
    assert np.abs(times - exact).max() <= 1


@given(rate=st.floats(0.1, 1e6), seconds=st.floats(0.001, 10))
def test_a_constant_rate_owes_rate_times_time(rate: float, seconds: float) -> None:
    owed = due_before(ConstantRate(rate), round(seconds * 1e9)) if rate * seconds < 1e5 else None
    assert owed is None or abs(owed - rate * seconds) <= 1


def test_poisson_gaps_follow_the_exponential_law() -> None:
    times = np.concatenate(list(islice(Poisson(1000.0, seed=7).due_times(), 5)))
    assert stats.kstest(np.diff(times) / 1e6, "expon").pvalue > 0.01


@pytest.mark.parametrize("schedule", [ConstantRate(977.0), Poisson(977.0, seed=3)])
def test_counting_from_a_later_instant(schedule: ConstantRate | Poisson) -> None:
    whole, early = due_before(schedule, 9_000_000_000), due_before(schedule, 2_000_000_000)
    assert due_before(schedule, 9_000_000_000, since=2_000_000_000) == whole - early


def test_poisson_repeats_for_a_seed_only() -> None:
    def first(seed: int) -> list[int]:
        times: list[int] = next(Poisson(10.0, seed).due_times()).tolist()
        return times

    assert first(1) == first(1) != first(2)


def test_closed_loop_asks_again_after_thinking() -> None:
    loop = ClosedLoop(8, think=250)
    assert [chunk.tolist() for chunk in loop.due_times()] == [[0] * 8]
    assert loop.after(1000) == 1250
