"""The same contract over aiohttp: for proxies and redirects, and to see what an aiohttp application would see.

aiohttp keeps the connections, reuses them in an order of its own and parses answers. What cannot be seen from outside
is told as it is known: the first byte is the instant at which the head was whole, and received bytes leave out the
framing of chunks. aiohttp would send an idempotent request again in silence when a kept connection had been closed;
here a connection that breaks is always told (`_attempt_once`).
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from typing import Any, cast

import aiohttp
from yarl import URL

from benchmark.clock import now
from benchmark.measure.exchange import MOST_BODY, MOST_READ, Answer, Exchange, Failure
from benchmark.measure.stream import Stream
from benchmark.measure.tcp_info import Meter
from benchmark.redaction import is_secret, redact_url
from benchmark.transport import failures
from benchmark.transport.aiohttp_connecting import Attempt, Connector, Resolver, current, noted_socket, noting
from benchmark.transport.base import ENVIRONMENT, Destination, Finished, Handshake, Pool, PreparedRequest
from benchmark.transport.reading import reader_of
from benchmark.units import MILLISECOND, NANOSECONDS

FOREVER = 86_400.0  # seconds that an idle connection is kept: the server decides
MOST_LINES = 1000  # of a head; each is limited by `max_head`
LARGE = 512 * 1024  # bytes of a request's body that aiohttp would rather have as a file
RESENDS = 32  # of one exchange that met stale connections
_OURS = (
    "Accept",
    "Accept-Encoding",
    "User-Agent",
    "Content-Type",
)  # headers that aiohttp adds where none is given
_ASTRAY = (aiohttp.TooManyRedirects, aiohttp.RedirectClientError)  # redirects that cannot be followed
_UNLIMITED = aiohttp.ClientTimeout(total=None, sock_connect=None)


class _Opened(Exception):  # noqa: N818  # not an error: a connection was wanted, and no request
    """Ends a request before it is sent."""


class _Elsewhere(aiohttp.ClientError):
    """A redirect leads to a host that nobody has named: nothing is sent there."""


class _Lost(Exception):  # noqa: N818  # hides an error from aiohttp, which would send the request again
    """A connection broke under an exchange; the cause says how."""


class AiohttpTransport:
    """A pool of aiohttp's to one destination. See `transport.base.Transport` for the contract."""

    def __init__(
        self,
        destination: Destination,
        requests: Sequence[PreparedRequest],
        pool: Pool,
        finished: Finished,
        handshake: Handshake,
        *,
        resend_stale: bool = False,
        capture: bool = False,
    ) -> None:
        self.addresses: list[str] = []
        self.requests = requests
        self.finished = finished
        self.handshake = handshake
        self.meter = Meter()  # stays empty: aiohttp does not say when it closes a connection
        self.resend_stale = resend_stale
        self._capture = capture
        self._destination = destination
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[asyncio.Task[None], Exchange] = {}
        self._connector = Connector(
            limit=pool.limit,
            ssl=noting(destination.tls_context()) or True,
            resolver=Resolver(destination),
            use_dns_cache=False,
            keepalive_timeout=FOREVER,
            happy_eyeballs_delay=None,
            socket_factory=noted_socket,
        )
        largest = max(request.max_head for request in requests)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_UNLIMITED,
            trust_env=destination.proxy == ENVIRONMENT,
            skip_auto_headers=_OURS,
            trace_configs=[self._tracing()],
            max_line_size=largest,
            max_field_size=largest,
            max_headers=MOST_LINES,
            middlewares=(self._attempt_once,),
        )

    # ── the contract ──

    async def open(self, connections: int) -> None:
        """Open connections beforehand, a bounded number at once, each in bounded time; all are held, then freed."""
        patience = max(request.patience for request in self.requests) / NANOSECONDS
        missing, opened = min(connections, self._pool.limit), []
        try:
            while missing > 0:
                batch = min(missing, self._pool.pending)
                opened += await asyncio.gather(*(self._open_one(patience) for _ in range(batch)))
                missing -= batch
        finally:
            for connection in filter(None, opened):
                connection.release()

    def rotate(self, in_turn: bool) -> None:
        """Not ours to say: aiohttp reuses connections in turn."""

    def send(self, exchange: Exchange) -> None:
        """Hand the exchange to aiohttp."""
        task = self._loop.create_task(self._carry(exchange))
        self._tasks[task] = exchange
        task.add_done_callback(self._tasks.pop)

    def cancel(self) -> None:
        """End every exchange that is not done as cancelled."""
        for task, exchange in list(self._tasks.items()):
            if not exchange.done:
                self._end(exchange, Failure.CANCELLED)
            task.cancel()

    async def close(self) -> None:
        """Close all connections, and wait until they are."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._session.close()

    # ── one exchange ──

    async def _carry(self, exchange: Exchange) -> None:
        request = cast(PreparedRequest, exchange.asks or self.requests[exchange.request])
        attempt = Attempt(exchange, request.patience / NANOSECONDS)
        current.set(attempt)
        kind, detail = Failure.NONE, ""
        try:
            left = (
                request.timeout - (now() - exchange.taken) + MILLISECOND
            )  # uvloop's timers are up to one early
            async with asyncio.timeout(left / NANOSECONDS):
                for _ in range(RESENDS):
                    kind, detail = await self._try(exchange, request, attempt)
                    exchange.stale += kind is Failure.STALE
                    if kind is not Failure.STALE or not self.resend_stale:
                        break
        except TimeoutError:
            kind = failures.of_waiting(connecting=attempt.connecting, answering=exchange.first_byte > 0)
            detail = ""
        if attempt.connecting:
            attempt.charge()
        if not exchange.done:
            self._end(exchange, kind, detail)

    async def _try(
        self, exchange: Exchange, request: PreparedRequest, attempt: Attempt
    ) -> tuple[Failure, str]:
        """Send, and read the answer to its end: what became of it, and what was said of that."""
        attempt.allowed, attempt.hops, attempt.led_to = request.redirect_hosts, 0, ""
        try:
            async with self._session.request(
                request.method,
                self._url(request),
                headers=self._headers(request),
                data=io.BytesIO(request.body) if len(request.body) > LARGE else request.body or None,
                allow_redirects=request.follow_redirects,
                proxy=self._proxy(),
                trace_request_ctx=attempt,
            ) as answer:
                exchange.first_byte = now()
                exchange.status = answer.status
                return await self._read(exchange, request, answer)
        except TimeoutError:
            raise
        except Exception as error:  # whatever it is: this is where errors become failures
            cause = error.__cause__ if isinstance(error, _Lost) and error.__cause__ else error
            astray = isinstance(cause, (_Elsewhere, *_ASTRAY))
            exchange.status = exchange.status or (attempt.status if astray else 0)
            kind = failures.of_aiohttp(
                cause,
                reused=attempt.reused,
                securing=attempt.securing > 0,
                headed=exchange.first_byte > 0,
            )
            _forget(error)
            if exchange.stream is not None and exchange.stream.error:
                return Failure.STREAM_ERROR, exchange.stream.error
            return (
                (Failure.STATUS, _astray(cause, attempt))
                if astray
                else (kind, _at(attempt, failures.describe(cause)))
            )

    async def _read(
        self, exchange: Exchange, request: PreparedRequest, answer: aiohttp.ClientResponse
    ) -> tuple[Failure, str]:
        if answer.status < 200:
            answer.close()
            return Failure.PROTOCOL, "it switched protocols, unasked"
        protocol = answer.connection.protocol if answer.connection else None
        kept = Answer(list(answer.headers.items()))
        if self._capture:
            exchange.answer = kept
        most = MOST_READ if request.contains else MOST_BODY if self._capture else 0
        exchange.received += len(answer.reason or "") + 17  # HTTP/1.1 200 reason, and both ends of lines
        exchange.received += sum(len(name) + len(value) + 4 for name, value in answer.raw_headers)
        size, reader = 0, reader_of(request)
        if reader is not None:
            exchange.stream = reader.stream
            reader.take_head(*(answer.headers.get(name, "") for name in ("Content-Type", "Content-Encoding")))
        async for piece in answer.content.iter_any():
            size += len(piece)
            exchange.received += len(piece)
            if reader is not None:
                reader.feed(piece, now())
            if len(kept.body) < most:
                kept.body += piece[: most - len(kept.body)]
            if size > request.max_body:
                answer.close()
                return Failure.BODY_TOO_LARGE, f"the answer's body is larger than {request.max_body:,} bytes"
        until_end = answer.content_length is None and "Transfer-Encoding" not in answer.headers
        broken = protocol.exception() if protocol is not None and until_end else None
        if isinstance(broken, OSError):  # aiohttp takes any end for such a body's
            return Failure.TRUNCATED, failures.describe(broken)
        if reader is not None:
            reader.finish(now())
        return _judge(request, answer.status, kept.body, exchange.stream)

    def _end(self, exchange: Exchange, kind: Failure, detail: str = "") -> None:
        exchange.failure = kind
        exchange.detail = detail
        exchange.done = now()
        self.finished(exchange)

    # ── what aiohttp is told ──

    def _url(self, request: PreparedRequest) -> URL:
        where = self._destination
        host = f"[{where.host}]" if ":" in where.host else where.host
        return URL(f"{where.scheme}://{host}:{where.port}{request.target}", encoded=True)

    def _headers(self, request: PreparedRequest) -> list[tuple[str, str]]:
        """Those of the request; a Host that says no more than the URL is left out, or redirects would carry it on."""
        where = self._destination
        usual = {where.host, f"{where.host}:{where.port}", f"[{where.host}]", f"[{where.host}]:{where.port}"}
        return [
            (name, value) for name, value in request.headers if name.lower() != "host" or value not in usual
        ]

    def _proxy(self) -> str | None:
        return None if self._destination.proxy == ENVIRONMENT else self._destination.proxy

    async def _open_one(self, patience: float) -> Any:
        """A connection that nothing was sent on, or None."""
        attempt = Attempt(None)
        current.set(attempt)
        try:
            async with asyncio.timeout(patience):
                await self._session.get(self._url(self.requests[0]), proxy=self._proxy())
        except _Opened:
            return attempt.opened
        except (OSError, aiohttp.ClientError, _Lost):  # an exchange will meet it again, and be told
            return None
        return None

    # ── what aiohttp says ──

    async def _attempt_once(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Around every attempt: opens a connection and no more where that is wanted, and keeps errors from aiohttp."""
        attempt = current.get()
        if attempt.exchange is None:
            attempt.begin_connecting()
            attempt.opened = await self._connector.connect(request, traces=[], timeout=_UNLIMITED)
            self._connected(attempt)
            raise _Opened
        attempt.hops += 1
        if attempt.hops > 1:
            self._redirect(request, attempt)
        try:
            answer = await handler(request)
            attempt.status = answer.status
            return answer
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise _Lost from error

    def _redirect(self, request: aiohttp.ClientRequest, attempt: Attempt) -> None:
        """Let a redirect lead only where it may, and without credentials to another origin, as curl does."""
        where, url = self._destination, request.url
        attempt.led_to = redact_url(str(url))
        host = (url.raw_host or "").lower()
        if host != where.host.lower() and host not in attempt.allowed:
            raise _Elsewhere
        if (url.scheme, host, url.port) != (where.scheme, where.host.lower(), where.port):
            for name in [name for name, value in request.headers.items() if is_secret(name, value)]:
                request.headers.pop(name, None)

    def _connected(self, attempt: Attempt) -> None:
        self.handshake(*attempt.phases())
        attempt.charge()
        attempt.connecting = False
        if attempt.place:
            host, port = attempt.place[:2]
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            if address not in self.addresses:
                self.addresses.append(address)

    def _tracing(self) -> aiohttp.TraceConfig:
        tracing = aiohttp.TraceConfig()

        def on(signal: Any, note: Callable[[Attempt], None]) -> None:
            async def heard(session: aiohttp.ClientSession, context: Any, params: Any) -> None:
                if context.trace_request_ctx is not None:
                    note(context.trace_request_ctx)

            signal.append(heard)

        on(tracing.on_connection_queued_start, _queue)
        on(tracing.on_connection_queued_end, _leave_queue)
        on(tracing.on_connection_create_start, Attempt.begin_connecting)
        on(tracing.on_connection_create_end, self._connected)
        on(tracing.on_connection_reuseconn, _reuse)
        on(tracing.on_request_headers_sent, _sent)
        return tracing


def _astray(cause: BaseException, attempt: Attempt) -> str:
    """Where redirects led that nobody can or may follow."""
    if isinstance(cause, aiohttp.TooManyRedirects):
        return f"it redirects in a circle: {attempt.hops} times, at last to {attempt.led_to}"
    if isinstance(cause, aiohttp.InvalidURL):
        return f"it redirects to {redact_url(str(cause.url))}, which is no http address"
    return f"it redirects to {attempt.led_to}"


def _at(attempt: Attempt, said: str) -> str:
    """What was said, and by whom, where a redirect had led elsewhere."""
    return f"{said}, at {attempt.led_to}, where it redirects to" if attempt.led_to else said


def _judge(request: PreparedRequest, status: int, body: bytes, stream: Stream | None) -> tuple[Failure, str]:
    """What a whole answer is worth."""
    if status not in request.expected:
        return Failure.STATUS, ""
    if stream is not None and stream.failure:
        return stream.failure, stream.detail
    return (Failure.NONE if request.satisfied_by(body) else Failure.EXPECTATION), ""


def _forget(error: BaseException | None) -> None:
    """Let go of the frames that an error passed through: they hold it, and it them, until garbage is collected."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _queue(attempt: Attempt) -> None:
    attempt.queued = now()


def _leave_queue(attempt: Attempt) -> None:
    assert attempt.exchange is not None
    attempt.exchange.pool += now() - attempt.queued


def _reuse(attempt: Attempt) -> None:
    attempt.reused = True


def _sent(attempt: Attempt) -> None:
    """The head is about to be written; of redirects and resent requests the first counts."""
    assert attempt.exchange is not None
    attempt.exchange.sent = attempt.exchange.sent or now()
