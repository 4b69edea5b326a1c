"""What reports say of streams, from recordings of known tokens."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from benchmark.analysis.summary import summarise
from benchmark.report.document import Report, describe
from benchmark.report.html import render_html
from benchmark.report.markdown import render_markdown
from benchmark.report.table import Table
from benchmark.report.terminal import render_terminal
from benchmark.result.run import Run
from tests.analysis.test_stream import a_side, streams

SETTINGS = {"asks_usage": True, "warmup": 1.0, "seed": 1}


def report(run: Run) -> Report:
    return describe(summarise(run), run)


def a_run(**settings: object) -> Run:
    return streams(a_side(80, seed=1), a_side(50, seed=2), **SETTINGS, **settings)


def section(told: Report, key: str = "streams") -> dict[str, Table]:
    found = next((each for each in told.sections if each.key == key), None)
    return {} if found is None else {table.header[1]: table for table in found.tables}


def test_the_headline_is_of_first_tokens() -> None:
    (answer,) = report(a_run()).answers
    assert "sooner in TTFT p50" in answer


def test_times_and_tokens_stand_in_tables() -> None:
    tables = section(report(a_run(goodput=["ttft < 80ms"])))
    times = tables["time"]
    assert [row[1] for row in times.rows[:5]] == ["TTFT", "TTFT from due", "ITL", "TPOT", "E2E"]
    assert len(times.notes) == 5
    assert times.rows[2][2:4] == ("10.0", "10.0")
    counted = tables["input"].rows[0]
    assert counted[:5] == ("public", "1,680", "4,800", "usage", "20.0")
    assert counted[-1] == "200 MB"
    assert tables["limits"].rows[0][:2] == ("public", "ttft < 80ms")


def test_chunks_are_called_chunks() -> None:
    counted = section(report(streams(a_side(usage=False), **SETTINGS)))["input"]
    assert counted.rows[0][3] == "chunks"
    assert any("chunks stand for tokens" in note for note in counted.notes)


def test_a_tokenizer_is_named_as_who_counted() -> None:
    run = streams(a_side(usage=False), **SETTINGS)
    for each in run.rounds:
        each.recording.counters["counted"] = each.recording.counters["streams"]
    counted = section(report(run))["input"]
    assert counted.rows[0][3] == "tokenizer"
    assert any("tokenizer counted the text" in note for note in counted.notes)
    assert not any("chunks stand" in note for note in counted.notes)
    run.rounds[0].recording.counters["counted"] -= 1
    assert section(report(run))["input"].rows[0][3] == "several"


def test_turns_of_conversations_have_a_table() -> None:
    run = streams(a_side(), conversations=True, **SETTINGS)
    for each in run.rounds:
        for turn, ms in ((1, 80), (2, 40)):
            each.recording.histograms[f"ttft.turn.{turn}"].record(np.full(20, ms * 1_000_000))
        each.recording.counters["unbegun_turns"] += 2
    turns = section(report(run))["turn"]
    rounds = len(run.rounds)
    assert [row[:3] for row in turns.rows] == [("public", "1", str(20 * rounds)), ("", "2", str(20 * rounds))]
    assert [row[4] for row in turns.rows] == ["80.0", "40.0"]
    assert any(f"{2 * rounds} later turns were not begun" in note for note in turns.notes)


def test_what_the_tables_leave_out_is_said() -> None:
    run = streams(a_side(), **SETTINGS)
    run.rounds[0].recording.counters.update(tokenless=3, unreadable=2, output_tokens=900)
    notes = " ".join(section(report(run))["input"].notes)
    assert "3 of 240 answers carried no token" in notes
    assert "2 events were no JSON" in notes
    assert "1.19 tokens per chunk" in notes


@pytest.mark.parametrize(
    ("asked", "said"), [(True, "also asks for usage"), (False, "sent as it was written")]
)
def test_the_method_says_who_asked_for_usage(asked: bool, said: str) -> None:
    method = next(
        each
        for each in report(
            a_run() if asked else streams(a_side(), **{**SETTINGS, "asks_usage": False})
        ).sections
        if each.key == "method"
    )
    assert any(said in line for line in method.lines)


def test_a_run_without_streams_says_nothing_of_them() -> None:
    told = report(streams(a_side(), streamed=False, primary="response.p50", **SETTINGS))
    assert not section(told)
    assert not {"first_tokens", "gaps"} & set(told.charts.drawn)


def test_every_renderer_shows_them() -> None:
    told = report(a_run(goodput=["ttft < 80ms"]))
    assert {"first_tokens", "gaps"} <= set(told.charts.drawn)
    medians = {
        row["target"]: row["ms"] for row in told.charts.first_tokens if abs(row["percentile"] - 50) < 2
    }
    assert medians == {"public": pytest.approx(80, rel=0.03), "vpc": pytest.approx(50, rel=0.03)}
    for text in (render_html(told), render_markdown(told)):
        assert "Streamed answers" in text
        assert "TTFT from due" in text
    page = render_html(told)
    assert 'id="chart-first_tokens"' in page
    assert 'id="chart-gaps"' in page


def test_the_terminal_keeps_to_80_columns() -> None:
    out = io.StringIO()
    told = report(a_run(goodput=["ttft < 80ms", "tpot < 40ms"]))
    render_terminal(replace(told, remarks=()), Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:4] == ["public", "1,680", "4,800", "usage"] for line in lines)
