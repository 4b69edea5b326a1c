"""Open loop: requests are due when the schedule says so, whatever the service does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.schedule.base import Schedule, Seed, seed_of, striped
from benchmark.units import NANOSECONDS

CHUNK = 4096  # due times worked out at once


@dataclass(frozen=True)
class ConstantRate:
    """The n-th request is due n/rate seconds after the offset: computed from n, so that nothing drifts."""

    rate: float  # per second
    offset: float = 0.0  # nanoseconds after zero
    first: int = 0  # the number of the first request that is ours
    step: int = 1  # from one that is ours to the next
    think = None  # answers make nothing due

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Endless ascending chunks of nanoseconds since the schedule's zero."""
        start = 0
        while True:
            numbers = self.first + np.arange(start, start + CHUNK) * self.step
            yield np.rint(self.offset + numbers * (NANOSECONDS / self.rate)).astype(np.int64)
            start += CHUNK

    def share(self, at: int, of: int) -> ConstantRate:
        """Every `of`-th request: the due times of all workers together are those of one, to the nanosecond."""
        return replace(self, first=self.first + at * self.step, step=self.step * of)


@dataclass(frozen=True)
class Poisson:
    """Independent arrivals: exponential gaps of mean 1/rate, the same ones for the same seed."""

    rate: float  # per second
    seed: Seed
    think = None  # answers make nothing due

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Endless ascending chunks of nanoseconds since the schedule's zero."""
        random = np.random.default_rng(self.seed)
        return _one_after_another(lambda: random.exponential(NANOSECONDS / self.rate, CHUNK))

    def share(self, at: int, of: int) -> Poisson:
        """An equal part of the rate: independent Poisson processes together are one of the summed rate."""
        return Poisson(self.rate / of, seed_of(self.seed, at, of))


@dataclass(frozen=True)
class Gamma:
    """Bursts and lulls: gamma gaps of mean 1/rate and shape `burstiness`, as vLLM defines it.

    Their coefficient of variation is 1/√burstiness: below 1 is burstier than Poisson, 1 is Poisson, above is more even.
    """

    rate: float  # per second
    burstiness: float
    seed: Seed
    think = None  # answers make nothing due

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Endless ascending chunks of nanoseconds since the schedule's zero."""
        random = np.random.default_rng(self.seed)
        scale = NANOSECONDS / (self.rate * self.burstiness)
        return _one_after_another(lambda: random.gamma(self.burstiness, scale, CHUNK))

    def share(self, at: int, of: int) -> Schedule:
        """Every `of`-th arrival: bursts that were drawn apart would not be the bursts that were asked for."""
        return striped(self, at, of)


def _one_after_another(gaps: Callable[[], NDArray[np.float64]]) -> Iterator[NDArray[np.int64]]:
    """Due times from the gaps between them."""
    reached, last = 0.0, -1
    while True:
        times = reached + np.cumsum(gaps())
        reached = float(times[-1])
        numbers = np.arange(len(times))
        later = np.maximum.accumulate(np.maximum(times.astype(np.int64) - numbers, last + 1))
        due = later + numbers  # no two at once, so that any number of them can be counted off
        last = int(due[-1])
        yield due
