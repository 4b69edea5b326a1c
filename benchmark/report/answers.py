"""The headline: what a run found, in a sentence for each comparison, or for each target where nothing is compared."""

from __future__ import annotations

from benchmark.analysis.breakdown import is_shown, main_reason
from benchmark.analysis.comparison import WHOLE, Outcome, outcome
from benchmark.report.numbers import NONE, beside, decimals_of, distances, ms, percent, shown, signed
from benchmark.report.phrases import en as words
from benchmark.result.model import Comparison, Metric, Result
from benchmark.units import format_rate, significant

LEAST_TRIP = 0.1  # ms: a round trip that differs by less is nobody's reason
PERCENTS = 1.1  # ratios below are told in percent


def answers(result: Result) -> tuple[str, ...]:
    """The answer."""
    if result.comparisons:
        return tuple(
            f"{_path(result, each)}{answer(each)}{_why(result, each)}" for each in result.comparisons
        )
    return tuple(alone(result, name) for name in result.targets)


def answer(compared: Comparison) -> str:
    """How much sooner the candidate answers, or why that is not said."""
    metric = compared.primary
    match outcome(metric):
        case Outcome.FASTER | Outcome.SLOWER:
            return _difference(compared, metric)
        case Outcome.ALIKE:
            return _alike(compared, metric)
        case Outcome.NOT_ENOUGH_DATA:
            say = words.not_enough
        case Outcome.WITHHELD:
            say = words.withheld
    return say(
        candidate=words.target(compared.candidate),
        baseline=words.target(compared.baseline),
        figure=words.figure_name(metric.metric),
        reason=(metric.withheld or "").removeprefix(f"{words.NOT_ENOUGH}: ").rstrip("."),
    )


def _path(result: Result, compared: Comparison) -> str:
    """What a few answers can show, where they show no difference in the whole: the round trip of their connections."""
    if not result.settings.get("blocks") or outcome(compared.primary) in {Outcome.FASTER, Outcome.SLOWER}:
        return ""
    rows = [
        row
        for split in result.breakdown
        if split.candidate == compared.candidate
        for row in split.rows
        if row.phase == "network"
        and is_shown(row.difference)
        and abs(row.difference.value or 0.0) >= LEAST_TRIP
    ]
    if not rows:
        return ""
    value, near, far = distances(rows[0].difference)
    decimals = decimals_of(rows[0].difference)
    return words.shorter_trip(
        shorter=(rows[0].difference.value or 0.0) < 0,
        who=words.target(compared.candidate, start=True),
        by=value,
        interval=words.interval(confidence=percent(compared.confidence), low=near, high=far),
        values=words.instead_of(beside(rows[0].candidate, decimals), beside(rows[0].baseline, decimals)),
    )


def _why(result: Result, compared: Comparison) -> str:
    """Where most of the difference comes from, where one was found."""
    if outcome(compared.primary) not in {Outcome.FASTER, Outcome.SLOWER}:
        return ""
    if result.settings.get(
        "simulated"
    ):  # a simulated path delays answers, so that all of it would read as the server's
        return ""
    for split in result.breakdown:
        whole = compared.primary.metric.partition(".")[0] in WHOLE  # the parts are those of a whole answer
        most = main_reason(split) if whole and split.candidate == compared.candidate else None
        if most:
            of, part = abs(split.total.difference.value or 0.0), abs(most.difference.value or 0.0)
            return " " + words.reason(part=ms(part), of=ms(of), phase=most.phase)
    return ""


def _difference(compared: Comparison, metric: Metric) -> str:
    value, near, far = distances(metric.difference)
    decimals = decimals_of(metric.difference)
    return words.answers(
        sooner=(metric.difference.value or 0) < 0,
        who=words.target(compared.candidate, start=True),
        by=value,
        figure=words.figure_name(metric.metric),
        interval=words.interval(confidence=percent(compared.confidence), low=near, high=far),
        values=words.instead_of(beside(metric.candidate, decimals), beside(metric.baseline, decimals)),
        factor=factor(metric),
    )


def _alike(compared: Comparison, metric: Metric) -> str:
    decimals = decimals_of(metric.difference)
    low, high = (signed(limit or 0.0, decimals) for limit in (metric.difference.low, metric.difference.high))
    return words.no_difference(
        figure=words.figure_name(metric.metric),
        interval=words.signed_interval(confidence=percent(compared.confidence), low=low, high=high),
        candidate=beside(metric.candidate, decimals),
        baseline=beside(metric.baseline, decimals),
        first=words.target(compared.candidate),
        second=words.target(compared.baseline),
    )


def factor(metric: Metric) -> str:
    """`19× faster`, in percent where it is small; empty where the ratio is withheld."""
    ratio = metric.ratio.value
    if metric.ratio.low is None or ratio is None or ratio <= 0:
        return ""
    faster, times = ratio < 1, max(ratio, 1 / ratio)
    if times >= PERCENTS:
        return words.times(significant(times, 2), faster=faster)
    more = (times - 1) * 100
    return words.percents(f"{more:.0f}" if more >= 1 else significant(more, 1), faster=faster)


def alone(result: Result, name: str) -> str:
    """How fast a target answers that is compared with nothing."""
    target = result.targets[name]
    counts = target.counts
    lost = words.failures(counts.failed, scheduled=counts.scheduled, unsent=counts.unsent)
    if target.response_ms.p50 is None and "p50" not in target.response_ms.at_least:
        return words.unmeasured(who=words.target(name), lost=lost)
    if result.settings.get("blocks") and target.response_ms.mean is not None:
        return words.alone_on_average(
            who=words.target(name, start=True),
            mean=shown(target.response_ms, "mean"),
            slowest=shown(target.response_ms, "max"),
            count=counts.ok,
            lost=lost,
        )
    return words.alone(
        who=words.target(name, start=True),
        p50=shown(target.response_ms, "p50"),
        p99=shown(target.response_ms, "p99").removeprefix(NONE),
        rate=format_rate(target.rate.achieved),
        lost=lost,
    )
