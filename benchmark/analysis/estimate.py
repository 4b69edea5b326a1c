"""How a figure is estimated from rounds: one rule, shared by tables, objectives and comparisons (METHOD 10, 11)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmark.analysis.pairs import UNKNOWN, difference_and_ratio
from benchmark.analysis.pooled import mover_difference, mover_ratio, woodruff
from benchmark.analysis.statistics import Interval, Sample, quantile
from benchmark.measure.histogram import Histogram, width_at
from benchmark.measure.recording import Recording
from benchmark.measure.series import begun
from benchmark.result.model import QUANTILES, Figures
from benchmark.result.run import Run
from benchmark.units import MILLISECOND

BEYOND = 10  # exchanges beyond a quantile: in every round for a mean over rounds, in the pool for an interval

WAITED = frozenset({"response", "ttft", "ttft_from_due", "first_answer", "e2e"})  # times that a caller waits

FIGURES: dict[str, float | None] = {"mean": None, **QUANTILES}  # name → quantile; None is the mean


@dataclass(frozen=True)
class Ranked:
    """A histogram (nanoseconds) with what never ended ranked above all of it."""

    histogram: Histogram
    beyond: int = 0
    refused: float = 0  # ranked above all as well; in a mean they took as long as `refused_as`
    refused_as: float = math.inf

    @property
    def count(self) -> float:
        """Exchanges that are ranked."""
        return self.histogram.count + self.beyond + self.refused

    @property
    def mean(self) -> float:
        """Infinite where something never ended: a mean that left it out would flatter (METHOD 4)."""
        if self.beyond:
            return math.inf
        if not self.refused:
            return self.histogram.mean
        return (self.histogram.total + self.refused * self.refused_as) / self.count

    def quantile(self, q: float) -> float:
        """The value of rank q·count; infinite where that is one that never ended."""
        return self.histogram.quantile(q, self.beyond + self.refused)

    def above(self, value: float) -> float:
        """How many exceed `value`."""
        return self.histogram.above(value) + self.beyond + self.refused


@dataclass(frozen=True)
class Distribution:
    """One metric of one target, by round and pooled; durations in one unit, which for recordings is nanoseconds."""

    rounds: Sequence[Sample]
    pooled: Sample
    _values: dict[float | None, list[float]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls, recordings: Sequence[Recording], metric: str, *, successes_only: bool = False
    ) -> Distribution:
        """Of these rounds; in times that callers wait the unanswered and unsent are infinite, unless left out."""

        rounds, pooled, beyond = [], Histogram(), 0
        for recording in recordings:
            waited = metric in WAITED and not successes_only
            each = ranked(recording, metric) if waited else Ranked(recording.histograms[metric])
            rounds.append(each)
            pooled.merge(each.histogram)
            beyond += each.beyond
        return cls(rounds, Ranked(pooled, beyond))

    def values(self, q: float | None) -> list[float]:
        """The figure of every round; `None` stands for the mean."""
        if q not in self._values:
            self._values[q] = [each.mean if q is None else quantile(each, q) for each in self.rounds]
        return self._values[q]

    def value(self, q: float | None, *, by_round: bool) -> float:
        """The figure over all rounds.

        NaN where the pool holds less than one exchange beyond the quantile: that would be the maximum by another
        name. (An interval asks for more: see `BEYOND`.)
        """
        if not self.pooled.count or (q is not None and self._is_maximum(q)):
            return math.nan
        if by_round:
            return math.fsum(self.values(q)) / len(self.rounds)
        return self.pooled.mean if q is None else quantile(self.pooled, q)

    def _is_maximum(self, q: float) -> bool:
        """Whether a quantile is only the slowest by another name; where that never ended, it still is a lower bound."""
        return self.pooled.count * (1 - q) < 1 - 1e-9 and math.isfinite(quantile(self.pooled, q))


def ranked(recording: Recording, metric: str) -> Ranked:
    """A time that callers wait, with whoever never got so far above all: a stream that failed later has a TTFT, too."""
    return rank(recording.histograms[metric], recording.histograms.get(begun(metric)), recording.beyond)


def rank(times: Histogram, broken: Histogram | None, lost: int) -> Ranked:
    """Times of successes and of what failed later, with the rest of the lost above all of them."""
    if broken is None or not broken.count:
        return Ranked(times, lost)
    every = Histogram(times.drop)
    every.merge(times)
    every.merge(broken)
    return Ranked(every, lost - broken.count)


def exchanges_beyond(count: float, q: float) -> int:
    """How many of so many exchanges lie beyond the q-quantile, all told: 9 of 979 beyond p99."""
    return math.floor(count * (1 - q) + 1e-9)  # 1 - 0.9 is a little less than a tenth


def by_round(distributions: Iterable[Distribution], q: float | None) -> bool:
    """The estimator: whether a figure is the arithmetic mean over rounds, or else that of all rounds pooled.

    It is the mean over rounds where every round of every target has a finite figure and, for a quantile, holds at
    least ten exchanges on either side of it. All targets of a run share the decision, so that a table and a ratio
    never tell two stories. Only tables show a pooled mean, in which a round weighs by its exchanges.
    """
    return all(
        all(q is None or exchanges_beyond(round_.count, max(q, 1 - q)) >= BEYOND for round_ in each.rounds)
        and all(map(math.isfinite, each.values(q)))
        for each in distributions
    )


def intervals(
    before: Distribution, after: Distribution, q: float | None, confidence: float, pilot: int | None = None
) -> tuple[Interval, Interval]:
    """Difference and ratio of a figure, after against before, over the same rounds (METHOD 10, 11).

    By round: one test over the pairs decides both. Pooled: Woodruff's intervals joined by MOVER. The points agree with
    `Distribution.value` of both by the same estimator, and no interval is narrower than the histograms' buckets. Both are
    unknown where a figure reaches what never ended.
    """
    thick = by_round((before, after), q)
    if not thick and q is None:
        raise ValueError("a mean that is not finite in every round has no interval")
    values = [each.value(q, by_round=thick) for each in (before, after)]
    if not all(map(math.isfinite, values)):
        return UNKNOWN, UNKNOWN
    widths = width_at(values[0]), width_at(values[1])
    if thick or q is None:
        return difference_and_ratio(
            before.values(q), after.values(q), confidence, pilot=pilot, resolution=widths
        )
    one, other = (
        woodruff(each.rounds, each.pooled, q, confidence, width)
        for each, width in zip((before, after), widths, strict=True)
    )
    return mover_difference(other, one), mover_ratio(other, one)


def pilot_of(run: Run) -> int | None:
    """The rounds whose spread decided how many there are, where a precision was asked for."""
    return int(run.settings["rounds"]) if run.settings.get("precision") else None


def figures(
    distribution: Distribution, alongside: Sequence[Distribution] = (), timeout: float = math.nan
) -> Figures:
    """All figures in milliseconds, by the estimator that the distributions `alongside` allow as well.

    `timeout` (seconds) is what a figure that reaches unanswered requests cannot be less than.
    """
    found = {
        name: distribution.value(q, by_round=by_round([distribution, *alongside], q))
        for name, q in FIGURES.items()
    }
    found["max"] = distribution.pooled.quantile(1.0)  # the exact one, not Hazen's
    shown = {name: milliseconds(value) for name, value in found.items()}
    return Figures.model_validate({**shown, "at_least": _at_least(distribution.pooled, found, timeout * 1e3)})


def _at_least(pooled: Sample, found: dict[str, float], timeout: float) -> dict[str, float]:
    """Lower bounds (ms) of the infinite; the mean counts what never ended as if it had ended at the timeout."""
    bounds = {name: timeout for name, value in found.items() if math.isinf(value)}
    if "mean" in bounds:
        assert isinstance(pooled, Ranked)
        bounds["mean"] = at_least_on_average(pooled, timeout)
    return bounds


def at_least_on_average(ranked: Ranked, timeout: float) -> float:
    """What a mean is no less than (ms), where something never ended."""
    return (ranked.histogram.total / MILLISECOND + ranked.beyond * timeout) / ranked.count


def milliseconds(nanoseconds: float) -> float | None:
    """In milliseconds; null where there is no finite figure."""
    return nanoseconds / MILLISECOND if math.isfinite(nanoseconds) else None


def alone(histogram: Histogram) -> Figures:
    """The figures of a single histogram, in milliseconds."""
    kept = Ranked(histogram)
    return figures(Distribution([kept], kept))
