"""Plans: balanced order, equal due times, picklable orders."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import InputError
from benchmark.execution import prepared
from benchmark.execution.plan import Plan, ProbeOrder, make_plan
from benchmark.scenario.load import load_text
from benchmark.schedule.base import due_before
from benchmark.schedule.closed_loop import ClosedStages
from benchmark.transport.talk import Talk

SCENARIO = """
targets:
  public: {url: "http://a.example/api/predict/test?x=1", token: "${EAS_TOKEN}", query: {y: "2"}}
  vpc: {url: "http://b.example/api/predict/test/", token: "${EAS_TOKEN}", bearer: true, headers: {X-A: b}}
requests:
  - {weight: 3, path: v1/chat/completions, json: {model: m}}
  - {weight: 1, path: /v1/models, method: GET}
load: {rate: 100/s, arrivals: poisson, duration: 10s}
rounds: 10
"""


@pytest.fixture
def plan() -> Plan:
    return make_plan(load_text(SCENARIO, "test", Path(), environ={"EAS_TOKEN": "secret-token"}))


def test_order_is_balanced_seeded_and_shuffled(plan: Plan) -> None:
    first = [plan.sequence(number)[0].name for number in range(200)]
    assert Counter(first) == {"public": 100, "vpc": 100}
    pairs = list(zip(first[::2], first[1::2], strict=True))
    assert all(a != b for a, b in pairs)
    assert len(set(pairs)) == 2
    assert first == [plan.sequence(number)[0].name for number in range(200)]


def test_both_targets_of_a_round_get_the_same_due_times_and_choices(plan: Plan) -> None:
    public, vpc = (plan.order(target, 3, 0, 10**9, 4) for target in plan.targets)
    assert next(public.schedule.due_times()).tolist() == next(vpc.schedule.due_times()).tolist()
    chosen = [list(islice(order.mix.indexes(), 4000)) for order in (public, vpc)]
    assert chosen[0] == chosen[1]
    assert Counter(chosen[0])[0] == pytest.approx(3000, rel=0.05)


def test_what_is_asked_tells_nothing_of_when() -> None:
    """Drawn from one stream, the rare one of a mix followed longer gaps: 1.28 of the mean, over many seeds."""
    text = SCENARIO.replace("rounds: 10", "rounds: 1")
    gaps: list[float] = []
    for seed in range(200):
        plan = make_plan(load_text(f"{text}seed: {seed}", "test", Path(), environ={"EAS_TOKEN": "x"}))
        order = plan.order(plan.targets[0], 0, 0, 10**9, 4)
        due = next(order.schedule.due_times())[:200]
        asked = np.array(list(islice(order.mix.indexes(), 200)))
        gaps += (np.diff(due, prepend=0)[asked == 1] / 1e7).tolist()  # of the mean gap, at 100/s
    assert np.mean(gaps) == pytest.approx(1, abs=0.05)  # of some 10,000, each of deviation 1


def test_rounds_differ(plan: Plan) -> None:
    one, other = (next(plan.schedule(number).due_times()) for number in (0, 1))
    assert not np.array_equal(one, other)


def test_orders_can_be_sent_anywhere(plan: Plan) -> None:
    order = plan.order(plan.targets[0], 0, 1, 2, 3)
    assert pickle.loads(pickle.dumps(order)) == order


def test_requests_on_the_wire(plan: Plan) -> None:
    chat, models = plan.targets[0].requests
    head, _, body = chat.wire.partition(b"\r\n\r\n")
    assert head.startswith(
        b"POST /api/predict/test/v1/chat/completions?x=1&y=2 HTTP/1.1\r\nHost: a.example\r\n"
    )
    assert b"\r\nAuthorization: secret-token" in head
    assert b"\r\nContent-Type: application/json" in head
    assert b"\r\nContent-Length: " + str(len(body)).encode() in head
    assert body == b'{"model":"m"}'
    assert models.wire.startswith(b"GET /api/predict/test/v1/models?x=1&y=2 HTTP/1.1\r\n")
    assert b"Content-Length" not in models.wire
    theirs = plan.targets[1].requests[0].wire
    assert b"\r\nAuthorization: Bearer secret-token" in theirs
    assert b"\r\nX-A: b" in theirs


def test_stages_begin_after_the_warm_up_and_are_the_measured_part() -> None:
    text = """
targets: {a: {url: "http://a.example/"}}
load: {rate: 10/s, stages: [{hold: 2s}, {to: 110/s, over: 2s}, {to: 20/s}, {hold: 1s}]}
rounds: 3
"""
    plan = make_plan(load_text(text, "test", Path()))
    assert plan.measured == 5 * 10**9
    assert plan.rate == pytest.approx((20 + 120 + 20) / 5)
    assert plan.fastest(1) == 110
    order = plan.order(plan.targets[0], 0, 3 * 10**9, plan.measured, 4)
    assert due_before(order.schedule, 3 * 10**9) == 30
    assert due_before(order.schedule, 8 * 10**9, since=3 * 10**9) == pytest.approx(160, abs=1)


def test_stages_of_connections() -> None:
    text = """
targets: {a: {url: "http://a.example/"}}
load: {connections: 2, stages: [{connections: 10, over: 4s}, {hold: 1s}, {connections: 1}, {hold: 1s}], think: 5ms}
rounds: 3
"""
    plan = make_plan(load_text(text, "test", Path()))
    assert (plan.open_loop, plan.rate, plan.limit, plan.measured) == (False, None, 10, 6 * 10**9)
    order = plan.order(plan.targets[0], 0, 3 * 10**9, plan.measured, 2)
    assert (order.connections, order.limit) == (2, 10)
    assert isinstance(order.schedule, ClosedStages)
    seen = [order.schedule.present(round(second * 10**9)) for second in (0, 2.9, 5.1, 7.5, 8.5, 99)]
    assert seen == [2, 2, 6, 10, 1, 1]


def test_the_plan_says_no_secret(plan: Plan) -> None:
    assert "secret-token" not in repr(plan)


ROWS = """
targets: {a: {url: "http://a.example/"}, b: {url: "http://b.example/"}}
requests:
  - {path: "items/{{row.id}}", json: {id: "{{row.id}}", salt: "{{salt}}"}}
  - {path: health}
data: {file: rows.jsonl, order: sequential}
load: {rate: 50/s}
"""


def test_requests_are_prepared_for_every_row_and_alike_for_both_targets(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in range(3)))
    plan = make_plan(load_text(ROWS, "test", tmp_path))
    one, other = (plan.order(target, 2, 0, 1, 1) for target in plan.targets)
    chosen = list(islice(one.mix.indexes(), 60))
    assert chosen == list(islice(other.mix.indexes(), 60))
    assert [each for each in chosen if each < 3][:5] == [0, 1, 2, 0, 1]
    assert [request.target for request in one.target.requests] == [
        "/items/0",
        "/items/1",
        "/items/2",
        "/health",
    ]
    bodies = {Talk(side.target.requests, 1).request().body for side in (one, other) for _ in range(2)}
    assert len({body[:16] for body in bodies}) == 1
    assert bodies.pop().startswith(b'{"id":1,"salt":"')
    assert len(bodies) == 3  # and each is salted anew


def test_a_probe_takes_only_what_it_sends(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in range(999)))
    plan = make_plan(load_text(ROWS, "test", tmp_path))
    probe = ProbeOrder(plan.targets[0])
    assert [request.target for request in probe.target.requests] == ["/items/0"]
    assert len(pickle.dumps(probe)) < 3000
    assert len(plan.targets[0].requests) == 1000


def test_rows_that_memory_cannot_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(f'{{"id": {number}}}\n' for number in range(99)))
    monkeypatch.setattr(prepared, "LARGEST", 1024)
    with pytest.raises(InputError, match=r"more than 1.00 KiB of memory for each target; use fewer rows"):
        make_plan(load_text(ROWS, "test", tmp_path))


def test_a_missing_field_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": 1}\n{"ID": 2}\n')
    with pytest.raises(
        InputError, match=r"rows.jsonl:2: there is no field 'id', which request.json.id asks for"
    ):
        make_plan(load_text(ROWS, "test", tmp_path))


@pytest.mark.parametrize("rate", [0.7, 1.5, 33.3, 50.0, 1000 / 3])
@pytest.mark.parametrize("warmup", [0, 1_100_000_000, 2_345_678_901])
def test_short_rounds_add_up_to_the_rate(rate: float, warmup: int) -> None:
    """1.5/s in ten rounds of a second are 15 requests: one or two a round, not two in each."""
    plan = make_plan(
        load_text(
            f"targets: {{a: {{url: 'http://127.0.0.1:1/'}}}}\nload: {{rate: {rate}/s, duration: 10s}}\n",
            "test",
            Path(),
        )
    )
    counts = [
        due_before(plan.schedule(number, warmup), warmup + plan.measured, warmup)
        for number in range(plan.rounds)
    ]
    assert abs(sum(counts) - 10 * rate) < 1
    assert max(counts) - min(counts) <= 1
