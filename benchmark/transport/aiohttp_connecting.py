"""What is noted while aiohttp opens a connection: it tells of the whole only, and we want each phase.

A context variable says whose connection it is; the resolver, the socket's making and the beginning of TLS note there.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from contextvars import ContextVar
from typing import Any, cast

import aiohttp
from aiohttp import abc
from aiohttp.client_proto import ResponseHandler

from benchmark.clock import now
from benchmark.measure.exchange import Exchange
from benchmark.transport.base import Destination


class Attempt:
    """What is noted of one exchange, or of a connection opened beforehand, while aiohttp carries it."""

    def __init__(self, exchange: Exchange | None, patience: float | None = None) -> None:
        self.exchange = exchange
        self.patience = patience  # seconds that a new connection may take; None: no limit of its own
        self.allowed: frozenset[str] = (
            frozenset()
        )  # hosts, beside the destination's own, where redirects may lead
        self.hops = 0  # requests, the first and those that redirects led to
        self.status = 0  # of the latest answer
        self.led_to = ""  # where the latest redirect led
        self.opened: Any = None  # the connection, where nothing else was wanted
        self.reused = False
        self.connecting = False
        self.queued = self.began = self.securing = 0  # instants; zero: not yet
        self.dns = 0
        self.place: tuple[Any, ...] = ()  # where the last socket was to lead

    def begin_connecting(self) -> None:
        """A new connection is on its way."""
        self.connecting, self.reused = True, False
        self.began, self.securing, self.dns = now(), 0, 0

    def phases(self) -> tuple[int, int, int]:
        """What the connection has paid up to now: dns, connect, tls."""
        ended = now()
        tls = ended - self.securing if self.securing else 0
        return self.dns, ended - self.began - self.dns - tls, tls

    def charge(self) -> None:
        """Let the exchange pay for its connection."""
        if self.exchange is not None and not self.exchange.done:
            dns, connect, tls = self.phases()
            self.exchange.dns += dns
            self.exchange.connect += connect
            self.exchange.tls += tls


current: ContextVar[Attempt] = ContextVar("attempt")


class Protocol(ResponseHandler):
    """A connection that ends when an answer comes that nobody asked for: aiohttp would take it for the next one's."""

    idle = False

    def set_response_params(self, *args: Any, **options: Any) -> None:
        """A request is about to be sent."""
        self.idle = False
        super().set_response_params(*args, **options)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer, or of nothing."""
        if self.idle and data:  # without, it only goes on with what it has
            self.close()
        else:
            super().data_received(data)


class Connector(aiohttp.TCPConnector):
    """Gives up a connection that takes longer than its attempt's patience: DNS, TCP and TLS together."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = functools.partial(Protocol, loop=self._loop)  # type: ignore[assignment]  # it is one

    def _release(self, key: Any, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        cast(Protocol, protocol).idle = True
        super()._release(key, protocol, should_close=should_close)

    async def _create_connection(self, *args: Any, **options: Any) -> Any:
        async with asyncio.timeout(current.get().patience):
            return await super()._create_connection(*args, **options)


class Resolver(abc.AbstractResolver):
    """Asks once a round, and rotates the answers, so that connections spread over all addresses."""

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._asking = asyncio.Lock()
        self._known: dict[tuple[str, int], list[tuple[Any, ...]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[abc.ResolveResult]:
        """The addresses of a name."""
        began = now()
        name = self._destination.name if host == self._destination.host else host
        try:
            async with self._asking:
                if (name, port) not in self._known:
                    self._known[name, port] = await asyncio.get_running_loop().getaddrinfo(
                        name, port, **self._destination.hints
                    )
        finally:
            current.get().dns += now() - began
        places = self._known[name, port]
        places.append(places.pop(0))
        return [
            abc.ResolveResult(
                hostname=host,
                host=place[0],
                port=port,
                family=family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for family, _, protocol, _, place in places
        ]

    async def close(self) -> None:
        """Nothing is held."""


def noted_socket(place: tuple[Any, ...]) -> socket.socket:
    """A socket, and a note of where it is to lead."""
    family, kind, protocol, _, address = place
    current.get().place = address
    return socket.socket(family, kind, protocol)


def noting(context: ssl.SSLContext | None) -> ssl.SSLContext | None:
    """The same context, which notes when a handshake begins: aiohttp tells of the whole connection only."""
    if context is None:
        return None
    wrap = context.wrap_bio

    def noted(*args: Any, **options: Any) -> ssl.SSLObject:
        if (attempt := current.get(None)) is not None:
            attempt.securing = now()
        return wrap(*args, **options)

    context.wrap_bio = noted  # type: ignore[method-assign]
    return context
