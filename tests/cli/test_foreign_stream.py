"""Streams of an OpenAI-compatible server that this project did not write, on two addresses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.command import INVALID, measured, result_of, write
from tests.servers import free_ports, wait_for_port

ANSWER = "Twelve words are said by this server one after the other slowly"
RULES = f"""
version: 1
rules:
  - name: words
    when: {{messages_contain: "hello"}}
    respond: {{content: "{ANSWER}"}}
  - name: tool
    when: {{messages_contain: "weather"}}
    respond: {{tool_calls: [{{name: forecast, arguments: {{place: Hangzhou, days: 3}}}}]}}
"""


@pytest.fixture(scope="module")
def fake_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two servers on addresses of their own, whose tokens come 10 ms apart, as far as their loop's sleeps are."""
    config = tmp_path_factory.mktemp("fakellm") / "fakellm.yaml"
    config.write_text(RULES)
    program = Path(sys.executable).with_name("fakellm")
    (port,) = free_ports(1)
    with ExitStack() as stack:
        for host in ("127.0.0.1", "127.0.0.2"):
            command = (program, "serve", "--host", host, "--port", str(port), "--config", config)
            server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(server.wait, 10)
            stack.callback(server.terminate)
            wait_for_port(port, host=host)
        yield [f"http://{host}:{port}" for host in ("127.0.0.1", "127.0.0.2")]


def test_two_addresses_are_compared(fake_models: list[str], tmp_path: Path) -> None:
    first, second = fake_models
    scenario = f"""
targets: {{first: {{url: "{first}"}}, second: {{url: "{second}"}}}}
request:
  path: v1/chat/completions
  stream: true
  json: {{model: any, messages: [{{role: user, content: hello}}]}}
load: {{connections: 3, duration: 2s, warmup: 100ms}}
rounds: 4
goodput: ["ttft < 5s", "tpot < 5s"]
"""
    done = measured("run", write(tmp_path, scenario), folder=tmp_path)
    result = result_of(tmp_path / "out")
    for target in result["targets"].values():
        stream = target["stream"]
        assert (
            target["counts"]["ok"] == target["counts"]["scheduled"] >= stream["streams"] > 0
        )  # of sound rounds
        assert stream["tokens"]["output"] == len(ANSWER.split()) * stream["streams"]
        assert (stream["tokens"]["source"], stream["tokenless"], stream["unreadable"]) == ("chunks", 0, 0)
        assert stream["e2e_ms"]["p50"] > 10 * (len(ANSWER.split()) - 1)  # it sleeps that long in between
        assert stream["tpot_ms"]["mean"] == pytest.approx(stream["itl_ms"]["mean"], rel=0.01)
        assert 0 < stream["ttft_ms"]["p50"] < stream["e2e_ms"]["p50"]
        assert stream["first_answer_ms"] == stream["ttft_ms"]
        assert stream["goodput"]["share"] == 1
    (compared,) = result["comparisons"]
    primary = next(each for each in compared["metrics"] if each["primary"])
    assert primary["metric"] == "ttft.p50"
    assert primary["enough_data"] or done.returncode == INVALID
    assert "TTFT p50" in " ".join(done.stdout.split())


def test_calls_of_tools_are_tokens_but_no_answer(fake_models: list[str], tmp_path: Path) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "weather?"}], "stream": True})
    load = ("--connections", "3", "--duration", "1s", "--rounds", "1", "--warmup", "100ms")
    measured("curl", f"{fake_models[0]}/v1/chat/completions", "-d", body, *load, folder=tmp_path)
    stream = result_of(tmp_path / "out")["targets"]["target"]["stream"]
    assert stream["tokens"]["per_stream"] > 1
    assert stream["ttft_ms"]["p50"] > 0
    assert stream["first_answer_ms"]["p50"] is None
