"""The process that sends: the only hot loop.

A worker takes orders over a pipe, one at a time, and answers each with a report; while a round runs it also tells
what it has recorded so far. The parent plans, merges and shows, so that nothing but sending happens here.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe

import uvloop

from benchmark.clock import alarm, now
from benchmark.execution.plan import ProbeOrder, RoundOrder
from benchmark.measure.exchange import Exchange
from benchmark.measure.probe import Answer, Probe
from benchmark.measure.recorder import Recorder
from benchmark.measure.recording import Recording
from benchmark.schedule.base import due_before
from benchmark.transport.base import Pool, Transport
from benchmark.transport.http1 import Http1Transport
from benchmark.units import MILLISECOND, NANOSECONDS

TELL_EVERY = 0.2  # seconds between two reports of what was recorded
LEAD = 2 * MILLISECOND  # between the decision to start and the schedule's zero
STOP = "stop"


@dataclass(frozen=True)
class Started:
    """A round's schedule has its zero at this instant."""

    zero: int


@dataclass(frozen=True)
class RoundReport:
    """The end of a round; the last part of its recording comes with it."""

    recording: Recording
    unmeasured: int
    addresses: tuple[str, ...]
    busiest: int  # the most exchanges that were in flight at once
    cpu_seconds: float  # of the measured part
    max_rss_bytes: int
    stopped: bool


class SendLoop:
    """Sends one round: takes what is due, hands it to the transport, records what comes back."""

    def __init__(self, order: RoundOrder, transport: Transport, recorder: Recorder) -> None:
        self.zero = now() + LEAD
        self.begin = recorder.origin = self.zero + order.warmup
        self.unmeasured = 0
        self.busiest = 0
        self.cpu_seconds = 0.0  # of the measured part
        self._loop = asyncio.get_running_loop()
        self._end = self.begin + order.measured
        self._transport = transport
        self._record = recorder.add
        self._after = order.schedule.after
        self._known = (self.zero + due for chunk in order.schedule.due_times() for due in chunk.tolist())
        self._choices = order.mix.indexes()
        self._agenda: list[int] = []  # instants at which requests are due, a heap
        self._in_flight = 0
        self._asking = True
        self._timers: list[asyncio.TimerHandle] = []
        self._settled: asyncio.Future[None] = self._loop.create_future()
        self._alarm = alarm(self._loop, self._ring)
        transport.finished = self.finished
        transport.rotate(in_turn=True)

    async def run(self) -> None:
        """Ask until the measured part is over, and wait for the last answer."""
        self._timers = [
            self._call_at(self.begin, self._enter_measured),
            self._call_at(self._end, self._finish),
        ]
        self._look_ahead()
        self._ring()
        await self._settled
        self.cpu_seconds = time.process_time() - self.cpu_seconds if self.cpu_seconds else 0.0
        for timer in self._timers:
            timer.cancel()
        self._alarm.close()

    def stop(self) -> None:
        """Ask no more; what is in flight is waited for."""
        self._asking = False
        self._agenda.clear()
        self._settle()

    def _call_at(self, instant: int, call: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(max(0, instant - now()) / NANOSECONDS, call)

    def _enter_measured(self) -> None:
        self._transport.rotate(in_turn=False)
        self.cpu_seconds = time.process_time()

    def _finish(self) -> None:
        if now() < self._end:  # the loop's timers tick in milliseconds, and may be early
            self._timers.append(self._call_at(self._end, self._finish))
            return
        self._ring()
        self.stop()

    def finished(self, exchange: Exchange) -> None:
        """The transport hands an exchange back."""
        self._in_flight -= 1
        if exchange.due >= self.begin:
            self._record(exchange)
        else:
            self.unmeasured += 1
        due = self._after(exchange.done)
        if due is not None and due < self._end and self._asking:
            if due == exchange.done:
                self._ask(due)
            else:
                self._note(due)
        elif not self._asking:
            self._settle()

    def _ring(self) -> None:
        """Ask all that is due."""
        agenda = self._agenda
        while agenda and agenda[0] <= now():
            due = heapq.heappop(agenda)
            self._look_ahead()
            self._ask(due)
        if agenda:
            self._alarm.arm(agenda[0])

    def _ask(self, due: int) -> None:
        self._in_flight += 1
        if self._in_flight > self.busiest:
            self.busiest = self._in_flight
        self._transport.send(Exchange(next(self._choices), due, now()))

    def _look_ahead(self) -> None:
        """Note the next of the due times that the schedule knew beforehand."""
        due = next(self._known, None)
        if due is not None and due < self._end:
            heapq.heappush(self._agenda, due)

    def _note(self, due: int) -> None:
        heapq.heappush(self._agenda, due)
        if self._agenda[0] == due:
            self._alarm.arm(due)

    def _settle(self) -> None:
        if not self._in_flight and not self._settled.done():
            self._settled.set_result(None)


class Worker:
    """Carries out orders; kept connections live here between rounds."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell
        self._kept: dict[str, Http1Transport] = {}
        self._sending: SendLoop | None = None
        self._stopped = False

    def stop(self) -> None:
        """End the round that runs: ask no more."""
        self._stopped = True
        if self._sending:
            self._sending.stop()

    async def probe(self, order: ProbeOrder) -> Probe:
        """One exchange over a connection of its own."""
        done: asyncio.Future[Exchange] = asyncio.get_running_loop().create_future()
        transport = Http1Transport(
            order.target.destination,
            order.target.requests,
            Pool(1),
            done.set_result,
            lambda *paid: None,
            capture=True,
        )
        started = now()
        transport.send(Exchange(0, started, started))
        try:
            exchange = await done
        finally:
            await transport.close()
        return Probe.of(exchange, getattr(exchange, "answer", Answer([])), transport.addresses)

    async def round(self, order: RoundOrder) -> RoundReport:
        """Open connections, warm up, measure, and wait for what is in flight."""
        recorder = Recorder([len(request.wire) for request in order.target.requests])
        transport = self._transport(order, recorder)
        await transport.open(order.connections)
        with undisturbed():
            sending = self._sending = SendLoop(order, transport, recorder)
            self._tell(Started(sending.zero))
            telling = asyncio.get_running_loop().create_task(self._keep_telling(recorder))
            if self._stopped:
                sending.stop()
            await sending.run()
            telling.cancel()
        self._sending = None
        if not order.keep_connections:
            await transport.close()
        recording = recorder.take()
        if order.schedule.after(0) is None:
            planned = due_before(order.schedule, order.warmup + order.measured, since=order.warmup)
            recording.unsent = planned - recorder.seen
            recording.scheduled += recording.unsent
        return RoundReport(
            recording=recording,
            unmeasured=sending.unmeasured,
            addresses=tuple(transport.addresses),
            busiest=sending.busiest,
            cpu_seconds=sending.cpu_seconds,
            max_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            stopped=self._stopped,
        )

    async def close(self) -> None:
        """Close what was kept open."""
        for transport in self._kept.values():
            await transport.close()

    def _transport(self, order: RoundOrder, recorder: Recorder) -> Http1Transport:
        kept = self._kept.get(order.target.name)
        if kept:
            kept.handshake = recorder.add_handshake
            return kept
        transport = Http1Transport(
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
            self._tell(recorder.take())


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to judge
    uvloop.run(_obey(pipe))


async def _obey(pipe: Pipe) -> None:
    loop = asyncio.get_running_loop()
    orders: asyncio.Queue[object] = asyncio.Queue()
    worker = Worker(pipe.send)

    def take(order: object) -> None:
        if order == STOP:
            worker.stop()
        else:
            orders.put_nowait(order)

    def listen() -> (
        None
    ):  # in a thread of its own: the loop would make the pipe non-blocking, for sending too
        while True:
            try:
                order = pipe.recv()
            except (EOFError, OSError):
                os._exit(1)  # the parent is gone, so nobody wants the rest
            loop.call_soon_threadsafe(take, order)
            if order is None:
                return

    threading.Thread(target=listen, daemon=True).start()
    while (order := await orders.get()) is not None:
        if isinstance(order, RoundOrder):
            pipe.send(await worker.round(order))
        elif isinstance(order, ProbeOrder):
            pipe.send(await worker.probe(order))
    await worker.close()
