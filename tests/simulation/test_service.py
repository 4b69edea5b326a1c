"""The practice service over real sockets: what it answers, when, and whether its log is the truth."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import numpy as np
import pytest
import trustme

from benchmark.clock import now
from benchmark.errors import InputError
from benchmark.simulation.behaviour import Behaviour, Path
from benchmark.simulation.laws import Constant, Exponential, Lognormal
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import MODEL, Address, Setup
from benchmark.units import MILLISECOND, NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path as File

    from numpy.typing import NDArray

    from benchmark.simulation.truth import Truth

MS = MILLISECOND
TOKEN = "a-token-of-the-tests"
AUTHORIZED = {"Authorization": TOKEN}
CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "hello!"}]}


def client() -> aiohttp.ClientSession:
    """A client with as many connections as it has requests."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60))


async def statuses_of(url: str, count: int, **request: Any) -> list[int]:
    """The statuses of so many requests sent at once."""

    async def status() -> int:
        async with session.post(url, **request) as answer:
            await answer.read()
            return answer.status

    async with client() as session:
        return await asyncio.gather(*(status() for _ in range(count)))


async def one_by_one(url: str, count: int, pause: float = 0.0) -> list[int]:
    """The latencies that a client sees, in nanoseconds, on one connection."""
    seen = []
    async with client() as session:
        for _ in range(count):
            begun = now()
            async with session.post(url, data=b"x" * 60) as answer:
                await answer.read()
            seen.append(now() - begun)
            await asyncio.sleep(pause)
    return seen


def undisturbed(delays: NDArray[np.int64]) -> float:
    """What a delay comes to when nothing else wants the processor, which only ever adds to it."""
    return float(np.quantile(delays, 0.1))


def truth_of(service: PracticeService, count: int) -> Truth:
    """The truth as soon as it has so many requests; bounded."""
    deadline = time.monotonic() + 60
    while len(service.truth()) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return service.truth()


@pytest.fixture(scope="module")
def ready() -> Iterator[PracticeService]:
    """A service that answers at once, and wants a token."""
    with PracticeService(Behaviour(), token=TOKEN) as service:
        yield service


class TestAnswers:
    """Each answer of the gateway and of the service behind it, as it stands on the wire."""

    @pytest.mark.parametrize(
        ("method", "below", "headers", "status", "content"),
        [
            ("POST", "", {}, 401, b"token"),
            ("POST", "", {"Authorization": f"Bearer {TOKEN}"}, 401, b"token"),
            ("POST", "/", AUTHORIZED, 404, b""),
            ("POST", "2", AUTHORIZED, 404, b""),
            ("POST", "/v1/nothing", AUTHORIZED, 404, b'{"detail":"Not Found"}'),
            ("POST", "/v1/chat/completions", AUTHORIZED, 400, b"The body is not JSON"),
            ("GET", "/v1/chat/completions", AUTHORIZED, 405, b'{"detail":"Method Not Allowed"}'),
            ("GET", "/v1/models", AUTHORIZED, 200, MODEL.encode()),
            ("GET", "/v1/models?limit=1", AUTHORIZED, 200, MODEL.encode()),
            ("POST", "", AUTHORIZED, 200, b"hey"),
        ],
    )
    async def test_by_status(
        self,
        ready: PracticeService,
        method: str,
        below: str,
        headers: dict[str, str],
        status: int,
        content: bytes,
    ) -> None:
        url = ready.urls[0] + below
        async with client() as session, session.request(method, url, data=b"hey", headers=headers) as answer:
            body = await answer.read()
        assert answer.status == status
        assert content in body
        assert bool(content) == bool(body)
        assert answer.headers.get("Allow") == ("POST" if status == 405 else None)

    async def test_wrong_model(self, ready: PracticeService) -> None:
        async with client() as session:
            url = f"{ready.urls[0]}/v1/chat/completions"
            async with session.post(url, json={**CHAT, "model": "x"}, headers=AUTHORIZED) as answer:
                assert answer.status == 404
                assert (await answer.json())["error"]["message"] == "The model `x` does not exist."

    async def test_chat(self, ready: PracticeService) -> None:
        async with client() as session:
            url = f"{ready.urls[0]}/v1/chat/completions"
            async with session.post(url, json={**CHAT, "max_tokens": 5}, headers=AUTHORIZED) as answer:
                assert (await answer.json())["usage"]["completion_tokens"] == 5

    @pytest.mark.parametrize("size", [0, 1, 70_000, 5_000_000])
    async def test_echo_of_any_size(self, ready: PracticeService, size: int) -> None:
        body = bytes(range(256)) * (size // 256) + b"!" * (size % 256)
        headers = {**AUTHORIZED, "Content-Type": "image/png"}
        request: dict[str, Any] = {"data": io.BytesIO(body), "headers": headers, "expect100": size > 1000}
        async with client() as session, session.post(ready.urls[0], **request) as answer:
            assert await answer.read() == body
            assert answer.headers["Content-Type"] == "image/png"

    async def test_compressed_bytes_come_back_as_they_were(self, ready: PracticeService) -> None:
        headers = {**AUTHORIZED, "Content-Encoding": "gzip"}
        body = b"not really gzip"
        async with client() as session, session.post(ready.urls[0], data=body, headers=headers) as answer:
            assert await answer.read() == body

    async def test_keeps_the_connection(self, ready: PracticeService) -> None:
        async with client() as session:
            for _ in range(3):
                async with session.post(ready.urls[0], headers=AUTHORIZED) as answer:
                    await answer.read()
            assert session.connector is not None
            assert sum(map(len, session.connector._conns.values())) == 1

    async def test_an_echo_of_a_size_of_its_own(self) -> None:
        with PracticeService(Behaviour(), answer=12_345) as service:
            async with client() as session, session.post(service.urls[0], data=b"x") as answer:
                assert len(await answer.read()) == 12_345

    async def test_bearer_where_it_is_configured(self) -> None:
        with PracticeService(Behaviour(), token=TOKEN, bearer=True, service="other", model="m") as service:
            assert urlsplit(service.urls[0]).path == "/api/predict/other"
            headers = {"Authorization": f"Bearer {TOKEN}"}
            assert await statuses_of(service.urls[0], 1, headers=headers) == [200]


class TestLimits:
    """How the service and its gateway give way."""

    async def test_a_full_queue_is_450(self) -> None:
        with PracticeService(Behaviour(Constant(1.0), workers=1, queue=2)) as service:
            statuses = await statuses_of(service.urls[0], 10)
            truth = service.truth()
        assert sorted(statuses) == [200] * 3 + [450] * 7
        planned = truth.due - truth.received
        served = truth.status == 200
        assert planned[served].min() == 1000 * MS
        assert np.diff(np.sort(truth.due[served])).tolist() == [1000 * MS] * 2
        assert set(planned[truth.status == 450].tolist()) == {0}

    async def test_a_rate_limit_is_429(self) -> None:
        with PracticeService(Behaviour(rate_limit=0.01, burst=5)) as service:
            assert sorted(await statuses_of(service.urls[0], 20)) == [200] * 5 + [429] * 15

    async def test_too_slow_is_408_and_the_connection_ends(self) -> None:
        with PracticeService(Behaviour(Constant(5), keepalive=0.050)) as service:
            async with client() as session, session.post(service.urls[0]) as answer:
                await answer.read()
                assert (answer.status, answer.headers["Connection"]) == (408, "close")
            assert 50 * MS <= service.truth().latencies()[0] < 5000 * MS

    async def test_not_ready_is_503(self) -> None:
        with PracticeService(Behaviour(available=False)) as service:
            assert await statuses_of(service.urls[0], 2) == [503, 503]

    async def test_errors_come_at_their_rate(self) -> None:
        with PracticeService(Behaviour(error_rate=0.2, error_status=502)) as service:
            statuses = await statuses_of(service.urls[0], 300)
        assert set(statuses) == {200, 502}
        assert 30 <= statuses.count(502) <= 90

    async def test_two_addresses_share_one_service(self) -> None:
        addresses = (Address(), Address("127.0.0.2"))
        with PracticeService(Behaviour(Constant(0.5), workers=1), addresses) as service:
            await asyncio.gather(*(statuses_of(url, 1) for url in service.urls))
            truth = service.truth()
        assert sorted(truth.address.tolist()) == [0, 1]
        assert np.diff(np.sort(truth.due)) >= 500 * MS  # one after the other


@pytest.mark.verify
class TestTiming:
    """When the answers leave, by the service's own log and as a client sees it."""

    async def test_answers_are_paced(self) -> None:
        with PracticeService(Behaviour(Constant(0.001))) as service:
            await one_by_one(service.urls[0], 200, pause=0.002)
            truth = service.truth()
        assert (truth.due - truth.received == MS).all()
        assert truth.lateness().min() >= 0
        assert undisturbed(truth.lateness()) < MS

    async def test_the_log_is_what_a_client_sees(self) -> None:
        with PracticeService(Behaviour(Lognormal(0.005, 0.5))) as service:
            seen = np.array(await one_by_one(service.urls[0], 200))
            truth = service.truth()
        assert len(truth) == 200
        assert truth.unlogged == 0
        unseen = seen - truth.latencies()
        assert unseen.min() > 0
        assert undisturbed(unseen) < 3 * MS

    async def test_each_address_is_behind_its_own_path(self) -> None:
        addresses = (Address(path=Path(0.030)), Address("127.0.0.2", path=Path(0.0005)))
        with PracticeService(Behaviour(Constant(0.002)), addresses) as service:
            await asyncio.gather(*(one_by_one(url, 20) for url in service.urls))
            truth = service.truth()
        planned = truth.due - truth.received
        assert set(planned[truth.address == 0].tolist()) == {32 * MS}
        assert set(planned[truth.address == 1].tolist()) == {2 * MS + MS // 2}
        assert undisturbed(truth.latencies(0)) == pytest.approx(32 * MS, abs=MS)
        assert undisturbed(truth.latencies(1)) == pytest.approx(2.5 * MS, abs=MS)

    async def test_large_answers_share_the_bandwidth(self) -> None:
        narrow = (Address(path=Path(bandwidth=1e6)),)
        with PracticeService(Behaviour(), narrow, answer=20_000) as service:
            await statuses_of(service.urls[0], 5)
            truth = service.truth()
        assert np.diff(np.sort(truth.due)).tolist() == [20 * MS] * 4

    async def test_everything_waits_for_a_stall_to_end(self) -> None:
        with PracticeService(Behaviour(Constant(0.020), stalls=((0.5, 0.4),))) as service:
            async with asyncio.TaskGroup() as group:
                for _ in range(60):
                    group.create_task(statuses_of(service.urls[0], 1))
                    await asyncio.sleep(0.02)
            truth = service.truth()
        stall, resume = truth.started + NANOSECONDS // 2, truth.started + NANOSECONDS * 9 // 10
        caught = (truth.received > stall - 20 * MS) & (truth.received < resume)
        assert 5 <= caught.sum() <= 55
        assert (truth.answered[caught] >= resume).all()
        assert (truth.due[~caught] - truth.received[~caught] == 20 * MS).all()


class TestLog:
    """What is planned and logged, whenever it happens."""

    async def test_refusals_travel_the_path_too(self) -> None:
        with PracticeService(Behaviour(Constant(1)), (Address(path=Path(0.020)),), token=TOKEN) as service:
            assert await statuses_of(service.urls[0], 1) == [401]
            assert (service.truth().due - service.truth().received).tolist() == [20 * MS]

    async def test_the_seed_fixes_everything(self) -> None:
        async def planned(seed: int) -> tuple[list[int], list[int]]:
            behaviour = Behaviour(Exponential(0.001), error_rate=0.3, seed=seed)
            addresses = (Address(path=Path(0.001, jitter=0.001, loss=0.05, retransmit=0.01)),)
            with PracticeService(behaviour, addresses) as service:
                await one_by_one(service.urls[0], 100)
                truth = service.truth()
            return (truth.due - truth.received).tolist(), truth.status.tolist()

        first, again, other = await planned(1), await planned(1), await planned(2)
        assert first == again
        assert first[0] != other[0]
        assert first[1] != other[1]

    def test_a_caller_who_hangs_up_is_logged_as_such(self) -> None:
        with PracticeService(Behaviour(Constant(0.100))) as service:
            address = urlsplit(service.urls[0])
            assert address.hostname
            assert address.port
            with socket.create_connection((address.hostname, address.port)) as caller:
                caller.sendall(b"POST /api/predict/test HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
            with socket.create_connection(
                (address.hostname, address.port)
            ) as caller:  # half a request is none
                caller.sendall(b"POST /api/predict/test HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
            truth = truth_of(service, 1)
        assert truth.status.tolist() == [499]

    async def test_the_log_is_bounded(self) -> None:
        with PracticeService(Behaviour(), log_limit=10) as service:
            await statuses_of(service.urls[0], 15)
            truth = service.truth()
        assert (len(truth), truth.unlogged) == (10, 5)

    async def test_a_long_log_comes_whole(self) -> None:
        with PracticeService(Behaviour()) as service:
            await asyncio.gather(*(one_by_one(service.urls[0], 500) for _ in range(10)))
            assert len(service.truth()) == 5000  # 135 kB, more than a pipe holds at once


class TestListening:
    """Where the service listens, and where it refuses to."""

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
    def test_on_loopback_only(self, host: str) -> None:
        with pytest.raises(InputError, match="not a loopback address"):
            PracticeService(Behaviour(), (Address(), Address(host)))
        assert Setup(addresses=(Address(host),), allow_remote=True)

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "localhost"])
    async def test_on_any_loopback_address(self, host: str) -> None:
        with PracticeService(Behaviour(), (Address(host),)) as service:
            assert await statuses_of(service.urls[0], 1) == [200]

    async def test_on_the_port_it_is_given(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with PracticeService(Behaviour(), (Address(port=port),)) as service:
            assert service.urls == [f"http://127.0.0.1:{port}/api/predict/test"]

    def test_says_that_a_port_is_taken(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            taken = Address(port=other.getsockname()[1])
            with pytest.raises(InputError, match=rf"cannot listen on 127.0.0.1:{taken.port}: .*in use"):
                PracticeService(Behaviour(), (taken,)).__enter__()

    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ({"service": "a/b"}, "'a/b'"),
            ({"service": ""}, "''"),
            ({"addresses": ()}, "0 addresses"),
            ({"addresses": (Address(port=70_000),)}, "70000 is no port"),
            ({"answer": -1}, "-1 bytes"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, values: dict[str, Any], told: str) -> None:
        with pytest.raises(InputError, match=told):
            PracticeService(Behaviour(), **values)

    async def test_serves_https(self, tmp_path: File) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        chain = tmp_path / "certificate.pem"
        certificate.private_key_and_cert_chain_pem.write_to_path(str(chain))
        trust = ssl.create_default_context()
        authority.configure_trust(trust)
        with PracticeService(Behaviour(), token=TOKEN, certificate=str(chain)) as service:
            assert service.urls[0].startswith("https://")
            assert await statuses_of(service.urls[0], 3, headers=AUTHORIZED, ssl=trust) == [200] * 3

    @pytest.mark.parametrize("content", [None, "no certificate"])
    def test_says_that_a_certificate_is_of_no_use(self, tmp_path: File, content: str | None) -> None:
        chain = tmp_path / "certificate.pem"
        if content:
            chain.write_text(content)
        with pytest.raises(InputError, match="cannot use the certificate"):
            PracticeService(Behaviour(), certificate=str(chain)).__enter__()
