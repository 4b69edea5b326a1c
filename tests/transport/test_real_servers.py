"""Both transports against servers that people run: limits of kept connections, idle ends, HTTP/1.0, reloads.

The account is held against the server's own where it keeps one.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.measure.exchange import Failure
from tests.real_servers import PAGE, Arguments, Running, apache, haproxy, nginx, node, python, running
from tests.transport.clients import client, request, round_order, run_round

ASKED = 20
OPEN = {"01", "08"}  # states of the kernel's table: established, and ended by the server alone
KINDS = ("http1", "aiohttp")
UVICORN = python("uvicorn", "--port", "{port}", "--log-level", "error", "asgi:application")
GRANIAN = python("granian", "--port", "{port}", "--interface", "asgi", "--no-log", "asgi:application")
GUNICORN = ("-b", "127.0.0.1:{port}", "--log-level", "error", "--no-control-socket", "wsgi:application")


def needs(tool: str, *values: object) -> object:
    """A row that CI must run."""
    return pytest.param(*values, marks=pytest.mark.must_run(tool))


# what each takes for twenty requests, one after the other: connections
KEEPING = {
    "nginx, 5 requests a connection": needs("nginx", nginx(requests=5), 4),
    "Apache": needs("apache2", apache(), 1),
    "Apache, 4 more a connection": needs("apache2", apache("MaxKeepAliveRequests 4"), 4),
    "Apache, Connection: close": needs("apache2", apache("KeepAlive Off"), ASKED),
    "Apache, HTTP/1.0": needs("apache2", apache("SetEnv downgrade-1.0\nSetEnv force-response-1.0"), ASKED),
    "HAProxy": needs("haproxy", haproxy(), 1),
    "HAProxy, Connection: close": needs("haproxy", haproxy("option httpclose"), ASKED),
    "Node, 5 requests a connection": needs("node", node(requests=5), 4),
    "uvicorn": needs("python3", UVICORN, 1),
    "granian": needs("python3", GRANIAN, 1),
    "gunicorn, which closes": needs("python3", python("gunicorn", *GUNICORN), ASKED),
    "gunicorn in threads": needs(
        "python3", python("gunicorn", "-k", "gthread", "--threads", "4", *GUNICORN), 1
    ),
}


async def ask_in_turn(kind: str, port: int) -> tuple[list[Failure], int]:
    """How twenty requests ended, one after the other, and over how many connections."""
    opened = 0

    def count(*paid: int) -> None:
        nonlocal opened
        opened += 1

    async with client(kind, port, request("GET", target=PAGE), limit=1) as asking:
        asking.transport.handshake = count
        ended = [(await asking.ask()).failure for _ in range(ASKED)]
    return ended, opened


@pytest.mark.parametrize(("arguments", "connections"), KEEPING.values(), ids=KEEPING.keys())
async def test_connections_are_kept_as_far_as_the_server_keeps_them(
    arguments: Arguments, connections: int, tmp_path: Path
) -> None:
    with running(arguments, tmp_path / "server") as server:
        for kind in KINDS:
            assert await ask_in_turn(kind, server.port) == ([Failure.NONE] * ASKED, connections), kind


IDLING = {
    "nginx closes": needs("nginx", nginx(idle="200ms")),
    "Apache closes, and says 408 where nothing was ever asked": needs(
        "apache2", apache("KeepAliveTimeout 200ms")
    ),
    "HAProxy says 408": needs("haproxy", haproxy("timeout http-request 1s\ntimeout http-keep-alive 1s")),
    "Node closes": needs("node", node(idle=200)),
}


def none_open(port: int) -> bool:
    """Whether no connection to this port is open any more."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return not any(line[2].endswith(f":{port:04X}") and line[3] in OPEN for line in lines)


async def until(true: Callable[[], bool]) -> None:
    """Return once it is true; a minute at most."""
    for _ in range(3000):
        if true():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it does not come to it")


@pytest.mark.parametrize("arguments", IDLING.values(), ids=IDLING.keys())
async def test_an_idle_connection_that_the_server_ended_is_noticed(
    arguments: Arguments, tmp_path: Path
) -> None:
    """Both those that were opened beforehand and never used, and those that were."""

    async def ask_after_idling(kind: str, port: int) -> list[Failure]:
        async with client(kind, port, request("GET", target=PAGE), limit=3) as asking:
            await asking.transport.open(3)
            first = (await asking.ask()).failure
            await until(lambda: none_open(port))
            return [first] + [exchange.failure for exchange in await asking.ask_together(3)]

    with running(arguments, tmp_path / "server") as server:
        both = await asyncio.gather(*(ask_after_idling(kind, server.port) for kind in KINDS))
    assert both == [[Failure.NONE] * 4] * 2


# ── reloads under load ──


async def reload_every(server: Running, seconds: float) -> None:
    """Have nginx take up its configuration anew, over and over: old workers answer what they have, and go."""
    while True:
        await asyncio.sleep(seconds)
        server.process.send_signal(signal.SIGHUP)


@pytest.mark.must_run("nginx")
@pytest.mark.parametrize("kind", KINDS)
async def test_reloads_under_load_lose_nothing(kind: str, tmp_path: Path) -> None:
    """Our *ok* is what nginx completed, exactly, but for answers that broke off on their way.

    `RELOAD=5000/30` asks for 5,000 requests a second for 30 s.
    """
    rate, seconds = map(float, os.environ.get("RELOAD", "400/2").split("/"))
    with running(nginx(), tmp_path / "server") as server:
        reloading = asyncio.create_task(reload_every(server, 1.0))
        asked = request("GET", target=PAGE, timeout=30.0)
        recording = await run_round(
            round_order(kind, server.port, asked, rate, seconds, connections=32, limit=512)
        )
        reloading.cancel()
        await until(lambda: server.completed() >= recording.ok)  # it logs an answer after it is out
        completed = server.completed()
    assert recording.scheduled == recording.ok + recording.failed + recording.unsent == rate * seconds
    broken = sum(recording.failures[kind.label] for kind in (Failure.TRUNCATED, Failure.RESET))
    assert recording.ok <= completed <= recording.ok + broken
    assert recording.ok + recording.unsent > 0.9 * recording.scheduled
    assert recording.new_connections > 32, "reloads were to end connections"
