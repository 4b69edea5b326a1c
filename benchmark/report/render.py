"""One renderer for each format; what a format needs is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.report.document import Report
from benchmark.result.model import Result


def render(format_: str, report: Report, result: Result) -> str:
    """The text of a report in one of `FORMATS`."""
    return FORMATS[format_](report, result)


def _html(report: Report, result: Result) -> str:
    from benchmark.report.html import render_html

    return render_html(report)


def _markdown(report: Report, result: Result) -> str:
    from benchmark.report.markdown import render_markdown

    return render_markdown(report)


def _junit(report: Report, result: Result) -> str:
    from benchmark.report.junit import render_junit

    return render_junit(result)


FORMATS: dict[str, Callable[[Report, Result], str]] = {
    "html": _html,
    "markdown": _markdown,
    "junit": _junit,
    "json": lambda report, result: result.to_json(),
}
