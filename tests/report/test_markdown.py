from __future__ import annotations

import re

from benchmark.report.document import describe
from benchmark.report.markdown import escape, marked, render_markdown
from tests.report.results import HOSTILE, a_comparison, a_result, a_run

BOTH = {"public": 31.0, "vpc": 1.6}


def test_the_answer_comes_first_and_tables_are_tables() -> None:
    run = a_run(BOTH)
    text = render_markdown(describe(a_result(run, a_comparison()), run))
    lines = text.splitlines()
    assert lines[0] == "# chat"
    assert lines[4].startswith("**The VPC address answers 29.4 ms sooner at p50 (95 % CI 29.1–29.8)")
    assert "| metric | public | vpc | difference (95 % CI) | times faster |" in lines
    assert "| :--- | ---: | ---: | ---: | ---: |" in lines
    assert any(line.startswith("| **▸ p50** | **31.0** | **1.60** | **−29.4") for line in lines)
    assert "```yaml" in lines
    assert text.count("<details>") == text.count("</details>") == 2


def test_every_row_has_the_cells_of_its_header() -> None:
    run = a_run({"a|b": 31.0, HOSTILE: 1.6}, timeouts=20)
    text = render_markdown(describe(a_result(run, a_comparison("a|b", HOSTILE)), run))
    tables = re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE)
    assert len(tables) >= 7
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


def test_an_alarm_stands_before_the_answer() -> None:
    run = a_run(BOTH)
    text = render_markdown(
        describe(a_result(run, a_comparison(), status="invalid", reasons=["too `late`"]), run)
    )
    assert text.index("> **This run is not valid") < text.index("The VPC address")
    assert "> * too `late`" in text


def test_hostile_text_stays_text() -> None:
    assert escape("<b>&lt; *x* _y_ [z](u) `c` a|b # ~\nnext") == (
        "&lt;b&gt;&amp;lt; \\*x\\* \\_y\\_ \\[z\\](u) \\`c\\` a\\|b \\# \\~ next"
    )
    assert marked("use `a|<b>` or ` alone") == "use `a\\|<b>` or \\` alone"
    run = a_run({"public": 31.0, HOSTILE: 1.6})
    run.scenario = {"note": "```\n</details><script>"}
    text = render_markdown(describe(a_result(run, a_comparison("public", HOSTILE), notes=[HOSTILE]), run))
    unfenced = re.sub(r"^````yaml$.*?^````$", "", text, flags=re.DOTALL | re.MULTILINE)
    outside = re.sub(r"`[^`\n]+`", "", unfenced.replace("\\`", ""))
    assert "<script" not in outside
    assert "<img" not in outside
    assert outside.count("</details>") == 2
