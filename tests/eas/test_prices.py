"""Default prices are the dated ones that were found, and no others; an address says which of them it asks for."""

from __future__ import annotations

import pytest

from benchmark.eas.prices import (
    Currency,
    Gateway,
    Route,
    egress_price,
    gateway_of,
    region_class,
    route_of,
)

EAS = "cn-hangzhou.pai-eas.aliyuncs.com"


@pytest.mark.parametrize(
    ("region", "currency", "price", "date"),
    [
        ("cn-hangzhou", "CNY", 0.80, "2020-11"),
        ("cn-shanghai", "CNY", 0.80, "2020-11"),
        ("ap-southeast-1", "CNY", 0.75, "2020-11"),
        ("cn-hangzhou", "USD", 0.125, "2021-06"),
        ("cn-shanghai", "USD", 0.125, "2021-06"),
        ("ap-southeast-1", "USD", 0.117, "2021-06"),
    ],
)
def test_the_prices_that_were_found(region: str, currency: Currency, price: float, date: str) -> None:
    found = egress_price(region, currency)
    assert found
    assert (found.price, found.currency, found.unit, found.date) == (price, currency, "GB", date)
    assert found.source


@pytest.mark.parametrize("region", ["cn-beijing", "us-west-1", "", None])
def test_a_price_that_was_not_found_is_not_invented(region: str | None) -> None:
    assert egress_price(region, "CNY") is None


@pytest.mark.parametrize(
    ("region", "kind"),
    [
        ("cn-hangzhou", "mainland"),
        ("cn-wulanchabu-acdr-1", "mainland"),
        ("cn-hongkong", "elsewhere"),
        ("ap-southeast-1", "elsewhere"),
        (None, None),
    ],
)
def test_classes_of_regions(region: str | None, kind: str | None) -> None:
    assert region_class(region) == kind


@pytest.mark.parametrize(
    ("host", "addresses", "route", "gateway"),
    [
        (f"1234.{EAS}", (), "internet", "shared"),
        (f"1234.vpc.{EAS}", (), "intranet", "shared"),
        (f"gw-ab12.{EAS}", (), "internet", "dedicated"),
        (f"gw-ab12-vpc.{EAS}", (), "privatelink", "dedicated"),
        (f"gw-ab12-1234-vpc.{EAS}", (), "privatelink", "dedicated"),
        (f"1234.vpc.{EAS}", ("8.8.8.8",), "intranet", "shared"),
        ("models.example", ("8.8.8.8",), "internet", None),
        ("models.example", ("10.0.0.1",), "intranet", None),
        ("models.example", (), "intranet", None),
    ],
)
def test_an_address_says_how_it_is_reached(
    host: str, addresses: tuple[str, ...], route: Route, gateway: Gateway | None
) -> None:
    assert (route_of(host, addresses), gateway_of(host)) == (route, gateway)
