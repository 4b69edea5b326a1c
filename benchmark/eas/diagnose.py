"""From what a probe saw to what to say: pure, and the only place that reads meaning into a gateway's answers."""

from __future__ import annotations

from benchmark.eas.address import is_vpc, region_of
from benchmark.measure.exchange import Failure
from benchmark.measure.probe import Probe

TRANSIENT = frozenset({408, 429, 450, 500, 502, 503, 504})  # a service may recover from these

_MEANINGS = {
    400: "the request body is bad, or the processor raised",
    403: "the token in `Authorization` is refused",
    404: "nothing is there: look at the service's name, a trailing slash, and the path",
    405: "the service does not take this method",
    408: "the request outlasted the gateway's `metadata.rpc.keepalive` (5 s unless raised)",
    429: "a rate limit: the gateway, not the service, would be measured",
    450: "the queue is full: the service is saturated, or its workers are stuck",
    500: "an error inside the service",
    502: "the gateway got a bad answer from the service",
    503: "no healthy instance: not ready yet, or crashed",
    504: "the service is too slow for the gateway",
}
_SEEN = {
    Failure.DNS: "its name does not resolve",
    Failure.CONNECT_REFUSED: "it refused the connection",
    Failure.CONNECT_TIMEOUT: "the connection timed out",
    Failure.UNREACHABLE: "it cannot be reached",
    Failure.TLS_VERIFY: "its certificate was not accepted",
    Failure.TLS_HANDSHAKE: "the TLS handshake failed",
    Failure.SEND: "the connection broke while the request was being sent",
    Failure.RESET: "it reset the connection",
    Failure.CLOSED_EARLY: "it closed the connection without an answer",
    Failure.TRUNCATED: "its answer broke off",
    Failure.PROTOCOL: "it does not speak HTTP/1.1",
    Failure.TIMEOUT: "it did not answer in time",
    Failure.TIMEOUT_MIDWAY: "its answer did not end in time",
    Failure.BODY_TOO_LARGE: "its answer is larger than `max_body`",
    Failure.EXPECTATION: "its answer does not hold what the scenario expects",
    Failure.NO_PORTS: "this machine has no local ports left",
    Failure.NO_FILES: "this process may open no more files",
}
_UNREACHED = frozenset({Failure.DNS, Failure.CONNECT_REFUSED, Failure.CONNECT_TIMEOUT, Failure.UNREACHABLE})


def diagnose(host: str, probe: Probe) -> str | None:
    """What is wrong with a target that answered like this, and what to do; None where nothing is."""
    if probe.failure is Failure.NONE:
        return None
    if probe.failure is Failure.STATUS:
        return _status(probe)
    seen = _SEEN.get(probe.failure, f"the request failed ({probe.failure.label})")
    said = f" ({probe.detail})" if probe.detail else ""
    return f"{seen}{said}{_remedy(host, probe.failure)}"


def _status(probe: Probe) -> str:
    body = " ".join(probe.body.split())[:200]
    shown = f"; it said: {body}" if body else ""
    if probe.status == 401:
        meaning = (
            "the token is missing or wrong: EAS wants the raw token in `Authorization`, without `Bearer`, "
            "unless the server asks for it (`bearer: true`)"
        )
    elif probe.status == 404 and '"Not Found"' in probe.body:
        meaning = (
            "the service is there, the path is not: is `request.path` missing, such as v1/chat/completions?"
        )
    elif probe.status == 404 and "model" in probe.body and "does not exist" in probe.body:
        meaning = "the service does not know this `model`: GET v1/models lists the names it serves"
    else:
        meaning = _MEANINGS.get(probe.status, "not what the scenario expects (`request.expect.status`)")
    return f"the first request was answered {probe.status}: {meaning}{shown}"


def _remedy(host: str, failure: Failure) -> str:
    if failure in _UNREACHED and is_vpc(host):
        where = f"{region_of(host)}'s VPC" if region_of(host) else "its region's VPC"
        return (
            f". A VPC address answers only callers in the same region: this machine seems not to be in {where}. "
            "Call from an ECS or DSW instance there, or use the public address"
        )
    if failure is Failure.TLS_VERIFY:
        return ". `verify_tls: false` (curl: -k) accepts any certificate"
    if failure is Failure.DNS:
        return ". Look at the host's spelling, and at this machine's DNS"
    if failure in _UNREACHED:
        return ". Is the service running there, on this port, and does a firewall let you through?"
    return ""
