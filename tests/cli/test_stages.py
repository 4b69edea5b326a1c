"""Connections in stages over real sockets: the service's own log shows as many callers as the stages say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.result.store import load_run
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from tests.cli.command import measured, result_of, vpcbench, write

TEXT = """
targets: {{only: {{url: "{url}"}}}}
request: {{body: hello}}
load: {{connections: 2, stages: [{{connections: 10, over: 2s}}, {{hold: 1s}}, {{connections: 3}}, {{hold: 1s}}], warmup: 200ms}}
rounds: 1
processes: 2
"""


def test_each_caller_keeps_its_connection(tmp_path: Path) -> None:
    with PracticeService(Behaviour(latency=Constant(0.02))) as service:
        write(tmp_path, TEXT.format(url=service.urls[0]))
        measured("run", "scenario.yaml", folder=tmp_path)
    (target,) = result_of(tmp_path / "out")["targets"].values()
    counts = target["counts"]
    assert counts["scheduled"] == counts["ok"] + counts["failed"] + counts["unsent"]
    assert target["connections"]["opened"] == 10
    shown = vpcbench("report", "out", folder=tmp_path).stdout
    assert "up to 10 connections, in stages" in shown


@pytest.mark.verify
def test_callers_come_and_go_as_the_stages_say(tmp_path: Path) -> None:
    with PracticeService(Behaviour(latency=Constant(0.02))) as service:
        write(tmp_path, TEXT.format(url=service.urls[0]))
        measured("run", "scenario.yaml", folder=tmp_path)
        truth = service.truth()
    began = load_run(tmp_path / "out").rounds[0].recording.first_due

    def under_way(second: float) -> float:
        """The most requests that the service held at once, in the tenth of a second around this instant."""
        instants = began + (second + np.linspace(-0.05, 0.05, 21)) * 1e9
        held = (truth.received[:, None] <= instants) & (instants < truth.answered[:, None])
        return float(held.sum(axis=0).max())

    assert under_way(0.5) == pytest.approx(4, abs=1)
    assert under_way(1.5) == pytest.approx(8, abs=1)
    assert under_way(2.5) == 10
    assert under_way(3.5) == 3
