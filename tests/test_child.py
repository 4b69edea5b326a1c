"""A process of our own: called by name, spoken to over a pipe, and gone when nobody holds the pipe."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from benchmark.child import Child

ROOT = Path(__file__).parents[1]


def echo(prefix: str, pipe: Connection) -> None:
    """Say who and where it is; then answer until nobody asks."""
    pipe.send((prefix, os.getpid(), os.getppid()))
    while True:
        try:
            pipe.send(pipe.recv())
        except EOFError:
            return


def fail(pipe: Connection) -> None:
    sys.exit(7)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child imports nothing from the current directory, and so not these tests from the checkout's."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def child(_elsewhere: None) -> Child:
    return Child(echo, "hello")


def test_it_calls_a_function_elsewhere(child: Child) -> None:
    assert child.pipe.recv() == ("hello", child.pid, os.getpid())
    child.pipe.send([1, 2, 3])
    assert child.pipe.recv() == [1, 2, 3]
    child.pipe.close()
    assert child.status(30) == 0
    child.end(0)


def test_signals_to_the_whole_group_do_not_reach_it(child: Child) -> None:
    child.pipe.recv()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(child.pid, number)
    child.pipe.send("still there")
    assert child.pipe.recv() == "still there"
    child.pipe.close()
    child.end(30)
    assert child.status(0) == 0


def test_one_that_does_not_hear_is_killed(child: Child) -> None:
    child.pipe.recv()
    os.kill(child.pid, signal.SIGSTOP)
    child.end(0)
    assert child.status(0) == -signal.SIGKILL


def test_its_exit_status_is_told() -> None:
    child = Child(fail)
    assert child.status(30) == 7
    child.end(0)


def test_it_ends_with_whoever_started_it() -> None:
    """Also where that was killed, and also before it had come to its first line."""
    script = (
        "from benchmark.child import Child; from tests.test_child import echo\n"
        "print(*(Child(echo, '').pid for _ in range(3)), flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pids = parent.stdout.readline().split()
        parent.kill()
    deadline = time.monotonic() + 30
    while left := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def is_running(pid: str) -> bool:
    """Whether there is such a process, which is not only waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
