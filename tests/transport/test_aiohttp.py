"""What only the second transport can do: redirects and proxies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from benchmark.measure.exchange import Failure
from benchmark.transport.base import ENVIRONMENT
from tests.hostile.adversary import ASK, HOLD, Adversary, adversary
from tests.servers import free_ports
from tests.transport.clients import client, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def redirect(where: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Elsewhere\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()


class Recorder:
    """A server that answers all alike, or relays after CONNECT, and keeps the heads of what it was asked."""

    def __init__(self, answer: bytes = OK) -> None:
        self.heads: list[str] = []
        self._answer = answer

    async def __aenter__(self) -> Recorder:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                writer.write(self._answer)
        writer.close()


@contextlib.asynccontextmanager
async def redirecting(*answers: bytes) -> AsyncIterator[Adversary]:
    async with adversary(*(step for answer in answers for step in (ASK, answer))) as server:
        yield server


async def test_a_redirect_is_followed_when_asked_and_is_one_exchange() -> None:
    asked = request("GET", follow_redirects=True)
    async with redirecting(redirect("/there"), OK) as server, client("aiohttp", server.port, asked) as asking:
        exchange = await asking.ask()
    assert (exchange.failure, exchange.status, server.connections) == (Failure.NONE, 200, 1)


async def test_credentials_do_not_follow_to_another_origin() -> None:
    async with Recorder() as elsewhere, redirecting(redirect(f"{elsewhere.url}/there", 307)) as server:
        plain = request("GET", follow_redirects=True, redirect_hosts=frozenset({"127.0.0.1"}))
        secret = [(name, "canary") for name in ("Authorization", "X-Api-Key", "Cookie", "X-Pass", "AppCode")]
        secret += [("X-Plain", "8277e0910d750195b448canary")]
        asked = replace(plain, headers=(*plain.headers, *secret))
        async with client("aiohttp", server.port, asked) as asking:
            assert (await asking.ask()).failure is Failure.NONE
    assert len(elsewhere.heads) == 1
    assert "canary" not in elsewhere.heads[0]
    assert f"Host: 127.0.0.1:{elsewhere.port}" in elsewhere.heads[0]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nothing_goes_to_a_host_that_nobody_has_named(status: int) -> None:
    async with Recorder() as elsewhere, redirecting(redirect(f"{elsewhere.url}/there", status)) as server:
        asked = request("POST", body=b"canary", follow_redirects=True)
        async with client("aiohttp", server.port, asked) as asking:
            exchange = await asking.ask()
    assert (exchange.failure, exchange.status) == (Failure.STATUS, status)
    assert exchange.detail == f"it redirects to {elsewhere.url}/there"
    assert elsewhere.heads == []


async def test_who_redirects_where_is_said() -> None:
    (closed,) = free_ports(1)
    asked = request("GET", follow_redirects=True)
    there = redirect(f"http://localhost:{closed}/x?token=canary")
    async with redirecting(there) as server, client("aiohttp", server.port, asked) as asking:
        exchange = await asking.ask()
    assert exchange.failure is Failure.CONNECT_REFUSED
    assert f"at http://localhost:{closed}/x?token=<redacted>, where it redirects to" in exchange.detail


@pytest.mark.parametrize(
    ("where", "failure"),
    [
        ("/again", Failure.STATUS),
        ("ftp://x/", Failure.STATUS),
        ("file:///etc/passwd", Failure.STATUS),
        ("http://[", Failure.STATUS),
    ],
)
async def test_redirects_that_lead_nowhere(where: str, failure: Failure) -> None:
    asked = request("GET", follow_redirects=True)
    async with redirecting(redirect(where)) as server, client("aiohttp", server.port, asked) as asking:
        exchange = await asking.ask()
    assert exchange.failure is failure
    assert exchange.status == 302
    assert "it redirects" in exchange.detail
    assert exchange.done


async def test_a_proxy_is_asked_for_the_whole_address() -> None:
    async with (
        Recorder() as proxy,
        client("aiohttp", 80, host="far.invalid", resolve=None, proxy=proxy.url) as asking,
    ):
        exchange = await asking.ask()
        assert asking.transport.addresses == [f"127.0.0.1:{proxy.port}"]
    assert exchange.failure is Failure.NONE
    assert proxy.heads[0].startswith("POST http://far.invalid/ HTTP/1.1")


async def test_a_proxy_that_refuses_to_connect() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    async with (
        Recorder(refusal) as proxy,
        client("aiohttp", 443, scheme="https", host="far.invalid", proxy=proxy.url) as asking,
    ):
        exchange = await asking.ask()
    assert proxy.heads[0].startswith("CONNECT far.invalid:443 HTTP/1.1")
    assert exchange.failure is Failure.UNREACHABLE
    assert "407" in exchange.detail


@pytest.mark.parametrize(
    ("port_is_open", "failure"), [(False, Failure.CONNECT_REFUSED), (True, Failure.TIMEOUT)]
)
async def test_a_proxy_that_is_not_there(port_is_open: bool, failure: Failure) -> None:
    async with adversary(HOLD) as silent:
        port = silent.port if port_is_open else free_ports(1)[0]
        asked, proxy = request(timeout=1.0), f"http://127.0.0.1:{port}"
        async with client("aiohttp", 80, asked, host="far.invalid", proxy=proxy) as asking:
            assert (await asking.ask()).failure is failure


@pytest.mark.parametrize("asked", [True, False])
async def test_the_environment_s_proxy_is_used_only_when_asked(
    asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with Recorder() as proxy, Recorder() as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with client("aiohttp", server.port, proxy=ENVIRONMENT if asked else None) as asking:
            assert (await asking.ask()).failure is Failure.NONE
        assert (len(proxy.heads), len(server.heads)) == ((1, 0) if asked else (0, 1))


async def test_http1_never_uses_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Recorder() as proxy, Recorder() as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        async with client("http1", server.port) as asking:
            assert (await asking.ask()).failure is Failure.NONE
    assert proxy.heads == []
