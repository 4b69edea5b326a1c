"""The load where a scenario sets none: gentle, and as long as the answers allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.execution.dose import LEAST_BLOCKS, MOST_RATE, REQUESTS, UNDER_WAY, dosed, gentle_rate, shows
from benchmark.execution.pacing import Amount, Pacing
from benchmark.execution.plan import Plan, make_plan
from benchmark.scenario.load import load_text
from benchmark.units import MILLISECOND, NANOSECONDS

TWO = "targets: {a: {url: 'http://a.example'}, b: {url: 'http://b.example'}}\n"
SLOW = 3 * NANOSECONDS


def a_dose(rest: str, typical: int) -> Plan:
    loaded = load_text(TWO + rest, "test", Path())
    return dosed(make_plan(loaded), loaded.scenario.objectives, typical)


def amount_of(plan: Plan, typical: int) -> Amount:
    return Pacing(plan, typical, typical).amount(range(plan.rounds))


@pytest.mark.parametrize("milliseconds", [0.01, 1, 3.9, 4.1, 7, 19, 60, 3000])
def test_an_open_loop_keeps_a_target_idle_most_of_the_time(milliseconds: float) -> None:
    typical = round(milliseconds * MILLISECOND)
    rate = gentle_rate(typical)
    assert 0 < rate <= MOST_RATE
    assert rate * typical <= UNDER_WAY * NANOSECONDS * (1 + 1e-9)
    assert rate == MOST_RATE or rate * typical > 0.89 * UNDER_WAY * NANOSECONDS


def test_a_quick_service_gets_two_hundred_requests_in_an_open_loop() -> None:
    plan = a_dose("", 2 * MILLISECOND)
    assert (plan.dosed, plan.blocks, plan.load.rate) == (True, False, MOST_RATE)
    amount = amount_of(plan, 2 * MILLISECOND)
    assert (amount.measured, amount.exact) == (REQUESTS, True)
    assert amount.warmup <= (amount.measured + amount.warmup) / 5


@pytest.mark.parametrize(
    ("seconds", "blocks"), [(0.03, 100), (0.3, 100), (0.5, 60), (1.0, 30), (3.0, 10), (5.0, 10), (20.0, 10)]
)
def test_a_slow_service_is_asked_one_at_a_time(seconds: float, blocks: int) -> None:
    """For about 60 s or 200 requests, whichever is less, but ten blocks at least: two minutes for a model of 3 s."""
    typical = round(seconds * NANOSECONDS)
    plan = a_dose("", typical)
    assert (plan.dosed, plan.blocks, plan.rounds) == (True, True, blocks)
    amount = amount_of(plan, typical)
    assert (amount.measured, amount.warmup, amount.exact) == (2 * blocks, 1, True)
    if blocks > LEAST_BLOCKS:
        assert amount.seconds < 2 * 60 * (1 + 0.1 + 0.05 / seconds)


def test_a_model_of_three_seconds_takes_about_two_minutes() -> None:
    assert 115 < amount_of(a_dose("", SLOW), SLOW).seconds < 135
    five = 5 * NANOSECONDS
    assert 200 < amount_of(a_dose("", five), five).seconds < 220


@pytest.mark.parametrize(
    ("rest", "blocks"),
    [
        ("load: {requests: 30}", 15),
        ("load: {requests: 31}", 16),
        ("load: {duration: 60s}", 10),
        ("load: {duration: 120s}", 20),
        ("load: {duration: 1s}", 2),
        ("rounds: 7", 7),
    ],
)
def test_how_much_may_be_said_without_how_fast(rest: str, blocks: int) -> None:
    plan = a_dose(rest, SLOW)
    assert (plan.blocks, plan.rounds) == (True, blocks)


def test_what_is_asked_for_by_name_is_done_as_asked() -> None:
    for load in ("{rate: 50/s}", "{connections: 8}", "{rate: 1000/s, requests: 5000}"):
        loaded = load_text(f"{TWO}load: {load}", "test", Path())
        asked = make_plan(loaded)
        assert dosed(asked, loaded.scenario.objectives, SLOW) is asked


@pytest.mark.parametrize(
    "rest",
    [
        "load: {arrivals: poisson}",
        'objectives: ["p99 < 5s in every 1s"]',
        'objectives: ["rate > 95% of offered"]',
        "objectives: [{check: p99 < 5s, abort: true}]",
    ],
)
def test_what_needs_a_rate_gets_a_gentle_one(rest: str) -> None:
    plan = a_dose(rest, SLOW)
    assert (plan.blocks, plan.load.rate) == (False, gentle_rate(SLOW))


def test_where_nobody_asked_the_targets_they_are_asked_one_at_a_time() -> None:
    plan = a_dose("", 0)
    assert (plan.blocks, plan.rounds) == (True, LEAST_BLOCKS)


def test_both_targets_get_the_same_request_and_it_differs_within_a_block(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in range(40)))
    text = f"{TWO}request: {{path: '{{{{row.id}}}}'}}\ndata: {{file: rows.jsonl, order: sequential}}"
    loaded = load_text(text, "test", tmp_path)
    plan = dosed(make_plan(loaded), (), SLOW)
    chosen = [
        [next(plan.exchange(target, number).mix.indexes()) for number in range(20)] for target in plan.targets
    ]
    assert chosen[0] == chosen[1] == list(range(20))


def test_what_a_dose_can_show() -> None:
    """METHOD 25: half-widths of 35, 24 and 15 % of the mean at 10, 20 and 50 blocks for answers that vary by half."""
    halves = [shows(blocks, SLOW) / 3 * 0.5 / 0.2 for blocks in (10, 20, 50)]
    assert halves == pytest.approx([0.36, 0.23, 0.14], abs=0.01)
    assert shows(10, SLOW) == pytest.approx(0.43, abs=0.01)
