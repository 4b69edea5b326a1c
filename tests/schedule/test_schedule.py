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
from benchmark.schedule.open_loop import CHUNK, ConstantRate, Gamma, Poisson


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


@pytest.mark.parametrize("burstiness", [0.3, 0.5, 1.0, 4.0])
def test_gamma_gaps_follow_the_gamma_law(burstiness: float) -> None:
    """vLLM's definition: shape = burstiness, mean = 1/rate."""
    times = np.concatenate(list(islice(Gamma(1.0, burstiness, seed=7).due_times(), 5)))
    gaps = np.diff(times) / 1e9  # in units of the mean
    law = stats.gamma(burstiness, scale=1 / burstiness)
    assert stats.kstest(gaps, law.cdf).pvalue > 0.01
    assert stats.kstest(gaps, stats.gamma(1.5 * burstiness, scale=1 / (1.5 * burstiness)).cdf).pvalue < 1e-6
    assert gaps.mean() == pytest.approx(1, rel=0.05 / burstiness**0.5)


def test_burstiness_1_is_poisson() -> None:
    assert next(Gamma(50.0, 1.0, seed=5).due_times()).tolist() == next(Poisson(50.0, 5).due_times()).tolist()


@pytest.mark.parametrize("schedule", [ConstantRate(977.0), Poisson(977.0, seed=3), Gamma(977.0, 0.3, seed=3)])
def test_counting_from_a_later_instant(schedule: ConstantRate | Poisson | Gamma) -> None:
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
    assert loop.think == loop.share(1, 2).think == 250
