"""The send loop and conversations: exactly when turns are due, and an account that closes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.clock import now
from benchmark.execution.group import Share
from benchmark.execution.plan import RoundOrder, make_plan
from benchmark.execution.send_loop import SendLoop
from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.recorder import Recorder
from benchmark.measure.recording import Recording
from benchmark.measure.tcp_info import Meter
from benchmark.scenario.load import load_text
from benchmark.schedule.base import due_before
from benchmark.units import MILLISECOND, NANOSECONDS

LONGEST = 3  # turns
NEVER = 1_000_000  # milliseconds
WARMUP, MEASURED = 100 * MILLISECOND, 400 * MILLISECOND


class Instant:
    """A transport whose answers are there after 2 ms (or `takes`), without any network; turns number `fails` fail.

    What is sent after the instant `busy` takes 10 ms, in which nothing else happens.
    """

    def __init__(self, fails: int = 0, busy: int = NEVER * MILLISECOND, takes: float = 0.002) -> None:
        self.addresses: list[str] = []
        self.finished: Callable[[Exchange], None] = lambda exchange: None
        self.handshake: Callable[[int, int, int], None] = lambda *paid: None
        self.meter = Meter()
        self.sent: list[Exchange] = []
        self.order: RoundOrder | None = None
        self._fails = fails
        self._busy = busy
        self._takes = takes

    async def open(self, connections: int) -> None:
        """Nothing to open."""

    def rotate(self, in_turn: bool) -> None:
        """Nothing to rotate."""

    def cancel(self) -> None:
        """Nothing to cancel."""

    async def close(self) -> None:
        """Nothing to close."""

    def send(self, exchange: Exchange) -> None:
        """Answer it in a while."""
        self.sent.append(exchange)
        if exchange.taken > self._busy:
            time.sleep(0.01)
        exchange.sent = exchange.taken
        asyncio.get_running_loop().call_later(self._takes, self._answer, exchange)

    def _answer(self, exchange: Exchange) -> None:
        assert self.order is not None
        exchange.first_byte = exchange.done = now()
        exchange.status = 200
        if self.order.target.requests[exchange.request].turn == self._fails:
            exchange.failure = Failure.STATUS
        self.finished(exchange)


def an_order(folder: Path, load: str, think: str) -> RoundOrder:
    rows = "".join(
        '{"messages": ['
        + ", ".join('{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}' for _ in range(turns))
        + "]}\n"
        for turns in range(1, LONGEST + 1)
    )  # fmt: skip
    (folder / "p.jsonl").write_text(rows)
    plan = make_plan(
        load_text(
            f"""
targets: {{a: {{url: "http://a.example"}}}}
request: {{json: {{model: m}}, prompts: {{file: p.jsonl, conversation: {{think: {think}}}}}}}
load: {load}
""",
            "test",
            folder,
        )
    )
    return plan.order(plan.targets[0], 0, WARMUP, MEASURED, 4)


@dataclass
class Done:
    """What a round left."""

    order: RoundOrder
    recording: Recording
    recorder: Recorder
    sent: list[Exchange]
    zero: int
    unsent_turns: int
    overdue: int
    away: int


async def carried_out(
    order: RoundOrder,
    fails: int = 0,
    *,
    busy_after: int = NEVER * MILLISECOND,
    stopped_after: int = NEVER * MILLISECOND,
    takes: float = 0.002,
    transport: Instant | None = None,
) -> Done:
    zero = now() + 5 * MILLISECOND
    transport = transport or Instant(fails, zero + busy_after, takes)
    transport.order = order
    recorder = Recorder([len(request.wire) for request in order.target.requests])
    sending = SendLoop(order, transport, recorder, zero)
    stop = asyncio.get_running_loop().call_later(stopped_after / NANOSECONDS, sending.stop)
    await sending.run()
    stop.cancel()
    return Done(
        order,
        recorder.take(),
        recorder,
        transport.sent,
        zero,
        sending.unsent_turns,
        sending.overdue,
        sending.away,
    )


def turn_of(done: Done, exchange: Exchange) -> int:
    return done.order.target.requests[exchange.request].turn


OPEN, CLOSED = "{rate: 200/s, arrivals: poisson}", "{connections: 5}"


@pytest.mark.parametrize("load", [OPEN, CLOSED])
@pytest.mark.parametrize("think", ["0s", "7ms"])
async def test_a_turn_is_due_when_the_answer_before_it_was_done_and_the_pause_is_over(
    tmp_path: Path, load: str, think: str
) -> None:
    done = await carried_out(an_order(tmp_path, load, think))
    pause = 0 if think == "0s" else 7 * MILLISECOND
    ends = {exchange.done + pause for exchange in done.sent}
    later = [exchange for exchange in done.sent if turn_of(done, exchange) > 1]
    assert later
    assert {exchange.due for exchange in later} <= ends
    opening = [exchange.due - done.zero for exchange in done.sent if turn_of(done, exchange) == 1]
    if load == OPEN:  # conversations arrive by the schedule, whatever becomes of the others
        (chunk,) = [next(iter(done.order.schedule.due_times()))]
        assert sorted(opening) == chunk[chunk < WARMUP + MEASURED].tolist()
    measured = [exchange for exchange in done.sent if exchange.due >= done.zero + WARMUP]
    assert done.recording.scheduled == done.recording.ok == len(measured)
    assert done.recording.counters["later_turns"] == sum(turn_of(done, each) > 1 for each in measured)
    if load == OPEN:
        planned = due_before(done.order.schedule, WARMUP + MEASURED, since=WARMUP)
        assert planned - done.recorder.arrived == 0


async def test_what_is_in_flight_at_the_end_is_waited_for(tmp_path: Path) -> None:
    """Each answer takes nearly as long as the measured part: most of them come after its end."""
    done = await carried_out(an_order(tmp_path, OPEN, "0s"), takes=0.3)
    measured = [exchange for exchange in done.sent if exchange.due >= done.zero + WARMUP]
    end = done.zero + WARMUP + MEASURED
    assert sum(exchange.done > end for exchange in measured) > 0
    assert done.recording.scheduled == done.recording.ok == len(measured)


async def test_all_turns_come_in_their_order_and_as_often_as_they_should(tmp_path: Path) -> None:
    done = await carried_out(an_order(tmp_path, OPEN, "0s"))
    seen = Counter(turn_of(done, exchange) for exchange in done.sent)
    asked, followed = Counter[int](), Counter[int]()
    for exchange in done.sent:
        asked[exchange.request] += 1
        followed[exchange.request] += exchange.done < done.zero + WARMUP + MEASURED
    # requests stand as 1 | 1 2 | 1 2 3: what was answered before the end is followed by the next turn, once
    late = done.unsent_turns  # none, where the loop has its core
    for turn in (1, 3, 4):
        assert followed[turn] - late <= asked[turn + 1] <= followed[turn]
    assert seen[1] > seen[2] > seen[3] > 0


@pytest.mark.parametrize("load", [OPEN, CLOSED])
async def test_a_failed_turn_ends_its_conversation(tmp_path: Path, load: str) -> None:
    done = await carried_out(an_order(tmp_path, load, "0s"), fails=2)
    assert not any(turn_of(done, exchange) == 3 for exchange in done.sent)
    lost = sum(
        done.order.target.requests[each.request].more
        for each in done.sent
        if each.failure and each.due >= done.zero + WARMUP
    )
    assert done.recording.counters["unbegun_turns"] == lost > 0
    assert done.recording.scheduled == done.recording.ok + done.recording.failed


@pytest.mark.parametrize(
    ("think", "busy_after", "stopped_after"),
    [(0, NEVER, 300), (50, NEVER, 300), (140, 350, NEVER)],
)
async def test_a_turn_that_was_due_and_never_sent_is_unsent(
    tmp_path: Path, think: int, busy_after: int, stopped_after: int
) -> None:
    """Whether the loop was too slow until the grace was over, or the user would not wait."""
    order = an_order(tmp_path, "{rate: 400/s, arrivals: poisson}", f"{think}ms" if think else "0s")
    done = await carried_out(
        order,
        busy_after=busy_after * MILLISECOND,
        stopped_after=stopped_after * MILLISECOND,
        takes=0.05 if stopped_after < NEVER else 0.002,  # then some are in flight whose next turns are due
    )
    pause = think * MILLISECOND
    begin, end = done.zero + WARMUP, done.zero + WARMUP + MEASURED
    due = sum(
        begin <= each.done + pause < end and done.order.target.requests[each.request].more > 0
        for each in done.sent
    )
    sent = sum(turn_of(done, each) > 1 and each.due >= begin for each in done.sent)
    assert done.unsent_turns > 0
    assert due == sent + done.unsent_turns


async def test_in_a_closed_loop_what_is_not_begun_is_not_scheduled(tmp_path: Path) -> None:
    done = await carried_out(an_order(tmp_path, CLOSED, "50ms"), stopped_after=300 * MILLISECOND)
    assert done.unsent_turns == 0


def test_a_lost_workers_account_has_its_later_turns_in_it(tmp_path: Path) -> None:
    """They were not planned, so they are neither lost nor unsent; what was due and never reported is."""
    order = replace(an_order(tmp_path, "{rate: 100/s}", "0s"), warmup=0, measured=1000 * MILLISECOND)
    share, part = Share(order), Recording()
    part.scheduled = part.ok = 50
    part.counters["later_turns"] = 20  # so 30 of the schedule's
    share.add(part)
    rest = share.lose(400 * MILLISECOND)
    assert (rest.unanswered, rest.unsent) == (10, 60)
    assert np.sum([part.scheduled, rest.scheduled]) == 100 + 20
