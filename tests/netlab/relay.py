"""A network in user space: two namespaces, joined by paths that delay, jitter, lose and rate-limit packets.

Run as a process of its own (`python -m tests.netlab.relay SPECIFICATION`). It makes the namespaces, which are anonymous:
they are gone when it and whoever was put into them are, however they end. It runs before all else and polls for what
is nearly due, so that a packet leaves within microseconds of its instant, and logs what it did to every packet. That log,
and what its witnesses saw at the client's end, are the lab's truth.

    client namespace ── tun ──> up:   read, lose, queue, delay ──> tun ── server namespace
                     <─ tun ── down: the same back

Instants are `time.monotonic_ns()`, which all processes of a machine share. On a line of standard input it prints its log.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import struct
import subprocess
import sys
from collections import deque
from contextlib import suppress
from random import Random
from time import monotonic_ns as now
from typing import Any

from tests.netlab.witness import Witness

CLIENT, SERVER = "10.77.{}.1", "10.77.{}.2"  # a path's two ends; the number is the path's
MTU = 1500
SECOND = 1_000_000_000
SPIN = 60_000  # nanoseconds before a packet is due, from which on the relay does not sleep
LINGER = 2_000_000  # nanoseconds after a packet, in which it does not: the answer to it may be near
NEVER = sys.maxsize
LATE = 100_000  # nanoseconds: releases later than this are logged one by one

_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Let the kernel end this process when the one that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def enter(namespace: int) -> None:
    """Put this thread, and what it starts from now on, into a network namespace, given its descriptor."""
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot enter the network namespace")


# ── namespaces and devices ──


def make_namespace(addresses: dict[str, tuple[str, str]]) -> tuple[int, list[int]]:
    """Enter a new namespace, with a TUN device for each name → (own address, the other's); its descriptors."""
    if _libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot make a network namespace")
    _ip("link", "set", "lo", "up")
    devices = [_make_device(name, *ends) for name, ends in addresses.items()]
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY), devices


def _make_device(name: str, own: str, other: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN_NO_PI))
    _ip("link", "set", name, "addrgenmode", "none")  # no IPv6, whose neighbourly packets would be counted
    _ip("address", "add", own, "peer", other, "dev", name)
    _ip("link", "set", name, "mtu", str(MTU), "txqueuelen", "10000", "up")
    return device


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


# ── what is done to packets ──


class Path:
    """Both directions between the two namespaces, and a witness at the client's end."""

    def __init__(
        self, client: int, server: int, specification: dict[str, Any], seed: int, witness: Witness
    ) -> None:
        self.up = Direction(client, server, specification["up"], Random(seed))
        self.down = Direction(server, client, specification["down"], Random(seed + 1))
        self._witness = witness

    def log(self) -> dict[str, Any]:
        """Everything, as plain data."""
        return {"up": self.up.log, "down": self.down.log, **self._witness.tell()}


class Direction:
    """Takes packets from one device and hands them to the other when they are due, in their order."""

    def __init__(self, source: int, sink: int, specification: dict[str, Any], random: Random) -> None:
        self.source, self.sink = source, sink
        self.queue: deque[tuple[int, bytes]] = deque()
        self.log: dict[str, list[Any]] = {"at": [], "bytes": [], "lost": [], "late": []}
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
        log = self.log
        log["at"].append(at)
        log["bytes"].append(len(packet))
        if self._loss and self._random.random() < self._loss:
            log["lost"].append(at)
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
                self.log["late"].append([at, at - due])


# ── the process ──


def main() -> None:
    """Make the lab, say where it is, and relay until standard input ends."""
    die_with_parent()
    specification: dict[str, Any] = json.loads(sys.argv[1])
    numbers = {name: number for number, name in enumerate(specification, 1)}
    ends = {name: (CLIENT.format(number), SERVER.format(number)) for name, number in numbers.items()}
    client, clients = make_namespace(ends)
    witnesses = [Witness(name) for name in ends]
    server, servers = make_namespace({name: (theirs, own) for name, (own, theirs) in ends.items()})
    paths = {
        name: Path(near, far, specification[name], 2 * numbers[name], witness)
        for name, near, far, witness in zip(specification, clients, servers, witnesses, strict=True)
    }
    take_precedence(rank=2)
    print(json.dumps({"client": client, "server": server, "ends": ends}), flush=True)
    relay(paths)


def take_precedence(process: int = 0, rank: int = 1) -> None:
    """Let a process (0: this one) run before all that are not of this lab: niceness counts within a session only."""
    with suppress(PermissionError):  # a container may forbid it; then other programs make it late
        os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(rank))


def relay(paths: dict[str, Path]) -> None:
    """Poll while packets are about or nearly due, else sleep, lest it take a core from those who talk through it."""
    gc.collect()
    gc.disable()
    directions = [direction for path in paths.values() for direction in (path.up, path.down)]
    by_source = {direction.source: direction for direction in directions}
    sources = [*by_source, 0]
    gaps: list[list[int]] = []  # when the relay itself was late: [until, for how long]
    while True:
        due = min(direction.due for direction in directions)
        idle = (at := now()) - max(direction.latest for direction in directions)
        left = 0 if idle < LINGER else max(0, due - SPIN - at) / SECOND if due < NEVER else None
        for ready in select.select(sources, (), (), left)[0]:
            if ready in by_source:
                by_source[ready].take()
            elif not sys.stdin.readline():
                return
            else:
                print(json.dumps({"gaps": gaps, "paths": {n: p.log() for n, p in paths.items()}}), flush=True)
                due = NEVER
        for direction in directions:
            direction.give()
        if (late := now() - due) > LATE:
            gaps.append([due + late, late])


if __name__ == "__main__":
    main()
