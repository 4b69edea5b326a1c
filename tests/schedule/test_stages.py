"""Shapes of load: the integral of the rate equals the requests that are due, whatever the shape."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.schedule.base import due_before
from benchmark.schedule.open_loop import ConstantRate, Poisson
from benchmark.schedule.stages import Stage, Staged
from benchmark.units import NANOSECONDS

RATES = st.floats(0.5, 500)
STAGES = st.lists(st.builds(Stage, RATES, RATES, st.floats(0.2, 20)), min_size=1, max_size=5).map(tuple)


def due(stages: tuple[Stage, ...], seconds: float) -> int:
    return due_before(Staged(ConstantRate(1.0), stages), round(seconds * NANOSECONDS))


def first(schedule: Staged, count: int) -> list[float]:
    return [t / NANOSECONDS for t in islice((t for chunk in schedule.due_times() for t in chunk), count)]


@pytest.mark.parametrize(
    ("stages", "seconds", "requests"),
    [
        ((Stage(100, 100, 10),), 10, 1000),  # a hold
        ((Stage(0, 100, 10),), 10, 500),  # a ramp from nothing
        ((Stage(100, 0, 10),), 20, 500),  # to nothing, which ends it
        ((Stage(10, 10, 5), Stage(200, 200, 1), Stage(10, 10, 5)), 11, 300),  # a spike
        ((Stage(10, 10, 5), Stage(0, 0, 5), Stage(10, 10, 5)), 15, 100),  # a pause
        ((Stage(10, 20, 10),), 20, 350),  # the last rate goes on
    ],
)
def test_shapes(stages: tuple[Stage, ...], seconds: float, requests: int) -> None:
    assert due(stages, seconds) == pytest.approx(requests, abs=1)


def test_a_ramp_is_due_when_its_integral_says() -> None:
    times = first(Staged(ConstantRate(1.0), (Stage(0, 100, 10),)), 400)
    assert times == pytest.approx([np.sqrt(n / 5) for n in range(400)], abs=1e-8)


@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["ramp", "step"])), min_size=2, max_size=8),
       st.lists(st.floats(0.1, 10), min_size=8, max_size=8))  # fmt: skip
def test_ramps_steps_spikes_and_pauses_come_to_the_integral_at_every_end(
    levels: list[tuple[int, str]], lengths: list[float]
) -> None:
    stages, level = [], levels[0][0]
    for (to, how), length in zip(levels, lengths, strict=False):
        stages.append(Stage(level if how == "ramp" else to, to, length))
        level = to
    reached = seconds = 0.0
    for stage in stages:
        reached, seconds = reached + stage.requests, seconds + stage.seconds
        assert abs(due(tuple(stages), seconds) - reached) <= 1.001


@given(STAGES)
def test_the_integral_of_the_rate_is_what_is_due(stages: tuple[Stage, ...]) -> None:
    total = sum(stage.requests for stage in stages)
    assert abs(due(stages, sum(stage.seconds for stage in stages)) - total) <= 1.001


@given(STAGES)
def test_due_times_ascend(stages: tuple[Stage, ...]) -> None:
    times = first(Staged(Poisson(1.0, 3), stages), 2000)
    assert times == sorted(times)


@given(STAGES, st.integers(2, 5))
def test_shares_are_the_whole(stages: tuple[Stage, ...], of: int) -> None:
    whole = Staged(ConstantRate(1.0), stages)
    shares = sorted(t for at in range(of) for t in first(whole.share(at, of), 100))
    assert shares == pytest.approx(first(whole, 100 * of), abs=1e-6)


def test_poisson_arrivals_follow_the_rate() -> None:
    times = np.array(first(Staged(Poisson(1.0, 7), (Stage(0, 1000, 20),)), 10_000))
    assert times[-1] == pytest.approx(20, rel=0.02)
    assert np.searchsorted(times, 10) == pytest.approx(2500, rel=0.05)
