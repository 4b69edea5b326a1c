"""The lab's relay: the practice network's own, made precise, with a witness at the client's end of every path.

Run as a process of its own (`python -m tests.netlab.relay SPECIFICATION`). It runs before all else and polls for what is
nearly due, so that a packet leaves within microseconds of its instant, and logs what it did to every packet. That log,
and what its witnesses saw at the client's end, are the lab's truth. On a line of standard input it prints its log.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from contextlib import suppress
from random import Random
from typing import Any

from benchmark.simulation.relay import CLIENT, SERVER, Direction, make_namespace, relay
from tests.netlab.witness import Witness

LINGER = 2_000_000  # nanoseconds after a packet, in which it polls: the answer to it may be near

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Let the kernel end this process when the one that started it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def take_precedence(process: int = 0, rank: int = 1) -> None:
    """Let a process (0: this one) run before all that are not of this lab: niceness counts within a session only."""
    with suppress(PermissionError):  # a container may forbid it; then other programs make it late
        os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(rank))


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
    gaps: list[tuple[int, int]] = []  # when the relay itself was late

    def tell() -> bool:
        if not sys.stdin.readline():
            return False
        print(json.dumps({"gaps": gaps, "paths": {n: p.log() for n, p in paths.items()}}), flush=True)
        return True

    directions = [direction for path in paths.values() for direction in (path.up, path.down)]
    relay(directions, sys.stdin.fileno(), tell, linger=LINGER, gaps=gaps)


if __name__ == "__main__":
    main()
