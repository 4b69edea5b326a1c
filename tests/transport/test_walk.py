"""Each step of a walk, against what makes it succeed or fail."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme

from benchmark.measure.exchange import Failure
from benchmark.transport.base import Destination
from benchmark.transport.walk import walk
from tests.servers import free_ports


@contextlib.asynccontextmanager
async def serving(certificate: trustme.LeafCert | None) -> AsyncIterator[int]:
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(tls)
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def lead(
    monkeypatch: pytest.MonkeyPatch, *ips: str, error: Exception | None = None, seconds: float = 0
) -> None:
    """Let every name lead to these addresses."""

    ask = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host: str, port: int, **options: Any) -> list[tuple[Any, ...]]:
        if host in ips:
            return await ask(host, port, **options)  # connecting asks, too
        await asyncio.sleep(seconds)
        if error:
            raise error
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)


async def test_every_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(None) as port:
        lead(monkeypatch, "127.0.0.2", "127.0.0.1")
        seen = await walk(Destination("http", "service.example", port), 60)
    assert [(place.address, place.failure) for place in seen.places] == [
        (f"127.0.0.2:{port}", Failure.CONNECT_REFUSED),
        (f"127.0.0.1:{port}", Failure.NONE),
    ]
    assert seen.failure == (Failure.NONE, "")
    assert seen.tls is None
    assert seen.places[1].connect > 0


async def test_refused_everywhere() -> None:
    seen = await walk(Destination("http", "127.0.0.1", free_ports(1)[0]), 60)
    assert seen.failure == (Failure.CONNECT_REFUSED, "Connection refused")
    assert seen.resolver == "an address, not a name"


@pytest.mark.parametrize(
    ("error", "seconds", "said"),
    [
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            0,
            "NXDOMAIN: there is no such name",
        ),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), 0, "no answer from the DNS server"),
        (None, 30, "no answer within 0.1 s"),
    ],
)
async def test_a_name_that_leads_nowhere(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, seconds: float, said: str
) -> None:
    lead(monkeypatch, error=error, seconds=seconds)
    seen = await walk(Destination("http", "service.example", 80), 0.1)
    assert seen.failure == (Failure.DNS, said)
    assert seen.places == ()


async def test_nobody_answers_to_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*anything: Any) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr("benchmark.transport.walk.connect", never)
    seen = await walk(Destination("http", "127.0.0.1", 80), 1)
    assert seen.failure == (Failure.CONNECT_TIMEOUT, "no answer to connecting within 1 s")


def issued(name: str, year: int) -> trustme.LeafCert:
    ends = datetime.datetime(year, 6, 1, tzinfo=datetime.UTC)
    return trustme.CA().issue_cert(name, not_before=ends - datetime.timedelta(days=365), not_after=ends)


@pytest.mark.parametrize(
    ("name", "year"), [("localhost", 2090), ("elsewhere.example", 2090), ("localhost", 2020)]
)
async def test_a_certificate_is_read_also_where_it_is_refused(name: str, year: int) -> None:
    async with serving(issued(name, year)) as port:
        refused = await walk(Destination("https", "localhost", port), 60)
        taken = await walk(Destination("https", "localhost", port, verify_tls=False), 60)
    assert refused.failure[0] is Failure.TLS_VERIFY
    assert taken.failure == (Failure.NONE, "")
    for seen in (refused, taken):
        assert seen.tls is not None
        assert seen.tls.certificate is not None
        assert seen.tls.certificate.names == (name,)
        ends = datetime.datetime.fromtimestamp(seen.tls.certificate.ends, datetime.UTC)
        assert ends.date() == datetime.date(year, 6, 1)
    assert taken.tls is not None
    assert taken.tls.version == "TLSv1.3"


async def test_plain_http_behind_https() -> None:
    async with serving(None) as port:
        seen = await walk(Destination("https", "127.0.0.1", port), 60)
    assert seen.failure[0] is Failure.TLS_HANDSHAKE
    assert seen.tls is not None
    assert seen.tls.certificate is None
