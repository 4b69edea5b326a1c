"""Results folders: made once, never overwritten, readable only by their owner, and free of secrets.

scenario.yaml     what was asked (secrets redacted)
journal           while the run goes on: what was measured so far
recordings.json   once it is over: everything that was kept, so that reports can be made again without measuring
result.json       the figures
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from glob import glob
from pathlib import Path
from typing import Any

import yaml

from benchmark import __version__
from benchmark.errors import InputError
from benchmark.result.journal import JOURNAL, read_journal, sync_folder
from benchmark.result.run import Run
from benchmark.result.schema import check_run, parse, read_bounded

RECORDINGS = "recordings.json"
FORMAT = "vpcbench.recordings/1"
UNFIT = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
DEPTH = 2  # of folders in a folder of runs


def make_folder(name: str, asked: Path | None, results: Path = Path("results")) -> Path:
    """A new folder of its own: the one asked for, or `results/<stamp>-<name>`.

    Raises:
        InputError: the folder exists and holds something, or cannot be made.
    """
    if asked is not None:
        return _make(asked)
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    safe = re.sub(r"[^\w.-]", "-", name)
    for attempt in range(1, 100):
        folder = results / f"{stamp}-{safe}{'' if attempt == 1 else f'-{attempt}'}"
        if not folder.exists():
            return _make(folder)
    raise InputError(f"{results}: a hundred results folders of this second exist; use -o DIR")


def _make(folder: Path) -> Path:
    try:
        if folder.exists() and any(folder.iterdir()):
            raise InputError(
                f"{folder} holds something already, and results are never overwritten: choose another -o DIR"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be used for results: {error.strerror}; choose another with -o DIR"
        ) from error
    return folder


def find_runs(folder: Path) -> list[Path]:
    """The results folder itself, or all those in a folder that holds some, by name; a glob may stand for several.

    Raises:
        InputError: there is none.
    """
    tops = [folder] if folder.exists() else map(Path, sorted(glob(str(folder))))
    found = [run for top in tops for run in _runs_in(top, DEPTH)]
    if not found:
        raise InputError(
            f"{folder}: holds no run; name a folder that `vpcbench run` made, or one with such folders"
        )
    return found


def _runs_in(folder: Path, depth: int) -> list[Path]:
    if any((folder / name).exists() for name in (RECORDINGS, JOURNAL)):
        return [folder]
    if not depth or not folder.is_dir():
        return []
    inner = sorted((each for each in folder.iterdir() if each.is_dir()), key=_natural)
    return [run for each in inner for run in _runs_in(each, depth - 1)]


def _natural(folder: Path) -> list[tuple[int, str]]:
    """An order in which 10 comes after 9."""
    return [(int(part or -1), text) for text, part in re.findall(r"(\D*)(\d*)", folder.name)]


def save_scenario(folder: Path, run: Run) -> None:
    """Keep what was asked.

    Raises:
        InputError: the folder takes no files.
    """
    scenario = yaml.safe_dump(run.scenario, sort_keys=False, allow_unicode=True)
    try:
        write_file(folder / "scenario.yaml", scenario)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written to: {error.strerror}; choose another with -o DIR"
        ) from error


def save_run(folder: Path, run: Run) -> None:
    """Keep everything, whole or not at all; then the journal has nothing to add."""
    write_file(folder / RECORDINGS, json.dumps({"format": FORMAT, **run.to_dict()}))
    sync_folder(folder)
    (folder / JOURNAL).unlink(missing_ok=True)


def write_file(path: Path, text: str) -> None:
    """Write a file, whole or not at all, that only its owner can read, whatever the folder; it follows no link.

    Raises:
        OSError: the folder does not take it.
    """
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def load_run(folder: Path) -> Run:
    """The run kept in a results folder; where it broke off, what its journal tells.

    Raises:
        InputError: it is no results folder, or not one that this version can read.
    """
    path = kept_in(folder)
    if path.name == JOURNAL:
        return read_journal(path)
    try:
        kept: dict[str, Any] = parse(read_bounded(path))
    except ValueError as error:
        raise InputError(f"{path}: {error}; it was changed or cut off") from error
    made = kept.pop("format", None) if isinstance(kept, dict) else None
    if made != FORMAT:
        said = f"of the format {made}" if isinstance(made, str) else "of no known format"
        raise InputError(
            f"{path}: {said}, and this version reads {FORMAT}: read it with the version that made it, or measure again"
        )
    try:
        check_run(kept)
        return Run.from_dict(kept)
    except UNFIT as error:
        raise _unfit(path, kept.get("environment"), str(error)) from error


def kept_in(folder: Path) -> Path:
    """The file that holds what is kept of the run in a folder: its recordings; where it broke off, its journal."""
    path = folder / RECORDINGS
    return folder / JOURNAL if not path.exists() and (folder / JOURNAL).exists() else path


@contextmanager
def making_figures(folder: Path, run: Run) -> Iterator[None]:
    """What goes wrong inside is the file's: of these recordings figures were made once, when they were measured."""
    try:
        yield
    except InputError:
        raise
    except UNFIT as error:
        raise _unfit(kept_in(folder), run.environment, f"no figures can be made of it: {error!r}") from error


def _unfit(path: Path, environment: Any, problem: str) -> InputError:
    """That a file cannot be used, with the version that made it: perhaps that is why."""
    made, ours = environment.get("vpcbench") if isinstance(environment, dict) else None, __version__
    mend = (
        "it was changed or cut off; take a whole copy, or measure again"
        if made in (ours, None) or not isinstance(made, str)
        else f"vpcbench {made} made it, and this is {ours}: read it with that version, or measure again"
    )
    return InputError(f"{path}: {problem}; {mend}")
