"""What makes a round unfit for use is the generator's harm, told with its cause where the system tells it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.execution import strain
from benchmark.execution.group import Outcome
from benchmark.execution.plan import make_plan
from benchmark.execution.rounds import flaw_of
from benchmark.execution.strain import Strain, StrainGauge
from benchmark.execution.worker import RoundReport
from benchmark.measure.recording import Recording
from benchmark.scenario.load import load_text
from tests.analysis.runs import a_recording

SECOND = 1_000_000_000
IDLE = Strain(wall=2.0)


def outcome(recording: Recording, strain: Strain = IDLE, stopped: bool = False) -> Outcome:
    plan = make_plan(
        load_text("targets: {a: {url: 'http://a.example'}}\nload: {rate: 100/s}", "test", Path())
    )
    report = RoundReport(
        recording=Recording(), unmeasured=0, addresses=(), busiest=1, cpu_seconds=0.1, spun_seconds=0.0,
        max_rss_bytes=1, stopped=stopped, strain=strain,
    )  # fmt: skip
    order = plan.order(plan.targets[0], 0, SECOND, 2 * SECOND, 4)
    return Outcome(order, recording, (report,), 0, 2 * SECOND if stopped else None)


def answers(lateness: float, unsent: int = 0) -> Recording:
    return a_recording(np.full(200 - unsent, 5.0), lateness=lateness, unsent=unsent)


@pytest.mark.parametrize(
    ("recording", "said"),
    [
        (answers(0.1), ""),
        (answers(0.9), ""),  # waking up late is ordinary on a shared machine
        (answers(1.5), "the generator was 1.5 ms late on average"),
        (answers(0.1, unsent=4), ""),
        (answers(0.1, unsent=100), "the generator sent 50.0/s of the 100/s that were due"),
    ],
)
def test_harm(recording: Recording, said: str) -> None:
    assert flaw_of(outcome(recording)) == said
    noisy = replace(IDLE, run_queue=1.0)  # a core that others use does no harm by itself
    assert flaw_of(outcome(recording, noisy)) == (
        said and f"{said}: other programs had its core 50% of the time"
    )


def test_the_hypervisor_is_named() -> None:
    assert "the hypervisor took 30% of a core" in flaw_of(outcome(answers(2), replace(IDLE, steal=0.6)))


def test_what_the_kernel_tells_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the two looks: 25 ms in the queue for a core, and 30 ticks of all cores taken by the hypervisor."""
    told = {
        "/proc/self/schedstat": iter(["1000 5000000 9", "2000 30000000 12"]),
        "/proc/stat": iter(["cpu  1 2 3 4 5 6 7 100 9 10\ncpu0 …", "cpu  1 2 3 4 5 6 7 130 9 10\ncpu0 …"]),
    }
    monkeypatch.setattr(strain, "_read", lambda path: next(told[path]))
    with StrainGauge() as gauge:
        pass
    assert gauge.seen.run_queue == pytest.approx(0.025)
    assert gauge.seen.steal == pytest.approx(30 / os.sysconf("SC_CLK_TCK"))


def test_what_the_user_stopped_is_no_flaw() -> None:
    assert not flaw_of(outcome(answers(0.1, unsent=100), stopped=True))


def test_strain_is_measured() -> None:
    import gc

    with StrainGauge() as gauge:
        gc.collect()
    assert 0 < gauge.seen.gc <= gauge.seen.wall < 60
    assert gauge.seen.run_queue >= 0
    assert gauge.seen.steal >= 0
