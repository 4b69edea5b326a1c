"""What all tests share: real servers to talk to, and no test that CI may skip in silence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from benchmark.execution.environment import hot_path
from tests.cli.command import IMPORTED, ROOT
from tests.servers import Nginx, ScriptedServer

pytest_plugins = ["tests.verdicts", "pytester"]
hypothesis.settings.register_profile(
    "same", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("same")  # the same examples in every run, however slow the machine
IN_CI = bool(os.environ.get("CI"))


def pytest_report_header() -> str:
    """Which vpcbench is tested."""
    return f"vpcbench: hot path {hot_path()}, from {IMPORTED}"


def pytest_configure(config: pytest.Config) -> None:
    """What is installed must be what the checkout says."""
    if str(ROOT) == IMPORTED or hasattr(config, "workerinput"):
        return
    for path in (ROOT / "benchmark").rglob("*.py"):
        installed = Path(IMPORTED, path.relative_to(ROOT))
        if path.name != "build_hook.py" and not (
            installed.exists() and installed.read_bytes() == path.read_bytes()
        ):
            problem = f"the vpcbench in {IMPORTED} is not this checkout's ({path.relative_to(ROOT)} differs)"
            pytest.exit(f"{problem}: `make test` installs it, `make test-source` tests the checkout, "
                        "and so does any pytest after `pip install -e .`", 2)  # fmt: skip


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
