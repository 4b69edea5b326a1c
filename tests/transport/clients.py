"""Both transports, for tests that hold them to one contract: a request, a pool, and exchanges one at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from benchmark.clock import now
from benchmark.execution.plan import RoundOrder, TargetPlan
from benchmark.execution.worker import READY, TRANSPORTS, Worker
from benchmark.measure.exchange import Exchange
from benchmark.measure.recorder import Part
from benchmark.measure.recording import Recording
from benchmark.schedule.mix import Mix, Share
from benchmark.schedule.open_loop import ConstantRate
from benchmark.transport.base import BELOW_400, Destination, Pool, PreparedRequest, Transport
from benchmark.units import MILLISECOND, NANOSECONDS

PATIENCE = 60.0  # seconds that any exchange may take in a test: a hang is a failure, not a wait


def request(
    method: str = "POST", timeout: float = 2.0, body: bytes = b"", target: str = "/", **more: Any
) -> PreparedRequest:
    """A request with a timeout in seconds; `more` are fields of `PreparedRequest`."""
    headers = (("Host", "localhost"), ("Content-Length", str(len(body))))
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
    fields: dict[str, Any] = {"expected": BELOW_400, **more}
    return PreparedRequest(
        method=method,
        target=target,
        headers=headers,
        body=body,
        timeout=round(timeout * NANOSECONDS),
        wire=head.encode() + b"\r\n" + body,
        **fields,
    )


class Client:
    """A transport, and what it handed back."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.handed_back: list[Exchange] = []

    async def ask(self, which: int = 0) -> Exchange:
        """One exchange from its start to its end."""
        return (await self.ask_together(1, which))[0]

    async def ask_together(self, count: int, which: int = 0) -> list[Exchange]:
        """As many exchanges at once, in the order in which they ended."""
        everything = asyncio.Event()
        before = len(self.handed_back)

        def hand_back(exchange: Exchange) -> None:
            self.handed_back.append(exchange)
            if len(self.handed_back) == before + count:
                everything.set()

        self.transport.finished = hand_back
        for _ in range(count):
            started = now()
            self.transport.send(Exchange(which, started, started))
        await asyncio.wait_for(everything.wait(), PATIENCE)
        return self.handed_back[before:]


@contextlib.asynccontextmanager
async def client(
    kind: str,
    port: int,
    *requests: PreparedRequest,
    scheme: str = "http",
    host: str = "localhost",
    resolve: str | None = "127.0.0.1",
    limit: int = 4,
    resend_stale: bool = False,
    capture: bool = False,
    **more: Any,
) -> AsyncIterator[Client]:
    """A transport of this kind to a loopback port; `more` are fields of `Destination`."""
    transport = TRANSPORTS[kind](
        Destination(scheme, host, port, resolve=resolve, **more),
        requests or [request()],
        Pool(limit),
        lambda exchange: None,
        lambda *paid: None,
        resend_stale=resend_stale,
        capture=capture,
    )
    try:
        yield Client(transport)
    finally:
        await asyncio.wait_for(transport.close(), PATIENCE)


def round_order(
    kind: str, port: int, asked: PreparedRequest, rate: float, seconds: float, **more: Any
) -> RoundOrder:
    """A round without warm-up, so that all that is sent is in the account; `more` are fields of `RoundOrder`."""
    where = Destination("http", "localhost", port, resolve="127.0.0.1")
    target = TargetPlan("test", f"http://localhost:{port}{asked.target}", where, (asked,), kind)
    fields = {"connections": 4, "limit": 64, "keep_connections": False, "resend_stale": False, **more}
    return RoundOrder(
        target, 0, ConstantRate(rate), Mix((Share(),), 1), 0, round(seconds * NANOSECONDS), **fields
    )


async def run_round(order: RoundOrder, untold: Callable[[], int] = lambda: 0) -> Recording:
    """All that a worker in this process recorded of a round; `untold` is how many reports wait to be heard."""
    whole = Recording()

    def tell(told: object) -> None:
        if told == READY:
            worker.start(now() + MILLISECOND)
        elif isinstance(told, Part):
            whole.merge(told.recording())

    worker = Worker(tell, untold)
    report = await asyncio.wait_for(worker.round(order), order.measured / NANOSECONDS + 30)
    whole.merge(report.recording)
    return whole
