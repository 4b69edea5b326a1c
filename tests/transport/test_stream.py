"""Streams over real sockets: what a connection sees of them, answer after answer."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmark.clock import now
from benchmark.measure.exchange import Exchange, Failure
from benchmark.transport.base import BELOW_400, Destination, Pool, PreparedRequest
from benchmark.transport.http1 import Http1Transport
from tests.servers import ScriptedServer, read_request

WIRE = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def framed(*events: bytes) -> bytes:
    """Events in one chunk of HTTP's."""
    body = b"".join(b"data: " + event + b"\n\n" for event in events)
    return b"%x\r\n%b\r\n" % (len(body), body)


def token(text: str) -> bytes:
    return b'{"choices":[{"index":0,"delta":{"content":"%b"}}]}' % text.encode()


FINISH = b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
USAGE = b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}'


@asynccontextmanager
async def streaming(port: int) -> AsyncIterator[Http1Transport]:
    request = PreparedRequest("POST", "/", (), b"", 2 * 10**9, BELOW_400, WIRE, stream=True)
    place = Destination("http", "localhost", port, resolve="127.0.0.1")
    transport = Http1Transport(place, [request], Pool(2), lambda e: None, lambda *paid: None)
    try:
        yield transport
    finally:
        await transport.close()


async def ask(transport: Http1Transport) -> Exchange:
    finished = asyncio.get_running_loop().create_future()
    transport.finished = finished.set_result
    transport.send(Exchange(0, now(), now()))
    exchange: Exchange = await asyncio.wait_for(finished, 10)
    return exchange


async def test_tokens_are_timed_as_the_server_wrote_them(scripted: ScriptedServer) -> None:
    """Answer after answer on one connection, each token between the write of its own bytes and that of the next."""
    written: list[int] = []

    def script(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            connection.sendall(HEAD + framed(b'{"choices":[{"delta":{"role":"assistant","content":""}}]}'))
            for word in ("a", "b", "c"):
                time.sleep(0.01)
                written.append(now())
                connection.sendall(framed(token(word)))
            time.sleep(0.01)
            written.append(now())
            connection.sendall(framed(USAGE, b"[DONE]") + END)

    scripted.script = script
    async with streaming(scripted.port) as transport:
        for _ in range(3):
            written.clear()
            exchange = await ask(transport)
            stream = exchange.stream
            assert exchange.failure is Failure.NONE
            assert stream is not None
            assert len(stream.arrivals) == 3
            for wrote, came, after in zip(written, stream.arrivals, written[1:], strict=False):
                assert wrote < came < after
            assert stream.first_answer == stream.arrivals[0]
            assert (stream.input_tokens, stream.output_tokens) == (5, 3)
    assert scripted.connections == 1


ANSWERS = {
    "several chunks at once": (
        HEAD + framed(token("a")) + framed(token("b"), FINISH, USAGE) + END, Failure.NONE, 2,
    ),
    "an event over several chunks": (
        HEAD + b"5\r\ndata:\r\n%x\r\n%b\n\n\r\n" % (len(token("a")) + 2, token("a")) + framed(FINISH) + END,
        Failure.NONE, 1,
    ),
    "no end": (HEAD + framed(token("a")) + END, Failure.TRUNCATED, 1),
    "no last line break": (
        HEAD + framed(token("a")) + b"%x\r\ndata: %b\r\n" % (len(FINISH) + 6, FINISH) + END, Failure.NONE, 1,
    ),
    "an error in mid-stream": (
        HEAD + framed(token("a")) + framed(b'{"error":{"message":"out of memory"}}', b"[DONE]") + END,
        Failure.STREAM_ERROR, 1,
    ),
    "refused": (b"HTTP/1.1 400 Bad\r\nContent-Length: 13\r\n\r\n" + b'{"error":"x"}', Failure.STATUS, 0),
    "not streamed at all": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + b'{"choices":1}', Failure.NOT_STREAMED, 0,
    ),
    "empty": (HEAD + END, Failure.NO_TOKEN, 0),
}  # fmt: skip


@pytest.mark.parametrize("form", ANSWERS)
@pytest.mark.parametrize("cut", [None, 1], ids=["whole", "byte by byte"])
async def test_what_becomes_of_an_answer(scripted: ScriptedServer, form: str, cut: int | None) -> None:
    answer, failure, tokens = ANSWERS[form]
    scripted.answers(*([answer] if cut is None else (answer[at : at + 1] for at in range(len(answer)))))
    async with streaming(scripted.port) as transport:
        for _ in range(2):
            exchange = await ask(transport)
            assert exchange.stream is not None
            assert (exchange.failure, len(exchange.stream.arrivals)) == (failure, tokens), exchange.detail
    assert scripted.connections == 1


async def test_a_stream_that_breaks_off_is_truncated(scripted: ScriptedServer) -> None:
    scripted.answers_and_closes(HEAD + framed(token("a")))
    async with streaming(scripted.port) as transport:
        assert (await ask(transport)).failure is Failure.TRUNCATED


async def test_a_stream_that_stalls_times_out(scripted: ScriptedServer) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(HEAD + framed(token("a")))
        connection.recv(1)

    scripted.script = script
    async with streaming(scripted.port) as transport:
        assert (await ask(transport)).failure is Failure.TIMEOUT_MIDWAY
