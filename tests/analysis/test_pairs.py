from __future__ import annotations

import math

import numpy as np
import pytest

from benchmark.analysis.pairs import (
    TESTED,
    covariance,
    difference_and_ratio,
    long_run,
    moved,
    resemblance,
    rounds_for,
)


def test_a_difference_is_students_t_over_pairs() -> None:
    before, after = np.array([10.0, 20.0, 30.0, 40.0, 50.0]), np.array([11.0, 22.0, 33.0, 44.0, 55.0])
    found, _ = difference_and_ratio(before, after, 0.95)
    half = 2.776 * math.sqrt(2.5 / 5)  # t of 4 degrees of freedom, from the printed table
    assert (found.value, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half), rel=1e-3)


def test_the_ratio_agrees_with_the_values_beside_it() -> None:
    _, found = difference_and_ratio([10.0, 12.0, 14.0], [5.0, 6.5, 6.5], 0.95)
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high


def test_one_test_decides_both() -> None:
    """The ratio leaves out 1 exactly where the difference leaves out 0, whatever pairs hang on or a pilot knew."""
    random = np.random.default_rng(1)
    claims = 0
    for _ in range(2000):
        n = int(random.integers(2, 30))
        before = 10 * random.lognormal(0, 0.3, n)
        after = before * random.lognormal(0, 0.2, n) * random.choice([0.7, 0.9, 1.0, 1.2])
        saved, ratio = difference_and_ratio(before, after, 0.95, pilot=5, resolution=(0.01, 0.01))
        if ratio.bounded:
            assert (saved.low <= 0 <= saved.high) == (ratio.low <= 1 <= ratio.high)
            claims += not ratio.low <= 1 <= ratio.high
    assert claims > 300


def test_one_broken_round_of_ten_claims_nothing() -> None:
    """Row 2 of the audit: the logarithmic interval around the ratio of means left out 1 in every experiment."""
    before = np.array([10.0, 10.1, 9.9, 10.2, 10.0, 9.8, 10.1, 10.0, 9.9, 10.0])
    broken = before.copy()
    broken[4] *= 20
    slower, ratio = difference_and_ratio(before, broken, 0.95)
    assert slower.low < 0 < slower.high
    assert ratio.low < 1 < ratio.high
    _, unknown = difference_and_ratio(broken, before, 0.95)
    assert not unknown.bounded, "the mean before may be next to nothing"


def test_what_cannot_be_told_apart_is_no_difference() -> None:
    """Row 11: ten rounds of 10.000 against 10.0002 ms, in nanoseconds; a bucket there is 6.4 µs wide."""
    for after in (10_000_200.0, 10_000_000.0):
        saved, ratio = difference_and_ratio(
            np.full(10, 1e7), np.full(10, after), 0.95, resolution=(6400.0, 6400.0)
        )
        assert saved.low < 0 < saved.high
        assert ratio.low < 1 < ratio.high


def test_later_rounds_that_broke_widen_what_a_pilot_knew() -> None:
    pilot = [10.0, 10.1, 9.9, 10.2, 10.0]
    before, after = np.array(pilot * 4), np.array(pilot[::-1] * 4)
    calm, _ = difference_and_ratio(before, after, 0.95, pilot=5)
    after[13] *= 10
    broken, _ = difference_and_ratio(before, after, 0.95, pilot=5)
    assert broken.high - broken.low > 5 * (calm.high - calm.low)


def remembered(memory: float, n: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    drawn = np.random.default_rng(seed).standard_normal(n)
    for at in range(1, n):
        drawn[at] += memory * drawn[at - 1]
    return drawn


def test_what_lasts_for_several_rounds_widens_and_what_is_shared_does_not() -> None:
    level, own = remembered(0.8, 200, 1), np.random.default_rng(2).standard_normal((2, 200))
    alone = np.column_stack([level, own[0]])
    assert long_run(alone)[0, 0] > 4 * covariance(alone)[0, 0]
    shared = np.column_stack([level + own[0], level + own[1]])
    apart = np.array([-1.0, 1.0])
    assert apart @ long_run(shared) @ apart == pytest.approx(apart @ covariance(shared) @ apart, rel=0.2)


@pytest.mark.parametrize("n", [2, TESTED - 1])
def test_few_pairs_are_taken_as_independent(n: int) -> None:
    pairs = np.random.default_rng(1).standard_normal((n, 2))
    assert np.array_equal(long_run(pairs), covariance(pairs))


def test_the_long_run_knows_constants_and_multiples() -> None:
    level = remembered(0.5, 20, 3)
    constant = long_run(np.column_stack([np.full(20, 7.0), level]))
    assert constant[0, 0] == pytest.approx(0, abs=1e-9)
    assert constant[1, 1] > covariance(np.column_stack([level, level]))[0, 0]
    multiple = long_run(np.column_stack([level, 3 * level]))
    assert multiple[1, 1] == pytest.approx(9 * multiple[0, 0])
    assert np.array_equal(long_run(np.full((20, 2), 7.0)), np.zeros((2, 2)))


def test_a_level_that_moved_is_seen() -> None:
    calm = np.random.default_rng(1).standard_normal(20)
    assert resemblance(calm) is None
    assert moved(calm) is None
    step = calm + np.repeat([0.0, 4.0], 10)
    found = moved(step)
    assert found
    assert found[1] - found[0] == pytest.approx(4, abs=1)
    assert (resemblance(step) or 0) > 0.5
    assert moved(step[::5]) is None, "four cannot tell"


def test_more_rounds_are_needed_of_what_varies_more() -> None:
    random = np.random.default_rng(1)
    pilot = np.exp(0.1 * random.standard_normal((10, 2)))
    few, many = rounds_for(pilot, 0.04, 0.95), rounds_for(pilot, 0.02, 0.95)
    assert 10 < few < many
    assert many == pytest.approx(4 * few, rel=0.1)
    assert rounds_for(np.full((10, 1), 3.0) + 1e-6 * random.random((10, 1)), 0.05, 0.95) == 10
