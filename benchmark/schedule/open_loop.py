"""Open loop: requests are due when the schedule says so, whatever the service does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.units import NANOSECONDS

CHUNK = 4096  # due times worked out at once


@dataclass(frozen=True)
class ConstantRate:
    """The n-th request is due n/rate seconds after zero: computed from n, so that nothing drifts."""

    rate: float  # per second

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Endless ascending chunks of nanoseconds since the schedule's zero."""
        start = 0
        while True:
            yield (np.arange(start, start + CHUNK) * (NANOSECONDS / self.rate)).astype(np.int64)
            start += CHUNK

    def after(self, done: int) -> None:
        """An answer makes nothing due."""


@dataclass(frozen=True)
class Poisson:
    """Independent arrivals: exponential gaps of mean 1/rate, the same ones for the same seed."""

    rate: float  # per second
    seed: int

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Endless ascending chunks of nanoseconds since the schedule's zero."""
        random = np.random.default_rng(self.seed)
        reached = 0.0
        while True:
            times = reached + np.cumsum(random.exponential(NANOSECONDS / self.rate, CHUNK))
            reached = float(times[-1])
            yield times.astype(np.int64)

    def after(self, done: int) -> None:
        """An answer makes nothing due."""
