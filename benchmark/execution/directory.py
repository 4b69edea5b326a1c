"""The list of a direct target's instances, as the discovery service gives it: asked for at first, then again and again.

It is asked from a thread of the parent's, which neither sends nor measures. The last list is kept where asking fails, as
EAS advises; what changed and what failed is remembered, to be told.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import uvloop

from benchmark.clock import now
from benchmark.eas.upstreams import read_list, refusal
from benchmark.measure.exchange import MOST_READ, Answer, Exchange, Failure
from benchmark.measure.instances import Instance, Lookup
from benchmark.measure.probe import Probe
from benchmark.redaction import Redactor, request_secrets
from benchmark.transport.base import Discovery, Pool, PreparedRequest
from benchmark.transport.http1 import Http1Transport
from benchmark.transport.walk import walk
from benchmark.units import NANOSECONDS

LOOK_UP = 0.1  # seconds between two looks at whether anybody still waits
ENDING = 6.0  # seconds that the thread is given to end
MOST_CHANGES = 1000  # that are remembered


@dataclass
class History:
    """What became of a list during a run."""

    polls: int = 0
    failed: int = 0
    problem: str = ""  # of the poll that failed last
    changes: list[dict[str, Any]] = field(default_factory=list)  # the first thousand


class Directory:
    """A service's instances, kept up to date from `begin` to `close`."""

    def __init__(self, discovery: Discovery, secrets: frozenset[str] = frozenset()) -> None:
        self.instances: tuple[Instance, ...] = ()
        self.first: Lookup | None = None  # what came of asking first
        self.history = History()
        self._discovery = discovery
        asked = discovery.requests[0]
        self._redactor = Redactor(secrets | request_secrets(asked.target, asked.headers, asked.body))
        self._requests = list(discovery.requests)
        self._url = discovery.url(discovery.requests[0])
        self._answered: queue.SimpleQueue[Lookup] = queue.SimpleQueue()
        self._known: dict[str, Instance] = {}  # every one that was ever listed, by address
        self._loop = uvloop.new_event_loop()
        self._task = self._loop.create_task(self._keep())
        self._thread = threading.Thread(target=self._live, name="vpcbench-directory", daemon=True)
        self._began = 0.0

    def begin(self, given_up: Callable[[], bool] = lambda: False) -> Lookup | None:
        """Ask for the list, and go on asking where there is one; None: the caller has given up waiting."""
        self._thread.start()
        while not given_up():
            try:
                self.first = self._answered.get(timeout=LOOK_UP)
                break
            except queue.Empty:
                continue
        return self.first

    def close(self) -> None:
        """Ask no more."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(ENDING)
        if not self._thread.is_alive():
            self._loop.close()

    def told(self) -> dict[str, Any]:
        """What became of the list, as it is kept with the results."""
        now_listed = {each.address for each in self.instances}
        return {
            "url": self._url,
            "poll_s": self._discovery.poll / NANOSECONDS,
            "polls": self.history.polls,
            "failed_polls": self.history.failed,
            "last_problem": self.history.problem,
            "changes": list(self.history.changes),
            "instances": [
                {"address": each.address, "weight": each.weight, "listed": each.address in now_listed}
                for each in self._known.values()
            ],
        }

    def _live(self) -> None:
        """The thread's whole life."""
        with suppress(asyncio.CancelledError):  # that is how it ends
            self._loop.run_until_complete(self._task)

    async def _keep(self) -> None:
        first = await self._find()
        self._take(first.instances)
        self._began = time.monotonic()
        self._answered.put(first)
        while first.instances:
            await asyncio.sleep(self._discovery.poll / NANOSECONDS)
            found = await self._ask(self._requests[0])
            self.history.polls += 1
            if found.problem:
                self.history.failed += 1
                self.history.problem = found.problem
            elif found.instances != self.instances:
                self._note_change(found.instances)
                self._take(found.instances)

    async def _find(self) -> Lookup:
        """Walk to the discovery service, and try its paths in turn; the one that has the list is kept to."""
        walked = await walk(self._discovery.destination, self._discovery.requests[0].timeout / NANOSECONDS)
        if walked.failure[0]:
            lost = Probe.lost(walked)
            return Lookup(self._url, lost, problem=self._refusal(lost))
        found = Lookup(self._url, Probe.lost(walked))
        for request in self._discovery.requests:
            found = await self._ask(request)
            if found.probe.status != 404:
                self._requests = [request]
                break
        self._url = found.url
        return replace(found, probe=replace(found.probe, walk=walked))

    async def _ask(self, request: PreparedRequest) -> Lookup:
        """Ask once, on a connection of its own."""
        probe, body = await ask(self._discovery, request, self._redactor)
        url = self._discovery.url(request)
        if probe.failure is not Failure.NONE:
            return Lookup(url, probe, problem=self._refusal(probe))
        try:
            return Lookup(url, probe, read_list(body, self._redactor))
        except ValueError as error:
            return Lookup(url, probe, problem=str(error))

    def _refusal(self, probe: Probe) -> str:
        return refusal(self._discovery.destination.host, self._discovery.service, probe)

    def _take(self, instances: tuple[Instance, ...]) -> None:
        self.instances = instances
        self._known |= {each.address: each for each in instances}

    def _note_change(self, instances: tuple[Instance, ...]) -> None:
        """Remember who came, who left, and whose weight is another."""
        before = {each.address: each.weight for each in self.instances}
        after = {each.address: each.weight for each in instances}
        if len(self.history.changes) < MOST_CHANGES:
            self.history.changes.append(
                {
                    "after_s": time.monotonic() - self._began,
                    "joined": sorted(after.keys() - before.keys()),
                    "left": sorted(before.keys() - after.keys()),
                    "reweighted": sorted(
                        each for each in after.keys() & before.keys() if after[each] != before[each]
                    ),
                }
            )


async def ask(discovery: Discovery, request: PreparedRequest, redactor: Redactor) -> tuple[Probe, bytes]:
    """One answer of the discovery service's, and its whole body."""
    done: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()

    def finished(exchange: Exchange) -> None:
        if not done.done():  # cancelled, where nobody wants it any more
            done.set_result(exchange)

    transport = Http1Transport(
        discovery.destination, [request], Pool(1), finished, lambda *paid: None, capture=True
    )
    transport.most_kept = MOST_READ
    started = now()
    transport.send(Exchange(0, started, started))
    try:
        exchange = await done
    finally:
        await transport.close()
    answer = exchange.answer or Answer([])
    return Probe.of(exchange, answer, transport.addresses, redactor), answer.body
