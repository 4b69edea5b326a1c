"""One request and its answer, and the instants that were seen of it.

    due ──lateness── taken ──pool, dns, connect, tls── sent ──send, wait── first byte ──transfer── done

A request of more than `LARGE` bytes is still leaving when it counts as sent: *send* ends with the acknowledgement of its
last byte, as the kernel tells; where that cannot be had it is zero, and the wait holds it (METHOD 3).
Every instant is `clock.now()` in nanoseconds; every phase is a duration in nanoseconds, zero where it was not paid.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Final

from librt.strings import BytesWriter, write_i64_le

if TYPE_CHECKING:
    from benchmark.measure.stream import Stream

PLAIN_FIELDS = ("due", "taken", "first_byte", "done", "status", "received", "request")
FIELDS = (*PLAIN_FIELDS, "sent", "pool", "dns", "connect", "tls", "send", "failure", "stale")
LARGE: Final = 10 * 1024  # bytes of a request, beyond which its sending takes a time of its own
MOST_BODY = 4096  # bytes kept of an answer
MOST_DETAIL = 4096  # characters kept of what a server said of a failure
MOST_READ = 1024**2  # bytes kept of one whose body must hold something


class Failure(IntEnum):
    """Why an exchange did not succeed; its name in lower case, with hyphens, is what users see."""

    NONE = 0
    # no connection
    DNS = auto()
    CONNECT_REFUSED = auto()
    CONNECT_TIMEOUT = auto()
    UNREACHABLE = auto()
    TLS_VERIFY = auto()
    TLS_HANDSHAKE = auto()
    NO_PORTS = auto()  # of this machine
    NO_FILES = auto()  # of this process
    # no whole answer
    SEND = auto()  # the connection broke before all of the request was out
    RESET = auto()
    STALE = auto()  # a kept connection that the server had closed
    CLOSED_EARLY = auto()
    TRUNCATED = auto()  # after the head
    PROTOCOL = auto()
    TIMEOUT = auto()  # before the first byte
    TIMEOUT_MIDWAY = auto()  # after it
    BODY_TOO_LARGE = auto()
    # not the answer that was expected
    STATUS = auto()
    EXPECTATION = auto()
    STREAM_ERROR = auto()  # told in the middle of a streamed answer
    STREAM_ABORTED = auto()  # given up by the service, which says so as its reason for the end
    NO_TOKEN = auto()  # a stream without one
    NOT_STREAMED = auto()  # a whole answer, where a stream was asked for
    UNKNOWN_STREAM = auto()  # of no dialect that is known
    ENCODING = auto()  # compressed in a way that is not read here
    ERROR_IN_ANSWER = auto()  # an error, told with a status of success
    # our own end
    LOST = auto()  # with the process that sent it
    CANCELLED = auto()

    @property
    def label(self) -> str:
        """The name in results and reports: `connect-refused`."""
        return self.name.lower().replace("_", "-")

    @property
    def unanswered(self) -> bool:
        """Whether the caller was left waiting, so that it ranks as infinitely slow (METHOD 4); the rest fail fast."""
        return self in _UNANSWERED


NONE: Final = Failure.NONE  # a lookup in its class would cost more than all else that an exchange begins with
TIMEOUTS = frozenset({Failure.CONNECT_TIMEOUT, Failure.TIMEOUT, Failure.TIMEOUT_MIDWAY})
_UNANSWERED = frozenset(
    {
        Failure.CONNECT_TIMEOUT,
        Failure.SEND,
        Failure.RESET,
        Failure.STALE,
        Failure.CLOSED_EARLY,
        Failure.TRUNCATED,
        Failure.TIMEOUT,
        Failure.TIMEOUT_MIDWAY,
        Failure.STREAM_ERROR,
        Failure.STREAM_ABORTED,
        Failure.NO_TOKEN,
        Failure.LOST,
        Failure.CANCELLED,
    }
)


@dataclass
class Answer:
    """What an answer said: kept by probes only."""

    headers: list[tuple[str, str]]
    body: bytes = b""  # its beginning
    kept: bool | None = None  # whether the connection stayed open after it; None: not known


class Exchange:
    """Filled in by a transport while it goes on; what was not reached keeps its zero.

    The zeros are the class's, so that an exchange costs only what it has to say.
    """

    due: int
    taken: int
    request: int  # which of the plan's requests
    failure: Failure
    sent = 0
    first_byte = 0
    done = 0
    pool = 0
    dns = 0
    connect = 0
    tls = 0
    send = 0
    status = 0
    received = 0  # bytes, head and body
    stale = 0  # reuses of a connection that the server had closed
    detail = ""  # what the system said of a failure
    answer: Answer | None = None  # what it said, for probes
    stream: Stream | None = None  # what was seen of a streamed answer
    asks: object = None  # the prepared request that was made for it alone; None: the plan's, as it stands

    def __init__(self, request: int, due: int, taken: int) -> None:
        self.request = request
        self.due = due
        self.taken = taken
        self.failure = NONE

    @property
    def plain(self) -> bool:
        """Whether it succeeded over a connection that was there: sent when taken, so that `PLAIN_FIELDS` say it all."""
        return self.sent == self.taken and not self.failure and not self.send

    def write_plain(self, rows: BytesWriter) -> None:
        """Append a plain exchange as numbers, in the order of `PLAIN_FIELDS`."""
        write_i64_le(rows, self.due)
        write_i64_le(rows, self.taken)
        write_i64_le(rows, self.first_byte)
        write_i64_le(rows, self.done)
        write_i64_le(rows, self.status)
        write_i64_le(rows, self.received)
        write_i64_le(rows, self.request)

    def write(self, rows: BytesWriter) -> None:
        """Append any exchange as numbers, in the order of `FIELDS`."""
        self.write_plain(rows)
        write_i64_le(rows, self.sent)
        write_i64_le(rows, self.pool)
        write_i64_le(rows, self.dns)
        write_i64_le(rows, self.connect)
        write_i64_le(rows, self.tls)
        write_i64_le(rows, self.send)
        write_i64_le(rows, self.failure)
        write_i64_le(rows, self.stale)
