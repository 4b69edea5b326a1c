"""Replay: requests are due when a trace says so. What is over begins again, so that rounds take parts of any length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from benchmark.schedule.base import Schedule, striped


@dataclass(frozen=True)
class Replay:
    """A trace, lap after lap. Times in nanoseconds."""

    times: Sequence[int]  # since its beginning: ascending, at least one, all of them less than `period`
    period: int  # of a lap
    zero: int = (
        0  # where in the trace the schedule's zero is; before the beginning is the end of an earlier lap
    )
    think = None  # answers make nothing due

    @property
    def first(self) -> int:
        """Which request of the trace is due first."""
        return int(np.searchsorted(self.times, self.zero % self.period)) % len(self.times)

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Endless ascending chunks of nanoseconds since the schedule's zero."""
        trace = np.array(self.times, np.int64)
        zero = self.zero % self.period
        rest = trace[np.searchsorted(trace, zero) :] - zero
        if len(rest):
            yield rest
        for lap in count(1):
            yield trace + (lap * self.period - zero)

    def share(self, at: int, of: int) -> Schedule:
        """Every `of`-th request."""
        return striped(self, at, of)
