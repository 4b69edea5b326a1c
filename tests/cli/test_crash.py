"""A crash, whatever its cause, says where the measured data lie and the command that renders them; that command does."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.result.journal import Journal
from benchmark.result.run import Round
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from tests.cli.command import write

SCENARIO = """
targets: {{target: {{url: "{url}"}}}}
load: {{rate: 50/s, duration: 400ms, warmup: 0s}}
rounds: 2
"""
SWEEP = SCENARIO + "sweep: {{load.rate: [50/s, 60/s]}}\n"
LIMITED = SCENARIO + 'objectives: ["p99 < 800ms"]\n'
SHORT = ("--rate", "50/s", "--duration", "400ms", "--warmup", "0s", "--rounds", "2")

COMMANDS = {
    "run": (SCENARIO, ["run", "scenario.yaml"]),
    "curl": (SCENARIO, ["curl", "{url}", *SHORT]),
    "sweep": (SWEEP, ["run", "scenario.yaml"]),
    "repeat": (SCENARIO, ["run", "scenario.yaml", "--repeat", "2"]),
    "capacity": (LIMITED, ["capacity", "scenario.yaml", "--budget", "2s"]),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with PracticeService(Behaviour(latency=Constant(0.001))) as service:
        yield service.urls[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def crashes(name: str, url: str, folder: Path, capsys: pytest.CaptureFixture[str], status: int = 70) -> str:
    """Run a command that is to end so; what it says."""
    scenario, command = COMMANDS[name]
    write(folder, scenario.format(url=url))
    with pytest.raises(SystemExit) as ended:
        main([*(each.format(url=url) for each in command), "-o", "it's here"])
    assert ended.value.code == status
    return capsys.readouterr().err


def renders(told: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command that is told renders."""
    (rescue,) = re.findall(
        r"^What was measured is in .*: `vpcbench (report .*)` renders it\.$", told, re.MULTILINE
    )
    with pytest.raises(SystemExit) as ended:
        main(shlex.split(rescue))
    assert ended.value.code == 0
    return capsys.readouterr().out


def break_off(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let the program fail once a round is in the journal."""
    add = Journal.add

    def failing(journal: Journal, round_: Round) -> None:
        add(journal, round_)
        raise error

    monkeypatch.setattr(Journal, "add", failing)


@pytest.mark.parametrize("name", COMMANDS)
def test_in_mid_run(
    name: str, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    break_off(monkeypatch, RuntimeError("it broke"))
    told = crashes(name, url, folder, capsys)
    assert "RuntimeError: it broke" in told
    assert f"it's here{'/1' if name == 'repeat' else ''}: `" in told
    assert "target" in renders(told, capsys)


@pytest.mark.parametrize(
    ("name", "step"),
    [("run", "summarise"), ("run", "render"), ("capacity", "describe"), ("capacity", "render_terminal")],
)
def test_after_it(
    name: str,
    step: str,
    url: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("it broke")

    module = "run" if step == "render" else name
    with monkeypatch.context() as patched:
        patched.setattr(f"benchmark.cli.{module}.{step}", fail)
        told = crashes(name, url, folder, capsys)
    assert "target" in renders(told, capsys)


@pytest.mark.parametrize(("error", "status"), [(MemoryError(), 70), (KeyboardInterrupt(), 130)])
def test_by_whatever(
    error: BaseException,
    status: int,
    url: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    break_off(monkeypatch, error)
    told = crashes("run", url, folder, capsys, status)
    assert "target" in renders(told, capsys)


def test_before_anything_was_measured(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(Journal, "see", fail)
    told = crashes("run", url, folder, capsys)
    assert told.endswith("Nothing was measured by then; it's here may go.\n")


DEMO = """
import sys
from benchmark.cli.main import main
from benchmark.result.journal import Journal
add = Journal.add
def failing(journal, round_):
    add(journal, round_)
    raise RuntimeError("it broke")
Journal.add = failing
main(["demo", "-o", "out"])
"""


def test_in_the_demo(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a process of its own, which may move to another network."""
    done = subprocess.run(
        [sys.executable, "-c", DEMO], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 70, done.stderr
    assert "target" in renders(done.stderr, capsys)
