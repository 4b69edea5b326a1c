"""The command line as its users meet it: a process of its own, whose streams, exit status and files are all there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import benchmark
from benchmark.result.store import load_run

ROOT = Path(__file__).parents[2]
IMPORTED = str(Path(benchmark.__file__).parents[1])  # the installed package, or the checkout
INVALID = 3  # exit status
GENERATORS_SAKE = {"generator-late", "generator-limit", "rounds-unusable"}  # codes of a verdict
PATIENCE = 600.0  # seconds for one command: a guard against hanging

Done = subprocess.CompletedProcess[str]


def vpcbench(*arguments: str, folder: Path, **environ: str) -> Done:
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "COLUMNS": "80", "PYTHONPATH": IMPORTED, **environ},
        check=False,
    )


def measured(
    *arguments: str,
    folder: Path,
    out: str = "out",
    status: int = 0,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Done:
    """Run a command that measures, and demand its exit status; what it leaves is in `out`.

    A run that the tool itself calls invalid for its generator's sake is as good: what was sent, counted and written is
    the same, on whatever machine. A test that is about the figures themselves is marked `verify`.
    """
    done = vpcbench(*arguments, "-o", out, folder=folder, **environ)
    assert done.returncode == status or held_up(done.returncode, folder / out), done.stdout + done.stderr
    return done


def valid(*arguments: str, folder: Path, out: str = "out", status: int = 0) -> Done:
    """Run a command whose figures are under test (`verify`): a run that calls itself invalid does not do."""
    done = vpcbench(*arguments, "-o", out, folder=folder)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def held_up(status: int, folder: Path) -> bool:
    """Whether the tool itself called this run invalid for the generator's sake, and for nothing else."""
    if status != INVALID:
        return False
    codes = set(result_of(folder)["verdict"]["codes"])
    return bool(codes) and codes <= GENERATORS_SAKE


def pairs(folder: Path) -> int:
    """How many rounds each target had: one that came late is repeated with its pair, and all are in the account."""
    rounds = load_run(folder).rounds
    return len(rounds) // len({each.target for each in rounds})


def sound(folder: Path) -> bool:
    """Whether there is a round that figures are made of; if not, the run says why."""
    return not all(each.flaw for each in load_run(folder).rounds)


def result_of(folder: Path) -> dict[str, Any]:
    """The figures that a run left."""
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return found


def metric(result: dict[str, Any], name: str, at: int = 0) -> dict[str, Any]:
    """A metric of one of the result's comparisons."""
    found: dict[str, Any] = next(
        each for each in result["comparisons"][at]["metrics"] if each["metric"] == name
    )
    return found


def write(folder: Path, text: str) -> str:
    """Keep a scenario; its name."""
    (folder / "scenario.yaml").write_text(text)
    return "scenario.yaml"
