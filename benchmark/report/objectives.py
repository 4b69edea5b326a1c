"""Objectives in a report: met or missed, and in which windows."""

from __future__ import annotations

from benchmark.report.numbers import NONE
from benchmark.report.phrases import en as words
from benchmark.report.table import Table
from benchmark.result.model import Breach, ObjectiveResult, Result
from benchmark.units import significant


def tables(result: Result) -> tuple[Table, ...]:
    """Every objective, and what broke those that hold in windows."""
    rows = tuple((each.objective, each.target, each.said, word_of(each)) for each in result.objectives)
    broken = tuple(_row(each, breach) for each in result.objectives for breach in breaches(each))
    return (
        Table(words.OBJECTIVES_CAPTION, words.OBJECTIVE, rows, "llrl"),
        Table(words.BREACHES_CAPTION, words.BREACH, broken, "llrrrrrr", (words.BREACH_NOTE,)),
    )


def word_of(judged: ObjectiveResult) -> str:
    """In a word."""
    return words.MET if judged.met else words.MISSED if judged.decided else words.UNDECIDED


def breaches(judged: ObjectiveResult) -> list[Breach]:
    """Where an objective was broken; none where it is not one of windows."""
    return judged.windows.breaches if judged.windows else []


def told(breach: Breach) -> str:
    """A breach in a line."""
    return words.breach(
        round_=breach.round,
        begin=_seconds(breach.begin_s),
        end=_seconds(breach.end_s),
        measured=breach.said,
        over="" if breach.over is None else _over(breach.over),
        worst=_span(breach.worst_begin_s, breach.worst_end_s),
        windows=breach.windows,
    )


def _row(judged: ObjectiveResult, breach: Breach) -> tuple[str, ...]:
    return (
        judged.objective,
        judged.target,
        str(breach.round),
        _span(breach.at_s, breach.at_s + breach.end_s - breach.begin_s),
        _span(breach.worst_begin_s, breach.worst_end_s),
        breach.said,
        NONE if breach.over is None else _over(breach.over),
        str(breach.windows),
    )


def _over(share: float) -> str:
    """By how much a limit was missed: in percent, or as a multiple of it."""
    return f"{significant(share, 2)} ×" if share >= 10 else f"{significant(100 * share, 2)} %"


def _span(begin: float, end: float) -> str:
    return f"{_seconds(begin)}–{_seconds(end)}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}".rstrip("0").rstrip(".")
