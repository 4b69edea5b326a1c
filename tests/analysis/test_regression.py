"""Runs beside runs: does it cry "changed" where nothing changed, and does it see what did (METHOD 22)?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.analysis.comparison import Outcome, outcome
from benchmark.analysis.matching import Sample, Side
from benchmark.analysis.occasions import SPREAD
from benchmark.analysis.pairs import difference_and_ratio
from benchmark.analysis.regression import difference
from benchmark.analysis.statistics import welch, welch_ratio
from benchmark.result.difference import Difference
from benchmark.result.model import Metric
from tests.analysis.runs import a_recording, a_run

EXPERIMENTS = 2_000
SPREADS = [(0.02, 0.02), (0.05, 0.05), (0.02, 0.05)]  # from run to run, of either side


def shown_change(runs: tuple[int, int], spreads: tuple[float, float], truth: float) -> float:
    """The share of experiments in which the interval of the ratio leaves out 1."""
    random = np.random.default_rng([*runs, round(1000 * spreads[0])])
    shown = 0
    for _ in range(EXPERIMENTS):
        before, after = (np.exp(s * random.standard_normal(n)) for s, n in zip(spreads, runs, strict=True))
        found = welch_ratio(before, truth * after, 0.95)
        shown += not found.low <= 1 <= found.high
    return shown / EXPERIMENTS


@pytest.mark.parametrize("spreads", SPREADS)
@pytest.mark.parametrize("runs", [(3, 3), (5, 5), (3, 6)])
def test_runs_that_differ_by_chance_read_changed_in_five_per_cent(
    runs: tuple[int, int], spreads: tuple[float, float]
) -> None:
    assert shown_change(runs, spreads, 1.0) <= 0.05 + 2 * (0.05 * 0.95 / EXPERIMENTS) ** 0.5


@pytest.mark.parametrize(("runs", "spread", "power"), [(3, 0.02, 0.99), (3, 0.05, 0.8), (5, 0.05, 0.99)])
def test_a_change_of_a_fifth_is_seen(runs: int, spread: float, power: float) -> None:
    assert shown_change((runs, runs), (spread, spread), 1.2) >= power


def test_pairs_within_runs_leave_out_what_both_share() -> None:
    """Interleaved: a day that is 30 % slower for both sides hides nothing."""
    random = np.random.default_rng(3)
    wrong = seen = 0
    for _ in range(EXPERIMENTS):
        day = np.exp(0.3 * random.standard_normal(4))
        before, after = (day * np.exp(0.02 * random.standard_normal(4)) for _ in range(2))
        _, found = difference_and_ratio(before, after, 0.95)
        _, changed = difference_and_ratio(before, 1.2 * after, 0.95)
        wrong += not found.low <= 1 <= found.high
        seen += changed.low > 1
    assert wrong / EXPERIMENTS <= 0.057
    assert seen / EXPERIMENTS > 0.97


def test_welch_against_a_worked_example() -> None:
    """Equal sizes and variances: the pooled t of textbooks. 2 ± 2.776 × √(2/3)."""
    found = welch([1, 2, 3], [3, 4, 5], 0.95)
    assert (found.value, found.low, found.high) == pytest.approx((2, -0.267, 4.267), abs=1e-3)
    assert welch([1, 1, 1], [2, 2, 2], 0.95).low == 1
    assert welch([1, 1, 1], [2, 2, 2], 0.95, (0.01, 0.01)).low < 1


def a_side(name: str, medians: list[float], **settings: Any) -> Side:
    """Runs of one target, by their medians in ms; each has ten rounds."""
    random = np.random.default_rng(7)
    samples = []
    for at, median in enumerate(medians):
        rounds = [a_recording(random.lognormal(np.log(median), 0.1, 120)) for _ in range(10)]
        day = f"2026-{'01' if name == 'base' else '02'}-{at + 1:02}T00:0"
        run = replace(
            a_run({"vpc": rounds}, **settings),
            started_at=f"{day}0:00+00:00",
            finished_at=f"{day}1:00+00:00",
        )
        samples.append(Sample(f"{name}/{at}", run, "vpc"))
    return Side(tuple(samples), "vpc")


def metric(found: Difference, name: str) -> Metric:
    return next(each for each in found.metrics if each.metric == name)


def test_a_change_of_the_service_is_seen_and_its_absence_too() -> None:
    base = a_side("base", [20, 20.5, 19.8])
    found = difference(base, a_side("new", [24.2, 24.8, 24]))
    p50 = metric(found, "response.p50")
    assert outcome(p50) is Outcome.SLOWER
    assert p50.ratio.low is not None
    assert p50.ratio.high is not None
    assert p50.ratio.low < 1.21 < p50.ratio.high
    assert outcome(metric(found, "response.p99")) is Outcome.SLOWER
    again = difference(base, a_side("new", [20.1, 20.4, 19.9]))
    assert outcome(metric(again, "response.p50")) is Outcome.ALIKE
    assert metric(again, "failures").difference.value == 0
    assert metric(again, "failures").difference.high > 0  # type: ignore[operator]  # nothing failed, by chance perhaps
    assert (found.sample, found.samples, found.confidence) == ("occasions", (3, 3), 0.95)


def test_fewer_than_three_occasions_give_a_factor_and_no_verdict() -> None:
    found = difference(a_side("base", [20, 21]), a_side("new", [40, 41, 42]))
    assert found.assumed_spread == SPREAD
    p50, p99 = metric(found, "response.p50"), metric(found, "response.p99")
    assert outcome(p50) is Outcome.NOT_ENOUGH_DATA
    assert p50.difference.value == pytest.approx(20.5, rel=0.02)
    assert p50.ratio.low is not None
    assert p50.ratio.high is not None
    assert 1.7 < p50.ratio.low < 1.9 < p50.ratio.value < 2.1 < p50.ratio.high < 2.4  # type: ignore[operator]
    assert "3 occasions a side, and there are 2 and 3" in str(p50.withheld)
    assert p99.ratio.low is not None
    assert "more than 10 min" not in str(p99.withheld)
    assert "on 3 occasions" in " ".join(found.remarks)
    failures = metric(found, "failures")
    assert (failures.difference.low, failures.enough_data) == (None, False)


def test_a_single_thick_run_a_side_gives_its_tail_a_factor_too() -> None:
    """p99 of all rounds together: its own spread is Woodruff's."""
    found = difference(a_side("base", [20]), a_side("new", [24]))
    p99 = metric(found, "response.p99")
    assert p99.ratio.low is not None
    assert p99.ratio.low < 1.2 < (p99.ratio.high or 0) < 1.5


def test_thin_runs_give_no_tail() -> None:
    base = a_side("base", [20, 20, 20])
    thin = [replace(each, run=a_run({"vpc": each.run.used("vpc")[:2]})) for each in base.samples]
    found = difference(base, Side(tuple(thin), "vpc"))
    assert "not enough data" in str(metric(found, "response.p99").withheld)
    assert metric(found, "response.p50").enough_data


def test_what_is_never_answered_any_more_is_at_least_the_timeout() -> None:
    base, new = a_side("base", [20, 20.5, 19.8]), a_side("new", [20, 20.5, 19.8])
    for sample in new.samples:
        for round_ in sample.run.rounds:
            round_.recording.failures["timeout"] += 10
            round_.recording.unanswered += 10
            round_.recording.scheduled += 10
    p99 = metric(difference(base, new), "response.p99")
    assert outcome(p99) is Outcome.WITHHELD
    assert p99.difference.low is not None
    assert 960 < p99.difference.low < 980  # of a timeout of 1 s
    assert p99.difference.high is None
    failures = metric(difference(base, new), "failures").difference
    assert failures.value == pytest.approx(10 / 130)
    assert failures.low is not None
    assert failures.low > 0.05


def test_a_rate_that_is_no_longer_held_is_told_as_such() -> None:
    """Half of the response time is spent waiting for a connection: those latencies are a queue's."""
    base, new = a_side("base", [20, 20.5, 19.8]), a_side("new", [20, 20.5, 19.8])
    for sample in new.samples:
        for round_ in sample.run.rounds:
            round_.recording.histograms["pool"] = round_.recording.histograms["response"]
    found = difference(base, new)
    assert found.lost_the_rate
    assert outcome(metric(found, "response.p50")) is Outcome.WITHHELD
    assert "no longer holds the rate" in " ".join(found.remarks)
    assert not difference(new, base).lost_the_rate
    assert not difference(new, new).lost_the_rate


def test_both_targets_of_one_run_are_its_own_comparison() -> None:
    random = np.random.default_rng(5)
    sides = {
        name: [a_recording(random.lognormal(np.log(median), 0.1, 120)) for _ in range(10)]
        for name, median in (("old", 20), ("new", 24))
    }
    run = a_run(sides)
    found = difference(Side((Sample("r", run, "old"),), "old"), Side((Sample("r", run, "new"),), "new"))
    assert found.sample == "pairs of rounds"
    assert outcome(metric(found, "response.p50")) is Outcome.SLOWER
    three = [Side(tuple(Sample(f"{at}", run, name) for at in range(3)), name) for name in ("old", "new")]
    assert difference(*three).sample == "pairs of runs"
