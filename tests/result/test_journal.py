"""The journal: whatever moment it ends at, it reads as a run whose account balances."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.analysis.summary import summarise
from benchmark.errors import InputError
from benchmark.measure.recording import Recording
from benchmark.result import journal as module
from benchmark.result.journal import JOURNAL, MAGIC, Journal, Part, read_journal
from benchmark.result.run import STOPPED, Run
from benchmark.result.store import load_run, save_run
from tests.analysis.runs import a_recording, a_round, a_run


def complain(reason: str) -> None:
    pytest.fail(reason)


def a_part(recording: Recording, due: int, number: int = 0, elapsed: float = 1.0) -> Part:
    return Part(
        target="one", number=number, warmup=1.0, measured=2.0, elapsed=elapsed, due=due, planned=100, recording=recording
    )  # fmt: skip


@pytest.fixture
def every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.0)


@pytest.fixture
def run() -> Run:
    run = a_run({"one": [], "two": []})
    run.probes.update(one=1, two=2)
    return run


def written(folder: Path, run: Run, *parts: Part, broken: Callable[[str], None] = complain) -> Path:
    with Journal(folder, run, broken) as journal:
        for round_ in run.rounds:
            journal.add(round_)
        for part in parts:
            journal.see(part)
    return folder / JOURNAL


def balanced(run: Run) -> bool:
    return all(
        kept.scheduled == kept.ok + kept.failed + kept.unsent for kept in (run.account(name) for name in run.targets)
    )  # fmt: skip


@pytest.mark.usefixtures("every_part")
def test_parts_add_up_and_what_is_missing_is_told_apart(run: Run, tmp_path: Path) -> None:
    parts = [a_part(a_recording(np.full(20, 5.0)), due) for due in (21, 43)]
    kept = read_journal(written(tmp_path, run, *parts))
    (round_,) = kept.rounds
    assert (round_.recording.scheduled, round_.recording.ok, round_.recording.unsent) == (100, 40, 57)
    assert round_.recording.failures == {"lost": 3}
    assert (round_.stopped, round_.measured, round_.flaw) == (True, 1.0, "")
    assert kept.probes == {"one": 1, "two": 2}
    result = summarise(kept)
    assert result.verdict.status == "interrupted"
    assert result.targets["one"].response_ms.p50 == pytest.approx(5, rel=0.01)


@pytest.mark.usefixtures("every_part")
def test_rounds_that_are_over_hold_and_a_broken_one_after_them_is_no_figure(run: Run, tmp_path: Path) -> None:
    run.rounds = [a_round(name, 0, a_recording(np.full(50, 5.0)), unmeasured=3) for name in ("one", "two")]
    kept = read_journal(written(tmp_path, run, a_part(a_recording([9.0]), 30, number=1)))
    assert [round_.to_dict() for round_ in kept.rounds[:2]] == [round_.to_dict() for round_ in run.rounds]
    assert kept.rounds[2].flaw == STOPPED
    assert kept.account("one").scheduled == 150
    assert summarise(kept).targets["one"].rounds == 1


@pytest.mark.usefixtures("every_part")
def test_cut_at_any_byte_it_reads_as_an_interrupted_run_or_says_why_not(run: Run, tmp_path: Path) -> None:
    run.rounds = [a_round("one", 0, a_recording(np.full(50, 5.0)))]
    parts = [a_part(a_recording(np.full(10, 5.0)), 11 * number, number=1) for number in (1, 2)]
    path = written(tmp_path, run, *parts)
    whole = path.read_bytes()
    scheduled: set[tuple[int, int]] = set()
    torn = 0
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        try:
            kept = load_run(tmp_path)
        except InputError:
            assert end < len(MAGIC) or not scheduled  # the run's own record is torn
            continue
        assert kept.interrupted
        assert balanced(kept)
        torn += any("torn" in note for note in kept.notes)
        scheduled.add((kept.account("one").scheduled, kept.account("one").ok))
    assert scheduled == {(0, 0), (50, 50), (150, 60)}
    assert torn > 100


@pytest.mark.usefixtures("every_part")
def test_a_bit_that_flipped_ends_what_is_believed(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, run, *(a_part(a_recording(np.full(10, 5.0)), 11 * number) for number in (1, 2)))
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    kept = read_journal(path)
    assert kept.account("one").ok == 10
    assert any("torn" in note for note in kept.notes)


@pytest.mark.usefixtures("every_part")
def test_long_journals_are_written_anew(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 20_000)
    parts = [a_part(a_recording([5.0]), number + 1) for number in range(80)]
    path = written(tmp_path, run, *parts)
    assert path.stat().st_size < 60_000
    assert read_journal(path).account("one").ok == 80
    assert [each.name for each in tmp_path.iterdir()] == [JOURNAL]


def test_parts_are_written_about_once_a_second(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, run, *(a_part(a_recording([5.0]), 100) for _ in range(50)))
    assert read_journal(path).account("one").ok == 1  # the first at once, the rest within a second


def test_a_run_that_is_saved_whole_needs_no_journal(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path, run, a_part(a_recording([5.0]), 1))
    save_run(tmp_path, run)
    assert not path.exists()
    assert not load_run(tmp_path).interrupted


@pytest.mark.usefixtures("every_part")
def test_a_full_disk_is_told_once_and_leaves_whole_records(run: Run, tmp_path: Path) -> None:
    reasons: list[str] = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, before[1]))
        path = written(
            tmp_path, run, *(a_part(a_recording([5.0]), number + 1) for number in range(80)), broken=reasons.append
        )  # fmt: skip
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (reason,) = reasons
    assert os.strerror(errno.EFBIG) in reason
    kept = read_journal(path)
    assert 0 < kept.account("one").ok < 80
    assert not kept.notes


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / JOURNAL
    for data in (b"", b"vpcbench.journal/9\n", MAGIC):
        path.write_bytes(data)
        with pytest.raises(InputError):
            load_run(tmp_path)
