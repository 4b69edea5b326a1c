"""A connection on which bytes wait that nobody asked for is not used again: they would be the next request's answer."""

from __future__ import annotations

import asyncio
import select
import socket
import threading

import pytest

from benchmark.clock import now
from benchmark.measure.exchange import Exchange
from benchmark.transport.base import Destination, Pool
from benchmark.transport.http1 import LOOK_EVERY, LOOK_FIRST, Http1Transport
from tests.servers import ScriptedServer, read_request
from tests.transport.clients import request

ASKED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
UNASKED = b"HTTP/1.1 500 Unasked\r\nContent-Length: 0\r\n\r\n"
GUARD = 20  # seconds


@pytest.mark.parametrize("asked", [1, 3, LOOK_FIRST, LOOK_EVERY * 3])
async def test_what_waits_before_a_request_is_sent_is_not_its_answer(
    asked: int, scripted: ScriptedServer
) -> None:
    """The next request is sent while the loop has not yet seen what came after so many answers."""

    def script(connection: socket.socket, number: int) -> None:
        served = 0
        while read_request(connection):
            connection.sendall(ASKED)
            served += 1
            if number == 0 and served == asked and read.wait(GUARD):
                connection.sendall(UNASKED)

    scripted.script = script
    ended: list[Exchange] = []
    read = threading.Event()  # the answer that was asked for
    over = asyncio.Event()

    def finished(exchange: Exchange) -> None:
        ended.append(exchange)
        if len(ended) == asked:  # nothing reads meanwhile, as where a loop is busy
            read.set()
            (connection,) = transport._connections
            assert select.select([connection.sock], [], [], GUARD)[0]
        if len(ended) == asked + 2:
            over.set()
        else:
            transport.send(Exchange(0, now(), now()))

    transport = Http1Transport(
        Destination("http", "127.0.0.1", scripted.port), [request()], Pool(1), finished, lambda *paid: None
    )
    transport.send(Exchange(0, now(), now()))
    async with asyncio.timeout(GUARD):
        await over.wait()
    await transport.close()
    assert [exchange.status for exchange in ended] == [200] * (asked + 2)
    assert transport.wary
