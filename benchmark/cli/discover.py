"""`vpcbench discover`: a service's addresses from the cloud's API, as a scenario that is ready to run."""

from __future__ import annotations

from typing import Any

from benchmark.eas.discover import Found, discover
from benchmark.errors import ExitStatus, InputError
from benchmark.report.neutral import harmless
from benchmark.scenario.document import write_document


def print_scenario(
    service: str, region: str, endpoint: str | None, protocol: str, *, show_token: bool
) -> ExitStatus:
    """Print the scenario; the token only where it is asked for."""
    found = discover(service, region, endpoint, protocol)
    print(harmless(scenario_of(service, region, found)), end="")
    if show_token:
        print(f"# export EAS_TOKEN={found.token}")
    return ExitStatus.OK


def scenario_of(service: str, region: str, found: Found) -> str:
    """The first public and the first VPC address as targets; what other gateways offer, as comments."""
    public = [(gateway.kind, url) for gateway in found.gateways for url in gateway.public]
    vpc = [(gateway.kind, url) for gateway in found.gateways for url in gateway.vpc]
    chosen = {name: urls[0][1] for name, urls in (("public", public), ("vpc", vpc)) if urls}
    if not chosen:
        raise InputError(f"{service} in {region} has no address yet: is it still being deployed?")
    lines = [f"# {service} in {region}. Set in the environment: EAS_TOKEN (discover --show-token prints it)"]
    lines += [
        f"# {kind}, {name}: {url}"
        for name, urls in (("public", public), ("vpc", vpc))
        for kind, url in urls[1:]
    ]
    data: dict[str, Any] = {
        "name": service,
        "targets": {name: {"url": url, "token": "${EAS_TOKEN}"} for name, url in chosen.items()},
        "load": {"rate": "50/s", "duration": "20s"},
    }
    return "\n".join(lines) + "\n" + write_document(data)
