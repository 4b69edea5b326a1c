"""Every form of streamed answer that we know, right and wrong, as byte files with what each is worth beside them."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark.measure.exchange import Failure
from benchmark.measure.stream import Stream
from benchmark.transport.stream_reader import StreamReader
from benchmark.transport.texts import texts_of
from tests.servers import ScriptedServer, read_request
from tests.transport.clients import client, request

FOLDER = Path(__file__).parent / "streams"
EXPECTED: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "expected.yaml").read_text())
EVENTS = "text/event-stream"
CUTS = ("whole", "byte by byte", "at random")


def cut(body: bytes, how: str, seed: object = 0) -> Iterator[bytes]:
    """The body in pieces."""
    if how == "whole" or len(body) < 2:
        yield body
    elif how == "byte by byte":
        yield from (body[at : at + 1] for at in range(len(body)))
    else:
        draw = random.Random(f"cuts {seed}")
        places = sorted({draw.randrange(1, len(body)) for _ in range(draw.randrange(1, 12))})
        yield from (body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True))


def seen(stream: Stream, failure: Failure, detail: str, name: str) -> dict[str, Any]:
    """What became of an answer, in the table's words, as far as the table says something of it."""
    wanted = EXPECTED[name]
    if "failure" in wanted:
        kept: dict[str, Any] = {"failure": failure.label, "tokens": len(stream.arrivals)}
        kept["says"] = wanted["says"] if wanted["says"] in detail else detail
    else:
        assert stream.pieces is not None
        thoughts, text = texts_of(b"".join(stream.pieces))
        kept = {"tokens": len(stream.arrivals), "unreadable": stream.unreadable}
        kept |= {"failure": detail or failure.label} if failure else {"dialect": stream.dialect}
        kept |= {"text": text, "thoughts": thoughts, "finish": stream.finish, "cached": stream.cached_tokens}
    kept |= {"input": stream.input_tokens, "output": stream.output_tokens}
    if "choices" in wanted:
        indexes = stream.indexes or []
        kept["choices"] = [indexes.count(at) for at in sorted({*indexes})]
    if "first_answer" in wanted:
        instants = list(stream.arrivals)
        kept["first_answer"] = instants.index(stream.first_answer) if stream.first_answer else -1
    return kept


def wanted(name: str) -> dict[str, Any]:
    """The table's row, with what goes without saying."""
    usual: dict[str, Any] = {"tokens": 0, "input": -1, "output": -1}
    if "failure" not in EXPECTED[name]:
        usual |= {"unreadable": 0, "thoughts": "", "finish": "", "cached": -1}
    else:  # usage of a failed answer is no matter, but where it came whole
        usual = {"tokens": 0}
    row = {
        key: value
        for key, value in EXPECTED[name].items()
        if key not in {"content_type", "encoding", "stream"}
    }
    return usual | row


def mismatch(name: str, found: dict[str, Any]) -> str:
    """How an answer was misjudged; empty: it was not."""
    row = wanted(name)
    unlike = [
        f"{key} {found.get(key)!r}, not {value!r}" for key, value in row.items() if found.get(key) != value
    ]
    return f"{name}: {'; '.join(unlike)}" if unlike or ("failure" in found) != ("failure" in row) else ""


def test_the_table_and_the_folder_agree() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"expected.yaml", ".gitattributes"}
    assert files == EXPECTED.keys()


@pytest.mark.parametrize("how", CUTS)
def test_what_an_answer_is_worth(how: str) -> None:
    wrong = []
    for name, row in EXPECTED.items():
        body = (FOLDER / name).read_bytes()
        for seed in range(10 if how == "at random" else 1):
            reader = StreamReader(row.get("stream", ""), heard=True)
            reader.take_head(row.get("content_type", EVENTS), row.get("encoding", ""))
            at = 0
            for at, piece in enumerate(cut(body, how, seed), start=1):
                reader.feed(piece, at)
            reader.finish(at + 1)
            found = seen(reader.stream, reader.stream.failure, reader.stream.detail, name)
            if how != "byte by byte" and "first_answer" in row:  # what comes at once has one instant
                found["first_answer"] = row["first_answer"]
            wrong.append(mismatch(name, found))
    assert not list(filter(None, wrong))


BREAKABLE = (
    "openai-vllm.sse",
    "openai-crlf.sse",
    "openai-finish-with-last-text-no-done.sse",
    "openai-gzip-flushed.sse.gz",
    "openai-n-2.sse",
    "responses.sse",
    "anthropic.sse",
    "cohere.sse",
    "dashscope.sse",
    "tgi.sse",
    "ollama-chat.ndjson",
    "llamacpp-completion.sse",
    "gemini.sse",
)


def test_what_breaks_off_anywhere_is_no_success() -> None:
    """Cut at any byte before its end came, a good answer is none: only what follows the end may be missing."""
    for name in BREAKABLE:
        body, row = (FOLDER / name).read_bytes(), EXPECTED[name]
        whole = False
        for length in range(len(body)):
            reader = StreamReader()
            reader.take_head(row.get("content_type", EVENTS), row.get("encoding", ""))
            reader.feed(body[:length], 1)
            reader.finish(2)
            good = reader.stream.failure is Failure.NONE
            assert not good or len(reader.stream.arrivals) == row["tokens"], f"{name} cut at {length}"
            assert good or not whole or row["dialect"] == "openai", f"{name} cut at {length}"
            whole = whole or good


@pytest.mark.parametrize("how", CUTS)
@pytest.mark.parametrize("kind", ["http1", "aiohttp"])
async def test_what_an_answer_is_worth_over_a_socket(kind: str, how: str, scripted: ScriptedServer) -> None:
    """All of them on one connection, as HTTP's chunks: an answer that is none does not spoil the next."""
    names = list(EXPECTED)

    def script(connection: socket.socket, number: int) -> None:
        while asked := read_request(connection):
            name = asked.split(b" ")[1].decode().lstrip("/")
            row = EXPECTED[name]
            encoding = f"Content-Encoding: {row['encoding']}\r\n" if "encoding" in row else ""
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {row.get('content_type', EVENTS)}\r\n{encoding}"
            pieces = list(filter(None, cut((FOLDER / name).read_bytes(), how, name)))
            framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
            connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n")

    scripted.script = script
    requests = [
        request(target=f"/{name}", stream=True, dialect=EXPECTED[name].get("stream", ""), heard=True)
        for name in names
    ]
    wrong = []
    async with client(kind, scripted.port, *requests) as asking:
        for which, name in enumerate(names):
            exchange = await asking.ask(which)
            assert exchange.stream is not None
            found = seen(exchange.stream, exchange.failure, exchange.detail, name)
            if "first_answer" in EXPECTED[name]:  # what comes at once has one instant
                found["first_answer"] = EXPECTED[name]["first_answer"]
            wrong.append(mismatch(name, found))
    assert not list(filter(None, wrong))
    assert scripted.connections == 1
