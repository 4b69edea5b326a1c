"""The contract between the send loop and whatever carries its requests.

A transport is handed exchanges by `send` and hands each back to its owner exactly once, by calling `finished`, with
its instants, phases, status and failure filled in. It never raises for what a network or a server does.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from benchmark.measure.exchange import Exchange
from benchmark.measure.tcp_info import Meter

BELOW_400 = frozenset(range(400))  # statuses that are a success where a scenario does not say
ENVIRONMENT = "environment"  # as a proxy: what HTTP_PROXY and the like say

Finished = Callable[[Exchange], None]
Handshake = Callable[[int, int, int], None]  # what a new connection paid: dns, connect, tls (nanoseconds)


@dataclass(frozen=True)
class PreparedRequest:
    """A request, ready to be sent any number of times."""

    method: str
    target: str  # path and query, as on the request line
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # may hold credentials, as the body may
    body: bytes = field(repr=False)
    timeout: int  # nanoseconds, from taken to done
    expected: frozenset[int]  # statuses of a success
    wire: bytes = field(repr=False)  # the whole of it, as HTTP/1.1
    stream: bool = False  # whether the answer is read as a stream of tokens
    dialect: str = ""  # the stream's, by name; none: as its events tell
    model_name: str = ""  # as the body says it
    added: tuple[str, ...] = ()  # keys of its body that the scenario did not write
    exact_tokens: int = 0  # that are asked for, no more and no fewer; zero: there may be fewer
    model: bool = False  # whether a model answers, whose whole answers hold usage, or an error
    max_head: int = 64 * 1024  # bytes of an answer's head; a longer one is no proper answer
    max_body: int = 1024**3  # bytes of an answer's body
    contains: str | None = None  # what a success has in its body
    follow_redirects: bool = False
    redirect_hosts: frozenset[str] = frozenset()  # beside the destination's own, where redirects may lead
    salt: str = field(default="", repr=False)  # digits in it that stand for a salt; none: it is sent as it is
    turn: int = 1  # of a conversation, whose other turns stand beside it
    more: int = 0  # turns that follow
    answers: tuple[str, ...] = field(
        default=(), repr=False
    )  # digits that stand for what earlier turns are answered
    heard: bool = False  # whether the text of its answer is kept
    connect_timeout: int | None = None  # nanoseconds that a new connection may take; None: the whole timeout

    @property
    def patience(self) -> int:
        """Nanoseconds that a new connection may take: DNS, TCP and TLS."""
        return self.timeout if self.connect_timeout is None else min(self.connect_timeout, self.timeout)

    def satisfied_by(self, body: bytes) -> bool:
        """Whether a body holds what it must."""
        return self.contains is None or self.contains.encode() in body


def head_of(method: str, target: str, headers: Sequence[tuple[str, str]]) -> bytes:
    """What goes over the wire before the body, as HTTP/1.1."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode()


@dataclass(frozen=True)
class Destination:
    """Where a target's connections go."""

    scheme: str
    host: str  # as in the URL: the name for SNI and certificates
    port: int
    verify_tls: bool = True
    ca_file: str | None = None  # trusted in place of the system's certificates
    cert_file: str | None = None  # by which we are known to the server
    key_file: str | None = None  # where the certificate's file does not hold its key
    family: socket.AddressFamily = socket.AF_UNSPEC  # of the addresses to use
    resolve: str | None = None  # connect here instead of asking DNS
    proxy: str | None = field(default=None, repr=False)  # its URL, which may hold credentials; or ENVIRONMENT

    @property
    def name(self) -> str:
        """What is looked up."""
        return self.resolve or self.host

    @property
    def hints(self) -> dict[str, Any]:
        """What `getaddrinfo` is asked for."""
        return {"family": self.family, "type": socket.SOCK_STREAM, "flags": socket.AI_ADDRCONFIG}

    def tls_context(self) -> ssl.SSLContext | None:
        """How to speak TLS to it; None for plain HTTP."""
        if self.scheme != "https":
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        context.set_alpn_protocols(["http/1.1"])
        if not self.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True)
class Discovery:
    """Where the list of a service's instances is asked for, and how often."""

    service: str
    destination: Destination
    requests: tuple[PreparedRequest, ...]  # each for a path where it may be; the first that has it is kept to
    poll: int  # nanoseconds

    def url(self, request: PreparedRequest) -> str:
        """What is asked."""
        where = self.destination
        host = f"[{where.host}]" if ":" in where.host else where.host
        usual = where.port == {"http": 80, "https": 443}[where.scheme]
        return f"{where.scheme}://{host}{'' if usual else f':{where.port}'}{request.target}"


@dataclass(frozen=True)
class Pool:
    """How many connections may be open, and how many may be on their way at once."""

    limit: int
    pending: int = 32


class Transport(Protocol):
    """Carries exchanges to one destination over a pool of connections of its own."""

    addresses: list[str]  # where connections were opened to, as ip:port
    finished: Finished
    handshake: Handshake
    meter: Meter

    async def open(self, connections: int) -> None:
        """Resolve the name and open this many connections beforehand; what fails is left to the exchanges to meet."""

    def rotate(self, in_turn: bool) -> None:
        """Reuse idle connections in turn (to warm all), or the last used first."""

    def send(self, exchange: Exchange) -> None:
        """Start an exchange, now or when a connection is free. Never blocks, never raises."""

    def cancel(self) -> None:
        """End every exchange that is not done as cancelled."""

    async def close(self) -> None:
        """Close all connections, and wait until they are."""
