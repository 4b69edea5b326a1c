"""Prices in a scenario: each with its date and source, and nothing that is not understood."""

from __future__ import annotations

import jsonschema
import pytest

from benchmark.scenario.document import read_document
from benchmark.scenario.schema import json_schema
from tests.scenario.test_load import TARGETS, complaints, load

LINE = "{price: 0.8, date: 2026-05, source: the buy page}"


def test_what_is_given() -> None:
    prices = load(
        f"{TARGETS}prices: {{internet: {LINE}, privatelink: {{price: 1, unit: GiB, date: 2026-05-31, source: us}}, "
        "quota: {mainland: 20GB}, caller_egress: nat, routes: {a: internet}, region: cn-hangzhou, currency: USD}\n"
        "monthly_requests: 1000000\n"
    ).scenario.prices
    assert prices
    assert prices.internet
    assert (prices.internet.price, prices.internet.unit, prices.internet.date) == (0.8, "GB", "2026-05")
    assert prices.privatelink
    assert (prices.privatelink.price, prices.privatelink.unit, prices.privatelink.date) == (
        1, "GiB", "2026-05-31",
    )  # fmt: skip
    assert (prices.quota.mainland, prices.quota.elsewhere) == (20 * 1000**3, 0)
    assert (prices.caller_egress, prices.currency, prices.routes) == ("nat", "USD", {"a": "internet"})


def test_without_them_nothing_is_assumed() -> None:
    scenario = load(TARGETS).scenario
    assert (scenario.prices, scenario.monthly_requests) == (None, None)
    prices = load(f"{TARGETS}prices: {{region: cn-hangzhou}}").scenario.prices
    assert prices
    assert (prices.caller_egress, prices.quota.mainland, prices.quota.elsewhere) == ("none", 0, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prices: {internet: {price: 0.8}}", "date"),
        ("prices: {internet: {price: -1, date: 2026-05, source: x}}", "zero or more"),
        ("prices: {internet: {price: 0.8, date: may, source: x}}", "when the price was read"),
        ("prices: {internet: {price: 0.8, date: 2026-05, source: ''}}", "source"),
        ("prices: {quota: {mainland: 20}}", "a volume with its unit"),
        ("prices: {quota: {mars: 20GB}}", "mars"),
        ("prices: {caller_egress: eips}", "caller_egress"),
        ("prices: {routes: {b: internet}}", "no target of this name"),
        ("prices: {currency: EUR}", "currency"),
        ("monthly_requests: 0", "monthly_requests"),
    ],
)
def test_what_cannot_be_meant(text: str, said: str) -> None:
    assert any(said in line for line in complaints(TARGETS + text)), complaints(TARGETS + text)


def test_the_schema_knows_them() -> None:
    text = f"{TARGETS}prices: {{internet: {LINE}, quota: {{mainland: 20GB}}}}\nmonthly_requests: 9"
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.validate(read_document(text).data)
    assert not validator.is_valid(read_document(text.replace("20GB", "20")).data)
    assert not validator.is_valid(read_document(text.replace("2026-05", "may")).data)
