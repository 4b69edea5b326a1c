"""What traffic costs: bytes on the wire × dated prices (METHOD 24), each figure reckoned from the ones that are shown.

Bytes are those of IP packets, as the kernel counted them in the measured parts; where it did not, they are estimated from
HTTP's own, and marked so. Directions are the caller's: responses come with the acknowledgements of requests, and requests
with those of responses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmark.eas.prices import UNITS, Unit
from benchmark.measure.recording import Recording, merged
from benchmark.result.cost import Cost, CostLine, MonthlyCost, PriceOf, Saving, TargetCost, WireBytes
from benchmark.result.model import Comparison
from benchmark.result.run import Run

MILLION = 1_000_000
SEGMENT, HEADERS = (
    1448,
    52,
)  # bytes of payload, and of IPv4 and TCP headers with timestamps, at an MTU of 1500
SEGMENTS_AN_ACK = 2
TLS_RECORD, TLS_EXTRA = 16 * 1024, 22  # the largest record of TLS 1.3, and what each adds


def cost_of(run: Run, comparisons: list[Comparison]) -> Cost | None:
    """What the traffic of all targets costs; None where nobody asked, or nothing was sent."""
    terms = run.settings.get("cost")
    if not terms:
        return None
    targets = {
        name: found
        for name, kept in terms["targets"].items()
        if (found := _target(run, name, kept, terms)) is not None
    }
    if not targets:
        return None
    return Cost(
        currency=terms["currency"],
        caller_egress=terms["caller_egress"],
        monthly_requests=terms["monthly_requests"],
        targets=targets,
        savings=[saving for each in comparisons if (saving := _saving(each, targets)) is not None],
    )


def _target(run: Run, name: str, kept: Mapping[str, Any], terms: Mapping[str, Any]) -> TargetCost | None:
    # where no round is sound, the run is invalid, and its bytes are the best there is
    rounds = run.used(name) or [each.asked for each in run.rounds if each.target == name]
    counted = [each for each in rounds if each.counters["segments_sent"]]
    whole = merged(counted or rounds)
    if whole.scheduled == whole.unsent:
        return None
    received, sent = _counted(whole) if counted else estimated(whole, tls=kept["tls"])
    lines = _lines(received.each, sent.each, kept, terms)
    per_million = _sum([line.cost for line in lines])
    tokens = round(whole.counters["output_tokens"] / (whole.scheduled - whole.unsent), 2)
    return TargetCost(
        route=kept["route"],
        gateway=kept["gateway"],
        region=kept["region"],
        estimated=not counted,
        received=received,
        sent=sent,
        lines=lines,
        per_million=per_million,
        tokens_each=tokens or None,
        per_million_tokens=per_million / tokens if per_million is not None and tokens else None,
        per_month=_sum([line.month.cost if line.month else None for line in lines])
        if terms["monthly_requests"]
        else None,
    )


def _counted(whole: Recording) -> tuple[WireBytes, WireBytes]:
    """As the kernel counted. What was received also answered requests of the warm-up, each as far as it came afterwards."""
    requests = whole.scheduled - whole.unsent
    answers = requests + whole.counters["carried_thousandths"] / 1000
    return (
        wire(whole.counters["ip_bytes_received"], answers),
        wire(whole.counters["ip_bytes_sent"], requests),
    )


def estimated(whole: Recording, *, tls: bool) -> tuple[WireBytes, WireBytes]:
    """From HTTP's bytes: full segments with their headers, and an acknowledgement for two; no handshakes, nothing lost.

    A streamed answer has a segment for each of its chunks at least.
    """
    requests = whole.scheduled - whole.unsent
    payloads = [size / requests for size in (whole.received_bytes, whole.sent_bytes)]
    if tls:
        payloads = [size + TLS_EXTRA * math.ceil(size / TLS_RECORD) for size in payloads]
    segments = [math.ceil(size / SEGMENT) for size in payloads]
    segments[0] = max(segments[0], math.ceil(whole.counters["token_chunks"] / requests))
    acknowledged = [math.ceil(count / SEGMENTS_AN_ACK) for count in reversed(segments)]
    received, sent = (
        round(requests * (size + HEADERS * (count + acks)))
        for size, count, acks in zip(payloads, segments, acknowledged, strict=True)
    )
    return wire(received, requests), wire(sent, requests)


def wire(size: int, exchanges: float) -> WireBytes:
    """A direction's bytes, and how many each exchange has."""
    return WireBytes(bytes=size, exchanges=exchanges, each=round(size / exchanges, 1))


def _lines(received: float, sent: float, kept: Mapping[str, Any], terms: Mapping[str, Any]) -> list[CostLine]:
    """Both directions of a target, by its route; the quota goes to responses first."""
    match kept["route"]:
        case "internet":
            billed = ("egress", "ingress" if terms["caller_egress"] == "none" else "caller")
        case "privatelink":
            billed = ("privatelink", "privatelink")
        case _:
            billed = ("intranet", "intranet")
    left, lines = float(kept["quota"]), []
    for what, each, as_ in zip(("responses", "requests"), (received, sent), billed, strict=True):
        price = PriceOf(**kept[as_]) if kept.get(as_) else None
        unit = price.unit if price else (kept["egress"] or {}).get("unit", "GB")
        quota = left if as_ != "privatelink" else 0.0
        line = _line(what, each, as_, price, unit, terms["monthly_requests"], quota)
        if line.month and price:
            left -= line.month.free * UNITS[price.unit]
        lines.append(line)
    return lines


def _line(
    what: Any, each: float, as_: Any, price: PriceOf | None, named: Unit, monthly: int | None, quota: float
) -> CostLine:
    free = as_ in {"ingress", "intranet"}
    unit = UNITS[named]
    volume = each * MILLION / unit
    month = None
    if price and monthly:
        total = each * monthly / unit
        unbilled = min(total, quota / unit)
        month = MonthlyCost(volume=total, free=unbilled, cost=(total - unbilled) * price.price)
    elif free and monthly:
        month = MonthlyCost(volume=each * monthly / unit, free=0.0, cost=0.0)
    return CostLine(
        what=what,
        billed_as=as_,
        each=each,
        price=price,
        unit=named,
        volume=volume,
        cost=0.0 if free else price and volume * price.price,
        month=month,
    )


def _sum(costs: list[float | None]) -> float | None:
    """All together; None where one is not known."""
    known = [cost for cost in costs if cost is not None]
    return math.fsum(known) if len(known) == len(costs) else None


def _saving(compared: Comparison, targets: Mapping[str, TargetCost]) -> Saving | None:
    """What the candidate saves, where both costs are known."""
    before, after = targets.get(compared.baseline), targets.get(compared.candidate)
    if before is None or after is None or before.per_million is None or after.per_million is None:
        return None

    def less(first: float | None, second: float | None) -> float | None:
        return None if first is None or second is None else first - second

    return Saving(
        baseline=compared.baseline,
        candidate=compared.candidate,
        per_million=before.per_million - after.per_million,
        per_million_tokens=less(before.per_million_tokens, after.per_million_tokens),
        per_month=less(before.per_month, after.per_month),
    )
