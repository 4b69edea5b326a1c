"""One request and its answer, and the instants that were seen of it.

    due ──lateness── taken ──pool, dns, connect, tls── sent ──send, wait── first byte ──transfer── done

A request of more than `LARGE` bytes is still leaving when it counts as sent: *send* ends with the acknowledgement of its
last byte, as the kernel tells; where that cannot be had it is zero, and the wait holds it (METHOD 3).
Every instant is `clock.now()` in nanoseconds; every phase is a duration in nanoseconds, zero where it was not paid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.measure.stream import Stream

PLAIN_FIELDS = ("due", "taken", "first_byte", "done", "status", "received", "request")
FIELDS = (*PLAIN_FIELDS, "sent", "pool", "dns", "connect", "tls", "send", "failure", "stale")
LARGE = 10 * 1024  # bytes of a request, beyond which its sending takes a time of its own
Pack = Callable[..., None]  # what `struct` packs numbers with
MOST_BODY = 4096  # bytes kept of an answer
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


NONE = Failure.NONE  # to look a member up in its class costs more than all else that an exchange begins with
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

    def pack_plain(self, pack: Pack, into: bytearray, at: int) -> None:
        """Write a plain exchange there as numbers, in the order of `PLAIN_FIELDS`."""
        pack(
            into,
            at,
            self.due,
            self.taken,
            self.first_byte,
            self.done,
            self.status,
            self.received,
            self.request,
        )

    def pack(self, pack: Pack, into: bytearray, at: int) -> None:
        """Write any exchange there as numbers, in the order of `FIELDS`."""
        pack(
            into, at, self.due, self.taken, self.first_byte, self.done, self.status, self.received, self.request,
            self.sent, self.pool, self.dns, self.connect, self.tls, self.send, self.failure, self.stale,
        )  # fmt: skip
