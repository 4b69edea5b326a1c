"""HTTP/1.1 over uvloop and httptools, kept bare: one object a connection, one write a request.

A pool opens connections, lends them last-in-first-out and queues what finds none; a connection carries one exchange
at a time. The parser gets only the callbacks that it needs, since each costs time on every answer.
"""

from __future__ import annotations

import asyncio
import fcntl
import re
import socket
import sys
import termios
from collections import deque
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Final, cast

import httptools

from benchmark import clock
from benchmark.measure.exchange import LARGE, MOST_BODY, MOST_READ, Answer, Exchange, Failure
from benchmark.measure.recording import HANDSHAKES
from benchmark.measure.tcp_info import Meter, busy
from benchmark.transport import failures
from benchmark.transport.base import Destination, Finished, Handshake, Pool, PreparedRequest
from benchmark.transport.connecting import connect
from benchmark.transport.reading import Reader, is_read, reader_of
from benchmark.units import NANOSECONDS

_HEADS = re.compile(rb"(?s:HTTP/1\.[01] 1.*?\r?\n\r?\n)*(?s:.*?)\r?\n\r?\n")  # interim ones come first
now: Final = clock.now  # of this module, a name costs less once it is compiled
NEVER: Final = sys.maxsize
LOOK_FIRST: Final = (
    16  # reuses of a connection before which each is looked at for bytes that nobody asked for
)
LOOK_EVERY: Final = (
    16  # of later ones, one in so many: to look takes as long as to write; once any came, all of them
)
LEARN_EVERY: Final = 64  # answers on a connection, between two tries to know them by their head
_DELIMITED = re.compile(rb"\n(content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)
_BY_LENGTH = {b"content-length"}


class Http1Transport:
    """A pool of connections to one destination. See `transport.base.Transport` for the contract."""

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
        self.resend_stale = resend_stale
        self._destination = destination
        self._pool = pool
        self.handshake = handshake
        self.meter = Meter()
        expecting = any(request.contains for request in requests)
        self.most_kept = MOST_READ if expecting else MOST_BODY  # bytes of a captured answer
        streamed = ReadingConnection if any(map(is_read, requests)) else Connection
        self._connection = CapturingConnection if capture or expecting else streamed
        # an answer that was parsed: one that begins with the same bytes, and is as long, says the same
        self._learns = self._connection is Connection and all(
            request.method != "HEAD" for request in requests
        )
        self.known_head = b""
        self.known_length = -1
        self.known_status = 0
        self.wary = False  # whether bytes came that nobody had asked for
        self._tls = destination.tls_context()
        self._loop = asyncio.get_running_loop()
        self._resolving = asyncio.Lock()
        self._places: deque[tuple[Any, ...]] = deque()  # what getaddrinfo said
        self._connections: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._take_idle = self._idle.pop
        self._waiting: deque[Exchange] = deque()
        # whom a new connection is for, and the instants it has reached: began, resolved, connected, secured
        self._connecting: dict[asyncio.Task[None], tuple[Exchange | None, list[int]]] = {}
        # bytes of an answer up to which neither of its caps can have been passed
        self.smallest_cap = min(min(request.max_head, request.max_body) for request in requests)
        self._timeouts = [request.timeout for request in requests]
        self._patience = [request.patience for request in requests]  # for connecting
        self._sweep_every = min(max(min(self._patience) / NANOSECONDS / 50, 0.002), 0.25)
        self._sweeper = self._loop.call_later(self._sweep_every, self._sweep)

    # ── the contract ──

    async def open(self, connections: int) -> None:
        """Open connections beforehand, a bounded number at once, each in bounded time."""
        missing = min(connections, self._pool.limit) - len(self._connections)
        patience = max(self._patience) / NANOSECONDS
        while missing > 0:
            opening = [self._begin_connecting(None) for _ in range(min(missing, self._pool.pending))]
            missing -= len(opening)
            _, late = await asyncio.wait(opening, timeout=patience)
            for task in late:
                task.cancel()

    def rotate(self, in_turn: bool) -> None:
        """Reuse idle connections in turn, or the last used first."""
        self._take_idle = self._idle.popleft if in_turn else self._idle.pop

    def send(self, exchange: Exchange) -> None:
        """Send on an idle connection, else on a new one, else queue."""
        while self._idle:
            connection = self._take_idle()
            if connection.is_clean():
                connection.start(exchange, exchange.taken)
                return
        if self._may_connect():
            self._begin_connecting(exchange)
        else:
            self._waiting.append(exchange)

    def cancel(self) -> None:
        """End every exchange that is not done as cancelled."""
        self._expire(lambda exchange, began: Failure.CANCELLED)

    async def close(self) -> None:
        """Close all connections, and wait until they are."""
        self._sweeper.cancel()
        for task in list(self._connecting):
            task.cancel()
        for connection in list(self._connections):
            connection.close()
        for _ in range(200):
            if not self._connections and not self._connecting:
                return
            await asyncio.sleep(0.005)
        for connection in list(self._connections):
            connection.abort()

    # ── what connections say ──

    def release(self, connection: Connection) -> None:
        """A connection is free again."""
        if not self._waiting:
            self._idle.append(connection)
        elif connection.is_clean():
            self._start_waiting(connection)

    def lost(self, connection: Connection) -> None:
        """A connection is gone; what waits may need another."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._connect_for_waiting()

    def learn(self, answer: bytes, status: int) -> None:
        """Know the answers that are like this one, which came in one piece and left its connection open.

        Servers answer like requests with the same head, but for a date that moves once a second. To compare it with one
        that has been parsed costs a tenth of parsing it again, and says the same: a length that the head has told ends
        the answer where this one ended.
        """
        head = _HEADS.match(answer) if self._learns and len(answer) <= self.smallest_cap else None
        if head and {*map(bytes.lower, _DELIMITED.findall(head[0]))} == _BY_LENGTH:
            self.known_head, self.known_length, self.known_status = head[0], len(answer), status

    # ── connecting ──

    def _may_connect(self) -> bool:
        pending = len(self._connecting)
        return pending < self._pool.pending and len(self._connections) + pending < self._pool.limit

    def _connect_for_waiting(self) -> None:
        while self._waiting and self._may_connect():
            exchange = self._waiting.popleft()
            exchange.pool += now() - exchange.taken
            self._begin_connecting(exchange)

    def _begin_connecting(self, exchange: Exchange | None) -> asyncio.Task[None]:
        paid = [now()]
        task = self._loop.create_task(self._connect(exchange, paid))
        self._connecting[task] = exchange, paid
        task.add_done_callback(self._end_connecting)
        return task

    def _end_connecting(self, task: asyncio.Task[None]) -> None:
        self._connecting.pop(task, None)
        self._connect_for_waiting()

    async def _connect(self, exchange: Exchange | None, paid: list[int]) -> None:
        try:
            paid[0] = now()  # the loop may have been busy
            places = await self._resolve()
            paid.append(now())
            sock, connected = await self._connect_socket(places)
            paid.append(connected)
            name = self._destination.host if self._tls else None
            _, connection = await self._loop.create_connection(
                lambda: self._connection(self, sock), sock=sock, ssl=self._tls, server_hostname=name
            )
            paid.append(now())
        except Exception as error:  # whatever it is: this is where errors become failures
            if exchange is not None and not exchange.done:
                _attribute(exchange, paid)
                self._end(exchange, failures.of_connecting(error, len(paid) > 2), failures.describe(error))
            return
        dns, connecting, tls = [later - earlier for earlier, later in pairwise(paid)]
        if not self._tls:
            tls = 0  # what it took to set the connection up was our own time, not the network's
        self.handshake(dns, connecting, tls)
        self._connections.add(connection)
        self.meter.opened(sock)
        if exchange is None or exchange.done:
            self.release(connection)
        else:
            exchange.dns, exchange.connect, exchange.tls = dns, connecting, tls
            connection.start(exchange, now())

    async def _resolve(self) -> list[tuple[Any, ...]]:
        """All addresses of the name, rotated so that connections spread over them."""
        async with self._resolving:
            if not self._places:
                where = (self._destination.name, self._destination.port)
                self._places.extend(await self._loop.getaddrinfo(*where, **self._destination.hints))
        self._places.rotate(-1)
        return list(self._places)

    async def _connect_socket(self, places: list[tuple[Any, ...]]) -> tuple[socket.socket, int]:
        """A socket to the first place that takes us, and the instant at which it was connected."""
        refusal: OSError = OSError("the name has no address")
        for family, kind, protocol, _, place in places:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connected = await connect(sock, place)
            except OSError as error:
                sock.close()
                refusal = error
                continue
            except asyncio.CancelledError:
                sock.close()
                raise
            address = f"[{place[0]}]:{place[1]}" if family == socket.AF_INET6 else f"{place[0]}:{place[1]}"
            if address not in self.addresses:
                self.addresses.append(address)
            return sock, connected
        raise refusal

    # ── waiting, and its end ──

    def _start_waiting(self, connection: Connection) -> None:
        exchange, freed = self._waiting.popleft(), now()
        exchange.pool += freed - exchange.taken
        connection.start(exchange, freed)

    def _sweep(self) -> None:
        """One coarse timer for all timeouts, instead of one for each request."""
        self._sweeper = self._loop.call_later(self._sweep_every, self._sweep)
        latest = now()
        timeouts, patience = self._timeouts, self._patience
        shortest = min(timeouts)

        def overdue(exchange: Exchange, began: int) -> Failure | None:
            slow = began and latest - began >= patience[exchange.request]
            if not slow and latest - exchange.taken < timeouts[exchange.request]:
                return None
            return failures.of_waiting(connecting=began > 0, answering=exchange.first_byte > 0)

        self._expire(overdue, latest - shortest)

    def _expire(self, judge: Callable[[Exchange, int], Failure | None], before: int = NEVER) -> None:
        """End every unfinished exchange for which `judge` names a failure; it is told when one began to connect, or 0.

        Of those that wait for a connection, which may be very many, only those that were taken up by `before` are asked.
        """
        for connection in list(self._connections):
            if connection.exchange is not None and (kind := judge(connection.exchange, 0)):
                connection.fail(kind)
        for task, (connecting, paid) in list(self._connecting.items()):
            if connecting is not None and not connecting.done and (kind := judge(connecting, paid[0])):
                task.cancel()
                _attribute(connecting, paid)
                self._end(connecting, kind)
        patient: list[Exchange] = []
        for _ in range(len(self._waiting)):  # and not those that an end brings
            if self._waiting[0].taken > before:
                break
            waiting = self._waiting.popleft()
            if kind := judge(waiting, 0):
                waiting.pool = now() - waiting.taken
                self._end(waiting, kind)
            else:
                patient.append(waiting)
        self._waiting.extendleft(reversed(patient))

    def _end(self, exchange: Exchange, kind: Failure, detail: str = "") -> None:
        exchange.failure = kind
        exchange.detail = detail
        exchange.done = now()
        self.finished(exchange)

    def resend(self, exchange: Exchange) -> None:
        """Send again what met a stale connection: only where the scenario allows it, and timed from due."""
        exchange.stale += 1
        self._begin_connecting(exchange)


class Connection(asyncio.Protocol):
    """One TCP connection, with at most one exchange on it."""

    def __init__(self, pool: Http1Transport, sock: socket.socket) -> None:
        # for good
        self.pool = pool
        self.sock = sock
        self._send = sock.send
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # until connection_made
        self.parser = self._new_parser()
        self.direct = True  # nothing stands between us and the socket
        self.served = 0
        self.closing = False
        self.broken: Exception | None = None  # what a write met
        self.surplus = False  # more came than was asked for
        self.leaving = False  # the kernel has not taken all of the request
        # for one exchange
        self.exchange: Exchange | None = None
        self.request: PreparedRequest = pool.requests[0]
        self.number = -1  # of the plan's requests; -1: none yet, or one that was made for its exchange
        self.wire = b""
        self.expected = self.request.expected
        self.head = b""  # of an answer that comes in pieces
        self.head_kept = False
        self.headed = False
        self.complete = False
        self.kept = False
        self.busy = -1  # TCP_INFO's busy time when a large request began; -1: a small one, or not known
        self.odd = False  # something was out of the ordinary, which the end has to look at

    def _new_parser(self) -> Any:
        """A strict parser, but for lines that end in LF alone, which RFC 9112 allows to take."""
        parser = httptools.HttpResponseParser(self)
        parser.set_dangerous_leniencies(lenient_optional_cr_before_lf=True)
        return parser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write to the socket itself where nothing is in between: uvloop would wait for the loop's next turn."""
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(0)  # tells of all that is left over, and of its end
        self.direct = transport.get_extra_info("sslcontext") is None

    def start(self, exchange: Exchange, at: int) -> None:
        """Send the exchange's request; `at` is the instant."""
        exchange.sent = at
        self.exchange = exchange
        if exchange.request != self.number or exchange.asks is not None:
            self._ready(exchange)
        if len(self.wire) > LARGE:
            self.busy = busy(self.sock)
        self.write(self.wire)

    def is_clean(self) -> bool:
        """Whether it can take a request; one with bytes waiting that nobody asked for would take them for the answer."""
        served = self.served
        if not (self.pool.wary or served <= LOOK_FIRST or not served % LOOK_EVERY) or not served:
            return True
        waiting = bytearray(4)
        try:
            fcntl.ioctl(self.sock, termios.FIONREAD, waiting)
        except OSError:  # it is broken: sending will tell how
            return True
        if not any(waiting):
            return True
        self._give_up()
        return False

    def _give_up(self) -> None:
        """End a connection on which bytes came that nobody had asked for."""
        self.pool.wary = True
        self.closing = True
        self.pool.lost(self)
        self.close()

    def _ready(self, exchange: Exchange) -> None:
        """Look up what the exchange asks: seldom, since most ask the same as the one before."""
        made = exchange.asks
        self.number = exchange.request if made is None else -1
        self.request = self.pool.requests[exchange.request] if made is None else cast(PreparedRequest, made)
        self.wire, self.expected = self.request.wire, self.request.expected

    def write(self, data: bytes) -> None:
        """Hand the bytes to the kernel now; what it does not take, the transport sends later."""
        if not self.direct:
            self.transport.write(data)
            return
        try:
            taken = self._send(data)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            self.broken = error
            self.transport.abort()  # connection_lost tells
            return
        if taken < len(data):
            self.odd = True
            self.transport.write(data[taken:])

    def pause_writing(self) -> None:
        """Something is left over."""
        self.leaving = True

    def resume_writing(self) -> None:
        """The kernel has it all."""
        self.leaving = False

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer; what they complete was done when they came, before they are parsed."""
        arrived = now()
        exchange = self.exchange
        if exchange is None:  # nobody asked
            self._give_up()
            return
        exchange.received += len(data)
        if not exchange.first_byte:
            exchange.first_byte = arrived
            if len(data) == self.pool.known_length and data.startswith(self.pool.known_head):
                exchange.status = self.pool.known_status
                self.kept = True
                self._finish(exchange, arrived)
                return
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                self.fail(Failure.PROTOCOL, f"not an HTTP/1.1 answer: {error}")
                return
            self.surplus = self.odd = True
        if exchange.received > self.pool.smallest_cap and (excess := self._excess(exchange, data)):
            self.fail(*excess)
        elif self.complete:
            if self.odd or not self.served % LEARN_EVERY:
                self._look_at(exchange, data)
            self._finish(exchange, arrived)
        elif not self.head_kept:
            self._keep_head(data)

    def _look_at(self, exchange: Exchange, data: bytes) -> None:
        """What there is to learn of an answer; of one to HEAD, whether more came behind it, which the parser takes for a body."""
        if not self.odd:
            if self.kept:
                self.pool.learn(data, exchange.status)
        elif self.request.method == "HEAD":
            head = _HEADS.match(self.head + data)
            self.surplus = self.surplus or head is None or head.end() < exchange.received

    def _note_sending(self, exchange: Exchange) -> None:
        """Note how long a large request was on its way; the answer may have come sooner, or with the acknowledgement."""
        before, self.busy = self.busy, -1
        if (after := busy(self.sock)) > before:
            exchange.send = min(after - before, exchange.first_byte - exchange.sent)

    def _keep_head(self, data: bytes) -> None:
        """Keep the head of an answer that comes in pieces: it says whether the end of the connection is its end."""
        self.odd = True
        self.head += data
        self.head_kept = self.headed

    def _excess(self, exchange: Exchange, data: bytes) -> tuple[Failure, str] | None:
        """Whether the answer is larger than it may be, and how; its body counts as on the wire, with chunks' sizes."""
        request = self.request
        head = _HEADS.match(self.head if self.head_kept else self.head + data)
        length = head.end() if self.headed and head else exchange.received
        if length > request.max_head:
            return Failure.PROTOCOL, f"the answer's head is larger than {request.max_head:,} bytes"
        if exchange.received - length > request.max_body:
            return Failure.BODY_TOO_LARGE, f"the answer's body is larger than {request.max_body:,} bytes"
        return None

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone: perhaps that was the answer's end."""
        exchange, self.closing, error = self.exchange, True, self.broken or error
        self.pool.meter.closing(self.sock)
        if exchange is not None:
            head = self.headed and _HEADS.match(self.head)
            if head and error is None and not _DELIMITED.search(head[0]):
                self._finish(exchange, now())
            else:
                self._break_off(exchange, error)
        self.parser = None  # it knows us: without garbage collection neither would ever go
        self.pool.lost(self)

    def fail(self, kind: Failure, detail: str = "") -> None:
        """End the exchange as failed, and the connection with it."""
        exchange, self.exchange = self.exchange, None
        assert exchange is not None
        exchange.failure = kind
        exchange.detail = detail
        exchange.done = now()
        self.abort()
        self.pool.finished(exchange)

    def close(self) -> None:
        """End the connection in order."""
        self.closing = True
        self.pool.meter.closing(self.sock)
        self.transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        self.closing = True
        self.pool.meter.closing(self.sock)
        self.transport.abort()

    # ── the parser's callbacks ──

    def on_message_begin(self) -> None:
        """The first byte of an answer: a second one is surplus."""
        if self.complete:
            self.surplus = self.odd = True

    def on_headers_complete(self) -> None:
        """The head is there; interim ones (1xx) are passed over."""
        status = self.parser.get_status_code()
        if self.complete or status < 200:
            return
        assert self.exchange is not None
        self.exchange.status = status
        self.headed = True
        if self.request.method == "HEAD":
            self.complete = self.odd = True
            self.kept = self.parser.should_keep_alive()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self.headed:
            self.complete = True
            self.kept = self.parser.should_keep_alive()  # the parser forgets it on its way back

    def _finish(self, exchange: Exchange, at: int) -> None:
        exchange.done = at
        if exchange.status not in self.expected:
            exchange.failure = Failure.STATUS
        if self.busy >= 0:
            self._note_sending(exchange)
        if self.odd:
            self._tidy()
        kept = self.kept and not self.closing
        self.exchange = None
        self.headed = self.complete = self.kept = False
        self.served += 1
        if kept:
            self.pool.release(self)
        elif not self.closing:
            self.close()
        self.pool.finished(exchange)

    def _tidy(self) -> None:
        """Make ready for another exchange after one that was out of the ordinary, or give the connection up."""
        if self.surplus or self.leaving:  # answered before it was asked in full
            self.kept = False
            self.pool.wary = self.pool.wary or self.surplus
        if self.request.method == "HEAD":
            self.parser = self._new_parser()  # the old one still waits for a body
        self.head = b""
        self.head_kept = self.odd = False

    def _break_off(self, exchange: Exchange, error: Exception | None) -> None:
        self.exchange = None
        reused = self.served > 0
        kind = failures.of_losing(
            error,
            reused=reused,
            answering=exchange.first_byte > 0,
            headed=self.headed,
            leaving=self.leaving or self.broken is not None,
        )
        if kind is Failure.STALE:
            if self.pool.resend_stale:
                self.pool.resend(exchange)
                return
            exchange.stale += 1
        exchange.failure = kind
        exchange.detail = failures.describe(error)
        exchange.done = now()
        self.pool.finished(exchange)


class ReadingConnection(Connection):
    """A connection whose answers are read: streams of tokens, timed as they arrive, or what a model says at once."""

    def __init__(self, pool: Http1Transport, sock: socket.socket) -> None:
        super().__init__(pool, sock)
        self.arrived = 0  # the latest bytes
        self.reader: Reader | None = None
        self.content_type = b""
        self.encoding = b""

    def start(self, exchange: Exchange, at: int) -> None:
        """Send the exchange's request, and be ready to read its answer; `at` is the instant."""
        self.reader = reader_of(self.pool.requests[exchange.request])
        if self.reader is not None:
            exchange.stream = self.reader.stream
        self.content_type = self.encoding = b""
        super().start(exchange, at)

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer: all that they hold arrived now."""
        self.arrived = now()
        super().data_received(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        if name[:8].lower() == b"content-":
            if name.lower() == b"content-type":
                self.content_type = value
            elif name.lower() == b"content-encoding":
                self.encoding = value

    def on_headers_complete(self) -> None:
        """The head is there."""
        super().on_headers_complete()
        if self.headed and not self.complete and self.reader is not None:
            self.reader.take_head(self.content_type.decode("latin-1"), self.encoding.decode("latin-1"))

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self.reader is not None:
            self.reader.feed(body, self.arrived)

    def _finish(self, exchange: Exchange, at: int) -> None:
        if self.reader is not None:
            self.reader.finish(at)
            if exchange.status in self.expected:
                exchange.failure = self.reader.stream.failure
                exchange.detail = self.reader.stream.detail
        answer = exchange.answer
        if answer is not None and not exchange.failure and not self.request.satisfied_by(answer.body):
            exchange.failure = Failure.EXPECTATION  # unless the status is wrong, too
        super()._finish(exchange, at)

    def _break_off(self, exchange: Exchange, error: Exception | None) -> None:
        """The connection is gone; where the service had told why, that is the reason."""
        if exchange.stream is None or not exchange.stream.error:
            super()._break_off(exchange, error)
            return
        self.exchange = None
        exchange.failure = Failure.STREAM_ERROR
        exchange.detail = exchange.stream.error
        exchange.done = now()
        self.pool.finished(exchange)


class CapturingConnection(ReadingConnection):
    """A connection that keeps what an answer said: for probes, and where a body is held against an expectation."""

    def __init__(self, pool: Http1Transport, sock: socket.socket) -> None:
        super().__init__(pool, sock)
        self.answer = Answer([])
        self.most = pool.most_kept

    def start(self, exchange: Exchange, at: int) -> None:
        """Send the exchange's request; the exchange carries the answer."""
        exchange.answer = self.answer = Answer([])
        super().start(exchange, at)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field."""
        super().on_header(name, value)
        self.answer.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        super().on_body(body)
        if len(self.answer.body) < self.most:
            self.answer.body += body[: self.most - len(self.answer.body)]

    def _finish(self, exchange: Exchange, at: int) -> None:
        self.answer.kept = self.kept and not (self.closing or self.surplus or self.leaving)
        super()._finish(exchange, at)


def _attribute(exchange: Exchange, paid: list[int]) -> None:
    """Charge the time until a connection could not be had to the phase it ended in."""
    ends = [*paid[1:], now()]
    for phase, began, ended in zip(HANDSHAKES, paid, ends, strict=False):
        setattr(exchange, phase, ended - began)
