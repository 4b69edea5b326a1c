"""Which runs are one sample: those of one occasion share its hour (METHOD 22).

Runs of one sitting differ less among each other than from any other sitting's, so three of them are no three samples.
A verdict takes three occasions a side, or sides that take turns, whose neighbours share whatever the hour brought.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.analysis.estimate import Distribution
from benchmark.analysis.matching import Sample, Side, places
from benchmark.analysis.pooled import woodruff
from benchmark.analysis.statistics import Interval, t_quantile

TOGETHER = (
    600.0  # seconds from the end of one run to the beginning of the next, within which they are one occasion
)
LEAST = 3  # samples a side, for a verdict
CONFIDENCE = 0.95  # at which a pooled quantile's interval is turned into its standard error
WIDEST = 1e6  # a factor wider than that is none
SPREAD = 0.03  # by which occasions are assumed to differ (standard deviation), where there are too few to measure it

Kind = Literal["occasions", "turns", "pairs of runs"]
Groups = list[list[int]]  # the runs of each sample, by their place in the side
_Turn = tuple[int, list[int]]  # a side, and those of its runs that follow each other


@dataclass(frozen=True)
class Sampling:
    """What is counted as one, on either side; in pairs, samples of one place belong together."""

    kind: Kind
    groups: tuple[Groups, Groups]

    @property
    def paired(self) -> bool:
        """Whether both sides share what an occasion brings."""
        return self.kind != "occasions"

    @property
    def counts(self) -> tuple[int, int]:
        """Samples of either side."""
        return len(self.groups[0]), len(self.groups[1])

    @property
    def enough(self) -> bool:
        """Whether they bear a verdict."""
        return min(self.counts) >= LEAST

    def means(self, at: int, values: ArrayLike) -> NDArray[np.float64]:
        """The samples of a side, from the figures of its runs."""
        own = np.asarray(values, np.float64)
        return np.array([own[group].mean() for group in self.groups[at]])


def sampling(base: Side, new: Side) -> Sampling:
    """How the runs of two sides are to be counted."""
    if same_runs(base, new):
        each = [[at] for at in range(len(base.samples))]
        return Sampling("pairs of runs", (each, each))
    turns = None if places(base, new) else _turns(base.samples, new.samples)
    if turns:
        return Sampling("turns", turns)
    return Sampling("occasions", (occasions(_spans(base.samples)), occasions(_spans(new.samples))))


def same_runs(base: Side, new: Side) -> bool:
    """Whether every run holds both sides."""
    return [each.label for each in base.samples] == [each.label for each in new.samples]


def occasions(spans: Sequence[tuple[float, float]]) -> Groups:
    """Runs that are close together, from when they began and ended (seconds), in order of their beginning."""
    groups: Groups = []
    last = -np.inf  # when the latest of them ended
    for at, (begun, ended) in enumerate(spans):
        if begun - last <= TOGETHER:
            groups[-1].append(at)
        else:
            groups.append([at])
        last = max(last, ended)
    return groups


def seconds(stamp: str) -> float:
    """An instant, from how results write it."""
    return datetime.fromisoformat(stamp).timestamp()


def _spans(samples: Sequence[Sample]) -> list[tuple[float, float]]:
    return [(seconds(each.run.started_at), seconds(each.run.finished_at)) for each in samples]


def _turns(base: Sequence[Sample], new: Sequence[Sample]) -> tuple[Groups, Groups] | None:
    """Neighbours of unlike sides that share an occasion, as pairs; None: the sides did not take turns often enough.

    Single runs are paired (ABBAAB), else whole stretches of one side (AAABBB, AAABBB, …).
    """
    spans = [_spans(base), _spans(new)]
    order = sorted((*span, side, at) for side in (0, 1) for at, span in enumerate(spans[side]))
    together = [second[0] - first[1] <= TOGETHER for first, second in pairwise(order)]
    singles: list[_Turn] = [(side, [at]) for *_, side, at in order]
    stretches, joined = [singles[0]], []
    for turn, near in zip(singles[1:], together, strict=True):
        if near and turn[0] == stretches[-1][0]:
            stretches[-1] = (turn[0], [*stretches[-1][1], *turn[1]])
        else:
            stretches.append(turn)
            joined.append(near)
    return _pairs(singles, together) or _pairs(stretches, joined)


def _pairs(turns: Sequence[_Turn], together: Sequence[bool]) -> tuple[Groups, Groups] | None:
    """Every two turns in a row; one that is left over at the end belongs to the last pair, if it is near."""
    groups: tuple[Groups, Groups] = ([], [])
    for at in range(0, len(turns) - 1, 2):
        if turns[at][0] == turns[at + 1][0] or not together[at]:
            return None
        for side, runs in turns[at : at + 2]:
            groups[side].append(list(runs))
    if len(groups[0]) < LEAST:
        return None
    if len(turns) % 2:
        if not together[-1]:
            return None
        groups[turns[-1][0]][-1].extend(turns[-1][1])
    return groups


# Too few occasions


@dataclass(frozen=True)
class Within:
    """How well a side's figure is known but for what occasions differ by."""

    variance: float  # of the figure, relative to its square; infinite: not known
    freedom: int = 1

    @classmethod
    def of(cls, values: Sequence[float]) -> Within:
        """Of a mean of these."""
        mean = float(np.mean(values))
        if len(values) < 2 or not mean:
            return cls(math.inf)
        return cls(float(np.var(values, ddof=1)) / len(values) / mean**2, len(values) - 1)

    @classmethod
    def of_runs(cls, runs: Sequence[Distribution], q: float | None, *, thick: bool) -> Within:
        """By the runs, or by the rounds of the only one; `thick`: rounds have figures of their own (`by_round`)."""
        if len(runs) > 1:
            return cls.of([each.value(q, by_round=thick) for each in runs])
        (run,) = runs
        held = sum(each.count > 0 for each in run.rounds)
        if thick or q is None or held < 2:
            return cls.of(run.values(q) if thick else [])
        found = woodruff(run.rounds, run.pooled, q, CONFIDENCE)
        error = (found.high - found.low) / 2 / t_quantile(held - 1, CONFIDENCE)
        return cls((error / found.value) ** 2 if found.value else math.inf, held - 1)


def assumed(
    means: Sequence[float], within: Sequence[Within], sampled: Sampling, confidence: float
) -> tuple[Interval, Interval]:
    """Difference and ratio where occasions are too few to tell how much they differ: they are taken to differ by `SPREAD`.

    The logarithm of the ratio ± the wider of Welch's interval over what was measured, and of the normal one with the
    assumed spread added. Limits are infinite where that is not known.
    """
    own = math.fsum(side.variance for side in within)
    known = min(means) > 0
    value = means[1] / means[0] if known else math.nan
    if not known or math.isinf(own):
        return Interval(means[1] - means[0], -math.inf, math.inf), Interval(value, 0.0, math.inf)
    between = SPREAD**2 * math.fsum(1 / count for count in sampled.counts)
    half = t_quantile(math.inf, confidence) * math.sqrt(between + own)
    if own:
        freedom = own**2 / math.fsum(side.variance**2 / side.freedom for side in within)
        half = max(half, t_quantile(freedom, confidence) * math.sqrt(own))
    reach = math.exp(min(half, math.log(WIDEST)))
    ratio = Interval(value, value / reach, value * reach)
    difference = [means[0] * (each - 1) for each in (ratio.value, ratio.low, ratio.high)]
    return Interval(*difference), ratio
