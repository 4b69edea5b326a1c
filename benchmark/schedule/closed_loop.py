"""Closed loop: a fixed number of users, each asking again when it has its answer and has thought about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.schedule.base import part_of


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
