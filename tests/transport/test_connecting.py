"""A TCP connection: the address is not looked up again, and what ends an attempt leaves nothing behind."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from benchmark.clock import now
from benchmark.transport.connecting import connect


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.setblocking(False)
        yield made


@pytest.fixture
def never_answering() -> Iterator[tuple[str, int]]:
    """An address whose handshakes are left unanswered: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        with socket.create_connection(listener.getsockname()):
            yield listener.getsockname()


async def test_it_tells_when_it_was_connected(sock: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    async def asked(*anything: Any, **more: Any) -> None:
        raise AssertionError("the address was known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", asked)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = now()
        at = await connect(sock, listener.getsockname())
        assert began < at <= now()
        assert sock.getpeername() == listener.getsockname()


async def test_a_refusal_is_raised_as_what_it_is(sock: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        await connect(sock, nobody)


async def test_what_is_given_up_is_no_longer_watched(
    sock: socket.socket, never_answering: tuple[str, int]
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await connect(sock, never_answering)
    assert not asyncio.get_running_loop().remove_writer(sock)
