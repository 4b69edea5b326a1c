"""Conversations from the command line, held against what a server that remembers every word was asked."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.command import measured, result_of, sound, vpcbench, write
from tests.servers import ScriptedServer

TURNS = 3
ANSWERING = 0.04  # seconds; long beside what a busy machine makes the generator late
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%b"
REFUSAL = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"


class Heard(NamedTuple):
    """One request to the service."""

    came: float
    messages: list[dict[str, Any]]
    answered: float
    text: str  # of the answer; empty: refused

    @property
    def turn(self) -> int:
        return sum(message["role"] == "user" for message in self.messages)

    @property
    def conversation(self) -> str:
        """Its salt."""
        return str(self.messages[0]["content"]).split()[0]


class Talker:
    """Answers with words that nobody else was told; refuses every `refuse`-th conversation's second turn."""

    def __init__(self, refuse: int = 0) -> None:
        self.heard: list[Heard] = []
        self._refuse = refuse
        self._met: dict[str, int] = {}
        self._lock = threading.Lock()

    def script(self, connection: socket.socket, number: int) -> None:
        kept = b""
        while True:
            while b"\r\n\r\n" not in kept:
                piece = connection.recv(65536)
                if not piece:
                    return
                kept += piece
            head, _, kept = kept.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split()[0])
            while len(kept) < length:
                kept += connection.recv(65536)
            came, body, kept = time.monotonic(), kept[:length], kept[length:]
            connection.sendall(self.answer(came, json.loads(body)))

    def answer(self, came: float, asked: dict[str, Any]) -> bytes:
        time.sleep(ANSWERING)
        with self._lock:
            heard = Heard(came, asked["messages"], time.monotonic(), f'No. {len(self.heard)}: "é"\n')
            number = self._met.setdefault(heard.conversation, len(self._met))
            refused = self._refuse and heard.turn == 2 and number % self._refuse == 0
            self.heard.append(heard._replace(text="") if refused else heard)
        if refused:
            return REFUSAL
        said = [
            {"choices": [{"index": 0, "delta": {"content": part}}]}
            for part in (heard.text[:5], heard.text[5:])
        ]
        body = "".join(f"data: {json.dumps(each)}\n\n" for each in said) + "data: [DONE]\n\n"
        return HEAD % (len(body), body.encode())

    def conversations(self) -> dict[str, list[Heard]]:
        found = defaultdict(list)
        for heard in self.heard:
            found[heard.conversation].append(heard)
        return found


def run(
    folder: Path,
    talker: Talker,
    load: str,
    conversation: str,
    *,
    transport: str = "http1",
    processes: int = 1,
    status: int = 0,
) -> dict[str, Any]:
    """The result's target, after rows of three questions each were asked."""
    rows = [
        {"messages": [{"role": "system", "content": "Be kind."}]
         + [{"role": role, "content": f"{role} {row}.{turn}"} for turn in range(TURNS) for role in ("user", "assistant")]}
        for row in range(4)
    ]  # fmt: skip
    (folder / "talks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with ScriptedServer() as server:
        server.script = talker.script
        scenario = f"""
targets: {{a: {{url: "http://127.0.0.1:{server.port}/v1/chat/completions"}}}}
transport: {transport}
processes: {processes}
request: {{json: {{model: m}}, stream: true, prompts: {{file: talks.jsonl, conversation: {conversation}}}}}
load: {load}
rounds: 1
"""

        measured("run", write(folder, scenario), folder=folder, status=status)
    target: dict[str, Any] = result_of(folder / "out")["targets"]["a"]
    counts, unmeasured = target["counts"], target["unmeasured"]
    assert counts["scheduled"] == counts["ok"] + counts["failed"] + counts["unsent"]
    assert counts["scheduled"] - counts["unsent"] + sum(unmeasured.values()) == len(talker.heard)
    return target


def heard_in_turn(talker: Talker) -> int:
    """How many conversations are whole; each turn follows 30 ms after the answer that stands in it, or later."""
    whole = 0
    for turns in talker.conversations().values():
        said: list[str] = []
        for number, heard in enumerate(turns, 1):
            assert heard.turn == number
            told = [each["content"] for each in heard.messages if each["role"] == "assistant"]
            assert told == said
            said.append(heard.text)
        for before, after in pairwise(turns):
            assert after.came - before.answered > 0.029
        whole += len(turns) == TURNS
    return whole


THINKING = "{history: answers, think: 30ms}"


@pytest.mark.parametrize(("transport", "processes"), [("http1", 1), ("aiohttp", 1), ("http1", 2)])
def test_each_turn_waits_for_the_last_ones_answer_and_tells_it(
    tmp_path: Path, transport: str, processes: int
) -> None:
    """Closed loop: so many users talk."""
    talker = Talker()
    load = "{connections: 4, duration: 1s, warmup: 200ms}"
    target = run(tmp_path, talker, load, THINKING, transport=transport, processes=processes)
    assert result_of(tmp_path / "out")["generator"]["processes"] == processes
    assert heard_in_turn(talker) > 0
    by_turn = target["conversations"]["turns"]
    if sound(tmp_path / "out"):
        assert [each["turn"] for each in by_turn] == [1, 2, 3]
        assert sum(each["streams"] for each in by_turn) <= target["counts"]["ok"]


@pytest.mark.verify
def test_conversations_arrive_by_the_schedule(tmp_path: Path) -> None:
    """Open loop: 20 conversations a second arrive."""
    talker = Talker()
    target = run(tmp_path, talker, "{rate: 20/s, duration: 1500ms, warmup: 300ms}", THINKING)
    assert heard_in_turn(talker) > 10
    by_turn = target["conversations"]["turns"]
    assert sum(each["streams"] for each in by_turn) == target["counts"]["ok"]
    assert target["conversations"]["unbegun"] == 0
    # of the schedule, and none of them lost or double
    assert by_turn[0]["streams"] == pytest.approx(30, abs=2)
    assert target["counts"]["unsent"] == 0


def test_a_failure_ends_a_conversation_and_its_other_turns_are_counted(tmp_path: Path) -> None:
    """Closed loop: whose conversation failed begins another one, so that as many users talk."""
    talker = Talker(refuse=2)
    load = "{connections: 3, duration: 1s, warmup: 0s}"
    target = run(tmp_path, talker, load, "{history: recorded}", status=1)  # more than 1 % fail
    failed = target["counts"]["failed"]
    assert failed > 0
    assert target["conversations"]["unbegun"] == failed  # each had one turn left
    for turns in talker.conversations().values():
        assert [heard.turn for heard in turns] == [1, 2, 3][: len(turns)]
        for heard in turns:
            told = [each["content"] for each in heard.messages if each["role"] == "assistant"]
            row = heard.messages[-1]["content"].split()[1].partition(".")[0]
            assert told == [f"assistant {row}.{turn}" for turn in range(heard.turn - 1)]
        refused = [heard for heard in turns if not heard.text]
        assert not refused or turns[-1] is refused[0]


def test_a_capacity_is_no_rate_of_conversations(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": each} for each in "ab"]}
    (tmp_path / "talks.jsonl").write_text(json.dumps(row))
    scenario = """
targets: {a: {url: "http://127.0.0.1:9/"}}
request: {json: {model: m}, stream: true, prompts: {file: talks.jsonl, conversation: {history: answers}}}
objectives: ["p99 < 1s"]
load: {rate: 5/s}
"""
    done = vpcbench("capacity", write(tmp_path, scenario), "--dry-run", folder=tmp_path)
    assert done.returncode == 2
    assert "a rate of conversations is none" in " ".join(done.stderr.split())
    by_users = ("--set", "load.connections=4", "--dry-run")
    done = vpcbench("capacity", write(tmp_path, scenario), *by_users, folder=tmp_path)
    assert done.returncode == 0, done.stderr
