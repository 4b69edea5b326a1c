"""Watches an open loop that nobody asked for by name: a target that falls behind is not asked on until it breaks down."""

from __future__ import annotations

from collections.abc import Callable

from benchmark.execution.group import Snapshot
from benchmark.units import format_rate

WINDOW = 1.0  # seconds
GROWING = 3  # windows in a row, by whose ends ever more requests wait for their answers
LEAST = 4  # requests that wait then, at least: fewer are under way in any round


class Backlog:
    """Sees what a run records; `end` is told why, once, when it is to end."""

    def __init__(self, rate: float, end: Callable[[str], None]) -> None:
        self.why = ""  # what `end` was told
        self._rate = rate
        self._end = end
        self._round: tuple[str, int] | None = None
        self._reported = 0
        self._window = 0  # which one is under way
        self._before = 0  # how many waited at the end of the last one
        self._grown = 0  # windows in a row

    def observe(self, snapshot: Snapshot) -> None:
        """Take what was recorded since the last snapshot."""
        if self.why:
            return
        if self._round != (snapshot.target, snapshot.number):
            self._round = snapshot.target, snapshot.number
            self._reported = self._window = self._before = self._grown = 0
        self._reported += snapshot.recording.scheduled - snapshot.recording.unsent
        window = int(snapshot.elapsed / WINDOW)
        if window == self._window or snapshot.elapsed >= snapshot.measured:
            return
        waiting = max(0, snapshot.due - self._reported)
        self._grown = self._grown + 1 if waiting > self._before else 0
        self._window, self._before = window, waiting
        if self._grown >= GROWING and waiting >= LEAST:
            self.why = (
                f"{snapshot.target}, which does not hold {format_rate(self._rate)} "
                f"({waiting} requests were waiting, and ever more): `vpcbench capacity` finds what it holds"
            )
            self._end(self.why)
