"""How a figure changes from run to run over time: a line through the logarithms, and whether it rises or falls.

Runs close together share their hour, so they are one sample, their mean: six runs in a row are no trend.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.analysis.estimate import FIGURES
from benchmark.analysis.matching import Sample, Side, mismatches, unsound
from benchmark.analysis.occasions import TOGETHER, occasions, seconds
from benchmark.analysis.statistics import t_quantile
from benchmark.result.history import PastRun, TargetHistory, Trend
from benchmark.result.model import Estimate, Figures, Result, TargetResult
from benchmark.result.run import Run
from benchmark.units import format_duration

LEAST = 4  # samples, so that the line has two degrees of freedom to spare
DAY = 86_400.0
LOOKS = 0.1  # of the chance of error, for each look: a history is looked at after every run
TINY = 1e-20  # residuals of a line without scatter
MOST_ALIKE = 0.9  # correlation of neighbours

Past = tuple[str, Run, Result]  # folder, run, figures


def metrics_of(target: TargetResult) -> dict[str, float | None]:
    """Every figure that a history may be of, by its name."""
    kinds: dict[str, Figures] = {"response": target.response_ms, "service": target.service_ms}
    if target.stream:
        kinds |= {"ttft": target.stream.ttft_ms, "itl": target.stream.itl_ms, "e2e": target.stream.e2e_ms}
    found = {f"{kind}.{name}": figures.get(name) for kind, figures in kinds.items() for name in FIGURES}
    counts = target.counts
    return {**found, "failures": (counts.failed + counts.unsent) / max(1, counts.scheduled)}


def history(past: Sequence[Past], target: str, metric: str) -> TargetHistory:
    """The runs of scenarios of one name that have this target, in the order in which they began."""
    latest = past[-1]
    runs = [_past_run(each, latest, target, metric) for each in past]
    kept = [
        (run, each.value)
        for (_, run, _), each in zip(past, runs, strict=True)
        if not each.left_out and each.value is not None
    ]
    return TargetHistory(
        name=latest[1].name,
        target=target,
        metric=metric,
        runs=runs,
        trend=trend(
            [(seconds(run.started_at), seconds(run.finished_at), value) for run, value in kept],
            latest[1].settings["confidence"],
        ),
    )


def _past_run(past: Past, latest: Past, target: str, metric: str) -> PastRun:
    folder, run, result = past
    value = metrics_of(result.targets[target]).get(metric)
    return PastRun(
        folder=folder,
        started_at=run.started_at,
        status=result.verdict.status,
        value=value,
        left_out=unsound(run, result.verdict.status)
        or _unlike(past, latest, target)
        or ("no figure" if value is None else None),
    )


def _unlike(past: Past, latest: Past, target: str) -> str:
    """What a run differs in from the latest, and so has no place on a line with it."""
    sides = [Side((Sample(folder, run, target),), target) for folder, run, _ in (past, latest)]
    kinds = dict.fromkeys(each.kind for each in mismatches(*sides))
    return ", ".join(kinds).replace("-", " ")


# The line


def trend(runs: Sequence[tuple[float, float, float]], confidence: float) -> Trend:
    """The change of a figure, of runs by when they began and ended (seconds) and their figures, in order.

    Least squares on the logarithms of the samples, and Student's t for its slope, times the time from the first to
    the last (e.g. Draper & Smith, Applied Regression Analysis, 1.4). Neighbouring samples may be alike: the standard error
    is that of a first-order autoregression, whose correlation n residuals show too small by about 2 / n. Whoever looks
    after every run looks often, so a trend is told at a tenth of the chance of error.
    """
    confidence = 1 - LOOKS * (1 - confidence)
    at, values = _samples(runs)
    days = (at[-1] - at[0]) / DAY if at else 0.0
    kept = {"samples": len(at), "days": days, "confidence": confidence}
    if len(at) < LEAST or min(values) <= 0:
        reason = (
            "a figure is zero"
            if len(at) >= LEAST
            else f"it takes {LEAST} runs more than {format_duration(TOGETHER)} apart, and there are {len(at)}"
        )
        return Trend(change=Estimate(value=None), told=False, reason=reason, **kept)
    x, y = np.array(at) - np.mean(at), np.log(values)
    spread = float(x @ x)
    slope = float(x @ y) / spread
    rest = y - y.mean() - slope * x
    error = math.sqrt(float(rest @ rest) / (len(at) - 2) / spread)
    lag = float(rest[1:] @ rest[:-1]) / float(rest @ rest) if float(rest @ rest) > TINY else 0.0
    alike = min(max(lag + 2 / len(at), 0.0), MOST_ALIKE)
    error *= math.sqrt((1 + alike) / (1 - alike))
    reach = t_quantile(len(at) - 2, confidence) * error
    value, low, high = (math.expm1(each * (at[-1] - at[0])) for each in (slope, slope - reach, slope + reach))
    change = Estimate(value=value, low=low, high=high)
    return Trend(change=change, told=not low <= 0 <= high, **kept)


def _samples(runs: Sequence[tuple[float, float, float]]) -> tuple[list[float], list[float]]:
    """Instants and figures of runs that are far enough from each other; those together are their geometric mean."""
    groups = [[runs[at] for at in group] for group in occasions([(begun, ended) for begun, ended, _ in runs])]
    at = [math.fsum(run[0] for run in group) / len(group) for group in groups]
    values = [
        math.exp(math.fsum(map(math.log, own)) / len(own)) if min(own) > 0 else 0.0
        for group in groups
        for own in [[run[2] for run in group]]
    ]
    return at, values
