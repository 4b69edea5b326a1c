"""A report as Markdown, for issues and wikis."""

from __future__ import annotations

import re

from benchmark.report.document import Report, Section
from benchmark.report.tables import Table


def render_markdown(report: Report) -> str:
    """GitHub-flavoured Markdown."""
    parts = [f"# {escape(report.title)}", escape(report.subtitle)]
    parts += [f"> **{escape(warning)}**" for warning in report.warnings]
    parts += [f"**{escape(answer)}**" for answer in report.answers]
    parts += [escape(remark) for remark in report.remarks]
    parts += [_section(section) for section in report.sections]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Hostile text stays text; our own `code` marks stay marks."""
    return (
        re.sub(r"([\\|*_\[\]#])", r"\\\1", text).replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    )


def _section(section: Section) -> str:
    parts = [f"## {section.title}"]
    parts += [_table(table) for table in section.tables]
    if section.lines:
        parts.append("\n".join(f"* {escape(line)}" for line in section.lines))
    if section.folded:
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", section.folded)), default=0))
        parts.append(f"{fence}yaml\n{section.folded}{fence}")
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    lines = [
        table.header,
        ("---", *["---:"] * (len(table.header) - 1)),
        *(tuple(map(escape, row)) for row in table.rows),
    ]
    body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    parts = [part for part in (escape(table.caption), body, *(escape(note) for note in table.notes)) if part]
    return "\n\n".join(parts)
