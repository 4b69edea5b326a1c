from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.analysis.estimate import Ranked
from benchmark.analysis.pooled import mover_difference, mover_ratio, woodruff
from benchmark.analysis.statistics import Interval, quantile, student
from benchmark.measure.histogram import Histogram


def ranked(values: list[int], beyond: int = 0) -> Ranked:
    return Ranked(Histogram.of(np.array(values, np.int64)), beyond)


def test_student_against_a_table() -> None:
    found = student([1.0, 2.0, 3.0, 4.0, 5.0], 0.95)
    half = 2.776 * math.sqrt(2.5 / 5)  # t of 4 degrees of freedom, from the printed table
    assert (found.value, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half), rel=1e-3)


@pytest.mark.parametrize(
    ("q", "expected"), [(0.0, 100_000), (0.5, 250_000), (0.25, 150_000), (0.9, 400_000), (1.0, 400_000)]
)
def test_quantiles_lie_between_neighbours(q: float, expected: float) -> None:
    assert quantile(ranked([100_000, 200_000, 300_000, 400_000]), q) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("beyond", "finite"), [(0, True), (5, True), (20, False)])
def test_a_quantile_that_reaches_the_unanswered_is_infinite(beyond: int, finite: bool) -> None:
    assert math.isfinite(quantile(ranked([100_000] * 90, beyond), 0.9)) is finite


def test_no_sample_has_no_quantile() -> None:
    assert math.isnan(quantile(ranked([]), 0.5))


def test_woodruff_is_at_least_binomial_where_rounds_agree() -> None:
    rounds = [ranked(list(range(100_000, 200_000, 1000))) for _ in range(10)]
    pooled = ranked([value for _ in range(10) for value in range(100_000, 200_000, 1000)])
    found = woodruff(rounds, pooled, 0.9, 0.95)
    share = math.exp(2.262 * math.sqrt(0.09 / 1000) / 0.09) / 9  # the odds of a tenth, moved
    assert found.low == pytest.approx(200_000 - 100_000 * share / (1 + share), rel=1e-2)


def test_woodruff_widens_where_rounds_disagree() -> None:
    slow, fast = list(range(150_000, 250_000, 1000)), list(range(100_000, 200_000, 1000))
    alike = woodruff([ranked(slow + fast)] * 4, ranked((slow + fast) * 4), 0.5, 0.95)
    unlike = woodruff([ranked(slow * 2), ranked(fast * 2)] * 2, ranked((slow + fast) * 4), 0.5, 0.95)
    assert unlike.high - unlike.low > 3 * (alike.high - alike.low)


def test_woodruff_knows_no_limit_beyond_the_slowest() -> None:
    rounds = [ranked(list(range(100_000, 120_000, 1000)))] * 2
    assert math.isinf(woodruff(rounds, ranked(list(range(100_000, 120_000, 1000)) * 2), 0.9, 0.95).high)


def test_mover() -> None:
    one, other = Interval(10, 7, 14), Interval(6, 2, 9)
    assert mover_difference(one, other) == Interval(4, 4 - math.hypot(3, 3), 4 + math.hypot(4, 4))
    ratio = mover_ratio(one, other)
    assert ratio.value == pytest.approx(10 / 6)
    for limit in (ratio.low, ratio.high):
        scaled = Interval(limit * other.value, limit * other.low, limit * other.high)
        held = mover_difference(one, scaled)
        assert min(abs(held.low), abs(held.high)) == pytest.approx(0, abs=1e-9)
