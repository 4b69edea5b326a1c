"""The process that sends.

A worker takes orders over a pipe, one at a time, and answers each with a report; while a round runs it also tells
what it has recorded so far. The parent plans, merges and shows, so that nothing but sending happens here.
"""

from __future__ import annotations

import asyncio
import gc
import os
import queue
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection as Pipe
from typing import Any

import uvloop

from benchmark.child import ChildError
from benchmark.clock import now
from benchmark.execution.plan import ProbeOrder, RoundOrder, TargetPlan
from benchmark.execution.send_loop import SendLoop
from benchmark.execution.strain import Strain, StrainGauge
from benchmark.measure.exchange import Answer, Exchange
from benchmark.measure.instances import Instance
from benchmark.measure.probe import Probe
from benchmark.measure.recorder import Recorder
from benchmark.measure.recording import Recording
from benchmark.measure.series import Series
from benchmark.measure.stream import MOST_TURNS, StreamRecorder
from benchmark.redaction import Redactor, request_secrets
from benchmark.schedule.base import due_before
from benchmark.transport.base import Pool, Transport
from benchmark.transport.direct import DirectTransport
from benchmark.transport.http1 import Http1Transport
from benchmark.transport.talk import Talk
from benchmark.transport.walk import visit, walk
from benchmark.units import NANOSECONDS


def _aiohttp(*args: Any, **options: Any) -> Transport:
    from benchmark.transport.aiohttp_client import AiohttpTransport  # heavy, and rarely wanted

    return AiohttpTransport(*args, **options)


TRANSPORTS: dict[str, Callable[..., Transport]] = {"http1": Http1Transport, "aiohttp": _aiohttp}
TELL_EVERY = 0.1  # seconds between two reports of what was recorded
MOST_UNTOLD = 4  # reports that wait to be heard; what is recorded then waits here, in bounded memory
MOST_PATIENCE = 10.0  # seconds that each step of a walk is given
GRACE = 10.0  # seconds that exchanges in flight are given once the run is stopped
RSS_UNIT = (
    1 if sys.platform == "darwin" else 1024
)  # bytes, in which the system tells how much memory was held
READY = "ready"  # a worker has opened its connections, and waits for the common start
STOP = "stop"  # ask no more, and wait for what is in flight
CANCEL = "cancel"  # end what is in flight as well


def _carrier(target: TargetPlan) -> Callable[..., Transport]:
    """What makes the transport to a target: of a direct one, to all of its instances."""
    kind = TRANSPORTS[target.transport]
    return partial(DirectTransport, kind, target.instances) if target.discovery else kind


@dataclass(frozen=True)
class Start:
    """The order to send: the schedule has its zero at this instant, for all workers."""

    zero: int


@dataclass(frozen=True)
class Listed:
    """The list of the target's instances has changed, while its round runs."""

    instances: tuple[Instance, ...]


@dataclass(frozen=True)
class RoundReport:
    """The end of a round; the last part of its recording comes with it."""

    recording: Recording
    unmeasured: int
    addresses: tuple[str, ...]
    busiest: int  # the most exchanges that were in flight at once
    cpu_seconds: float  # of the measured part
    spun_seconds: float  # of those, spent polling for what had not come yet
    max_rss_bytes: int
    stopped: bool
    strain: Strain
    overdue: int = 0  # requests that were not sent, for they were late by more than a bound
    away: int = 0  # nanoseconds by which they were, at most
    lasted: int = 0  # nanoseconds from the measured part's beginning to the last answer


class Worker:
    """Carries out orders; kept connections live here between rounds."""

    def __init__(self, tell: Callable[[object], None], untold: Callable[[], int] = lambda: 0) -> None:
        self._tell = tell
        self._untold = untold  # how many reports wait for a parent that is behind
        self._kept: dict[str, Transport] = {}
        self._opening: asyncio.Task[None] | None = None
        self._zero: asyncio.Future[int] | None = None
        self._sending: SendLoop | None = None
        self._direct: DirectTransport | None = None  # in the round that runs
        self._cancel: Callable[[], None] = lambda: None  # of the transport that is in use
        self._stopped = False

    def start(self, zero: int) -> None:
        """Send what was ordered, from this instant on."""
        assert self._zero is not None
        self._zero.set_result(zero)

    def stop(self) -> None:
        """End the round that runs: ask no more; what is in flight is waited for, within bounds."""
        self._stopped = True
        if self._opening:
            self._opening.cancel()
        if self._sending:
            self._sending.stop()
        asyncio.get_running_loop().call_later(GRACE, self.cancel)

    def take_up(self, instances: tuple[Instance, ...]) -> None:
        """Go by this list in the round that runs."""
        if self._direct:
            self._direct.take_up(instances)

    def cancel(self) -> None:
        """End what is in flight."""
        self._cancel()

    async def probe(self, order: ProbeOrder) -> Probe:
        """One exchange over a connection of its own; after a walk that led nowhere, none."""
        walked = None
        if order.walk and not order.target.destination.proxy:  # the way is the proxy's, and not ours to walk
            patience = min(MOST_PATIENCE, order.target.requests[0].patience / NANOSECONDS)
            if order.target.discovery:
                walked = await visit(order.target.instances, patience)
            else:
                walked = await walk(order.target.destination, patience)
            if walked.failure[0]:
                return Probe.lost(walked)
        done: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        transport = _carrier(order.target)(
            order.target.destination,
            order.target.requests,
            Pool(1),
            done.set_result,
            lambda *paid: None,
            capture=True,
        )
        started = now()
        exchange = Exchange(0, started, started)
        asked = exchange.asks = Talk(order.target.requests, 0).request()
        redactor = Redactor(order.target.secrets | request_secrets(asked.target, asked.headers, asked.body))
        transport.send(exchange)
        try:
            exchange = await done
        finally:
            await transport.close()
        return Probe.of(exchange, exchange.answer or Answer([]), transport.addresses, redactor, walked)

    async def round(self, order: RoundOrder) -> RoundReport:
        """Open connections, warm up, measure, and wait for what is in flight."""
        recorder = _recorder(order)
        transport = self._transport(order, recorder)
        self._cancel = transport.cancel
        self._direct = transport if isinstance(transport, DirectTransport) else None
        await self._open(transport, order.connections)
        with undisturbed():
            self._zero = asyncio.get_running_loop().create_future()
            self._tell(READY)
            sending = self._sending = SendLoop(order, transport, recorder, await self._zero)
            if self._direct:
                self._direct.counted_from = sending.begin
            telling = asyncio.get_running_loop().create_task(self._keep_telling(recorder))
            telling.add_done_callback(lambda task: task.cancelled() or task.result())
            if self._stopped:
                sending.stop()
            with StrainGauge() as strain:
                await sending.run()
            telling.cancel()
        self._sending = None
        recorder.add_network(*transport.meter.take(), carried=sending.carried)
        if self._direct:
            recorder.kept.counters.update(self._direct.tally())
            self._direct = None
        if order.tokenized:
            self._tell(recorder.part())  # whoever hears it has the tokenizer
        if not order.keep_connections:
            await transport.close()
        recording = recorder.take()
        if order.schedule.think is None:
            planned = due_before(order.schedule, order.warmup + order.measured, since=order.warmup)
            recording.unsent = planned - recorder.arrived + sending.unsent_turns
            recording.scheduled += recording.unsent
        return RoundReport(
            recording=recording,
            unmeasured=sending.unmeasured,
            addresses=tuple(transport.addresses),
            busiest=sending.busiest,
            cpu_seconds=sending.cpu_seconds,
            spun_seconds=sending.spun_seconds,
            max_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT,
            stopped=self._stopped,
            strain=strain.seen,
            overdue=sending.overdue,
            away=sending.away,
            lasted=max(0, sending.ended - sending.begin),
        )

    async def _open(self, transport: Transport, connections: int) -> None:
        """Open connections, unless the run is stopped meanwhile."""
        self._opening = asyncio.get_running_loop().create_task(transport.open(connections))
        if self._stopped:
            self._opening.cancel()
        await asyncio.wait([self._opening])
        if not self._opening.cancelled():
            self._opening.result()
        self._opening = None

    async def close(self) -> None:
        """Close what was kept open."""
        for transport in self._kept.values():
            await transport.close()

    def _transport(self, order: RoundOrder, recorder: Recorder) -> Transport:
        kept = self._kept.get(order.target.name)
        if kept:
            kept.handshake = recorder.add_handshake
            if isinstance(kept, DirectTransport):
                kept.take_up(order.target.instances)
            return kept
        transport = _carrier(order.target)(
            order.target.destination,
            order.target.requests,
            Pool(order.limit),
            lambda exchange: None,
            recorder.add_handshake,
            resend_stale=order.resend_stale,
        )
        if order.keep_connections:
            self._kept[order.target.name] = transport
        return transport

    async def _keep_telling(self, recorder: Recorder) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY)
            if self._untold() < MOST_UNTOLD:
                self._tell(recorder.part())


def _recorder(order: RoundOrder) -> Recorder:
    """What records the exchanges of a round."""
    sizes = [len(request.wire) for request in order.target.requests]
    recorder = Recorder(sizes)
    if any(request.stream or request.model for request in order.target.requests):
        talks = any(request.more for request in order.target.requests)
        turns = [min(request.turn, MOST_TURNS) for request in order.target.requests] if talks else []
        exact = [request.exact_tokens for request in order.target.requests]
        recorder = StreamRecorder(sizes, order.goodput, turns, exact, tokenized=order.tokenized)
    recorder.kept.series = Series(order.window, order.points, order.timed)
    return recorder


@contextmanager
def undisturbed() -> Iterator[None]:
    """No garbage collection inside: exchanges die by their reference counts."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def work(pipe: Pipe) -> None:
    """The worker process's whole life: orders in, reports out, until the pipe ends."""
    uvloop.run(_obey(pipe))


async def _obey(pipe: Pipe) -> None:
    """Carry out orders. Threads listen and speak: neither a slow parent nor a full pipe stands in the hot loop."""
    loop = asyncio.get_running_loop()
    orders: asyncio.Queue[object] = asyncio.Queue()
    reports: queue.SimpleQueue[object] = queue.SimpleQueue()
    worker = Worker(reports.put, reports.qsize)

    def take(order: object) -> None:
        if isinstance(order, Start):
            worker.start(order.zero)
        elif isinstance(order, Listed):
            worker.take_up(order.instances)
        elif order == STOP:
            worker.stop()
        elif order == CANCEL:
            worker.cancel()
        else:
            orders.put_nowait(order)

    def escaped(_: object, context: dict[str, Any]) -> None:
        """A callback of ours raised: nobody waits for it, so that the round would go on without, or hang."""
        error = context.get("exception")
        if isinstance(error, Exception) and "handle" in context:
            reports.put(ChildError.of(error))
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(escaped)
    listening = threading.Thread(
        target=_listen,
        args=(pipe, lambda order: loop.call_soon_threadsafe(take, order), reports.put),
        daemon=True,
    )
    speaking = threading.Thread(target=_speak, args=(pipe, reports), daemon=True)
    listening.start()
    speaking.start()
    try:
        await _carry_out(worker, orders, reports.put)
    except Exception as error:  # the parent tells it for what it is
        reports.put(ChildError.of(error))
    reports.put(None)
    await asyncio.to_thread(speaking.join)


async def _carry_out(worker: Worker, orders: asyncio.Queue[object], report: Callable[[object], None]) -> None:
    while (order := await orders.get()) is not None:
        if isinstance(order, RoundOrder):
            report(await worker.round(order))
        elif isinstance(order, ProbeOrder):
            report(await worker.probe(order))
    await worker.close()


def _listen(pipe: Pipe, take: Callable[[object], object], complain: Callable[[object], None]) -> None:
    while True:
        try:
            order = pipe.recv()
        except (EOFError, OSError):
            os._exit(1)  # the parent is gone, so nobody wants the rest
        except Exception as error:  # what cannot be read
            complain(ChildError.of(error))
            return
        take(order)
        if order is None:
            return


def _speak(pipe: Pipe, reports: queue.SimpleQueue[object]) -> None:
    while (report := reports.get()) is not None:
        try:
            pipe.send(report)
        except OSError:
            os._exit(1)
        except Exception as error:  # what cannot be sent
            pipe.send(ChildError.of(error))
