"""What a run's traffic is reckoned by: resolved beforehand, from addresses, defaults and the scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmark.execution.cost_terms import cost_terms
from benchmark.execution.plan import make_plan
from benchmark.execution.send_loop import share_since
from benchmark.measure.exchange import Exchange
from benchmark.scenario.load import load_text

PUBLIC, VPC = "http://1.cn-hangzhou.pai-eas.aliyuncs.com", "http://1.vpc.cn-hangzhou.pai-eas.aliyuncs.com"


def terms(
    public: str = PUBLIC, vpc: str = VPC, rest: str = "", places: dict[str, list[str]] | None = None
) -> dict[str, Any] | None:
    text = f"targets: {{public: {{url: '{public}'}}, vpc: {{url: '{vpc}'}}}}\n{rest}"
    loaded = load_text(text, "s", Path())
    return cost_terms(loaded.scenario, make_plan(loaded), places or {})


def test_addresses_of_eas_bring_their_defaults() -> None:
    found = terms()
    assert found
    assert (found["currency"], found["caller_egress"], found["monthly_requests"]) == ("CNY", "none", None)
    public, vpc = found["targets"].values()
    assert (public["route"], public["gateway"], public["region"]) == ("internet", "shared", "cn-hangzhou")
    assert (public["egress"]["price"], public["egress"]["date"], public["quota"]) == (0.8, "2020-11", 0)
    assert public["caller"] == public["egress"]
    assert vpc["route"] == "intranet"
    assert public["privatelink"] is None


def test_other_services_are_reckoned_only_when_asked() -> None:
    assert terms("http://a", "http://b") is None
    found = terms(
        "http://a", "http://b", "monthly_requests: 5", {"public": ["8.8.8.8:80"], "vpc": ["10.0.0.1:80"]}
    )
    assert found
    assert found["monthly_requests"] == 5
    assert [each["route"] for each in found["targets"].values()] == ["internet", "intranet"]
    assert found["targets"]["public"]["egress"] is None, "whose region nobody told"


def test_the_scenario_overrides() -> None:
    line = "{price: 0.5, date: 2026-05, source: us}"
    found = terms(
        rest=f"prices: {{internet: {line}, privatelink: {line}, currency: USD, routes: {{vpc: privatelink}}, "
        "quota: {mainland: 20GB, elsewhere: 200GB}}"
    )
    assert found
    public, vpc = found["targets"].values()
    assert (public["egress"]["price"], public["egress"]["currency"], public["quota"]) == (
        0.5, "USD", 20 * 1000**3,
    )  # fmt: skip
    assert (vpc["route"], vpc["privatelink"]["price"]) == ("privatelink", 0.5)


def test_a_dedicated_gateways_vpc_address_asks_for_privatelink() -> None:
    found = terms(vpc="http://gw-a1-vpc.cn-hangzhou.pai-eas.aliyuncs.com")
    assert found
    assert (found["targets"]["vpc"]["route"], found["targets"]["vpc"]["privatelink"]) == ("privatelink", None)


@pytest.mark.parametrize(
    ("first_byte", "done", "share"),
    [(0, 0, 0.0), (0, 150, 0.0), (50, 90, 0.0), (50, 100, 0.0), (120, 150, 1.0), (100, 100, 0.0), (60, 140, 0.5)],
)  # fmt: skip
def test_an_answer_counts_as_far_as_it_came_afterwards(first_byte: int, done: int, share: float) -> None:
    exchange = Exchange(0, 0, 0)
    exchange.first_byte, exchange.done = first_byte, done
    assert share_since(exchange, 100) == share
