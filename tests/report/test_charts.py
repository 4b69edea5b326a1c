from __future__ import annotations

import json

import pytest

from benchmark.measure.recording import Recording
from benchmark.report.charts import MOST_POINTS, chart_data, specifications
from benchmark.result.run import Round, Run
from tests.report.results import a_comparison, a_result, a_run

BOTH = {"public": 31.0, "vpc": 1.6}


def test_curves_are_what_was_recorded() -> None:
    run = a_run(BOTH)
    charts = chart_data(a_result(run, a_comparison()), run)
    medians = {row["target"]: row["ms"] for row in charts.percentiles if abs(row["percentile"] - 50) < 2}
    assert medians["public"] == pytest.approx(31.0, rel=0.1)
    assert medians["vpc"] == pytest.approx(1.6, rel=0.1)
    for name in BOTH:
        curve = [row["ms"] for row in charts.percentiles if row["target"] == name]
        assert curve == sorted(curve)
        assert 50 < len(curve) <= MOST_POINTS


def test_curves_end_where_fewer_than_one_exchange_lies_beyond_or_answers_are_missing() -> None:
    run = a_run({"api": 5.0}, timeouts=25)  # a tenth
    rows = chart_data(a_result(run), run).percentiles
    assert 80 < max(row["percentile"] for row in rows) <= 90
    whole = a_run({"api": 5.0})
    rows = chart_data(a_result(whole), whole).percentiles
    assert 99.5 < max(row["percentile"] for row in rows) <= 99.9


def test_lines_over_time_are_bounded_and_lose_nothing() -> None:
    run = long_run(rounds=20)
    rows = chart_data(a_result(run), run).rounds
    p50 = [row for row in rows if row["figure"] == "p50"]
    assert len(p50) <= MOST_POINTS
    assert {row["round"] for row in p50} == set(range(1, 21))
    assert [row["s"] for row in p50] == sorted(row["s"] for row in p50)


def long_run(rounds: int) -> Run:
    run = a_run({"api": 5.0})
    pattern = run.rounds[0].recording
    run.rounds = []
    for number in range(rounds):
        recording = Recording.from_dict(pattern.to_dict())
        recording.first_due += number * 200 * 10**9
        for index in range(100):
            recording.series.points[index] = pattern.series.points[0]
        run.rounds.append(Round("api", number, 1.0, 100.0, recording))
    return run


def test_flawed_rounds_are_not_drawn() -> None:
    run = a_run(BOTH)
    run.rounds = [Round(r.target, r.number, 1, 5, r.recording, flaw="late") for r in run.rounds]
    charts = chart_data(a_result(run), run)
    assert charts.percentiles == charts.rounds == []


def test_one_definition_without_a_theme() -> None:
    run = a_run(BOTH)
    made = specifications(chart_data(a_result(run, a_comparison()), run))
    assert list(made) == ["difference", "percentiles", "rounds", "phases"]
    for chart in made.values():
        assert "config" not in chart
        assert chart["width"] == "container"
    assert len(json.dumps(made)) < 100_000


def test_only_intervals_that_may_be_shown_are_drawn() -> None:
    run = a_run(BOTH)
    rows = chart_data(a_result(run, a_comparison()), run).difference
    assert [row["metric"] for row in rows] == ["mean", "p50"]
