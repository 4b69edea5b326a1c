"""The send loop and conversations: exactly when turns are due, and an account that closes."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
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
from benchmark.units import MILLISECOND

LONGEST = 3  # turns
WARMUP, MEASURED = 100 * MILLISECOND, 400 * MILLISECOND


class Instant:
    """A transport whose answers are there after 2 ms, without any network; turns number `fails` fail."""

    def __init__(self, fails: int = 0) -> None:
        self.addresses: list[str] = []
        self.finished: Callable[[Exchange], None] = lambda exchange: None
        self.handshake: Callable[[int, int, int], None] = lambda *paid: None
        self.meter = Meter()
        self.sent: list[Exchange] = []
        self.order: RoundOrder | None = None
        self._fails = fails

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
        exchange.sent = exchange.taken
        asyncio.get_running_loop().call_later(0.002, self._answer, exchange)

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


async def carried_out(order: RoundOrder, fails: int = 0) -> Done:
    transport = Instant(fails)
    transport.order = order
    recorder = Recorder([len(request.wire) for request in order.target.requests])
    zero = now() + 5 * MILLISECOND
    await SendLoop(order, transport, recorder, zero).run()
    return Done(order, recorder.take(), recorder, transport.sent, zero)


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
    assert len(later) > 20
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


async def test_all_turns_come_in_their_order_and_as_often_as_they_should(tmp_path: Path) -> None:
    done = await carried_out(an_order(tmp_path, OPEN, "0s"))
    seen = Counter(turn_of(done, exchange) for exchange in done.sent)
    of_each: dict[int, int] = defaultdict(int)
    for exchange in done.sent:
        of_each[exchange.request] += 1
    # requests stand as 1 | 1 2 | 1 2 3: what is left over was cut off by the end
    assert of_each[1] - of_each[2] in range(3)
    assert of_each[3] - of_each[4] in range(3)
    assert seen[1] > seen[2] > seen[3] > 10


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
