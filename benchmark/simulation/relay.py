"""A network in user space: two namespaces, joined by paths that delay, jitter, lose and rate-limit packets.

    client namespace ── tun ──> up:   read, lose, queue, delay ──> tun ── server namespace
                     <─ tun ── down: the same back

The namespaces are anonymous: they are gone when every process in them is, however it ended. Instants are
`time.monotonic_ns()`, which all processes of a machine share. Linux only.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import os
import select
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from time import monotonic_ns as now
from typing import TypedDict

CLIENT, SERVER = "10.77.{}.1", "10.77.{}.2"  # a path's two ends; the number is the path's
MTU = 1500
QUEUE = 10_000  # packets that a device holds
SECOND = 1_000_000_000
SPIN = 60_000  # nanoseconds before a packet is due, from which on a precise relay does not sleep
NEVER = sys.maxsize
LATE = 100_000  # nanoseconds: releases later than this are logged one by one
TUN = "/dev/net/tun"

_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_IFF_UP = 0x1
_GET_FLAGS, _SET_FLAGS = 0x8913, 0x8914  # SIOCGIFFLAGS and so on, of <linux/sockios.h>
_SET_ADDRESS, _SET_PEER = 0x8916, 0x8918
_SET_MTU, _SET_QUEUE = 0x8922, 0x8943


class Specification(TypedDict, total=False):
    """What one direction of a path does to packets; what is left out, it does not."""

    delay: float  # seconds
    jitter: float  # seconds at most, on top; the order is kept
    loss: float  # share
    bits_per_second: float


# ── namespaces and devices ──


def enter(namespace: int) -> None:
    """Put this thread, and what it starts from now on, into a network namespace, given its descriptor.

    Raises:
        OSError: it may not.
    """
    _call("setns", namespace, _CLONE_NEWNET)


def become_user_of(namespace: int) -> None:
    """Put this process, which has one thread, into a user namespace: there it may enter what was made in it.

    Raises:
        OSError: it may not, or has several threads.
    """
    _call("setns", namespace, _CLONE_NEWUSER)


def make_user_namespace() -> int | None:
    """Where this user may make no network namespace, enter a new user namespace that may; its descriptor.

    Raises:
        OSError: this system allows neither.
    """
    if os.geteuid() == 0:
        return None
    user, group = os.getuid(), os.getgid()
    _call("unshare", _CLONE_NEWUSER)
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"{user} {user} 1")
    (own / "gid_map").write_text(f"{group} {group} 1")
    return os.open("/proc/self/ns/user", os.O_RDONLY)


def make_namespace(ends: dict[str, tuple[str, str]]) -> tuple[int, list[int]]:
    """Enter a new network namespace, with a TUN device for each name → (own address, the other's); its descriptors.

    Raises:
        OSError: this system does not allow it, or has no TUN devices.
    """
    _call("unshare", _CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        _set_up(asking, "lo")
        devices = [_make_device(asking, name, *addresses) for name, addresses in ends.items()]
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY), devices


def _make_device(asking: socket.socket, name: str, own: str, other: str) -> int:
    device = os.open(TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    with suppress(OSError):  # no IPv6, whose neighbourly packets would be counted; some systems have none
        Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    for request, address in ((_SET_ADDRESS, own), (_SET_PEER, other)):
        place = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(asking, request, struct.pack("16s16s8x", name.encode(), place))
    fcntl.ioctl(asking, _SET_MTU, struct.pack("16si20x", name.encode(), MTU))
    with suppress(
        PermissionError
    ):  # Linux asks for the machine's root here; 500, its default, is enough for a demo
        fcntl.ioctl(asking, _SET_QUEUE, struct.pack("16si20x", name.encode(), QUEUE))
    _set_up(asking, name)
    return device


def _set_up(asking: socket.socket, name: str) -> None:
    """Switch a device on, now that it has its addresses: its route comes with that."""
    (flags,) = struct.unpack_from(
        "H", fcntl.ioctl(asking, _GET_FLAGS, struct.pack("16s24x", name.encode())), 16
    )
    fcntl.ioctl(asking, _SET_FLAGS, struct.pack("16sH22x", name.encode(), flags | _IFF_UP))


def _call(function: str, *arguments: int) -> None:
    """A system call that Python 3.11 has no name for."""
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


# ── what is done to packets ──


class Direction:
    """Takes packets from one device and hands them to the other when they are due, in their order."""

    def __init__(self, source: int, sink: int, specification: Specification, random: Random) -> None:
        self.source, self.sink = source, sink
        self.queue: deque[tuple[int, bytes]] = deque()
        self.log = Log()
        self._random = random
        self._delay = round(specification.get("delay", 0) * SECOND)
        self._jitter = round(specification.get("jitter", 0) * SECOND)
        self._loss = specification.get("loss", 0.0)
        rate = specification.get("bits_per_second")
        self._per_byte = 8 * SECOND / rate if rate else 0.0
        self._free = 0.0  # when the narrow place is free again
        self._last = 0
        self.latest = 0  # when it last read or handed over a packet

    @property
    def due(self) -> int:
        """When the next packet is to be handed over."""
        return self.queue[0][0] if self.queue else NEVER

    def take(self) -> None:
        """Read one packet, and decide when it is handed over, if at all."""
        packet = os.read(self.source, 65536)
        at = self.latest = now()
        self.log["at"].append(at)
        self.log["bytes"].append(len(packet))
        if self._loss and self._random.random() < self._loss:
            self.log["lost"].append(at)
            return
        self._free = max(self._free, at) + len(packet) * self._per_byte
        due = round(self._free) + self._delay + (self._random.randrange(self._jitter) if self._jitter else 0)
        self._last = max(self._last, due)  # a network like this one keeps the order
        self.queue.append((self._last, packet))

    def give(self) -> None:
        """Hand over what is due."""
        while self.queue and self.queue[0][0] <= (at := now()):
            due, packet = self.queue.popleft()
            os.write(self.sink, packet)
            self.latest = at
            if at - due > LATE:
                self.log["late"].append((at, at - due))


class Log(dict[str, list[object]]):
    """What a direction did: `at` and `bytes` of each packet, `lost` instants, `late` ones with by how much."""

    def __init__(self) -> None:
        super().__init__(at=[], bytes=[], lost=[], late=[])


# ── the loop ──


def relay(
    directions: Sequence[Direction],
    control: int,
    heard: Callable[[], bool],
    *,
    linger: int = 0,
    gaps: list[tuple[int, int]] | None = None,
) -> None:
    """Hand packets over until `heard`, which is called when the descriptor `control` can be read, is false.

    Args:
        linger: nanoseconds after a packet for which it polls, for the answer to it may be near. With 0 it sleeps
            whenever nothing is due, and is late by what waking takes, some 0.05 ms.
        gaps: takes when it was itself late by more than `LATE`: (until, for how long).
    """
    gc.collect()
    gc.disable()
    by_source = {direction.source: direction for direction in directions}
    sources = [*by_source, control]
    while True:
        due = min(direction.due for direction in directions)
        idle = (at := now()) - max(direction.latest for direction in directions)
        early = SPIN if linger else 0
        left = 0 if idle < linger else max(0, due - early - at) / SECOND if due < NEVER else None
        for ready in select.select(sources, (), (), left)[0]:
            if ready in by_source:
                by_source[ready].take()
            elif heard():
                due = NEVER
            else:
                return
        for direction in directions:
            direction.give()
        if gaps is not None and (late := now() - due) > LATE:
            gaps.append((due + late, late))
