"""Runs beside runs: what changed between them, where two runs differ even when nothing did (METHOD 22).

The occasion is the sample (`occasions`). Those of two sides are independent (Welch's t); where the sides took turns, or
every run holds both, the sample is a pair; where a single run does, its pairs of rounds are, as in any comparison.
Rounds of different runs are never paired. Too few occasions give a factor under an assumption, and no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
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
    withheld_row,
)
from benchmark.analysis.contained import contained
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
from benchmark.analysis.occasions import (
    LEAST,
    SPREAD,
    TOGETHER,
    Sampling,
    Within,
    assumed,
    same_runs,
    sampling,
)
from benchmark.analysis.pairs import difference_and_ratio
from benchmark.analysis.refusals import unlike_refusals
from benchmark.analysis.statistics import (
    Interval,
    student,
    welch,
    welch_ratio,
)
from benchmark.analysis.stream import unlike_lengths, unlike_sources
from benchmark.measure.recording import Recording, merged
from benchmark.result.difference import Difference, DiffSide
from benchmark.result.model import Estimate, Metric
from benchmark.result.run import Round
from benchmark.units import MILLISECOND, NANOSECONDS, format_duration

Sides = tuple[Side, Side]


def difference(base: Side, new: Side) -> Difference:
    """Everything that can be said of two sides."""
    if same_runs(base, new) and len(base.samples) == 1:
        return _within_a_run(base.samples[0], new)
    return _over_runs((base, new), sampling(base, new))


def _within_a_run(sample: Sample, new: Side) -> Difference:
    """Both targets of one run: an interleaved A/B, whose rounds are paired."""
    compared = compare(sample.run, sample.target, new.target)
    pairs = paired(sample.run.rounds, sample.target, new.target)
    sides = [[pair[at].recording for pair in pairs] for at in (0, 1)]
    return Difference(
        base=DiffSide(runs=[sample.label], target=sample.target),
        new=DiffSide(runs=[sample.label], target=new.target),
        sample="pairs of rounds",
        samples=(len(pairs), len(pairs)),
        confidence=compared.confidence,
        metrics=[*compared.metrics, _failures(sides, compared.confidence)],
        lost_the_rate=bool(_queue(Sample(sample.label, sample.run, new.target))) and not _queue(sample),
        remarks=compared.remarks,
    )


def _over_runs(sides: Sides, sampled: Sampling) -> Difference:
    base, new = sides
    first = base.samples[0].run
    kinds = (*STREAM_KINDS, *WHOLE) if first.settings.get("streamed") else WHOLE
    confidence = first.settings["confidence"]
    queued = [[_queue(each) for each in side.samples] for side in sides]
    general = _misloaded(sides, queued)
    metrics = [
        contained(
            name := f"{kind}.{figure}",
            partial(latency, name, sides, confidence, general, sampled),
            partial(withheld_row, name),
        )
        for kind in kinds
        for figure in FIGURES
    ]
    if first.closed_loop:
        metrics.append(_throughput(sides, confidence, sampled))
    recordings = [[merged(each.run.used(each.target)) for each in side.samples] for side in sides]
    metrics.append(_failures(recordings, confidence, sampled))
    return Difference(
        base=_told(base),
        new=_told(new),
        sample=sampled.kind,
        samples=sampled.counts,
        assumed_spread=None if sampled.enough else SPREAD,
        confidence=confidence,
        metrics=metrics,
        lost_the_rate=sampled.enough and all(queued[1]) and not any(queued[0]),
        remarks=_remarks(sides, queued, sampled),
    )


def _told(side: Side) -> DiffSide:
    return DiffSide(runs=[each.label for each in side.samples], target=side.target)


# One metric


def latency(name: str, sides: Sides, confidence: float, general: str, sampled: Sampling) -> Metric:
    """A figure of a time, `ttft.p90`; `general` is a reason to withhold it, whatever it is."""
    kind, _, figure = name.partition(".")
    q = FIGURES[figure]
    recordings = [[each.run.used(each.target) for each in side.samples] for side in sides]
    runs = [[Distribution.of(each, kind) for each in side] for side in recordings]
    thick = by_round([each for side in runs for each in side], q)
    values = [np.array([each.value(q, by_round=thick) for each in side]) for side in runs]
    samples = [sampled.means(at, side) for at, side in enumerate(values)]
    means = tuple(float(side.mean()) for side in samples)
    shown: dict[str, Any] = {"metric": name, "primary": False}
    shown |= {"baseline": milliseconds(means[0]), "candidate": milliseconds(means[1])}
    pooled = [[each for run in side for each in run] for side in recordings]
    withheld = general or unlike_refusals(pooled, q) or _unanswered(values)
    withheld = withheld or (unlike_sources(pooled) if kind == "tpot" else "")
    if withheld:
        timeout = sides[1].samples[0].run.settings["timeout"] * NANOSECONDS
        least = _at_least(samples, timeout, confidence) if q is not None and not general else {}
        return Metric(
            **{**shown, "difference": NOTHING, "ratio": NOTHING, **least}, enough_data=True, withheld=withheld
        )
    thin = _thin(runs, q)
    if thin:
        return Metric(**shown, **_points(means), enough_data=False, withheld=thin)
    within = [Within.of_runs(side, q, thick=thick) for side in runs]
    saved, ratio = intervals(samples, within, confidence, sampled)
    late = own_delay(pooled[0], q), own_delay(pooled[1], q)
    harmed = harm((means[0], means[1]), late, saved) if kind in FROM_DUE else Harm()
    lengths = unlike_lengths(pooled) if kind in {"e2e", *WHOLE} else ""
    return Metric(
        **shown,
        difference=NOTHING if harmed.difference else _estimate(saved, MILLISECOND),
        ratio=NOTHING if harmed.difference or harmed.ratio or lengths else _estimate(ratio),
        enough_data=sampled.enough,
        withheld=harmed.difference or harmed.ratio or lengths or _few(sampled) or None,
    )


def intervals(
    samples: Sequence[Any], within: Sequence[Within], confidence: float, sampled: Sampling
) -> tuple[Interval, Interval]:
    """Difference and ratio: of pairs, of two independent samples, or of too few under an assumption."""
    before, after = samples
    if not sampled.enough:
        return assumed([float(side.mean()) for side in samples], within, sampled, confidence)
    if sampled.paired:
        return difference_and_ratio(before, after, confidence)
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
    if min(len(before), len(after)) < LEAST or not (np.isfinite(before).all() and np.isinf(after).all()):
        return {}
    most = student(before, confidence).high
    return {
        "difference": Estimate(value=None, low=(timeout - most) / MILLISECOND),
        "ratio": Estimate(value=None, low=timeout / most) if most > 0 else NOTHING,
    }


def _thin(runs: Sequence[Sequence[Distribution]], q: float | None) -> str:
    """Why a run gives no figure: it has too few exchanges beyond the quantile."""
    fewest = min(each.pooled.count for side in runs for each in side)
    if not fewest:
        return "not enough data: a run is without answers"
    if q is not None and (beyond := exchanges_beyond(fewest, q)) < BEYOND:
        return (
            f"not enough data: {beyond} of a run's {fewest:.0f} exchanges lie beyond it, "
            f"and a figure needs {BEYOND}: measure longer"
        )
    return ""


def _few(sampled: Sampling) -> str:
    """Why there is no verdict: two occasions differ even when nothing changed."""
    if sampled.enough:
        return ""
    counts = " and ".join(f"{count}" for count in sampled.counts)
    unit = "runs with both targets" if sampled.kind == "pairs of runs" else "occasions a side"
    return (
        f"cannot tell: a verdict takes {LEAST} {unit}, and there {'is' if counts == '1' else 'are'} {counts}; "
        f"the interval assumes {SPREAD:.0%} between occasions".replace("%", " %")
    )


def _throughput(sides: Sides, confidence: float, sampled: Sampling) -> Metric:
    """Successes per second, of closed loops only."""
    values = [np.array([_rate(each.rounds) for each in side.samples]) for side in sides]
    samples = [sampled.means(at, side) for at, side in enumerate(values)]
    means = tuple(float(side.mean()) for side in samples)
    shown: dict[str, Any] = {"metric": "throughput", "primary": False}
    shown |= {"baseline": means[0], "candidate": means[1]}
    full = [_full_core(side) for side in sides]
    if any(full):
        reason = f"{GENERATOR} spent a full core, so it is at least what is shown"
        return Metric(**shown, difference=NOTHING, ratio=NOTHING, enough_data=True, withheld=reason)
    if not all(side.all() for side in values):
        reason = "not enough data: a run is without answers"
        return Metric(**shown, **_points(means, 1), enough_data=False, withheld=reason)
    within = [
        Within.of(list(own) if len(own) > 1 else _rates(side))
        for own, side in zip(values, sides, strict=True)
    ]
    saved, ratio = intervals(samples, within, confidence, sampled)
    return Metric(
        **shown,
        difference=_estimate(saved),
        ratio=_estimate(ratio),
        enough_data=sampled.enough,
        withheld=_few(sampled) or None,
    )


def _rates(side: Side) -> list[float]:
    """Of the rounds of a side's only run."""
    return [rate_of(each) for each in side.samples[0].rounds]


def _rate(rounds: Sequence[Round]) -> float:
    return math.fsum(map(rate_of, rounds)) / max(1, len(rounds))


def _failures(
    sides: Sequence[Sequence[Recording]], confidence: float, sampled: Sampling | None = None
) -> Metric:
    """The share of requests that failed or were never sent, sample by sample; without a sampling, of paired rounds.

    No sample's mean is known better than the binomial law allows, of (x + 1) / (n + 2): where nothing failed the
    variance would else be zero (Agresti & Caffo, The American Statistician 54, 2000).
    """
    groups = sampled.groups if sampled else [[[at] for at in range(len(side))] for side in sides]
    counts = [
        [(sum(_lost(side[at]) for at in group), sum(side[at].scheduled for at in group)) for group in own]
        for side, own in zip(sides, groups, strict=True)
    ]
    totals = [(sum(failed for failed, _ in side), sum(due for _, due in side)) for side in counts]
    shares = [failed / due if due else 0.0 for failed, due in totals]
    shown: dict[str, Any] = {"metric": "failures", "primary": False, "ratio": NOTHING}
    shown |= {"baseline": shares[0], "candidate": shares[1]}
    few = _few(sampled) if sampled else "cannot tell: it takes 2 paired rounds" * (len(counts[0]) < 2)
    if few or not all(due for side in counts for _, due in side):
        points = Estimate(value=shares[1] - shares[0])
        reason = few.partition(";")[0] or "not enough data: nothing was due"
        return Metric(**shown, difference=points, enough_data=False, withheld=reason)
    values = [np.array([failed / due for failed, due in side]) for side in counts]
    floors = [_binomial(failed, due) for failed, due in totals]
    found = welch(values[0], values[1], confidence, (floors[0], floors[1]))
    if sampled is None or sampled.paired:
        pairs = student(values[1] - values[0], confidence)
        found = max(found, pairs, key=lambda each: each.high - each.low)
    return Metric(**shown, difference=_estimate(found), enough_data=True)


def _lost(recording: Recording) -> int:
    return recording.failed + recording.unsent


def _binomial(failed: int, due: int) -> float:
    """The least variance of a share."""
    share = (failed + 1) / (due + 2)
    return share * (1 - share) / (due + 2)


def _points(means: Sequence[float], unit: float = MILLISECOND) -> dict[str, Estimate]:
    """What stands in place of intervals: the values alone, where there are any."""
    if not all(map(math.isfinite, means)):
        return {"difference": NOTHING, "ratio": NOTHING}
    ratio = Estimate(value=means[1] / means[0]) if means[0] > 0 else NOTHING
    return {"difference": Estimate(value=(means[1] - means[0]) / unit), "ratio": ratio}


def _estimate(interval: Interval, unit: float = 1.0) -> Estimate:
    if not interval.bounded:
        return Estimate(value=interval.value / unit if math.isfinite(interval.value) else None)
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


def _remarks(sides: Sides, queued: Sequence[Sequence[str]], sampled: Sampling) -> list[str]:
    base, new = sides
    remarks = []
    if base.target != new.target and not places(base, new) and not same_runs(base, new):
        remarks.append(
            "Unlike targets in separate runs: one run with both would pair their rounds, and tell more."
        )
    schemes = [urlsplit(side.samples[0].run.targets[side.target].url).scheme for side in sides]
    if schemes[0] != schemes[1]:
        remarks.append(f"Unlike schemes: {schemes[0]} and {schemes[1]}, and TLS is in the figures.")
    if sampled.enough and not sampled.paired and _one_after_the_other(sides):
        remarks.append(
            "All runs of one side came after those of the other, so whatever drifted meanwhile is in the difference: "
            "where it matters, let the sides take turns."
        )
    if all(queued[1]) and not any(queued[0]):
        remarks.append("The new side no longer holds the rate that the base side held: a backlog grew.")
    if not sampled.enough:
        remarks.append(_remedy(sides, sampled))
    return remarks


def _remedy(sides: Sides, sampled: Sampling) -> str:
    """What to do for a verdict."""
    if sampled.kind == "pairs of runs":
        return f"For a verdict, repeat the run until there are {LEAST}."
    apart = format_duration(TOGETHER)
    turns = "" if places(*sides) else f", or let the sides take turns, {LEAST} times each within one"
    return (
        f"Runs less than {apart} apart are one occasion, however many. For a verdict, measure either side "
        f"on {LEAST} occasions, better at other hours or days{turns}."
    )


def _one_after_the_other(sides: Sides) -> bool:
    begun = [[each.run.started_at for each in side.samples] for side in sides]
    return max(begun[0]) < min(begun[1]) or max(begun[1]) < min(begun[0])
