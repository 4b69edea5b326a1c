"""What all tests share: real servers to talk to, and no test that CI may skip in silence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.servers import Nginx, ScriptedServer

pytest_plugins = ["tests.verdicts", "pytester"]
hypothesis.settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("same")  # the same examples in every run, however slow the machine
IN_CI = bool(os.environ.get("CI"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """A test that needs a program is skipped where it is missing; in CI it fails."""
    for marker in item.iter_markers("must_run"):
        tool = marker.args[0]
        if shutil.which(tool) is None:
            (pytest.fail if IN_CI else pytest.skip)(f"{tool} is not installed")
    yield


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    """An nginx of our own on three loopback ports: two alike, the third with slow transfers."""
    with Nginx(tmp_path) as server:
        yield server


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    """A TCP server that answers as it is told, byte by byte if need be."""
    with ScriptedServer() as server:
        yield server
