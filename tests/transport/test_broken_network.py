"""Where no connection can be had, it is told why: in a network namespace of its own, which takes root."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.cli.command import IMPORTED, ROOT
from tests.conftest import IN_CI
from tests.netlab.lab import missing
from tests.transport.broken_network import PORTS

Told = dict[str, dict[str, list[tuple[str, str]]]]

ROWS = {
    "a SYN black hole": ("connect-timeout", ""),
    "a full backlog": ("connect-timeout", ""),
    "no route": ("unreachable", "Network is unreachable"),
    "an unreachable host": ("unreachable", "No route to host"),
    "a firewall here": ("unreachable", "Permission denied"),
}

pytestmark = [pytest.mark.must_run("unshare"), pytest.mark.parametrize("kind", ["http1", "aiohttp"])]


@functools.cache
def told() -> Told:
    """What happened in there."""
    command = ["unshare", "--net", sys.executable, "-P", "-m", "tests.transport.broken_network"]
    paths = f"{IMPORTED}{os.pathsep}{ROOT}"
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    parsed: Told = json.loads(done.stdout)
    return parsed


@pytest.fixture(autouse=True)
def _namespace_can_be_made() -> None:
    if reason := missing():
        (pytest.fail if IN_CI else pytest.skip)(reason)


@pytest.mark.parametrize("name", ROWS)
def test_what_cannot_be_reached(name: str, kind: str) -> None:
    assert [tuple(each) for each in told()[name][kind]] == [ROWS[name]]


def test_no_ports_left(kind: str) -> None:
    kinds = Counter(label for label, _ in told()["no ports"][kind])
    assert kinds == {"none": PORTS, "no-ports": 3}


def test_no_files_left(kind: str) -> None:
    kinds = Counter(label for label, _ in told()["no files"][kind])
    assert set(kinds) == {"timeout", "no-files"}
    assert kinds["no-files"] >= 3
