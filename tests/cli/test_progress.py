"""The bar follows the plan, never passes its end, and never ends a run."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tqdm import tqdm

from benchmark.cli.progress import Course, Progress
from benchmark.execution.group import Snapshot
from benchmark.execution.plan import Plan, make_plan
from benchmark.measure.recording import Recording
from benchmark.scenario.load import load_text
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from tests.cli.command import write
from tests.cli.terminal import Terminal

TWO = "targets: {a: {url: 'http://localhost/a'}, b: {url: 'http://localhost/b'}}\n"


def plan_of(text: str = "load: {rate: 1/s, duration: 20s, warmup: 500ms}\nrounds: 10\n") -> Plan:
    return make_plan(load_text(TWO + text, "test", Path(), environ={}))


def test_the_total_is_what_was_announced_until_more_is_known() -> None:
    course = Course([plan_of()])
    assert (course.position, course.total) == (
        0,
        50,
    )  # 10 rounds of 2 s and half a second before, on 2 targets


def test_the_total_follows_longer_and_further_rounds() -> None:
    plan, left = plan_of(), [20]
    course = Course([plan])
    course.begin(plan, lambda: left[0])
    left[0] = 19
    course.run(1.0, 6.0, 3.0)  # a slow service: longer than planned, so the others will be
    assert (course.position, course.total) == (4, 7 * 20)
    course.end(1.0, 6.0)
    assert (course.position, course.total) == (7, 7 * 20)
    left[0] = 25
    assert course.total == 7 * 26


def test_levels_that_are_left_out_are_not_in_the_total() -> None:
    plans = [plan_of(), plan_of(), plan_of()]
    course = Course(plans)
    assert course.total == 150
    course.begin(plans[2], lambda: 20)  # both before it could not be measured
    assert course.total == 50


SECONDS = st.floats(0, 1e5)
EVENTS = st.one_of(
    st.tuples(st.just("run"), SECONDS, SECONDS, SECONDS),
    st.tuples(st.just("end"), SECONDS, SECONDS),
    st.tuples(st.just("to come"), st.integers(0, 1000)),
)


@given(st.lists(EVENTS))
def test_the_position_never_passes_the_total(events: list[tuple[Any, ...]]) -> None:
    plan, left = plan_of(), [0]
    course = Course([plan])
    course.begin(plan, lambda: left[0])
    for kind, *values in events:
        if kind == "to come":
            left[0] = values[0]
        else:
            getattr(course, kind)(*values)
        assert 0 <= course.position <= course.total


class Broken(io.StringIO):
    """A terminal that takes what is printed, until it does not."""

    def __init__(self, writes: int = 1_000_000) -> None:
        super().__init__()
        self.left = writes

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(5, "Input/output error")
        return super().write(text)


def snapshot(elapsed: float) -> Snapshot:
    return Snapshot("a", 0, 0.5, 2.0, elapsed, Recording(), due=0, planned=0)


def show(monkeypatch: pytest.MonkeyPatch, terminal: io.StringIO) -> None:
    """Everything that a run does to its display."""
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("benchmark.cli.progress.REFRESH", 0)
    plan = plan_of()
    with Progress([plan], quiet=False) as progress:
        progress.begin(plan, lambda: 19)
        for elapsed in (0.1, 0.2, 2.0):
            progress.observe(snapshot(elapsed))
        progress.say("The precision takes 1 more round.")


@pytest.mark.parametrize(
    "method", ["__init__", "refresh", "set_postfix_str", "clear", "display", "format_meter"]
)
def test_a_display_that_fails_is_switched_off_and_says_so_once(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TypeError("unsupported format string")

    monkeypatch.setattr(tqdm, method, fail)
    terminal = Broken()
    show(monkeypatch, terminal)
    told = terminal.getvalue()
    assert told.count("vpcbench: the progress display failed (TypeError: unsupported format string)") == 1
    assert "The precision takes 1 more round." in told


@pytest.mark.parametrize("writes", range(12))
def test_a_terminal_that_goes_away_ends_nothing(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, Broken(writes))


@pytest.fixture(scope="module")
def slow_service() -> Any:
    with PracticeService(Behaviour(latency=Constant(0.1))) as service:
        yield service


def test_a_run_ends_whose_rounds_are_longer_than_planned(
    slow_service: PracticeService, tmp_path: Path
) -> None:
    """Rounds last five times the answer at least: here more than twice as long as was asked for."""
    scenario = write(
        tmp_path,
        f"targets: {{target: {{url: '{slow_service.urls[0]}'}}}}\n"
        "load: {rate: 50/s, duration: 500ms, warmup: 0s}\nrounds: 2\n",
    )
    with Terminal("run", scenario, "-o", "out", folder=tmp_path) as terminal:
        assert terminal.ended() in {0, 1, 3}, terminal.text
    assert "Traceback" not in terminal.text
    assert "Report: out/report.html" in terminal.text
    shown = [(int(n), int(total)) for n, total in re.findall(rb"(\d+)/(\d+) s", terminal.raw)]
    assert all(n <= total for n, total in shown)
    assert shown[0][1] < shown[-1][1]
