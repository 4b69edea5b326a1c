"""What traffic costs, as far as a scenario says it: price lines with their date and source, quotas, and who pays."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from benchmark.scenario.fields import expected
from benchmark.scenario.part import Part
from benchmark.units import parse_size

A_VOLUME = "a volume with its unit, like 20GB"
_DATE = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?")


def _volume(value: Any) -> int:
    if not isinstance(value, str):
        raise expected(A_VOLUME)
    try:
        return parse_size(value)
    except ValueError:
        raise expected(A_VOLUME) from None


def _dated(text: Any) -> str:
    """A month or a day; YAML's own dates come as such."""
    if not _DATE.fullmatch(str(text)):
        raise expected("when the price was read, like 2026-05 or '2026-05-31'")
    return str(text)


def _price(number: float) -> float:
    if not 0 <= number < math.inf:
        raise expected("a price, zero or more")
    return number


Volume = Annotated[
    int,
    BeforeValidator(_volume),
    WithJsonSchema(
        {"type": "string", "pattern": r"^[0-9.]+\s*(MB|GB|MiB|GiB)$|\$\{", "examples": ["20GB", "200GB"]}
    ),
]
Dated = Annotated[
    str, BeforeValidator(_dated), WithJsonSchema({"type": "string", "pattern": f"^{_DATE.pattern}$"})
]
Amount = Annotated[float, AfterValidator(_price), WithJsonSchema({"type": "number", "minimum": 0})]


class PriceLine(Part):
    """A price, and where and when it was read: `{price: 0.8, date: 2026-05, source: the console's buy page}`."""

    price: Amount = Field(description="Per unit, in the currency of `prices`.")
    unit: Literal["GB", "GiB"] = Field("GB", description="GB: 10⁹ bytes. GiB: 2³⁰.")
    date: Dated = Field(description="When it was read.")
    source: str = Field(min_length=1, description="Where it was read.")


class Quota(Part):
    """Free traffic a month, by class of region."""

    mainland: Volume = Field(0, description="Of regions of mainland China.")
    elsewhere: Volume = Field(0, description="Of all other regions.")


class Prices(Part):
    """What traffic costs, where the defaults do not say it or are out of date."""

    currency: Literal["CNY", "USD"] = Field("CNY", description="Of all prices.")
    region: str | None = Field(
        None, min_length=1, description="Whose prices hold, where a url names no region, like cn-hangzhou."
    )
    routes: dict[str, Literal["internet", "intranet", "privatelink"]] = Field(
        {}, description="How a target is reached, by its name, where its url does not tell."
    )
    caller_egress: Literal["none", "eip", "nat"] = Field(
        "none",
        description="Whether what the caller sends to the internet is billed by traffic, through an EIP or a NAT "
        "gateway: only then do requests cost.",
    )
    internet: PriceLine | None = Field(None, description="Of responses that leave over the internet.")
    caller: PriceLine | None = Field(
        None, description="Of requests, where the caller's egress is billed. Default: as responses."
    )
    privatelink: PriceLine | None = Field(
        None, description="Of both directions, to a fully managed dedicated gateway's VPC address."
    )
    quota: Quota = Field(
        default_factory=Quota, description="Free traffic a month; used up by responses first."
    )
