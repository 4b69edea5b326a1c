"""A server that answers with what real networks do, as a script says: bytes, pauses, silence, FIN and RST.

A script is a tuple of steps, carried out on every connection, over and over until the client hangs up or the script
ends the connection. Bytes are sent as they are; a number is a pause in seconds; the rest are named below.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from enum import Enum, auto


class Do(Enum):
    """What a script can do besides sending and pausing."""

    ASK = auto()  # read one request; the client's end ends the connection
    HEAD = auto()  # read only until something came, and leave the rest of the request where it is
    HOLD = auto()  # say nothing until the client hangs up
    FIN = auto()  # end our side in order; what the client still sends is read
    RST = auto()  # reset the connection
    WHOLE = auto()  # what comes next completes an answer that may be taken for a success: counted
    FLOOD = auto()  # send x for as long as the client takes it


ASK, HEAD, HOLD, FIN, RST, WHOLE, FLOOD = Do.ASK, Do.HEAD, Do.HOLD, Do.FIN, Do.RST, Do.WHOLE, Do.FLOOD
Step = bytes | float | Do
Script = tuple[Step, ...]
Choose = Callable[[int], Script]  # which script the connection of this number gets


class Adversary:
    """Listens on a loopback port, in the running event loop."""

    def __init__(self, choose: Choose, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.port = port  # zero: whichever is free
        self.connections = 0
        self.whole = 0  # answers that may have been taken for successes
        self._choose = choose
        self._tls = tls
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Adversary:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self.port, ssl=self._tls, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        number, self.connections = self.connections, self.connections + 1
        script = self._choose(number)
        try:
            again = True
            while again:
                again = await self._perform(script, reader, writer)
        except (OSError, RuntimeError, asyncio.CancelledError):
            writer.transport.abort()  # the client hung up, as some scripts want it to, or the test is over
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _perform(
        self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Carry a script out once; False: the connection is over."""
        for step in script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, int | float):
                await asyncio.sleep(step)
            elif step is WHOLE:
                self.whole += 1
            elif not await _do(step, reader, writer):
                return False
        return bool(script)


async def _do(step: Do, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    if step is ASK:
        return await read_request(reader)
    if step is HEAD:
        return bool(await reader.read(1))
    if step is RST:
        reset(writer)
        return False
    if step is FIN and writer.can_write_eof():
        writer.write_eof()
    while step is FLOOD:
        writer.write(b"x" * 65536)
        await writer.drain()
    if step is HOLD or (step is FIN and writer.can_write_eof()):
        while await reader.read(65536):
            pass
    return False


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection so that the client's kernel sees RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def read_request(reader: asyncio.StreamReader) -> bool:
    """Read one request, its body as long as it says; False: the client hung up."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            await reader.readexactly(int(value))
    return True


def bytewise(answer: bytes, pause: float = 0.0005) -> Script:
    """An answer that comes byte by byte."""
    return tuple(step for byte in answer for step in (bytes([byte]), pause))


@contextlib.asynccontextmanager
async def adversary(*script: Step, tls: ssl.SSLContext | None = None) -> AsyncIterator[Adversary]:
    """A server that carries out one script on every connection."""
    async with Adversary(lambda number: script, tls) as server:
        yield server
