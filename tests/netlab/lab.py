"""The network lab, as tests use it: paths with a known truth between a client's namespace and a server's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.relay import enter
from tests.netlab.relay import die_with_parent

ROOT = Path(__file__).parents[2]

PUBLIC = {"delay": 0.015, "bits_per_second": 20_000_000}  # one way: a 30 ms round trip
VPC = {"delay": 0.00025}
FIRST_ASKED, LAST_ASKED, ACKNOWLEDGED, FIRST_ANSWERED, LAST_ANSWERED = range(5)  # a turn's instants


def missing() -> str:
    """Why there can be no lab here; empty: there can."""
    if os.geteuid() != 0:
        return "the network lab makes network namespaces, which takes root"
    if not os.access("/dev/net/tun", os.W_OK):
        return "the network lab needs /dev/net/tun"
    return ""


class Lab:
    """Two namespaces and the paths between them, for as long as the `with` block lasts.

    Args:
        paths: by name, what both directions do to packets; see `relay.Direction`.
    """

    def __init__(self, **paths: dict[str, Any]) -> None:
        self._specification = {name: {"up": path, "down": path} for name, path in paths.items()}
        self.hosts: dict[str, str] = {}  # where the server is, by path

    def __enter__(self) -> Self:
        self._relay = subprocess.Popen(
            [sys.executable, "-m", "tests.netlab.relay", json.dumps(self._specification)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=die_with_parent,
        )
        try:
            told = self._hear()
            self._namespaces = {
                side: os.open(f"/proc/{self._relay.pid}/fd/{told[side]}", os.O_RDONLY)
                for side in ("client", "server")
            }
        except BaseException:
            self._end()
            raise
        self.hosts = {name: server for name, (_, server) in told["ends"].items()}
        return self

    def __exit__(self, *error: object) -> None:
        for namespace in self._namespaces.values():
            os.close(namespace)
        self._end()

    @contextmanager
    def inside(self, side: str) -> Iterator[None]:
        """Within, sockets are made and processes started in the namespace of the `client` or the `server`."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            enter(self._namespaces[side])
            yield
        finally:
            enter(home)
            os.close(home)

    def identities(self) -> dict[str, str]:
        """Each side's namespace, as processes that are in it show it: `net:[4026532…]`."""
        return {side: f"net:[{os.fstat(namespace).st_ino}]" for side, namespace in self._namespaces.items()}

    def truth(self) -> Truth:
        """What the relay has seen and done up to now. It stands still while it tells: ask when the load is over."""
        assert self._relay.stdin
        self._relay.stdin.write("tell\n")
        self._relay.stdin.flush()
        return Truth(self._hear())

    def _hear(self) -> dict[str, Any]:
        assert self._relay.stdout
        line = self._relay.stdout.readline()
        if not line:
            raise RuntimeError(f"the relay ended by itself (exit status {self._relay.wait(5)})")
        told: dict[str, Any] = json.loads(line)
        return told

    def _end(self) -> None:
        self._relay.kill()
        self._relay.wait()
        for pipe in (self._relay.stdin, self._relay.stdout):
            assert pipe
            pipe.close()


@dataclass(frozen=True)
class Window:
    """A stretch of time, such as a round's measured part (nanoseconds of the clock)."""

    begin: int
    end: int

    def of(self, instants: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these are in it."""
        return (instants >= self.begin) & (instants <= self.end)


class Truth:
    """What the client's devices saw, and what the relay did (its log)."""

    def __init__(self, log: dict[str, Any]) -> None:
        self._log = log

    def round_trips(self, path: str) -> NDArray[np.int64]:
        """From SYN to SYN-ACK, of every connection."""
        flows = self._log["paths"][path]["flows"]
        return np.array([flow["connected"] - flow["opened"] for flow in flows if flow["connected"]])

    def shortest(self, path: str) -> NDArray[np.int64]:
        """The shortest round trip of every connection that asked anything."""
        return np.array([flow["shortest"] for flow in self._log["paths"][path]["flows"] if flow["turns"]])

    def exchanges(self, path: str, *windows: Window, nth: int) -> NDArray[np.int64]:
        """Of every connection opened in one of the windows: SYN left, SYN-ACK came, first byte left, and its nth turn.

        Where each exchange has a connection of its own, that turn is the request: the first, or the second over TLS 1.3,
        whose handshake ends just ahead of the request, in one turn with it. What TLS says when it ends may be another.
        """
        kept = [
            [flow["opened"], flow["connected"], flow["turns"][0][FIRST_ASKED], *flow["turns"][nth]]
            for flow in self._log["paths"][path]["flows"]
            if len(flow["turns"]) > nth and flow["turns"][nth][LAST_ANSWERED]
        ]
        rows = np.array(kept, np.int64).reshape(-1, 8)
        return rows[within(rows[:, 0], windows)]

    def turns(self, path: str, *windows: Window) -> NDArray[np.int64]:
        """A row of five instants for each answered request that began in one of the windows."""
        kept = [
            turn
            for flow in self._log["paths"][path]["flows"]
            for turn in flow["turns"]
            if turn[LAST_ANSWERED]
        ]
        turns = np.array(kept, np.int64).reshape(-1, 5)
        return turns[within(turns[:, FIRST_ASKED], windows)]

    def packets(self, path: str, direction: str, *windows: Window) -> tuple[int, int]:
        """Packets and bytes of IP that were sent, lost ones too."""
        log = self._log["paths"][path][direction]
        kept = within(np.array(log["at"], np.int64), windows)
        return int(kept.sum()), int(np.array(log["bytes"], np.int64)[kept].sum())

    def lost(self, path: str, direction: str, *windows: Window) -> int:
        """Packets that the relay dropped."""
        return int(within(np.array(self._log["paths"][path][direction]["lost"], np.int64), windows).sum())

    def sent_again(self, path: str, *windows: Window) -> int:
        """Segments of the client whose bytes had been sent before."""
        return int(within(np.array(self._log["paths"][path]["again"], np.int64), windows).sum())

    def late(self, path: str) -> float:
        """The share of packets that the relay handed over more than 0.1 ms after they were due."""
        log = self._log["paths"][path]
        counts = [(len(log[way]["late"]), len(log[way]["at"])) for way in ("up", "down")]
        return sum(late for late, _ in counts) / max(1, sum(count for _, count in counts))

    def error(self) -> float:
        """Nanoseconds by which its own instants may be off: how far the kernel's two clocks went apart meanwhile."""
        return float(max(path["error"] for path in self._log["paths"].values()))

    def standstill(self) -> float:
        """Seconds in which the relay was not running, in stretches of more than 0.1 ms."""
        return float(sum(lasted for _, lasted in self._log["gaps"])) / 1e9


def within(instants: NDArray[np.int64], windows: tuple[Window, ...]) -> NDArray[np.bool_]:
    """Which instants are in any of the windows; all, where there are none."""
    if not windows:
        return np.ones(len(instants), np.bool_)
    chosen = np.zeros(len(instants), np.bool_)
    for window in windows:
        chosen |= window.of(instants)
    return chosen
