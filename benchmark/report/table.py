"""A table before anyone renders it: text in rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Cells are final text; `align` has an `l` or `r` for each column."""

    caption: str
    header: tuple[str, ...]  # empty: rows are names and their values
    rows: tuple[tuple[str, ...], ...]
    align: str
    notes: tuple[str, ...] = ()
    strong: int | None = None  # the row that matters most
    detail: bool = False  # may be left out where space is short
    sums: tuple[int, ...] = ()  # rows that sum up those before them


def figures(header: tuple[str, ...], names: int = 1) -> str:
    """The alignment of a table whose first columns are names, and the others figures."""
    return "l" * names + "r" * (len(header) - names)
