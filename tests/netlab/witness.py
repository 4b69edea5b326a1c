"""What a client's network device saw, in the kernel's own words: the lab's truth of every TCP connection.

The kernel stamps each packet when it leaves for the device and when it comes from there, whoever else is kept waiting by
then: the relay, which a packet has to wake, or the client, which is woken by one. So what these stamps enclose is the
network and what is beyond it, and nothing of the client. They are kept in the socket until they are asked for, for to
read them meanwhile would take a core from those who are measured.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

ROOM = 1 << 26  # bytes of packets that the kernel keeps
HEADERS = 128  # bytes of a packet that are looked at
_ALL = 0x0003  # ETH_P_ALL: packets that leave, too
_STAMPS = 35  # SO_TIMESTAMPNS
_BUFFER = 33  # SO_RCVBUFFORCE
_LEAVING = 4  # PACKET_OUTGOING
_STATISTICS = (263, 6)  # SOL_PACKET, PACKET_STATISTICS: seen and dropped
_STAMP = struct.Struct("qq")
_SYN = 0x02


class Segment(NamedTuple):
    """A TCP segment, as it passed the client's device."""

    at: int
    leaving: bool
    source: int
    destination: int
    sequence: int
    acknowledged: int
    flags: int
    payload: int


class Witness:
    """Listens at a device of the namespace that this thread is in."""

    def __init__(self, device: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, _BUFFER, ROOM)
        self._socket.setsockopt(socket.SOL_SOCKET, _STAMPS, 1)
        self._socket.bind((device, _ALL))
        self._segments: list[Segment] = []
        self._ahead = wall_clock_ahead()

    def tell(self) -> dict[str, Any]:
        """All connections up to now, when bytes left that had left before, and the error of these instants."""
        self._segments += self._read()
        _, dropped = struct.unpack("II", self._socket.getsockopt(*_STATISTICS, 8))
        if dropped:
            raise RuntimeError(f"the kernel kept too little: {dropped} packets went by unseen")
        drift = abs(
            wall_clock_ahead() - self._ahead
        )  # of one clock against the other, since it began to listen
        return followed(self._segments) | {"error": drift}

    def _read(self) -> Iterator[Segment]:
        ahead = wall_clock_ahead()
        with suppress(BlockingIOError):
            while True:
                packet, said, _, (_, _, kind, *_) = self._socket.recvmsg(HEADERS, 256)
                seconds, rest = _STAMP.unpack(said[0][2])
                at = seconds * 1_000_000_000 + rest - ahead
                if segment := parse(packet, at, leaving=kind == _LEAVING):
                    yield segment


def wall_clock_ahead() -> int:
    """Nanoseconds from the clock that all else here uses to the one by which the kernel stamps; of the closest pair of looks."""
    looks = [(time.monotonic_ns(), time.time_ns(), time.monotonic_ns()) for _ in range(20)]
    before, wall, behind = min(looks, key=lambda look: look[2] - look[0])
    return wall - (before + behind) // 2


def parse(packet: bytes, at: int, *, leaving: bool) -> Segment | None:
    """TCP over IPv4; None: something else."""
    if packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
        return None
    head = (packet[0] & 15) * 4
    size = int.from_bytes(packet[2:4], "big")
    source, destination, sequence, acknowledged, offset, flags = struct.unpack_from("!HHIIBB", packet, head)
    payload = size - head - (offset >> 4) * 4
    return Segment(at, leaving, source, destination, sequence, acknowledged, flags, payload)


class Flow:
    """One TCP connection, as its client sees it: `turns` are a request and its answer each, in order.

    A turn is five instants: first and last byte asked, last byte acknowledged, first and last byte answered.
    """

    def __init__(self, opened: int, sequence: int) -> None:
        self.opened = opened
        self.connected = 0
        self.shortest = 0  # of its round trips: the handshake's, and those from a request's last byte to its acknowledgement
        self.turns: list[list[int]] = []
        self.sent = sequence + 1 & 0xFFFFFFFF  # the sequence number after the client's last byte

    def asks(self, segment: Segment) -> bool:
        """The client sends bytes; whether it had not sent them before."""
        end = segment.sequence + segment.payload & 0xFFFFFFFF
        if not after(end, self.sent):
            return False
        if not self.turns or self.turns[-1][3]:
            self.turns.append([segment.at, segment.at, 0, 0, 0])
        self.turns[-1][1:3] = [segment.at, 0]
        self.sent = end
        return True

    def hears(self, segment: Segment) -> None:
        """The client is handed a segment."""
        if segment.flags & _SYN and not self.connected:
            self.connected = segment.at
            self.shortest = segment.at - self.opened
        if not self.turns:
            return
        turn = self.turns[-1]
        if not turn[2] and segment.acknowledged == self.sent:
            turn[2] = segment.at
            self.shortest = min(self.shortest, segment.at - turn[1])
        if segment.payload:
            turn[3] = turn[3] or segment.at
            turn[4] = segment.at


def followed(segments: list[Segment]) -> dict[str, Any]:
    """The connections that segments belong to, and when some left again, as plain data."""
    flows: dict[int, Flow] = {}  # by the client's port; a port that is used again is another flow
    all_flows: list[Flow] = []
    again: list[int] = []
    for segment in segments:
        flow = flows.get(segment.source if segment.leaving else segment.destination)
        if not segment.leaving:
            if flow:
                flow.hears(segment)
        elif segment.flags & _SYN:
            if flow and not flow.connected:
                again.append(segment.at)
            else:
                flow = flows[segment.source] = Flow(segment.at, segment.sequence)
                all_flows.append(flow)
        elif flow and segment.payload and not flow.asks(segment):
            again.append(segment.at)
    told = [
        {"opened": flow.opened, "connected": flow.connected, "shortest": flow.shortest, "turns": flow.turns}
        for flow in all_flows
    ]
    return {"flows": told, "again": again}


def after(one: int, other: int) -> bool:
    """Whether a sequence number comes after another, round the corner too."""
    return 0 < (one - other & 0xFFFFFFFF) < 1 << 31
