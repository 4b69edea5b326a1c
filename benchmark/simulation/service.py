"""The practice service itself: an EAS-like model service on aiohttp, answering on an absolute schedule.

A request's way: it is received → half the round trip → gateway, queue, worker → half the round trip, jitter
and loss → it is answered. Each stage is an instant computed from the one before, not a sleep added to it, so
that the service's own delays do not pile up. `serve` runs it in the foreground; `run_child` is what the
process of a `PracticeService` runs.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Unpack, cast

import uvloop
from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from benchmark.clock import Sleeper, now
from benchmark.errors import InputError, VpcbenchError
from benchmark.simulation.behaviour import Path
from benchmark.simulation.gateway import INSTEAD, NO_STREAM, Answer, Gateway, service_path
from benchmark.simulation.listing import Listing, Replica
from benchmark.simulation.llm import Outlet, Streams
from benchmark.simulation.model_server import BYTES, ModelServer, failure
from benchmark.simulation.planner import OK, QUEUE_FULL, TIMED_OUT, Line, Workers
from benchmark.simulation.setup import Address, Options, Setup
from benchmark.simulation.truth import HUNG_UP, Log, StreamRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from multiprocessing.connection import Connection

    from benchmark.simulation.behaviour import Behaviour
    from benchmark.simulation.llm import Script

_LARGEST_BODY = 256 * 1024 * 1024
_LOGGER = logging.getLogger(__name__)
_BACKLOG = 4096  # connections that wait to be accepted; a load begins with many at once


class Service:
    """Answers requests as its setup says, and logs what it did."""

    def __init__(self, setup: Setup, log: Log, sleeper: Sleeper, streams: Streams, started: int) -> None:
        behaviour = setup.behaviour
        self._log = log
        self._sleeper = sleeper
        self._lines = [
            Line(address.path, behaviour.random(f"path {number}"))
            for number, address in enumerate(setup.addresses)
        ]
        self._lines += [Line(Path(), behaviour.random(f"instance {at}")) for at in range(len(setup.replicas))]
        self._gateways = len(setup.addresses)  # addresses of higher numbers are instances
        self._gateway = Gateway(behaviour, setup.service, setup.token, bearer=setup.bearer)
        self._instance = Gateway(
            replace(behaviour, rate_limit=None, available=True),
            setup.service,
            setup.token,
            bearer=setup.bearer,
        )
        self.listing = Listing(setup.service, setup.replicas, self._gateway.tokens, setup.churn, started)
        self._server = ModelServer(setup.model, setup.answer)
        self._workers = [Workers(behaviour, started)]  # behind the gateway, and of each instance
        self._workers += [
            Workers(replace(behaviour, seed=behaviour.seed + at + 1), started)
            for at in range(len(setup.replicas))
        ]
        self._streams = streams

    async def respond(self, number: int, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request that came to the address of this number, when it is due."""
        body = await _body(request)
        received = cast("_Caller", request.protocol).received
        line = self._lines[number]
        mishap = line.mishap()
        arrived = line.there(received)
        await self._sleeper.sleep_until(arrived)
        answer, left = self._answer(request, body, arrived, number, shared=line.shared)
        if answer.stream is not None:
            row = StreamRow(number, received, arrived)
            refusal = await self._stream(answer.stream, request, row, line.back(0, 0) + mishap)
            if refusal is None:
                return _Streamed()
            answer, left = refusal, now()
        if line.shared:
            await self._sleeper.sleep_until(left)
        due = line.back(left, len(answer.body)) + mishap
        response = _response(answer)
        await self._sleeper.sleep_until(due)
        answered, status = await _write(response, request)
        self._log.add(number, received, due, answered, status)
        return response

    async def _stream(
        self, script: Script, request: web.BaseRequest, row: StreamRow, back: int
    ) -> Answer | None:
        """Stream an answer, past aiohttp, which has no part in its bytes; or what is answered in its place."""
        if self._streams.full:
            return INSTEAD[QUEUE_FULL]
        outlet = Outlet(request.transport)
        due, status = await self._streams.serve(script, outlet, row, back)
        if status == TIMED_OUT and not outlet.begun:
            return INSTEAD[TIMED_OUT]
        self._log.add(row.address, row.received, due, now(), status)
        return None

    def _answer(
        self, request: web.BaseRequest, body: bytes, arrived: int, number: int, *, shared: bool
    ) -> tuple[Answer, int]:
        """The answer to a request that arrived at the gateway, and when it leaves there, on a path of its own or not."""
        path = request.raw_path.partition("?")[0]
        authorization = request.headers.get("Authorization")
        instance = max(0, number - self._gateways + 1)
        told = None if instance else self.listing.answer(path, authorization, arrived)
        if told:
            return told, arrived
        gateway = self._instance if instance else self._gateway
        refusal = gateway.refuse(path, authorization, arrived)
        if refusal:
            return refusal, arrived
        content_type = request.headers.get("Content-Type", BYTES)
        answer = self._server.answer(request.method, self._gateway.below(path), content_type, body)
        if answer.stream is not None and shared:
            return NO_STREAM, arrived
        if answer.status != OK or answer.stream is not None:
            return answer, arrived
        left, status = self._workers[instance].serve(arrived)
        if status != OK:
            answer = INSTEAD.get(status) or failure(status)
        return answer, left


class _Caller(web.RequestHandler):
    """A caller's connection, which knows when its latest bytes came: the handler begins some turns later."""

    __slots__ = ("received",)

    def data_received(self, data: bytes) -> None:
        self.received = now()
        super().data_received(data)


class _Streamed(web.StreamResponse):
    """What aiohttp is given for an answer that is already out."""

    async def prepare(self, request: web.BaseRequest) -> None:
        pass

    async def write_eof(self, data: bytes = b"") -> None:
        pass

    @property
    def keep_alive(self) -> bool:
        return True


async def _body(request: web.BaseRequest) -> bytes:
    if request.version >= HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    try:
        return await request.read()
    except web.RequestPayloadError as error:
        raise ConnectionResetError("the caller hung up before its request was complete") from error


def _response(answer: Answer) -> web.Response:
    headers = {"Content-Type": answer.content_type}
    if answer.allow:
        headers["Allow"] = answer.allow
    response = web.Response(status=answer.status, body=answer.body, headers=headers)
    if answer.hang_up:
        response.force_close()
    return response


async def _write(response: web.Response, request: web.BaseRequest) -> tuple[int, int]:
    """Write the whole response; when it went, and its status, or 499 where nobody is there to read it.

    The instant is taken before the bytes go: writing wakes the reader, who may well run before we do again.
    """
    written = now()
    try:
        await response.prepare(request)
        written = now()
        await response.write_eof()
    except ConnectionError:
        return written, HUNG_UP
    return written, response.status


@asynccontextmanager
async def _listening(setup: Setup, log: Log) -> AsyncIterator[tuple[list[str], int]]:
    """Serve on every address of the setup; gives their URLs, and the instant from which stalls count."""
    loop = asyncio.get_running_loop()
    tls = _tls(setup)
    async with AsyncExitStack() as stack:
        sleeper = Sleeper(loop)
        stack.callback(sleeper.close)
        started = now()
        streams = Streams(setup.behaviour, log, loop, started)
        stack.callback(streams.close)
        service = Service(setup, log, sleeper, streams, started)
        urls = []
        places: list[Address | Replica] = [*setup.addresses, *setup.replicas]
        for number, address in enumerate(places):
            server = await _listen(address, _callers(partial(service.respond, number), loop), tls)
            stack.callback(server.close)
            host, port = server.sockets[0].getsockname()[:2]
            if number >= len(setup.addresses):
                at = number - len(setup.addresses)
                service.listing.places[at] = service.listing.places[at]._replace(port=port)
            name = f"[{host}]" if ":" in host else host
            urls.append(f"{'https' if tls else 'http'}://{name}:{port}{service_path(setup.service)}")
        yield urls, started


def _callers(
    respond: Callable[[web.BaseRequest], object], loop: asyncio.AbstractEventLoop
) -> Callable[[], _Caller]:
    """Makes a protocol for each connection: aiohttp's low-level server, with no application around it."""
    requests = partial(web.BaseRequest, loop=loop, client_max_size=_LARGEST_BODY)
    server = web.Server(respond, request_factory=requests)  # type: ignore[arg-type]
    _LOGGER.addFilter(_is_our_fault)
    return partial(
        _Caller,
        server,
        loop=loop,
        logger=_LOGGER,
        access_log=None,  # type: ignore[arg-type]
        auto_decompress=False,
    )


def _is_our_fault(record: logging.LogRecord) -> bool:
    """Whether a log record is worth showing: what is no HTTP is answered 400, and is its sender's affair."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def _listen(
    address: Address | Replica, callers: Callable[[], _Caller], tls: ssl.SSLContext | None
) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(callers, address.host, address.port, ssl=tls, backlog=_BACKLOG)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot listen on {address.host}:{address.port}: {reason}") from error


def _tls(setup: Setup) -> ssl.SSLContext | None:
    if setup.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(setup.certificate, setup.key)
    except OSError as error:  # an ssl.SSLError is one, too
        raise InputError(f"cannot use the certificate {setup.certificate}: {error}") from error
    return context


def serve(
    behaviour: Behaviour,
    addresses: tuple[Address, ...],
    ready: Callable[[list[str]], None],
    **options: Unpack[Options],
) -> None:
    """Run the practice service in this process until SIGINT or SIGTERM; `ready` is given its URLs.

    Raises:
        InputError: it cannot listen where it should, or its certificate is of no use.
    """
    uvloop.run(_serve(Setup(behaviour, addresses, **options), ready))


async def _serve(setup: Setup, ready: Callable[[list[str]], None]) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with _listening(setup, Log(limit=0)) as (urls, _):
        _settle()
        ready(urls)
        await over.wait()


def run_child(setup: Setup, parent: Connection) -> None:
    """Run the practice service until the parent lets go of its end of the pipe, if only by dying."""
    uvloop.run(_obey(setup, parent))


async def _obey(setup: Setup, parent: Connection) -> None:
    log = Log(setup.log_limit)
    over = asyncio.Event()
    try:
        async with _listening(setup, log) as listening:
            _settle()
            parent.send(listening)
            asyncio.get_running_loop().add_reader(parent.fileno(), _heed, parent, log, over)
            os.set_blocking(parent.fileno(), True)  # uvloop has unset it, and a long log takes several writes
            await over.wait()
    except VpcbenchError as error:
        parent.send(error)


def _heed(parent: Connection, log: Log, over: asyncio.Event) -> None:
    """Tell the parent the truth where it asks for it; end where it has gone."""
    try:
        parent.recv()  # TELL_TRUTH: there is nothing else to ask for
        parent.send(log.rows())
    except (EOFError, OSError):
        over.set()


def _settle() -> None:
    """Take what start-up has made out of the garbage collector's sight: its full passes would be felt."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # a thousand streams are a hundred thousand objects to look through
