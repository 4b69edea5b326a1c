"""What a practice service is told to be like: plain frozen values, known truth for whoever measures it.

Durations are in seconds. Everything random in it is drawn from streams that `seed` fixes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from benchmark.simulation.laws import Constant, Law


class Stall(NamedTuple):
    """The service stands still, `at` seconds after it began to listen, for `lasts` seconds."""

    at: float
    lasts: float


@dataclass(frozen=True, slots=True)
class Path:
    """The network path in front of an address, as its requests and answers feel it.

    Only what travels on an open connection feels it: connecting and TLS are as fast as loopback is. An answer
    leaves in one piece when its last byte would have arrived, so that a narrow path reads as waiting.
    """

    round_trip: float = 0.0  # half of it before the service, half after
    jitter: float = 0.0  # mean of an exponential delay on top
    loss: float = 0.0  # share of the exchanges that lose a packet, and wait for its retransmission
    retransmit: float = 0.2  # Linux's shortest retransmission timeout, to which the round trip comes on top
    bandwidth: float | None = (
        None  # bytes per second that all answers on this path share; such a path carries no streams
    )

    def __post_init__(self) -> None:
        _require_not_negative(round_trip=self.round_trip, jitter=self.jitter, retransmit=self.retransmit)
        _require_share(loss=self.loss)
        _require_positive(bandwidth=self.bandwidth)


@dataclass(frozen=True, slots=True)
class Streaming:
    """How the model writes where a stream is asked for."""

    first_token: Law = field(default_factory=lambda: Constant(0.05))  # from arrival
    gap: Law = field(default_factory=lambda: Constant(0.01))  # between tokens
    slowdown: float = 0.0  # share by which every further stream that runs makes gaps longer
    break_rate: float = 0.0  # share of streams that tell an error midway

    def __post_init__(self) -> None:
        _require_not_negative(slowdown=self.slowdown)
        _require_share(break_rate=self.break_rate)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The model service behind the gateway, and the limits that the gateway sets it."""

    latency: Law = field(default_factory=lambda: Constant(0.0))
    error_rate: float = 0.0
    error_status: int = 500
    stalls: tuple[tuple[float, float], ...] = ()  # (at, lasts), as in Stall
    workers: int | None = None  # how many requests are served at once, and as many streams; None: all of them
    queue: int = 64  # how many wait for a worker; the next is answered 450
    rate_limit: float | None = None  # requests per second that the gateway lets through; beyond, 429
    burst: int | None = None  # how many it lets through at once; None: a tenth of a second's worth
    keepalive: float | None = (
        None  # the gateway answers 408 and hangs up on what takes longer; on a stream midway
    )
    available: bool = True  # False: 503
    streaming: Streaming = field(default_factory=Streaming)  # in place of latency and errors
    seed: int = 0

    def __post_init__(self) -> None:
        _require_share(error_rate=self.error_rate)
        _require_positive(
            workers=self.workers, rate_limit=self.rate_limit, burst=self.burst, keepalive=self.keepalive
        )
        _require_not_negative(queue=self.queue)
        if not 400 <= self.error_status <= 599:
            raise ValueError(f"error_status is {self.error_status}; an error is from 400 to 599")
        for at, lasts in self.stalls:
            _require_not_negative(**{"a stall's beginning": at, "a stall's length": lasts})

    def random(self, stream: str) -> Random:
        """A random stream of its own for each concern, so that changing one leaves the others' luck alone."""
        return Random(f"{self.seed}/{stream}")


def _require_not_negative(**named: float) -> None:
    for name, value in named.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value}; it must be finite and not negative")


def _require_positive(**named: float | None) -> None:
    for name, value in named.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} is {value}; it must be finite and above zero")


def _require_share(**named: float) -> None:
    for name, value in named.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; a share is from 0 to 1")
