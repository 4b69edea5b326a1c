"""What a run's traffic will be reckoned by: resolved beforehand, and kept, so that results hold the prices of their day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmark.eas.address import is_eas, region_of
from benchmark.eas.diagnose import ip_of
from benchmark.eas.prices import Price, egress_price, gateway_of, region_class, route_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.execution.plan import Plan, TargetPlan
    from benchmark.scenario.model import Scenario
    from benchmark.scenario.prices import PriceLine, Prices


def cost_terms(scenario: Scenario, plan: Plan, places: Mapping[str, Sequence[str]]) -> dict[str, Any] | None:
    """Prices, routes and quotas; None where no address is PAI-EAS's and the scenario asks for no cost.

    `places` are the `ip:port`s that targets were found at.
    """
    asked = scenario.prices is not None or scenario.monthly_requests is not None
    if not asked and not any(is_eas(target.destination.host) for target in plan.targets):
        return None
    from benchmark.scenario.prices import Prices

    prices = scenario.prices or Prices()
    return {
        "currency": prices.currency,
        "caller_egress": prices.caller_egress,
        "monthly_requests": scenario.monthly_requests,
        "targets": {
            target.name: _terms(target, prices, places.get(target.name, ())) for target in plan.targets
        },
    }


def _terms(target: TargetPlan, prices: Prices, places: Sequence[str]) -> dict[str, Any]:
    host = target.destination.host
    region = region_of(host) or prices.region
    kind = region_class(region)
    egress = _line(prices.internet, prices) or egress_price(region, prices.currency)
    caller = _line(prices.caller, prices) or egress
    privatelink = _line(prices.privatelink, prices)
    return {
        "route": prices.routes.get(target.name) or route_of(host, tuple(map(ip_of, places))),
        "gateway": gateway_of(host),
        "region": region,
        "tls": target.destination.scheme == "https",
        "quota": getattr(prices.quota, kind) if kind else 0,  # bytes
        "egress": egress and asdict(egress),
        "caller": caller and asdict(caller),
        "privatelink": privatelink and asdict(privatelink),
    }


def _line(line: PriceLine | None, prices: Prices) -> Price | None:
    """A line of the scenario's, as the tariff's own are."""
    return Price(line.price, prices.currency, line.unit, line.date, line.source) if line else None
