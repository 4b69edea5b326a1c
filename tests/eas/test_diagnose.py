"""Every row of what is known about PAI-EAS: what was seen, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmark.eas.address import address_class, is_dedicated, is_vpc, region_of
from benchmark.eas.diagnose import diagnose, shape, shared_addresses, unlike_answers, warnings
from benchmark.measure.exchange import Failure
from benchmark.measure.probe import Probe
from benchmark.measure.walk import Certificate, Place, Tls, Walk

VPC = "1234.vpc.cn-hangzhou.pai-eas.aliyuncs.com"
PUBLIC = "1234.cn-hangzhou.pai-eas.aliyuncs.com"
DEDICATED = "gw-abc-1234-vpc.cn-wulanchabu-acdr-1.pai-eas.aliyuncs.com"
DAY = 86_400.0


def answered(status: int, body: str = "", server: str = "", failure: Failure = Failure.STATUS) -> Probe:
    headers = (("Server", server),) if server else ()
    return Probe(("10.0.0.1:80",), failure, "", status, headers, body, 0, 0, 0, 1)


def unreached(failure: Failure, detail: str = "") -> Probe:
    place = Place("10.0.0.1", 80, 1, failure, detail)
    walk = Walk("DNS", 1, unresolved=detail) if failure is Failure.DNS else Walk("DNS", 1, (place,))
    return Probe.lost(walk)


def led_to(*ips: str, tls: Tls | None = None) -> Probe:
    places = tuple(Place(ip, 80, 1) for ip in ips)
    return Probe(
        (f"{ips[0]}:80",), Failure.NONE, "", 200, (), "", 0, 0, 0, 1, walk=Walk("DNS", 1, places, tls)
    )


@pytest.mark.parametrize(
    ("host", "vpc", "dedicated", "region"),
    [
        (PUBLIC, False, False, "cn-hangzhou"),
        (VPC, True, False, "cn-hangzhou"),
        ("gw-abc.cn-shanghai.pai-eas.aliyuncs.com", False, True, "cn-shanghai"),
        ("gw-abc-vpc.cn-shanghai.pai-eas.aliyuncs.com", True, True, "cn-shanghai"),
        (DEDICATED, True, True, "cn-wulanchabu-acdr-1"),
        ("test.1234.vpc.ap-southeast-1.pai-eas.aliyuncs.com", True, False, "ap-southeast-1"),
        ("example.com", False, False, None),
    ],
)
def test_addresses_are_parsed(host: str, vpc: bool, dedicated: bool, region: str | None) -> None:
    assert (is_vpc(host), is_dedicated(host), region_of(host)) == (vpc, dedicated, region)


def test_address_classes() -> None:
    seen = {
        ip: address_class(ip) for ip in ("127.0.0.1", "47.1.2.3", "10.0.0.1", "100.64.0.1", "::1", "fd00::1")
    }
    assert list(seen.values()) == ["loopback", "public", "private", "neither", "loopback", "private"]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (400, "no such field", "the body is bad|said: no such field"),
        (401, "", "raw token in `Authorization`, without `Bearer`"),
        (404, '{"detail":"Not Found"}', "`request.path` missing, such as v1/chat/completions"),
        (404, '{"error": {"message": "The model `m` does not exist."}}', "GET v1/models lists"),
        (404, "", "service's name right|a slash too many"),
        (405, "", "does not take this method"),
        (408, "", "metadata.rpc.keepalive|raise it"),
        (429, "", "1,000 requests/s for a service|measure the limit"),
        (450, "", "queue is full|saturated"),
        (499, "", "caller hung up"),
        (500, "", "error inside the service"),
        (502, "", "bad answer from the service"),
        (503, "", "not ready yet, or have crashed"),
        (504, "", "too slow for the gateway"),
        (418, "", "request.expect.status"),
    ],
)
def test_what_the_gateway_answers(status: int, body: str, said: str) -> None:
    told = diagnose(PUBLIC, answered(status, body)) or ""
    assert f"answered {status}" in told
    assert all(part.replace("the body", "body") in told for part in said.split("|")), told


def test_what_we_added_to_a_body_that_is_refused() -> None:
    refused = answered(400, '{"error": {"message": "Unrecognized request argument: stream_options"}}')
    told = diagnose(PUBLIC, refused, 1, ("max_tokens", "stream_options")) or ""
    assert "Unrecognized request argument" in told
    assert "`stream_options` was added by vpcbench: `pin: false` (curl: --as-is)" in told
    assert "max_completion_tokens" not in told
    unnamed = diagnose(PUBLIC, answered(422, "no"), 1, ("max_tokens", "temperature")) or ""
    assert "`max_tokens` and `temperature` were added" in unnamed
    assert "`max_completion_tokens` in the json" in unnamed
    assert "added" not in (diagnose(PUBLIC, answered(400, "no")) or "")
    assert "added" not in (diagnose(PUBLIC, answered(500, "max_tokens"), 1, ("max_tokens",)) or "")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (Failure.STREAM_ERROR, "told an error in its stream"),
        (Failure.STREAM_ABORTED, "gave its answer up"),
        (Failure.NO_TOKEN, "without a single token"),
        (Failure.NOT_STREAMED, "`stream: false`"),
        (Failure.UNKNOWN_STREAM, "`stream: events`"),
        (Failure.ENCODING, "Accept-Encoding"),
        (Failure.ERROR_IN_ANSWER, "status of success"),
    ],
)
def test_what_a_stream_hides(failure: Failure, said: str) -> None:
    told = diagnose(PUBLIC, replace(answered(200, ""), failure=failure, detail="so it said")) or ""
    assert said in told
    assert "(so it said)" in told


def test_a_queue_that_is_full_without_a_load_means_stuck_workers() -> None:
    assert "workers may be stuck" in (diagnose(PUBLIC, answered(450), tries=3) or "")
    assert "stuck" not in (diagnose(PUBLIC, answered(450)) or "")


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (Failure.DNS, "NXDOMAIN: there is no such name"),
        (Failure.CONNECT_TIMEOUT, "no answer to connecting within 10 s"),
        (Failure.CONNECT_REFUSED, "Connection refused"),
        (Failure.UNREACHABLE, "Network is unreachable"),
    ],
)
def test_a_vpc_address_that_cannot_be_reached(failure: Failure, seen: str) -> None:
    told = diagnose(VPC, unreached(failure, seen)) or ""
    assert seen in told
    assert "not to be in cn-hangzhou's VPC" in told
    assert "use the public address" in told
    assert "allow-list" not in told
    assert "allow-list" in (diagnose(DEDICATED, unreached(failure, seen)) or "")
    assert "VPC" not in (diagnose(PUBLIC, unreached(failure, seen)) or "")


def test_a_name_that_leads_where_it_should_not() -> None:
    assert "named as a VPC address but resolves to a public one" in warnings(VPC, led_to("47.1.2.3"), 0)[0]
    assert "named as a public address but" in warnings(PUBLIC, led_to("10.1.2.3"), 0)[0]
    assert "named as a public address but" in warnings(PUBLIC, led_to("100.64.1.2"), 0)[0]
    assert warnings(VPC, led_to("10.1.2.3"), 0) == warnings(PUBLIC, led_to("47.1.2.3"), 0) == []


def test_what_else_is_worth_a_warning() -> None:
    half = Walk(
        "DNS", 1, (Place("10.0.0.1", 80, 1), Place("10.0.0.2", 80, 1, Failure.CONNECT_REFUSED, "refused"))
    )
    probe = Probe(("10.0.0.1:80",), Failure.NONE, "", 200, (), "", 0, 0, 0, 1, walk=half)
    assert warnings(VPC, probe, 0) == ["10.0.0.2:80, one of its addresses, takes no connection: refused"]
    ending = led_to("10.0.0.1", tls=Tls(1, "TLSv1.3", Certificate(("x",), "y", 0, 3 * DAY)))
    assert warnings(VPC, ending, 0, verify_tls=False) == [
        "its TLS certificate was not verified",
        "its certificate ends in 3 days",
    ]


def test_the_same_ip_and_port_cannot_be_compared() -> None:
    one, other = led_to("10.0.0.1", "10.0.0.2"), led_to("10.0.0.2")
    assert "a and b are the same address, 10.0.0.2:80" in (shared_addresses({"a": one, "b": other}) or "")
    assert shared_addresses({"a": one, "b": led_to("10.0.0.3")}) is None


def test_targets_that_answer_unlike() -> None:
    ok = Failure.NONE
    alike = {"a": answered(200, '{"x": 1}', "s", ok), "b": answered(200, '{"x": 2}', "s", ok)}
    assert unlike_answers(alike) == []
    unlike = {"a": alike["a"], "b": answered(200, "<html>", "nginx", ok)}
    (told,) = unlike_answers(unlike)
    assert "server s and nginx" in told
    assert "answer's shape JSON with x and text" in told
    cut = {"a": alike["a"], "b": replace(answered(200, '{"x": "yyy', "s", ok), cut=True)}
    assert (
        unlike_answers(cut) == []
    )  # an answer of which only the beginning was kept says nothing of its shape


def test_shapes() -> None:
    shapes = {body: shape(answered(200, body)) for body in ("", "hi", "{}", '{"b": 1, "a": 2}', "[1]", "3")}
    assert list(shapes.values()) == [
        "nothing", "text", "an empty JSON object", "JSON with a, b", "a JSON list", "a JSON value",
    ]  # fmt: skip
