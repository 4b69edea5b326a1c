"""Why the slow exchanges are slow: those around a quantile, split into phases as the mean exchange is (METHOD 16).

No intervals: which exchanges are around a quantile is itself found from the run, and was not tried in simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmark.analysis.parts import Means, parts
from benchmark.measure.recording import Recording, merged
from benchmark.result.model import BreakdownRow, Estimate, TailBreakdown
from benchmark.units import MILLISECOND

AROUND = (0.985, 0.995)  # what counts as around p99; the bands that it begins and ends in are taken whole
FEWEST = 10  # exchanges of a target


def around_p99(
    before: Sequence[Recording], after: Sequence[Recording], *, timed: bool, large: bool
) -> TailBreakdown | None:
    """The exchanges around each target's own p99 in parts; None: too few, or it reaches what was never answered."""
    sides = [_slow(merged(list(side))) for side in (before, after)]
    if any(not side or side["count"] < FEWEST for side in sides):
        return None
    trips = [_trip(side) if timed else None for side in (before, after)]
    first, second = (
        parts(_means(side), trip=trip, large=large) | {"response": side["response"] / side["count"]}
        for side, trip in zip(sides, trips, strict=True)
    )
    rows = [_row(name, first[name], second[name]) for name in first]
    return TailBreakdown(
        quantile="p99", baseline=sides[0]["count"], candidate=sides[1]["count"], total=rows.pop(), rows=rows
    )


def _slow(pooled: Recording) -> dict[str, int]:
    low, high = (pooled.quantile("response", q) for q in AROUND)
    return pooled.bands.between(low, high) if math.isfinite(low) and math.isfinite(high) else {}


def _trip(side: Sequence[Recording]) -> float:
    return math.fsum(each.handshakes["rtt"].mean for each in side) / len(side)


def _means(sums: Mapping[str, int]) -> Means:
    return {name: total / sums["count"] for name, total in sums.items() if name != "count"}


def _row(name: str, before: float, after: float) -> BreakdownRow:
    first, second = before / MILLISECOND, after / MILLISECOND
    return BreakdownRow(
        phase=name, baseline=first, candidate=second, difference=Estimate(value=second - first)
    )
