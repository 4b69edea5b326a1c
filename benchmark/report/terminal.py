"""A report on the terminal: the answer first, then the tables, within 80 columns."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from benchmark.report.document import Report
from benchmark.report.tables import Table

SHOWN = ("Comparison", "Latency", "Where the time goes", "Throughput and account", "Objectives")


def render_terminal(report: Report, console: Console, *, quiet: bool = False) -> None:
    """Print the answer, and unless quiet the tables."""
    console.print()
    for warning in report.warnings:
        console.print(Text(warning, "bold red"))
    for answer in report.answers:
        console.print(Text(answer, "bold"))
    for remark in report.remarks:
        console.print(Text(remark, "italic"))
    if quiet:
        return
    for section in report.sections:
        if section.title in SHOWN:
            console.print()
            for table in section.tables:
                console.print(_table(table))
                for note in table.notes:
                    console.print(Padding(Text(note, "dim"), (0, 0, 0, 1)))


def _table(table: Table) -> RichTable:
    shown = RichTable(
        title=Text(table.caption, "italic"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for index, name in enumerate(table.header):
        shown.add_column(Text(name), justify="left" if index == 0 else "right", overflow="fold")
    for row in table.rows:
        shown.add_row(*map(Text, row))
    return shown
