"""Is there a trend? Not where figures only scatter, and not where runs of one hour resemble each other."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.analysis.occasions import TOGETHER
from benchmark.analysis.trend import DAY, LEAST, trend
from benchmark.report.history import sparkline

EXPERIMENTS = 1_000
Runs = list[tuple[float, float, float]]


def nightly(random: np.random.Generator, nights: int, *, runs: int = 1, growth: float = 0.0) -> Runs:
    """Three minutes a run, one after another; nights differ by 5 %, runs of a night by 1 % more."""
    made = []
    for night in range(nights):
        shared = np.exp(0.05 * random.standard_normal() + growth * night / (nights - 1))
        for at in range(runs):
            begun = night * DAY + at * 200.0
            made.append((begun, begun + 180, 20 * float(shared * np.exp(0.01 * random.standard_normal()))))
    return made


def told(nights: int, *, runs: int = 1, growth: float = 0.0) -> float:
    random = np.random.default_rng([nights, runs])
    return sum(
        trend(nightly(random, nights, runs=runs, growth=growth), 0.95).told for _ in range(EXPERIMENTS)
    ) / EXPERIMENTS  # fmt: skip


@pytest.mark.parametrize(("nights", "runs"), [(4, 1), (8, 1), (6, 3)])
def test_scatter_is_a_trend_in_five_per_cent(nights: int, runs: int) -> None:
    assert told(nights, runs=runs) <= 0.05 + 2 * (0.05 * 0.95 / EXPERIMENTS) ** 0.5


def test_a_change_of_a_fifth_in_twenty_nights_is_seen() -> None:
    assert told(20, growth=float(np.log(1.2))) > 0.85


def autoregressive(random: np.random.Generator, nights: int, rho: float, growth: float = 0.0) -> Runs:
    """Nights that differ by 5 %, and each by so much of what the last one did."""
    levels = [0.05 * random.standard_normal()]
    for _ in range(nights - 1):
        levels.append(rho * levels[-1] + 0.05 * (1 - rho**2) ** 0.5 * random.standard_normal())
    return [
        (night * DAY, night * DAY + 180, 20 * float(np.exp(level + growth * night / (nights - 1))))
        for night, level in enumerate(levels)
    ]


def looked_at(
    nights: int, rho: float, experiments: int, *, often: bool = False, growth: float = 0.0
) -> float:
    """The share of histories in which a trend is told: at the end, or after any of the runs."""
    random = np.random.default_rng([1514, nights, round(10 * rho)])
    seen = 0
    for _ in range(experiments):
        runs = autoregressive(random, nights, rho, growth)
        seen += any(trend(runs[:upto], 0.95).told for upto in range(LEAST if often else nights, nights + 1))
    return seen / experiments


def test_a_look_after_every_run_sees_a_trend_in_five_per_cent() -> None:
    assert looked_at(20, 0.0, 100, often=True) <= 0.05 + 2 * (0.05 * 0.95 / 100) ** 0.5


@pytest.mark.long
def test_trends_table(capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for nights in (8, 15, 30):
        for rho in (0.0, 0.5, 0.8):
            last = looked_at(nights, rho, 2_000)
            often = looked_at(nights, rho, 500, often=True)
            grown = looked_at(nights, rho, 500, growth=float(np.log(1.2)))
            rows.append((nights, rho, last, often, grown))
    with capsys.disabled():
        print("\na trend is told of none: at the end, after any run; of +20 %")
        for nights, rho, last, often, grown in rows:
            print(f"  {nights:>2} nights, correlation {rho:.1f} {last:7.1%} {often:7.1%} {grown:7.1%}")
    for nights, rho, last, often, _ in rows:
        assert last <= 0.05 + 2 * (0.05 * 0.95 / 2_000) ** 0.5 or rho > 0.5, (nights, rho)
        assert often <= 0.05 + 2 * (0.05 * 0.95 / 500) ** 0.5 or rho > 0, (nights, rho)


def test_the_change_is_that_from_the_first_to_the_last() -> None:
    found = trend([(night * DAY, night * DAY + 60, 10 * 1.1**night) for night in range(5)], 0.95)
    assert found.change.value == pytest.approx(1.1**4 - 1)
    assert found.change.low == pytest.approx(found.change.high)
    assert (found.samples, found.days, found.told) == (5, 4, True)


def test_runs_close_together_are_one_sample() -> None:
    runs = [(at * 200.0, at * 200.0 + 180, 10.0 + at) for at in range(20)]
    found = trend(runs, 0.95)
    assert (found.samples, found.told, found.change.value) == (1, False, None)
    assert "more than 10 min apart, and there are 1" in str(found.reason)
    apart = [(at * (TOGETHER + 181), at * (TOGETHER + 181) + 180, 10.0 + at) for at in range(LEAST)]
    assert trend(apart, 0.95).samples == LEAST


def test_nothing_and_zero_have_no_trend() -> None:
    assert trend([], 0.95).samples == 0
    assert trend([(at * DAY, at * DAY + 1, 0.0) for at in range(9)], 0.95).reason == "a figure is zero"


def test_a_sparkline_spans_lowest_to_highest() -> None:
    assert sparkline([1, 2, 8, 4.4]) == "▁▂█▄"
    assert sparkline([3, 3]) == "▄▄"
    assert sparkline([]) == ""
