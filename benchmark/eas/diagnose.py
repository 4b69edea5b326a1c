"""From what a probe saw to what to say: pure, and the only place that reads meaning into a gateway's answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from benchmark.eas.address import address_class, is_dedicated, is_eas, is_vpc, region_of
from benchmark.measure.exchange import TIMEOUTS, Failure
from benchmark.measure.probe import Probe
from benchmark.redaction import shortened
from benchmark.units import NANOSECONDS, format_duration

TRANSIENT = frozenset({408, 429, 450, 500, 502, 503, 504})  # a service may recover from these
SOON = 14 * 86_400  # seconds before a certificate's end at which it is mentioned

_MEANINGS = {
    400: "the request body is bad, or the processor raised",
    403: "the token in `Authorization` is refused",
    404: "nothing is there: is the service's name right, and is there a slash too many at the path's end?",
    405: "the service does not take this method (`request.method`; curl: -X)",
    408: "the request outlasted the gateway's `metadata.rpc.keepalive` (5 s unless raised): raise it",
    429: "a rate limit, of the gateway (1,000 requests/s for a service, 10,000/s for a group) or the service's own "
    "`rpc.rate_limit`: a load would measure the limit, not the service",
    450: "the queue is full: the service is saturated",
    499: "the gateway thinks that the caller hung up: something between cut the connection",
    500: "an error inside the service: look at its log",
    502: "the gateway got a bad answer from the service: look at its log",
    503: "no healthy instance: they are not ready yet, or have crashed",
    504: "the service is too slow for the gateway",
}
_UNAUTHORIZED = (
    "the token is missing or wrong: EAS wants the raw token in `Authorization`, without `Bearer`, "
    "unless the server asks for it (`bearer: true`)"
)
_PATH = "the service is there, the path is not: is `request.path` missing, such as v1/chat/completions?"
_MODEL = "the service does not know this `model`: GET v1/models lists the names it serves"
_ELSEWHERE = ". A load goes there only if you say so: make it the target's url, or name its host in `follow_redirects: [HOST]`"
_STUCK = "the queue is full at every try, with no load of ours: the service's workers may be stuck"

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
    Failure.STREAM_ERROR: "it told an error in its stream",
    Failure.STREAM_ABORTED: "it gave its answer up",
    Failure.NO_TOKEN: "it answered without a single token",
    Failure.NOT_STREAMED: "it did not stream its answer, though a stream was asked for",
    Failure.UNKNOWN_STREAM: "its answer is a stream of no kind that is known",
    Failure.ENCODING: "its stream cannot be read",
    Failure.ERROR_IN_ANSWER: "it told an error, with a status of success",
    Failure.NO_PORTS: "this machine has no local ports left",
    Failure.NO_FILES: "this process may open no more files",
}
_REMEDIES = {
    Failure.TLS_VERIFY: ". `verify_tls: false` (curl: -k) accepts any certificate",
    Failure.DNS: ". Look at the host's spelling, and at this machine's DNS",
    Failure.STREAM_ERROR: ". Look at the service's log, and at what the request asks for",
    Failure.STREAM_ABORTED: ". Look at the service's log",
    Failure.NO_TOKEN: ". Does the request reach a model, with a prompt and room for an answer?",
    Failure.NOT_STREAMED: ". Does the service, or a proxy before it, stream at all? `stream: false` (curl: without "
    '`"stream": true`) measures whole answers',
    Failure.UNKNOWN_STREAM: ". Name its API if it is one of those known (`stream: anthropic`); `stream: events` takes any "
    "server-sent events, `stream: chunks` anything that comes in pieces",
    Failure.ENCODING: ". Ask for gzip, deflate or nothing in `Accept-Encoding`",
    Failure.ERROR_IN_ANSWER: ". Look at what the request asks for",
}
UNSTEADY = frozenset(
    {
        Failure.STREAM_ERROR,
        Failure.STREAM_ABORTED,
        Failure.TRUNCATED,
        Failure.NO_TOKEN,
        Failure.ERROR_IN_ANSWER,
    }
)  # failures that may not come again
_UNREACHED = frozenset({Failure.DNS, Failure.CONNECT_REFUSED, Failure.CONNECT_TIMEOUT, Failure.UNREACHABLE})


def diagnose(host: str, probe: Probe, tries: int = 1, added: Sequence[str] = ()) -> str | None:
    """What is wrong with a target that answered like this at every try, and what to do; None where nothing is.

    `added` are keys of the request's body that its writer did not write.
    """
    if probe.failure is Failure.NONE:
        return None
    if probe.failure is Failure.STATUS:
        return _status(probe, tries) + _own_doing(probe, added)
    seen = _SEEN.get(probe.failure, f"the request failed ({probe.failure.label})")
    if probe.failure in TIMEOUTS and probe.service:
        seen += f": {format_duration(probe.service / NANOSECONDS)} had passed (`request.timeout`; curl: --max-time)"
    said = f" ({probe.detail})" if probe.detail else ""
    return f"{seen}{said}{_remedy(host, probe.failure)}"


def meaning(probe: Probe, tries: int = 1) -> str:
    """What a status means that the scenario does not expect."""
    match probe.status:
        case 401:
            return _UNAUTHORIZED
        case 404 if '"Not Found"' in probe.body:
            return _PATH
        case 404 if "model" in probe.body and "does not exist" in probe.body:
            return _MODEL
        case 450 if tries > 1:
            return _STUCK
    return _MEANINGS.get(probe.status, "not what the scenario expects (`request.expect.status`)")


def warnings(host: str, probe: Probe, now: float, *, verify_tls: bool = True) -> list[str]:
    """What a reader should know of a target that can be used; `now` in seconds since 1970."""
    said = []
    if probe.walk:
        lost = [place for place in probe.walk.places if place.failure]
        said += [
            f"{place.address}, one of its addresses, takes no connection: {place.detail}" for place in lost
        ]
    classes = {address_class(ip) for ip in map(ip_of, probe.places)}
    if is_vpc(host) and "public" in classes:
        said.append(f"{host} is named as a VPC address but resolves to a public one")
    if is_eas(host) and not is_vpc(host) and classes & {"private", "neither"}:
        said.append(f"{host} is named as a public address but resolves to one that is not")
    if not verify_tls:
        said.append("its TLS certificate was not verified")
    certificate = probe.walk and probe.walk.tls and probe.walk.tls.certificate
    if certificate and now < certificate.ends < now + SOON:
        said.append(f"its certificate ends in {(certificate.ends - now) / 86_400:.0f} days")
    return said


def shared_addresses(probes: Mapping[str, Probe]) -> str | None:
    """Which two targets are one and the same ip:port, so that comparing them says nothing."""
    for (one, seen), (other, also) in combinations(probes.items(), 2):
        both = set(seen.places) & set(also.places)
        if both:
            return (
                f"{one} and {other} are the same address, {min(both)}: comparing them says nothing about either. "
                "Look at the urls, or say `allow: [same-address]`"
            )
    return None


def unlike_answers(probes: Mapping[str, Probe]) -> list[str]:
    """What speaks against two targets being one service: their statuses, servers, and the shape of their answers."""
    said = []
    first, *others = probes
    for name in others:
        one, other = probes[first], probes[name]
        seen = zip(
            ("status", "server", "content type", "answer's shape"), _traits(one), _traits(other), strict=True
        )
        unlike = [
            f"{trait} {mine} and {theirs}" for trait, mine, theirs in seen if mine != theirs != "" != mine
        ]
        if unlike:
            said.append(f"{first} and {name} may not be the same service: {'; '.join(unlike)}")
    return said


def ip_of(address: str) -> str:
    """The IP address in `ip:port`."""
    return address.rpartition(":")[0].strip("[]")


def _traits(probe: Probe) -> Sequence[str]:
    kind = probe.header("content-type").partition(";")[0].strip()
    return (str(probe.status), probe.header("server") or "none", kind or "none", shape(probe))


def shape(probe: Probe) -> str:
    """What an answer looks like, whatever it says: the keys of a JSON object; else text. Empty: it was cut."""
    if probe.cut:
        return ""
    try:
        value: Any = json.loads(probe.body)
    except (ValueError, RecursionError):
        return "text" if probe.body else "nothing"
    if isinstance(value, dict):
        return f"JSON with {', '.join(sorted(map(str, value)))}" if value else "an empty JSON object"
    return f"a JSON {'list' if isinstance(value, list) else 'value'}"


def _status(probe: Probe, tries: int) -> str:
    body = shortened(probe.body)
    shown = f"; it said: {body}" if body else ""
    again = f" {tries} times" if tries > 1 else ""
    if probe.detail:  # a redirect that is not followed
        return f"the first request was answered {probe.status}: {probe.detail}{_ELSEWHERE}"
    return f"the first request was answered {probe.status}{again}: {meaning(probe, tries)}{shown}"


def _own_doing(probe: Probe, added: Sequence[str]) -> str:
    """What we added to a body that was refused, and how to leave it out."""
    if probe.status not in {400, 422} or not added:
        return ""
    named = [key for key in added if key in probe.body] or list(added)
    keys = " and ".join(f"`{key}`" for key in named)
    other = (
        "; `max_completion_tokens` in the json takes the place of `max_tokens`"
        if "max_tokens" in named
        else ""
    )
    were = "was" if len(named) == 1 else "were"
    return f". {keys} {were} added by vpcbench: `pin: false` (curl: --as-is) sends the body as it is written{other}"


def _remedy(host: str, failure: Failure) -> str:
    if failure in _UNREACHED and is_vpc(host):
        where = f"{region_of(host)}'s VPC" if region_of(host) else "its region's VPC"
        enabled = (
            ". If it is: the dedicated gateway's private access is not enabled, or this VPC or IP is not on its allow-list"
            if is_dedicated(host)
            else ""
        )
        return (
            f". A VPC address answers only callers in the same region: this machine seems not to be in {where}. "
            f"Call from an ECS or DSW instance there, or use the public address{enabled}"
        )
    if failure in _REMEDIES:
        return _REMEDIES[failure]
    if failure in _UNREACHED:
        return ". Is the service running there, on this port, and does a firewall let you through?"
    return ""
