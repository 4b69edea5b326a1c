"""Objectives decided wrongly: met though the service breaks them, missed though it keeps them; and how often none is told.

The truth is the share of exchanges that take longer than the limit, beside the share that the quantile allows. Rounds are
independent exchanges, or differ (their own share varies by half of itself), or are queues: M/M/1 at 80 % of its capacity.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.analysis.decision import clumping, mean_below, share_below
from benchmark.analysis.objectives import judge
from benchmark.analysis.statistics import binomial_tails
from tests.analysis.runs import a_recording, a_run
from tests.simulation.queues import arrivals, servers

ALLOWED = 0.01  # of a p99
Law = Callable[[np.random.Generator, int, int], NDArray[np.float64]]


@dataclass(frozen=True)
class Drawn:
    """Times of a round, as `statistics.Sample` has them."""

    times: NDArray[np.float64]  # in order

    @property
    def count(self) -> int:
        return len(self.times)

    @property
    def mean(self) -> float:
        return float(self.times.mean())

    def quantile(self, q: float) -> float:
        return float(self.times[max(0, math.ceil(q * len(self.times)) - 1)])

    def above(self, value: float) -> float:
        return len(self.times) - float(np.searchsorted(self.times, value, "right"))


def independent(random: np.random.Generator, rounds: int, each: int) -> NDArray[np.float64]:
    """Exponential: a share s takes longer than −log s."""
    return random.exponential(1, (rounds, each))


def unlike_rounds(random: np.random.Generator, rounds: int, each: int) -> NDArray[np.float64]:
    """The share that takes longer than anything differs from round to round by half of itself."""
    own = random.gamma(4, 1 / 4, (rounds, 1))
    return np.maximum(random.exponential(1, (rounds, each)) + np.log(own), 0)


def queues(random: np.random.Generator, rounds: int, each: int) -> NDArray[np.float64]:
    """Sojourns of M/M/1 at 80 %: exponential, of mean 5, divided by that; clumps are of some 50 requests."""
    rows = []
    for _ in range(rounds):
        arrived = arrivals(0.8, each + 300, random)
        rows.append(servers(arrived, random.exponential(1, each + 300), 1)[300:] / 5)
    return np.array(rows)


LAWS: dict[str, Law] = {"independent": independent, "unlike rounds": unlike_rounds, "M/M/1 at 80 %": queues}


def decided(
    law: Law, rounds: int, each: int, shares: Sequence[float], experiments: int, seed: int = 1505
) -> list[tuple[float, float]]:
    """Shares of experiments that read *met* and *missed*, where this share takes longer than the limit."""
    random = np.random.default_rng([seed, rounds, each])
    found: list[list[bool | None]] = [[] for _ in shares]
    for _ in range(experiments):
        rows = [Drawn(np.sort(row)) for row in law(random, rounds, each)]
        clump = clumping(rows, Drawn(np.sort(np.concatenate([row.times for row in rows]))), ALLOWED)
        for share, own in zip(shares, found, strict=True):
            parts = [(row.above(-math.log(share)), float(row.count)) for row in rows]
            own.append(share_below(parts, ALLOWED, 0.95, clump))
    return [(own.count(True) / experiments, own.count(False) / experiments) for own in found]


def wrongly(share: float, met: float, missed: float) -> float:
    return met if share >= ALLOWED else missed


@pytest.mark.parametrize("name", ["independent", "unlike rounds"])
@pytest.mark.parametrize("share", [ALLOWED * 0.999, ALLOWED])
def test_at_its_limit_an_objective_is_decided_wrongly_in_five_per_cent(name: str, share: float) -> None:
    ((met, missed),) = decided(LAWS[name], 10, 100, [share], 500)
    assert wrongly(share, met, missed) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 500)


def test_what_is_well_on_one_side_is_decided() -> None:
    (met, _), (_, missed) = decided(independent, 10, 200, [ALLOWED / 4, ALLOWED * 3], 200)
    assert met > 0.9
    assert missed > 0.9


@pytest.mark.long
def test_objectives_are_decided_wrongly_in_five_per_cent_table(capsys: pytest.CaptureFixture[str]) -> None:
    experiments, rows = 2_000, []
    factors = (1 / 3, 0.5, 0.999, 1.0, 2.0, 3.0)
    for name, law in LAWS.items():
        for rounds, each in [(5, 200), (10, 100), (10, 500), (20, 500)]:
            shares = [factor * ALLOWED for factor in factors]
            found = decided(law, rounds, each, shares, experiments)
            rows += [(name, rounds, each, factor, *own) for factor, own in zip(factors, found, strict=True)]
    with capsys.disabled():
        print("\np99 against a limit: truth in allowances; met, missed (wrong ones: nominal 5 % at the most)")
        for name, rounds, each, factor, met, missed in rows:
            print(
                f"  {name:<14} {rounds:>2} × {each}  truth {factor:5.3f}   met {met:6.1%}   missed {missed:6.1%}"
            )
    for name, rounds, each, factor, met, missed in rows:
        wrong = wrongly(factor * ALLOWED, met, missed)
        assert wrong <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / experiments), (name, rounds, each, factor)


def test_exact_tails_against_a_worked_example() -> None:
    """Of 10 tosses: no more than 2 heads in 56 of 1,024, no fewer than 9 in 11."""
    assert binomial_tails(2, 10, 0.5)[0] == pytest.approx(56 / 1024)
    assert binomial_tails(9, 10, 0.5)[1] == pytest.approx(11 / 1024)
    assert binomial_tails(0, 10, 0.5) == pytest.approx((1 / 1024, 1))
    assert binomial_tails(10, 10, 0.5) == pytest.approx((1, 1 / 1024))


def test_a_mean_is_decided_over_rounds() -> None:
    assert mean_below([1, 1.1, 0.9], 2, 0.95) is True
    assert mean_below([1, 1.1, 0.9], 0.5, 0.95) is False
    assert mean_below([1, 2.5, 0.4], 1.5, 0.95) is None
    assert mean_below([1, math.inf], 5, 0.95) is False
    assert mean_below([], 5, 0.95) is None


def test_the_case_of_the_issue() -> None:
    """100 exchanges, of which twice as many as allowed take longer: neither met nor missed, whatever was seen."""
    random = np.random.default_rng(1)
    for _ in range(50):
        slow = random.random((10, 10)) < 2 * ALLOWED
        run = a_run(
            {"vpc": [a_recording(np.where(row, 150.0, 50.0)) for row in slow]}, objectives=["p99 < 100ms"]
        )
        (found,) = judge(run)
        assert not found.met
        assert not found.decided or slow.sum() >= 5


@pytest.mark.parametrize(
    ("slow", "met", "is_decided", "said"),
    [
        (2, True, True, "50"),
        (
            9,
            False,
            False,
            "cannot tell, by chance it may lie on either side (9 of 1,000 took longer, where 1 % may)",
        ),
        (40, False, True, "150"),
    ],
)
def test_three_outcomes(slow: int, met: bool, is_decided: bool, said: str) -> None:
    times = np.full((10, 100), 50.0)
    times.ravel()[:: 1000 // slow][:slow] = 150.0
    (found,) = judge(a_run({"vpc": [a_recording(row) for row in times]}, objectives=["p99 < 100ms"]))
    assert (found.met, found.decided) == (met, is_decided)
    assert said in found.said


def test_a_quantile_is_met_by_no_fewer_than_ten_beyond_it() -> None:
    calm = [a_recording(np.full(99, 50.0))] * 10
    (found,) = judge(a_run({"vpc": calm}, objectives=["p99 < 100ms"]))
    assert (found.met, found.decided) == (False, False)
    assert "9 of 990 exchanges lie beyond it, and to be met takes 10 (of 1,000)" in found.said
    slow = [a_recording(np.full(9, 150.0))] * 10  # what all break is missed, however few they are
    (found,) = judge(a_run({"vpc": slow}, objectives=["p99 < 100ms"]))
    assert (found.met, found.decided) == (False, True)
