"""What came of the exchanges over time: stretches of a round, in bounded memory, mergeable.

A stretch holds the exchanges that were due in it, whenever they ended.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.histogram import COARSE, Histogram, Nanoseconds
from benchmark.units import NANOSECONDS

MOST_POINTS = 120  # of a series, unless it is told otherwise

Flags = NDArray[np.bool_]


class Point:
    """One stretch of time in a series, by the instants at which its exchanges were due."""

    __slots__ = ("failed", "lateness", "response", "unanswered")

    def __init__(self) -> None:
        self.response = Histogram(COARSE)  # of successes
        self.lateness = Histogram(COARSE)  # of all
        self.failed = 0
        self.unanswered = 0  # of the failed, those that rank as infinitely slow

    def merge(self, other: Point) -> None:
        """Add what `other` saw."""
        self.response.merge(other.response)
        self.lateness.merge(other.lateness)
        self.failed += other.failed
        self.unanswered += other.unanswered


class Series:
    """What came over time, from the round's start: coarsened by merging neighbours once there are too many.

    Args:
        width: nanoseconds of a stretch.
        most: how many stretches are kept.
    """

    def __init__(self, width: int = NANOSECONDS, most: int = MOST_POINTS) -> None:
        self.width = width
        self.most = most
        self.points: dict[int, Point] = {}

    def anew(self) -> Series:
        """An empty one alike."""
        return Series(self.width, self.most)

    def record(
        self, offsets: Nanoseconds, response: Nanoseconds, lateness: Nanoseconds, ok: Flags, unanswered: Flags
    ) -> None:
        """Count a batch; offsets are nanoseconds of the due instants since the round's start."""
        indexes = np.maximum(offsets, 0) // self.width
        for index in np.unique(indexes):
            here = indexes == index
            point = self.points.setdefault(int(index), Point())
            point.response.record(response[here & ok])
            point.lateness.record(lateness[here])
            point.failed += int((here & ~ok).sum())
            point.unanswered += int((here & unanswered).sum())
        self._coarsen()

    def merge(self, other: Series) -> None:
        """Add what `other` saw, at the coarser of both widths."""
        if not self.points and other.points:
            self.width = other.width  # also where that is finer
        self.most = max(self.most, other.most)
        while self.width < other.width:
            self._halve()
        for index, point in other.points.items():
            self.points.setdefault(index * other.width // self.width, Point()).merge(point)
        self._coarsen()

    def _coarsen(self) -> None:
        while self.points and max(self.points) >= self.most:
            self._halve()

    def _halve(self) -> None:
        self.width *= 2
        finer, self.points = self.points, {}
        for index, point in finer.items():
            self.points.setdefault(index // 2, Point()).merge(point)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file."""
        points = {
            str(index): {
                "failed": point.failed,
                "unanswered": point.unanswered,
                "response": point.response.to_dict(),
                "lateness": point.lateness.to_dict(),
            }
            for index, point in self.points.items()
        }
        return {"width": self.width, "most": self.most, "points": points}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Series:
        """The inverse of `to_dict`; what an earlier version did not keep is empty."""
        new = cls(int(data["width"]), int(data.get("most", MOST_POINTS)))
        for index, kept in data["points"].items():
            point = new.points[int(index)] = Point()
            point.failed, point.unanswered = int(kept["failed"]), int(kept.get("unanswered", 0))
            for name in ("response", "lateness"):
                if name in kept:
                    getattr(point, name).merge(Histogram.from_dict(kept[name]))
        return new
