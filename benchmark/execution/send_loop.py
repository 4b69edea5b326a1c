"""The only hot loop: takes what is due, hands it to a transport, records what comes back.

It runs on the event loop that carries the answers. Where a request is about to be due, or answers come quickly, it polls
instead of sleeping, for waking from epoll costs some 50 µs on a virtual machine and an epoll timeout ticks in
milliseconds. It polls through the event loop, so answers are read between turns; and it polls no more than it must, for
a process that always runs is the first to be put aside when another wants its core.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from benchmark import clock
from benchmark.execution.plan import RoundOrder
from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.recorder import Recorder
from benchmark.schedule.base import Schedule
from benchmark.schedule.closed_loop import leavings
from benchmark.transport.base import Transport
from benchmark.transport.talk import Talk, is_made
from benchmark.units import MILLISECOND, NANOSECONDS

now: Final = clock.now  # of this module, a name costs less once it is compiled
EARLY: Final = MILLISECOND // 5  # how long before a request is due the loop wakes at least, and polls
SPARE: Final = 20  # of a longer sleep, one part in so many is polled instead: waking from it takes longer
MOST_EARLY: Final = 5  # times `EARLY`
QUICK: Final = 1 * MILLISECOND  # answers that take less than this are polled for
FEW: Final = 16  # while no more are in flight: of more, each that wakes the loop brings others along
LOOK_UP: Final = 50 * MILLISECOND  # how often a loop that sleeps looks whether answers have become quick
MOST_AT_ONCE: Final = 32  # requests sent before answers get their turn
MOST_OVERDUE: Final = (
    1 * NANOSECONDS
)  # what is late by more is not sent: a generator that was away must not burst
GRACE: Final = 100 * MILLISECOND  # after the end, for sending what was due before it
NEVER: Final = sys.maxsize


class SendLoop:
    """Sends one round: `zero` (clock nanoseconds) is the schedule's."""

    def __init__(self, order: RoundOrder, transport: Transport, recorder: Recorder, zero: int) -> None:
        self.begin = recorder.origin = zero + order.warmup
        self.unmeasured = 0
        self.carried = 0.0  # answers to requests of the warm-up, as far as they came in the measured part
        self._counted_from = NEVER  # when the kernel's counts began: the loop's timer may be late
        self.busiest = 0  # the most exchanges that were in flight at once
        self.overdue = (
            0  # of what was due in the measured part: not sent, for it was late by more than `MOST_OVERDUE`
        )
        self.away = 0  # nanoseconds by which the latest of them was late, at most
        self.unsent_turns = 0  # of conversations: due in the measured part, in no schedule, and never sent
        self.cpu_seconds = 0.0  # of the measured part
        self.spun_seconds = 0.0  # of those, spent polling for what had not come yet
        self.ended = 0  # instant of the last answer
        self._most = (
            order.most
        )  # measured requests that may still be asked; zero: as many as there is time for
        self._loop = asyncio.get_running_loop()
        self._end = recorder.end = self.begin + order.measured
        self._transport = transport
        self._send = transport.send
        self._recorder = recorder
        think = order.schedule.think
        self._usual = NEVER if think is None else think
        self._pause = self._usual  # from an answer to what it makes due
        self._leavings = [zero + instant for instant in leavings(order.schedule)]
        self._leaving = 0  # callers who go once they have their answer
        self._known = instants(order.schedule, zero)
        self._next_known = NEVER
        self._later: list[tuple[int, int, Talk | None]] = []  # instants that answers made due, a heap
        self._noted = 0  # of these, counted on
        self._choose = order.mix.indexes().__next__
        self._requests = order.target.requests
        self._think = order.think
        self._talks: dict[Exchange, Talk] = {}  # of what is in flight
        self._talking = is_made(order.target.requests)
        self._in_flight = 0
        self._asking = True
        self._settled: asyncio.Future[None] = self._loop.create_future()
        self._alarm = clock.alarm(self._loop, self._wake)
        lone = os.cpu_count() == 1  # there, polling keeps others from working
        self._early, self._quick = (0, 0) if lone else (EARLY, QUICK)
        self._alone = order.alone
        if self._alone:  # its answer says nothing of how long it takes before it is there
            self._quick = 0
        self._lead = self._early  # how long before what is due next the loop polls
        self._polling = False
        self._turned = 0  # when the latest turn began; zero: the loop has slept since
        self._worked = False  # whether that turn asked anything
        self._latest: Exchange | None = None  # the exchange that ended last
        self._seen: Exchange | None = None  # the one that had, when the latest turn began
        self._typical = 0  # how long exchanges take, smoothed
        self._spun = 0  # nanoseconds that were polled away
        transport.finished = self.finished
        transport.rotate(in_turn=True)

    async def run(self) -> None:
        """Ask until the measured part is over, and wait for the last answer."""
        timers = [self._call_at(instant, self._dismiss) for instant in self._leavings]
        timers.append(self._call_at(self.begin, self._enter_measured))
        self._ending = self._call_at(self._end, self._finish)
        self._look_ahead()
        self._wake()
        await self._settled
        if self.cpu_seconds:
            self.cpu_seconds = time.process_time() - self.cpu_seconds
            self.spun_seconds = self._spun / NANOSECONDS - self.spun_seconds
        for timer in (*timers, self._ending):
            timer.cancel()
        self._alarm.close()

    def stop(self) -> None:
        """Ask no more; what is in flight is waited for."""
        self._asking = False
        self._next_known = NEVER
        for due, _, talk in self._later:
            self._count_unsent(due, talk)
        self._later.clear()
        self._settle()

    def _count_unsent(self, due: int, talk: Talk | None) -> None:
        """Account for a turn that nobody asks any more; in a closed loop, only what is begun is scheduled."""
        if talk is not None and self._usual == NEVER and self.begin <= due < self._end:
            self.unsent_turns += 1

    def finished(self, exchange: Exchange) -> None:
        """The transport hands an exchange back."""
        self._in_flight -= 1
        self._latest = exchange
        if exchange.due >= self.begin:
            self._recorder.add(exchange)
        else:
            self.unmeasured += 1
            self.carried += share_since(exchange, self._counted_from)
        talk = self._go_on(exchange) if self._talking else None
        due = exchange.done + (self._pause if talk is None else self._think)
        if due < self._end and self._asking:
            if due == exchange.done:
                self._ask(due, talk)
            else:
                self._note(due, talk)
        elif not self._asking:
            self._count_unsent(due, talk)
            self._settle()
        elif self._leaving:
            self._leave()

    def _dismiss(self) -> None:
        """Let the next caller go that has its answer."""
        self._leaving += 1
        self._pause = NEVER

    def _leave(self) -> None:
        self._leaving -= 1
        if not self._leaving:
            self._pause = self._usual

    def _ask(self, due: int, talk: Talk | None = None) -> None:
        self._in_flight += 1
        if self._most and due >= self.begin:
            self._most -= 1
            if not self._most:
                self.stop()
        if not self._talking:
            self._send(Exchange(self._choose(), due, now()))
            return
        talk = talk or Talk(self._requests, self._choose())
        made = talk.request()  # before the exchange is stamped: making it is the generator's own time
        exchange = Exchange(talk.at, due, now())
        exchange.asks = made
        self._talks[exchange] = talk
        self._send(exchange)

    def _go_on(self, exchange: Exchange) -> Talk | None:
        """The conversation that the exchange was a turn of, where another turn follows; a failure ends it."""
        talk = self._talks.pop(exchange)
        failed = exchange.failure is not Failure.NONE
        if exchange.due >= self.begin:
            longer = talk.longer if exchange.sent else 0
            self._recorder.add_talk(longer, later=talk.opened, unbegun=talk.left if failed else 0)
        return talk if not failed and talk.hear(exchange.stream) else None

    # ── turns ──

    def _wake(self) -> None:
        if not self._polling:
            self._polling = True
            self._turned = 0
            self._turn()

    def _turn(self) -> None:
        """Ask what is due; come again at once while something is near, else sleep until it is."""
        if self._settled.done():
            return
        began = now()
        self._look_back(began)
        self._ask_due()
        nearest = self._nearest()
        if nearest - began < self._lead or (0 < self._in_flight <= FEW and self._typical < self._quick):
            self._loop.call_soon(self._turn)
            return
        self._polling = False
        if self._in_flight:
            nearest = min(nearest, began + LOOK_UP)
        if nearest < NEVER:
            self._sleep(nearest, began)

    def _sleep(self, due: int, began: int) -> None:
        """Wake in time for what is due: the longer the sleep, the less sure when it ends."""
        self._lead = min(max((due - began) // SPARE, self._early), MOST_EARLY * self._early)
        self._alarm.arm(due - self._lead)

    def _look_back(self, began: int) -> None:
        """Account for the turn that ends: it did something, or only waited."""
        latest = self._latest
        if latest is not self._seen and latest is not None:
            self._seen = latest
            self._worked = True
            self._typical += (latest.done - latest.taken - self._typical) >> 3
        if self._turned:
            if not self._worked:
                self._spun += began - self._turned
            elif self.begin <= self._turned < self._end:
                self._recorder.add_turn(began - self._turned)
        self._worked = False
        self._turned = began

    def _ask_due(self) -> None:
        """Ask all that is due, but a bounded number at once, so that answers are read in between."""
        for _ in range(MOST_AT_ONCE):
            due = self._nearest()
            late = now() - due
            if late < 0:
                break
            talk = None
            if due == self._next_known:
                self._look_ahead()
            else:
                talk = heapq.heappop(self._later)[2]
            if late > MOST_OVERDUE and self._usual == NEVER:
                self._pass_over(due, late, talk)
            else:
                self._ask(now() if self._alone else due, talk)
            self._worked = True
            self._lead = (
                self._early
            )  # the long sleep is over: to poll on until the next would be to poll for ever
        if self._in_flight > self.busiest:
            self.busiest = self._in_flight

    def _pass_over(self, due: int, late: int, talk: Talk | None) -> None:
        """Leave unsent what an open loop wanted long ago; the requests of later instants stay what they were."""
        if talk is None:
            self._choose()
        if self.begin <= due < self._end:
            self.overdue += 1
            self.away = max(self.away, late)
        self._count_unsent(due, talk)

    def _nearest(self) -> int:
        """The next instant at which a request is due."""
        return min(self._next_known, self._later[0][0]) if self._later else self._next_known

    def _look_ahead(self) -> None:
        """Note the next of the due times that the schedule knew beforehand."""
        due = next(self._known, NEVER)
        self._next_known = due if due < self._end else NEVER

    def _note(self, due: int, talk: Talk | None) -> None:
        """Remember an instant that an answer made due, and the conversation that goes on then."""
        self._noted += 1
        heapq.heappush(self._later, (due, self._noted, talk))
        if self._nearest() == due and not self._polling:  # else something nearer has set the alarm already
            self._sleep(due, now())

    # ── the round's parts ──

    def _call_at(self, instant: int, call: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(max(0, instant - now()) / NANOSECONDS, call)

    def _enter_measured(self) -> None:
        self._transport.rotate(in_turn=False)
        self._transport.meter.begin()
        self._counted_from = now()
        self.cpu_seconds = time.process_time()
        self.spun_seconds = self._spun / NANOSECONDS

    def _finish(self) -> None:
        """Ask no more, once the end has come (the loop's timers may be early) and all that was due before it is sent."""
        behind = self._nearest() < NEVER and now() < self._end + GRACE
        if behind or now() < self._end:
            self._ending = self._call_at(max(self._end, now() + MILLISECOND), self._finish)
        else:
            self.stop()

    def _settle(self) -> None:
        if not self._in_flight and not self._settled.done():
            self.ended = now()
            self._settled.set_result(None)


def share_since(exchange: Exchange, begin: int) -> float:
    """How much of an answer came after an instant, as if its bytes came evenly."""
    if exchange.done <= begin or not exchange.first_byte:
        return 0.0
    if exchange.first_byte >= begin:
        return 1.0
    return (exchange.done - begin) / (exchange.done - exchange.first_byte)


def instants(schedule: Schedule, zero: int) -> Iterator[int]:
    """The due times that are known beforehand, as instants of the clock."""
    for chunk in schedule.due_times():
        yield from (chunk + zero).tolist()
