"""What escapes in a sending process is told as what it is, without secrets, and never as a lost process."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.errors import ExitStatus
from benchmark.execution import local
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.execution import broken


@pytest.mark.parametrize("how", broken.BREAKS, ids=lambda how: how.__name__)
@pytest.mark.parametrize("command", ["check", "curl"])
def test_what_escapes_over_there_is_told_here(
    how: Callable[[Connection], None],
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(local, "work", how)
    load = ("--rate", "50/s", "--duration", "60s", "-o", "out") if command == "curl" else ()
    token = ("-H", f"Authorization: {broken.SECRET}")
    if how is broken.in_a_callback and command == "check":
        monkeypatch.setattr(local.LocalWorkers, "probe", slow_probe)
    with PracticeService(Behaviour(), (Address(),)) as service:
        arguments = [command, service.urls[0], *token, *load]
        with pytest.raises(SystemExit) as ended:
            main(arguments)
    assert ended.value.code == ExitStatus.BUG
    said = capsys.readouterr().err
    assert "this is a bug in vpcbench" in said
    assert "AttributeError: module 'library' has no attribute 'newer' (<redacted>)" in said
    assert broken.__name__.split(".")[-1] in said  # where
    assert "lost" not in said
    assert "memory" not in said
    assert broken.SECRET not in said


def slow_probe(workers: local.LocalWorkers, order: object) -> object:
    """It is long enough for what is to come."""
    return workers._workers[0].hear()
