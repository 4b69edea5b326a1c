"""When each answer is to leave: arithmetic on instants, without a clock or any I/O.

The stateful half of a `Behaviour` and its `Path`s. Instants are nanoseconds; calls come in the order in which
the requests reach each place, and the same calls give the same answers.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

from benchmark.units import NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from benchmark.simulation.behaviour import Behaviour, Path

OK = 200
TIMED_OUT = 408
QUEUE_FULL = 450


class Line:
    """A path at work: carries requests to the service and answers back."""

    def __init__(self, path: Path, rng: Random) -> None:
        self._path = path
        self._rng = rng
        self._half = round(path.round_trip * NANOSECONDS / 2)
        self._jitter = path.jitter * NANOSECONDS
        self._retransmission = round((path.retransmit + path.round_trip) * NANOSECONDS)
        self._free = 0  # when the last byte of the answers before has left
        self.shared = path.bandwidth is not None  # answers queue on it, in the order of their calls of `back`

    def there(self, sent: int) -> int:
        """When a request sent at `sent` reaches the service."""
        return sent + self._half

    def mishap(self) -> int:
        """Jitter and retransmission of one exchange; always two numbers of the stream."""
        jitter, luck = self._rng.expovariate(1.0), self._rng.random()
        return round(jitter * self._jitter) + (self._retransmission if luck < self._path.loss else 0)

    def back(self, left: int, size: int) -> int:
        """When the last of `size` bytes that leave the service at `left` has come back, without mishap."""
        if self._path.bandwidth:
            self._free = max(self._free, left) + round(size / self._path.bandwidth * NANOSECONDS)
            left = self._free
        return left + self._half


class RateLimit:
    """A token bucket: lets `rate` requests a second through, and `burst` of them at once."""

    def __init__(self, rate: float, burst: int | None) -> None:
        self._rate = rate / NANOSECONDS
        self._burst = float(burst or max(1, round(rate / 10)))
        self._tokens = self._burst
        self._since = 0

    def admits(self, at: int) -> bool:
        """Whether a request that arrives at `at` gets a token."""
        elapsed = max(0, at - self._since)
        self._since += elapsed
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Workers:
    """Serves first come, first served; a request begins when a worker is free and leaves when it is served.

    With `free` the instants at which the workers fall free, a request that arrives at a begins at
    max(a, min free): Kiefer and Wolfowitz's recursion for the queue of several servers.
    """

    def __init__(self, behaviour: Behaviour, started: int) -> None:
        self._behaviour = behaviour
        self._latencies = behaviour.random("latency")
        self._luck = behaviour.random("errors")
        self._stalls = stalls_of(behaviour, started)
        self._free = [0] * (behaviour.workers or 0)
        self._waiting: deque[int] = deque()  # when those who wait will begin
        self._patience = None if behaviour.keepalive is None else round(behaviour.keepalive * NANOSECONDS)

    def serve(self, arrived: int) -> tuple[int, int]:
        """When the answer to a request that arrived at `arrived` leaves, and its status."""
        work = round(self._behaviour.latency.draw(self._latencies) * NANOSECONDS)
        status = self._behaviour.error_status if self._luck.random() < self._behaviour.error_rate else OK
        begun = self._begin(arrived)
        if begun is None:
            return arrived, QUEUE_FULL
        done = advance(self._stalls, begun, work)
        if self._free:
            heapq.heapreplace(self._free, done)
        if self._patience is not None and done - arrived > self._patience:
            return arrived + self._patience, TIMED_OUT  # the worker goes on: nobody told it
        return done, status

    def _begin(self, arrived: int) -> int | None:
        """When a worker takes the request up; None where the queue has no slot left for it."""
        if not self._free or self._free[0] <= arrived:
            return arrived
        while self._waiting and self._waiting[0] <= arrived:
            self._waiting.popleft()
        if len(self._waiting) >= self._behaviour.queue:
            return None
        self._waiting.append(self._free[0])
        return self._free[0]


def stalls_of(behaviour: Behaviour, started: int) -> list[tuple[int, int]]:
    """From when to when the service stands still that began to listen at `started`."""
    return [
        (started + round(at * NANOSECONDS), started + round((at + lasts) * NANOSECONDS))
        for at, lasts in sorted(behaviour.stalls)
    ]


def advance(stalls: Sequence[tuple[int, int]], begun: int, work: int) -> int:
    """When `work` nanoseconds of work are done that begin at `begun`: during a stall nothing advances."""
    at = begun
    for stall, resume in stalls:
        if resume <= at:
            continue
        if at + work <= stall:
            break
        work -= max(0, stall - at)
        at = resume
    return at + work
