"""Open loop: requests are due when the schedule says so, whatever the service does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        return _one_after_another(lambda: random.exponential(NANOSECONDS / self.rate, CHUNK))

    def after(self, done: int) -> None:
        """An answer makes nothing due."""


@dataclass(frozen=True)
class Gamma:
    """Bursts and lulls: gamma gaps of mean 1/rate and shape `burstiness`, as vLLM defines it.

    Their coefficient of variation is 1/√burstiness: below 1 is burstier than Poisson, 1 is Poisson, above is more even.
    """

    rate: float  # per second
    burstiness: float
    seed: int

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Endless ascending chunks of nanoseconds since the schedule's zero."""
        random = np.random.default_rng(self.seed)
        scale = NANOSECONDS / (self.rate * self.burstiness)
        return _one_after_another(lambda: random.gamma(self.burstiness, scale, CHUNK))

    def after(self, done: int) -> None:
        """An answer makes nothing due."""


def _one_after_another(gaps: Callable[[], NDArray[np.float64]]) -> Iterator[NDArray[np.int64]]:
    """Due times from the gaps between them."""
    reached = 0.0
    while True:
        times = reached + np.cumsum(gaps())
        reached = float(times[-1])
        yield times.astype(np.int64)
