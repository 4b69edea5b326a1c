"""The why, over a network whose truth is known: vpcbench's own figures against what passed the client's device.

What the kernel times (the round trip) is held to 5 % of the truth, on the short path too. The phases are timed by a
program: it makes its call before a packet leaves, and is awake after one came. That is its own time, 0.1 to 0.15 ms a
phase on two quiet cores, whatever the path; no tenth of a handshake of half a millisecond can be told through it. So a
phase may be off by a tenth or by `OWN`, and its difference, which the long path makes up, by a tenth of the *shorter*
path's phase or by as much, or by `SHARE` of the truth, if that is more. Of the whole difference nearly all of that falls
out: `UNLIKE` is what does not. On top of all comes the witness's own error, as it measured it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.netlab.experiment import Seen, measured
from tests.netlab.lab import FIRST_ANSWERED, FIRST_ASKED, LAST_ANSWERED, LAST_ASKED, PUBLIC, VPC
from tests.verdicts import Evidence

pytestmark = pytest.mark.verify

SHARE = 0.02  # of the true difference of a phase
OWN = 0.25  # milliseconds of a phase that are the client's: system calls, and being woken
UNLIKE = 0.1  # milliseconds by which all that of an exchange may differ from path to path
SIDES = (("public", "baseline"), ("vpc", "candidate"))
LOAD = "load: {rate: 40/s, duration: 1800ms, warmup: 200ms}\nrounds: 3\n"
SLOW = "load: {rate: 20/s, duration: 3600ms, warmup: 200ms}\nrounds: 3\n"  # an answer of 100 kB takes the line 40 ms
REQUEST = "request: {method: POST, bytes: 200B}\n"
FRESH = "request: {method: POST, bytes: 200B, headers: {Connection: close}}\n"

Means = dict[str, float]


def true_means(seen: Seen, name: str, *, fresh: bool, tls: bool) -> Means:
    """What the relay saw of a path's exchanges, in milliseconds."""
    windows = seen.windows[name]
    means = {"rtt": seen.truth.shortest(name).mean() / 1e6, "connect": 0.0, "tls": 0.0}
    turns = seen.truth.turns(name, *windows) / 1e6
    begun = turns[:, FIRST_ASKED]
    if fresh:
        flows = seen.truth.exchanges(name, *windows, nth=int(tls)) / 1e6
        begun, connected, turns = *flows[:, :2].T, flows[:, 3:]
        means["connect"] = (connected - begun).mean()
        if tls:
            means["tls"] = (turns[:, FIRST_ASKED] - connected).mean()  # with the making of its first word
    first = LAST_ANSWERED if tls else FIRST_ANSWERED  # over TLS the first to come are session tickets
    means["wait"] = (turns[:, first] - turns[:, LAST_ASKED]).mean()
    means["transfer"] = (turns[:, LAST_ANSWERED] - turns[:, first]).mean()
    means["response"] = (turns[:, LAST_ANSWERED] - begun).mean()
    return means


def found_means(seen: Seen, name: str, side: str) -> Means:
    """The same, as vpcbench tells it."""
    target = seen.result["targets"][name]
    phases = {phase: target["phases_ms"][phase]["mean"] for phase in ("connect", "tls", "wait", "transfer")}
    return {"rtt": target["network"]["rtt_ms"]["mean"], **phases, "response": seen.row("response")[side]}


def check(seen: Seen, *, fresh: bool, tls: bool) -> None:
    """What the network lab has to show: every mean, every difference, and next to nothing left over."""
    error = seen.truth.error() / 1e6
    true = {name: true_means(seen, name, fresh=fresh, tls=tls) for name, _ in SIDES}
    found = {name: found_means(seen, name, side) for name, side in SIDES}
    for name, _ in SIDES:
        assert found[name]["rtt"] == pytest.approx(true[name]["rtt"], rel=0.05), name
        for what, mean in true[name].items():
            assert found[name][what] == pytest.approx(mean, rel=0.1, abs=OWN + error), f"{name}: {what}"
    gaps: Means = {what: true["vpc"][what] - true["public"][what] for what in true["vpc"]}
    gaps |= {"network": gaps["rtt"], "server": gaps["wait"] - gaps["rtt"]}
    for phase in ("connect", "tls", "network", "server", "transfer"):
        least = 0.1 * min(seen.row(phase)[side] for _, side in SIDES)
        difference = seen.row(phase)["difference"]["value"]
        allowed = max(least, OWN, SHARE * abs(gaps[phase])) + error
        assert difference == pytest.approx(gaps[phase], rel=0, abs=allowed), phase
    total = seen.row("response")["difference"]
    unlike = UNLIKE + error
    assert total["low"] - unlike <= gaps["response"] <= total["high"] + unlike
    assert abs(seen.row("rest")["difference"]["value"]) <= 0.1 * abs(total["value"])


CASES: dict[str, dict[str, Any]] = {
    "keep-alive": {"rest": REQUEST + SLOW, "answer": 100_000},
    "fresh connections": {"rest": FRESH + LOAD, "fresh": True},
    "fresh connections over TLS": {"rest": FRESH + LOAD, "fresh": True, "tls": True},
}


@pytest.mark.parametrize("case", CASES)
def test_the_breakdown_is_what_the_relay_saw(tmp_path: Path, case: str, evidence: Evidence) -> None:
    options = {"fresh": False, "tls": False, "answer": 100} | CASES[case]
    fresh, rest = options.pop("fresh"), options.pop("rest")
    seen = measured(tmp_path, {"public": PUBLIC, "vpc": VPC}, rest, **options)
    for disturbance in seen.disturbances():
        evidence.note(disturbance)
    check(seen, fresh=fresh, tls=options["tls"])
    if not options["tls"]:
        reason = "network round trip" if fresh else "transfer"
        assert f"are {reason}" in (tmp_path / "out" / "report.md").read_text()
    closing = 3 * (
        seen.result["targets"]["vpc"]["counts"]["ok"] if fresh else 0
    )  # segments, after the last look
    for name, _ in SIDES:
        counted = seen.result["targets"][name]["network"]
        for way, direction in (("up", "sent"), ("down", "received")):
            packets, size = seen.truth.packets(name, way, *seen.windows[name])
            assert packets * 0.95 - 20 - closing <= counted["segments"][direction] <= packets * 1.05 + 20
            least = size * 0.95 - (20 + closing) * 80  # with what TLS says when it ends
            assert least <= counted["ip_bytes"][direction] <= size * 1.05 + 20 * 52


def test_retransmits_are_those_that_the_relay_caused(tmp_path: Path) -> None:
    lossy = {**PUBLIC, "loss": 0.005}
    scenario = (
        "request: {method: POST, bytes: 20KiB}\nload: {rate: 60/s, duration: 3s, warmup: 200ms}\nrounds: 1\n"
    )
    seen = measured(tmp_path, {"public": lossy}, scenario)
    windows = seen.windows["public"]
    lost, again = seen.truth.lost("public", "up", *windows), seen.truth.sent_again("public", *windows)
    assert lost >= 3
    counted = seen.result["targets"]["public"]["network"]["retransmits"]
    assert counted == pytest.approx(again, abs=2)
    assert counted >= 0.5 * lost  # a lost acknowledgement needs nothing to be sent again
