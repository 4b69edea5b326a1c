"""All charts of a report as one picture."""

from __future__ import annotations

import textwrap
from typing import Any

from benchmark.errors import InputError
from benchmark.report.charts import specifications
from benchmark.report.document import Report
from benchmark.report.marks import pieces
from benchmark.report.phrases import en as words
from benchmark.report.themes import THEMES

WIDTH = 760
SCALE = 2.0
LINE = 100  # characters of the answer


def render_png(report: Report) -> bytes:
    """The file's content.

    Raises:
        InputError: the run has nothing that could be drawn.
    """
    import vl_convert

    image: bytes = vl_convert.vegalite_to_png(picture(report), scale=SCALE)
    return image


def picture(report: Report) -> dict[str, Any]:
    """All charts one below the other, as one Vega-Lite specification; the data of all stand at its top."""
    drawn = specifications(report.charts)
    if not drawn:
        raise InputError("there is too little in this run to draw; --format markdown tells what there is")
    data = {name: rows for chart in drawn.values() for name, rows in chart.pop("datasets", {}).items()}
    return {
        "$schema": next(iter(drawn.values()))["$schema"],
        "title": {"text": report.title, "subtitle": _lines(report), "anchor": "start", "fontSize": 18, "offset": 16},
        "vconcat": [_titled(name, chart) for name, chart in drawn.items()],
        "datasets": data,
        "spacing": 36,
        "resolve": {"scale": {"color": "independent", "shape": "independent"}},
        "config": {**THEMES["light"], "background": "white", "padding": 20},
    }  # fmt: skip


def _titled(name: str, chart: dict[str, Any]) -> dict[str, Any]:
    title, note = words.CHARTS[name]
    kept = {key: value for key, value in chart.items() if key != "$schema"}
    return {**kept, "width": WIDTH, "title": {"text": title, "subtitle": note, "anchor": "start"}}


def _lines(report: Report) -> list[str]:
    """What stands under the title, broken where it is long."""
    said = [report.subtitle, *("".join(piece for _, piece in pieces(answer)) for answer in report.answers)]
    if report.alarm:
        said.insert(0, report.alarm.title)
    return [line for text in said for line in textwrap.wrap(text, LINE)]
