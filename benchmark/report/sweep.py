"""What a sweep found, for a report: a sentence for each comparison, its levels as tables, and the curves over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmark.analysis.comparison import Outcome, outcome
from benchmark.report.numbers import NONE, decimals_of, distances, percent, shown, signed
from benchmark.report.objectives import word_of
from benchmark.report.phrases import en as words
from benchmark.report.table import Table, figures
from benchmark.report.tables import marks_of, metric_row
from benchmark.result.model import BreakdownRow, Comparison, Metric, Result, SweepLevel, TargetResult
from benchmark.units import format_rate

Rows = list[dict[str, Any]]


def answers(result: Result) -> tuple[str, ...]:
    """The first and the last level of every comparison, or of every target where nothing is compared."""
    levels = result.sweep or []
    if not levels:
        return ()
    ends = levels[:: len(levels) - 1] if len(levels) > 1 else levels
    if levels[0].comparisons:
        return tuple(_compared(ends, each) for each in levels[0].comparisons)
    return tuple(
        words.sweep_answer(
            who=words.target(name, start=True),
            figure="p50",
            told=[(f"{shown(each.targets[name].response_ms, 'p50')} ms", each.label) for each in ends],
        )
        for name in levels[0].targets
    )


def _compared(ends: list[SweepLevel], compared: Comparison) -> str:
    told = [
        (_distance(each, found.confidence), level.label)
        for level, found in _of(ends, compared)
        for each in [found.primary]
    ]
    return words.sweep_answer(
        who=words.target(compared.candidate, start=True),
        figure=words.figure_name(compared.primary.metric),
        told=told,
    )


def _distance(metric: Metric, confidence: float) -> str:
    match outcome(metric):
        case Outcome.FASTER | Outcome.SLOWER:
            value, near, far = distances(metric.difference)
            interval = words.interval(confidence=percent(confidence), low=near, high=far)
            return words.sooner(by=value, sooner=(metric.difference.value or 0) < 0, interval=interval)
        case Outcome.ALIKE:
            return words.NOT_MEASURABLE
        case _:
            return words.NO_FIGURE


def remarks(result: Result) -> tuple[str, ...]:
    """What a reader must know, once where it holds at every level."""
    levels = result.sweep or []
    said: dict[str, list[str]] = {}
    for level in levels:
        own = [remark for each in level.comparisons for remark in each.remarks]
        own += [
            f"{words.target(name, start=True)}: {note}."
            for name, target in level.targets.items()
            for note in target.notes
        ]
        for remark in dict.fromkeys(own):
            said.setdefault(remark, []).append(level.label)
    return tuple(
        remark if len(labels) == len(levels) else words.at_levels(labels, remark)
        for remark, labels in said.items()
    )


def tables(result: Result) -> tuple[Table, ...]:
    """The advantage at every level, then how each target did."""
    levels = result.sweep or []
    if not levels:
        return ()
    compared = [table for each in levels[0].comparisons for table in _advantages(levels, each)]
    parts = (table for each in levels[0].comparisons if (table := _parts(levels, each)).rows)
    return (*compared, *parts, _levels(levels))


def _parts(levels: list[SweepLevel], compared: Comparison) -> Table:
    """What the mean difference is made of at each level; a part that nobody paid at any level is left out."""
    found = [
        (level, split)
        for level in levels
        for split in level.breakdown
        if (split.baseline, split.candidate) == (compared.baseline, compared.candidate)
    ]
    paid = {row.phase for _, split in found for row in split.rows if max(row.baseline, row.candidate) > 0}
    phases = [phase for phase in words.PARTS if phase in paid]
    header = (*levels[0].values, *(words.PARTS[phase] for phase in phases), words.PARTS["response"])
    rows = []
    for level, split in found:
        told = {
            row.phase: words.WITHHELD if split.withheld else _signed(row)
            for row in (*split.rows, split.total)
        }
        rows.append((*level.values.values(), *(told.get(phase, NONE) for phase in (*phases, "response"))))
    caption = words.parts_caption(candidate=compared.candidate, baseline=compared.baseline)
    return Table(caption, header, tuple(rows), figures(header, len(levels[0].values)), detail=True)


def _signed(row: BreakdownRow) -> str:
    value = row.difference.value
    return NONE if value is None else signed(value, decimals_of(row.difference))


def _advantages(levels: list[SweepLevel], compared: Comparison) -> Iterator[Table]:
    """By the primary metric; as details by others of its kind."""
    primary = compared.primary.metric
    kind, _, _ = primary.partition(".")
    others = [f"{kind}.mean", f"{kind}.p50", f"{kind}.p99", *(f"{each}.mean" for each in ("itl", "e2e"))]
    measured = {metric.metric for metric in compared.metrics}
    yield _advantage(levels, compared, primary)
    for name in others:
        if name in measured - {primary}:
            yield _advantage(levels, compared, name, detail=True)


def _advantage(levels: list[SweepLevel], compared: Comparison, name: str, *, detail: bool = False) -> Table:
    found = [
        (level, metric)
        for level, each in _of(levels, compared)
        for metric in each.metrics
        if metric.metric == name
    ]
    marks = marks_of([metric for _, metric in found])
    header = words.comparison_header(
        baseline=compared.baseline, candidate=compared.candidate, confidence=percent(compared.confidence)
    )
    header = (*levels[0].values, *header[1:])
    rows = tuple((*level.values.values(), *metric_row(metric, marks)[1:]) for level, metric in found)
    caption = words.advantage_caption(
        candidate=compared.candidate,
        baseline=compared.baseline,
        figure=words.figure_name(name),
    )
    notes = tuple(f"{mark} {why}" for why, mark in marks.items())
    return Table(caption, header, rows, figures(header, len(levels[0].values)), notes, None, detail)


def _levels(levels: list[SweepLevel]) -> Table:
    judged = any(level.objectives or level.verdict.status != "pass" for level in levels)
    names = (*levels[0].values, words.TARGET)
    streamed = any(target.stream for level in levels for target in level.targets.values())
    columns = words.SWEPT_STREAMS if streamed else words.SWEPT
    header = (*names, *(columns if judged else columns[:-1]))
    rows = tuple(
        (*level.values.values(), name, *_figures(target), *((_judged(level, name),) if judged else ()))
        for level in levels
        for name, target in level.targets.items()
    )
    return Table(words.SWEPT_CAPTION, header, rows, figures(header, len(names)))


def _figures(target: TargetResult) -> tuple[str, ...]:
    counts = target.counts
    lost = f"{(counts.failed + counts.unsent) / counts.scheduled:.2%}" if counts.scheduled else NONE
    times = [(target.response_ms, each) for each in ("p50", "p95", "p99")]
    if target.stream:
        first, gaps = target.stream.ttft_ms, target.stream.itl_ms
        times = [(first, "p50"), (first, "p99"), (gaps, "p50")]
    return (format_rate(target.rate.achieved), *(shown(kept, figure) for kept, figure in times), lost)


def _judged(level: SweepLevel, target: str) -> str:
    """Whether the target met this level's objectives; that the level cannot be believed comes first."""
    status, mine = level.verdict.status, [word_of(each) for each in level.objectives if each.target == target]
    if status in words.SWEPT_VERDICTS:
        return words.SWEPT_VERDICTS[status]
    return min(mine, key=(words.MISSED, words.UNDECIDED, words.MET).index, default=NONE)


def key_of(result: Result) -> str:
    """What is swept."""
    return ", ".join(result.sweep[0].values) if result.sweep else ""


def curves(result: Result) -> Rows:
    """The rows of the chart of latencies."""
    return [
        {**place, "target": name, "figure": figure, "ms": times.get(figure)}
        for level, place in _placed(result)
        for name, target in level.targets.items()
        for times in [target.stream.ttft_ms if target.stream else target.response_ms]
        for figure in ("p50", "p99")
        if times.get(figure)
    ]


def advantages(result: Result) -> Rows:
    """The rows of the charts of what is saved: milliseconds and times, with their intervals, better up."""
    rows: Rows = []
    for level, place in _placed(result):
        for each in level.comparisons:
            metric = each.primary
            if outcome(metric) in {Outcome.WITHHELD, Outcome.NOT_ENOUGH_DATA}:
                continue
            saved, ratio = metric.difference, metric.ratio
            row = {**place, "candidate": each.candidate, "metric": words.figure_name(metric.metric)}
            row |= {"saved": -(saved.value or 0), "low": -(saved.high or 0), "high": -(saved.low or 0)}
            if ratio.value and ratio.low and ratio.high:
                row |= {"times": 1 / ratio.value, "least": 1 / ratio.high, "most": 1 / ratio.low}
            rows.append(row)
    return rows


def _placed(result: Result) -> Iterator[tuple[SweepLevel, dict[str, Any]]]:
    """Every level with its place on the charts: a number where one key is swept over numbers."""
    levels = result.sweep or []
    numbers = [list(level.numbers.values()) for level in levels]
    numeric = all(len(each) == 1 and each[0] is not None for each in numbers)
    for level, number in zip(levels, numbers, strict=True):
        name = ", ".join(level.values.values())
        yield level, {"level": name, "x": number[0] if numeric else None}


def _of(levels: list[SweepLevel], compared: Comparison) -> list[tuple[SweepLevel, Comparison]]:
    """The same comparison at each of these levels."""
    return [
        (level, each)
        for level in levels
        for each in level.comparisons
        if (each.baseline, each.candidate) == (compared.baseline, compared.candidate)
    ]
