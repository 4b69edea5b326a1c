"""Load that changes with time: ramps, holds and jumps of a rate, as the inverse of its integral in closed form.

A schedule of one request per second is read as a count instead of a time, and each request is due when the rate's
integral reaches its count: so evenly spaced, Poisson and gamma arrivals all take a shape, and nothing drifts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.schedule.base import Schedule
from benchmark.units import NANOSECONDS

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Stage:
    """The rate goes in a straight line from one value to another (per second); alike where it holds."""

    begin: float
    end: float
    seconds: float

    @property
    def requests(self) -> float:
        """How many are due in it: the integral of the rate."""
        return (self.begin + self.end) / 2 * self.seconds

    def reached(self, counts: Floats) -> Floats:
        """Seconds into the stage at which its integral reaches these counts; stable also where the line is flat."""
        steepness = (self.end - self.begin) / self.seconds
        root = np.sqrt(np.maximum(self.begin**2 + 2 * steepness * counts, 0.0))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(counts > 0, 2 * counts / (self.begin + root), 0.0)


@dataclass(frozen=True)
class Staged:
    """Stages one after the other; the last rate goes on. `unit` is a schedule of one request per second."""

    unit: Schedule
    stages: tuple[Stage, ...]
    think = None  # answers make nothing due

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Ascending chunks of nanoseconds since the schedule's zero; endless unless the last rate is zero."""
        starts = np.concatenate(([0.0], np.cumsum([stage.seconds for stage in self.stages])))
        counts = np.concatenate(([0.0], np.cumsum([stage.requests for stage in self.stages])))
        last = self.stages[-1].end
        for chunk in self.unit.due_times():
            wanted = chunk / NANOSECONDS
            if not last:
                wanted = wanted[wanted < counts[-1]]
            if not len(wanted):
                return
            yield (self._instants(wanted, starts, counts, last) * NANOSECONDS).astype(np.int64)

    def _instants(self, wanted: Floats, starts: Floats, counts: Floats, last: float) -> Floats:
        """Seconds at which these counts are reached."""
        place = np.searchsorted(counts, wanted, side="right") - 1
        instants = np.empty(len(wanted))
        for at in np.unique(place):
            here = place == at
            inside = wanted[here] - counts[at]
            if at < len(self.stages):
                instants[here] = starts[at] + self.stages[at].reached(inside)
            else:
                instants[here] = starts[at] + inside / last
        return instants

    def share(self, at: int, of: int) -> Staged:
        """Every `of`-th request."""
        return replace(self, unit=self.unit.share(at, of))
