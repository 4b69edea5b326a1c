"""One renderer for each format; what a format needs is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.report.document import Report
from benchmark.report.neutral import harmless, in_json
from benchmark.result.model import Result
from benchmark.result.run import Run


def render(format_: str, report: Report, result: Result) -> str:
    """The text of a report in one of `FORMATS`."""
    return FORMATS[format_](report, result)


def render_data(format_: str, report: Report, run: Run) -> str | bytes:
    """A run's figures or pictures in one of `DATA`, for other programs."""
    return DATA[format_](report, run)


def _html(report: Report, result: Result) -> str:
    from benchmark.report.html import render_html

    return render_html(report)


def _markdown(report: Report, result: Result) -> str:
    from benchmark.report.markdown import render_markdown

    return render_markdown(report)


def _junit(report: Report, result: Result) -> str:
    from benchmark.report.junit import render_junit

    return harmless(render_junit(result))


def _csv(report: Report, run: Run) -> str:
    from benchmark.report.spreadsheet import render_csv

    return render_csv(run)


def _hlog(report: Report, run: Run) -> str:
    from benchmark.report.hlog import render_hlog

    return harmless(render_hlog(run))


def _png(report: Report, run: Run) -> bytes:
    from benchmark.report.png import render_png

    return render_png(report)


FORMATS: dict[str, Callable[[Report, Result], str]] = {
    "html": _html,
    "markdown": _markdown,
    "junit": _junit,
    "json": lambda report, result: in_json(result.to_json()),
}
DATA: dict[str, Callable[[Report, Run], str | bytes]] = {"csv": _csv, "hlog": _hlog, "png": _png}
