"""The wheel that users get: installed where there is no compiler, it runs compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import ROOT, held_up, result_of

pytestmark = [pytest.mark.long, pytest.mark.must_run("cc")]
PATIENCE = 600.0  # seconds: a guard against hanging


def run(*command: str | Path, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program where nothing of ours can be imported by accident."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_wheel_runs_compiled_where_there_is_no_compiler(tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    built = run(*pip, "wheel", "--no-deps", "-w", tmp_path, ROOT, folder=tmp_path, VPCBENCH_COMPILE="1")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("vpcbench-*.whl")
    fresh = tmp_path / "fresh"
    assert run(sys.executable, "-m", "venv", fresh, folder=tmp_path).returncode == 0
    alone = {"PATH": str(fresh / "bin")}  # no compiler, and nothing else
    done = run(fresh / "bin" / "pip", "install", "--quiet", wheel, folder=tmp_path, **alone)
    assert done.returncode == 0, done.stderr
    shown = run(fresh / "bin" / "vpcbench", "--version", folder=tmp_path, **alone)
    assert shown.stdout.endswith("hot path compiled\n"), shown.stderr
    with PracticeService(Behaviour(), (Address(),)) as service:
        load = ("--rate", "50/s", "--duration", "1s", "--rounds", "2", "-o", "out")
        done = run(fresh / "bin" / "vpcbench", "curl", service.urls[0], *load, folder=tmp_path, **alone)
    assert done.returncode == 0 or held_up(done.returncode, tmp_path / "out"), done.stdout + done.stderr
    assert result_of(tmp_path / "out")["environment"]["hot_path"] == "compiled"
