"""The instances of a service that are called without a gateway, and what was seen when their list was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.measure.probe import Probe

ANSWERED, FAILED = (
    "answered by ",
    "failed at ",
)  # an instance, by its address: the names of a recording's counters


@dataclass(frozen=True)
class Instance:
    """One instance, and its weight among the others."""

    ip: str
    port: int
    weight: int

    @property
    def address(self) -> str:
        """`ip:port`, an IPv6 address in brackets."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True)
class Lookup:
    """What came of asking for the list: instances, or why there are none."""

    url: str  # what was asked, last
    probe: Probe  # how it answered
    instances: tuple[Instance, ...] = ()
    problem: str = ""  # why there is no list, in words
