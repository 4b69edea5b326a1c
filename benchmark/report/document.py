"""What a report says, before anyone renders it: sentences, tables and charts, with every figure in its final form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

from benchmark.report import phrases, tables
from benchmark.report.charts import Charts, chart_data
from benchmark.report.tables import Table
from benchmark.result.model import Result
from benchmark.result.run import Run


@dataclass(frozen=True)
class Section:
    """A heading, what is said under it, and its tables."""

    title: str
    tables: tuple[Table, ...] = ()
    lines: tuple[str, ...] = ()
    charts: tuple[str, ...] = ()  # names among the report's charts
    folded: str = ""  # preformatted text that is shown on demand


@dataclass(frozen=True)
class Report:
    """Everything that a renderer needs."""

    title: str
    subtitle: str
    warnings: tuple[str, ...]  # stand before every figure
    answers: tuple[str, ...]  # the headline, one sentence per comparison
    remarks: tuple[str, ...]
    sections: tuple[Section, ...]
    charts: Charts = field(repr=False)


def describe(result: Result, run: Run) -> Report:
    """The report on a run."""
    comparison = tuple(tables.comparison(each) for each in result.comparisons)
    return Report(
        title=result.name,
        subtitle=phrases.subtitle(result),
        warnings=phrases.warnings(result),
        answers=phrases.answers(result),
        remarks=phrases.remarks(result),
        sections=tuple(
            section
            for section in (
                Section("Comparison", comparison, charts=("difference",) if comparison else ()),
                Section("Latency", (tables.latency(result),), charts=("percentiles", "rounds")),
                Section("Where the time goes", tables.phases(result), charts=("phases",)),
                Section("Throughput and account", tables.account(result)),
                Section("Objectives", (tables.objectives(result),) if result.objectives else ()),
                Section("How it was measured", lines=phrases.method(result)),
                Section("Environment", (tables.environment(result),)),
                Section("Scenario", folded=_yaml(result.scenario)),
            )
            if section.tables or section.lines or section.folded
        ),
        charts=chart_data(result, run),
    )


def _yaml(scenario: dict[str, Any]) -> str:
    return yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True, width=90)
