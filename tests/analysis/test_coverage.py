"""Do 95 % intervals cover the truth? Thousands of simulated comparisons, through the code that comparisons use.

Each experiment draws the rounds of two targets: unlike tails, a drift that both share (a slow hour), and noise that
every request of one round of one target shares (its path, its replica). The truth is worked out from the laws.
Half of the cases are the thinnest that the rules allow: ten exchanges beyond a quantile.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, special

from benchmark.analysis.comparison import compare
from benchmark.analysis.estimate import Distribution, intervals
from benchmark.analysis.statistics import Interval, paired_difference, paired_ratio, student
from tests.analysis.runs import a_recording, a_run

EXPERIMENTS = 5_000
CONFIDENCE = 0.95
QUANTILES: dict[str, float | None] = {"mean": None, "p50": 0.5, "p90": 0.9, "p99": 0.99}
REQUESTS = {
    5: 200,
    10: 100,
    30: 100,
}  # rounds → requests in each: at least 10 pooled beyond p99, 10 per round beyond p90

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """Response times of an undisturbed round, in ms."""

    ppf: Callable[[Floats], Floats]
    cdf: Callable[[Floats], Floats]
    mean: float


def lognormal(median: float, sigma: float) -> Law:
    return Law(
        lambda u: median * np.exp(sigma * special.ndtri(u)),
        lambda x: special.ndtr(np.log(x / median) / sigma),
        median * math.exp(sigma**2 / 2),
    )


def shifted_exponential(floor: float, scale: float) -> Law:
    return Law(
        lambda u: floor - scale * np.log1p(-u),
        lambda x: -np.expm1(-np.maximum(x - floor, 0) / scale),
        floor + scale,
    )


def pareto_tailed(floor: float, shape: float) -> Law:
    """A heavy tail: finite variance for shape > 2."""
    return Law(
        lambda u: floor * (1 - u) ** (-1 / shape),
        lambda x: 1 - (np.maximum(x, floor) / floor) ** -shape,
        floor * shape / (shape - 1),
    )


@dataclass(frozen=True)
class World:
    """Two targets, and how rounds differ: standard deviations of the logarithms."""

    before: Law
    after: Law
    drift: float  # shared by a pair
    noise: tuple[float, float]  # of each target's round

    def truth(self, figure: str, *, pooled: bool) -> tuple[float, float]:
        """The figure of both targets: the expectation of a round's, or that of the mixture of all rounds."""
        q = QUANTILES[figure]
        found = []
        for law, noise in zip((self.before, self.after), self.noise, strict=True):
            spread = math.hypot(self.drift, noise)
            if q is not None and pooled:
                found.append(mixture_quantile(law, spread, q))
            else:
                base = law.mean if q is None else float(law.ppf(np.array(q)))
                found.append(base * math.exp(spread**2 / 2))
        return found[0], found[1]


def mixture_quantile(law: Law, spread: float, q: float) -> float:
    """The q-quantile over all rounds: Gauss–Hermite over the rounds' common factor."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    factors, weights = np.exp(spread * nodes), weights / weights.sum()
    centre = float(law.ppf(np.array(q)))
    return float(optimize.brentq(lambda x: float(weights @ law.cdf(x / factors)) - q, centre / 9, centre * 9))


WORLDS = {
    "calm, unlike tails": World(lognormal(30, 0.3), shifted_exponential(1.2, 0.6), 0.0, (0.0, 0.0)),
    "drift and noise": World(lognormal(30, 0.5), shifted_exponential(20, 8), 0.15, (0.05, 0.08)),
    "heavy tail, unlike noise": World(pareto_tailed(10, 4), lognormal(11, 0.2), 0.05, (0.1, 0.03)),
}


class Ordered:
    """Durations in order: a sample without buckets."""

    def __init__(self, values: Floats) -> None:
        self.values = values  # ascending
        self.count = len(values)

    @cached_property
    def mean(self) -> float:
        return float(np.add.reduce(self.values)) / self.count

    def quantile(self, q: float) -> float:
        return float(self.values[max(0, math.ceil(q * self.count - 1e-9) - 1)])

    def above(self, value: float) -> float:
        return self.count - int(self.values.searchsorted(value, "right"))


def experiments(
    world: World, rounds: int, count: int, seed: int, requests: int | None = None
) -> Iterator[tuple[Distribution, Distribution]]:
    """Seeded comparisons of that many rounds."""
    random = np.random.default_rng([seed, rounds])
    n = requests or REQUESTS[rounds]
    for _ in range(count):
        drift = world.drift * random.standard_normal(rounds)
        yield (
            _target(world.before, drift + world.noise[0] * random.standard_normal(rounds), n, random),
            _target(world.after, drift + world.noise[1] * random.standard_normal(rounds), n, random),
        )


def _target(law: Law, factors: Floats, n: int, random: np.random.Generator) -> Distribution:
    values = law.ppf(random.random((len(factors), n))) * np.exp(factors)[:, None]
    values.sort(axis=1)
    return Distribution([Ordered(each) for each in values], Ordered(np.sort(values, axis=None)))


@dataclass
class Hits:
    covered: int = 0
    bounded: int = 0

    def add(self, interval: Interval, truth: float) -> None:
        self.bounded += 1
        self.covered += interval.low <= truth <= interval.high

    @property
    def share(self) -> float:
        return self.covered / self.bounded


@cache
def coverage(name: str, rounds: int) -> dict[tuple[str, str], Hits]:
    """(figure, difference | ratio) → how many of the experiments' intervals hold the truth."""
    world = WORLDS[name]
    truths = {figure: world.truth(figure, pooled=figure == "p99") for figure in QUANTILES}
    hits = {(figure, kind): Hits() for figure in QUANTILES for kind in ("difference", "ratio")}
    for before, after in experiments(world, rounds, EXPERIMENTS, seed=len(name)):
        for figure, q in QUANTILES.items():
            difference, ratio = intervals(before, after, q, CONFIDENCE)
            if not difference.bounded:
                continue  # production says "not enough data" then
            hits[figure, "difference"].add(difference, truths[figure][1] - truths[figure][0])
            hits[figure, "ratio"].add(ratio, truths[figure][1] / truths[figure][0])
    return hits


CASES = [
    pytest.param(world, rounds, marks=[pytest.mark.long] * (rounds > 10))
    for world, rounds in product(WORLDS, REQUESTS)
]


@pytest.mark.parametrize(("world", "rounds"), CASES)
@pytest.mark.parametrize("kind", ["difference", "ratio"])
@pytest.mark.parametrize("figure", ["mean", "p50", "p90"])
def test_by_round(world: str, rounds: int, figure: str, kind: str) -> None:
    hits = coverage(world, rounds)[figure, kind]
    assert hits.bounded == EXPERIMENTS
    assert 0.93 <= hits.share <= 0.97


@pytest.mark.parametrize(("world", "rounds"), CASES)
@pytest.mark.parametrize("kind", ["difference", "ratio"])
def test_pooled_p99(world: str, rounds: int, kind: str) -> None:
    hits = coverage(world, rounds)["p99", kind]
    assert hits.share >= 0.93


@pytest.mark.long
def test_p99_of_five_thick_rounds() -> None:
    world, hits = WORLDS["calm, unlike tails"], Hits()
    truth = world.truth("p99", pooled=True)
    for before, after in experiments(world, 5, EXPERIMENTS, seed=3, requests=600):
        difference, _ = intervals(before, after, 0.99, CONFIDENCE)
        if difference.bounded:
            hits.add(difference, truth[1] - truth[0])
    assert hits.bounded > 0.98 * EXPERIMENTS
    assert hits.share >= 0.93


@pytest.mark.long
def test_p99_has_an_interval_where_rounds_are_alike() -> None:
    """Coverage would be cheap if intervals were mostly missing."""
    assert coverage("calm, unlike tails", 30)["p99", "difference"].bounded > 0.99 * EXPERIMENTS
    assert coverage("calm, unlike tails", 10)["p99", "difference"].bounded > 0.9 * EXPERIMENTS


@pytest.mark.long
def test_through_real_recordings() -> None:
    """The same through histograms, a run and `compare`: fewer experiments, the same production path as a report's."""
    world, rounds, count = WORLDS["drift and noise"], 10, 400
    hits = {(figure, kind): Hits() for figure in ("mean", "p50", "p90") for kind in ("difference", "ratio")}
    for before, after in experiments(world, rounds, count, seed=1):
        sides = {
            name: [a_recording(np.asarray(each.values)) for each in side.rounds if isinstance(each, Ordered)]
            for name, side in (("public", before), ("vpc", after))
        }
        metrics = {each.metric: each for each in compare(a_run(sides), "public", "vpc").metrics}
        for figure in ("mean", "p50", "p90"):
            truth = world.truth(figure, pooled=False)
            metric = metrics[f"response.{figure}"]
            for kind, estimate, true in (
                ("difference", metric.difference, truth[1] - truth[0]),
                ("ratio", metric.ratio, truth[1] / truth[0]),
            ):
                assert estimate.value is not None
                assert estimate.low is not None
                assert estimate.high is not None
                hits[figure, kind].add(Interval(estimate.value, estimate.low, estimate.high), true)
    for each in hits.values():
        assert each.bounded == count
        assert 0.91 <= each.share <= 0.985  # ± 3 standard errors of 400


# What these tests would catch


def shares(
    world: str, rounds: int, interval: Callable[[Distribution, Distribution], Interval], truth: float
) -> float:
    hits = Hits()
    for before, after in experiments(WORLDS[world], rounds, 1_000, seed=2):
        hits.add(interval(before, after), truth)
    return hits.share


def test_t_over_pooled_requests_would_be_caught() -> None:
    def naive(before: Distribution, after: Distribution) -> Interval:
        assert isinstance(before.pooled, Ordered)
        assert isinstance(after.pooled, Ordered)
        return paired_difference(before.pooled.values, after.pooled.values, CONFIDENCE)

    truth = WORLDS["drift and noise"].truth("mean", pooled=False)
    assert shares("drift and noise", 10, naive, truth[1] - truth[0]) < 0.6


def test_normal_quantiles_at_five_rounds_would_be_caught() -> None:
    def normal(before: Distribution, after: Distribution) -> Interval:
        logs = np.log(after.values(0.5)) - np.log(before.values(0.5))
        half = special.ndtri(0.975) * logs.std(ddof=1) / math.sqrt(len(logs))
        return Interval(logs.mean(), logs.mean() - half, logs.mean() + half)

    truth = WORLDS["drift and noise"].truth("p50", pooled=False)
    assert shares("drift and noise", 5, normal, math.log(truth[1] / truth[0])) < 0.92


def test_the_plain_rank_would_be_caught() -> None:
    """Rank q·n without the half: over 30 rounds its bias shows (so `statistics.quantile` adds it)."""

    def plain(before: Distribution, after: Distribution) -> Interval:
        return student([each.quantile(0.9) for each in before.rounds], CONFIDENCE)

    def hazen(before: Distribution, after: Distribution) -> Interval:
        return student(before.values(0.9), CONFIDENCE)

    truth = WORLDS["calm, unlike tails"].truth("p90", pooled=False)[0]
    assert (
        shares("calm, unlike tails", 30, plain, truth) < 0.92 < shares("calm, unlike tails", 30, hazen, truth)
    )


def test_rounds_taken_for_unpaired_would_be_caught() -> None:
    """Shuffling the pairs widens the interval under a shared drift: it would cover far too often."""

    def shuffled(before: Distribution, after: Distribution) -> Interval:
        return paired_ratio(before.values(0.5), np.roll(after.values(0.5), 1), CONFIDENCE)

    truth = WORLDS["drift and noise"].truth("p50", pooled=False)
    assert shares("drift and noise", 30, shuffled, truth[1] / truth[0]) > 0.97
