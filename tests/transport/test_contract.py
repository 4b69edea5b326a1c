"""What the send loop may rely on, whichever transport carries its exchanges."""

from __future__ import annotations

import asyncio
import datetime
import gc
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from benchmark.clock import now
from benchmark.measure.exchange import TIMEOUTS, Exchange, Failure
from benchmark.units import MILLISECOND
from tests.hostile.adversary import ASK, FIN, HOLD, RST, Adversary, adversary
from tests.servers import ScriptedServer, free_ports
from tests.transport.clients import PATIENCE, client, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

Issue = Callable[[trustme.CA], trustme.LeafCert]

pytestmark = pytest.mark.parametrize("kind", ["http1", "aiohttp"])


async def test_connections_are_reused_and_phases_paid_once(kind: str) -> None:
    async with adversary(ASK, OK) as server, client(kind, server.port) as asking:
        first, second = await asking.ask(), await asking.ask()
        assert asking.transport.addresses == [f"127.0.0.1:{server.port}"]
    assert server.connections == 1
    assert first.connect > 0
    assert (second.connect, second.dns, second.tls, second.pool) == (0, 0, 0, 0)
    for seen in (first, second):
        assert seen.due <= seen.taken <= seen.sent <= seen.first_byte <= seen.done
        assert seen.taken + seen.dns + seen.connect + seen.tls <= seen.sent
        assert seen.received == len(OK)


async def test_sent_is_the_instant_at_which_the_request_was_written(kind: str) -> None:
    """Not before it was taken up, nor after the server had it."""
    had: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.read(65536)).endswith(b"\r\n\r\n"):
            had.append(now())
            writer.write(OK)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, client(kind, server.sockets[0].getsockname()[1], request("GET")) as asking:
        exchanges = [await asking.ask() for _ in range(50)]
    for exchange, instant in zip(exchanges, had, strict=True):
        assert exchange.taken <= exchange.sent <= instant


async def test_answers_that_look_like_the_last_are_read_for_what_they_say(kind: str) -> None:
    busy = OK.replace(b"200 OK", b"503 Oh")
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answers = (
        *(OK, OK, OK.replace(b"hello", b"world"), busy, OK, b"HTTP/1.1 100 Continue\r\n\r\n" + OK, OK),
        *(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", OK.replace(b": 5", b":05"), OK),
        *(chunked + b"5\r\nhello\r\n0\r\n\r\n", chunked + b"0\r\nABCDE: ef\r\n\r\n", OK, busy),
    )
    script = tuple(step for answer in answers for step in (ASK, answer))
    async with adversary(*script, HOLD) as server, client(kind, server.port) as asking:
        for answer in answers:
            seen = await asking.ask()
            assert seen.status == (503 if answer == busy else 200)
            if kind == "http1":  # the other hides interim answers, and counts chunks without their sizes
                assert seen.received == len(answer)
    assert server.connections == 1


async def test_connections_are_opened_beforehand(kind: str) -> None:
    async with adversary(ASK, OK) as server, client(kind, server.port, limit=64) as asking:
        paid: list[tuple[int, ...]] = []
        asking.transport.handshake = lambda *phases: paid.append(phases)
        await asking.transport.open(40)
        assert len(paid) == 40
        assert all(connect > 0 for _, connect, _ in paid)
        exchanges = await asking.ask_together(40)
        assert server.connections == 40
    assert [exchange.connect for exchange in exchanges] == [0] * 40


async def test_opening_what_cannot_be_opened_is_left_to_exchanges(kind: str) -> None:
    async with client(kind, free_ports(1)[0], limit=8) as asking:
        await asking.transport.open(8)
        assert (await asking.ask()).failure is Failure.CONNECT_REFUSED


async def test_no_more_connections_than_the_limit_and_waiting_is_told(kind: str) -> None:
    async with adversary(ASK, 0.2, OK) as server, client(kind, server.port, limit=2) as asking:
        exchanges = await asking.ask_together(6)
    assert server.connections == 2
    assert [exchange.failure for exchange in exchanges] == [Failure.NONE] * 6
    waits = sorted(exchange.pool for exchange in exchanges)
    assert waits[1] < 0.1e9 < waits[2] <= waits[3] < waits[4]  # two at once, two a turn later, two after that
    assert waits[4] > 0.3e9


@pytest.mark.parametrize("resend", [False, True])
async def test_a_stale_connection_is_told_and_resent_only_when_allowed(kind: str, resend: bool) -> None:
    """Also of a GET, which aiohttp would send again in silence."""
    server = Adversary(lambda number: (ASK, OK) if number else (ASK, OK, ASK, FIN))
    asked = request("GET")
    async with server, client(kind, server.port, asked, limit=1, resend_stale=resend) as asking:
        assert (await asking.ask()).failure is Failure.NONE
        again = await asking.ask()
    assert (again.failure, again.stale) == (Failure.NONE if resend else Failure.STALE, 1)
    assert server.connections == (2 if resend else 1)


async def test_a_timeout_counts_from_taken_and_waiting_is_in_it(kind: str) -> None:
    async with (
        adversary(ASK, HOLD) as server,
        client(kind, server.port, request(timeout=0.2), limit=1) as asking,
    ):
        exchanges = await asking.ask_together(3)
    assert exchanges[0].failure is Failure.TIMEOUT
    assert {exchange.failure for exchange in exchanges} <= TIMEOUTS  # one may have begun to connect meanwhile
    for exchange in exchanges:
        assert exchange.done - exchange.taken >= 0.2e9
    assert sum(exchange.sent == 0 for exchange in exchanges) >= 1  # the connection was taken by the others


async def test_each_request_has_a_timeout_of_its_own(kind: str) -> None:
    both = (request(timeout=30.0), request(timeout=0.1))
    server = Adversary(lambda number: (ASK, OK) if number else (ASK, HOLD))
    async with server, client(kind, server.port, *both) as asking:
        assert [(await asking.ask(which)).failure for which in (1, 0)] == [Failure.TIMEOUT, Failure.NONE]


async def test_connecting_has_a_timeout_of_its_own(kind: str) -> None:
    """Of a listener that takes the connection and says nothing of TLS; the request itself may take long."""
    both = (request(timeout=8.0, connect_timeout=200 * MILLISECOND), request(timeout=0.6))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with client(kind, port, *both, scheme="https", limit=8) as asking:
            hurried = await asking.ask(0)
            patient = await asking.ask(1)
    assert (hurried.failure, patient.failure) == (Failure.CONNECT_TIMEOUT, Failure.CONNECT_TIMEOUT)
    assert 0.2e9 <= hurried.done - hurried.taken < 8e9
    assert patient.done - patient.taken >= 0.6e9
    assert hurried.dns + hurried.connect + hurried.tls >= 0.19e9, "it is charged with what it waited for"


async def test_what_is_connected_in_time_may_wait_longer_for_a_connection_and_an_answer(kind: str) -> None:
    hurried = request(timeout=30.0, connect_timeout=500 * MILLISECOND)
    async with adversary(ASK, 0.8, OK) as server, client(kind, server.port, hurried, limit=1) as asking:
        exchanges = await asking.ask_together(2)
    assert [exchange.failure for exchange in exchanges] == [Failure.NONE] * 2
    assert exchanges[1].pool >= 0.5e9


async def test_opening_beforehand_is_given_up_in_time(kind: str) -> None:
    hurried = request(timeout=8.0, connect_timeout=200 * MILLISECOND)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with client(kind, silent.getsockname()[1], hurried, scheme="https") as asking:
            before = now()
            await asking.transport.open(4)
    assert now() - before < 8e9


async def test_cancelling_ends_what_is_in_flight_and_what_waits(kind: str) -> None:
    async with adversary(ASK, HOLD) as server, client(kind, server.port, limit=2) as asking:
        together = asyncio.ensure_future(asking.ask_together(5))
        await asyncio.sleep(0.1)
        before = now()
        asking.transport.cancel()
        exchanges = await together
    assert [exchange.failure for exchange in exchanges] == [Failure.CANCELLED] * 5
    assert all(exchange.done >= before for exchange in exchanges)


async def test_an_exchange_is_handed_back_once_even_when_the_transport_closes_under_it(kind: str) -> None:
    async with adversary(ASK, HOLD) as server, client(kind, server.port) as asking:
        handed: list[Exchange] = []
        asking.transport.finished = handed.append
        asking.transport.send(Exchange(0, now(), now()))
        await asyncio.sleep(0.05)
        asking.transport.cancel()
        await asking.transport.close()
        await asyncio.sleep(0.05)
        assert [exchange.failure for exchange in handed] == [Failure.CANCELLED]


BROKEN = {
    "truncated": (ASK, OK[:-1], FIN),
    "reset": (ASK, RST),
    "not HTTP": (ASK, b"nonsense\r\n\r\n", HOLD),
    "closing": (ASK, OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_nothing_is_left_for_the_garbage_collector(kind: str, name: str) -> None:
    """It is off while a round runs: whatever needs it would stay."""
    async with adversary(*BROKEN[name]) as server, client(kind, server.port, request("GET")) as asking:
        for _ in range(5):  # what is imported lazily
            await asking.ask()
        gc.collect()
        gc.disable()
        try:
            for _ in range(30):
                await asking.ask()
            asking.handed_back.clear()
            assert gc.collect() < 30, "less than one object a connection"
        finally:
            gc.enable()


async def test_finished_may_send_the_next(kind: str) -> None:
    """As a closed loop does."""
    async with adversary(ASK, OK) as server, client(kind, server.port, limit=1) as asking:
        ended, everything = [], asyncio.Event()

        def hand_back(exchange: Exchange) -> None:
            ended.append(exchange)
            if len(ended) < 20:
                asking.transport.send(Exchange(0, exchange.done, now()))
            else:
                everything.set()

        asking.transport.finished = hand_back
        asking.transport.send(Exchange(0, now(), now()))
        await asyncio.wait_for(everything.wait(), PATIENCE)
    assert server.connections == 1
    assert {exchange.failure for exchange in ended} == {Failure.NONE}


async def test_the_request_goes_out_as_it_was_prepared(kind: str) -> None:
    """Both send the same headers and body, and none that nobody asked for."""
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(3))
        writer.write(OK)
        await reader.read()
        writer.close()

    asked = request("PUT", body=b"a\0z", target="/p%2Fq/%7Er?x=%20&y=a+b")
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with client(kind, port, asked) as asking:
            assert (await asking.ask()).failure is Failure.NONE
    head, _, body = got[0].partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    assert line == b"PUT /p%2Fq/%7Er?x=%20&y=a+b HTTP/1.1"
    assert sorted(header.partition(b":")[0].lower() for header in headers) == [b"content-length", b"host"]
    assert body == b"a\0z"


async def test_probes_see_what_was_said(kind: str) -> None:
    answer = b"HTTP/1.1 401 No\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 9999\r\n\r\n" + b"y" * 9999
    async with adversary(ASK, answer) as server, client(kind, server.port, capture=True) as asking:
        exchange = await asking.ask()
    assert exchange.failure is Failure.STATUS
    assert exchange.answer is not None
    assert [value for name, value in exchange.answer.headers if name.lower() == "x-a"] == ["1", "2"]
    assert exchange.answer.body == b"y" * 4096


STREAM = b"".join(b"data: " + event + b"\n\n" for event in (
    b'{"choices":[{"index":0,"delta":{"content":"a"}}]}',
    b'{"choices":[{"index":0,"delta":{"content":"b"}}]}',
    b'{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}',
    b"[DONE]",
))  # fmt: skip
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"


async def test_tokens_of_a_stream_are_timed(kind: str) -> None:
    half = len(STREAM) // 3
    script = (ASK, EVENTS % len(STREAM), 0.02, STREAM[:half], 0.1, STREAM[half:])
    async with adversary(*script) as server, client(kind, server.port, request(stream=True)) as asking:
        exchange = await asking.ask()
    assert exchange.failure is Failure.NONE
    assert exchange.stream is not None
    assert (exchange.stream.input_tokens, exchange.stream.output_tokens) == (5, 3)
    first, second = exchange.stream.arrivals
    assert exchange.sent < exchange.first_byte < first < second <= exchange.done
    assert second - first > (90e6 if kind == "http1" else 0)  # whose instants are the kernel's


async def test_an_error_in_a_stream_is_a_failure(kind: str) -> None:
    told = b'data: {"error":{"message":"out of memory"}}\n\n'
    async with (
        adversary(ASK, EVENTS % len(told), told) as server,
        client(kind, server.port, request(stream=True)) as asking,
    ):
        exchange = await asking.ask()
    assert exchange.failure is Failure.STREAM_ERROR
    assert "out of memory" in exchange.detail


# ── no connection ──


async def test_nobody_listens(kind: str) -> None:
    async with client(kind, free_ports(1)[0]) as asking:
        exchange = await asking.ask()
    assert exchange.failure is Failure.CONNECT_REFUSED
    assert "refused" in exchange.detail.lower()
    assert (exchange.sent, exchange.first_byte, exchange.status) == (0, 0, 0)


async def test_a_name_that_does_not_resolve(kind: str) -> None:
    async with client(kind, 80, host="no-such-host.invalid", resolve=None) as asking:
        exchange = await asking.ask()
    assert exchange.failure is Failure.DNS
    assert exchange.dns > 0


async def test_a_known_answer_is_too_large_for_a_request_that_allows_less(
    kind: str, scripted: ScriptedServer
) -> None:
    """However often another request was answered with the same bytes, and however they are read."""
    scripted.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + bytes(2000))
    requests = request(), request(max_body=1000)
    async with client(kind, scripted.port, *requests) as asking:
        for _ in range(200):
            assert (await asking.ask()).failure is Failure.NONE
        assert (await asking.ask(1)).failure is Failure.BODY_TOO_LARGE


# ── TLS ──


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """A certificate authority that this process trusts."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return made


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


YESTERDAY = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)


def expired(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert(
        "localhost", not_before=YESTERDAY - datetime.timedelta(days=9), not_after=YESTERDAY
    )


CERTIFICATES: dict[str, tuple[Issue, bool, Failure, str]] = {
    "good": (lambda authority: authority.issue_cert("localhost"), True, Failure.NONE, ""),
    "expired": (expired, True, Failure.TLS_VERIFY, "expired"),
    "of another host": (
        lambda authority: authority.issue_cert("elsewhere.example"), True, Failure.TLS_VERIFY, "mismatch",
    ),
    "of an unknown authority": (
        lambda authority: trustme.CA().issue_cert("localhost"), True, Failure.TLS_VERIFY, "unable to get local issuer",
    ),
    "expired, but not verified": (expired, False, Failure.NONE, ""),
    "of an unknown authority, but not verified": (
        lambda authority: trustme.CA().issue_cert("localhost"), False, Failure.NONE, "",
    ),
}  # fmt: skip


async def test_an_authority_and_a_certificate_of_its_own(kind: str, tmp_path: Path) -> None:
    """Nothing but a target's own files makes the two sides trust each other."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    authority.issue_cert("me@example").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "me.pem"))
    context = serving(authority.issue_cert("localhost"))
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    outcomes = {}
    for files in (
        {"ca_file": "ca.pem", "cert_file": "me.pem"},
        {"ca_file": "ca.pem"},
        {"cert_file": "me.pem"},
    ):
        paths: dict[str, Any] = {key: str(tmp_path / name) for key, name in files.items()}
        async with (
            adversary(ASK, OK, tls=context) as server,
            client(kind, server.port, scheme="https", **paths) as asking,
        ):
            outcomes[" ".join(files)] = (await asking.ask()).failure
    assert outcomes["ca_file cert_file"] is Failure.NONE
    assert outcomes["ca_file"] is not Failure.NONE
    assert outcomes["cert_file"] is Failure.TLS_VERIFY


async def test_addresses_of_one_family_only(kind: str) -> None:
    """The server listens at an address of the first one."""
    outcomes = []
    async with adversary(ASK, OK) as server:
        for family in (socket.AF_INET, socket.AF_INET6):
            async with client(kind, server.port, resolve=None, family=family) as asking:
                outcomes.append((await asking.ask()).failure)
    assert outcomes[0] is Failure.NONE
    assert outcomes[1] in {Failure.DNS, Failure.CONNECT_REFUSED}


@pytest.mark.parametrize("name", CERTIFICATES)
async def test_certificates(kind: str, name: str, authority: trustme.CA) -> None:
    issue, verify, failure, said = CERTIFICATES[name]
    async with (
        adversary(ASK, OK, tls=serving(issue(authority))) as server,
        client(kind, server.port, scheme="https", verify_tls=verify) as asking,
    ):
        first, second = await asking.ask(), await asking.ask()
    assert (first.failure, second.failure) == (failure, failure)
    assert said in first.detail
    assert first.tls > 0
    if failure is Failure.NONE:
        assert first.connect > 0
        assert second.tls == 0
        assert server.connections == 1


HANDSHAKES = {
    "plain HTTP on the port": ((OK, HOLD), Failure.TLS_HANDSHAKE),
    "an answer of another protocol": ((b"220 smtp ready\r\n", HOLD), Failure.TLS_HANDSHAKE),
    "FIN at once": ((FIN,), Failure.TLS_HANDSHAKE),
    "FIN in mid-handshake": ((b"\x16\x03\x03\x00\x7a\x02", 0.02, FIN), Failure.TLS_HANDSHAKE),
    "RST in mid-handshake": ((b"\x16\x03\x03\x00\x7a\x02", 0.02, RST), Failure.TLS_HANDSHAKE),
    "silence": ((HOLD,), Failure.CONNECT_TIMEOUT),
    "silence in mid-handshake": ((b"\x16\x03\x03\x00\x7a\x02", HOLD), Failure.CONNECT_TIMEOUT),
    "an alert": ((b"\x15\x03\x03\x00\x02\x02\x28", HOLD), Failure.TLS_HANDSHAKE),
}


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_handshakes(kind: str, name: str) -> None:
    script, failure = HANDSHAKES[name]
    async with (
        adversary(*script) as server,
        client(kind, server.port, request(timeout=1.0), scheme="https") as asking,
    ):
        exchange = await asking.ask()
    assert exchange.failure is failure
    assert exchange.sent == 0
    assert exchange.tls > 0


TLS_ENDINGS = {
    "FIN after the head": ((ASK, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", FIN), Failure.TRUNCATED),
    "RST in the body": ((ASK, OK[:-2], 0.02, RST), Failure.TRUNCATED),
    "silence in the body": ((ASK, OK[:-2], HOLD), Failure.TIMEOUT_MIDWAY),
    "a body until the end": ((ASK, b"HTTP/1.1 200 OK\r\n\r\nhello", FIN), Failure.NONE),
    "RST in a body until the end": ((ASK, b"HTTP/1.1 200 OK\r\n\r\nhello", 0.02, RST), Failure.TRUNCATED),
}


@pytest.mark.parametrize("name", TLS_ENDINGS)
async def test_endings_over_tls(kind: str, name: str, authority: trustme.CA) -> None:
    script, failure = TLS_ENDINGS[name]
    async with (
        adversary(*script, tls=serving(authority.issue_cert("localhost"))) as server,
        client(kind, server.port, request(timeout=1.5), scheme="https") as asking,
    ):
        assert (await asking.ask()).failure is failure
