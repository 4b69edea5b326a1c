"""How every round of a plan goes, settled before the first one: what is announced is what is sent.

Arithmetic only. From the plan and from how long the first answers took come the connections that are opened, the
warm-up (METHOD 7) and the measured part; whoever announces and whoever sends ask the same object.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.execution.plan import EXCHANGES, LONGEST, Plan
from benchmark.schedule.base import Schedule, due_before, part_of
from benchmark.units import MILLISECOND, NANOSECONDS

STRETCHED = 5  # times the typical answer: a round's measured part is no shorter
FEWEST_CONNECTIONS = 4
WARMING = 0.25  # of the measured part, at the most, by default: a fifth of what is sent
LEAST_WARMUP = 200 * MILLISECOND  # where that is no more: the sender has to get into its stride as well
COUNTED = 3_000_000  # due times that are counted one by one, at the most; of more, the rate tells
ALONE = (
    30 * MILLISECOND
)  # that an exchange of its own takes longer than its answer, to open a connection for it


@dataclass(frozen=True)
class RoundShape:
    """One round on every target. Times in nanoseconds."""

    connections: int  # opened beforehand
    warmup: int
    measured: int
    most: int = 0  # measured requests, after which it ends; 0: it ends by time


@dataclass(frozen=True)
class Amount:
    """What is sent to each target over so many rounds."""

    measured: int
    warmup: int
    exact: bool  # the schedule knows it beforehand
    seconds: float  # that all targets take together

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.measured + other.measured,
            self.warmup + other.warmup,
            self.exact and other.exact,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True)
class Pacing:
    """The shapes of a plan's rounds.

    Args:
        typical: how long the slower target takes to answer, in nanoseconds; zero: nobody knows.
        slowest: the longest that an answer took.
        processes: how many send.
    """

    plan: Plan
    typical: int = 0
    slowest: int = 0
    processes: int = 1

    @property
    def stretched(self) -> bool:
        """Whether rounds are measured for longer than was asked, because answers take long."""
        return not self._counted and STRETCHED * self.typical > self.plan.measured

    @property
    def seconds(self) -> float:
        """That are measured of each target in all, as far as is known."""
        if self.plan.load.requests and not self.plan.open_loop:
            each = self.typical / NANOSECONDS + (self.plan.load.think or 0)
            return self.plan.load.requests * each / self.plan.mean_connections
        if self._counted:
            return self.plan.duration
        return self.shape(0).measured / NANOSECONDS * self.plan.rounds

    @property
    def _counted(self) -> bool:
        return self.plan.load.requests is not None or self.plan.blocks

    def shape(self, number: int) -> RoundShape:
        """Of round `number`; rounds differ only where a number of requests does not divide evenly, or at random."""
        if self.plan.blocks:
            return RoundShape(1, 0, self.plan.measured)
        count = self._count(number)
        measured = max(self.plan.measured, 0 if self._counted else STRETCHED * self.typical)
        rate = self.plan.request_rate
        connections = self.connections
        if rate is None:
            warmup = self._warmup(measured, 2 * self.slowest)
            return RoundShape(connections, warmup, LONGEST if count else measured, count)
        warmup = self._warmup(measured, round(connections / rate * NANOSECONDS))
        if self.plan.load.warmup is None:
            connections = min(connections, max(1, math.floor(rate * warmup / NANOSECONDS)))
        if count:
            measured = self._until(number, warmup, count)
        return RoundShape(connections, warmup, measured)

    @property
    def connections(self) -> int:
        """Equal pools for all targets: what the load needs at the slowest answer, and as much again."""
        rate, load = self.plan.request_rate, self.plan.load
        if rate is None:
            return load.connections or 1
        expected = math.ceil(2 * rate * self.slowest / NANOSECONDS)
        return min(max(FEWEST_CONNECTIONS, expected), load.max_connections)

    def _count(self, number: int) -> int:
        """Measured requests of a round that ends by their number; 0: it ends by time."""
        asked, rounds = self.plan.load.requests, self.plan.rounds
        return part_of(asked, number % rounds, rounds) if asked else 0

    def _warmup(self, measured: int, each: int) -> int:
        """As long as was asked, and an exchange for each connection, which `each` takes; by default within bounds.

        Where answers are quick beside the round, the load also settles for twice the slowest.
        """
        bound = round(WARMING * measured)
        needed = max(each, 2 * self.slowest) if 2 * self.slowest <= bound else each
        asked = self.plan.load.warmup
        if asked is None:
            return min(max(needed, LEAST_WARMUP), bound)
        return max(round(asked * NANOSECONDS), needed)

    def _shares(self, number: int, warmup: int) -> list[Schedule]:
        whole = self.plan.schedule(number, warmup)
        return [whole.share(at, self.processes) for at in range(self.processes)]

    def _until(self, number: int, warmup: int, count: int) -> int:
        """How long the measured part is that holds so many requests: up to the one that would follow."""
        due = [_first(each, warmup, count + 1) for each in self._shares(number, warmup)]
        return int(np.sort(np.concatenate(due))[count]) - warmup

    def amount(self, rounds: Sequence[int]) -> Amount:
        """What these rounds come to."""
        if self.plan.blocks:
            sent = EXCHANGES * len(rounds)
            first = 1 if 0 in rounds else 0
            each = (self.typical + ALONE) / NANOSECONDS
            seconds = (sent + first) * each * len(self.plan.targets)
            return Amount(sent, first, exact=True, seconds=seconds)
        total = Amount(0, 0, exact=True, seconds=0.0)
        for number in rounds:
            total += self._amount(number)
        return total

    def _amount(self, number: int) -> Amount:
        shape = self.shape(number)
        seconds = (shape.warmup + shape.measured + self.typical) / NANOSECONDS * len(self.plan.targets)
        rate = self.plan.request_rate
        if rate is None:
            return self._closed(shape)
        whole = (shape.warmup + shape.measured) / NANOSECONDS * rate
        if self.plan.turns > 1 or whole * self.plan.rounds > COUNTED:
            level = self.plan.stages[0].begin * self.plan.turns if self.plan.stages else rate
            warmup = round(level * shape.warmup / NANOSECONDS)
            return Amount(round(rate * shape.measured / NANOSECONDS), warmup, exact=False, seconds=seconds)
        shares = self._shares(number, shape.warmup)
        end = shape.warmup + shape.measured
        return Amount(
            measured=sum(due_before(each, end, since=shape.warmup) for each in shares),
            warmup=sum(due_before(each, shape.warmup) for each in shares),
            exact=True,
            seconds=seconds,
        )

    def _closed(self, shape: RoundShape) -> Amount:
        """Of a closed loop, if answers take as long as the first ones did."""
        think = round((self.plan.load.think or 0) * NANOSECONDS)
        each = max(self.typical + think, 1)
        level = self.plan.stages[0].begin if self.plan.stages else shape.connections
        mean = self.plan.mean_connections
        warmup = round(level * max(1.0, shape.warmup / each)) if shape.warmup else 0
        measured = shape.most or round(mean * shape.measured / each)
        lasts = measured * each / mean if shape.most else shape.measured
        seconds = (shape.warmup + lasts + self.typical) / NANOSECONDS * len(self.plan.targets)
        return Amount(measured, warmup, exact=False, seconds=seconds)


def _first(schedule: Schedule, since: int, count: int) -> np.ndarray:
    """The first so many due times from `since` on, or what there is."""
    chunks, held = [np.zeros(0, np.int64)], 0
    for chunk in schedule.due_times():
        later = chunk[chunk >= since]
        chunks.append(later)
        held += len(later)
        if held >= count:
            break
    return np.concatenate(chunks)[:count]
