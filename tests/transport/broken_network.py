"""Run in a network namespace of its own, as root: what becomes of connecting where the network is broken.

Prints, as JSON, a list of the failures' labels and details for each row and transport.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from benchmark.measure.exchange import Exchange
from tests.hostile.adversary import ASK, adversary
from tests.transport.clients import client, request

TIMEOUT = 1.0  # of what says nothing
PATIENCE = 30.0  # with what is told at once
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
HOLE = "10.9.0.2"  # nobody answers there
PORTS = 4  # local ports that this namespace has, in the row that runs out of them

Seen = list[tuple[str, str]]


def ip(*words: str) -> None:
    """Change the namespace's network."""
    subprocess.run(["ip", *words], check=True)


def lay_out() -> None:
    """A loopback, a link into nothing, and routes that refuse."""
    ip("link", "set", "lo", "up")
    ip("tuntap", "add", "dev", "nowhere", "mode", "tun")
    ip("address", "add", "10.9.0.1/24", "dev", "nowhere")
    ip("link", "set", "nowhere", "up")
    ip("route", "add", "unreachable", "10.8.0.0/24")
    ip("route", "add", "prohibit", "10.7.0.0/24")


def set_ports(first: int, last: int) -> None:
    """Which local ports there are."""
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(f"{first} {last}")


def seen(exchanges: list[Exchange]) -> Seen:
    """What is told of them."""
    return [(exchange.failure.label, exchange.detail) for exchange in exchanges]


async def to(kind: str, address: str) -> Seen:
    """One exchange to an address."""
    timeout = TIMEOUT if address == HOLE else PATIENCE
    async with client(kind, 80, request(timeout=timeout), resolve=address) as asking:
        return seen([await asking.ask()])


async def full_backlog(kind: str) -> Seen:
    """One to a listener that accepts nothing more: its kernel drops what knocks."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        knocking = [socket.socket() for _ in range(4)]
        for each in knocking:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        await asyncio.sleep(0.05)
        async with client(kind, port, request(timeout=TIMEOUT)) as asking:
            exchange = await asking.ask()
        for each in knocking:
            each.close()
        return seen([exchange])


async def no_ports(kind: str) -> Seen:
    """More connections at once than there are local ports."""
    async with (
        adversary(ASK, 0.2, OK) as server,
        client(kind, server.port, request(timeout=PATIENCE), limit=64) as asking,
    ):
        set_ports(50_000, 50_000 + PORTS - 1)
        try:
            return seen(await asking.ask_together(PORTS + 3))
        finally:
            set_ports(32_768, 60_999)


async def no_files(kind: str) -> Seen:
    """More connections at once than files may be open, to a listener that takes them and says nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        port = silent.getsockname()[1]
        async with client(kind, port, request(timeout=TIMEOUT), limit=64) as asking:
            await asking.ask()  # what is imported lazily, and the resolver, have their files
            with socket.socket() as spare:
                lowest = spare.fileno()
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 6, hard))
            try:
                return seen(await asking.ask_together(12))
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


ROWS: dict[str, Callable[[str], Awaitable[Seen]]] = {
    "a SYN black hole": lambda kind: to(kind, HOLE),
    "a full backlog": full_backlog,
    "no route": lambda kind: to(kind, "10.6.0.1"),
    "an unreachable host": lambda kind: to(kind, "10.8.0.1"),
    "a firewall here": lambda kind: to(kind, "10.7.0.1"),
    "no ports": no_ports,
    "no files": no_files,
}


async def main() -> None:
    """Every row on both transports."""
    lay_out()
    told = {name: {kind: await row(kind) for kind in ("http1", "aiohttp")} for name, row in ROWS.items()}
    print(json.dumps(told))


if __name__ == "__main__":
    uvloop.run(main())
