from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from benchmark.analysis.summary import summarise
from benchmark.report.charts import specifications
from benchmark.report.document import Report, describe
from benchmark.report.html import render_html
from benchmark.report.junit import render_junit
from benchmark.report.markdown import render_markdown
from benchmark.report.sweep import tables
from benchmark.result.run import Run
from tests.analysis.test_sweep import swept
from tests.report.results import HOSTILE
from tests.report.test_terminal import shown


def a_sweep(*savings: float, **kept: Any) -> tuple[Run, Report]:
    run = swept(savings or (5, 20, 40), warmup=1.0, **kept)
    for level in run.settings["sweep"]:
        level["settings"]["warmup"] = 1.0
    return run, describe(summarise(run), run)


def test_the_answer_tells_both_ends() -> None:
    _, report = a_sweep()
    (answer,) = report.answers
    assert answer.startswith("The VPC address at p50: ")
    assert "sooner (95 % CI" in answer
    assert "with `load.rate 0/s`; " in answer
    assert answer.endswith("with `load.rate 2/s`.")


def test_every_level_is_a_row_within_80_columns() -> None:
    _, report = a_sweep()
    lines = shown(report).splitlines()
    assert max(map(len, lines)) <= 80
    assert [sum(line.split()[:1] == [f"{at}/s"] for line in lines) for at in range(3)] == [3, 3, 3]
    assert "| 2/s |" in render_markdown(report)


def test_charts_show_what_is_saved_with_whiskers() -> None:
    _, report = a_sweep()
    assert report.charts.drawn == ("saved", "factors", "swept")
    for row, saved in zip(report.charts.saved, (5, 20, 40), strict=True):
        assert row["low"] < saved < row["high"]
        assert row["low"] < row["saved"] < row["high"]
        assert row["least"] < 50 / (50 - saved) < row["most"]
    assert [row["x"] for row in report.charts.saved] == [0, 1, 2]
    drawn = json.dumps(specifications(report.charts))
    assert "2/s" in drawn


def test_what_nobody_can_tell_is_no_point_of_a_chart() -> None:
    _, report = a_sweep(5, 20, primary="response.p99.9")
    assert report.charts.saved == []
    assert "no figure" in report.answers[0]


def test_two_keys_are_places_without_a_scale() -> None:
    run, _ = a_sweep()
    for level in run.settings["sweep"]:
        level["values"]["request.bytes"], level["numbers"]["request.bytes"] = "1KiB", 1024.0
    report = describe(summarise(run), run)
    assert {row["x"] for row in report.charts.saved} == {None}
    assert specifications(report.charts)["saved"]["layer"]


@pytest.mark.parametrize("hostile", [HOSTILE, "'; alert(1); '", "\\"])
def test_values_are_text(hostile: str) -> None:
    run, _ = a_sweep()
    for level in run.settings["sweep"]:
        level["values"]["load.rate"] = level["label"] = f"{hostile}{level['first']}"
    report = describe(summarise(run), run)
    assert "<img src=x" not in render_html(report)
    assert "<img src=x" not in re.sub("`[^`]*`|```yaml.*```", "", render_markdown(report))


def test_junit_has_a_case_for_each_objective_of_each_level() -> None:
    run, _ = a_sweep(5, 20, objectives=["vpc.p50 < 40ms"])
    suite = Xml.fromstring(render_junit(summarise(run)))
    assert (suite.get("tests"), suite.get("failures")) == ("3", "1")


def test_what_the_difference_is_made_of_adds_up_at_every_level() -> None:
    run, _ = a_sweep()
    result = summarise(run)
    assert result.sweep is not None
    parts = tables(result)[-2]
    assert "made of" in parts.caption
    for row, saved in zip(parts.rows, (5, 20, 40), strict=True):
        figures = [float(cell.replace("−", "-")) for cell in row[1:]]
        assert sum(figures[:-1]) == pytest.approx(figures[-1], abs=0.2)
        assert figures[-1] == pytest.approx(-saved, abs=0.5)
