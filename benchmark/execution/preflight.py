"""A few requests per target before the load: what cannot work is said in a sentence, and nothing else is sent."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from statistics import median_low

from benchmark.eas.diagnose import TRANSIENT, UNSTEADY, diagnose, shared_addresses, unlike_answers, warnings
from benchmark.eas.upstreams import diagnose_instances
from benchmark.errors import InputError, TargetError
from benchmark.execution.local import LocalWorkers
from benchmark.execution.pacing import STRETCHED
from benchmark.execution.plan import Plan, ProbeOrder, TargetPlan
from benchmark.measure.exchange import Failure
from benchmark.measure.instances import Lookup
from benchmark.measure.probe import Probe
from benchmark.transport.base import PreparedRequest, head_of
from benchmark.units import MILLISECOND

MOST_NAMED = 8  # models that are named
TRIES = 3  # for answers that a service may recover from
BETWEEN_TRIES = 0.5  # seconds
QUICK = 300 * MILLISECOND  # answers that take less are asked for thrice more, others once


@dataclass(frozen=True)
class Visit:
    """What was seen of a target before the load, and what that means."""

    target: TargetPlan
    probe: Probe  # the last one
    sent: int  # requests
    fault: str | None  # why it cannot be used
    warnings: tuple[str, ...]
    lookup: Lookup | None = None  # of a direct target's instances
    later: tuple[int, ...] = ()  # how long further good answers took, in nanoseconds

    @property
    def typical(self) -> int:
        """How long an answer takes, in nanoseconds: the first one pays for what is cold, if there are others."""
        return median_low(self.later) if self.later else self.probe.service

    @property
    def complaint(self) -> str:
        """The fault as a sentence; empty where there is none."""
        return f"{self.fault}{'' if self.fault[-1] in '?.' else '.'}" if self.fault else ""


@dataclass(frozen=True)
class Preflight:
    """All targets, and what only their comparison shows."""

    visits: tuple[Visit, ...]
    unfair: str | None  # why they cannot be compared
    warnings: tuple[str, ...]

    @property
    def probes(self) -> dict[str, Probe]:
        """The last probe of every target."""
        return {visit.target.name: visit.probe for visit in self.visits}

    @property
    def typical(self) -> int:
        """How long the slower target takes to answer, in nanoseconds; zero: nobody asked."""
        return max((visit.typical for visit in self.visits), default=0)

    @property
    def slowest(self) -> int:
        """The longest that an answer took, in nanoseconds, but for first ones that were followed by others."""
        return max((max(visit.later, default=visit.probe.service) for visit in self.visits), default=0)

    @property
    def sent(self) -> dict[str, int]:
        """How many requests each target got."""
        return {visit.target.name: visit.sent for visit in self.visits}

    def visit(self, target: str) -> Visit | None:
        """What was seen of a target; None where nobody looked."""
        return next((visit for visit in self.visits if visit.target.name == target), None)

    def demand_usable(self) -> None:
        """Refuse to send a load where it cannot work.

        Raises:
            TargetError: a target cannot be used; all such targets are named in one message.
            InputError: two targets cannot be compared, and the scenario does not allow it.
        """
        faults = [
            f"{each.target.name}: {each.target.url}: {each.complaint}" for each in self.visits if each.fault
        ]
        if faults:
            raise TargetError("\n".join(faults) + "\nNo load was sent.")
        if self.unfair:
            raise InputError(f"{self.unfair}. No load was sent.")


NOTHING_CHECKED = Preflight((), None, ())


def preflight(
    plan: Plan, workers: LocalWorkers, allowed: Collection[str], *, once: bool = False
) -> Preflight:
    """Walk to every target, ask it once, judge what was seen, and ask again where the load depends on it, unless once will do."""
    visits = tuple(_visit(target, workers) for target in plan.targets)
    if not once and not any(visit.fault for visit in visits):
        visits = _again(visits, workers, _more(plan, max(visit.probe.service for visit in visits)))
    probes = {visit.target.name: visit.probe for visit in visits}
    usable = {visit.target.name: visit.probe for visit in visits if not visit.fault}
    unfair = None if "same-address" in allowed else shared_addresses(probes)
    return Preflight(visits, unfair, tuple(unlike_answers(usable)) if len(usable) > 1 else ())


def _more(plan: Plan, slowest: int) -> int:
    """How often each target is asked again: where the load follows from the answers, or a cold one would stretch it."""
    if not plan.load.paced:
        return 3 if slowest < QUICK else 1
    return 1 if STRETCHED * slowest > plan.measured and not plan.load.requests else 0


def _again(visits: tuple[Visit, ...], workers: LocalWorkers, times: int) -> tuple[Visit, ...]:
    """The visits with further answers: one at a time, in mirrored order each time."""
    found = dict(enumerate(visits))
    for turn in range(times):
        for at in sorted(found, reverse=turn % 2 == 0):
            visit = found[at]
            probe = workers.probe(ProbeOrder(visit.target))
            took = (probe.service,) if probe.failure is Failure.NONE else ()
            found[at] = replace(visit, sent=visit.sent + 1, later=(*visit.later, *took))
    return tuple(found.values())


def _visit(target: TargetPlan, workers: LocalWorkers) -> Visit:
    host = target.destination.host
    lookup = workers.look_up(target) if target.discovery else None
    if lookup and not lookup.instances:
        return Visit(target, lookup.probe, 0, f"{lookup.url}: {lookup.problem}", (), lookup)
    probe, tries = _probe(target, workers)
    added = target.requests[0].added
    fault = diagnose_instances(host, probe, tries) if lookup else diagnose(host, probe, tries, added)
    if fault and (served := _served(target, probe, workers)):
        fault, tries = f"{fault}. It serves {', '.join(served)}", tries + 1
    return Visit(
        target=target,
        probe=probe,
        sent=tries if probe.addresses else 0,
        fault=fault,
        warnings=tuple(warnings(host, probe, time.time(), verify_tls=target.destination.verify_tls)),
        lookup=lookup,
    )


def _served(target: TargetPlan, probe: Probe, workers: LocalWorkers) -> list[str]:
    """The names of the models that are served, where the one that was asked for was refused; asks once."""
    request = target.requests[0]
    before, version, _ = request.target.partition("/v1/")
    refused = probe.failure is Failure.STATUS and "model" in probe.body.lower()
    if not (refused and version and request.model_name):
        return []
    path = f"{before}/v1/models"
    headers = tuple(each for each in request.headers if not each[0].lower().startswith("content-"))
    asking = PreparedRequest(
        method="GET",
        target=path,
        headers=headers,
        body=b"",
        timeout=request.timeout,
        expected=frozenset({200}),
        wire=head_of("GET", path, headers),
    )
    told = workers.probe(ProbeOrder(replace(target, requests=(asking,)), walk=False))
    return re.findall(r'"id"\s*:\s*"([^"\\]{1,100})"', told.body)[:MOST_NAMED] if told.status == 200 else []


def _probe(target: TargetPlan, workers: LocalWorkers) -> tuple[Probe, int]:
    for tried in range(1, TRIES + 1):
        probe = workers.probe(ProbeOrder(target, walk=True))
        unsteady = probe.status in TRANSIENT or probe.failure in UNSTEADY
        if not unsteady or not diagnose(target.destination.host, probe) or tried == TRIES:
            break
        time.sleep(BETWEEN_TRIES)
    return probe, tried
