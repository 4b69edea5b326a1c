"""The service's process: it is light to start, ends with its parent however that ends, and never before."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService

if TYPE_CHECKING:
    from collections.abc import Iterator

PARENT = """
import sys, time
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
with PracticeService(Behaviour()) as service:
    try:
        print(service.urls[0], flush=True)
        time.sleep(300)
    except KeyboardInterrupt:
        print(len(service.truth()), flush=True)
        sys.stdin.readline()
"""

FOREGROUND = """
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.service import serve
from benchmark.simulation.setup import Address
serve(Behaviour(), (Address(), Address("127.0.0.2")), lambda urls: print(*urls, flush=True), service="mine")
"""


@contextmanager
def python(script: str) -> Iterator[subprocess.Popen[str]]:
    """A Python of its own, in a process group of its own, that does not outlive the test."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def listens(url: str) -> bool:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    with socket.socket() as caller:
        return caller.connect_ex((parts.hostname, parts.port)) == 0


def is_gone(url: str) -> bool:
    """Whether nobody listens there any more; waits for it, but not for long."""
    deadline = time.monotonic() + 60
    while listens(url):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_runs_while_its_block_does() -> None:
    with PracticeService(Behaviour()) as service:
        assert service.pid not in {None, os.getpid()}
        assert listens(service.urls[0])
    assert not listens(service.urls[0])


def test_ends_when_its_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), PracticeService(Behaviour()) as service:
        raise ZeroDivisionError
    assert not listens(service.urls[0])


def test_two_run_beside_each_other() -> None:
    with PracticeService(Behaviour()) as one, PracticeService(Behaviour()) as other:
        assert one.urls != other.urls
        assert listens(one.urls[0])
        assert listens(other.urls[0])


def test_may_be_entered_again() -> None:
    service = PracticeService(Behaviour())
    for _ in range(2):
        with service:
            assert listens(service.urls[0])


def test_ends_when_its_parent_is_killed() -> None:
    with python(PARENT) as parent:
        url = line(parent)
        assert listens(url)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(60)
        assert is_gone(url)


def test_a_ctrl_c_in_the_terminal_leaves_it_to_its_parent() -> None:
    with python(PARENT) as parent:
        url = line(parent)
        os.killpg(parent.pid, signal.SIGINT)
        assert line(parent) == "0"  # the parent still gets the truth
        assert listens(url)
        _, errors = parent.communicate("\n", timeout=60)
        assert (parent.returncode, errors) == (0, "")
        assert is_gone(url)


def test_says_that_it_was_killed() -> None:
    with PracticeService(Behaviour()) as service:
        assert service.pid
        os.kill(service.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match=r"ended by itself \(exit status -9\)"):
            service.truth()


def test_ends_even_when_it_does_not_hear() -> None:
    with PracticeService(Behaviour()) as service:
        assert service.pid
        os.kill(service.pid, signal.SIGSTOP)
    assert not listens(service.urls[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_serves_until_it_is_told(number: signal.Signals) -> None:
    with python(FOREGROUND) as process:
        first, second = line(process).split()
        assert urlsplit(first).path == urlsplit(second).path == "/api/predict/mine"
        assert listens(first)
        assert listens(second)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, output, errors) == (0, "", "")


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"]
)
def test_what_is_no_http_makes_it_neither_end_nor_complain(nonsense: bytes) -> None:
    with python(FOREGROUND) as process:
        parts = urlsplit(line(process).split()[0])
        assert parts.hostname
        assert parts.port
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as caller:
            caller.sendall(nonsense)
            assert b" 400 " in caller.recv(1000)
        process.terminate()
        assert process.communicate(timeout=60) == ("", "")


def test_its_parent_stays_light() -> None:
    heavy = {"aiohttp", "numpy", "uvloop"}
    script = (
        "import sys, benchmark.simulation.process, benchmark.simulation.behaviour\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"


def test_its_child_leaves_numpy_alone() -> None:
    script = "import sys, benchmark.simulation.service\nprint('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "False\n"
