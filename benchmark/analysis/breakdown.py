"""Why a candidate is faster: the mean difference of two targets, split into the phases of an exchange (METHOD 16, 17).

Means add up and quantiles do not, so this is of means per success, from exact sums; a phase that was not paid counts as
zero. What the phases leave over, such as the generator's lateness, is a row of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchmark.analysis.comparison import NOTHING, paired
from benchmark.analysis.pairs import difference_and_ratio
from benchmark.analysis.parts import Means, parts
from benchmark.analysis.tail import around_p99
from benchmark.measure.exchange import LARGE
from benchmark.measure.histogram import UNIT, width_at
from benchmark.measure.recording import PHASES, Recording
from benchmark.result.model import Breakdown, BreakdownRow, Comparison, Estimate
from benchmark.result.run import Run
from benchmark.units import MILLISECOND


def breakdown(run: Run, compared: Comparison) -> Breakdown | None:
    """The mean difference of a comparison, in rows; None where there are no two paired rounds with answers."""
    pairs = [
        pair
        for pair in paired(run.rounds, compared.baseline, compared.candidate)
        if all(each.recording.ok for each in pair)
    ]
    if len(pairs) < 2:
        return None
    sides = [[each.recording for each in side] for side in zip(*pairs, strict=True)]
    timed = all(each.handshakes["rtt"].count for side in sides for each in side)
    told = all(each.histograms["send"].total for side in sides for each in side)
    large = not told and any(each.sent_bytes > LARGE * each.scheduled for side in sides for each in side)
    before, after = ([_parts(each, timed=timed, large=large) for each in side] for side in sides)
    shared = compared.others or compared.confidence
    rows = [_row(name, before, after, shared) for name in before[0]]
    first, second = ([{"response": each.histograms["response"].mean} for each in side] for side in sides)
    mean = next(metric for metric in compared.metrics if metric.metric == "response.mean")
    total = _row("response", first, second, compared.confidence if mean.primary else shared)
    if mean.widened_ms is not None:
        total = total.model_copy(update={"difference": mean.difference})
    return Breakdown(
        baseline=compared.baseline,
        candidate=compared.candidate,
        confidence=compared.confidence,
        rounds=len(pairs),
        total=total,
        rows=rows,
        withheld=mean.withheld if mean.difference.low is None else None,
        tail=around_p99(sides[0], sides[1], shared, timed=timed, large=large),
    )


def _means(recording: Recording) -> Means:
    """Of a round's successes; a recording from before there was a phase has nothing of it."""
    found = {name: recording.histograms[name] for name in (*PHASES, "response")}
    means = {name: each.mean if each.count else 0.0 for name, each in found.items()}
    return means | {"sending": found["send"].above(UNIT) / max(1, found["send"].count)}


def _parts(recording: Recording, *, timed: bool, large: bool) -> Means:
    """A round's mean exchange; its round trip is the mean over connections of the shortest that the kernel timed."""
    return parts(_means(recording), trip=recording.handshakes["rtt"].mean if timed else None, large=large)


def main_reason(split: Breakdown) -> BreakdownRow | None:
    """The row that makes up most of a difference that may be claimed; None: there is none to explain."""
    if split.withheld or not is_shown(split.total.difference):
        return None
    sign = math.copysign(1, split.total.difference.value or 0.0)
    most = max(split.rows, key=lambda row: sign * (row.difference.value or 0.0))
    clear = is_shown(most.difference) and most.phase != "rest"
    return most if clear else None


def is_shown(difference: Estimate) -> bool:
    """Whether an interval leaves out zero."""
    return difference.low is not None and difference.high is not None and difference.low * difference.high > 0


def _row(
    name: str, before: Sequence[Mapping[str, float]], after: Sequence[Mapping[str, float]], confidence: float
) -> BreakdownRow:
    first, second = ([each[name] / MILLISECOND for each in side] for side in (before, after))
    means = [math.fsum(side) / len(side) for side in (first, second)]
    widths = [width_at(mean * MILLISECOND) / MILLISECOND if mean else 0.0 for mean in means]
    found, _ = difference_and_ratio(first, second, confidence, resolution=(widths[0], widths[1]))
    return BreakdownRow(
        phase=name,
        baseline=means[0],
        candidate=means[1],
        difference=Estimate(value=found.value, low=found.low, high=found.high) if found.bounded else NOTHING,
    )
