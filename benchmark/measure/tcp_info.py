"""What the kernel says of a TCP connection: its shortest round trip, and what it put on the wire.

Read from Linux's `TCP_INFO` by the offsets of `struct tcp_info`, which only ever grows at its end: a few microseconds a
connection, none a request. The kernel's smoothed round trip is left out, for it rides on delayed acknowledgements and so
measures the server.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np

from benchmark.units import MICROSECOND

# options 5 · total_retrans 100 · bytes_received 128 · segs_out 136 · segs_in 140 · min_rtt 148 · bytes_sent 200 (4.19)
_FIELDS = struct.Struct("=5xB94xI24xQII4xI48xQ")
_BUSY = struct.Struct("=168xQ")  # busy_time (4.9), microseconds in ticks of the kernel's: 1 to 10 ms
_ROWS = np.dtype(
    {
        "names": ["options", "retransmits", "received", "segments_out", "segments_in", "shortest", "sent"],
        "formats": ["u1", "u4", "u8", "u4", "u4", "u4", "u8"],
        "offsets": [5, 100, 128, 136, 140, 148, 200],
        "itemsize": _FIELDS.size,
    }
)
BATCH = 1024  # connections that were read and are looked into at once
_TIMESTAMPS = 1  # an option that both ends agreed on
_TCP_HEADER, _TIMESTAMP_OPTION, _MORE_IN_SYN = (
    20,
    12,
    8,
)  # bytes; a SYN also offers MSS, SACK and window scaling
_IP_HEADER = {socket.AF_INET: 20, socket.AF_INET6: 40}
_NEVER_TIMED = 0xFFFFFFFF
_family_of = (
    socket.SocketType.family.__get__
)  # as a bare number: an enumeration's member costs as much as the look
AT_ONCE = 64  # connections read in one turn of the loop while a load runs


class Traffic(NamedTuple):
    """What went over a connection so far, as this end's kernel counted it."""

    retransmits: int = 0  # segments that this end sent again
    segments_sent: int = 0
    segments_received: int = 0
    ip_bytes_sent: int = 0  # with TCP and IP headers, and what was sent again
    ip_bytes_received: int = 0  # the same, but for what came twice

    def since(self, before: Traffic) -> Traffic:
        """What was added."""
        return Traffic(*(now - then for now, then in zip(self, before, strict=True)))


NOTHING = Traffic()


def read(sock: socket.socket) -> tuple[int, Traffic] | None:
    """The shortest round trip (nanoseconds; zero: not timed yet) and the traffic; None where they cannot be had."""
    if sys.platform != "linux":
        return None
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _FIELDS.size)
    except OSError:  # it is closed
        return None
    if len(told) < _FIELDS.size:  # an older kernel
        return None
    options, retransmits, received, segments_out, segments_in, shortest, sent = _FIELDS.unpack(told)
    header = (
        _IP_HEADER.get(sock.family, 0) + _TCP_HEADER + (_TIMESTAMP_OPTION if options & _TIMESTAMPS else 0)
    )
    traffic = Traffic(
        retransmits,
        segments_out,
        segments_in,
        sent + segments_out * header + _MORE_IN_SYN * (segments_out > 0),
        received + segments_in * header + _MORE_IN_SYN * (segments_in > 0),
    )
    return (0 if shortest == _NEVER_TIMED else shortest * MICROSECOND), traffic


def busy(sock: socket.socket) -> int:
    """How long (nanoseconds) bytes of ours have been on their way, from the first write to their acknowledgement; -1: not told.

    In all since the connection was made: what one request took is the difference of two looks. It steps by a tick of the
    kernel's, and is true on average.
    """
    if sys.platform != "linux":
        return -1
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BUSY.size)
    except OSError:  # it is closed
        return -1
    return int(_BUSY.unpack(told)[0]) * MICROSECOND if len(told) == _BUSY.size else -1


class Meter:
    """Adds up what a transport's connections carry in the measured part of a round.

    A transport says when a connection is there and, before it is closed, that it goes.
    """

    def __init__(self) -> None:
        self._open: dict[
            socket.socket, Traffic | None
        ] = {}  # what it had carried when counting began; None: not counted
        self._counting = False
        self._sum = Counter[str]()
        self._round_trips: list[int] = []
        self._closed: dict[int, list[bytes]] = defaultdict(
            list
        )  # by family, what was read and not yet looked into

    def opened(self, sock: socket.socket) -> None:
        """A connection is there."""
        self._open[sock] = NOTHING if self._counting else None

    def closing(self, sock: socket.socket) -> None:
        """A connection goes; told twice, it counts once."""
        if sock not in self._open:
            return
        before = self._open.pop(sock)
        if before is NOTHING and sys.platform == "linux":
            self._put_by(sock)
        else:
            self._add(sock, before)

    def _put_by(self, sock: socket.socket) -> None:
        """Keep what the kernel says of a connection that is counted whole; where each request has one there are many."""
        try:
            told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _FIELDS.size)
        except OSError:  # it is closed
            return
        put_by = self._closed[_family_of(sock)]
        put_by.append(told)
        if len(put_by) >= BATCH:
            self._count_closed()

    def _count_closed(self) -> None:
        """Look into what was put by, all at once."""
        for family, put_by in self._closed.items():
            told = np.frombuffer(b"".join(each for each in put_by if len(each) == _FIELDS.size), _ROWS)
            put_by.clear()
            if not len(told):
                continue
            header = _IP_HEADER.get(socket.AddressFamily(family), 0) + _TCP_HEADER
            headers = header + _TIMESTAMP_OPTION * (told["options"] & _TIMESTAMPS > 0).astype(np.int64)
            ways = (("sent", "segments_out"), ("received", "segments_in"))
            for way, segments in ways:
                count = told[segments].astype(np.int64)
                carried = told[way].astype(np.int64) + count * headers + _MORE_IN_SYN * (count > 0)
                self._sum[f"segments_{way}"] += int(count.sum())
                self._sum[f"ip_bytes_{way}"] += int(carried.sum())
            self._sum["retransmits"] += int(told["retransmits"].sum())
            trips = told["shortest"].astype(np.int64)
            self._round_trips += (trips[(trips > 0) & (trips != _NEVER_TIMED)] * MICROSECOND).tolist()

    def begin(self) -> None:
        """Count from now on; many connections are read in several turns, so that none of them is long."""
        self._counting = True
        self._sum.clear()
        self._note(list(self._open))

    def _note(self, left: list[socket.socket]) -> None:
        for sock in left[-AT_ONCE:]:
            if sock in self._open and (told := read(sock)):
                self._open[sock] = told[1]
        if left := left[:-AT_ONCE]:
            asyncio.get_running_loop().call_soon(self._note, left)

    def take(self) -> tuple[Counter[str], list[int]]:
        """What was carried since `begin`, and each connection's shortest round trip (ns); begins from nothing."""
        for sock, before in self._open.items():
            self._add(sock, before)
            self._open[sock] = None
        self._count_closed()
        taken = self._sum, self._round_trips
        self._counting, self._sum, self._round_trips = False, Counter(), []
        return taken

    def _add(self, sock: socket.socket, before: Traffic | None) -> None:
        told = read(sock)
        if told is None:
            return
        shortest, traffic = told
        if shortest:
            self._round_trips.append(shortest)
        if before is not None:
            self._sum.update(traffic.since(before)._asdict())
