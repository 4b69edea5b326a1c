"""A TCP connection, timed for its handshake and for nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

from benchmark.clock import now


async def connect(sock: socket.socket, address: tuple[Any, ...]) -> int:
    """Connect a socket that does not block to an address that is known; returns the instant at which it was.

    uvloop's own `sock_connect` looks every address up once more, in a thread: nearby, that takes as long as the handshake.
    """
    try:
        sock.connect(address)
    except BlockingIOError:
        return await _connected(sock)
    return now()


async def _connected(sock: socket.socket) -> int:
    loop = asyncio.get_running_loop()
    there: asyncio.Future[int] = loop.create_future()
    loop.add_writer(sock, _note, there)
    try:
        at = await there
    finally:
        loop.remove_writer(sock)
    if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, os.strerror(error))
    return at


def _note(there: asyncio.Future[int]) -> None:
    if not there.done():
        there.set_result(now())
