"""A report on the terminal: the answer first, then compact tables, within 80 columns."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from benchmark.report.document import Bar, Report, Section
from benchmark.report.neutral import harmless
from benchmark.report.table import Table

_LEFT_OUT = {"method", "environment", "scenario"}
_LONGEST = 40  # columns of a bar
_NAME = 16  # columns of a target's name beside its bar


def render_terminal(report: Report, console: Console, *, quiet: bool = False) -> None:
    """Print the answer and, unless quiet, the tables."""
    console.print()
    if report.alarm:
        _say(console, f"! {report.alarm.title}", "bold red" if report.alarm.grave else "bold yellow")
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
            console.print(_bar(bar))
    for section in report.sections:
        if section.key not in _LEFT_OUT:
            _section(console, section)


def plain(text: str) -> Text:
    """Text that cannot steer the terminal, and has no markup."""
    return Text(harmless(text))


def _say(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    said = plain(text)
    said.stylize(style)
    console.print(Padding(said, (0, 0, 0, indent)), highlight=False)


def _bar(bar: Bar) -> Text:
    name = plain(bar.target)
    name.truncate(_NAME, overflow="ellipsis", pad=True)
    length = max(1, round(bar.share * _LONGEST))
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


def _table(table: Table) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name, side in zip(table.header, table.align, strict=True):
        shown.add_column(plain(name), justify="left" if side == "l" else "right", overflow="fold")
    for at, row in enumerate(table.rows):
        shown.add_row(*map(plain, row), style="bold" if at == table.strong or at in table.sums else "")
    return shown
