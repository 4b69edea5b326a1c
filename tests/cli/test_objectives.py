"""Objectives over real sockets: a service that stands still at a known time breaks the windows of that time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from benchmark.result.store import load_run
from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import MODEL, Address
from tests.cli.command import Done, measured, result_of, vpcbench, write
from tests.servers import free_ports

STALL_AT, STALL = 4.0, 1.0  # seconds after the service began to listen
STEP = 0.25  # of windows of a second


class Stalling:
    """A service on one port, started anew for every attempt."""

    def __init__(self) -> None:
        self.port = free_ports(1)[0]
        self.started = 0
        self._running = ExitStack()

    def start(self) -> None:
        self.stop()
        streaming = Streaming(Constant(0.05), Constant(0.02))
        behaviour = Behaviour(latency=Constant(0.002), stalls=((STALL_AT, STALL),), streaming=streaming)
        service = self._running.enter_context(PracticeService(behaviour, (Address(port=self.port),)))
        self.started = service.truth().started

    def stop(self) -> None:
        self._running.close()


@pytest.fixture
def service() -> Iterator[Stalling]:
    made = Stalling()
    yield made
    made.stop()


def run(service: Stalling, folder: Path, objectives: str, seconds: int, status: int) -> Done:
    text = f"""
targets: {{only: {{url: "http://127.0.0.1:{service.port}/api/predict/test"}}}}
request: {{body: hello}}
load: {{rate: 200/s, duration: {seconds}s, warmup: 0s}}
rounds: 1
objectives: [{objectives}]
"""
    write(folder, text)
    service.start()
    return measured("run", "scenario.yaml", folder=folder, status=status)


def test_a_stall_breaks_the_windows_that_it_lies_in_and_no_other(service: Stalling, tmp_path: Path) -> None:
    run(service, tmp_path, '"p90 < 300ms in every 1s", "p50 < 300ms"', seconds=6, status=1)
    result = result_of(tmp_path / "out")
    windowed, whole = result["objectives"]
    assert whole["met"]
    (breach,) = windowed["windows"]["breaches"]
    began = (service.started - load_run(tmp_path / "out").rounds[0].recording.first_due) / 1e9 + STALL_AT
    # what was due in its first 0.7 s waited for more than 300 ms; a window breaks with a tenth of a second of that
    assert breach["begin_s"] == pytest.approx(began + 0.1 - 1, abs=1.2 * STEP)
    assert breach["end_s"] == pytest.approx(began + 0.7 - 0.1 + 1, abs=1.2 * STEP)
    assert breach["measured"] == pytest.approx(900, rel=0.15)  # the slowest tenth of a second that all waited
    assert windowed["windows"]["broken"] == breach["windows"]
    suite = Xml.fromstring(vpcbench("report", "out", "--format", "junit", folder=tmp_path).stdout)
    (failure,) = suite.iter("failure")
    assert f"{breach['worst_begin_s']:g}–{breach['worst_end_s']:g} s" in (failure.text or "")
    shown = vpcbench("report", "out", "--format", "markdown", folder=tmp_path).stdout
    assert "Windows that break an objective" in shown


def test_a_broken_objective_ends_the_run_and_what_was_measured_is_kept(
    service: Stalling, tmp_path: Path
) -> None:
    check = "p90 < 300ms in every 1s"
    done = run(service, tmp_path, f'{{check: "{check}", abort: true}}', seconds=15, status=1)
    assert "was ended early" in " ".join(done.stdout.split())
    result = result_of(tmp_path / "out")
    assert result["verdict"]["status"] == "fail"
    assert f"ended early, for `{check}` on only" in result["verdict"]["reasons"][0]
    assert not result["objectives"][0]["met"]
    counts = result["targets"]["only"]["counts"]
    assert counts["scheduled"] == counts["ok"] + counts["failed"] + counts["unsent"]
    assert counts["ok"] > 200
    assert counts["unsent"] > 15 * 200 / 4


def stream_run(service: Stalling, folder: Path, objectives: str, seconds: int) -> Done:
    """40 streams a second of 10 tokens: the first after 50 ms, the others 20 ms apart."""
    text = f"""
targets: {{only: {{url: "http://127.0.0.1:{service.port}/api/predict/test"}}}}
request:
  path: v1/chat/completions
  stream: true
  json: {{model: {MODEL}, messages: [{{role: user, content: hello}}], max_tokens: 10, ignore_eos: true}}
load: {{rate: 40/s, duration: {seconds}s, warmup: 0s}}
rounds: 1
goodput: ["ttft < 400ms"]
objectives: [{objectives}]
"""
    write(folder, text)
    service.start()
    return measured("run", "scenario.yaml", folder=folder, status=1)


def test_a_stall_breaks_the_windows_of_streams(service: Stalling, tmp_path: Path) -> None:
    """TTFT of those that were due before its last 0.4 s; gaps of those that were on their way when it came."""
    stream_run(
        service,
        tmp_path,
        '"ttft.p90 < 400ms in every 1s", "itl.p99 < 400ms in every 1s", "goodput > 90% in every 1s", "itl.p50 < 400ms"',
        seconds=6,
    )
    began = (service.started - load_run(tmp_path / "out").rounds[0].recording.first_due) / 1e9 + STALL_AT
    ttft, itl, goodput, whole = result_of(tmp_path / "out")["objectives"]
    assert whole["met"]
    # due from 50 ms before it until 0.35 s before it ends, a tenth of a second of that breaks a window
    for each in (ttft, goodput):
        (breach,) = each["windows"]["breaches"]
        assert breach["begin_s"] == pytest.approx(began - 0.05 + 0.1 - 1, abs=1.5 * STEP)
        assert breach["end_s"] == pytest.approx(began + 0.65 - 0.1 + 1, abs=1.5 * STEP)
    # due in the last 230 ms but 50 before it: one long gap of the nine of each, and four of these break a window
    (breach,) = itl["windows"]["breaches"]
    assert breach["begin_s"] == pytest.approx(began - 0.23 + 0.1 - 1, abs=1.5 * STEP)
    assert breach["end_s"] == pytest.approx(began - 0.05 - 0.1 + 1, abs=1.5 * STEP)
    assert breach["measured"] == pytest.approx(1000, rel=0.1)


def test_gaps_that_break_an_objective_end_the_run(service: Stalling, tmp_path: Path) -> None:
    check = "itl.p99 < 400ms in every 1s"
    done = stream_run(service, tmp_path, f'{{check: "{check}", abort: true, min_sample: 30}}', seconds=15)
    assert "was ended early" in " ".join(done.stdout.split())
    result = result_of(tmp_path / "out")
    assert f"ended early, for `{check}` on only" in result["verdict"]["reasons"][0]
    counts = result["targets"]["only"]["counts"]
    assert counts["unsent"] > 40 * 15 / 4
