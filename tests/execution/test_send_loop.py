"""What the send loop does after it was away: stopped, asleep, or without a core."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmark.execution.plan import RoundOrder, make_plan
from benchmark.execution.send_loop import MOST_OVERDUE
from benchmark.measure.exchange import Exchange
from benchmark.scenario.load import load_text
from benchmark.schedule.base import due_before
from benchmark.units import NANOSECONDS
from tests.execution.test_talks import Instant, carried_out

RATE, MEASURED = 500, 2 * NANOSECONDS


class Absent(Instant):
    """Answers at once, but keeps the loop from its core at the tenth request."""

    def send(self, exchange: Exchange) -> None:
        if len(self.sent) == 10:
            time.sleep(1.6)
        super().send(exchange)


def an_order(load: str) -> RoundOrder:
    plan = make_plan(load_text(f"targets: {{a: {{url: 'http://a.example'}}}}\nload: {load}", "test", Path()))
    return plan.order(plan.targets[0], 0, 0, MEASURED, 4)


async def test_what_is_long_overdue_is_not_sent_in_a_burst() -> None:
    order = an_order(f"{{rate: {RATE}/s}}")
    done = await carried_out(order, transport=Absent())
    late = [exchange.taken - exchange.due for exchange in done.sent]
    assert done.overdue > 0.5 * RATE  # of 1.6 s, all but the last
    assert done.away > 1.5 * NANOSECONDS
    assert sum(each > MOST_OVERDUE for each in late) <= 2  # between the look at the clock and the stamp
    assert len(done.sent) + done.overdue <= due_before(order.schedule, MEASURED)


@pytest.mark.parametrize("load", ["{connections: 3, think: 10ms}"])
async def test_a_closed_loop_goes_on_with_the_callers_that_it_has(load: str) -> None:
    done = await carried_out(an_order(load), transport=Absent())
    assert done.overdue == 0
    assert len(done.sent) > 11
