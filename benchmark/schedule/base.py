"""What the send loop asks of a schedule. Schedules are arithmetic: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Seed = int | tuple[int, ...]


class Schedule(Protocol):
    """When requests are due. Picklable, as it goes to workers."""

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Ascending chunks of due times that are known beforehand, in nanoseconds since the schedule's zero."""

    @property
    def think(self) -> int | None:
        """Nanoseconds from an answer to the request that it makes due; None: answers make nothing due."""

    def share(self, at: int, of: int) -> Schedule:
        """What worker number `at` of `of` has to do, so that all of them together do this schedule."""


@dataclass(frozen=True)
class Striped:
    """Every `of`-th request of a schedule known beforehand: what any such schedule can be shared by."""

    whole: Schedule
    at: int
    of: int

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Ascending chunks of nanoseconds since the schedule's zero, none of them empty."""
        passed = 0
        for chunk in self.whole.due_times():
            ours = chunk[(self.at - passed) % self.of :: self.of]
            passed += len(chunk)
            if len(ours):
                yield ours

    @property
    def think(self) -> int | None:
        """As the whole has it."""
        return self.whole.think

    def share(self, at: int, of: int) -> Striped:
        """Stripes of stripes are stripes."""
        return Striped(self.whole, self.at + at * self.of, self.of * of)


def striped(whole: Schedule, at: int, of: int) -> Schedule:
    """The share of worker number `at` of `of`; that of a single one is the whole."""
    return whole if of == 1 else Striped(whole, at, of)


def due_before(schedule: Schedule, until: int, since: int = 0) -> int:
    """How many of the times known beforehand lie in [since, until), by arithmetic alone."""
    return DueCount(schedule, since).until(until)


class DueCount:
    """Counts the times known beforehand up to instants that only grow: each chunk is worked out once."""

    def __init__(self, schedule: Schedule, since: int) -> None:
        self._chunks = schedule.due_times()
        self._since = since
        self._before = 0  # counted in chunks that are over
        self._chunk = next(self._chunks, np.zeros(0, np.int64))

    def until(self, until: int) -> int:
        """How many lie in [since, until)."""
        while len(self._chunk) and self._chunk[-1] < until:
            following = next(self._chunks, None)
            if following is None:
                break
            self._before += self._within(int(self._chunk[-1]) + 1)
            self._chunk = following
        return self._before + self._within(until)

    def _within(self, until: int) -> int:
        found = np.searchsorted(self._chunk, until) - np.searchsorted(self._chunk, self._since)
        return max(0, int(found))


def part_of(total: int, at: int, of: int) -> int:
    """The share of a whole number that falls to number `at` of `of`: as equal as can be."""
    return total // of + (at < total % of)


def seed_of(seed: Seed, at: int, of: int) -> Seed:
    """A seed of each worker's own; a single one has that of the whole."""
    return seed if of == 1 else (*(seed if isinstance(seed, tuple) else (seed,)), at)
