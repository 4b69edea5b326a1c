"""`vpcbench check` of model services: what their streams tell, and what a 200 can hide."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import MODEL, Address
from tests.cli.command import vpcbench
from tests.servers import ScriptedServer, read_request

STREAMS = Path(__file__).parents[1] / "transport" / "streams"
ASKED = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "stream": True, "max_tokens": 5}


def practice() -> PracticeService:
    laws = Streaming(Constant(0.02), Constant(0.001))
    return PracticeService(Behaviour(streaming=laws), (Address(),))


def test_a_stream_is_told_with_its_tokens_and_a_rate_to_begin_with(tmp_path: Path) -> None:
    with practice() as service:
        url = f"{service.urls[0]}/v1/chat/completions"
        done = vpcbench("check", url, "-d", json.dumps(ASKED), folder=tmp_path)
        plain = vpcbench("check", url, "-d", json.dumps(ASKED), "--as-is", folder=tmp_path)
    said = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"model {MODEL}" in said
    assert "token of a stream (openai)" in said
    assert "5 chunks with tokens, and ended as it should (length)" in said
    assert "1 in, 5 tokens out" in said
    assert "begin with --rate" in said
    assert "a stream of" in said
    assert "not told, so chunks stand for tokens" in " ".join(plain.stdout.split())


def test_a_model_that_is_not_served_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with practice() as service:
        url = f"{service.urls[0]}/v1/chat/completions"
        done = vpcbench("check", url, "-d", json.dumps({**ASKED, "model": "other"}), folder=tmp_path)
        requests = len(service.truth())
    said = " ".join(done.stdout.split())
    assert (done.returncode, requests) == (4, 2)
    assert "does not know this `model`" in said
    assert f"It serves {MODEL}" in said


HIDDEN = {
    "openai-error-llamacpp-form.sse": "exceeds the available context size",
    "openai-only-done.sse": "without a single token",
    "openai-one-chunk.sse": "without finish_reason",
    "openai-finish-abort-dict.sse": "Aborted by the scheduler",
    "openai-whole.json": "one whole JSON answer of 2 tokens",
    "unknown-events.sse": "`stream: events`",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_a_200_hides_is_said_before_a_load(name: str, scripted: ScriptedServer, tmp_path: Path) -> None:
    body = (STREAMS / name).read_bytes()

    def script(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)

    scripted.script = script
    url = f"http://127.0.0.1:{scripted.port}/v1/chat/completions"
    done = vpcbench("curl", url, "-d", json.dumps(ASKED), "--duration", "1s", folder=tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert HIDDEN[name] in said
    assert "No load was sent" in said


def test_a_key_that_we_added_is_named_where_it_is_refused(scripted: ScriptedServer, tmp_path: Path) -> None:
    refusal = b'{"error": {"message": "Unknown parameter: stream_options"}}'
    scripted.answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n%b" % (len(refusal), refusal))
    url = f"http://127.0.0.1:{scripted.port}/v1/chat/completions"
    done = vpcbench("check", url, "-d", json.dumps(ASKED), folder=tmp_path)
    said = " ".join(done.stdout.split())
    assert done.returncode == 4
    assert "Unknown parameter: stream_options" in said
    assert "`stream_options` was added by vpcbench" in said
    plain = vpcbench("check", url, "-d", json.dumps(ASKED), "--as-is", folder=tmp_path)
    assert "added by vpcbench" not in " ".join(plain.stdout.split())
