"""What a report says, before anyone renders it: sentences, tables and chart data, with every figure in final form.

Backticks in its sentences mark names and code; renderers turn them into what their format has for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import yaml

from benchmark.analysis.failing import FAILING, NO_ANSWERS
from benchmark.report import capacity, costs, dose, objectives, sweep, tables
from benchmark.report.answers import answers
from benchmark.report.charts import Charts, chart_data
from benchmark.report.instances import instances
from benchmark.report.numbers import NONE, ms
from benchmark.report.phrases import en as words
from benchmark.report.precision import precision
from benchmark.report.streams import streams
from benchmark.report.table import Table
from benchmark.result.model import Result
from benchmark.result.run import Run
from benchmark.units import format_duration, format_rate


@dataclass(frozen=True)
class Alarm:
    """What must be known before any figure is read."""

    title: str
    reasons: tuple[str, ...]
    grave: bool  # the figures cannot be relied on


@dataclass(frozen=True)
class Bar:
    """A target's headline figure, for a first glance."""

    target: str
    text: str
    share: float  # of the longest bar
    colour: int  # its place among the run's targets


@dataclass(frozen=True)
class Section:
    """A heading, and what stands under it."""

    key: str
    title: str
    charts: tuple[str, ...] = ()  # names among the report's charts
    tables: tuple[Table, ...] = ()
    lines: tuple[str, ...] = ()
    terms: tuple[tuple[str, str], ...] = ()
    text: str = ""  # preformatted
    folded: bool = False  # shown on demand


@dataclass(frozen=True)
class Report:
    """Everything that a renderer needs."""

    title: str
    subtitle: str
    alarm: Alarm | None
    answers: tuple[str, ...]
    bars: tuple[Bar, ...]
    remarks: tuple[str, ...]
    sections: tuple[Section, ...]
    charts: Charts = field(repr=False)
    summary: Table | None = None  # the one table that is shown where space is short


def describe(result: Result, run: Run) -> Report:
    """The report on a run."""
    charts = chart_data(result, run)
    return Report(
        title=result.name,
        subtitle=_subtitle(result),
        alarm=_alarm(result, aborted=bool(run.aborted)),
        answers=capacity.answers(result) or sweep.answers(result) or (*answers(result), *costs.answers(result)),
        bars=_bars(result),
        remarks=_remarks(result),
        sections=tuple(section for section in _sections(result, charts) if section.tables or section.lines or section.text),
        charts=charts,
        summary=_summary(result),
    )  # fmt: skip


def _summary(result: Result) -> Table | None:
    """The figures that the answer is taken from."""
    if result.capacity:
        return capacity.summary(result)
    if result.sweep:
        return sweep.tables(result)[0]
    if result.comparisons:
        return tables.summary(result.comparisons[0])
    latency = tables.latency(result, brief=True)
    return latency if any(cell != NONE for row in latency.rows for cell in row[2:]) else None


def _sections(result: Result, charts: Charts) -> list[Section]:
    compared = tuple(table for each in result.comparisons for table in tables.comparison(each))
    judged = tuple(table for table in objectives.tables(result) if table.rows) if result.objectives else ()
    scenario = yaml.safe_dump(result.scenario, sort_keys=False, allow_unicode=True, width=90)

    def section(key: str, *drawn: str, **kept: Any) -> Section:
        return Section(
            key, words.SECTIONS[key], tuple(name for name in drawn if name in charts.drawn), **kept
        )

    made = [
        section("environment", tables=(tables.environment(result),), folded=True),
        section("scenario", text=scenario if result.scenario else "", folded=True),
    ]
    if result.capacity:
        searched = section("capacity", "capacity", tables=capacity.tables(result))
        return [searched, section("method", lines=words.CAPACITY_METHOD), *made]
    if result.sweep is not None:
        swept = section("sweep", "saved", "factors", "swept", tables=sweep.tables(result))
        cost = section("cost", tables=costs.swept(result.sweep), lines=costs.swept_lines(result.sweep))
        return [swept, cost, section("method", lines=_method(result), terms=words.TERMS), *made]
    return [
        section("objectives", tables=judged),
        section("comparison", "difference", tables=compared),
        section(
            "breakdown",
            "parts",
            tables=tuple(each for split in result.breakdown for each in tables.breakdown(split)),
        ),
        section("cost", tables=costs.tables(result), lines=costs.lines(result)),
        section(_told_of_tokens(result), "first_tokens", "gaps", tables=streams(result)),
        section("latency", "percentiles", "rounds", tables=(tables.latency(result),)),
        section("phases", "phases", tables=tables.phases(result)),
        section("account", tables=(*tables.account(result), *instances(result))),
        section("method", lines=_method(result), terms=words.TERMS),
        *made,
    ]


def _told_of_tokens(result: Result) -> str:
    """Which section: of streams, or only of tokens that came in whole answers."""
    return "streams" if any(target.stream for target in result.targets.values()) else "tokens"


def _subtitle(result: Result) -> str:
    settings = result.settings
    started = result.started_at.replace("T", " ").replace("+00:00", " UTC")
    if result.capacity:
        return f"{started} · {capacity.subtitle(result)}"
    return words.subtitle(
        started=started,
        load=words.load(
            rate=format_rate(settings["rate"]) if settings["open_loop"] else None,
            arrivals=str(settings["arrivals"]),
            connections=f"{settings['connections']}",
            stages=bool(settings.get("stages")),
            blocks=bool(settings.get("blocks")),
        )
        if not result.sweep
        else words.swept_load(count=len(result.sweep), keys=sweep.key_of(result)),
        rounds=_rounds(result),
        duration=format_duration(settings["duration"] * _rounds(result) / settings["rounds"]),
        blocks=bool(settings.get("blocks")),
    )


def _rounds(result: Result) -> int:
    """As planned; where a pilot said how many, as many as there were."""
    return max((each.rounds for each in result.precision), default=0) or int(result.settings["rounds"])


def _alarm(result: Result, *, aborted: bool) -> Alarm | None:
    status = result.verdict.status
    if status == "pass":
        return None
    codes = set(result.verdict.codes)
    failing = status == "fail" and bool(codes) and codes <= FAILING
    title = words.ALARMS["aborted" if aborted and status == "fail" else "failing" if failing else status]
    return Alarm(title, tuple(_reasons(result)), grave=status != "fail" or bool(codes & NO_ANSWERS))


def _reasons(result: Result) -> Iterator[str]:
    """Those of the verdict; where requests failed, with what to do about it."""
    for code, reason in zip_longest(result.verdict.codes, result.verdict.reasons):
        kind = reason.rpartition("`")[0].rpartition("`")[2] if code in FAILING else ""
        status = kind.removeprefix("status ")
        advice = (
            words.REFUSED.get(int(status), words.REMEDIES["status"])
            if status.isdecimal()
            else words.REMEDIES.get(kind)
        )
        yield f"{reason}: {advice}" if advice else reason


def _bars(result: Result) -> tuple[Bar, ...]:
    """The primary figure of every compared target, unless the run cannot be believed."""
    if not result.comparisons or result.verdict.status == "invalid":
        return ()
    primaries = [(each.candidate, each.primary.candidate) for each in result.comparisons]
    first = result.comparisons[0]
    figures = dict([(first.baseline, first.primary.baseline), *primaries])
    known = {name: value for name, value in figures.items() if value is not None}
    longest = max(known.values(), default=0.0)
    if len(known) < len(figures) or not longest:
        return ()
    order = list(result.targets)
    return tuple(
        Bar(name, f"{ms(known[name])} ms", known[name] / longest, order.index(name))
        for name in order
        if name in known
    )


def _remarks(result: Result) -> tuple[str, ...]:
    """What belongs beside the answer; that paths are simulated comes first."""
    said = [words.SIMULATED] if result.settings.get("simulated") else []
    if result.objectives and all(each.met for each in result.objectives):
        said.append(words.objectives_met(len(dict.fromkeys(each.objective for each in result.objectives))))
    said += [*capacity.remarks(result), *sweep.remarks(result)]
    said += map(precision, result.precision)
    said += dose.remarks(result)
    said += [remark for each in result.comparisons for remark in each.remarks]
    said += [
        f"{words.target(name, start=True)}: {note}."
        for name, target in result.targets.items()
        for note in target.notes
    ]
    return tuple(dict.fromkeys([*said, *result.notes, *result.generator.reasons]))


def _method(result: Result) -> tuple[str, ...]:
    settings = result.settings
    stages = bool(settings.get("stages"))
    load = (
        words.open_loop(rate=format_rate(settings["rate"]), arrivals=settings["arrivals"], stages=stages)
        if settings["open_loop"]
        else words.closed_loop(connections=f"{settings['connections']:,}", stages=stages)
    )
    return (
        *([] if settings.get("blocks") else [words.SWEEP_METHOD if result.sweep else load]),
        words.in_blocks(_rounds(result))
        if settings.get("blocks")
        else words.rounds(
            count=_rounds(result),
            compared=len(result.targets) > 1,
            duration=format_duration(settings["duration"] * _rounds(result) / settings["rounds"]),
            warmup=format_duration(settings["warmup"]),
        ),
        words.connections(kept=settings["keep_connections"]),
        *([words.usage(asked=settings["asks_usage"])] if settings.get("streamed") else []),
        words.timeout(
            format_duration(settings["timeout"]),
            format_duration(settings["connect_timeout"]) if settings.get("connect_timeout") else None,
        ),
    )
