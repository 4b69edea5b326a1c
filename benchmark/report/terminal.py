"""A report on the terminal: the answer first, then compact tables, within 80 columns; in a window, within its rows too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from benchmark.report.document import Alarm, Bar, Report, Section
from benchmark.report.neutral import harmless
from benchmark.report.phrases import en as words
from benchmark.report.table import Table

ROWS = 19  # of a window's 24: others are the empty line before, where the report lies and one before that, the prompt
MOST_REASONS = 3  # of an alarm, in a window
_HEADER = 4  # rows that are none of a table's own: an empty one, names, a rule, and another empty one
_DOUBTS = 4  # rows that are kept for doubts, where there are so many
_LINES = 2  # that a reason or a doubt may take
_ANSWER = 4  # that an answer may take
_WIDE = 10_000  # columns, which no table has
_LEFT_OUT = {"method", "environment", "scenario"}
_LONGEST = 40  # columns of a bar
_NAME = 16  # columns of a target's name beside its bar


def render_terminal(report: Report, console: Console, *, quiet: bool = False, full: bool = True) -> None:
    """Print the answer and, unless quiet, what stands beside it: every table, or if not `full` what a window holds.

    Not `full` is: the answer, a bar for each target, one table, and what to doubt, in `ROWS` rows of 80 columns.
    """
    console.print()
    if full or quiet:
        _whole(report, console, quiet=quiet)
    else:
        _Window(console).show(report)


def _whole(report: Report, console: Console, *, quiet: bool) -> None:
    if report.alarm:
        _say(console, f"! {report.alarm.title}", _alarming(report.alarm))
        for reason in report.alarm.reasons:
            _say(console, reason, indent=2)
        console.print()
    for answer in report.answers:
        _say(console, answer, "bold")
    for remark in report.remarks:
        _say(console, remark, "italic")
    if quiet:
        return
    if report.bars:
        console.print()
        for bar in report.bars:
            console.print(_bar(bar, console))
    for section in report.sections:
        if section.key not in _LEFT_OUT:
            _section(console, section)


def _alarming(alarm: Alarm) -> str:
    return "bold red" if alarm.grave else "bold yellow"


class _Window:
    """Prints as much as there is room for, what matters most first."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._left = ROWS

    def show(self, report: Report) -> None:
        """The alarm and the answer, then bars, then a table in as many rows as leave room for doubts."""
        if report.alarm:
            self._print(_wrapped(f"! {report.alarm.title}", self._console, _alarming(report.alarm)))
            self._sentences(report.alarm.reasons, room=MOST_REASONS * _LINES, indent="  ")
            self._print([Text()])
        self._sentences(report.answers, "bold", room=self._left, most=_ANSWER)
        if report.bars and len(report.bars) < self._left:
            self._print([Text(), *(_bar(bar, self._console) for bar in report.bars)])
        notes = self._figures(report.summary, len(report.remarks)) if report.summary else []
        self._sentences([*notes, *report.remarks], "italic", room=self._left)

    def _figures(self, table: Table, doubts: int) -> list[str]:
        """As many of a table's columns and rows as there is room for, with so many doubts below; the notes on these."""
        table = _first_columns(table, self._console)
        doubts += len(table.notes)
        room = self._left - _HEADER
        if not table.rows or room <= min(doubts, 1):
            return []
        table = _first_rows(table, max(1, room - min(doubts, _DOUBTS)))
        self._console.print()
        self._console.print(_table(table, edge=False))
        self._console.print()
        self._left -= _HEADER + len(table.rows)
        return [note for note in table.notes if _is_marked(table, note)]

    def _print(self, lines: Sequence[Text]) -> None:
        for line in lines:
            self._console.print(line)
        self._left -= len(lines)

    def _sentences(
        self, texts: Sequence[str], style: str = "", *, room: int, most: int = _LINES, indent: str = ""
    ) -> None:
        """Those that there is room for, and how many more there are."""
        for number, text in enumerate(texts):
            lines = _wrapped(text, self._console, style, most, indent)
            others = len(texts) - number
            if len(lines) + (others > 1) > room:
                if room > 0:
                    self._print(_wrapped(words.more(others), self._console, "dim", 1, indent))
                return
            self._print(lines)
            room -= len(lines)


def _is_marked(table: Table, note: str) -> bool:
    """Whether a note belongs to a row: it begins with the mark that the row's cell ends with."""
    mark = note.split(" ")[0]
    return any(cell.endswith(mark) for row in table.rows for cell in row)


def _first_columns(table: Table, console: Console) -> Table:
    """The table without the last columns that do not fit beside the others."""
    wide = console.options.update(width=_WIDE)
    while (
        len(table.align) > 1
        and console.measure(_table(table, edge=False), options=wide).maximum > console.width
    ):
        table = replace(
            table,
            header=table.header[:-1],
            rows=tuple(row[:-1] for row in table.rows),
            align=table.align[:-1],
        )
    return table


def _wrapped(text: str, console: Console, style: str = "", most: int = 2, indent: str = "") -> list[Text]:
    """A sentence in so many lines at most."""
    width = console.width - len(indent)
    lines = list(plain(text).wrap(console, width))
    if len(lines) > most:
        lines = lines[:most]
        lines[-1].rstrip()
        lines[-1].truncate(width - 2)
        lines[-1].append(" …")
    for line in lines:
        line.rstrip()
        line.stylize(style)
    return [Text(indent).append_text(line) for line in lines]


def _first_rows(table: Table, most: int) -> Table:
    """A table's first rows, the one that matters most among them."""
    at = list(range(len(table.rows)))
    if len(at) > most:
        strong = [] if table.strong is None else [table.strong]
        at = sorted([*strong, *(each for each in at if each != table.strong)][:most])
    return replace(
        table,
        rows=tuple(table.rows[each] for each in at),
        strong=at.index(table.strong) if table.strong in at else None,
        sums=tuple(at.index(each) for each in table.sums if each in at),
    )


def plain(text: str) -> Text:
    """Text that cannot steer the terminal, and has no markup."""
    return Text(harmless(text))


def _say(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    said = plain(text)
    said.stylize(style)
    console.print(Padding(said, (0, 0, 0, indent)), highlight=False)


def _bar(bar: Bar, console: Console) -> Text:
    room = console.width - _NAME - len(bar.text) - 3
    name = plain(bar.target)
    name.truncate(_NAME, overflow="ellipsis", pad=True)
    length = max(1, round(bar.share * min(_LONGEST, room)))
    return Text.assemble(" ", name, " ", ("█" * length, "cyan"), " ", plain(bar.text))


def _section(console: Console, section: Section) -> None:
    console.print()
    _say(console, section.title, "bold underline")
    for table in section.tables:
        if table.detail:
            continue
        if table.caption:
            _say(console, table.caption, "dim")
        console.print(_table(table))
        for note in table.notes:
            _say(console, note, "dim", indent=1)


def _table(table: Table, *, edge: bool = True) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=edge)
    for name, side in zip(table.header, table.align, strict=True):
        shown.add_column(plain(name), justify="left" if side == "l" else "right", overflow="fold")
    for at, row in enumerate(table.rows):
        shown.add_row(*map(plain, row), style="bold" if at == table.strong or at in table.sums else "")
    return shown
