from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from benchmark.report.document import Alarm, Report, describe
from benchmark.report.table import Table
from benchmark.report.terminal import render_terminal
from tests.report.results import HOSTILE, a_comparison, a_result, a_run

BOTH = {"public": 31.0, "vpc": 1.6}


def shown(report: Report, *, width: int = 80, quiet: bool = False, colour: bool = False) -> str:
    file = io.StringIO()
    render_terminal(
        report,
        Console(file=file, width=width, force_terminal=colour, color_system="truecolor" if colour else None),
        quiet=quiet,
    )
    return file.getvalue()


def a_report(medians: dict[str, float] | None = None, timeouts: int = 0, **kept: str) -> Report:
    run = a_run(medians or BOTH, timeouts=timeouts)
    first, second = run.targets
    return describe(a_result(run, a_comparison(first, second), **kept), run)  # type: ignore[arg-type]


def test_the_answer_comes_first() -> None:
    lines = [line.strip() for line in shown(a_report()).splitlines() if line.strip()]
    assert lines[0].startswith("The VPC address answers 29.4 ms sooner at p50 (95 % CI 29.1–29.8): 1.6 ms")
    assert lines[2].startswith("public")
    assert lines[2].endswith("█ 31.0 ms")


def test_a_row_is_a_line_at_80_columns() -> None:
    lines = shown(a_report(timeouts=20)).splitlines()
    assert any(line.split() == ["▸", "p50", "31.0", "1.60", "−29.4", "(−29.8", "to", "−29.1)", "19.4×", "(18.5–20.4)"]
               for line in lines)  # fmt: skip
    assert any(line.split()[:2] == ["public", "response"] and len(line.split()) >= 9 for line in lines)


@pytest.mark.parametrize(
    "medians",
    [BOTH, {"public": 29_000.0, "vpc": 12_345.6}, {"a-rather-long-name-of-a-target": 31.0, "的" * 30: 1.6},
     {"public": 31.0, HOSTILE: 1.6}],
    ids=["usual", "slow", "long-names", "hostile"],
)  # fmt: skip
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_longer_than_the_terminal(medians: dict[str, float], width: int) -> None:
    text = shown(a_report(medians, timeouts=20, status="invalid"), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_quiet_is_the_answer_alone() -> None:
    text = shown(a_report(), quiet=True)
    assert "sooner at p50" in text
    assert "Latency" not in text


def test_an_alarm_is_said_in_words_before_the_answer() -> None:
    text = " ".join(shown(a_report(status="invalid")).split())
    assert text.index("! This run is not valid") < text.index("The VPC address")


def test_nothing_hostile_steers_the_terminal() -> None:
    text = shown(a_report({"public": 31.0, "[red]x[/red]\x1b[2J\x9b\u202e": 1.6}))
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert "[red]" in text


def test_colour_says_nothing_that_words_do_not() -> None:
    import re

    assert re.sub(r"\x1b\[[\d;]*m", "", shown(a_report(), colour=True)) == shown(a_report())


def in_window(report: Report, width: int = 80) -> list[str]:
    file = io.StringIO()
    render_terminal(report, Console(file=file, width=width), full=False)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("reasons", [0, 1, 40])
@pytest.mark.parametrize("doubts", [0, 1, 40])
@pytest.mark.parametrize("targets", [1, 2, 9])
@pytest.mark.parametrize("width", [80, 40])
def test_in_a_window_everything_fits(reasons: int, doubts: int, targets: int, width: int) -> None:
    """The rows that are left are for an empty one, where the report lies, and the prompt."""
    whole = a_report()
    sentence = "word " * 50
    report = replace(
        whole,
        alarm=Alarm("Not valid", (sentence,) * reasons, grave=True) if reasons else None,
        answers=whole.answers[:1] * targets,
        bars=whole.bars[:1] * targets,
        remarks=(sentence,) * doubts,
    )
    lines = in_window(report, width)
    assert len(lines) <= 20
    assert max(map(len, lines)) <= width
    assert "sooner at p50" in " ".join(" ".join(lines).split())
    if doubts == 40 or reasons == 40:
        assert any(line.strip().startswith("… ") for line in lines)


def test_in_a_window_stand_the_answer_bars_a_table_and_doubts() -> None:
    lines = in_window(replace(a_report(timeouts=20), remarks=("A doubt.",)))
    text = "\n".join(lines)
    at = [text.index(each) for each in ("sooner at p50", "█ 31.0 ms", "times faster", "▸ p50", "A doubt.")]
    assert at == sorted(at)
    assert "Latency" not in text


def test_a_note_stands_in_a_window_where_its_row_does() -> None:
    rows = tuple((f"p{number}", f"withheld {mark}") for number, mark in enumerate("¹²³", start=1))
    notes = tuple(f"{mark} reason {mark}" for mark in "¹²³")
    table = Table("", ("metric", "difference"), rows, "lr", notes, strong=2)
    text = "\n".join(in_window(replace(a_report(), bars=(), summary=table)))
    assert [f"reason {mark}" in text for mark in "¹²³"] == [True, True, True]
    crowded = replace(a_report(), summary=table, remarks=("doubt " * 12,) * 9, answers=("answer " * 12,) * 4)
    text = "\n".join(in_window(crowded))
    assert "p3" in text
    assert all((f"reason {mark}" in text) <= (f"withheld {mark}" in text) for mark in "¹²³")
