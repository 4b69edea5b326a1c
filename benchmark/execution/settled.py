"""Up to when everything that was due in a running round has been reported: what happened before then is final."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.execution.plan import RoundOrder
from benchmark.measure.series import Series
from benchmark.schedule.base import DueCount
from benchmark.units import NANOSECONDS

SLACK = 5 * NANOSECONDS  # between a request's timeout and its being reported, at the most


class Settled:
    """Where the schedule knows all that is due, its count says so; elsewhere the timeout does.

    Args:
        orders: each worker's share of the round.
    """

    def __init__(self, orders: Sequence[RoundOrder]) -> None:
        first = orders[0]
        self._warmup, self._measured = first.warmup, first.measured
        self._longest = max(request.timeout for request in first.target.requests) + SLACK
        talks = any(request.more for request in first.target.requests)  # later turns are in no schedule
        known = first.schedule.think is None and not talks
        self._due = [DueCount(each.schedule, each.warmup) for each in orders] if known else []
        self._until = 0  # a boundary of the series' stretches

    def until(self, series: Series, elapsed: int) -> int:
        """Nanoseconds of the measured part that are settled, once this was recorded and so much of the part is over."""
        if not self._due:
            self._until = max(self._until, min(elapsed - self._longest, self._measured))
            return self._until
        at = self._until // series.width
        reported = sum(point.exchanges for index, point in series.points.items() if index < at)
        while (at + 1) * series.width <= elapsed:
            reported += series.points[at].exchanges if at in series.points else 0
            at += 1
            if reported < self._count(at * series.width):
                break
            self._until = at * series.width
        return self._until

    def _count(self, until: int) -> int:
        """Requests that were due before this instant of the measured part."""
        return sum(each.until(self._warmup + until) for each in self._due)
