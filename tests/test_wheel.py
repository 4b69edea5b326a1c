"""The wheel and the bundle that users get: they run compiled where there is no compiler."""

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
    runs_compiled(fresh / "bin" / "vpcbench", folder=tmp_path, **alone)


def test_the_bundle_needs_nothing_but_python(tmp_path: Path) -> None:
    made = run("make", "bundle", f"PYTHON={sys.executable}", folder=ROOT, VPCBENCH_COMPILE="1")
    assert made.returncode == 0, made.stderr
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (bundle,) = (ROOT / "dist").glob(f"vpcbench-{version}-*.pyz")
    bare = tmp_path / "bare"
    assert run(sys.executable, "-m", "venv", "--without-pip", bare, folder=tmp_path).returncode == 0
    (tmp_path / "home").mkdir()
    alone = {"PATH": str(bare / "bin"), "HOME": str(tmp_path / "home")}
    runs_compiled(bare / "bin" / "python", bundle, folder=tmp_path, **alone)


def runs_compiled(*program: str | Path, folder: Path, **environ: str) -> None:
    """Its version says so, and so does a run of it."""
    shown = run(*program, "--version", folder=folder, **environ)
    assert shown.stdout.endswith("hot path compiled\n"), shown.stderr
    with PracticeService(Behaviour(), (Address(),)) as service:
        load = ("--rate", "50/s", "--duration", "1s", "--rounds", "2", "-o", "out")
        done = run(*program, "curl", service.urls[0], *load, folder=folder, **environ)
    assert done.returncode == 0 or held_up(done.returncode, folder / "out"), done.stdout + done.stderr
    assert (folder / "out" / "report.html").exists()
    assert result_of(folder / "out")["environment"]["hot_path"] == "compiled"
