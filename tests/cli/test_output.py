"""Output that cannot be printed, and results folders that cannot be read: each is told, and none ends in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from benchmark.cli.main import main
from benchmark.result.store import RECORDINGS, load_run
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import IMPORTED, held_up, pairs, vpcbench, write
from tests.cli.test_diff import kept

NOBODY = "http://127.0.0.1:9/"  # discard: nothing listens there
ENVIRONMENT = {**os.environ, "PYTHONPATH": IMPORTED}
PRINTING = {  # exit status, where all is well
    "report base/1": 0,
    "report base/1 --format json": 0,
    "report base/1 --format hlog": 0,
    "history base": 0,
    "history base --json": 0,
    "diff base new": 0,
    "diff base new --format json": 0,
    "diff base new --format markdown": 0,
    "schema": 0,
    "run scenario.yaml --dry-run": 0,
    f"curl {NOBODY} --dry-run": 0,
    f"curl {NOBODY} --as-scenario": 0,
    f"check {NOBODY}": 4,
    f"check {NOBODY} --json": 4,
    "--help": 0,
    "--version": 0,
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sides of three runs, and a scenario."""
    folder = tmp_path_factory.mktemp("printing")
    for at in range(3):
        kept(folder / "base" / str(at + 1), {"public": 30, "vpc": 10}, at)
        kept(folder / "new" / str(at + 1), {"public": 30, "vpc": 12.5}, 10 + at)
    write(folder, f'targets: {{a: {{url: "{NOBODY}"}}}}\n')
    return folder


def started(
    command: str, folder: Path, out: IO[bytes] | int, err: IO[bytes] | int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "benchmark", *command.split()]
    return subprocess.Popen(program, cwd=folder, stdout=out, stderr=err, env=ENVIRONMENT)


@pytest.mark.parametrize("command", PRINTING)
def test_a_full_disk_behind_the_output_is_told(command: str, here: Path) -> None:
    with open("/dev/full", "wb") as full, started(command, here, full) as process:
        _, said = process.communicate(timeout=60)
    assert said.decode().count("standard output cannot be written: No space left on device") == 1
    assert "Traceback" not in said.decode()
    assert process.returncode == (PRINTING[command] or 2)


@pytest.mark.parametrize("command", ["report base/1 --format json", "schema", f"check {NOBODY}"])
def test_a_reader_that_has_gone_away_is_no_fault(command: str, here: Path) -> None:
    """Neither is a log of errors that takes no more: the status is what it would have been."""
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "wb") as full, started(command, here, writing, full) as process:
        os.close(writing)
        assert process.wait(60) == PRINTING[command]


def test_output_that_was_closed_beforehand_is_no_fault(here: Path) -> None:
    script = '"$0" -m benchmark schema >&- && exec "$0" -m benchmark report base/1 >&- 2>&-'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable], cwd=here, env=ENVIRONMENT, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_character_that_the_terminal_lacks_ends_nothing(here: Path) -> None:
    done = vpcbench("diff", "base", "new", folder=here, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "vpc" in done.stdout


@pytest.mark.parametrize("gone", [True, False])
def test_a_run_is_kept_whole_whatever_becomes_of_its_output(gone: bool, tmp_path: Path) -> None:
    """A service that fails every request misses the objective: the status says so, printed or not."""
    reading, writing = os.pipe()
    os.close(reading)
    with PracticeService(Behaviour(error_rate=1.0), (Address(),)) as service, open("/dev/full", "wb") as full:
        write(
            tmp_path,
            f'targets: {{a: {{url: "{service.urls[0]}"}}}}\nobjectives: ["failures < 1%"]\n'
            "load: {rate: 50/s, duration: 1s, warmup: 0s}\nrounds: 1\n",
        )
        command = "run scenario.yaml --no-check -o out"
        with started(command, tmp_path, writing if gone else full) as process:
            _, said = process.communicate(timeout=60)
    os.close(writing)
    assert process.returncode == 1 or held_up(process.returncode, tmp_path / "out"), said
    assert (b"cannot be written" in said) == (not gone), said
    assert {"result.json", "report.html", "report.md"} <= {each.name for each in (tmp_path / "out").iterdir()}
    assert load_run(tmp_path / "out").account("a").failed == 50 * pairs(tmp_path / "out")


def without(kept: dict[str, Any]) -> None:
    del kept["settings"]["confidence"]


def of_another_kind(kept: dict[str, Any]) -> None:
    kept["settings"]["timeout"] = "long"


def of_another_format(kept: dict[str, Any]) -> None:
    kept["format"] = "vpcbench.recordings/7"


def of_another_version(kept: dict[str, Any]) -> None:
    kept["environment"]["vpcbench"] = "9.9"
    kept["colour"] = "blue"


def with_other_figures(kept: dict[str, Any]) -> None:
    kept["generator"] = {"workers": [{"mood": "good"}]}


def with_half_its_prices(kept: dict[str, Any]) -> None:
    del kept["settings"]["cost"]["targets"]["vpc"]["tls"]


DAMAGE: dict[Callable[[dict[str, Any]], None], tuple[str, ...]] = {
    without: ("`settings.confidence` is missing", "measure again"),
    of_another_kind: ("`settings.timeout` should be", "and is 'long'", "measure again"),
    of_another_format: (
        "of the format vpcbench.recordings/7",
        "reads vpcbench.recordings/1",
        "measure again",
    ),
    of_another_version: ("colour", "vpcbench 9.9 made it", "read it with that version"),
    with_other_figures: ("`generator.workers[0].cpu_seconds` is missing",),
    with_half_its_prices: ("`settings.cost.targets.vpc.tls` is missing", "measure again"),
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_recordings_that_do_not_fit_are_told(
    damage: Callable[[dict[str, Any]], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By every command that reads them: which file, what was seen, and what to do."""
    monkeypatch.chdir(tmp_path)
    for name in ("good", "bad"):
        kept(tmp_path / name, {"public": 30, "vpc": 10}, 1)
    path = tmp_path / "bad" / RECORDINGS
    changed = json.loads(path.read_text())
    damage(changed)
    path.write_text(json.dumps(changed))
    for command in (
        "report bad",
        "report bad --format csv",
        "history bad",
        "diff good bad",
        "diff bad:vpc good:vpc",
    ):
        with pytest.raises(SystemExit) as ended:
            main(command.split())
        said = capsys.readouterr().err
        assert ended.value.code == 2
        assert [each for each in (f"bad/{RECORDINGS}: ", *DAMAGE[damage]) if each not in said] == [], said
    with pytest.raises(SystemExit) as ended:  # of several, the others are told
        main(["history", "."])
    told = capsys.readouterr()
    assert ended.value.code == 0
    assert f"left out: bad/{RECORDINGS}" in told.err
    assert "by-hand, vpc" in told.out
