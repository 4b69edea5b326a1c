"""What a report says of targets whose instances were called directly."""

from __future__ import annotations

from benchmark.report.numbers import NONE
from benchmark.report.phrases import en as words
from benchmark.report.table import Table
from benchmark.result.model import Direct, Result
from benchmark.units import format_duration

MOST = 50  # instances, and changes, that are shown


def instances(result: Result) -> tuple[Table, ...]:
    """Who answered, and what became of the list; nothing where only addresses were called."""
    told = {name: target.direct for name, target in result.targets.items() if target.direct}
    if not told:
        return ()
    rows = tuple(row for name, direct in told.items() for row in _rows(name, direct))
    notes = tuple(note for name, direct in told.items() for note in _notes(name, direct))
    return (
        Table(words.INSTANCES_CAPTION, words.INSTANCES, rows, "llrrrr", (*words.INSTANCES_NOTES, *notes)),
    )


def _rows(name: str, direct: Direct) -> list[tuple[str, ...]]:
    whole = sum(each.answered + each.failed for each in direct.instances)
    shown = [
        (
            each.address if each.listed else words.no_longer_listed(each.address),
            f"{each.weight:,}",
            f"{each.answered:,}",
            f"{each.failed:,}",
            f"{(each.answered + each.failed) / whole:.1%}" if whole else NONE,
        )
        for each in direct.instances[:MOST]
    ]
    return [(name if at == 0 else "", *row) for at, row in enumerate(shown)]


def _notes(name: str, direct: Direct) -> list[str]:
    notes = [words.polled(name, direct.url, format_duration(direct.poll_s), f"{direct.polls:,}")]
    if direct.failed_polls:
        notes.append(words.polls_failed(name, f"{direct.failed_polls:,}", direct.last_problem))
    for change in direct.changes[:MOST]:
        moved = (
            (words.JOINED, change.joined),
            (words.LEFT, change.left),
            (words.REWEIGHTED, change.reweighted),
        )
        what = "; ".join(f"{verb} {', '.join(who)}" for verb, who in moved if who)
        notes.append(words.list_changed(name, format_duration(change.after_s), what))
    if len(direct.changes) > MOST:
        notes.append(words.more_changes(name, f"{len(direct.changes) - MOST:,}"))
    if len(direct.instances) > MOST:
        notes.append(words.more_instances(name, f"{len(direct.instances) - MOST:,}"))
    return notes
