"""A report as one HTML file that opens offline: styles, charts and the library that draws them are inside."""

from __future__ import annotations

import json
import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from benchmark import __version__
from benchmark.report.charts import specifications
from benchmark.report.document import Report
from benchmark.report.library import library
from benchmark.report.marks import pieces
from benchmark.report.neutral import harmless
from benchmark.report.phrases import en as words
from benchmark.report.themes import THEMES

_BOUND = re.compile(r"(?<=\d) (?=ms\b|%)")  # a figure and its unit stay on one line
_INTERVAL = re.compile(r"\([^()]{1,26}\)")


def render_html(report: Report) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("benchmark.report"),
        autoescape=True,
        finalize=lambda value: harmless(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["marked"] = marked
    charts = specifications(report.charts)
    return environment.get_template("report.html").render(
        report=report,
        words=words,
        charts=charts,
        drawing=script_data({"charts": charts, "themes": THEMES}),
        library=_library() if charts else "",
        palettes={name: each["range"]["category"] for name, each in THEMES.items()},
        version=__version__,
    )


def marked(text: str) -> Markup:
    """A sentence, escaped, with its names and code marked up, that breaks neither figures nor intervals."""
    text = harmless(text)
    text = _INTERVAL.sub(
        lambda found: (
            found[0].replace(" ", "\N{NO-BREAK SPACE}").replace("–", "\N{WORD JOINER}–\N{WORD JOINER}")
        ),
        text,
    )
    text = _BOUND.sub("\N{NO-BREAK SPACE}", text)
    parts = (
        Markup("<code>{}</code>").format(piece) if code else escape(piece) for code, piece in pieces(text)
    )
    return Markup("").join(parts)


def script_data(data: object) -> Markup:
    """JSON that can stand inside a script element, whatever its strings hold."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # every character that could end the element is escaped above


def _library() -> Markup:
    return Markup(library().replace("</script", "<\\/script"))  # noqa: S704  # an installed package's own code
