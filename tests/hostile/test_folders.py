"""A folder that someone else sent is hostile input: told by file and field with exit status 2, or read; never more."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.main import main
from benchmark.result.store import RECORDINGS
from tests.hostile.folders import BOMB, save, save_journal, tampered_file

COMMANDS = (
    "report bad --format markdown",
    "report bad --format csv",
    "report bad --format junit",
    "report bad --format json",
    "report bad --format hlog",
    "history bad",
    "diff good bad",
)
SELDOM = "report bad --format html"  # it takes a while
GUARD = 60  # seconds for one command
MANY = int(os.environ.get("FUZZ", "10000"))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "good")
    return tmp_path


@pytest.fixture(autouse=True)
def guarded() -> Iterator[None]:
    """Nothing hangs."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def ended(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """The exit status, and what was printed, of a command in this process."""
    signal.alarm(GUARD)
    with pytest.raises(SystemExit) as end:
        main(command.split())
    signal.alarm(0)
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


def fuzz(
    folders: Path, make: Callable[[Path], Path], seeds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = make(folders / "bad")
    (file,) = bad.iterdir()
    content = file.read_bytes()
    read = 0
    for seed in seeds:
        tampered_file(bad, content, random.Random(seed))
        command = SELDOM if seed % 50 == 49 else COMMANDS[seed % len(COMMANDS)]
        status, out, err = ended(command, capsys)
        assert status in {0, 1, 2}, (seed, command, err)
        assert status != 2 or f"bad/{file.name}: " in err or command.startswith("diff"), (seed, command, err)
        assert "\x1b" not in out + err, (seed, command)
        read += status != 2
    assert 0 < read < len(seeds) / 2  # some do no harm; most are refused


@pytest.mark.parametrize("make", [save, save_journal])
def test_no_folder_that_was_tampered_with_is_more_than_refused(
    make: Callable[[Path], Path], folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzz(folders, make, range(150), capsys)


@pytest.mark.long
@pytest.mark.parametrize("make", [save, save_journal])
def test_nor_is_any_of_thousands(
    make: Callable[[Path], Path], folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fuzz(folders, make, range(1000, 1000 + MANY // 2), capsys)


def _with(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def make(file: Path) -> None:
        data = json.loads(file.read_text())
        change(data)
        file.write_text(json.dumps(data))

    return make


def _a_bomb(data: dict[str, Any]) -> None:
    data["rounds"][0]["recording"]["histograms"]["response"]["counts"] = BOMB


def _nested(data: dict[str, Any]) -> None:
    for _ in range(300):
        data["scenario"] = {"a": data["scenario"]}


def _too_fine(data: dict[str, Any]) -> None:
    data["rounds"][3]["recording"]["series"]["width"] = 1


def _unbalanced(data: dict[str, Any]) -> None:
    data["rounds"][1]["recording"]["ok"] += 1


def _of_nobody(data: dict[str, Any]) -> None:
    data["rounds"][0]["target"] = "three"


def _huge(data: dict[str, Any]) -> None:
    data["rounds"][0]["recording"]["bands"]["70"] = 1e30


def _of_text(data: dict[str, Any]) -> None:
    data["rounds"][0]["recording"]["histograms"]["response"]["counts"] = "7"


def _a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _a_device(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


def _sparse(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(64 * 2**30)


def _crowded(file: Path) -> None:
    file.write_bytes(b"[" + b"[]," * 5_000_000 + b"[]]")


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a bomb": (_with(_a_bomb), "`rounds[0].recording.histograms.response` has counts"),
    "a number for a list": (_with(_huge), "`rounds[0].recording.bands.70` should be a valid list"),
    "text for counts": (_with(_of_text), "`rounds[0].recording.histograms.response`"),
    "nested": (_with(_nested), "is nested more than 100 levels deep"),
    "a series too fine": (_with(_too_fine), "`rounds[3].recording.series.width` is too fine"),
    "an account that does not balance": (_with(_unbalanced), "`rounds[1].recording` should balance"),
    "a round of nobody": (_with(_of_nobody), "`rounds[0].target` is none of the run's targets"),
    "a pipe": (_a_pipe, "no regular file"),
    "a device": (_a_device, "no regular file"),
    "a sparse file": (_sparse, "larger than 256"),
    "crowded": (_crowded, "more than 4,000,000 values"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_would_take_the_machine_is_refused_cheaply(
    name: str, folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within 700 MB beyond what this process takes, and a minute; 3.8 MB of such a file once took 6.2 GB."""
    bad = save(folders / "bad")
    make, told = HOSTILE[name]
    make(bad / RECORDINGS)
    before = resource.getrlimit(resource.RLIMIT_AS)
    here = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (here + 700 * 2**20, before[1]))
    try:
        status, _, err = ended("report bad --format json", capsys)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert (status, f"bad/{RECORDINGS}: " in err, told in err) == (2, True, True), err
