"""One request per target before the load: what cannot work is said in a sentence, and nothing else is sent."""

from __future__ import annotations

import time

from benchmark.eas.address import address_class, is_vpc
from benchmark.eas.diagnose import TRANSIENT, diagnose
from benchmark.errors import TargetError
from benchmark.execution.local import LocalWorker
from benchmark.execution.plan import Plan, ProbeOrder, TargetPlan
from benchmark.measure.probe import Probe

TRIES = 3  # for answers that a service may recover from
BETWEEN_TRIES = 0.5  # seconds


def preflight(plan: Plan, worker: LocalWorker) -> tuple[dict[str, Probe], dict[str, int]]:
    """The last probe of every target, and how many were sent to each.

    Raises:
        TargetError: a target cannot be used; all such targets are named in one message.
    """
    probes: dict[str, Probe] = {}
    sent: dict[str, int] = {}
    faults = []
    for target in plan.targets:
        probe, sent[target.name] = _probe(target, worker)
        probes[target.name] = probe
        fault = diagnose(target.destination.host, probe)
        if fault:
            faults.append(f"{target.name}: {target.url}: {fault}.")
    if faults:
        raise TargetError("\n".join(faults) + "\nNo load was sent.")
    return probes, sent


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


def _probe(target: TargetPlan, worker: LocalWorker) -> tuple[Probe, int]:
    for tried in range(1, TRIES + 1):
        probe = worker.probe(ProbeOrder(target))
        if probe.status not in TRANSIENT or not diagnose(target.destination.host, probe) or tried == TRIES:
            break
        time.sleep(BETWEEN_TRIES)
    return probe, tried
