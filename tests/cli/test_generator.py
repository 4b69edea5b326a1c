"""A generator that cannot do what it was asked for says so; the figures it would make are not shown as the service's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.analysis.summary import summarise
from benchmark.execution.local import LocalWorkers
from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import make_plan
from benchmark.execution.preflight import preflight
from benchmark.execution.recovery import Recovery
from benchmark.execution.rounds import Conductor
from benchmark.result.model import Result
from benchmark.scenario.load import load_text
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.analysis.runs import a_run
from tests.cli.command import IMPORTED, measured, result_of, vpcbench

RIVALS = 2
pytestmark = [
    pytest.mark.verify,
    pytest.mark.skipif(
        sys.platform != "linux", reason="cores are chosen, and their queues read, as Linux does"
    ),
]


@pytest.fixture(scope="module")
def service() -> Iterator[PracticeService]:
    with PracticeService(Behaviour(latency=Constant(0.0)), (Address(),)) as service:
        yield service


@pytest.fixture
def rivals() -> Iterator[None]:
    """Busy programs on one core."""
    core = min(os.sched_getaffinity(0))
    busy = f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
    running = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(RIVALS)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()


def measure(service: PracticeService, folder: Path, *load: str) -> dict[str, Any]:
    """The result of a run that must be invalid."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "curl", service.urls[0], "-d", "x", *load, "-o", "out"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": IMPORTED},
    )  # fmt: skip
    assert done.returncode == 3, done.stdout + done.stderr
    result = result_of(folder / "out")
    assert result["verdict"]["status"] == "invalid"
    counts = result["targets"]["target"]["counts"]
    assert counts["scheduled"] == counts["ok"] + counts["failed"] + counts["unsent"]
    return result


def test_more_than_any_generator_can_send(service: PracticeService, tmp_path: Path) -> None:
    load = ("--rate", "3M/s", "--duration", "300ms", "--warmup", "0s", "--rounds", "3", "--max-time", "0.3")
    result = measure(service, tmp_path, *load)
    (reason, *_) = result["verdict"]["reasons"]
    assert any(
        said in reason for said in ("the generator sent", "late on average", "the generator itself reached")
    )
    assert "lower the load" in reason
    generator = result["generator"]
    assert generator["saturated"]
    assert generator["asked_rate"] == pytest.approx(3_000_000, rel=0.01)
    assert generator["reached_rate"] < 0.98 * generator["asked_rate"]
    assert generator["processes"] == len(generator["workers"]) == len(os.sched_getaffinity(0))


def beside_rivals(service: PracticeService, load: str) -> Result:
    """The sending process alone is moved to the rivals' core, or starting it would take most of the test."""
    text = f'targets: {{only: {{url: "{service.urls[0]}"}}}}\nrequest: {{body: x}}\nload: {load}\nrounds: 1'
    plan = make_plan(load_text(text, "test", Path()))
    with LocalWorkers() as workers:
        checked = preflight(plan, workers, ())
        os.sched_setaffinity(workers.pids[0] or 0, {min(os.sched_getaffinity(0))})
        os.setpriority(
            os.PRIO_PROCESS, workers.pids[0] or 0, 10
        )  # else the scheduler may favour who sleeps often
        conductor = Conductor(
            Pacing(plan, checked.typical, checked.slowest),
            workers,
            checked.probes,
            checked.sent,
            lambda snapshot: None,
            lambda round_: None,
            Recovery(workers),
        )
        rounds = [round_ for pair in conductor.rounds() for round_ in pair]
        run = a_run({"only": []}, rate=plan.rate, open_loop=plan.open_loop, connections=plan.load.connections)
        run.rounds, run.generator = rounds, conductor.generator()
    return summarise(run)


@pytest.mark.usefixtures("rivals")
def test_a_generator_beside_busy_programs(service: PracticeService) -> None:
    result = beside_rivals(service, "{rate: 2000/s, duration: 500ms, warmup: 0s}")
    assert result.verdict.status == "invalid"
    assert "idle core" in " ".join(result.verdict.reasons)
    (worker,) = result.generator.workers
    assert worker.run_queue_seconds > 0.1 * worker.seconds
    assert "other programs had its core" in " ".join(result.generator.reasons)


@pytest.mark.usefixtures("rivals")
def test_a_closed_loop_beside_busy_programs(service: PracticeService) -> None:
    """Nothing is ever late there, but answers wait until the loop has its core again."""
    result = beside_rivals(service, "{connections: 4, duration: 1s, warmup: 0s}")
    assert result.verdict.status == "invalid"
    (reason,) = result.verdict.reasons
    assert any(
        said in reason
        for said in ("left answers waiting", "the generator itself added", "kept from its core by other")
    )
    assert "idle core" in reason
    delay = result.generator.loop_delay_ms
    assert delay.mean is not None
    assert delay.max is not None
    assert delay.max > 1
    assert (result.generator.lateness_ms.p99 or 0) < 0.2


def test_a_healthy_closed_loop_is_believed(tmp_path: Path) -> None:
    options = ("--connections", "4", "--duration", "1s", "--warmup", "200ms", "--rounds", "2")
    with PracticeService(Behaviour(latency=Constant(0.0003))) as service:
        measured("curl", service.urls[0], "-d", "x", *options, folder=tmp_path)
    delay = result_of(tmp_path / "out")["generator"]["loop_delay_ms"]
    assert 0 <= delay["mean"] <= delay["max"]
    shown = vpcbench("report", "out", folder=tmp_path).stdout
    assert "its loop's delay of answers" in shown
