"""`cost` in `result.json`: bytes on the wire, price lines, and what comes of them, each figure from those before it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WireBytes(_Part):
    """What one direction carried."""

    bytes: int = Field(description="of IP packets, with their headers and what this end sent again")
    exchanges: float = Field(
        description="that they belong to: requests, or answers, of which one may count in part"
    )
    each: float = Field(
        description="bytes / exchanges, to a tenth of a byte; all costs are reckoned from this"
    )


class PriceOf(_Part):
    """A price line: what was read, where, and when."""

    price: float
    currency: str
    unit: Literal["GB", "GiB"] = Field(description="GB: 10⁹ bytes; GiB: 2³⁰")
    date: str
    source: str


class MonthlyCost(_Part):
    """A line's traffic and cost in a month; volumes in the line's unit."""

    volume: float = Field(description="each × monthly_requests")
    free: float = Field(description="of the quota")
    cost: float = Field(description="(volume − free) × price")


class CostLine(_Part):
    """What one direction of a target's traffic costs."""

    what: Literal["responses", "requests"]
    billed_as: Literal["egress", "caller", "privatelink", "ingress", "intranet"] = Field(
        description="ingress and intranet are free"
    )
    each: float = Field(description="bytes")
    price: PriceOf | None = Field(description="null: it is free, or `cost` is null and no price is known")
    unit: Literal["GB", "GiB"] = Field(description="of volumes: the price's, else that of egress")
    volume: float | None = Field(description="of a million requests, in `unit`")
    cost: float | None = Field(description="of a million requests; null: no price is known")
    month: MonthlyCost | None = None


class TargetCost(_Part):
    """What a target's traffic costs."""

    route: Literal["internet", "intranet", "privatelink"]
    gateway: Literal["shared", "dedicated"] | None = Field(description="of PAI-EAS; null: it is none of it")
    region: str | None
    estimated: bool = Field(description="bytes are reckoned from HTTP's, and not the kernel's own count")
    received: WireBytes
    sent: WireBytes
    lines: list[CostLine]
    per_million: float | None = Field(description="requests; null: not all prices are known")
    tokens_each: float | None = Field(
        None, description="output tokens of an answer, to a hundredth; of streams"
    )
    per_million_tokens: float | None = Field(
        None, description="per_million / tokens_each; output tokens of streams"
    )
    per_month: float | None = Field(None, description="at monthly_requests")


class Saving(_Part):
    """What a candidate's traffic costs less than the baseline's; negative: it costs more."""

    baseline: str
    candidate: str
    per_million: float
    per_million_tokens: float | None = None
    per_month: float | None = None


class Cost(_Part):
    """What traffic costs, in one currency."""

    currency: Literal["CNY", "USD"]
    caller_egress: Literal["none", "eip", "nat"]
    monthly_requests: int | None
    targets: dict[str, TargetCost]
    savings: list[Saving]
