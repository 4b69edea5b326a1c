"""What this machine allows a load generator: open files, and local ports towards one address."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

SPARE = 64  # files that a process needs for itself
_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True)
class Limits:
    """Counts; `ports` is None where the system does not tell."""

    files: int
    ports: int | None

    @classmethod
    def here(cls) -> Limits:
        """Those of this process and machine."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            low, high = map(int, _PORTS.read_text().split())
        except (OSError, ValueError):
            return cls(files, None)
        return cls(files, high - low + 1)

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
