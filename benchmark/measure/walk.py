"""The way to a target, step by step: what was seen of its name, of each of its addresses, and of TLS.

Durations are in nanoseconds. A step that was not reached is missing or empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.measure.exchange import Failure


@dataclass(frozen=True)
class Place:
    """One address that the name led to, and whether it takes connections."""

    ip: str
    port: int
    connect: int
    failure: Failure = Failure.NONE
    detail: str = ""  # what the system said of the failure

    @property
    def address(self) -> str:
        """`ip:port`, an IPv6 address in brackets."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


@dataclass(frozen=True)
class Certificate:
    """What a server's certificate says of itself."""

    names: tuple[str, ...]
    issuer: str
    begins: float  # seconds since 1970
    ends: float


@dataclass(frozen=True)
class Tls:
    """The handshake on the first place that took a connection."""

    handshake: int
    version: str = ""
    certificate: Certificate | None = None
    failure: Failure = Failure.NONE
    detail: str = ""


@dataclass(frozen=True)
class Walk:
    """From a name to a secured connection, one step after the other."""

    resolver: str  # who was asked, in words; empty: nobody, the places were listed
    dns: int
    places: tuple[Place, ...] = ()
    tls: Tls | None = None  # None: plain HTTP, or not reached
    unresolved: str = ""  # what the system said when the name led nowhere

    @property
    def failure(self) -> tuple[Failure, str]:
        """Why no request can be sent, and what the system said; the first place speaks for all of them."""
        if self.unresolved or not self.places:
            return Failure.DNS, self.unresolved
        if all(place.failure for place in self.places):
            return self.places[0].failure, self.places[0].detail
        return (self.tls.failure, self.tls.detail) if self.tls else (Failure.NONE, "")
