"""Whether targets are asked alike, seen from the plan alone (METHOD 15): what would skew a comparison is refused, the rest told.

What a scenario sets once holds for all targets: connections, whether they are kept, the transport, the load. Only what
a target has of its own can differ. No value of a header or a query is ever told: it may be a credential.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import Any

from benchmark.errors import InputError
from benchmark.execution.plan import Plan, TargetPlan
from benchmark.transport.base import PreparedRequest

SHAPING = frozenset(
    {"accept", "accept-encoding", "content-encoding", "content-type", "range"}
)  # what is answered
_TOLD_ELSEWHERE = frozenset({"host", "content-length"})  # the url says the one, the body the other
LOOKED_AT = 1000  # requests of a target; they have their target's headers in common


def check_fairness(plan: Plan, allowed: Collection[str]) -> None:
    """Refuse, before anything is sent, to compare addresses whose schemes or payloads differ.

    Raises:
        InputError: they differ, and the scenario does not allow it.
    """
    schemes = {target.name: target.destination.scheme for target in plan.targets}
    if len(set(schemes.values())) > 1 and "different-schemes" not in allowed:
        seen = ", ".join(f"{name}: {scheme}" for name, scheme in schemes.items())
        raise InputError(
            f"the targets differ in scheme ({seen}), so TLS alone would skew the comparison: "
            "use one scheme for all, or say `allow: [different-schemes]`"
        )
    unlike = unlike_payloads(plan)
    if unlike and "different-payloads" not in allowed:
        raise InputError(
            f"the targets are not asked the same: {'; '.join(unlike)}. "
            "Ask all of them alike, or say `allow: [different-payloads]`"
        )


def unlike_payloads(plan: Plan) -> list[str]:
    """In what the requests differ that decides what is sent and answered: bodies, queries, headers that shape answers."""
    first, *others = plan.targets
    said = []
    for other in others:
        unlike = []
        if _differ(first, other, lambda request: (request.method, len(request.body))):
            unlike.append("body")
        if _differ(first, other, lambda request: request.target.partition("?")[2]):
            unlike.append("query")
        unlike += [f"header {name}" for name in _headers(first, other) if name in SHAPING]
        if unlike:
            said.append(f"{first.name} and {other.name} differ in {', '.join(unlike)}")
    return said


def unlike_targets(plan: Plan) -> list[str]:
    """What else a reader must know that the targets do not have in common: the policy of connections, paths, headers."""
    first, *others = plan.targets
    said = unlike_payloads(plan)
    for other in others:
        for name in _headers(first, other):
            if name not in SHAPING:
                what = "credentials" if name == "authorization" else f"header {name}"
                said.append(f"{first.name} and {other.name} differ in {what}")
        if _differ(first, other, lambda request: request.target.partition("?")[0]):
            said.append(f"{first.name} and {other.name} differ in the path that is asked for")
        said += _policies(first, other)
    return said


def _policies(first: TargetPlan, other: TargetPlan) -> Iterator[str]:
    """How connections come about, where the two differ in it."""
    one, two = first.destination, other.destination
    both = f"{first.name} and {other.name}"
    if one.scheme == two.scheme == "https" and one.verify_tls != two.verify_tls:
        checked, trusted = (first, other) if one.verify_tls else (other, first)
        yield f"{both} differ in `verify_tls`: {checked.name}'s certificate is checked, {trusted.name}'s is not"
    if one.proxy != two.proxy:
        ways = [f"{each.name} {_way(each.destination.proxy)}" for each in (first, other)]
        yield f"{both} differ in `proxy`: {', '.join(ways)}"
    if bool(one.resolve) != bool(two.resolve):
        given, asked = (first, other) if one.resolve else (other, first)
        yield f"{both} differ in `resolve`: {asked.name}'s name is looked up in every round, {given.name}'s never"


def _way(proxy: str | None) -> str:
    if proxy is None:
        return "is called straight"
    return "as the environment's proxies say" if proxy == "environment" else "through a proxy of its own"


def _differ(first: TargetPlan, other: TargetPlan, trait: Callable[[PreparedRequest], Any]) -> bool:
    pairs = islice(zip(first.requests, other.requests, strict=True), LOOKED_AT)
    return any(trait(one) != trait(two) for one, two in pairs)


def _headers(first: TargetPlan, other: TargetPlan) -> list[str]:
    """The names, in lower case, of headers that only one has, or that have another value."""
    found: set[str] = set()
    for one, two in islice(zip(first.requests, other.requests, strict=True), LOOKED_AT):
        if one.headers == two.headers:
            continue
        mine, theirs = ({name.lower(): value for name, value in each.headers} for each in (one, two))
        found |= {name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)}
    return sorted(found - _TOLD_ELSEWHERE)
