"""Bytes × prices: known bytes give known costs, an unknown price gives none, and quotas are used up once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from benchmark.analysis.comparison import compare
from benchmark.analysis.cost import cost_of, estimated
from benchmark.measure.recording import Recording
from benchmark.result.cost import Cost
from tests.analysis.runs import a_recording, a_run

PRICE = {"price": 0.8, "currency": "CNY", "unit": "GB", "date": "2020-11", "source": "a page"}
GB = 1000**3


def counted(received: int, sent: int, *, requests: int = 100, **counters: int) -> Recording:
    """A round of which the kernel counted these bytes."""
    new = a_recording([5.0] * requests)
    new.counters.update(
        ip_bytes_received=received, ip_bytes_sent=sent, segments_sent=2 * requests, **counters
    )
    return new


def target(route: str = "internet", **kept: Any) -> dict[str, Any]:
    return {
        "route": route, "gateway": "shared", "region": "cn-hangzhou", "tls": False, "quota": 0,
        "egress": PRICE, "caller": PRICE, "privatelink": None, **kept,
    }  # fmt: skip


def cost(
    public: list[Recording], vpc: list[Recording], *, caller_egress: str = "none", monthly: int | None = None,
    first: dict[str, Any] | None = None, second: dict[str, Any] | None = None,
) -> Cost:  # fmt: skip
    terms = {
        "currency": "CNY", "caller_egress": caller_egress, "monthly_requests": monthly,
        "targets": {"public": first or target(), "vpc": second or target("intranet")},
    }  # fmt: skip
    run = a_run({"public": public, "vpc": vpc}, cost=terms)
    found = cost_of(run, [compare(run, "public", "vpc")])
    assert found
    return found


def test_responses_that_leave_the_region_cost_and_all_else_is_free() -> None:
    found = cost([counted(500_000, 60_000)] * 2, [counted(400_000, 50_000)] * 2)
    responses, requests = found.targets["public"].lines
    assert (responses.each, requests.each) == (5000.0, 600.0)
    assert responses.volume == pytest.approx(5.0)  # GB for a million
    assert responses.billed_as == "egress"
    assert responses.cost == pytest.approx(4.0)
    assert (requests.billed_as, requests.cost) == ("ingress", 0.0)
    assert found.targets["vpc"].per_million == 0.0
    assert [line.billed_as for line in found.targets["vpc"].lines] == ["intranet", "intranet"]
    (saving,) = found.savings
    assert saving.per_million == pytest.approx(4.0)
    assert saving.per_month is None


@pytest.mark.parametrize("egress", ["eip", "nat"])
def test_requests_cost_where_the_callers_egress_is_billed(egress: str) -> None:
    found = cost([counted(500_000, 60_000)], [counted(400_000, 50_000)], caller_egress=egress)
    assert found.targets["public"].lines[1].cost == pytest.approx(0.48)
    assert found.targets["public"].per_million == pytest.approx(4.48)
    assert found.targets["vpc"].per_million == 0.0, "inside the region no EIP is passed"


def test_a_price_that_is_not_known_gives_no_figure() -> None:
    found = cost([counted(500_000, 60_000)], [counted(400_000, 50_000)], first=target(egress=None))
    assert found.targets["public"].per_million is None
    assert found.savings == []


def test_privatelink_costs_nothing_that_nobody_priced() -> None:
    sides = [counted(500_000, 60_000)], [counted(400_000, 50_000)]
    asked = cost(*sides, second=target("privatelink"))
    assert [line.cost for line in asked.targets["vpc"].lines] == [None, None]
    assert asked.savings == []
    told = cost(*sides, second=target("privatelink", privatelink={**PRICE, "price": 0.1}))
    assert told.targets["vpc"].per_million == pytest.approx((4000 + 500) * 1e6 / GB * 0.1)
    assert told.savings[0].per_million == pytest.approx(4.0 - 0.45)


def test_a_month_uses_its_quota_once_and_responses_first() -> None:
    found = cost(
        [counted(500_000, 60_000)], [counted(400_000, 50_000)], caller_egress="eip", monthly=10_000_000,
        first=target(quota=52 * GB),
    )  # fmt: skip
    responses, requests = (line.month for line in found.targets["public"].lines)
    assert responses
    assert requests
    assert (responses.volume, responses.free, responses.cost) == (50.0, 50.0, 0.0)
    assert (requests.volume, requests.free) == (6.0, 2.0)
    assert requests.cost == pytest.approx(3.2)
    assert found.targets["public"].per_month == pytest.approx(3.2)
    assert found.targets["vpc"].per_month == 0.0
    assert found.savings[0].per_month == pytest.approx(3.2)
    assert found.savings[0].per_million == pytest.approx(4.48), "quotas are a month's, not a request's"


def test_a_gib_is_larger_than_a_gb() -> None:
    sides = [counted(500_000, 60_000)], [counted(400_000, 50_000)]
    found = cost(*sides, first=target(egress={**PRICE, "unit": "GiB"}))
    assert found.targets["public"].per_million == pytest.approx(4.0 * 1000**3 / 1024**3)
    assert [line.unit for line in found.targets["public"].lines] == ["GiB", "GiB"]


def test_answers_to_the_warm_up_count_as_far_as_they_came() -> None:
    found = cost([counted(512_500, 60_000, carried_thousandths=2500)], [counted(400_000, 50_000)])
    assert found.targets["public"].received.exchanges == 102.5
    assert found.targets["public"].received.each == 5000.0
    assert found.targets["public"].sent.exchanges == 100


def test_tokens_cost_what_their_answers_do() -> None:
    found = cost([counted(500_000, 60_000, output_tokens=1600)], [counted(400_000, 50_000)])
    public = found.targets["public"]
    assert public.tokens_each == 16.0
    assert public.per_million_tokens == pytest.approx(4.0 / 16)
    assert found.targets["vpc"].per_million_tokens is None


def test_only_rounds_that_the_kernel_counted_are_reckoned_with() -> None:
    """A round that broke off has its requests, but not the kernel's count of them."""
    found = cost([counted(500_000, 60_000), a_recording([5.0] * 50)], [counted(400_000, 50_000)])
    assert found.targets["public"].received.exchanges == 100
    assert not found.targets["public"].estimated


def test_rounds_that_came_late_are_reckoned_with_where_there_are_no_others() -> None:
    terms = {
        "currency": "CNY",
        "caller_egress": "none",
        "monthly_requests": None,
        "targets": {"public": target()},
    }
    run = a_run({"public": [counted(500_000, 60_000), counted(900_000, 60_000)]}, cost=terms)
    run.rounds[1] = replace(run.rounds[1], flaw="late")
    found = cost_of(run, [])
    assert found
    assert found.targets["public"].received.each == 5000.0
    run.rounds[0] = replace(run.rounds[0], flaw="late")
    found = cost_of(run, [])
    assert found
    assert found.targets["public"].received.each == 7000.0


def test_where_the_kernel_does_not_tell_it_is_estimated_and_marked() -> None:
    new = a_recording([5.0] * 100)
    new.received_bytes, new.sent_bytes = 100 * 3000, 100 * 500
    found = cost([new], [counted(400_000, 50_000)])
    public = found.targets["public"]
    assert public.estimated
    assert not found.targets["vpc"].estimated
    assert public.received.each == 3000 + 3 * 52 + 52  # its segments, and an acknowledgement of the request
    assert public.sent.each == 500 + 52 + 2 * 52


def test_an_estimate_knows_tls_and_streams() -> None:
    new = a_recording([5.0] * 10)
    new.received_bytes, new.sent_bytes = 10 * 2000, 10 * 500
    plain, _ = estimated(new, tls=False)
    secret, _ = estimated(new, tls=True)
    assert secret.each == plain.each + 22
    new.counters["token_chunks"] = 10 * 40
    streamed, acknowledging = estimated(new, tls=False)
    assert streamed.each == 2000 + 41 * 52
    assert acknowledging.each == 500 + 52 + 20 * 52


def test_nothing_sent_costs_nothing_and_old_results_have_no_cost() -> None:
    unsent = a_recording([], unsent=10)
    run = a_run({"public": [unsent], "vpc": [unsent]}, cost={
        "currency": "CNY", "caller_egress": "none", "monthly_requests": None,
        "targets": {"public": target(), "vpc": target("intranet")},
    })  # fmt: skip
    assert cost_of(run, []) is None
    assert cost_of(a_run({"public": [unsent]}), []) is None
