"""Stopped, killed, or out of disk: what was measured is kept, the account balances, and nothing is left behind."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli.stopping import Stopping
from benchmark.result.store import load_run
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from benchmark.units import MILLISECOND
from tests.cli.command import IMPORTED, vpcbench
from tests.servers import ScriptedServer, read_request

LONG = ("--rate", "200/s", "--duration", "60s", "--warmup", "0s", "--processes", "2", "-o", "out")


@pytest.fixture(scope="module")
def service() -> Iterator[PracticeService]:
    with PracticeService(Behaviour(latency=Constant(0.02)), (Address(),)) as service:
        yield service


class Running:
    """vpcbench in a session of its own, so that a signal can go to all of it, as a terminal's does."""

    def __init__(self, folder: Path, *arguments: str, **options: Any) -> None:
        self.folder = folder
        number, name = tempfile.mkstemp()  # so that it can be read while the command runs
        self._errors = Path(name)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmark", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=number,
            text=True,
            start_new_session=True,
            env={**os.environ, "COLUMNS": "80", "PYTHONPATH": IMPORTED},
            **options,
        )
        os.close(number)
        self.out = self.err = ""

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()
        self._errors.unlink()

    def until_journaled(self, ok: int) -> None:
        """Return once so many answers are in the journal."""
        out = self.folder / "out"
        self.until(lambda: (out / "journal").exists() and load_run(out).account("target").ok >= ok)

    def until_told(self, text: str) -> None:
        """Return once it has said so on standard error."""
        self.until(lambda: text in self._told())

    def _told(self) -> str:
        return self._errors.read_text()

    def until_started(self, pids: int) -> None:
        """Return once there are so many processes in the session."""
        self.until(lambda: len(session(self.process.pid)) >= pids)

    def until(self, true: Callable[[], bool]) -> None:
        """Return once it is true, while the program runs."""
        until = time.monotonic() + 60
        while not true():
            assert time.monotonic() < until, "it did not come to it"
            assert self.process.poll() is None, self._told()
            time.sleep(0.02)

    def signal_all(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def ended(self) -> int:
        """Its exit status, once it and all it started are gone."""
        self.out, _ = self.process.communicate(timeout=60)
        self.err = self._told()
        until = time.monotonic() + 60
        while (left := session(self.process.pid)) and time.monotonic() < until:
            time.sleep(0.02)
        assert not left, "it left processes behind"
        assert "Traceback" not in self.out + self.err, self.err
        return self.process.returncode


def session(leader: int) -> list[int]:
    """The processes of a session that are not only waiting to be buried."""
    found = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = each.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(each.parent.name))
    return found


def counts(folder: Path) -> dict[str, Any]:
    result = json.loads((folder / "out" / "result.json").read_text())
    (target,) = result["targets"].values()
    found: dict[str, Any] = target["counts"]
    assert found["scheduled"] == found["ok"] + found["failed"] + found["unsent"]
    return {**found, "status": result["verdict"]["status"]}


def test_the_first_signal_saves_and_reports(service: PracticeService, tmp_path: Path) -> None:
    before = len(service.truth())
    with Running(tmp_path, "curl", service.urls[0], "-d", "x", "--rounds", "1", *LONG) as running:
        running.until_journaled(50)
        running.signal_all(signal.SIGTERM)
        assert running.ended() == 130
    assert "waiting for what is in flight" in running.err
    kept = counts(tmp_path)
    assert (kept["scheduled"], kept["failed"], kept["status"]) == (12000, 0, "interrupted")
    assert kept["unsent"] > 0
    assert {"result.json", "report.html", "report.md"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert not (tmp_path / "out" / "journal").exists()
    target = json.loads((tmp_path / "out" / "result.json").read_text())["targets"]["target"]
    assert kept["ok"] + sum(target["unmeasured"].values()) == len(service.truth()) - before
    (round_,) = load_run(tmp_path / "out").rounds
    assert round_.recording.histograms["response"].quantile(0.5) > 15 * MILLISECOND
    assert round_.flaw or target["response_ms"]["p50"] > 15  # and not null, for "never answered"


def silent(scripted: ScriptedServer) -> str:
    """A server that answers the first request, the preflight's, and then no more."""
    answered: list[int] = []

    def script(connection: Any, number: int) -> None:
        while read_request(connection):
            if not answered:
                answered.append(number)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    scripted.script = script
    return f"http://127.0.0.1:{scripted.port}/"


def test_the_second_signal_does_not_wait(scripted: ScriptedServer, tmp_path: Path) -> None:
    with Running(tmp_path, "curl", silent(scripted), "--rounds", "1", *LONG) as running:
        running.until(lambda: scripted.connections > 60)  # each waits for an answer
        running.signal_all(signal.SIGINT)
        running.until_told("waiting for what is in flight")
        running.signal_all(signal.SIGINT)
        assert running.ended() == 130
    kept = counts(tmp_path)
    assert kept["ok"] == 0
    assert kept["failures"].keys() == {"cancelled"}


def test_a_signal_while_the_preflight_waits(scripted: ScriptedServer, tmp_path: Path) -> None:
    def script(connection: Any, number: int) -> None:
        while read_request(connection):
            pass

    scripted.script = script
    with Running(tmp_path, "curl", f"http://127.0.0.1:{scripted.port}/", *LONG) as running:
        running.until(lambda: scripted.connections > 0)
        running.signal_all(signal.SIGINT)
        assert running.ended() == 130
    assert "nothing was measured" in running.err
    assert not (tmp_path / "out").exists()


def test_a_signal_while_it_starts(service: PracticeService, tmp_path: Path) -> None:
    """As soon as the worker's process exists, it has the signal too, and no code of ours has run in it."""
    with Running(tmp_path, "curl", service.urls[0], *LONG) as running:
        running.until_started(2)  # itself, and a worker
        running.signal_all(signal.SIGINT)
        assert running.ended() == 130


def killed(service: PracticeService, folder: Path, answered: int, seconds: float = 0.0) -> tuple[int, int]:
    """How many requests were served, and how many answers the journal has of a run killed after so many and so long."""
    before = len(service.truth())
    with Running(folder, "curl", service.urls[0], "-d", "x", "--rounds", "40", *LONG) as running:
        running.until_journaled(answered)
        time.sleep(seconds)
        running.process.kill()
        assert running.ended() == -signal.SIGKILL
    kept = load_run(folder / "out")
    account = kept.account("target")
    assert account.scheduled == account.ok + account.failed + account.unsent
    assert account.failed == account.failures["lost"]
    told = vpcbench("report", "out", "--format", "json", folder=folder)
    assert (told.returncode, told.stderr) == (0, "")
    assert json.loads(told.stdout)["verdict"]["status"] == "interrupted"
    return len(service.truth()) - before, account.ok + sum(each.unmeasured for each in kept.rounds)


@pytest.mark.parametrize("answered", [0, 700])
def test_killed_at_any_moment_the_account_balances(
    service: PracticeService, tmp_path: Path, answered: int
) -> None:
    served, kept = killed(service, tmp_path, answered)
    assert answered <= kept <= served


@pytest.mark.verify
@pytest.mark.parametrize("seconds", [0.5, 1.7, 2.6])
def test_the_journal_has_all_but_the_last_two_seconds(
    service: PracticeService, tmp_path: Path, seconds: float
) -> None:
    served, kept = killed(service, tmp_path, 0, seconds)
    assert served - 2.2 * 200 < kept <= served


def test_a_killed_worker_makes_the_run_invalid_and_keeps_the_rest(
    service: PracticeService, tmp_path: Path
) -> None:
    with Running(tmp_path, "curl", service.urls[0], "-d", "x", "--rounds", "1", *LONG) as running:
        running.until_journaled(50)
        workers = [pid for pid in session(running.process.pid) if b"benchmark.child" in command_of(pid)]
        assert len(workers) == 2
        os.kill(workers[1], signal.SIGKILL)
        assert running.ended() == 3
    kept = counts(tmp_path)
    assert (kept["scheduled"], kept["status"]) == (12000, "invalid")
    assert 0 < kept["failed"] == kept["failures"]["lost"] < 12000
    assert kept["ok"] > 0 < kept["unsent"]
    assert "SIGKILL" in " ".join(running.out.split())


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_full_disk_stops_the_run_and_what_was_measured_is_told(
    service: PracticeService, tmp_path: Path
) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))

    with Running(
        tmp_path, "curl", service.urls[0], "-d", "x", "--rounds", "1", *LONG, preexec_fn=small_files
    ) as running:
        assert running.ended() == 2
    told = " ".join(running.out.split())
    assert os.strerror(errno.EFBIG) in told
    assert "could not all be written" in running.err
    assert "vpcbench report out" in running.err  # no file may be so large, wherever it is
    kept = load_run(tmp_path / "out")
    assert kept.account("target").ok > 0
    assert re.search(r"target +12,?000 ", running.out)


def test_a_folder_that_is_gone_costs_no_result(service: PracticeService, tmp_path: Path) -> None:
    """What is in memory is written elsewhere, and named."""
    command = ("curl", service.urls[0], "-d", "x", "--rounds", "1", *LONG)
    with Running(tmp_path, *command) as running:
        running.until_journaled(50)
        shutil.rmtree(tmp_path / "out")
        running.process.send_signal(signal.SIGTERM)
        assert running.ended() == 2
    assert os.strerror(errno.ENOENT) in running.err
    (found,) = (tmp_path / "results").iterdir()
    assert f"`vpcbench report results/{found.name}`" in running.err
    assert load_run(found).account("target").ok >= 50
    names = {"scenario.yaml", "recordings.json", "result.json", "report.html", "report.md"}
    assert {path.name for path in found.iterdir()} == names
    assert {stat.S_IMODE(path.stat().st_mode) for path in found.iterdir()} == {0o600}


def test_a_terminal_that_is_gone_stops_the_run_in_order(service: PracticeService, tmp_path: Path) -> None:
    """As SIGTERM does, however often it is told; under nohup it does nothing."""
    command = ("curl", service.urls[0], "-d", "x", "--rounds", "1", *LONG)
    with Running(tmp_path, *command) as running:
        running.until_journaled(50)
        for _ in range(3):
            running.process.send_signal(signal.SIGHUP)
        assert running.ended() == 130
    assert counts(tmp_path)["ok"] >= 50
    assert (tmp_path / "out" / "report.html").exists()


def test_nohup_outlasts_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stopping() as stopping:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stopping() == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
