"""A report as GitHub-flavoured Markdown, for issues and wikis; hostile text stays text."""

from __future__ import annotations

import re

from benchmark.report.document import Report, Section
from benchmark.report.marks import pieces
from benchmark.report.neutral import harmless
from benchmark.report.phrases import en as words
from benchmark.report.table import Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]#|~])")
_RULES = {"l": ":---", "r": "---:"}


def render_markdown(report: Report) -> str:
    """The report's text; charts are left to the page."""
    parts = [f"# {escape(report.title)}", escape(report.subtitle)]
    if report.alarm:
        title = f"> **{escape(report.alarm.title)}**"
        parts.append("\n".join([title, *(f"> * {marked(reason)}" for reason in report.alarm.reasons)]))
    parts += [f"**{marked(answer)}**" for answer in report.answers]
    parts += [f"*{marked(remark)}*" for remark in report.remarks]
    parts += [_section(section) for section in report.sections]
    return harmless("\n\n".join(part for part in parts if part) + "\n")


def escape(text: str) -> str:
    """Text as text: no markup, no HTML, no line breaks."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", flat)


def marked(text: str) -> str:
    """A sentence with its names and code marked up."""
    return "".join(_code(piece) if code else _keep_ends(piece) for code, piece in pieces(text))


def _keep_ends(text: str) -> str:
    """Escaped, with the spaces that part it from the code beside it."""
    return " " * text[0].isspace() + escape(text) + " " * (text[-1].isspace() and bool(text.strip()))


def _code(text: str) -> str:
    return f"`{' '.join(text.split())}`".replace("|", "\\|")


def _section(section: Section) -> str:
    parts = [f"## {section.title}", *map(_table, section.tables)]
    if section.lines:
        parts.append("\n".join(f"* {marked(line)}" for line in section.lines))
    if section.terms:
        parts.append("\n".join(f"* **{escape(term)}**: {marked(told)}" for term, told in section.terms))
    if section.text:
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", section.text)), default=0))
        parts.append(f"{fence}yaml\n{section.text.rstrip()}\n{fence}")
    body = "\n\n".join(parts)
    if not section.folded:
        return body
    heading, _, rest = body.partition("\n\n")
    return f"{heading}\n\n<details><summary>{words.FOLD}</summary>\n\n{rest}\n\n</details>"


def _table(table: Table) -> str:
    lines = [
        _row(tuple(map(escape, table.header)) or ("",) * len(table.align)),
        _row(tuple(_RULES[side] for side in table.align)),
        *(
            _row(_cells(row, strong=at == table.strong or at in table.sums))
            for at, row in enumerate(table.rows)
        ),
    ]
    notes = "\n".join(f"* {marked(note)}" for note in table.notes)
    return "\n\n".join(part for part in (escape(table.caption), "\n".join(lines), notes) if part)


def _cells(row: tuple[str, ...], *, strong: bool) -> tuple[str, ...]:
    return tuple(f"**{marked(cell)}**" if strong and cell else marked(cell) for cell in row)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
