"""The runs of a scenario over time: a line of bars, whether there is a trend, and every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmark.analysis.trend import DAY, LEAST
from benchmark.report.charts import Charts
from benchmark.report.document import Report, Section
from benchmark.report.numbers import NONE, decimals_of, ms, percent, signed
from benchmark.report.phrases import en as words
from benchmark.report.table import Table
from benchmark.result.history import History, PastRun, TargetHistory
from benchmark.result.model import Estimate
from benchmark.units import format_duration

BARS = "▁▂▃▄▅▆▇█"
WIDEST = 60  # bars; of more runs the latest


def describe_history(history: History) -> Report:
    """The report."""
    return Report(
        title=words.HISTORY,
        subtitle="",
        alarm=None,
        answers=tuple(map(_answer, history.histories)),
        bars=(),
        remarks=(words.TREND_ASSUMES,)
        if any(each.trend.samples >= LEAST for each in history.histories)
        else (),
        sections=tuple(
            Section("history", words.history_title(name=each.name, target=each.target), tables=(_runs(each),))
            for each in history.histories
        ),
        charts=Charts(targets=()),
        summary=_latest(history),
    )


def sparkline(values: Sequence[float]) -> str:
    """A bar for each, from the lowest to the highest."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    if low == high:
        return BARS[3] * len(values)
    return "".join(BARS[round((value - low) / (high - low) * (len(BARS) - 1))] for value in values)


def _answer(each: TargetHistory) -> str:
    values = [run.value for run in each.runs if run.value is not None and not run.left_out]
    figure = words.figure_name(each.metric)
    who = words.history_title(name=each.name, target=each.target)
    if not values:
        return words.no_history(who=who, figure=figure)
    return words.past(
        who=who,
        figure=figure,
        bars=sparkline(values[-WIDEST:]),
        first=_value(each.metric, values[0]),
        last=_value(each.metric, values[-1]),
        runs=len(values),
        trend=_trend(each),
    )


def _value(metric: str, value: float) -> str:
    return f"{value * 100:.3g} %" if metric == "failures" else f"{ms(value)} ms"


def _trend(each: TargetHistory) -> str:
    change = each.trend.change
    if change.value is None or change.low is None or change.high is None:
        return words.no_trend(each.trend.reason or "")
    percents = [share * 100 for share in (change.value, change.low, change.high)]
    decimals = decimals_of(Estimate(value=percents[0], low=percents[1], high=percents[2]))
    value, low, high = (signed(share, decimals) for share in percents)
    within = f"{value} % ({percent(each.trend.confidence)} % CI {low} to {high})"
    if not each.trend.told:
        return words.no_trend(within)
    days = each.trend.days
    return words.trend(
        change=within, over=words.days(round(days)) if days >= 2 else format_duration(days * DAY)
    )


def _latest(history: History) -> Table | None:
    """The runs of the scenario that was measured last, the latest first."""
    last = max(history.histories, key=lambda each: each.runs[-1].started_at, default=None)
    if last is None:
        return None
    table = _runs(last)
    return replace(table, rows=table.rows[::-1])


def _runs(each: TargetHistory) -> Table:
    rows = tuple(_row(each.metric, run) for run in each.runs)
    header = (*words.PAST_RUN, words.figure_name(each.metric), words.LEFT_OUT)
    return Table("", header, rows, "lllrl")


def _row(metric: str, run: PastRun) -> tuple[str, ...]:
    value = ms(run.value) if metric != "failures" or run.value is None else _value(metric, run.value)
    began = run.started_at[:16].replace("T", " ")
    return (began, run.folder, run.status, NONE if run.value is None else value, run.left_out or "")
