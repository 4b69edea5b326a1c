"""A URL alone is a curl command line; what is plainly a mistake starts no load."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli.curl import opposite
from benchmark.cli.main import main
from tests.servers import free_ports

URL = "http://127.0.0.1:9/api/predict/test"
PAGE = f"""vpcbench curl {URL}/v1/chat/completions
-H "Content-Type: application/json" \\
-d '{{"model": "m"}}'
"""  # as the service's own page has it: its first line lacks its backslash


def ends(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    return int(str(ended.value.code))


@pytest.mark.parametrize("command", [(URL,), ("-d", "x", URL), ("--vs", URL, URL + "/2"), ("localhost:9/x",)])
def test_it_is_planned_as_by_curl(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(*command, "--dry-run") == 0
    alone = capsys.readouterr().out
    assert ends("curl", *command, "--dry-run") == 0
    assert capsys.readouterr().out == alone
    assert "Sending" in alone


def test_commands_that_take_urls_are_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    (port,) = free_ports(1)
    assert ends("check", f"http://127.0.0.1:{port}/") == 4
    assert "cannot be used" in capsys.readouterr().out


@pytest.mark.parametrize(
    "path", ["v1/chat/completions", "v1/completions", "v1/embeddings/", "v1/messages?beta=true"]
)
@pytest.mark.parametrize("more", [(), ("-X", "POST"), ("-H", "Content-Type: application/json")])
def test_a_path_that_takes_a_body_is_not_asked_without(
    path: str, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    first = PAGE.splitlines()[0].split()[1:-1]
    assert ends(*first, f"{URL}/{path}", *more) == 2
    assert "did the command lose a line after its first backslash?" in " ".join(
        capsys.readouterr().err.split()
    )


@pytest.mark.parametrize("more", [("-X", "GET"), ("-I",), ("-d", "{}"), ("-G", "-X", "GET", "-d", "a=b")])
def test_but_with_a_body_or_by_another_method(more: tuple[str, ...]) -> None:
    assert ends(f"{URL}/v1/chat/completions", *more, "--dry-run") == 0


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ("{'a': 1}", "application/json", "line 1, column 2"),
        ('{"a": 1', "application/vnd.api+json; charset=utf-8", "column 8"),
        ('{"a": 1}', "application/json", ""),
        ("plain", "text/plain", ""),
    ],
)
def test_a_body_that_is_not_the_json_it_says_is_told(
    body: str, kind: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends(URL, "-d", body, "-H", f"Content-Type: {kind}", "--dry-run") == 0
    told = capsys.readouterr().err
    assert ("not JSON" in told) == bool(said)
    assert said in told


def test_bare_numbers_are_read_as_people_mean_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(URL, "--rate", "50", "--duration", "10", "--warmup", "1", "--rounds", "2", "--dry-run") == 0
    bare = capsys.readouterr().out
    written = ("--rate", "50/s", "--duration", "10s", "--warmup", "1s", "--rounds", "2", "--dry-run")
    assert ends(URL, *written) == 0
    assert capsys.readouterr().out == bare
    assert "50" in bare


@pytest.mark.parametrize(
    ("rule", "objective"),
    [("p99 > 800ms", "p99 <= 800ms"), ("failures>=1%", "failures < 1%"), ("goodput < 95%", "goodput >= 95%"),
     ("vpc.p50 > 1s in every 10s", "vpc.p50 <= 1s in every 10s")],
)  # fmt: skip
def test_what_must_not_be_is_an_objective(rule: str, objective: str) -> None:
    assert opposite(rule) == objective


def test_a_rule_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends(URL, "--fail-if", "slow", "--dry-run") == 2
    assert "like 'p99 > 800ms'" in " ".join(capsys.readouterr().err.split())


def test_objectives_are_of_the_scenario(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = (URL, "--objective", "p99 < 800ms", "--fail-if", "failures > 1%", "--as-scenario")
    assert ends(*command) == 0
    printed = capsys.readouterr().out
    assert "p99 < 800ms" in printed
    assert "failures <= 1%" in printed
