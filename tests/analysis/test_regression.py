"""Runs beside runs: does it cry "changed" where nothing changed, and does it see what did (METHOD 22)?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.analysis.comparison import Outcome, outcome
from benchmark.analysis.matching import Sample, Side
from benchmark.analysis.regression import difference
from benchmark.analysis.statistics import paired_ratio, welch, welch_ratio
from benchmark.result.difference import Difference
from benchmark.result.model import Metric
from tests.analysis.runs import a_recording, a_run

EXPERIMENTS = 4_000
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
        found, changed = paired_ratio(before, after, 0.95), paired_ratio(before, 1.2 * after, 0.95)
        wrong += not found.low <= 1 <= found.high
        seen += changed.low > 1
    assert wrong / EXPERIMENTS <= 0.057
    assert seen / EXPERIMENTS > 0.99


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
        samples.append(Sample(f"{name}/{at}", a_run({"vpc": rounds}, **settings), "vpc"))
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
    assert (found.sample, found.confidence) == ("runs", 0.95)


def test_fewer_than_three_runs_tell_nothing_but_are_shown() -> None:
    found = difference(a_side("base", [20, 21]), a_side("new", [40, 41, 42]))
    p50 = metric(found, "response.p50")
    assert outcome(p50) is Outcome.NOT_ENOUGH_DATA
    assert p50.difference.value == pytest.approx(20.5, rel=0.02)
    assert p50.difference.low is None
    assert "3 runs a side, and there are 2 and 3" in str(p50.withheld)


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
