"""A folder runs no code: modules that lie beside a scenario, under the names of those that we import, stay untouched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
from tests.cli.command import ROOT

NAMES = (
    "signal", "pickle", "socket", "json", "typing", "numpy", "uvloop", "ssl", "random", "selectors",
    "asyncio", "tqdm", "librt", "sitecustomize", "usercustomize", "tokenizers", "rich", "yaml",
)  # fmt: skip
SCRIPT = Path(sys.executable).with_name("vpcbench")
BESIDE = "beside"  # a folder beside the scenario, which PYTHONPATH may name

CHILDREN = """
from benchmark.execution.local import LocalWorkers
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.network import Network, NetworkUnavailable
from benchmark.simulation.process import PracticeService
with PracticeService(Behaviour()) as service, LocalWorkers() as workers:
    service.truth()
try:
    with Network(path={"delay": 0.001}):
        pass
except NetworkUnavailable as error:
    print(error)
"""


@pytest.fixture(scope="module")
def service() -> Iterator[PracticeService]:
    with PracticeService(Behaviour()) as service:
        yield service


def plant(folder: Path, *more: str) -> Path:
    """Modules that leave a mark when they are imported, here and in a folder; where the marks are left."""
    marks = folder / "marks"
    marks.mkdir()
    (folder / BESIDE).mkdir()
    for name in (*NAMES, *more):
        text = f"import os\nos.close(os.open({str(marks / name)!r}, os.O_CREAT))\n"
        (folder / f"{name}.py").write_text(text)
        (folder / BESIDE / f"{name}.py").write_text(text)
    return marks


def run(folder: Path, *command: str, **environ: str) -> None:
    """Run a command there that must end well."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env={**inherited, **environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 3}, done.stdout + done.stderr  # 3: other programs took the cores
    assert "Traceback" not in done.stderr, done.stderr


def test_the_planted_modules_leave_marks_where_they_are_imported(tmp_path: Path) -> None:
    marks = plant(tmp_path)
    run(tmp_path, sys.executable, "-S", "-c", "import socket, numpy")
    assert {path.name for path in marks.iterdir()} >= {"socket", "numpy"}


@pytest.mark.parametrize(
    "command",
    [(str(SCRIPT),), (sys.executable, "-P", "-m", "benchmark")],
    ids=["vpcbench", "python -P -m benchmark"],
)
def test_the_command_and_its_children_import_none(
    command: tuple[str, ...], service: PracticeService, tmp_path: Path
) -> None:
    marks = plant(tmp_path, "benchmark")
    run(tmp_path, *command, "check", service.urls[0])
    assert list(marks.iterdir()) == []


def test_nor_does_python_m_once_python_has_found_the_package(
    service: PracticeService, tmp_path: Path
) -> None:
    """`-m` looks in the current directory first: `benchmark.py` there would be run by Python itself, unless with `-P`."""
    marks = plant(tmp_path)
    run(tmp_path, sys.executable, "-m", "benchmark", "check", service.urls[0])
    assert list(marks.iterdir()) == []


def test_nor_does_a_whole_run_with_an_empty_entry_in_pythonpath(
    service: PracticeService, tmp_path: Path
) -> None:
    """Python itself reads such an entry before any line of ours: at its start, so no `sitecustomize.py` here."""
    marks = plant(tmp_path)
    (tmp_path / "sitecustomize.py").unlink()
    (tmp_path / "usercustomize.py").unlink()
    load = ("--rate", "50/s", "--duration", "200ms", "--warmup", "0s", "--rounds", "2")
    run(tmp_path, str(SCRIPT), "curl", service.urls[0], "-d", "x", *load, PYTHONPATH=":/nowhere")
    assert list(marks.iterdir()) == []


def test_nor_do_children_by_what_pythonpath_says_of_the_current_directory(tmp_path: Path) -> None:
    """The parent is an isolated Python (`-I`), so that only its children could read PYTHONPATH."""
    marks = plant(tmp_path, "benchmark")
    run(tmp_path, sys.executable, "-I", "-c", CHILDREN, PYTHONPATH=f":.:{BESIDE}:./{BESIDE}/.:{ROOT}")
    assert list(marks.iterdir()) == []
