"""No run of failures passes, whatever kind they are of; the failure, its share and what to do lead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from tests.cli.command import INVALID, result_of, vpcbench
from tests.servers import free_ports

LOAD = ("--rate", "100/s", "--duration", "1s", "--warmup", "0s", "--rounds", "2", "--no-check", "-o", "out")
TOKEN = "the-token-of-the-service"


def ends(folder: Path, *command: str) -> tuple[int, str]:
    done = vpcbench(*command, *LOAD, folder=folder)
    return done.returncode, " ".join(done.stdout.split())


def test_nobody_there(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    status, said = ends(tmp_path, f"http://127.0.0.1:{port}/")
    assert status == 4, said
    assert "100 % of 100 requests failed, most as `connect-refused`: nobody listens there" in said
    assert result_of(tmp_path / "out")["verdict"]["codes"] == ["unreachable"]


def test_nobody_let_in_and_nobody_answered(tmp_path: Path) -> None:
    with PracticeService(Behaviour(latency=Constant(0.001)), token=TOKEN) as service:
        status, said = ends(tmp_path, service.urls[0], "-d", "x", "-H", "Authorization: wrong")
        assert status == 4, said
        assert "most as `status 401`: the token is not accepted" in said
    with PracticeService(Behaviour(latency=Constant(0.001), error_rate=1.0)) as service:
        broken = tmp_path / "broken"
        broken.mkdir()
        status, said = ends(broken, service.urls[0], "-d", "x")
    assert status == 1, said
    assert "most as `status 500`" in said
    assert result_of(broken / "out")["verdict"]["codes"] == ["no-good-answer"]


@pytest.mark.parametrize(("more", "codes"), [((), ["failures"]), (("--objective", "failures < 90%"), [])])
def test_some_failed(more: tuple[str, ...], codes: list[str], tmp_path: Path) -> None:
    """More than 1 % is too many, unless an objective says how many may."""
    with PracticeService(Behaviour(latency=Constant(0.001), error_rate=0.3, seed=1)) as service:
        status, said = ends(tmp_path, service.urls[0], "-d", "x", *more)
    told = json.loads((tmp_path / "out" / "result.json").read_text())["verdict"]
    assert status in {1 if codes else 0, INVALID}, said
    if status != INVALID:  # other programs took the cores, and lateness comes first
        assert told["codes"] == codes
        assert ("! Requests failed" in said) == bool(codes)
