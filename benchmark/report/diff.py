"""The report on runs beside runs: what changed, what of it is sure, and which rules it breaks."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.analysis.comparison import Outcome, outcome
from benchmark.report.charts import Charts
from benchmark.report.document import Alarm, Report, Section
from benchmark.report.numbers import NONE, decimals_of, interval, ms, percent, signed
from benchmark.report.phrases import en as words
from benchmark.report.table import Table, figures
from benchmark.report.tables import SUPERSCRIPTS
from benchmark.result.difference import Diff, Difference
from benchmark.result.model import Estimate, Metric, Result

FIRST = ("mean", "p50", "p90", "p99")  # of the main table
KINDS = ("ttft", "response")

Shown = tuple[str, str, Result, str]  # side, folder, figures, target


def describe_diff(diff: Diff, runs: Sequence[Shown]) -> Report:
    """The report; `runs` are what was set beside each other."""
    compared = tuple(table for each in diff.differences for table in _tables(each))
    sections = [
        Section("gate", words.DIFF_SECTIONS["gate"], tables=(_gate(diff),) if diff.rulings else ()),
        Section("comparison", words.SECTIONS["comparison"], tables=compared),
        Section("runs", words.DIFF_SECTIONS["runs"], tables=(_runs(runs),)),
    ]
    return Report(
        title=words.DIFF_TITLE,
        subtitle="",
        alarm=_alarm(diff),
        answers=tuple(_answer(each, apart=bool(diff.vantage_points)) for each in diff.differences),
        bars=(),
        remarks=_remarks(diff),
        sections=tuple(section for section in sections if section.tables),
        charts=Charts(targets=()),
        summary=_summary(diff),
    )


def _alarm(diff: Diff) -> Alarm | None:
    breached = tuple(
        words.breached(rule=each.rule, target=each.target, said=each.said)
        for each in diff.rulings
        if each.verdict == "breached"
    )
    return Alarm(words.REGRESSION, breached, grave=True) if breached else None


def _remarks(diff: Diff) -> tuple[str, ...]:
    said = [words.vantage_points("; ".join(diff.vantage_points))] if diff.vantage_points else []
    said += [words.not_alike(each) for each in diff.allowed if each not in diff.vantage_points]
    return tuple(dict.fromkeys([*said, *(remark for each in diff.differences for remark in each.remarks)]))


# The answer


def _answer(each: Difference, *, apart: bool) -> str:
    """What became of the metric that was chosen beforehand; `apart`: the sides were measured from two places."""
    metric = next(metric for metric in each.metrics if metric.primary)
    base = words.target(each.base.target)
    alike = each.base.target == each.new.target
    figure = words.figure_name(metric.metric)
    who = words.target(each.new.target, start=True) + ("" if alike else f" against {base}")
    who += words.APART if apart else ""
    if metric.difference.high is None:
        reason = (metric.withheld or "").removeprefix("cannot tell: ")
        return words.cannot_tell(who=who, figure=figure, reason=reason)
    values = words.instead_of(ms(metric.candidate), ms(metric.baseline))
    if each.assumed_spread is not None:
        return _assumed(each, metric, who, values, alike=alike)
    value, low, high = _parts(metric)
    change = words.change(value=value, low=low, high=high, confidence=percent(each.confidence))
    if outcome(metric) is Outcome.ALIKE:
        return words.unchanged(who=who, figure=figure, change=change)
    return words.changed(who=who, alike=alike, figure=figure, change=change, values=values)


def _assumed(each: Difference, metric: Metric, who: str, values: str, *, alike: bool) -> str:
    """The factor under an assumption; of one target, that it is no verdict."""
    if metric.ratio.high is None:
        value, low, high = _parts(metric)
    else:
        decimals = decimals_of(metric.ratio)
        value, low, high = (
            f"{limit or 0.0:.{decimals}f}"
            for limit in (metric.ratio.value, metric.ratio.low, metric.ratio.high)
        )
        value = f"× {value}"
    return words.assumed(
        who=who,
        figure=words.figure_name(metric.metric),
        change=words.change(
            value=value,
            low=low,
            high=high,
            confidence=percent(each.confidence),
            spread=percent(each.assumed_spread or 0.0),
        ),
        values=values,
        samples=each.samples if alike else None,
    )


def _parts(metric: Metric) -> tuple[str, str, str]:
    """The change in percent and its limits; in milliseconds where the ratio is withheld."""
    relative = metric.ratio.low is not None
    estimate = _relative(metric.ratio) if relative else metric.difference
    decimals = decimals_of(estimate)
    value, low, high = (
        signed(limit or 0.0, decimals) for limit in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} {'%' if relative else 'ms'}", low, high


def _relative(ratio: Estimate) -> Estimate:
    """A ratio as a change in percent."""
    value, low, high = (
        None if each is None else (each - 1) * 100 for each in (ratio.value, ratio.low, ratio.high)
    )
    return Estimate(value=value, low=low, high=high)


# Tables


def _tables(each: Difference) -> tuple[Table, ...]:
    first = [metric for metric in each.metrics if _is_first(metric)]
    further = [metric for metric in each.metrics if metric not in first]
    caption = words.diff_caption(
        base=each.base.target,
        new=each.new.target,
        base_runs=len(each.base.runs),
        new_runs=len(each.new.runs),
        sample=each.sample,
        samples=each.samples,
    )
    tables = (
        _metrics(each, first, caption),
        _metrics(each, further, words.DIFF_FURTHER, detail=True),
    )
    return tuple(table for table in tables if table.rows)


def _summary(diff: Diff) -> Table | None:
    """The first table; of several targets, what they have in it of the primary metric."""
    found = [(each, _tables(each)[0]) for each in diff.differences]
    if len(found) == 1:
        return found[0][1]
    rows = [  # why a figure is withheld, the answer says
        (each.new.target, *(cell.rstrip(SUPERSCRIPTS).rstrip() for cell in row))
        for each, table in found
        for at, row in enumerate(table.rows)
        if at == table.strong
    ]
    header = (words.TARGET, *found[0][1].header) if found else ()
    return Table("", header, tuple(rows), figures(header, names=2)) if rows else None


def _is_first(metric: Metric) -> bool:
    kind, _, figure = metric.metric.partition(".")
    return metric.primary or not figure or (kind in KINDS and figure in FIRST)


def _metrics(each: Difference, metrics: Sequence[Metric], caption: str, *, detail: bool = False) -> Table:
    reasons = list(dict.fromkeys(metric.withheld for metric in metrics if metric.withheld))
    marks = {why: SUPERSCRIPTS[at % len(SUPERSCRIPTS)] for at, why in enumerate(reasons)}
    notes = [f"{marks[why]} {why}" for why in reasons]
    if any(metric.metric == "failures" for metric in metrics):
        notes.append(words.FAILURES_NOTE)
    header = words.diff_header(percent(each.confidence))
    rows = tuple(_row(metric, marks) for metric in metrics)
    strong = next((at for at, metric in enumerate(metrics) if metric.primary), None)
    return Table(caption, header, rows, figures(header), tuple(notes), strong, detail)


def _row(metric: Metric, marks: dict[str, str]) -> tuple[str, ...]:
    mark = f" {marks[metric.withheld]}" if metric.withheld else ""
    name = words.figure_name(metric.metric)
    if metric.metric == "failures":
        sides = tuple(f"{(value or 0) * 100:.3g} %" for value in (metric.baseline, metric.candidate))
        return (name, *sides, _cell(_scaled(metric.difference, 100)) + mark, NONE)
    difference = _cell(metric.difference)
    change = NONE if metric.ratio.value is None else _change(metric)
    if metric.difference.value is None:
        difference = (words.WITHHELD if metric.enough_data else words.NOT_ENOUGH) + mark
    elif metric.ratio.value is None:
        change = words.WITHHELD + mark
    else:
        difference += mark
    return (name, ms(metric.baseline), ms(metric.candidate), difference, change)


def _cell(estimate: Estimate) -> str:
    """With its interval, where there is one."""
    if estimate.low is not None:
        return interval(estimate)
    return NONE if estimate.value is None else _point(estimate.value)


def _point(value: float) -> str:
    digits = ms(abs(value))
    return ("−" if value < 0 else "+") + digits if value else digits


def _change(metric: Metric) -> str:
    """The ratio as a change: `+5.1 % (+2.9 to +7.3)`."""
    if metric.ratio.low is None:
        return f"{_point(_relative(metric.ratio).value or 0.0)} %"
    value, low, high = _parts(metric)
    return f"{value} ({low} to {high})"


def _scaled(estimate: Estimate, by: float) -> Estimate:
    value, low, high = (
        None if each is None else each * by for each in (estimate.value, estimate.low, estimate.high)
    )
    return Estimate(value=value, low=low, high=high)


def _gate(diff: Diff) -> Table:
    rows = tuple((each.rule, each.target, each.said, words.RULINGS[each.verdict]) for each in diff.rulings)
    return Table("", words.RULING, rows, "llll")


def _runs(runs: Sequence[Shown]) -> Table:
    """Every run by itself."""
    rows = tuple(
        (
            side,
            folder,
            result.started_at[:16].replace("T", " "),
            target,
            ms(result.targets[target].response_ms.p50),
            ms(result.targets[target].response_ms.p99),
            f"{result.targets[target].counts.failed + result.targets[target].counts.unsent:,}",
        )
        for side, folder, result, target in runs
    )
    return Table("", words.RUN_COLUMNS, rows, "llllrrr")
