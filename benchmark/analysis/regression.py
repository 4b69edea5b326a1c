"""Runs beside runs: what changed between them, where two runs differ even when nothing did (METHOD 22).

The run is the sample. Runs of two sides are independent (Welch's t); where every run holds both sides, interleaved,
the sample is the pair that a run holds; where a single run does, its pairs of rounds are, as in any comparison. Rounds
of different runs are never paired.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmark.analysis.comparison import (
    FROM_DUE,
    NOTHING,
    STREAM_KINDS,
    WHOLE,
    compare,
    overload,
    paired,
    rate_of,
    refusals,
)
from benchmark.analysis.estimate import (
    BEYOND,
    FIGURES,
    Distribution,
    by_round,
    exchanges_beyond,
    milliseconds,
)
from benchmark.analysis.health import GENERATOR, Harm, harm, own_delay, saturated
from benchmark.analysis.matching import Sample, Side, places
from benchmark.analysis.statistics import (
    Interval,
    paired_difference,
    paired_ratio,
    student,
    welch,
    welch_ratio,
)
from benchmark.analysis.stream import unlike_lengths
from benchmark.measure.recording import Recording, merged
from benchmark.result.difference import Difference, DiffSide
from benchmark.result.model import Estimate, Metric
from benchmark.result.run import Round
from benchmark.units import MILLISECOND, NANOSECONDS

LEAST_RUNS = 3  # a side
INTERLEAVED = "pairs of runs"

Sides = tuple[Side, Side]


def difference(base: Side, new: Side) -> Difference:
    """Everything that can be said of two sides."""
    same = _same_runs((base, new))
    if same and len(base.samples) == 1:
        return _within_a_run(base.samples[0], new)
    return _over_runs((base, new), paired_runs=same)


def _within_a_run(sample: Sample, new: Side) -> Difference:
    """Both targets of one run: an interleaved A/B, whose rounds are paired."""
    compared = compare(sample.run, sample.target, new.target)
    pairs = paired(sample.run.rounds, sample.target, new.target)
    sides = [[pair[at].recording for pair in pairs] for at in (0, 1)]
    return Difference(
        base=DiffSide(runs=[sample.label], target=sample.target),
        new=DiffSide(runs=[sample.label], target=new.target),
        sample="pairs of rounds",
        confidence=compared.confidence,
        metrics=[*compared.metrics, _failures(sides, compared.confidence, least=2, pairs=True)],
        lost_the_rate=bool(_queue(Sample(sample.label, sample.run, new.target))) and not _queue(sample),
        remarks=compared.remarks,
    )


def _over_runs(sides: Sides, *, paired_runs: bool) -> Difference:
    base, new = sides
    first = base.samples[0].run
    kinds = (*STREAM_KINDS, *WHOLE) if first.settings.get("streamed") else WHOLE
    confidence = first.settings["confidence"]
    queued = [[_queue(each) for each in side.samples] for side in sides]
    general = _misloaded(sides, queued)
    metrics = [
        _latency(f"{kind}.{figure}", sides, confidence, general, pairs=paired_runs)
        for kind in kinds
        for figure in FIGURES
    ]
    if not first.settings["open_loop"]:
        metrics.append(_throughput(sides, confidence, pairs=paired_runs))
    recordings = [[merged(each.run.used(each.target)) for each in side.samples] for side in sides]
    metrics.append(_failures(recordings, confidence, least=LEAST_RUNS, pairs=paired_runs))
    return Difference(
        base=_told(base),
        new=_told(new),
        sample=INTERLEAVED if paired_runs else "runs",
        confidence=confidence,
        metrics=metrics,
        lost_the_rate=_enough(sides) and all(queued[1]) and not any(queued[0]),
        remarks=_remarks(sides, queued),
    )


def _told(side: Side) -> DiffSide:
    return DiffSide(runs=[each.label for each in side.samples], target=side.target)


def _enough(sides: Sides, least: int = LEAST_RUNS) -> bool:
    return min(len(side.samples) for side in sides) >= least


# One metric


def _latency(name: str, sides: Sides, confidence: float, general: str, *, pairs: bool) -> Metric:
    kind, _, figure = name.partition(".")
    q = FIGURES[figure]
    recordings = [[each.run.used(each.target) for each in side.samples] for side in sides]
    runs = [[Distribution.of(each, kind) for each in side] for side in recordings]
    thick = by_round([each for side in runs for each in side], q)
    values = [np.array([each.value(q, by_round=thick) for each in side]) for side in runs]
    means = tuple(float(side.mean()) for side in values)
    shown: dict[str, Any] = {"metric": name, "primary": False}
    shown |= {"baseline": milliseconds(means[0]), "candidate": milliseconds(means[1])}
    pooled = [[each for run in side for each in run] for side in recordings]
    withheld = general or refusals(pooled, q) or _unanswered(values)
    if withheld:
        timeout = sides[1].samples[0].run.settings["timeout"] * NANOSECONDS
        least = _at_least(values, timeout, confidence) if q is not None and not general else {}
        return Metric(
            **{**shown, "difference": NOTHING, "ratio": NOTHING, **least}, enough_data=True, withheld=withheld
        )
    thin = _thin(runs, q) or _few(sides)
    if thin:
        known = all(map(math.isfinite, means)) and means[0] > 0
        return Metric(**shown, **_points(means if known else None), enough_data=False, withheld=thin)
    saved, ratio = _intervals(values, confidence, pairs=pairs)
    late = own_delay(pooled[0], q), own_delay(pooled[1], q)
    harmed = harm((means[0], means[1]), late, saved) if kind in FROM_DUE else Harm()
    lengths = unlike_lengths(pooled) if kind in {"e2e", *WHOLE} else ""
    return Metric(
        **shown,
        difference=NOTHING if harmed.difference else _estimate(saved, MILLISECOND),
        ratio=NOTHING if harmed.difference or harmed.ratio or lengths else _estimate(ratio, 1),
        enough_data=True,
        withheld=harmed.difference or harmed.ratio or lengths or None,
    )


def _intervals(values: Sequence[Any], confidence: float, *, pairs: bool) -> tuple[Interval, Interval]:
    """Difference and ratio: of pairs that a run holds, or of two independent samples."""
    before, after = values
    if pairs:
        return paired_difference(before, after, confidence), paired_ratio(before, after, confidence)
    return welch(before, after, confidence), welch_ratio(before, after, confidence)


def _unanswered(values: Sequence[Any]) -> str:
    counts = [int(np.isinf(side).sum()) for side in values]
    if not any(counts):
        return ""
    told = " and ".join(f"{count} of {len(side)}" for count, side in zip(counts, values, strict=True))
    return f"it reaches requests that were never answered, in {told} runs; look at the failures"


def _at_least(values: Sequence[Any], timeout: float, confidence: float) -> dict[str, Estimate]:
    """Lower limits, where a quantile was never answered in any run of the new side, and always on the base side.

    It is then no less than the timeout, and only the base side's figure is not known for sure.
    """
    before, after = values
    if min(len(before), len(after)) < LEAST_RUNS or not (np.isfinite(before).all() and np.isinf(after).all()):
        return {}
    ratio = timeout / math.exp(student(np.log(before), confidence).high)
    difference = (timeout - student(before, confidence).high) / MILLISECOND
    return {
        "difference": Estimate(value=None, low=difference),
        "ratio": Estimate(value=None, low=ratio),
    }


def _thin(runs: Sequence[Sequence[Distribution]], q: float | None) -> str:
    """Why a run gives no figure: it has too few exchanges beyond the quantile."""
    fewest = min(each.pooled.count for side in runs for each in side)
    if not fewest:
        return "not enough data: a run is without answers"
    if q is not None and (beyond := exchanges_beyond(fewest, q)) < BEYOND:
        return (
            f"not enough data: {beyond} of a run's {fewest} exchanges lie beyond it, "
            f"and a figure needs {BEYOND}: measure longer"
        )
    return ""


def _few(sides: Sides) -> str:
    """Why there is no interval: two runs differ even when nothing changed."""
    if _enough(sides):
        return ""
    counts = " and ".join(f"{len(side.samples)}" for side in sides)
    return f"cannot tell: an interval needs {LEAST_RUNS} runs a side, and there are {counts}"


def _throughput(sides: Sides, confidence: float, *, pairs: bool) -> Metric:
    """Successes per second, of closed loops only."""
    values = [np.array([_rate(each.rounds) for each in side.samples]) for side in sides]
    means = tuple(float(side.mean()) for side in values)
    shown: dict[str, Any] = {"metric": "throughput", "primary": False}
    shown |= {"baseline": means[0], "candidate": means[1]}
    full = [_full_core(side) for side in sides]
    if any(full):
        reason = f"{GENERATOR} spent a full core, so it is at least what is shown"
        return Metric(**shown, difference=NOTHING, ratio=NOTHING, enough_data=True, withheld=reason)
    few = _few(sides) or (
        "" if all(side.all() for side in values) else "not enough data: a run is without answers"
    )
    if few:
        points = _points(means if means[0] > 0 else None, 1)
        return Metric(**shown, **points, enough_data=False, withheld=few)
    saved, ratio = _intervals(values, confidence, pairs=pairs)
    return Metric(**shown, difference=_estimate(saved, 1), ratio=_estimate(ratio, 1), enough_data=True)


def _rate(rounds: Sequence[Round]) -> float:
    return math.fsum(map(rate_of, rounds)) / max(1, len(rounds))


def _failures(sides: Sequence[Sequence[Recording]], confidence: float, *, least: int, pairs: bool) -> Metric:
    """The share of requests that failed or were never sent, sample by sample.

    No sample's mean is known better than the binomial law allows, of (x + 1) / (n + 2): where nothing failed the
    variance would else be zero (Agresti & Caffo, The American Statistician 54, 2000).
    """
    counts = [[(each.failed + each.unsent, each.scheduled) for each in side] for side in sides]
    totals = [(sum(failed for failed, _ in side), sum(due for _, due in side)) for side in counts]
    shares = [failed / due if due else 0.0 for failed, due in totals]
    shown: dict[str, Any] = {"metric": "failures", "primary": False, "ratio": NOTHING}
    shown |= {"baseline": shares[0], "candidate": shares[1]}
    fewest = min(map(len, counts))
    if fewest < least or not all(due for side in counts for _, due in side):
        what = "runs" if least == LEAST_RUNS else "paired rounds"
        reason = f"cannot tell: an interval needs {least} {what} a side"
        points = Estimate(value=shares[1] - shares[0])
        return Metric(**shown, difference=points, enough_data=False, withheld=reason)
    values = [np.array([failed / due for failed, due in side]) for side in counts]
    floors = [_binomial(failed, due) for failed, due in totals]
    found = welch(values[0], values[1], confidence, (floors[0], floors[1]))
    if pairs:
        own = student(values[1] - values[0], confidence)
        found = max(found, own, key=lambda each: each.high - each.low)
    return Metric(**shown, difference=_estimate(found, 1), enough_data=True)


def _binomial(failed: int, due: int) -> float:
    """The least variance of a share."""
    share = (failed + 1) / (due + 2)
    return share * (1 - share) / (due + 2)


def _points(means: Sequence[float] | None, unit: float = MILLISECOND) -> dict[str, Estimate]:
    """What stands in place of intervals."""
    if means is None:
        return {"difference": NOTHING, "ratio": NOTHING}
    return {
        "difference": Estimate(value=(means[1] - means[0]) / unit),
        "ratio": Estimate(value=means[1] / means[0]),
    }


def _estimate(interval: Interval, unit: float) -> Estimate:
    return Estimate(value=interval.value / unit, low=interval.low / unit, high=interval.high / unit)


# Whether the load was what it should have been, and what a reader must know


def _misloaded(sides: Sides, queued: Sequence[Sequence[str]]) -> str:
    """Why no latency may be compared; empty: they may."""
    for side, reasons in zip(sides, queued, strict=True):
        if _full_core(side):
            return f"{GENERATOR} spent a full core on {side.target}, so latencies are its own"
        for sample, reason in zip(side.samples, reasons, strict=True):
            if reason:
                return f"{sample.label}: {reason}"
    return ""


def _full_core(side: Side) -> bool:
    return any(saturated(each.run, each.rounds) for each in side.samples)


def _queue(sample: Sample) -> str:
    return overload(sample.rounds) if sample.run.settings["open_loop"] else ""


def _remarks(sides: Sides, queued: Sequence[Sequence[str]]) -> list[str]:
    base, new = sides
    remarks = []
    if base.target != new.target and not places(base, new) and not _same_runs(sides):
        remarks.append(
            "Unlike targets in separate runs: one run with both would pair their rounds, and tell more."
        )
    schemes = [urlsplit(side.samples[0].run.targets[side.target].url).scheme for side in sides]
    if schemes[0] != schemes[1]:
        remarks.append(f"Unlike schemes: {schemes[0]} and {schemes[1]}, and TLS is in the figures.")
    if _enough(sides) and not _same_runs(sides) and _one_after_the_other(sides):
        remarks.append(
            "All runs of one side came after those of the other, so whatever drifted meanwhile is in the difference: "
            "where it matters, let the sides take turns."
        )
    if all(queued[1]) and not any(queued[0]):
        remarks.append("The new side no longer holds the rate that the base side held: a backlog grew.")
    return remarks


def _same_runs(sides: Sides) -> bool:
    return [each.label for each in sides[0].samples] == [each.label for each in sides[1].samples]


def _one_after_the_other(sides: Sides) -> bool:
    begun = [[each.run.started_at for each in side.samples] for side in sides]
    return max(begun[0]) < min(begun[1]) or max(begun[1]) < min(begun[0])
