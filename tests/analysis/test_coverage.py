"""Do 95 % intervals cover the truth, and do pages claim nothing where there is nothing? Through the code that reports use.

Every world is drawn a few hundred times here, to catch a gross break, and two thousand times in `make verify-long`, where
a table shows what is nominal beside what was measured; `benchmark/analysis/README.md` has it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from benchmark.analysis.comparison import compare
from benchmark.analysis.estimate import Distribution
from benchmark.analysis.pairs import difference_and_ratio
from benchmark.analysis.statistics import student
from tests.analysis.worlds import (
    CONFIDENCE,
    Hits,
    World,
    claims,
    lognormal,
    pages,
    pareto_tailed,
    runs,
    shifted_exponential,
    tallied,
)

MANY = 2_000
ROUNDS = (5, 10, 20)
WIDER = 1.15  # than t as if rounds were independent, on average, at most: 1.10 to 1.14 were measured, 1.1 is wanted
SAME = lognormal(30, 0.3)
QUEUE = shifted_exponential(0, 1)


@dataclass(frozen=True)
class Case:
    """A world, and what its intervals must do."""

    world: World
    figures: tuple[str, ...] = ("mean", "p50", "p90")
    requests: int | None = None
    covers: float = 0.93  # at least, of those printed
    calm: bool = False  # printed always, and hardly wider
    alike: bool = False  # of one service: whatever is claimed is false
    rounds: tuple[int, ...] = ROUNDS
    kinds: tuple[str, ...] = ("difference", "ratio")


CASES = {
    "calm, unlike tails": Case(World(SAME, shifted_exponential(1.2, 0.6), 0.0, (0.02, 0.02)), calm=True),
    "drift and noise": Case(
        World(lognormal(30, 0.5), shifted_exponential(20, 8), 0.15, (0.05, 0.08)), calm=True
    ),
    "heavy tail": Case(World(pareto_tailed(10, 4), lognormal(11, 0.2), 0.05, (0.1, 0.03)), calm=True),
    "one round in 20 ×10": Case(World(SAME, SAME, 0.1, (0.05, 0.05), broken=0.05), alike=True),
    "the same, unlike levels": Case(
        World(SAME, lognormal(2, 0.3), 0.1, (0.05, 0.05), broken=0.05), kinds=("ratio",)
    ),
    "slowest 0.9 % refused": Case(
        World(SAME, SAME, 0.1, (0.05, 0.05), shed=0.009), ("mean", "p50", "p90", "p99"), 500, alike=True
    ),
    "slowest 0.3 % refused": Case(
        World(SAME, SAME, 0.1, (0.05, 0.05), shed=0.003), ("mean", "p90", "p99"), 500, alike=True
    ),
    "levels AR 0.3": Case(
        World(SAME, SAME, 0.0, (0.1, 0.1), memory=0.3), ("mean", "p50"), covers=0.88, rounds=(10, 20)
    ),
    "levels AR 0.5": Case(
        World(SAME, SAME, 0.0, (0.1, 0.1), memory=0.5), ("mean", "p50"), covers=0.88, rounds=(10, 20)
    ),
    "shared level AR 0.8": Case(
        World(SAME, lognormal(15, 0.3), 0.2, (0.03, 0.03), drift_memory=0.8),
        ("mean", "p50"),
        kinds=("ratio",),
    ),
    "p99, calm": Case(World(SAME, shifted_exponential(1.2, 0.6), 0.0, (0.02, 0.02)), ("p99",)),
    "p99, drift and noise": Case(
        World(lognormal(30, 0.5), shifted_exponential(20, 8), 0.15, (0.05, 0.08)), ("p99",)
    ),
    "p99, queue at 80 %": Case(World(QUEUE, QUEUE, queue=0.8), ("p99",), 500, alike=True),
}
LONG = [(name, rounds) for name, case in CASES.items() for rounds in case.rounds]


def two_errors(share: float, count: int) -> float:
    return 2 * math.sqrt(share * (1 - share) / max(1, count))


def judge(case: Case, rounds: int, found: dict[tuple[str, str], Hits]) -> list[str]:
    """What is wrong, in words."""
    wrong = []
    for (figure, kind), hits in found.items():
        named = f"{figure} {kind}: "
        if kind in case.kinds and hits.printed > 50:
            least = case.covers - two_errors(case.covers, hits.printed)
            wrong += [f"{named}covers {hits.coverage:.1%}"] * (hits.coverage < least)
        if case.calm:
            most = 0.97 + two_errors(0.97, hits.printed)
            wrong += [f"{named}covers {hits.coverage:.1%}"] * (hits.coverage > most)
            wrong += [f"{named}printed in {hits.share:.1%}"] * (hits.share < 0.95)
            wrong += [f"{named}{hits.wider:.2f} × as wide"] * (
                hits.wider > WIDER + 1 / math.sqrt(hits.printed)
            )
        if case.alike:
            wrong += [f"{named}claims {hits.claims:.1%}"] * (
                hits.claims > 0.06 + two_errors(0.06, hits.experiments)
            )
    if case.figures == ("p99",) and case.requests:
        wrong += [f"p99 printed in {hits.share:.1%}" for hits in found.values() if hits.share < 0.95]
    return wrong


@pytest.mark.parametrize("name", CASES)
def test_no_gross_break(name: str) -> None:
    case = CASES[name]
    assert judge(case, 10, tallied(case.world, 10, 150, case.figures[:2], case.requests).hits) == []


@pytest.mark.long
@pytest.mark.parametrize(("name", "rounds"), LONG)
def test_coverage(name: str, rounds: int, capsys: pytest.CaptureFixture[str]) -> None:
    case = CASES[name]
    found = tallied(case.world, rounds, MANY, case.figures, case.requests).hits
    with capsys.disabled():
        for line in table(name, rounds, found):
            print(line)
    assert judge(case, rounds, found) == []


def table(name: str, rounds: int, found: dict[tuple[str, str], Hits]) -> list[str]:
    """Rows of the method page's table."""
    return [
        f"| {name} | {rounds} | {figure} {kind} | {hits.coverage * 100:.1f} | {hits.claims * 100:.1f} | "
        f"{hits.share * 100:.0f} | {hits.wider:.2f} |"
        for (figure, kind), hits in found.items()
    ]


# All rows of a page


def false_claims(rounds: int, count: int) -> tuple[float, float, Counter[str]]:
    """How often headlines claim a difference, how often any other row does, and which."""
    headlines, others, named = 0, 0, Counter[str]()
    for page in pages(rounds, count, seed=count):
        headline, rest = claims(page)
        headlines += headline
        others += bool(rest)
        named.update(rest)
    return headlines / count, others / count, named


def test_other_rows_share_one_level() -> None:
    headlines, others, named = false_claims(10, 60)
    assert headlines <= 0.05 + two_errors(0.05, 60)
    assert others <= 0.05 + two_errors(0.05, 60), named


@pytest.mark.long
@pytest.mark.parametrize("rounds", ROUNDS)
def test_pages_claim_nothing(rounds: int, capsys: pytest.CaptureFixture[str]) -> None:
    headlines, others, named = false_claims(rounds, 1000)
    with capsys.disabled():
        print(
            f"| A/A page | {rounds} | headline {headlines * 100:.1f} | any other row {others * 100:.1f} | {named}"
        )
    assert headlines <= 0.06 + two_errors(0.06, 1000)
    assert others <= 0.05 + two_errors(0.05, 1000)


def test_the_headline_is_alone_and_the_rest_wider() -> None:
    run = next(runs(CASES["drift and noise"].world, 10, 1, seed=1, requests=100))
    alone = compare(run, "public", "vpc").primary
    run.settings["primary"] = "response.mean"
    found = compare(run, "public", "vpc")
    shared = next(each for each in found.metrics if each.metric == "response.p50")
    assert found.others is not None
    assert found.others > 0.995
    widths = [(each.difference.high or 0) - (each.difference.low or 0) for each in (alone, shared)]
    assert widths[1] > 1.4 * widths[0]


def test_remarks_on_dependence() -> None:
    step = World(SAME, SAME, 0.0, (0.01, 0.01))
    for rounds, said in ((5, "nobody can tell"), (20, "")):
        run = next(runs(step, rounds, 1, seed=4, requests=100))
        assert said in " ".join(compare(run, "public", "vpc").remarks)
    moved = next(runs(step, 20, 1, seed=4, requests=100))
    slower = next(runs(World(SAME, lognormal(36, 0.3), 0.0, (0.01, 0.01)), 20, 1, seed=5, requests=100))
    moved.rounds = [
        slow if slow.target == "vpc" and slow.number >= 10 else own
        for own, slow in zip(moved.rounds, slower.rounds, strict=True)
    ]
    assert any(each.startswith("The level moved: ") for each in compare(moved, "public", "vpc").remarks)


# What these tests would catch


def covered(name: str, rounds: int, how: str, count: int = 300) -> float:
    """The share of experiments in which another interval of the medians' difference or ratio holds the truth."""
    world, hits = CASES[name].world, 0
    truth = world.truth("p50")
    for run in runs(world, rounds, count, seed=2, requests=100):
        before, after = (
            Distribution.of(run.used(each), "response").values(0.5) for each in ("public", "vpc")
        )
        if how == "as if independent":
            found, at = student(np.subtract(after, before), CONFIDENCE), (truth[1] - truth[0]) * 1e6
        elif how == "logarithms":
            logs = student(np.log(np.divide(after, before)), CONFIDENCE)
            middle = math.log(np.mean(after) / np.mean(before))
            hits += abs(math.log(truth[1] / truth[0]) - middle) <= logs.high - logs.value
            continue
        else:
            found, at = difference_and_ratio(before, np.roll(after, 1), CONFIDENCE)[1], truth[1] / truth[0]
        hits += found.low <= at <= found.high
    return hits / count


def test_rounds_taken_as_independent_would_be_caught() -> None:
    assert covered("levels AR 0.5", 10, "as if independent") < 0.82


def test_a_ratio_by_logarithms_would_be_caught() -> None:
    assert covered("one round in 20 ×10", 10, "logarithms") < 0.6


def test_rounds_taken_for_unpaired_would_be_caught() -> None:
    """Shuffling the pairs widens the interval under a shared drift: it would cover far too often."""
    assert covered("drift and noise", 20, "unpaired") > 0.97
