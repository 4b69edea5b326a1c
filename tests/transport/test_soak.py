"""Bad weather for as long as it may last: at its end files, memory, tasks and processes are where they began.

A few seconds here; `make soak` asks for ten minutes through `SOAK` (seconds).
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop

from benchmark.execution.local import LocalWorkers
from benchmark.measure.exchange import Failure
from benchmark.measure.recording import Recording
from tests.hostile.adversary import ASK, Adversary, Script
from tests.hostile.test_servers import OK, TABLE
from tests.servers import free_ports
from tests.transport.clients import request, round_order, run_round

SECONDS = float(os.environ.get("SOAK", "6")) / 3  # for each of three tests
RATE = 300.0
ROUND = 0.7  # seconds
SETTLED = 2  # rounds until lazy imports, caches and pools of memory are there
GROWTH = 32 * 1024**2  # bytes; a leak of 1 KiB a request would be 180 MiB in ten minutes


class Held(NamedTuple):
    """What this process holds."""

    files: int
    tasks: int
    memory: int  # bytes


def held() -> Held:
    """Now, with all garbage gone."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Held(len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks()), pages * os.sysconf("SC_PAGESIZE"))


def weather(life: int, number: int) -> Script:
    """What a connection meets in one life of the server: half of them good answers, else any row of the table."""
    chance = random.Random(life * 1000 + number)
    return (ASK, OK) if chance.random() < 0.5 else chance.choice(list(TABLE.values())).script


async def restart_for_ever(port: int) -> None:
    """A server that is there most of the time; whatever it was about, it drops when it goes."""
    for life in range(1_000_000):
        with suppress(OSError):  # the port may not be free again at once
            async with Adversary(partial(weather, life), port=port):
                await asyncio.sleep(0.25)
        await asyncio.sleep(0.02)


def check(account: Recording, planned: float) -> None:
    """Every request that was due is in one place."""
    assert account.scheduled == account.ok + account.failed + account.unsent == planned
    assert account.ok > 0 < account.failed


async def endure(kind: str, seconds: float) -> tuple[Held, Held]:
    """Rounds in bad weather; what was held once it had settled, and at the end."""
    (port,) = free_ports(1)
    asked = request(timeout=0.5, max_body=20_000)
    until, rounds, began = time.monotonic() + seconds, 0, held()
    while rounds <= SETTLED or time.monotonic() < until:
        server = asyncio.create_task(restart_for_ever(port))
        check(await run_round(round_order(kind, port, asked, RATE, ROUND)), RATE * ROUND)
        server.cancel()
        with suppress(asyncio.CancelledError):
            await server
        await asyncio.sleep(0.05)
        rounds += 1
        if rounds == SETTLED:
            began = held()
    return began, held()


@pytest.mark.parametrize("kind", ["http1", "aiohttp"])
def test_bad_weather(kind: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        began, ended = runner.run(endure(kind, SECONDS))
    assert (ended.files, ended.tasks) == (began.files, began.tasks)
    assert ended.memory - began.memory < GROWTH


@contextmanager
def stormy() -> Iterator[int]:
    """The restarting server in a thread of its own, for workers that are processes; its port."""
    (port,) = free_ports(1)
    loop = uvloop.new_event_loop()
    over = loop.create_future()

    async def serve() -> None:
        task = asyncio.ensure_future(restart_for_ever(port))
        await over
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(over.set_result, None)
        thread.join()
        loop.close()


def lose_a_worker(port: int, chance: random.Random) -> list[int]:
    """A round of two processes of which one is killed on its way; both of their numbers."""
    asked = request(timeout=0.5, max_body=20_000)
    with LocalWorkers() as workers:
        workers.grow(2)
        pids = workers.pids
        victim = pids[chance.randrange(2)]
        killer = threading.Timer(chance.uniform(1.5, 2.5), os.kill, (victim, signal.SIGKILL))
        killer.start()
        outcome = workers.round(round_order("http1", port, asked, RATE, 10.0), lambda snapshot: None)
        killer.join()
    account = outcome.recording
    assert outcome.lost == 1
    assert account.scheduled == account.ok + account.failed + account.unsent == RATE * 10
    assert account.failures[Failure.LOST.label] + account.unsent > 0
    return pids


def test_workers_are_killed() -> None:
    chance = random.Random(1)
    until = time.monotonic() + SECONDS
    lost, files = 0, 0
    with stormy() as port:
        while lost < 2 or time.monotonic() < until:
            pids = lose_a_worker(port, chance)
            assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
            lost += 1
            files = files or own_files()
        assert own_files() == files


def own_files() -> int:
    """Files that this process holds, but for sockets: the server's come and go."""
    kinds = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # the listing's own
            kinds.append(os.readlink(f"/proc/self/fd/{number}").startswith("socket"))
    return kinds.count(False)
