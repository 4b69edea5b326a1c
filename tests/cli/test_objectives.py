"""Objectives over real sockets: a service that stands still at a known time breaks the windows of that time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from benchmark.result.store import load_run
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
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
        behaviour = Behaviour(latency=Constant(0.002), stalls=((STALL_AT, STALL),))
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
    return measured("run", "scenario.yaml", folder=folder, status=status, before=service.start)


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
    done = run(service, tmp_path, f'{{check: "{check}", abort: true}}', seconds=40, status=1)
    assert "was ended early" in " ".join(done.stdout.split())
    result = result_of(tmp_path / "out")
    assert result["verdict"]["status"] == "fail"
    assert f"ended early, for `{check}` on only" in result["verdict"]["reasons"][0]
    assert not result["objectives"][0]["met"]
    counts = result["targets"]["only"]["counts"]
    assert counts["scheduled"] == counts["ok"] + counts["failed"] + counts["unsent"]
    assert counts["ok"] > 200
    assert counts["unsent"] > 40 * 200 / 2
