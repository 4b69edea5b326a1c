"""The shapes of rounds, and what they come to: settled before the first one."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import make_plan
from benchmark.scenario.load import load_text
from benchmark.schedule.base import due_before
from benchmark.units import MILLISECOND, NANOSECONDS


def a_pacing(rest: str, milliseconds: float = 1, processes: int = 1) -> Pacing:
    plan = make_plan(load_text(f"targets: {{a: {{url: 'http://a.example'}}}}\n{rest}", "test", Path()))
    took = round(milliseconds * MILLISECOND)
    return Pacing(plan, took, took, processes)


def test_by_default_a_fifth_of_what_is_sent_warms_up_at_most() -> None:
    for milliseconds in (1, 30, 600, 3000):
        for load in (
            "{rate: 50/s}",
            "{rate: 3/s}",
            "{rate: 1000/s, arrivals: poisson}",
            "{rate: 20/s, requests: 100}",
        ):
            amount = a_pacing(f"load: {load}", milliseconds).amount(range(10))
            assert (
                amount.warmup <= 0.205 * (amount.warmup + amount.measured) + 10
            )  # rounds round up, and chance


def test_each_connection_has_an_exchange_to_warm_up() -> None:
    for milliseconds in (1, 30, 100, 600):
        for rate in (10, 200, 2000):
            shape = a_pacing(f"load: {{rate: {rate}/s}}", milliseconds).shape(0)
            assert 1 <= shape.connections <= max(1, rate * shape.warmup / NANOSECONDS)


def test_twice_the_slowest_answer_warms_up_where_that_is_short() -> None:
    assert a_pacing("load: {rate: 1000/s, duration: 40s}", 300).shape(0).warmup == 600 * MILLISECOND
    assert a_pacing("load: {rate: 1000/s, duration: 20s}", 300).shape(0).warmup == 500 * MILLISECOND


def test_a_warm_up_that_is_asked_for_is_kept() -> None:
    assert a_pacing("load: {rate: 100/s, warmup: 3s}").shape(0).warmup == 3 * NANOSECONDS
    assert a_pacing("load: {connections: 4, warmup: 3s}").shape(0).warmup == 3 * NANOSECONDS


def test_rounds_are_stretched_to_five_answers_and_that_is_known() -> None:
    """The case that was announced as 150 requests in 15 s, and sent 304 in 35 s."""
    pacing = a_pacing("load: {rate: 10/s, duration: 10s, warmup: 1s}\nrounds: 5", 1000)
    assert pacing.stretched
    shape = pacing.shape(0)
    assert (shape.measured, shape.warmup) == (5 * NANOSECONDS, 2 * NANOSECONDS)
    amount = pacing.amount(range(5))
    assert (amount.measured, amount.warmup, amount.exact) == (250, 100, True)


@pytest.mark.parametrize("arrivals", ["constant", "poisson", "gamma, burstiness: 0.3"])
@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("requests", [10, 1000, 1003])
def test_a_number_of_requests_is_met_exactly(arrivals: str, processes: int, requests: int) -> None:
    pacing = a_pacing(f"load: {{rate: 100/s, requests: {requests}, arrivals: {arrivals}}}", 5, processes)
    amount = pacing.amount(range(10))
    assert (amount.measured, amount.exact) == (requests, True)
    for number in (0, 7):
        shape = pacing.shape(number)
        plan = pacing.plan
        order = plan.order(plan.targets[0], number, shape.warmup, shape.measured, shape.connections)
        shares = [order.share(at, processes).schedule for at in range(processes)]
        end = shape.warmup + shape.measured
        sent = sum(due_before(each, end, since=shape.warmup) for each in shares)
        assert sent == requests // 10 + (number < requests % 10)


def test_fewer_requests_than_rounds_are_a_round_each() -> None:
    assert a_pacing("load: {rate: 100/s, requests: 3}").plan.rounds == 3


def test_a_closed_loop_ends_by_its_requests() -> None:
    pacing = a_pacing("load: {connections: 4, requests: 50}", 100)
    assert [pacing.shape(number).most for number in range(10)] == [5] * 10
    assert pacing.amount(range(10)).measured == 50
    plan = pacing.plan
    order = plan.order(plan.targets[0], 0, 0, 1, 4, 5)
    assert [order.share(at, 3).most for at in range(3)] == [2, 2, 1]
