"""A precision that was asked for: is it kept, and do its intervals cover the truth (METHOD 12)?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.analysis.estimate import pilot_of
from benchmark.analysis.pairs import AIM, difference_and_ratio, rounds_for
from benchmark.analysis.precision import further_rounds
from benchmark.analysis.statistics import student, t_quantile
from benchmark.analysis.summary import summarise
from benchmark.report.precision import precision as told
from benchmark.result.run import Run
from tests.analysis.runs import a_recording, a_round, a_run

EXPERIMENTS = 3_000
PILOT, WITHIN = 10, 0.05
HALF = math.log1p(WITHIN)  # on the scale of logarithms


def experiment(random: np.random.Generator, spread: float, broken: float = 0.0) -> NDArray[np.float64]:
    """Two targets' rounds, as many as the pilot asks for, some ten times as slow; what a pair shares does not matter."""
    sides = np.exp(spread / math.sqrt(2) * random.standard_normal((2, 1000)))
    sides *= np.where(random.random(sides.shape) < broken, 10.0, 1.0)
    n = min(rounds_for(sides[:, :PILOT].T, WITHIN, 0.95), 1000)
    return sides[:, :n] * np.exp(0.1 * random.standard_normal(n))


@pytest.mark.parametrize("spread", [0.03, 0.08, 0.15])
def test_intervals_cover_the_truth_and_are_as_narrow_as_was_asked(spread: float) -> None:
    random = np.random.default_rng(round(1000 * spread))
    covered, reached, rounds = 0, 0, []
    for _ in range(EXPERIMENTS):
        before, after = experiment(random, spread)
        rounds.append(len(before))
        _, found = difference_and_ratio(before, after, 0.95, pilot=PILOT)
        reached += found.high / found.value <= 1 + WITHIN
        covered += found.low <= 1 <= found.high
    assert covered / EXPERIMENTS >= 0.93
    assert reached / EXPERIMENTS >= 0.9
    needed = (t_quantile(9, 0.95) * spread / (AIM * WITHIN)) ** 2
    assert np.mean(rounds) == pytest.approx(max(PILOT, needed), rel=0.15)


def test_broken_rounds_that_the_pilot_did_not_see_are_covered() -> None:
    """Row 12 of the audit: by the pilot's spread alone 82 %, and claims in 10 %."""
    random = np.random.default_rng(5)
    covered, alone = 0, 0
    for _ in range(1000):
        before, after = experiment(random, 0.08, broken=0.02)
        _, found = difference_and_ratio(before, after, 0.95, pilot=PILOT)
        covered += found.low <= 1 <= found.high
        saved = after - before
        reach = t_quantile(PILOT - 1, 0.95) * saved[:PILOT].std(ddof=1) / math.sqrt(len(saved))
        alone += abs(saved.mean()) <= reach
    assert alone / 1000 < 0.9, "the pilot alone would be caught"
    assert covered / 1000 >= 0.94


def test_peeking_would_not_cover() -> None:
    """What the rule is for: to stop as soon as the interval is narrow covers less."""
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(1000):
        logs = 0.08 * random.standard_normal(300)
        n = next(n for n in range(3, 300) if (found := student(logs[:n], 0.95)).high - found.value <= HALF)
        found = student(logs[:n], 0.95)
        covered += found.low <= 0 <= found.high
    assert covered / 1000 < 0.93


def a_precise_run(spread: float, rounds: int, **changes: Any) -> Run:
    """A pilot, or more, of two targets whose rounds differ that much."""
    random = np.random.default_rng(4)
    settings = {"precision": WITHIN, "max_rounds": 100, "rounds": PILOT, **changes}
    run = a_run({"public": [], "vpc": []}, **settings)
    for number in range(rounds):
        for name, median in (("public", 30), ("vpc", 2)):
            law = median * math.exp(spread * random.standard_normal())
            run.rounds.append(a_round(name, number, a_recording(random.lognormal(math.log(law), 0.1, 60))))
    return run


def test_the_pilot_alone_says_how_many_rounds() -> None:
    pilot = a_precise_run(0.1, PILOT)
    more = further_rounds(pilot)
    assert 10 < more < 70
    assert (
        further_rounds(a_precise_run(0.1, PILOT + 5)) == more - 5
    )  # the pilot's spread still, and not what came since
    longer = a_precise_run(0.1, PILOT + more)
    assert further_rounds(longer) == 0
    (found,) = summarise(longer).precision
    assert found.reached is not None
    assert WITHIN * 0.7 < found.reached <= WITHIN
    assert found.rounds == found.needed == PILOT + more
    assert "in ratio to the public address: p50 is known to ±4.4 %, and ±5 % was asked for" in told(found)
    ratio = summarise(longer).comparisons[0].primary.ratio
    assert ratio.high is not None
    assert ratio.value is not None
    assert ratio.high / ratio.value == pytest.approx(1 + found.reached)


def test_a_precision_out_of_reach_is_told_with_what_was_reached() -> None:
    run = a_precise_run(0.1, PILOT, max_rounds=14)
    assert further_rounds(run) == 4
    (found,) = summarise(a_precise_run(0.1, 14, max_rounds=14)).precision
    assert found.reached is not None
    assert found.reached > WITHIN
    assert "precision not reached" in told(found)
    assert "`max_rounds` allows 14" in told(found)


def test_a_flawed_round_is_in_no_pilot_and_comes_again() -> None:
    whole = a_precise_run(0.1, PILOT + 2)
    flawed = a_precise_run(0.1, PILOT + 2)
    flawed.rounds = [
        replace(each, flaw="late" if each.number in {3, 4, 11} else "") for each in flawed.rounds
    ]
    assert further_rounds(flawed) == 1  # nine are sound
    assert summarise(flawed).precision[0].needed is None
    flawed.rounds += [replace(each, number=12) for each in whole.rounds if each.number == 11]
    needed = summarise(flawed).precision[0].needed
    assert needed is not None
    assert further_rounds(flawed) == needed - PILOT
    endless = replace(flawed, settings={**flawed.settings, "max_rounds": 10})
    assert further_rounds(endless) == 0


def test_no_more_rounds_than_the_pilot_where_it_is_enough_or_nothing_was_asked() -> None:
    assert further_rounds(a_precise_run(0.001, PILOT)) == 0
    assert further_rounds(a_precise_run(0.1, PILOT, precision=None)) == 0
    assert pilot_of(a_precise_run(0.1, PILOT, precision=None)) is None


def test_rounds_that_are_too_thin_for_the_metric_promise_nothing() -> None:
    run = a_precise_run(0.1, PILOT, primary="response.p99")
    assert further_rounds(run) == 0
    (found,) = summarise(run).precision
    assert found.needed is None
    assert "not every round has a figure of its own" in told(found)


def test_a_single_target_is_known_by_itself() -> None:
    run = a_precise_run(0.1, 30)
    run.rounds = [each for each in run.rounds if each.target == "vpc"]
    run.targets = {"vpc": run.targets["vpc"]}
    run.settings["baseline"] = "vpc"
    (found,) = summarise(run).precision
    assert found.baseline is None
    assert found.interval_ms.low is not None
    assert found.interval_ms.high is not None
    assert found.interval_ms.low < 2 < found.interval_ms.high
    assert " ms)" in told(found)
