"""A report as one HTML file that opens offline: styles, charts and the library that draws them are inside."""

from __future__ import annotations

import json

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from benchmark import __version__
from benchmark.report.charts import specifications
from benchmark.report.document import Report

_SNIPPET = "window.vegaEmbed = vegaEmbed;"


def render_html(report: Report) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("benchmark.report"),
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        report=report,
        charts=script_data(specifications(report.charts)),
        library=_library(),
        version=__version__,
    )


def script_data(data: object) -> Markup:
    """JSON that can stand inside a script element, whatever its strings hold."""
    text = (
        json.dumps(data, ensure_ascii=True)
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )
    return Markup(text)  # noqa: S704  # every character that could end the element is escaped above


def _library() -> Markup:
    import vl_convert

    bundle = vl_convert.javascript_bundle(_SNIPPET)
    return Markup(bundle.replace("</script", "<\\/script"))  # noqa: S704  # an installed package's own code
