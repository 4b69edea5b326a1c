"""Files and ports are looked at before anything is sent."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.execution import limits
from benchmark.execution.limits import check_files, check_ports, raise_file_limit
from benchmark.execution.plan import Plan, make_plan
from benchmark.measure.exchange import Failure
from benchmark.measure.probe import Probe
from benchmark.scenario.load import load_text
from tests.cli.command import vpcbench, write
from tests.servers import ScriptedServer

IDLE = Probe(("10.0.0.1:80",), Failure.NONE, "", 200, (), "", 0, 0, 0, 1_000_000)


def a_plan(load: str, rest: str = "", headers: str = "{}") -> Plan:
    text = (
        f'targets: {{a: {{url: "http://a.example"}}}}\nrequest: {{headers: {headers}}}\nload: {load}\n{rest}'
    )
    return make_plan(load_text(text, "test", Path()))


def test_the_limit_is_raised_as_far_as_it_goes() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, before[1]))
        assert raise_file_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("load", "rest", "key"),
    [
        ("{connections: 2000}", "", "load.connections"),
        ("{rate: 5/s, max_connections: 2000}", "", "load.max_connections"),
        ("{connections: 2000}", "processes: 2", ""),
        ("{connections: 900}", "", ""),
    ],
)
def test_more_connections_than_files_are_refused(load: str, rest: str, key: str) -> None:
    plan = a_plan(load, rest)
    check_files(plan, 2064)
    if not key:
        check_files(plan, 1064)
        return
    with pytest.raises(InputError, match=f"2,064 open files.*allows 1,064.*{key}"):
        check_files(plan, 1064)


def test_ports_are_told_of_before_they_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_ports", lambda: 28_000)
    monkeypatch.setattr(limits, "_waiting", lambda: 5_000)
    closing = {"headers": "{Connection: close}"}
    answers = replace(IDLE, headers=(("connection", "Close"),))
    assert not check_ports(a_plan("{rate: 10k/s}"), {"a": IDLE})
    assert not check_ports(a_plan("{rate: 300/s}", **closing), {"a": IDLE})
    (told,) = check_ports(a_plan("{rate: 400/s}", **closing), {"a": IDLE})
    assert "24,000" in told
    assert "23,000 of 28,000 ports are free" in told
    assert check_ports(a_plan("{rate: 400/s}"), {"a": answers}) == [told]
    assert not check_ports(a_plan("{rate: 400/s}"), {"a": replace(answers, addresses=("1", "2"))})
    assert check_ports(a_plan("{connections: 1}", **closing), {"a": IDLE})
    with pytest.raises(InputError, match="30,000 connections need as many ports"):
        check_ports(a_plan("{connections: 30000}"), {"a": IDLE})
    monkeypatch.setattr(limits, "_ports", lambda: None)
    assert not check_ports(a_plan("{rate: 400/s}", **closing), {"a": IDLE})


def test_this_system_tells_of_its_ports() -> None:
    assert (limits._ports() or 0) > 1000
    assert limits._waiting() >= 0


def test_a_load_that_cannot_be_opened_sends_nothing(scripted: ScriptedServer, tmp_path: Path) -> None:
    scenario = f'targets: {{a: {{url: "http://127.0.0.1:{scripted.port}"}}}}\nload: {{connections: 900000}}'
    done = vpcbench("run", write(tmp_path, scenario), "-o", "out", folder=tmp_path)
    assert done.returncode == 2
    assert "open files" in done.stderr
    assert scripted.connections == 0
    assert not (tmp_path / "out").exists()
