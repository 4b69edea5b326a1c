"""EAS's list of a service's instances (VPC direct connection): where it is asked for, how it is read, what a refusal means.

The list's shape is documented for the older path: `{"endpoints": {"items": [{"ip": …, "port": …, "weight": …}]}}`. The same
items are also taken from `{"endpoints": […]}`, `{"items": […]}` and a bare list.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from benchmark.eas.address import is_vpc, region_of
from benchmark.eas.diagnose import diagnose
from benchmark.measure.exchange import MOST_BODY, Failure
from benchmark.measure.instances import Instance
from benchmark.measure.probe import Probe
from benchmark.redaction import Redactor, shortened

_PATHS = ("/api/v1/servicediscovery/upstreams/", "/exported/apis/eas.alibaba-inc.k8s.io/v1/upstreams/")
MOST = 4096  # instances
HEAVIEST = 1_000_000  # of weights
_UNREACHED = frozenset({Failure.CONNECT_REFUSED, Failure.CONNECT_TIMEOUT, Failure.UNREACHABLE})
_ENABLED = "is VPC direct connection enabled for it (the service's network configuration in the console)?"


def list_paths(service: str) -> tuple[str, ...]:
    """Where the list may be had, the newer path first."""
    return tuple(path + service for path in _PATHS)


def read_list(body: bytes, redactor: Redactor) -> tuple[Instance, ...]:
    """The instances in an answer, in a fixed order; those of weight zero are there, and get nothing.

    Raises:
        ValueError: it is no list, or an empty one; says what was found.
    """
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError(f"the answer is no JSON: {_beginning(body, redactor)}") from None
    items = said
    for key in ("endpoints", "items"):
        if isinstance(items, dict) and key in items:
            items = items[key]
    if items is None:
        items = []
    if not isinstance(items, list):
        raise ValueError(
            f"the answer has no list of instances at endpoints.items: {_beginning(body, redactor)}"
        )
    found = {instance.address: instance for instance in (_instance(item, redactor) for item in items[:MOST])}
    if not found:
        raise ValueError(
            f"the list is empty: no instance is ready, or none is reachable directly: {_ENABLED}"
        )
    if not any(instance.weight for instance in found.values()):
        raise ValueError("every instance in the list has weight 0, so none is to be called")
    return tuple(sorted(found.values(), key=lambda each: (each.ip, each.port)))


def _instance(item: Any, redactor: Redactor) -> Instance:
    try:
        ip, port, weight = item["ip"], item["port"], item.get("weight", 1)
        ipaddress.ip_address(ip)
        port, weight = int(port), int(weight)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise ValueError(
            f"an instance in the list has no ip, port and weight: {redactor.excerpt(json.dumps(item))}"
        ) from None
    if not 0 < port < 65_536 or not 0 <= weight <= HEAVIEST:
        raise ValueError(
            f"an instance in the list has a port or weight that cannot be: {redactor.excerpt(json.dumps(item))}"
        )
    return Instance(str(ip), port, weight)


def diagnose_instances(host: str, probe: Probe, tries: int = 1) -> str | None:
    """What is wrong with the instances of a list that answered like this, and what to do; None where nothing is."""
    if probe.failure in _UNREACHED:
        return (
            f"none of its instances takes a connection ({probe.detail}), though their list was to be had: does the security "
            "group of the service's network configuration let this machine through to their ports?"
        )
    return diagnose(host, probe, tries)


def refusal(host: str, service: str, probe: Probe) -> str:
    """Why the list could not be had, and what to do."""
    if probe.failure is not Failure.STATUS:
        return diagnose(host, probe) or ""
    match probe.status:
        case 401 | 403:
            why = "the token is refused: is it this service's, without `Bearer`?"
        case 404:
            why = f"there is no list for a service named {service}: look at `direct.service`, and {_ENABLED}"
        case status if status >= 500:
            why = "the discovery service fails; try again, or call the VPC address through its gateway"
        case _:
            why = "no list is to be had there"
    where = f" in {region_of(host)}" if region_of(host) and is_vpc(host) else ""
    shown = shortened(probe.body)
    return f"it answered {probe.status}{where}: {why}" + (f"; it said: {shown}" if shown else "")


def _beginning(body: bytes, redactor: Redactor) -> str:
    return (
        redactor.excerpt(body[:MOST_BODY].decode("utf-8", "replace"), cut=len(body) > MOST_BODY) or "nothing"
    )
