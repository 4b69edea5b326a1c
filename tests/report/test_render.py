from __future__ import annotations

import json

from benchmark.report.document import describe
from benchmark.report.render import FORMATS, render
from tests.report.results import a_comparison, a_result, a_run


def test_every_format() -> None:
    run = a_run({"public": 31.0, "vpc": 1.6})
    result = a_result(run, a_comparison())
    made = {format_: render(format_, describe(result, run), result) for format_ in FORMATS}
    assert set(made) == {"html", "markdown", "json", "junit"}
    assert made["html"].startswith("<!doctype html>")
    assert made["markdown"].startswith("# chat")
    assert json.loads(made["json"])["schema"] == "vpcbench.result/1"
