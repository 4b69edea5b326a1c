"""Simulated comparisons with a known truth: two targets, how their rounds differ, and what `compare` made of them.

Every experiment is a run of recordings, judged by the package's own functions; the truth is worked out from the laws.
Levels are factors by which a whole round of a target is slower: what a pair shares, what each target has of its own
(both may hang on the round before), and rounds that broke.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from benchmark.analysis.comparison import latency
from benchmark.analysis.estimate import Distribution
from benchmark.analysis.statistics import student
from benchmark.analysis.summary import summarise
from benchmark.measure.histogram import Histogram
from benchmark.measure.recording import PHASES, Recording
from benchmark.result.model import Estimate, Metric, Result
from benchmark.result.run import Run
from benchmark.units import MILLISECOND
from tests.analysis.runs import a_run

FIGURES: dict[str, float | None] = {"mean": None, "p50": 0.5, "p90": 0.9, "p99": 0.99}
REQUESTS = {
    5: 200,
    10: 100,
    20: 100,
    30: 100,
}  # by rounds: ten exchanges beyond p90 in each, beyond p99 in all

CONFIDENCE = 0.95

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
    """Two targets, and how their rounds differ; spreads are standard deviations of the logarithm."""

    before: Law
    after: Law
    drift: float = 0.0  # shared by a pair
    noise: tuple[float, float] = (0.0, 0.0)  # of each target's own
    memory: float = 0.0  # correlation of a target's own level with that of the round before
    drift_memory: float = 0.0  # and of what a pair shares
    broken: float = 0.0  # the share of a target's rounds that are `times` as slow
    times: float = 10.0
    shed: float = 0.0  # the share of its requests, the slowest, that the candidate refuses at once
    queue: float = (
        0.0  # utilisation of the one server that both laws' requests wait for (M/M/1), so that they depend
    )
    clumps: tuple[float, float, float] = (
        0.0,
        0.0,
        1.0,
    )  # of the candidate: share of rounds, of their requests, factor

    def truth(self, figure: str, *, pooled: bool = False) -> tuple[float, float]:
        """The figure of both targets: the expectation of a round's, or that of the mixture of all rounds."""
        q = FIGURES[figure]
        found = []
        clumps = ((0.0, 0.0, 1.0), self.clumps)
        for law, noise, clump in zip((self.before, self.after), self.noise, clumps, strict=True):
            spread = math.hypot(self.drift, noise)
            if q is not None and pooled:
                found.append(self._mixture(law, spread, clump, q))
            else:
                base = law.mean if q is None else float(law.ppf(np.array(q)))
                found.append(base * math.exp(spread**2 / 2) * (1 + self.broken * (self.times - 1)))
        return found[0], found[1]

    def _mixture(self, law: Law, spread: float, clump: tuple[float, float, float], q: float) -> float:
        """The q-quantile over all rounds: Gauss–Hermite over their levels."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        factors = np.exp(spread * nodes)
        factors = np.concatenate([factors, self.times * factors])
        weights = np.concatenate([(1 - self.broken) * weights, self.broken * weights]) / weights.sum()
        slow = clump[0] * clump[1]
        factors = np.concatenate([factors, clump[2] * factors])
        weights = np.concatenate([(1 - slow) * weights, slow * weights])
        centre = float(law.ppf(np.array(q)))
        return float(
            optimize.brentq(lambda x: float(weights @ law.cdf(x / factors)) - q, centre / 9, centre * 99)
        )

    def ranks(self, shape: tuple[int, int], random: np.random.Generator) -> Floats:
        """Uniform (rounds, requests); in a queue each hangs on the one before."""
        if not self.queue:
            return random.random(shape)
        served, apart = random.exponential(1.0, shape), random.exponential(1 / self.queue, shape)
        begun = random.exponential(
            1 / (1 - self.queue), (shape[0], 1)
        )  # the response of the one before, in the long run
        moves = np.concatenate([begun - apart[:, :1], served[:, :-1] - apart[:, 1:]], axis=1)
        steps = np.cumsum(moves, axis=1)
        # what waits is the walk, kept from falling below zero (Lindley, 1952)
        waited = steps - np.minimum(np.minimum.accumulate(steps, axis=1), 0.0)
        return -np.expm1(-(waited + served) * (1 - self.queue))

    def levels(self, shape: tuple[int, int], random: np.random.Generator) -> Floats:
        """Factors of (experiments, rounds) for both targets."""
        shared = self.drift * _remembered(shape, self.drift_memory, random)
        own = [noise * _remembered(shape, self.memory, random) for noise in self.noise]
        factors = np.exp(np.stack([shared + each for each in own]))
        return factors * np.where(random.random(factors.shape) < self.broken, self.times, 1.0)


def _remembered(shape: tuple[int, int], memory: float, random: np.random.Generator) -> Floats:
    """Standard normal deviates, each of which hangs on the one before (AR 1)."""
    drawn = random.standard_normal(shape)
    for at in range(1, shape[1]):
        drawn[:, at] = memory * drawn[:, at - 1] + math.sqrt(1 - memory**2) * drawn[:, at]
    return drawn


def runs(world: World, rounds: int, count: int, seed: int, requests: int) -> Iterator[Run]:
    """Seeded experiments."""
    random = np.random.default_rng([seed, rounds])
    n = requests
    levels = world.levels((count, rounds), random)
    for at in range(count):
        sides = {}
        for side, (name, law) in enumerate((("public", world.before), ("vpc", world.after))):
            durations = law.ppf(world.ranks((rounds, n), random)) * levels[side, at, :, None]
            if side and world.clumps[0]:
                struck = random.random((rounds, 1)) < world.clumps[0]
                slow = struck & (random.random((rounds, n)) < world.clumps[1])
                durations = np.where(slow, world.clumps[2] * durations, durations)
            sides[name] = [_recording(each, world.shed * side) for each in durations]
        yield a_run(sides)


def _recording(durations: Floats, shed: float) -> Recording:
    """A round; a share of its requests, the slowest, was refused at once."""
    refused = 0
    if shed:
        served = durations <= np.quantile(durations, 1 - shed)
        refused, durations = int((~served).sum()), durations[served]
    new = Recording()
    new.ok = len(durations)
    new.scheduled = new.ok + refused
    if refused:
        new.failures["status"] = refused
    new.histograms["response"] = Histogram.of((durations * MILLISECOND).astype(np.int64))
    new.histograms["service"] = new.histograms["response"]  # neither lateness nor a wait for connections
    return new


@dataclass
class Hits:
    """What became of one interval over many experiments."""

    experiments: int = 0
    printed: int = 0
    covered: int = 0
    claimed: int = 0  # of those printed, that a difference was claimed
    width: float = 0.0
    plain: float = 0.0  # the width of t as if rounds were independent

    def add(self, estimate: Estimate, truth: float, nothing: float, plain: float) -> None:
        """`nothing` is the value at which there is no difference."""
        self.experiments += 1
        if estimate.low is None or estimate.high is None:
            return
        self.printed += 1
        self.covered += estimate.low <= truth <= estimate.high
        self.claimed += not estimate.low <= nothing <= estimate.high
        self.width += estimate.high - estimate.low
        self.plain += plain

    @property
    def coverage(self) -> float:
        """Of those printed."""
        return self.covered / max(1, self.printed)

    @property
    def share(self) -> float:
        """Printed, of all."""
        return self.printed / self.experiments

    @property
    def wider(self) -> float:
        """Mean width, as a multiple of that of t as if rounds were independent."""
        return self.width / self.plain if self.plain else math.nan

    @property
    def claims(self) -> float:
        """Of all experiments."""
        return self.claimed / self.experiments


@dataclass
class Tally:
    """(figure, difference | ratio) → hits."""

    hits: dict[tuple[str, str], Hits] = field(default_factory=lambda: defaultdict(Hits))

    def add(self, metric: Metric, truth: tuple[float, float], plain: tuple[float, float]) -> None:
        figure = metric.metric.partition(".")[2]
        self.hits[figure, "difference"].add(metric.difference, truth[1] - truth[0], 0.0, plain[0])
        self.hits[figure, "ratio"].add(metric.ratio, truth[1] / truth[0], 1.0, plain[1])


def tallied(
    world: World,
    rounds: int,
    count: int,
    figures: Sequence[str] = ("mean", "p50", "p90"),
    requests: int | None = None,
) -> Tally:
    """Experiments of a world, each figure as `compare` has it where it was chosen beforehand."""
    tally = Tally()
    n = requests or REQUESTS[rounds]
    truths = {figure: world.truth(figure, pooled=(figure == "p99" and n < 1000)) for figure in figures}
    for run in runs(world, rounds, count, seed=count, requests=n):
        sides = [run.used("public"), run.used("vpc")]
        held = Distribution.of(sides[0], "response"), Distribution.of(sides[1], "response")
        for figure in figures:
            metric = latency(f"response.{figure}", held, sides, CONFIDENCE, "")
            tally.add(metric, truths[figure], _plain_widths(held, FIGURES[figure]))
    return tally


def _plain_widths(held: tuple[Distribution, Distribution], q: float | None) -> tuple[float, float]:
    """Of t on the differences (ms) and on the logarithms of the ratios, which know nothing of what may go wrong."""
    first, second = (np.array(each.values(q)) / MILLISECOND for each in held)
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return math.nan, math.nan
    saved = student(second - first, CONFIDENCE)
    logs = student(np.log(second / first), CONFIDENCE)
    reach = math.exp(logs.high - logs.value)
    return saved.high - saved.low, float(second.mean() / first.mean()) * (reach - 1 / reach)


# Whole pages, with a breakdown and one of p99


def pages(rounds: int, count: int, seed: int, requests: int = 200) -> Iterator[Result]:
    """Pages of two addresses of one service, over the same path: whatever they claim is false."""
    random = np.random.default_rng([seed, rounds])
    for _ in range(count):
        day = np.exp(0.1 * random.standard_normal(rounds))
        sides = {
            name: [
                _whole(level, requests, random)
                for level in day * np.exp(0.04 * random.standard_normal(rounds))
            ]
            for name in ("public", "vpc")
        }
        yield summarise(a_run(sides))


def _whole(level: float, n: int, random: np.random.Generator) -> Recording:
    """A round of exchanges in all their phases; one in fifty opens a connection."""
    trip = 5 * math.exp(0.05 * random.standard_normal())
    phases = dict.fromkeys(PHASES, np.zeros(n, np.int64))
    opens = random.random(n) < 0.02
    times = {
        "dns": opens * random.exponential(0.5, n),
        "connect": opens * trip * random.lognormal(0, 0.1, n),
        "wait": trip + level * random.lognormal(math.log(3), 0.5, n),
        "transfer": random.lognormal(-1, 0.3, n),
    }
    phases |= {name: (each * MILLISECOND).astype(np.int64) for name, each in times.items()}
    late = (random.exponential(0.02, n) * MILLISECOND).astype(np.int64)
    service = np.sum(list(phases.values()), axis=0)
    new = Recording()
    new.ok = new.scheduled = n
    recorded = {**phases, "lateness": late, "service": service, "response": service + late}
    for name, each in recorded.items():
        new.histograms[name] = Histogram.of(each)
    new.handshakes["rtt"] = Histogram.of(np.full(4, round(trip * MILLISECOND)))
    new.bands.record(service + late, phases)
    return new


def claims(result: Result) -> tuple[bool, list[str]]:
    """Whether the headline claims a difference, and which other rows of the page do."""
    rows = [(each.metric, each.difference) for each in result.comparisons[0].metrics if not each.primary]
    for split in result.breakdown:
        parts = [*split.rows, split.total]
        parts += [*split.tail.rows, split.tail.total] if split.tail else []
        rows += [(each.phase, each.difference) for each in parts]
    return _leaves_out_zero(result.comparisons[0].primary.difference), [
        name for name, difference in rows if _leaves_out_zero(difference)
    ]


def _leaves_out_zero(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.high is not None and not estimate.low <= 0 <= estimate.high
