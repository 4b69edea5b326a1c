"""What the send loop asks of a schedule. Schedules are arithmetic: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Schedule(Protocol):
    """When requests are due."""

    def due_times(self) -> Iterator[NDArray[np.int64]]:
        """Ascending chunks of due times that are known beforehand, in nanoseconds since the schedule's zero."""

    def after(self, done: int) -> int | None:
        """The instant made due by an answer that was complete at `done`; None: answers make nothing due."""


def due_before(schedule: Schedule, until: int, since: int = 0) -> int:
    """How many of the times known beforehand lie in [since, until), by arithmetic alone."""
    total = 0
    for chunk in schedule.due_times():
        total += int(np.searchsorted(chunk, until) - np.searchsorted(chunk, since))
        if chunk[-1] >= until:
            break
    return total
