"""One request per target before the load: what cannot work is said in a sentence, and nothing else is sent."""

from __future__ import annotations

import time
from collections.abc import Collection
from itertools import combinations

from benchmark.eas.address import address_class, is_vpc
from benchmark.eas.diagnose import TRANSIENT, diagnose
from benchmark.errors import InputError, TargetError
from benchmark.execution.local import LocalWorkers
from benchmark.execution.plan import Plan, ProbeOrder, TargetPlan
from benchmark.measure.probe import Probe

TRIES = 3  # for answers that a service may recover from
BETWEEN_TRIES = 0.5  # seconds


def check_fairness(plan: Plan, allowed: Collection[str]) -> None:
    """Refuse, before anything is sent, to compare addresses whose schemes differ.

    Raises:
        InputError: one speaks TLS and another does not, and the scenario does not allow it.
    """
    schemes = {target.name: target.destination.scheme for target in plan.targets}
    if len(set(schemes.values())) > 1 and "different-schemes" not in allowed:
        seen = ", ".join(f"{name}: {scheme}" for name, scheme in schemes.items())
        raise InputError(
            f"the targets differ in scheme ({seen}), so TLS alone would skew the comparison: "
            "use one scheme for all, or say `allow: [different-schemes]`"
        )


def preflight(
    plan: Plan, workers: LocalWorkers, allowed: Collection[str]
) -> tuple[dict[str, Probe], dict[str, int]]:
    """The last probe of every target, and how many were sent to each.

    Raises:
        TargetError: a target cannot be used; all such targets are named in one message.
        InputError: two targets are one address, and the scenario does not allow it.
    """
    probes: dict[str, Probe] = {}
    sent: dict[str, int] = {}
    faults = []
    for target in plan.targets:
        probe, sent[target.name] = _probe(target, workers)
        probes[target.name] = probe
        fault = diagnose(target.destination.host, probe)
        if fault:
            faults.append(f"{target.name}: {target.url}: {fault}.")
    if faults:
        raise TargetError("\n".join(faults) + "\nNo load was sent.")
    if "same-address" not in allowed:
        _refuse_same_address(probes)
    return probes, sent


def _refuse_same_address(probes: dict[str, Probe]) -> None:
    for (one, seen), (other, also) in combinations(probes.items(), 2):
        shared = set(seen.addresses) & set(also.addresses)
        if shared:
            raise InputError(
                f"{one} and {other} are the same address, {min(shared)}: comparing them says nothing about either. "
                "Look at the urls, or say `allow: [same-address]`. No load was sent."
            )


def notes_on(target: TargetPlan, probe: Probe) -> tuple[str, ...]:
    """What a reader should know of where a target's name led."""
    host = target.destination.host
    classes = {address_class(address.rpartition(":")[0].strip("[]")) for address in probe.addresses}
    notes = []
    if is_vpc(host) and "public" in classes:
        notes.append(f"{host} is named as a VPC address but resolves to a public one")
    if host.endswith(".aliyuncs.com") and not is_vpc(host) and classes & {"private", "neither"}:
        notes.append(f"{host} is named as a public address but resolves to one that is not")
    if not target.destination.verify_tls:
        notes.append("its TLS certificate was not verified")
    return tuple(notes)


def _probe(target: TargetPlan, workers: LocalWorkers) -> tuple[Probe, int]:
    for tried in range(1, TRIES + 1):
        probe = workers.probe(ProbeOrder(target))
        if probe.status not in TRANSIENT or not diagnose(target.destination.host, probe) or tried == TRIES:
            break
        time.sleep(BETWEEN_TRIES)
    return probe, tried
