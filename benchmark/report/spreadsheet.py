"""Figures as CSV, for spreadsheets: a row for each round, and one for each stretch of it that was kept apart.

Of a sweep, the last columns name the level: its number, and its values by key; of a search, the load.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

from benchmark.analysis.estimate import Ranked, at_least_on_average
from benchmark.measure.series import Point
from benchmark.report.neutral import in_cell
from benchmark.report.parts import Part, parts_of
from benchmark.result.model import QUANTILES
from benchmark.result.run import Round, Run
from benchmark.units import MILLISECOND, NANOSECONDS

HEADER = (
    "kind",
    "target",
    "round",
    "begins (s since the first request)",
    "lasts (s)",
    "ok",
    "failed",
    "unsent",
    "achieved (1/s)",
    "mean response (ms)",
    *(f"{name} response (ms)" for name in QUANTILES),
    "max response (ms)",
    "p99 lateness (ms)",
    "not used because",
)


def render_csv(run: Run) -> str:
    """The file's text. A figure that reaches the unanswered reads `>=` the timeout; one beyond the data is empty.

    A mean counts the unanswered as if they had ended at the timeout, and then reads `>=` as well.
    """
    parts = parts_of(run)
    rounds = sorted(
        ((each, part) for part in parts for each in part.run.rounds),
        key=lambda pair: (pair[0].recording.first_due, pair[0].target, pair[0].number),
    )
    origin = min((each.recording.first_due for each, _ in rounds if each.recording.first_due), default=0)
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(map(in_cell, [*HEADER, *(_level_header(parts[0]) if parts else ())]))
    for each, part in rounds:
        begins = (each.recording.first_due - origin) / NANOSECONDS if each.recording.first_due else 0.0
        timeout = part.run.settings["timeout"]
        for row in (_round(each, begins, timeout), *_stretches(each, begins, timeout)):
            table.writerow(map(in_cell, [*row, *_level(part)]))
    return file.getvalue()


def _level_header(part: Part) -> list[str]:
    return [*(["level"] if part.number is not None else []), *part.names]


def _level(part: Part) -> list[object]:
    return [*([part.number] if part.number is not None else []), *part.names.values()]


def _round(round_: Round, begins: float, timeout: float) -> list[object]:
    kept = round_.asked
    response = Ranked(kept.histograms["response"], kept.beyond)
    return [
        *_place("round", round_, begins, round_.measured),
        kept.ok,
        kept.failed,
        kept.unsent,
        _number(kept.ok / round_.measured if round_.measured else math.nan),
        *_figures(response, timeout),
        _ms(Ranked(kept.histograms["lateness"]), 0.99, timeout),
        round_.flaw,
    ]


def _stretches(round_: Round, begins: float, timeout: float) -> Iterator[list[object]]:
    """By when requests were due."""
    series = round_.recording.series
    width = series.width / NANOSECONDS
    for index, point in sorted(series.points.items()):
        lasts = min(width, max(0.0, round_.measured - index * width)) or width
        yield [
            *_place("stretch", round_, begins + index * width, lasts),
            *_counts(point, lasts),
            *_figures(Ranked(point.response, point.unanswered), timeout),
            _ms(Ranked(point.lateness), 0.99, timeout),
            round_.flaw,
        ]


def _place(kind: str, round_: Round, begins: float, lasts: float) -> list[object]:
    return [kind, round_.target, round_.number + 1, _number(begins), _number(lasts)]


def _counts(point: Point, lasts: float) -> list[object]:
    ok = point.response.count
    return [ok, point.failed, "", _number(ok / lasts)]


def _figures(response: Ranked, timeout: float) -> list[str]:
    """Mean, quantiles and maximum; a quantile needs an exchange beyond it."""
    quantiles = [
        _ms(response, q, timeout) if response.count * (1 - q) >= 1 - 1e-9 else "" for q in QUANTILES.values()
    ]
    return [_ms(response, None, timeout), *quantiles, _ms(response, 1.0, timeout)]


def _ms(ranked: Ranked, q: float | None, timeout: float) -> str:
    if not ranked.count:
        return ""
    value = ranked.mean if q is None else ranked.quantile(q)
    if math.isfinite(value):
        return _number(value / MILLISECOND)
    least = timeout * 1e3 if q is not None else at_least_on_average(ranked, timeout * 1e3)
    return f">={_number(least)}"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
