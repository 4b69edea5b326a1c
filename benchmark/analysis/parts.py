"""A mean exchange in its parts: what was paid on the way, the network's share, the service's, and what is left over."""

from __future__ import annotations

import math
from collections.abc import Iterable

from benchmark.measure.recording import Recording

Means = dict[
    str, float
]  # nanoseconds by phase, `response`, and as `sending` the share of exchanges with a send phase

PAID = ("pool", "dns", "connect", "tls")


def parts(means: Means, *, trip: float | None, large: bool) -> Means:
    """Nanoseconds that add up to the response time.

    The network's round trip (None: not known) ends at the first TCP proxy, and a slower packet is the queueing's, so the
    rest of the wait is gateway, server and queueing. The send phase of a large request ends with an acknowledgement, so
    that its round trip is in there; `large` says that requests are, and that there is no such phase.
    """
    found = {name: means[name] for name in PAID}
    upload = "upload_and_" if large else ""
    if trip is None:
        found |= {"send": means["send"], f"{upload}wait": means["wait"]}
    else:
        both = means["send"] + means["wait"]
        trip = min(trip, both)
        sending = min(max(0.0, means["send"] - trip * means["sending"]), both - trip)
        found |= {"send": sending, "network": trip, f"{upload}server": both - sending - trip}
    found["transfer"] = means["transfer"]
    found["rest"] = means["response"] - math.fsum(found.values())
    return found


def parts_paid(recordings: Iterable[Recording]) -> int:
    """How many parts a breakdown of these rounds shows at most; one that nobody paid is left out."""
    paid = {
        name
        for each in recordings
        for name in (*PAID, "send", "wait", "transfer")
        if each.histograms[name].total
    }
    return len(paid) + ("wait" in paid) + 1  # the wait is the network's and the server's; and the rest
