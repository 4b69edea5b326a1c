"""TLS that cannot be: one table of servers, on both transports, each with its kind and what is said of it."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from benchmark.measure.exchange import Exchange, Failure
from tests.hostile.adversary import ASK, HOLD, RST, Adversary
from tests.transport.clients import client, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + b"x" * 1000
PAST = datetime.now(UTC) - timedelta(days=9)
NOBODY = trustme.CA()  # whom no client trusts

Serve = Callable[[trustme.CA], ssl.SSLContext | None]


def named(authority: trustme.CA, name: str = "localhost", until: datetime | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, not_after=until).configure_cert(context)
    return context


def mutual(authority: trustme.CA) -> ssl.SSLContext:
    context = named(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    return context


def old(authority: trustme.CA) -> ssl.SSLContext:
    context = named(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA@SECLEVEL=0")  # which no client offers any more
    return context


SERVERS: dict[str, tuple[Serve, tuple[object, ...], set[Failure], str]] = {
    "sound": (named, (ASK, OK), {Failure.NONE}, ""),
    "expired": (lambda ca: named(ca, until=PAST), (ASK, OK), {Failure.TLS_VERIFY}, "expired"),
    "by nobody that is trusted": (lambda ca: named(NOBODY), (ASK, OK), {Failure.TLS_VERIFY}, "certificate"),
    "of another name": (lambda ca: named(ca, "other.example"), (ASK, OK), {Failure.TLS_VERIFY}, "localhost"),
    "wants a certificate": (
        mutual, (ASK, OK), {Failure.TLS_HANDSHAKE, Failure.RESET, Failure.CLOSED_EARLY, Failure.SEND, Failure.PROTOCOL}, "",
    ),
    "no cipher in common": (old, (ASK, OK), {Failure.TLS_HANDSHAKE}, ""),
    "plain http": (lambda ca: None, (b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", HOLD), {Failure.TLS_HANDSHAKE}, "http://"),
    "silence": (lambda ca: None, (HOLD,), {Failure.CONNECT_TIMEOUT}, ""),
    "cut in a body": (named, (ASK, LONG, RST), {Failure.TRUNCATED}, ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["http1", "aiohttp"])
@pytest.mark.parametrize("name", SERVERS)
async def test_tls(kind: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    serve, script, kinds, said = SERVERS[name]
    authority = trustme.CA()
    trusting = ssl.create_default_context

    def create(*args: object, **options: object) -> ssl.SSLContext:
        context = trusting()
        authority.configure_trust(context)
        return context

    monkeypatch.setattr(ssl, "create_default_context", create)
    timeout = 0.5 if name == "silence" else 20.0
    async with (
        Adversary(lambda number: script, serve(authority)) as server,  # type: ignore[arg-type,return-value]
        client(kind, server.port, request(timeout=timeout), scheme="https", limit=1) as asking,
    ):
        exchanges: list[Exchange] = [await asking.ask() for _ in range(2)]
    assert len(asking.handed_back) == 2  # each once: the account balances
    for exchange in exchanges:
        assert exchange.failure in kinds, (exchange.failure, exchange.detail)
        assert said in exchange.detail
        assert "_ssl.c" not in exchange.detail
        assert exchange.due <= exchange.taken <= exchange.done
