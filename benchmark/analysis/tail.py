"""Why the slow exchanges are slow: those around a quantile, split into phases as the mean exchange is (METHOD 16).

Which exchanges are around a quantile is itself found from the run, so the intervals come from leaving out one pair of
rounds after the other (the jackknife; for a quantile it holds because what is left out grows with the run: Shao & Wu,
Annals of Statistics 17, 1989).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.analysis.parts import Means, parts
from benchmark.analysis.statistics import jackknife
from benchmark.measure.bands import Bands
from benchmark.measure.histogram import width_at
from benchmark.measure.recording import Recording
from benchmark.result.model import BreakdownRow, Estimate, TailBreakdown
from benchmark.units import MILLISECOND

AROUND = (0.985, 0.995)  # what counts as around p99
FEWEST = 10  # exchanges of a target

Sums = dict[str, float]


@dataclass(frozen=True)
class _How:
    """What `parts` must know of the run."""

    timed: bool
    large: bool


def around_p99(
    before: Sequence[Recording], after: Sequence[Recording], confidence: float, *, timed: bool, large: bool
) -> TailBreakdown | None:
    """The exchanges around each target's own p99 in parts; None: too few, or it reaches what was never answered.

    Args:
        before: the rounds of one target, paired with those `after` of the other.
    """
    how = _How(timed, large)
    slow = [_slow(side) for side in (before, after)]
    if any(not side or round(side["count"]) < FEWEST for side in slow):
        return None
    whole = _split(before, after, how)
    assert whole
    left = [
        _split([*before[:at], *before[at + 1 :]], [*after[:at], *after[at + 1 :]], how)
        for at in range(len(before))
    ]
    known = [each for each in left if each]
    rows = [
        _row(
            name, *whole[name], [each[name] for each in known] if len(known) == len(left) else [], confidence
        )
        for name in whole
    ]
    return TailBreakdown(
        quantile="p99",
        baseline=round(slow[0]["count"]),
        candidate=round(slow[1]["count"]),
        total=rows.pop(),
        rows=rows,
    )


def _split(
    before: Sequence[Recording], after: Sequence[Recording], how: _How
) -> dict[str, tuple[float, float]] | None:
    """Both targets' slow exchanges by part, in nanoseconds; the last is the whole response."""
    sides = []
    for recordings in (before, after):
        slow = _slow(recordings)
        if not slow or not slow["count"]:
            return None
        trip = _trip(recordings) if how.timed else None
        found = parts(_means(slow), trip=trip, large=how.large)
        sides.append(found | {"response": slow["response"] / slow["count"]})
    return {name: (sides[0][name], sides[1][name]) for name in sides[0]}


def _slow(recordings: Sequence[Recording]) -> Sums:
    """The sums of the exchanges around p99; empty where one of them was never answered."""
    bands, answered, beyond = Bands(), 0, 0
    for each in recordings:
        bands.merge(each.bands)
        answered += each.histograms["response"].count
        beyond += each.beyond
    low, high = (q * (answered + beyond) for q in AROUND)
    return bands.ranked(low, high) if high <= answered else {}


def _trip(recordings: Sequence[Recording]) -> float:
    return math.fsum(each.handshakes["rtt"].mean for each in recordings) / len(recordings)


def _means(sums: Mapping[str, float]) -> Means:
    return {name: total / sums["count"] for name, total in sums.items() if name != "count"}


def _row(
    name: str, before: float, after: float, left: Sequence[tuple[float, float]], confidence: float
) -> BreakdownRow:
    """One part; `left` is the same with a pair of rounds left out."""
    value = (after - before) / MILLISECOND
    without = np.array([second - first for first, second in left]) / MILLISECOND
    found = jackknife(value, without, confidence) if len(left) > 1 else None
    least = math.fsum(width_at(each) for each in (before, after) if each > 0) / MILLISECOND
    return BreakdownRow(
        phase=name,
        baseline=before / MILLISECOND,
        candidate=after / MILLISECOND,
        difference=Estimate(
            value=value,
            low=found and min(found.low, value - least),
            high=found and max(found.high, value + least),
        ),
    )
