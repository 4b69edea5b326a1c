"""Objectives over real sockets: one that is broken ends a run; a stall at a known time breaks the windows of that time."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from benchmark.result.store import load_run
from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import MODEL
from tests.cli.command import Done, measured, result_of, valid, vpcbench, write

STALL_AT, STALL = 4.0, 1.0  # seconds after the service began to listen
STEP = 0.25  # of windows of a second


STALLING = Behaviour(
    latency=Constant(0.002),
    stalls=((STALL_AT, STALL),),
    streaming=Streaming(Constant(0.05), Constant(0.02)),
)
SLOW = Behaviour(latency=Constant(1.0), streaming=Streaming(Constant(0.05), Constant(0.5)))


def text_of(service: PracticeService, objectives: str, seconds: int) -> str:
    """200 requests a second."""
    return f"""
targets: {{only: {{url: "{service.urls[0]}"}}}}
request: {{body: hello}}
load: {{rate: 200/s, duration: {seconds}s, warmup: 0s}}
rounds: 1
objectives: [{objectives}]
"""


@pytest.mark.verify
def test_a_stall_breaks_the_windows_that_it_lies_in_and_no_other(tmp_path: Path) -> None:
    with PracticeService(STALLING) as service:
        write(tmp_path, text_of(service, '"p90 < 300ms in every 1s", "p50 < 300ms"', seconds=6))
        valid("run", "scenario.yaml", folder=tmp_path, status=1)
        started = service.truth().started
    result = result_of(tmp_path / "out")
    windowed, whole = result["objectives"]
    assert whole["met"]
    (breach,) = windowed["windows"]["breaches"]
    began = (started - load_run(tmp_path / "out").rounds[0].recording.first_due) / 1e9 + STALL_AT
    # what was due in its first 0.7 s waited for more than 300 ms; a window breaks with 0.17 s of that: 33 of 200, of which
    # chance makes 20
    assert breach["begin_s"] == pytest.approx(began + 0.17 - 1, abs=1.2 * STEP)
    assert breach["end_s"] == pytest.approx(began + 0.7 - 0.17 + 1, abs=1.2 * STEP)
    assert breach["measured"] == pytest.approx(900, rel=0.15)  # the slowest tenth of a second that all waited
    assert windowed["windows"]["broken"] == breach["windows"]
    suite = Xml.fromstring(vpcbench("report", "out", "--format", "junit", folder=tmp_path).stdout)
    (failure,) = suite.iter("failure")
    assert f"{breach['worst_begin_s']:g}–{breach['worst_end_s']:g} s" in (failure.text or "")
    shown = vpcbench("report", "out", "--format", "markdown", folder=tmp_path).stdout
    assert "Windows that break an objective" in shown


def test_a_broken_objective_ends_the_run_and_what_was_measured_is_kept(tmp_path: Path) -> None:
    """Every answer takes more than three times as long as is allowed, on whatever machine."""
    check = "p90 < 300ms in every 1s"
    with PracticeService(SLOW) as service:
        write(tmp_path, text_of(service, f'{{check: "{check}", abort: true}}', seconds=30))
        done = measured("run", "scenario.yaml", folder=tmp_path, status=1)
    counts = ended_early(done, tmp_path / "out", check)
    assert counts["ok"] > 0
    assert counts["scheduled"] == 30 * 200


def ended_early(done: Done, folder: Path, check: str) -> dict[str, Any]:
    """The account of a run that an objective ended."""
    result = result_of(folder)
    counts: dict[str, Any] = result["targets"]["only"]["counts"]
    assert counts["scheduled"] == counts["ok"] + counts["failed"] + counts["unsent"]
    assert counts["unsent"] > 0
    assert not result["objectives"][0]["met"]
    if done.returncode == 1:  # else it says what made its generator late
        assert "was ended early" in " ".join(done.stdout.split())
        assert (result["verdict"]["status"], result["verdict"]["codes"][0]) == ("fail", "aborted")
        assert f"ended early, for `{check}` on only" in result["verdict"]["reasons"][0]
    return counts


def stream_text(service: PracticeService, objectives: str, seconds: int) -> str:
    """40 streams a second of 10 tokens: the first after 50 ms, the others 20 ms apart."""
    return f"""
targets: {{only: {{url: "{service.urls[0]}"}}}}
request:
  path: v1/chat/completions
  stream: true
  json: {{model: {MODEL}, messages: [{{role: user, content: hello}}], max_tokens: 10, ignore_eos: true}}
load: {{rate: 40/s, duration: {seconds}s, warmup: 0s}}
rounds: 1
goodput: ["ttft < 400ms"]
objectives: [{objectives}]
"""


@pytest.mark.verify
def test_a_stall_breaks_the_windows_of_streams(tmp_path: Path) -> None:
    """TTFT of those that were due before its last 0.4 s; gaps of those that were on their way when it came."""
    windows = ", ".join(
        f'"{each} in every 1s"' for each in ("ttft.p90 < 400ms", "itl.max < 400ms", "goodput > 90%")
    )
    with PracticeService(STALLING) as service:
        write(tmp_path, stream_text(service, windows + ', "itl.p50 < 400ms"', seconds=6))
        valid("run", "scenario.yaml", folder=tmp_path, status=1)
        started = service.truth().started
    began = (started - load_run(tmp_path / "out").rounds[0].recording.first_due) / 1e9 + STALL_AT
    ttft, itl, goodput, whole = result_of(tmp_path / "out")["objectives"]
    assert whole["met"]
    # due from 50 ms before it until 0.35 s before it ends; a tenth of a second of that breaks a window's goodput, and 0.3 s
    # its p90, for that much is beyond chance
    for each, least in ((ttft, 0.3), (goodput, 0.1)):
        (breach,) = each["windows"]["breaches"]
        assert breach["begin_s"] == pytest.approx(began - 0.05 + least - 1, abs=1.5 * STEP)
        assert breach["end_s"] == pytest.approx(began + 0.65 - least + 1, abs=1.5 * STEP)
    # due in the last 230 ms but 50 before it: one long gap of the nine of each, and a single one breaks a window
    (breach,) = itl["windows"]["breaches"]
    assert breach["begin_s"] == pytest.approx(began - 0.23 - 1, abs=1.5 * STEP)
    assert breach["end_s"] == pytest.approx(began - 0.05 + 1, abs=1.5 * STEP)
    assert breach["measured"] == pytest.approx(1000, rel=0.1)


def test_gaps_that_break_an_objective_end_the_run(tmp_path: Path) -> None:
    """Half a second between two tokens."""
    check = "itl.p99 < 400ms in every 1s"
    with PracticeService(SLOW) as service:
        text = stream_text(service, f'{{check: "{check}", abort: true, min_sample: 30}}', seconds=30)
        write(tmp_path, text.replace("max_tokens: 10", "max_tokens: 3"))
        done = measured("run", "scenario.yaml", folder=tmp_path, status=1)
    assert ended_early(done, tmp_path / "out", check)["scheduled"] == 30 * 40
