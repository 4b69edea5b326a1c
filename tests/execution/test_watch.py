"""A run ends early when an objective cannot be met any more: neither sooner, nor for what the generator did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.execution.group import Snapshot
from benchmark.execution.plan import make_plan
from benchmark.execution.watch import Watch
from benchmark.measure.recording import Recording
from benchmark.measure.series import Series
from benchmark.result.run import Round
from benchmark.scenario.load import load_text
from benchmark.units import MILLISECOND, NANOSECONDS

RATE = 100


class Ending(list[str]):
    """What was asked for."""


def a_watch(
    *objectives: dict[str, Any], load: str = "{rate: 100/s, duration: 100s}", rounds: str = "2"
) -> tuple[Watch, Ending]:
    """Over 100 s, in two rounds of 50 s: 10,000 requests."""
    written = "\n".join(f"- {each}" for each in objectives)
    text = f"targets: {{vpc: {{url: 'http://127.0.0.1:1/'}}}}\nrounds: {rounds}\nload: {load}\nobjectives:\n{written}"
    loaded = load_text(text, "test", Path())
    asked = Ending()
    return Watch(make_plan(loaded), loaded.scenario.objectives, asked.append), asked


def told(begin: float, end: float, ms: float, *, failed: bool = False, late: float = 0.0, number: int = 0,
         unreported: int = 0, planned: int = 50 * RATE, settled: float = 0.0) -> Snapshot:  # fmt: skip
    """What was due in this stretch of seconds, all of it alike: streams whose TTFT and gaps are as long as they are."""
    due = np.arange(round(begin * RATE), round(end * RATE))
    times, lateness = (np.full(len(due), round(each * MILLISECOND)) for each in (ms, late))
    lost = np.full(len(due), failed)
    part = Recording()
    part.series = Series(NANOSECONDS // 4, 1024, ("ttft", "itl"))
    offsets = due * (NANOSECONDS // RATE)
    part.series.record(offsets, times, lateness, ~lost, lost)
    for name in part.series.timed:
        part.series.record_time(name, offsets[~lost], times[~lost])
    part.series.record_good(offsets[times < 300 * MILLISECOND])
    part.scheduled, part.unanswered = len(due), int(lost.sum())
    part.failures["timeout"] = part.unanswered
    part.histograms["response"].record(times[~lost])
    part.histograms["lateness"].record(lateness)
    due_so_far = round(end * RATE) + unreported
    return Snapshot("vpc", number, 0.0, 50.0, end, part, due_so_far, planned, settled)


def test_a_broken_window_ends_the_run() -> None:
    watch, asked = a_watch({"check": "p90 < 300ms in every 2s", "abort": True})
    watch.observe(told(0, 4, 10))
    watch.observe(told(4, 4.3, 500))
    assert not asked  # 30 of 200, where 20 may: that may be chance
    watch.observe(told(4.3, 4.5, 500))
    assert asked == ["`p90 < 300ms in every 2s` on vpc cannot be met any more"]
    watch.observe(told(6, 8, 900))
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("objective", "parts"),
    [
        ({"check": "p90 < 300ms in every 2s", "abort": True}, [told(0, 4, 299)]),
        ({"check": "p90 < 300ms in every 2s"}, [told(0, 4, 900)]),  # it may go on
        ({"check": "p90 < 300ms in every 2s", "abort": True, "grace": "5s"}, [told(0, 4, 900), told(4, 8, 10)]),
        ({"check": "p90 < 300ms in every 2s", "abort": True, "min_sample": 201}, [told(0, 4, 900)]),
        # the window is not over; those that are under way may turn out well; the generator was late
        ({"check": "p90 < 300ms in every 2s", "abort": True}, [told(0, 1.9, 900)]),
        ({"check": "p90 < 300ms in every 2s", "abort": True}, [told(0, 2, 900, unreported=2000)]),
        ({"check": "p90 < 300ms in every 2s", "abort": True}, [told(0, 4, 900, late=600)]),
    ],
)  # fmt: skip
def test_what_does_not_end_a_run(objective: dict[str, Any], parts: list[Snapshot]) -> None:
    watch, asked = a_watch(objective)
    for part in parts:
        watch.observe(part)
    assert not asked


@pytest.mark.parametrize(
    ("check", "seconds"),
    [
        ("p99 < 300ms", 1),  # 1 % of 10,000 requests
        ("p90 < 300ms", 10),
        ("failures < 2%", 2),
        ("rate > 95% of offered", 5),
    ],
)
def test_over_the_whole_run_what_is_to_come_may_make_up_for_it(check: str, seconds: float) -> None:
    watch, asked = a_watch({"check": check, "abort": True})
    watch.observe(told(0, 0.98 * seconds, 900, failed=True))
    assert not asked
    watch.observe(told(0.98 * seconds, 1.05 * seconds, 900, failed=True))
    assert asked


def test_rounds_may_be_longer_and_more_than_was_set() -> None:
    """Longer where answers are slow, more where a precision takes them."""
    watch, asked = a_watch({"check": "p99 < 300ms", "abort": True})
    watch.observe(told(0, 1.9, 900, planned=100 * RATE))  # 1 % of 20,000 requests
    assert not asked
    watch.observe(told(1.9, 2.1, 900, planned=100 * RATE))
    assert asked
    watch, asked = a_watch(
        {"check": "p99 < 300ms", "abort": True}, rounds="10\nprecision: 5%\nmax_rounds: 20"
    )
    watch.observe(told(0, 1.9, 900, planned=10 * RATE))
    assert not asked
    watch.observe(told(1.9, 2.1, 900, planned=10 * RATE))
    assert asked


@pytest.mark.parametrize(
    ("check", "at_once"),
    [
        (
            "ttft.p90 < 300ms in every 2s",
            True,
        ),  # of 200 streams in a window and 300 under way, 50 may be slow
        ("ttft.p50 < 300ms in every 2s", False),
        ("itl.p99 < 300ms in every 2s", False),  # nobody knows how many gaps those under way have
        ("goodput > 70% in every 2s", True),
        ("goodput > 50% in every 2s", False),
    ],
)
def test_streams_that_take_long_are_watched(check: str, at_once: bool) -> None:
    """Where those under way could still mend a window, it is judged once all that was due in it is reported."""
    watch, asked = a_watch({"check": check, "abort": True}, rounds='2\ngoodput: ["ttft < 300ms"]')
    watch.observe(told(0, 2, 400, unreported=300))
    assert bool(asked) is at_once
    watch.observe(told(2, 2.25, 10, unreported=300, settled=1.75))
    assert bool(asked) is at_once
    watch.observe(told(2.25, 2.5, 10, unreported=300, settled=2.0))
    assert asked == [f"`{check}` on vpc cannot be met any more"]


def test_a_round_that_cannot_be_used_breaks_nothing() -> None:
    watch, asked = a_watch({"check": "p99 < 300ms", "abort": True})
    watch.observe(told(0, 0.9, 900))
    watch.finished(Round("vpc", 0, 0.0, 50.0, Recording(), flaw="it was late"))
    watch.observe(told(0, 0.9, 900, number=1))
    assert not asked
    watch.observe(told(0.9, 1.1, 900, number=1))
    assert asked


def test_a_closed_loop_is_watched_in_windows() -> None:
    watch, asked = a_watch(
        {"check": "rate > 50/s in every 2s", "abort": True}, load="{connections: 4, duration: 100s}"
    )
    watch.observe(told(0, 2, 10))
    watch.observe(told(2, 2.5, 10))
    assert not asked
    watch.observe(told(4.5, 4.75, 10, unreported=-200))
    assert asked
