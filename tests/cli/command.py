"""The command line as its users meet it: a process of its own, whose streams, exit status and files are all there is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).parents[2]
INVALID = 3  # the run says that its generator was held up
PATIENCE = 120.0  # seconds for one command
TRIES = 4  # where other programs take the cores meanwhile
BETWEEN_TRIES = 2.0  # seconds, which grow: a busy machine is busy for a while

Done = subprocess.CompletedProcess[str]


def vpcbench(*arguments: str, folder: Path, **environ: str) -> Done:
    """Run the command in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "benchmark", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "COLUMNS": "80", "PYTHONPATH": str(ROOT), **environ},
        check=False,
    )


def measured(
    *arguments: str,
    folder: Path,
    out: str = "out",
    status: int = 0,
    before: Callable[[], object] = lambda: None,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Done:
    """Run a command that measures, and demand its exit status; what it leaves is in `out`.

    A run that was held up by other programs is repeated, a bounded number of times.
    `before` each attempt whatever must start anew does.
    """
    for attempt in range(TRIES):
        shutil.rmtree(folder / out, ignore_errors=True)
        before()
        done = vpcbench(*arguments, "-o", out, folder=folder, **environ)
        if not held_up(done, folder / out):
            break
        time.sleep(BETWEEN_TRIES * attempt)
    assert done.returncode == status, done.stdout + done.stderr
    return done


def held_up(done: Done, folder: Path) -> bool:
    """Whether a run says that its generator was held up, all the time or in rounds that it could not use."""
    if done.returncode == INVALID:
        return True
    told = folder / "result.json"
    reasons = json.loads(told.read_text())["verdict"]["reasons"] if told.exists() else []
    return any("is not used" in reason or "are not used" in reason for reason in reasons)


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
