"""What a run gives to other programs: a histogram log, a spreadsheet, a picture."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import vl_convert
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from benchmark.analysis.summary import summarise
from benchmark.measure.recording import merged
from benchmark.report.document import describe
from benchmark.report.hlog import histogram, render_hlog
from benchmark.report.phrases import en as words
from benchmark.report.png import picture
from benchmark.report.render import DATA, render_data
from benchmark.report.spreadsheet import render_csv
from benchmark.result.run import Run
from benchmark.units import MILLISECOND, NANOSECONDS
from tests.report.results import PER_ROUND, ROUNDS, a_run

LOST = 3  # of every round


@pytest.fixture(scope="module")
def run() -> Run:
    return a_run({"public": 31.0, "vpc": 1.6}, timeouts=LOST)


def text(run: Run, format_: str) -> str:
    made = render_data(format_, describe(summarise(run), run), run)
    assert isinstance(made, str)
    return made


def test_a_histogram_log_is_read_by_its_own_package(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.hlog").write_text(text(run, "hlog"))
    read: dict[str, list[HdrHistogram]] = {}
    reader = HistogramLogReader(str(tmp_path / "x.hlog"), HdrHistogram(1, 3_600 * NANOSECONDS, 3))
    while (interval := reader.get_next_interval_histogram()) is not None:
        read.setdefault(interval.get_tag(), []).append(interval)
    reader.close()
    assert {name: len(rounds) for name, rounds in read.items()} == {"public": ROUNDS, "vpc": ROUNDS}
    for name, rounds in read.items():
        for kept, found in zip(run.used(name), rounds, strict=True):
            assert found.get_total_count() == PER_ROUND
            for q in (0.5, 0.9, 0.95, 0.98):
                assert found.get_value_at_percentile(100 * q) == pytest.approx(
                    kept.quantile("response", q), rel=6e-2
                )
        whole = HdrHistogram(1, 3_600 * NANOSECONDS, 3)
        for found in rounds:
            whole.add(found)
        pooled = merged(run.used(name))
        assert whole.get_value_at_percentile(99.5) == pytest.approx(30 * NANOSECONDS, rel=2e-3)  # the timeout
        lost = pooled.histograms["response"]
        assert whole.get_mean_value() == pytest.approx(
            (lost.total + pooled.beyond * 30 * NANOSECONDS) / (lost.count + pooled.beyond), rel=1e-3
        )


def test_quantiles_of_a_log_are_ours_to_three_digits() -> None:
    run = a_run({"only": 31.0})
    pooled = merged(run.used("only"))
    made = histogram(pooled, 30.0)
    kept = pooled.histograms["response"]
    # both take the value of one rank; ours between two of the sample, theirs the whole bucket's end
    for at in range(1, kept.count, 50):
        value = made.get_value_at_percentile(100 * at / kept.count)
        assert value == pytest.approx(kept.quantile(at / kept.count), rel=2e-3)
    assert made.get_max_value() == pytest.approx(kept.maximum, rel=1e-3)


def test_a_spreadsheet_has_a_row_for_every_round_and_stretch(run: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(text(run, "csv"))))
    rounds = [row for row in rows if row["kind"] == "round"]
    stretches = [row for row in rows if row["kind"] == "stretch"]
    assert len(rounds) == 2 * ROUNDS
    assert len(stretches) == 2 * ROUNDS * 5  # of 5 s, a second each
    for name in ("public", "vpc"):
        mine = [row for row in stretches if row["target"] == name and row["round"] == "2"]
        kept = run.used(name)[1]
        assert sum(int(row["ok"]) for row in mine) == kept.ok
        assert sum(int(row["failed"]) for row in mine) == kept.failed == LOST
        (whole,) = (row for row in rounds if row["target"] == name and row["round"] == "2")
        p50 = kept.quantile("response", 0.5) / MILLISECOND
        assert float(whole["p50 response (ms)"]) == pytest.approx(p50, rel=1e-4)
        assert whole["p99 response (ms)"] == ">=30000"
        least = (kept.histograms["response"].total / MILLISECOND + LOST * 30_000) / (kept.ok + LOST)
        assert whole["mean response (ms)"] == f">={least:.6g}"
        assert whole["p99.9 response (ms)"] == ""
        assert float(whole["achieved (1/s)"]) == pytest.approx(kept.ok / 5)
    assert all(not row["not used because"] for row in rows)


@pytest.mark.parametrize("name", ["-1+1", "=1+1", "+1", "@SUM(1)"])
def test_no_cell_is_a_formula(name: str) -> None:
    rows = list(csv.reader(io.StringIO(text(a_run({name: 5.0}), "csv"))))
    assert {row[1] for row in rows[1:]} == {f"'{name}"}


def a_sweep(*names: str) -> Run:
    """A level for each of these values, of which the later are slower; the last has another timeout."""
    whole = None
    levels = []
    for at, name in enumerate(names):
        run = a_run({"public": 31.0 + at, "vpc": 1.6 + at}, timeouts=LOST)
        rounds = [replace(each, number=each.number + at * 2 * ROUNDS) for each in run.rounds]
        timeout = 10.0 if at == len(names) - 1 else 30.0
        levels.append(
            {
                "label": f"request.path {name}, load.rate {at}/s",
                "values": {"request.path": name, "load.rate": f"{at}/s"},
                "numbers": {"request.path": None, "load.rate": float(at)},
                "first": at * 2 * ROUNDS,
                "settings": {**run.settings, "timeout": timeout},
            }
        )
        whole = whole or replace(run, rounds=[])
        whole.rounds += rounds
    assert whole is not None
    whole.settings["sweep"] = levels
    return whole


def test_the_rows_of_a_sweep_name_their_level() -> None:
    """Also where two values are called alike."""
    run = a_sweep("same, and long…", "same, and long…", "=other")
    rows = list(csv.DictReader(io.StringIO(text(run, "csv"))))
    assert list(rows[0])[-3:] == ["level", "request.path", "load.rate"]
    rounds = [row for row in rows if row["kind"] == "round"]
    seen = Counter((row["level"], row["request.path"], row["load.rate"]) for row in rounds)
    same = "same, and long…"
    assert seen == {
        ("1", same, "0/s"): 2 * ROUNDS,
        ("2", same, "1/s"): 2 * ROUNDS,
        ("3", "'=other", "2/s"): 2 * ROUNDS,
    }
    assert {row["round"] for row in rounds} == {str(at + 1) for at in range(ROUNDS)}
    for row in rounds:
        assert float(row["p50 response (ms)"]) == pytest.approx(
            {"public": 31, "vpc": 1.6}[row["target"]] + int(row["level"]) - 1, rel=0.2
        )
        assert row["p99 response (ms)"] == (">=10000" if row["level"] == "3" else ">=30000")


def test_a_log_of_a_sweep_tags_the_level(tmp_path: Path) -> None:
    run = a_sweep("a, b", "a, b")
    (tmp_path / "x.hlog").write_text(text(run, "hlog"))
    seen: Counter[str] = Counter()
    reader = HistogramLogReader(str(tmp_path / "x.hlog"), HdrHistogram(1, 3_600 * NANOSECONDS, 3))
    while (interval := reader.get_next_interval_histogram()) is not None:
        seen[interval.get_tag()] += 1
    reader.close()
    levels = ("1:request.path=a_b;load.rate=0/s", "2:request.path=a_b;load.rate=1/s")
    assert seen == {f"{name}@{level}": ROUNDS for name in ("public", "vpc") for level in levels}


def test_the_loads_of_a_search_are_told_apart() -> None:
    run = a_run({"only": 31.0})
    run.settings["search"] = {}
    run.rounds = [replace(each, level=100.0 * (1 + each.number % 2)) for each in run.rounds]
    rows = list(csv.DictReader(io.StringIO(render_csv(run))))
    assert Counter(row["load.rate"] for row in rows if row["kind"] == "round") == {
        "100": ROUNDS // 2,
        "200": ROUNDS // 2,
    }
    tags = re.findall("^Tag=([^,]*),", render_hlog(run), re.MULTILINE)
    assert Counter(tags) == {f"only@load.rate={load}": ROUNDS // 2 for load in (100, 200)}


def test_a_picture(run: Run) -> None:
    report = describe(summarise(run), run)
    made = render_data("png", report, run)
    assert isinstance(made, bytes)
    assert made.startswith(b"\x89PNG")
    drawn = vl_convert.vegalite_to_svg(picture(report))
    marks = re.findall(r'aria-roledescription="([a-z ]+)"', drawn)
    assert marks.count("point") > 2 * ROUNDS * 5  # a p50 of every second, and more
    assert marks.count("bar") >= 4  # wait and transfer of both
    for title, _ in (words.CHARTS[name] for name in report.charts.drawn):
        assert title in drawn
    assert set(DATA) == {"csv", "hlog", "png"}
