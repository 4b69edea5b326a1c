"""What traffic costs on Alibaba Cloud: dated price lines, and which of them an address asks for.

These are defaults: the console's buy page prevails, and a scenario's `prices` override them. A price that was looked for
and not found is not here, and nothing stands in for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmark.eas.address import address_class, is_dedicated, is_eas, is_vpc

Currency = Literal["CNY", "USD"]
Unit = Literal["GB", "GiB"]
Route = Literal[
    "internet", "intranet", "privatelink"
]  # how an address is reached, and so what its traffic is billed as
Gateway = Literal["shared", "dedicated"]

# The tariffs say GB and not which. We take 10⁹ bytes: what it says everywhere else, and never the cheaper reading.
UNITS: dict[Unit, int] = {"GB": 1000**3, "GiB": 1024**3}

MAINLAND, ELSEWHERE = "mainland", "elsewhere"  # the classes of regions that free quotas know
_OUTSIDE = ("cn-hongkong",)  # regions named cn-… that are not in the class of the mainland


@dataclass(frozen=True)
class Price:
    """What a unit of traffic costs, where that was read, and when."""

    price: float
    currency: Currency
    unit: Unit
    date: str  # as of: YYYY-MM or YYYY-MM-DD
    source: str


_CHINA = "Alibaba Cloud's help pages on EIP, pay by traffic, China site"
_WORLD = "Alibaba Cloud's help pages on EIP, pay by traffic, international site"
_EIP_EGRESS: dict[Currency, dict[str, Price]] = {
    "CNY": {
        "cn-hangzhou": Price(0.80, "CNY", "GB", "2020-11", _CHINA),
        "cn-shanghai": Price(0.80, "CNY", "GB", "2020-11", _CHINA),
        "ap-southeast-1": Price(0.75, "CNY", "GB", "2020-11", _CHINA),
    },
    "USD": {
        "cn-hangzhou": Price(0.125, "USD", "GB", "2021-06", _WORLD),
        "cn-shanghai": Price(0.125, "USD", "GB", "2021-06", _WORLD),
        "ap-southeast-1": Price(0.117, "USD", "GB", "2021-06", _WORLD),
    },
}


def egress_price(region: str | None, currency: Currency) -> Price | None:
    """What leaves a region through an EIP that is billed by traffic; None: no price was found."""
    return _EIP_EGRESS[currency].get(region or "")


def region_class(region: str | None) -> str | None:
    """The class of a region, by its name; None where no region is known."""
    if not region:
        return None
    return MAINLAND if region.startswith("cn-") and not region.startswith(_OUTSIDE) else ELSEWHERE


def route_of(host: str, addresses: tuple[str, ...] = ()) -> Route:
    """How a host is reached: an EAS host's name says it, else the class of the IP addresses that it resolved to.

    A dedicated gateway's VPC address is taken for PrivateLink: its name does not tell whether it is a fully managed one,
    whose private access bills that.
    """
    if is_eas(host):
        if not is_vpc(host):
            return "internet"
        return "privatelink" if is_dedicated(host) else "intranet"
    return "internet" if any(address_class(each) == "public" for each in addresses) else "intranet"


def gateway_of(host: str) -> Gateway | None:
    """Which kind of EAS gateway a host names; None where it is none."""
    if not is_eas(host):
        return None
    return "dedicated" if is_dedicated(host) else "shared"
