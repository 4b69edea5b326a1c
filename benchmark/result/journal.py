"""The journal: what a run has measured so far, on disk about once a second, so that no crash can take it.

While a run goes on, the journal is its record; once the run is saved whole, the journal has nothing to add and goes.
A file begins with a line that names its format. Records follow, each made of the payload's length and CRC-32 (two
little-endian 32-bit numbers) and the payload, which is JSON:

run      the run without its rounds: always the first
round    a round that is over; of two with the same target and number, the later one holds
part     what the running round has recorded since the last part, and how far its schedule had come

A part adds to those before it. Where they grow long, the file is written anew with all parts in one: its size depends
on the number of rounds, not on how long they take.
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmark.errors import InputError
from benchmark.measure.recording import Recording, unreported
from benchmark.result.run import Round, Run, set_aside
from benchmark.result.schema import check_part, check_round_record, check_run, parse, read_bounded

JOURNAL = "journal"
MAGIC = b"vpcbench.journal/1\n"
EVERY = 1.0  # seconds between two records of a running round
LONGEST = 16 * 1024 * 1024  # bytes of parts, after which they are joined
_HEAD = struct.Struct("<II")


@dataclass(frozen=True)
class Part:
    """A round so far, or what it recorded since the part before."""

    target: str
    number: int
    warmup: float  # seconds
    measured: float  # seconds asked for
    elapsed: float  # seconds of the measured part that were over
    due: int  # requests of the measured part that were due by then
    planned: int  # those of the whole measured part
    recording: Recording

    def joined(self, earlier: Part | None) -> Part:
        """This part after an earlier one of the same round."""
        if earlier is None or (earlier.target, earlier.number) != (self.target, self.number):
            return self
        whole = Recording()
        whole.merge(earlier.recording)
        whole.merge(self.recording)
        return replace(self, recording=whole)

    def broken_off(self) -> Round:
        """The round as it stands: what was due and not recorded is lost, what was due later is unsent."""
        whole = Recording()
        whole.merge(self.recording)
        answered = whole.scheduled - whole.unsent
        rest = unreported(self.due, self.planned - whole.unsent, answered)
        whole.merge(rest)
        return Round(
            target=self.target,
            number=self.number,
            warmup=self.warmup,
            measured=self.elapsed,
            recording=whole,
            stopped=self.elapsed < self.measured or rest.scheduled > 0,
        )


class Journal:
    """Use as a context manager: entering begins the file, leaving closes it and leaves it there.

    Args:
        broken: called once with the reason when nothing more can be written; what was written stays readable.
    """

    def __init__(self, folder: Path, run: Run, broken: Callable[[str], None]) -> None:
        self._path = folder / JOURNAL
        self._fresh = folder / f"{JOURNAL}.new"
        self._run = run
        self._broken = broken
        self._writable = True
        self._file = -1
        self._size = 0
        self._loose = 0  # bytes of parts
        self._rounds: dict[tuple[str, int], Round] = {}
        self._whole: Part | None = None  # of the running round, all that is written
        self._next: Part | None = None  # what is not
        self._written = 0.0  # when the latest part was

    def __enter__(self) -> Journal:
        self._guard(self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._fresh.unlink(missing_ok=True)

    def see(self, part: Part) -> None:
        """Take what a running round has recorded; it is written about once a second."""
        self._next = part.joined(self._next)
        if time.monotonic() - self._written >= EVERY:
            self._guard(self._write_part)

    def add(self, round_: Round) -> None:
        """Take a round that is over."""
        self._rounds[round_.target, round_.number] = round_
        self._whole = self._next = None
        self._guard(lambda: self._write("round", self._of_round(round_)))

    def _guard(self, write: Callable[[], object]) -> None:
        """Write; where the disk refuses, leave whole records only, and say so once."""
        if not self._writable:
            return
        try:
            write()
        except OSError as error:
            self._writable = False
            if self._file >= 0:
                os.ftruncate(self._file, self._size)
            self._broken(f"the journal {self._path} cannot be written: {error.strerror}")

    def _begin(self) -> None:
        """Write the file from its beginning, whole, before it takes the place of one that is there."""
        self._fresh.unlink(missing_ok=True)
        descriptor = os.open(self._fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self._loose = descriptor, 0, 0
        self._put(MAGIC)
        self._write("run", replace(self._run, rounds=[]).to_dict())
        for round_ in self._rounds.values():
            self._write("round", self._of_round(round_))
        if self._whole:
            self._write("part", self._of_part(self._whole))
        self._fresh.rename(self._path)
        sync_folder(self._path.parent)

    def _write_part(self) -> None:
        assert self._next is not None
        part, self._next = self._next, None
        self._loose += self._write("part", self._of_part(part))
        self._whole = part.joined(self._whole)
        self._written = time.monotonic()
        if self._loose > LONGEST:
            self._begin()

    def _write(self, kind: str, data: dict[str, Any]) -> int:
        """Append a record, and wait until the disk has it; its size."""
        payload = json.dumps({"kind": kind, "at": _stamp(), **data}).encode()
        record = _HEAD.pack(len(payload), zlib.crc32(payload)) + payload
        self._put(record)
        return len(record)

    def _put(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._file, left) :]
        os.fsync(self._file)
        self._size += len(data)

    def _of_round(self, round_: Round) -> dict[str, Any]:
        """A round's record, with what else has changed in the run."""
        run = self._run
        changed = {"probes": run.probes, "generator": run.generator, "lost": run.lost, "notes": run.notes}
        return {"round": round_.to_dict(), **changed}

    def _of_part(self, part: Part) -> dict[str, Any]:
        return {**vars(part), "recording": part.recording.to_dict()}


def read_journal(path: Path) -> Run:
    """The run that a journal tells of, as one that was interrupted; a last record that is torn is dropped, and said so.

    Raises:
        InputError: it is no journal, or not one that this version can read.
    """
    data = read_bounded(path)
    if not data.startswith(MAGIC):
        raise InputError(
            f"{path}: not of the format {MAGIC.decode().strip()}; it was made by another version"
        )
    try:
        return _read(path, data)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged: {error}; it was changed or cut off") from error


def _read(path: Path, data: bytes) -> Run:
    run: Run | None = None
    rounds: dict[tuple[str, int], Round] = {}
    running: Part | None = None
    stamp, end = "", len(MAGIC)
    for record, end in _records(data):  # noqa: B007  # the last one ends the whole ones
        kind, stamp = record.pop("kind"), record.pop("at")
        if kind == "run":
            check_run(record)
            run = Run.from_dict(record)
        elif kind == "round" and run:
            check_round_record(record)
            round_ = Round.from_dict(record.pop("round"))
            rounds[round_.target, round_.number] = round_
            vars(run).update(record)
            running = None
        elif kind == "part" and run:
            check_part(record)
            running = Part(**{**record, "recording": Recording.from_dict(record["recording"])}).joined(
                running
            )
    if run is None:
        raise InputError(f"{path}: its first record is torn, so nothing was measured yet")
    if running:
        rounds[running.target, running.number] = running.broken_off()
    if strangers := {target for target, _ in rounds} - run.targets.keys():
        raise ValueError(f"it tells of a target that is none of the run's: {min(strangers)!r}")
    run.rounds = set_aside(list(rounds.values()))
    run.finished_at = stamp
    run.interrupted = f"its process was killed, or still runs; the journal's last record is of {stamp}"
    if end < len(data):
        run.notes.append(
            f"the journal's last record was torn and is left out ({len(data) - end} bytes): "
            "at most the last 2 s before the end are missing"
        )
    return run


def _records(data: bytes) -> Iterator[tuple[dict[str, Any], int]]:
    """Whole records with where each ends, up to the first that is not."""
    at = len(MAGIC)
    while at + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, at)
        payload = data[at + _HEAD.size : at + _HEAD.size + length]
        if len(payload) < length or zlib.crc32(payload) != checksum:
            return
        at += _HEAD.size + length
        record = parse(payload)
        if not isinstance(record, dict) or not isinstance(record.get("at"), str):
            raise ValueError(f"the record at byte {at - length} is none")
        yield record, at


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the folder's names."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
