"""Closed loop: users who each ask again when they have their answer and have thought about it; their number may change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmark.schedule.base import Schedule, part_of
from benchmark.schedule.stages import Stage
from benchmark.units import NANOSECONDS


@dataclass(frozen=True)
class ClosedLoop:
    """`connections` requests in flight at any time, less those who think."""

    connections: int
    think: int = 0  # nanoseconds between an answer and the next request

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Everyone starts at the schedule's zero."""
        yield np.zeros(self.connections, np.int64)

    def share(self, at: int, of: int) -> ClosedLoop:
        """An equal part of the connections."""
        return replace(self, connections=part_of(self.connections, at, of))


@dataclass(frozen=True)
class ClosedStages:
    """Users come and go as stages say, whose levels are numbers of users; after the last stage its number stays.

    The k-th user is there while the level is k or more. Whoever comes asks at once; who goes has its answer first.
    """

    stages: tuple[Stage, ...]
    think: int = 0  # nanoseconds between an answer and the next request
    at: int = 0  # of so many workers, which
    of: int = 1

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """When users come."""
        if len(self._changes[0]):
            yield self._changes[0]

    def share(self, at: int, of: int) -> ClosedStages:
        """Every `of`-th user."""
        return replace(self, at=self.at + at * self.of, of=self.of * of)

    def present(self, elapsed: int) -> int:
        """How many users there are so long (nanoseconds) after the schedule's zero."""
        came, went = self._changes
        return int(np.searchsorted(came, elapsed, "right") - np.searchsorted(went, elapsed, "right"))

    @property
    def leavings(self) -> list[int]:
        """When users go, ascending: nanoseconds since the schedule's zero."""
        going: list[int] = self._changes[1].tolist()
        return going

    @cached_property
    def _changes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """When our users come, and when they go: nanoseconds since the schedule's zero, ascending."""
        came: list[float] = []
        went: list[float] = []
        level = start = 0.0
        for stage in self.stages:
            for begin, end, seconds in ((level, stage.begin, 0.0), (stage.begin, stage.end, stage.seconds)):
                instants = came if end > begin else went
                instants += (start + passed for passed in self._passing(round(begin), round(end), seconds))
            level, start = stage.end, start + stage.seconds
        came_at, went_at = (
            np.sort(np.round(np.array(each) * NANOSECONDS).astype(np.int64)) for each in (came, went)
        )
        return came_at, went_at

    def _passing(self, begin: int, end: int, seconds: float) -> Iterator[float]:
        """Seconds until the level passes each of our users' numbers, on its way from `begin` to `end`."""
        for user in range(min(begin, end) + 1, max(begin, end) + 1):
            if (user - 1) % self.of == self.at:
                yield seconds * (user - begin) / (end - begin)


def leavings(schedule: Schedule) -> list[int]:
    """When users go, each once it has its answer: nanoseconds since the schedule's zero; of most schedules, never."""
    return schedule.leavings if isinstance(schedule, ClosedStages) else []


def in_flight(schedule: Schedule, elapsed: int, connections: int) -> int:
    """How many requests are under way in a closed loop without pauses, so long (nanoseconds) after its zero."""
    return schedule.present(elapsed) if isinstance(schedule, ClosedStages) else connections
