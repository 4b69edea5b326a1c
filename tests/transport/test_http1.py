"""What an answer on the wire becomes: one table of answers, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator

import pytest
import trustme

from benchmark.clock import now
from benchmark.measure.exchange import Exchange, Failure
from benchmark.transport.base import Destination, Pool, PreparedRequest
from benchmark.transport.http1 import Http1Transport
from tests.servers import ScriptedServer, free_ports, read_request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def request(
    method: str = "POST", timeout: float = 2.0, expected: frozenset[int] | None = None
) -> PreparedRequest:
    wire = f"{method} / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n".encode()
    return PreparedRequest(method, "/", (), b"", round(timeout * 1e9), expected, wire)


class Client:
    """A transport, and its exchanges one at a time."""

    def __init__(self, transport: Http1Transport) -> None:
        self.transport = transport
        self.handed_back = 0

    async def ask(self) -> Exchange:
        finished = asyncio.get_running_loop().create_future()

        def hand_back(exchange: Exchange) -> None:
            self.handed_back += 1
            finished.set_result(exchange)

        self.transport.finished = hand_back
        started = now()
        self.transport.send(Exchange(0, started, started))
        exchange: Exchange = await asyncio.wait_for(finished, 10)
        return exchange


@contextlib.asynccontextmanager
async def client(
    port: int,
    asked: PreparedRequest | None = None,
    scheme: str = "http",
    verify: bool = True,
    resend: bool = False,
) -> AsyncIterator[Client]:
    destination = Destination(scheme, "localhost", port, verify, "127.0.0.1")
    transport = Http1Transport(
        destination, [asked or request()], Pool(4), lambda e: None, lambda *paid: None, resend_stale=resend
    )
    try:
        yield Client(transport)
    finally:
        await transport.close()


ANSWERS = {
    "length": (OK, Failure.NONE, 200),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Failure.NONE, 200),
    "chunk extension and trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", Failure.NONE, 200,
    ),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", Failure.NONE, 204),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", Failure.NONE, 304),
    "continue first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, Failure.NONE, 200),
    "early hints first": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, Failure.NONE, 200),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", Failure.NONE, 200),
    "two answers glued": (OK + OK, Failure.NONE, 200),
    "an answer and a piece of another": (OK + b"HTT", Failure.NONE, 200),
    "refused": (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", Failure.STATUS, 429),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", Failure.PROTOCOL, 0),
    "bad chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Failure.PROTOCOL, 200),
    "bad length": (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", Failure.PROTOCOL, 0),
    "endless head": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, Failure.PROTOCOL, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
async def test_answers(scripted: ScriptedServer, name: str) -> None:
    answer, failure, status = ANSWERS[name]
    scripted.answers(answer)
    async with client(scripted.port) as asking:
        for _ in range(2):  # whatever came before, the next exchange is not mistaken
            exchange = await asking.ask()
            assert (exchange.failure, exchange.status) == (failure, status)
    assert asking.handed_back == 2


@pytest.mark.parametrize("name", ["length", "chunked", "continue first", "chunk extension and trailer"])
async def test_answers_split_at_every_byte(scripted: ScriptedServer, name: str) -> None:
    answer = ANSWERS[name][0]
    scripted.answers(*(answer[at : at + 1] for at in range(len(answer))), pause=0.0005)
    async with client(scripted.port) as asking:
        exchange = await asking.ask()
        assert (exchange.failure, exchange.status, exchange.received) == (Failure.NONE, 200, len(answer))


ENDINGS = {
    "delimited by the end": (b"HTTP/1.1 200 OK\r\n\r\nhello", Failure.NONE),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", Failure.NONE),
    "connection: close": (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        Failure.NONE,
    ),
    "short of its length": (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", Failure.TRUNCATED),
    "without a last chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        Failure.TRUNCATED,
    ),
    "in the head": (b"HTTP/1.1 200 OK\r\nContent-Le", Failure.CLOSED_EARLY),
    "without a byte": (b"", Failure.CLOSED_EARLY),
}


@pytest.mark.parametrize("name", ENDINGS)
async def test_endings(scripted: ScriptedServer, name: str) -> None:
    answer, failure = ENDINGS[name]
    scripted.answers_and_closes(answer)
    async with client(scripted.port) as asking:
        assert [(await asking.ask()).failure for _ in range(2)] == [failure, failure]


async def test_head_has_no_body(scripted: ScriptedServer) -> None:
    scripted.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
    async with client(scripted.port, request("HEAD")) as asking:
        assert [(await asking.ask()).failure for _ in range(3)] == [Failure.NONE] * 3
    assert scripted.connections == 1


async def test_connections_are_reused_and_phases_paid_once(scripted: ScriptedServer) -> None:
    scripted.answers(OK)
    async with client(scripted.port) as asking:
        first, second = await asking.ask(), await asking.ask()
    assert scripted.connections == 1
    assert first.connect > 0
    assert (second.connect, second.dns, second.tls, second.pool) == (0, 0, 0, 0)
    for seen in (first, second):
        assert seen.due <= seen.taken <= seen.sent <= seen.first_byte <= seen.done


async def test_reset(scripted: ScriptedServer) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    scripted.script = script
    async with client(scripted.port) as asking:
        assert (await asking.ask()).failure is Failure.RESET


@pytest.mark.parametrize("resend", [False, True])
async def test_a_stale_connection_is_told_apart_and_resent_only_when_allowed(
    scripted: ScriptedServer, resend: bool
) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(OK)
        if number == 0:
            read_request(connection)  # the second request gets no answer here

    scripted.script = script
    async with client(scripted.port, resend=resend) as asking:
        assert (await asking.ask()).failure is Failure.NONE
        again = await asking.ask()
    assert (again.failure, again.stale) == (Failure.NONE if resend else Failure.STALE, 1)
    assert scripted.connections == (2 if resend else 1)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"])
async def test_silence_times_out(scripted: ScriptedServer, answer: bytes) -> None:
    def script(connection: socket.socket, number: int) -> None:
        read_request(connection)
        connection.sendall(answer)
        connection.recv(1)

    scripted.script = script
    async with client(scripted.port, request(timeout=0.2)) as asking:
        exchange = await asking.ask()
    assert exchange.failure is (Failure.TIMEOUT_MIDWAY if answer else Failure.TIMEOUT)
    assert 0.2e9 <= exchange.done - exchange.taken < 1e9


async def test_waiting_for_a_connection_is_in_the_response_time(scripted: ScriptedServer) -> None:
    def script(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            time.sleep(0.05)
            connection.sendall(OK)

    scripted.script = script
    finished: list[Exchange] = []
    everything = asyncio.Event()

    def hand_back(exchange: Exchange) -> None:
        finished.append(exchange)
        if len(finished) == 3:
            everything.set()

    destination = Destination("http", "127.0.0.1", scripted.port)
    transport = Http1Transport(destination, [request()], Pool(1), hand_back, lambda *paid: None)
    for _ in range(3):
        started = now()
        transport.send(Exchange(0, started, started))
    await asyncio.wait_for(everything.wait(), 5)
    await transport.close()
    assert [round(exchange.pool / 50e6) for exchange in finished] == [0, 1, 2]


async def test_nobody_listens() -> None:
    async with client(free_ports(1)[0]) as asking:
        exchange = await asking.ask()
    assert exchange.failure is Failure.CONNECT_REFUSED
    assert "refused" in exchange.detail.lower()


async def test_a_name_that_does_not_resolve() -> None:
    transport = Http1Transport(
        Destination("http", "no-such-host.invalid", 80),
        [request()],
        Pool(1),
        lambda e: None,
        lambda *paid: None,
    )
    exchange = await Client(transport).ask()
    await transport.close()
    assert exchange.failure is Failure.DNS


@pytest.mark.parametrize(("verify", "failure"), [(True, Failure.TLS_VERIFY), (False, Failure.NONE)])
async def test_tls_verifies_unless_told(verify: bool, failure: Failure) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server, client(server.sockets[0].getsockname()[1], scheme="https", verify=verify) as asking:
        exchange = await asking.ask()
    assert exchange.failure is failure
    if verify:
        assert "certificate" in exchange.detail
    else:
        assert exchange.tls > 0


async def test_plain_http_on_a_tls_port(scripted: ScriptedServer) -> None:
    scripted.script = lambda connection, number: connection.sendall(OK)
    async with client(scripted.port, scheme="https") as asking:
        assert (await asking.ask()).failure is Failure.TLS_HANDSHAKE
