"""What this machine allows a load: files and ports, looked at before anything is sent."""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmark.errors import InputError
from benchmark.execution.plan import Plan, TargetPlan
from benchmark.measure.probe import Probe

SPARE = 64  # files that a process has open besides its connections
TIME_WAIT = 60  # seconds that Linux keeps a port after its connection was closed from this side
LOOKED_AT = 100  # of the requests, which may be as many as a data file has rows


@dataclass(frozen=True)
class Limits:
    """Counts; `ports` is None where the system does not tell."""

    files: int
    ports: int | None

    @classmethod
    def here(cls) -> Limits:
        """Those of this process and machine."""
        return cls(raise_file_limit(), _ports())

    def shortage(self, connections: int) -> list[str]:
        """Why this many connections at once may not be had."""
        said = []
        if connections + SPARE > self.files:
            said.append(
                f"{connections:,} connections may be needed, and a process may open {self.files:,} files: raise `ulimit -n`"
            )
        if self.ports is not None and connections > self.ports:
            said.append(
                f"{connections:,} connections may be needed, and there are {self.ports:,} local ports towards one address"
            )
        return said


def raise_file_limit() -> int:
    """Allow this process and those it starts as many open files as the system lets them have; that number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS has a lower one that it does not tell
            hard = soft
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def check_files(plan: Plan, files: int) -> None:
    """Refuse a load whose connections this machine cannot open.

    Raises:
        InputError: a process would need more files than it may have open.
    """
    processes = plan.asked_processes or 1
    needed = math.ceil(plan.limit / processes) + SPARE
    if needed > files:
        key = "load.max_connections" if plan.load.connections is None else "load.connections"
        over = f" over {processes} processes" if processes > 1 else ""
        raise InputError(
            f"{plan.limit:,} connections{over} need {needed:,} open files in a process, and this system allows {files:,}: "
            f"raise `ulimit -Hn`, lower {key}, or divide them with --processes"
        )


def check_ports(plan: Plan, baseline: Mapping[str, Probe]) -> list[str]:
    """What to tell of the ports that the load needs; connections to one address each take one of their own.

    Raises:
        InputError: a target's connections at one time are more than there are ports.
    """
    ports, waiting = _ports(), _waiting()
    told = []
    for target in plan.targets:
        probe = baseline.get(target.name)
        if ports is None or probe is None:
            continue
        room = ports * max(1, len(probe.addresses))
        if plan.load.connections is not None and plan.limit > room:
            raise InputError(
                f"{target.name}: {plan.limit:,} connections need as many ports, and this system has {room:,}: "
                "widen net.ipv4.ip_local_port_range, or lower load.connections. No load was sent."
            )
        opened = plan.fastest(probe.service) * TIME_WAIT if _fresh(target, probe) else 0
        if opened > room - waiting:
            told.append(
                f"{target.name}: every request opens a connection, up to {opened:,.0f} in the minute that a port may be "
                f"kept after use, and {room - waiting:,} of {room:,} ports are free: should they run out (no-ports), keep "
                "connections open, lower the rate, or widen net.ipv4.ip_local_port_range"
            )
    return told


def _fresh(target: TargetPlan, probe: Probe) -> bool:
    """Whether every request opens a connection: it says so, or the answer did."""
    asked = (header for request in islice(target.requests, LOOKED_AT) for header in request.headers)
    return any(
        name.lower() == "connection" and "close" in value.lower() for name, value in (*asked, *probe.headers)
    )


def _ports() -> int | None:
    """How many ports connections may begin from."""
    try:
        low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        return None
    return high - low + 1


def _waiting() -> int:
    """How many connections were closed from this side and still keep their ports."""
    try:
        words = Path("/proc/net/sockstat").read_text().split()
        return int(words[words.index("tw") + 1])
    except (OSError, ValueError, IndexError):
        return 0
