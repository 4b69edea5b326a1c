"""What came of the exchanges over time: stretches of a round, in bounded memory, mergeable.

A stretch holds the exchanges that were due in it, whenever they ended; of streams, too, all gaps between their tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.histogram import COARSE, Histogram, Nanoseconds
from benchmark.units import NANOSECONDS

MOST_POINTS = 120  # of a series, unless it is told otherwise

Flags = NDArray[np.bool_]


class Point:
    """One stretch of time in a series, by the instants at which its exchanges were due."""

    __slots__ = ("failed", "good", "lateness", "response", "times", "unanswered")

    def __init__(self) -> None:
        self.response = Histogram(COARSE)  # of successes
        self.lateness = Histogram(COARSE)  # of all
        self.failed = 0
        self.unanswered = 0  # of the failed, those that rank as infinitely slow
        self.good = 0  # streams within all limits
        self.times: dict[str, Histogram] = {}  # of streams, by name; those that the series keeps

    @property
    def exchanges(self) -> int:
        """How many were due in it."""
        return self.response.count + self.failed

    def of(self, time: str) -> Histogram:
        """The durations of this name; an empty histogram where there are none."""
        return self.response if time == "response" else self.times.get(time, Histogram(COARSE))

    def record(self, time: str, durations: Nanoseconds) -> None:
        """Count durations of streams."""
        self.times.setdefault(time, Histogram(COARSE)).record(durations)

    def merge(self, other: Point) -> None:
        """Add what `other` saw."""
        self.response.merge(other.response)
        self.lateness.merge(other.lateness)
        self.failed += other.failed
        self.unanswered += other.unanswered
        self.good += other.good
        for time, histogram in other.times.items():
            self.times.setdefault(time, Histogram(COARSE)).merge(histogram)


class Series:
    """What came over time, from the round's start: coarsened by merging neighbours once there are too many.

    Args:
        width: nanoseconds of a stretch.
        most: how many stretches are kept.
        timed: which times of streams are kept, by name.
    """

    def __init__(
        self, width: int = NANOSECONDS, most: int = MOST_POINTS, timed: tuple[str, ...] = ()
    ) -> None:
        self.width = width
        self.most = most
        self.timed = timed
        self.points: dict[int, Point] = {}

    def anew(self) -> Series:
        """An empty one alike."""
        return Series(self.width, self.most, self.timed)

    def record(
        self, offsets: Nanoseconds, response: Nanoseconds, lateness: Nanoseconds, ok: Flags, unanswered: Flags
    ) -> None:
        """Count a batch; offsets are nanoseconds of the due instants since the round's start."""
        for point, here in self._split(offsets):
            point.response.record(response[here & ok])
            point.lateness.record(lateness[here])
            point.failed += int((here & ~ok).sum())
            point.unanswered += int((here & unanswered).sum())
        self._coarsen()

    def record_time(self, time: str, offsets: Nanoseconds, durations: Nanoseconds) -> None:
        """Count durations of streams, if this time is kept, by when the streams were due."""
        if time not in self.timed:
            return
        for point, here in self._split(offsets):
            point.record(time, durations[here])
        self._coarsen()

    def record_begun(self, time: str, offsets: Nanoseconds, durations: Nanoseconds) -> None:
        """Count durations of streams that failed later, if this time is kept."""
        if time not in self.timed:
            return
        for point, here in self._split(offsets):
            point.record(begun(time), durations[here])
        self._coarsen()

    def record_good(self, offsets: Nanoseconds) -> None:
        """Count streams within all limits, by when they were due."""
        for point, here in self._split(offsets):
            point.good += int(here.sum())
        self._coarsen()

    def _split(self, offsets: Nanoseconds) -> Iterator[tuple[Point, Flags]]:
        """Each stretch that something was due in, and which of the batch that is."""
        indexes = np.maximum(offsets, 0) // self.width
        for index in np.unique(indexes):
            yield self.points.setdefault(int(index), Point()), indexes == index

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
                **({"good": point.good} if point.good else {}),
                **({"times": _to_dicts(point.times)} if point.times else {}),
            }
            for index, point in self.points.items()
        }
        return {"width": self.width, "most": self.most, "timed": list(self.timed), "points": points}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Series:
        """The inverse of `to_dict`; what an earlier version did not keep is empty."""
        new = cls(int(data["width"]), int(data.get("most", MOST_POINTS)), tuple(data.get("timed", ())))
        for index, kept in data["points"].items():
            point = new.points[int(index)] = Point()
            point.failed, point.unanswered = int(kept["failed"]), int(kept.get("unanswered", 0))
            point.good = int(kept.get("good", 0))
            point.times = {name: Histogram.from_dict(each) for name, each in kept.get("times", {}).items()}
            for name in ("response", "lateness"):
                if name in kept:
                    getattr(point, name).merge(Histogram.from_dict(kept[name]))
        return new


def begun(time: str) -> str:
    """Under which name the durations stand of streams that got as far, and failed later."""
    return f"{time}.begun"


def _to_dicts(histograms: dict[str, Histogram]) -> dict[str, Any]:
    return {name: histogram.to_dict() for name, histogram in histograms.items()}
