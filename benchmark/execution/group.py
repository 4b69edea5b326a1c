"""A round that several workers carry out together: who is ready, what was recorded, who was lost. No I/O.

Whatever carries the messages (pipes to processes here) hands them in; the account that comes out is exact, also when
a worker is lost: what was due by then and not reported is failed (*lost*), what was due later is unsent (METHOD 20).
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.execution.plan import RoundOrder
from benchmark.execution.settled import Settled
from benchmark.execution.strain import Strain
from benchmark.execution.worker import READY, RoundReport
from benchmark.measure.recording import Recording, unreported
from benchmark.schedule.base import DueCount
from benchmark.schedule.closed_loop import in_flight
from benchmark.units import NANOSECONDS


@dataclass(frozen=True)
class Snapshot:
    """What a running round has recorded since the last snapshot, and how far its schedule has come."""

    target: str
    number: int
    warmup: float  # seconds
    measured: float  # seconds
    elapsed: float  # seconds of the measured part that are over
    recording: Recording
    due: int  # requests of the measured part that were due so far, by all workers
    planned: int  # those of the whole measured part
    settled: float = 0.0  # seconds of the measured part of which all that was due is reported


@dataclass(frozen=True)
class Outcome:
    """A round that is over."""

    order: RoundOrder
    recording: Recording
    reports: tuple[RoundReport | None, ...]  # by worker; None: it was lost
    lost: int  # workers
    stopped_after: int | None  # nanoseconds after the schedule's zero; None: it was not stopped

    @property
    def unmeasured(self) -> int:
        """Requests sent in the warm-up."""
        return sum(each.unmeasured for each in self._reported)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where connections were opened to."""
        return tuple(sorted({address for each in self._reported for address in each.addresses}))

    @property
    def busiest(self) -> int:
        """The most exchanges that can have been in flight at once."""
        return sum(each.busiest for each in self._reported)

    @property
    def cpu_seconds(self) -> float:
        """Of all workers, over the measured part, without what was polled away."""
        # polling is timed by the clock: on a core that is shared, it can seem to take more than there was
        return sum(max(0.0, each.cpu_seconds - each.spun_seconds) for each in self._reported)

    @property
    def strain(self) -> Strain:
        """What the machine kept from all workers."""
        return sum((each.strain for each in self._reported), start=Strain())

    @property
    def measured(self) -> int:
        """How much of the measured part took place, in nanoseconds."""
        if self.order.most and self._reported:
            return min(max(each.lasted for each in self._reported), self.order.measured)
        if self.stopped_after is None:
            return self.order.measured
        return max(0, min(self.stopped_after - self.order.warmup, self.order.measured))

    @property
    def _reported(self) -> list[RoundReport]:
        return [report for report in self.reports if report]


class Share:
    """One worker's part of a round."""

    def __init__(self, order: RoundOrder) -> None:
        self.order = order
        self.ready = False
        self.report: RoundReport | None = None
        self.lost = False
        self._recorded = 0  # exchanges
        self._later = 0  # of these, later turns of conversations, which no schedule knew of
        self._unsent = 0
        self._end = order.warmup + order.measured
        self._open_loop = order.schedule.think is None
        self._due = DueCount(order.schedule, order.warmup) if self._open_loop else None
        self._planned: int | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.lost or self.report is not None

    def add(self, recording: Recording) -> None:
        """Note how much was reported."""
        self._recorded += recording.scheduled - recording.unsent
        self._later += recording.counters["later_turns"]
        self._unsent += recording.unsent

    def due(self, elapsed: int) -> int:
        """How many measured requests were due this long (nanoseconds) after the schedule's zero.

        In a closed loop without pauses every connection has one request under way that was not reported yet.
        """
        if self.over:
            return self._recorded
        if self._due:
            return max(self._recorded, self._later + self._due.until(min(elapsed, self._end)))
        order = self.order
        busy = self._recorded and order.schedule.think == 0
        return self._recorded + (in_flight(order.schedule, elapsed, order.connections) if busy else 0)

    def planned(self) -> int:
        """How many measured requests there are in all; in a closed loop, so far."""
        if not self._open_loop or self.over:
            return self._recorded + self._unsent
        if self._planned is None:
            self._planned = DueCount(self.order.schedule, self.order.warmup).until(self._end)
        return self._later + self._planned

    def lose(self, elapsed: int) -> Recording:
        """The account of what the lost worker never reported."""
        due = self.due(elapsed)
        rest = unreported(due, max(due, self.planned()), self._recorded)
        self.add(rest)
        self.lost = True
        return rest


class SharedRound:
    """A round that runs: hand in what workers say, by their numbers."""

    def __init__(self, order: RoundOrder, workers: int) -> None:
        self.zero = 0  # the common start; zero until then
        self.recording = Recording()  # all that came so far
        self.shares = [Share(order.share(at, workers)) for at in range(workers)]
        self._order = order
        self._settled = Settled([share.order for share in self.shares])

    @property
    def ready(self) -> bool:
        """Whether everyone who still can is ready to start."""
        return all(share.ready or share.over for share in self.shares)

    @property
    def over(self) -> bool:
        """Whether every worker has reported, or is lost."""
        return all(share.over for share in self.shares)

    def hear(self, at: int, said: object, instant: int) -> Snapshot | None:
        """Take what worker number `at` says; a snapshot where that is a recording."""
        share = self.shares[at]
        if said == READY:
            share.ready = True
            return None
        if isinstance(said, RoundReport):
            snapshot = self._merge(share, said.recording, instant)
            share.report = said
            return snapshot
        if isinstance(said, Recording):
            return self._merge(share, said, instant)
        return None  # what was answered to an earlier order

    def lose(self, at: int, instant: int) -> Snapshot:
        """Account for worker number `at`, which is gone."""
        rest = self.shares[at].lose(self._elapsed(instant))
        self.recording.merge(rest)
        return self._snapshot(rest, instant)

    def outcome(self, stopped_at: int) -> Outcome:
        """What became of it."""
        return Outcome(
            order=self._order,
            recording=self.recording,
            reports=tuple(share.report for share in self.shares),
            lost=sum(share.lost for share in self.shares),
            stopped_after=self._elapsed(stopped_at) if stopped_at else None,
        )

    def _merge(self, share: Share, part: Recording, instant: int) -> Snapshot:
        share.add(part)
        self.recording.merge(part)
        return self._snapshot(part, instant)

    def _snapshot(self, part: Recording, instant: int) -> Snapshot:
        elapsed = self._elapsed(instant)
        over = min(max(0, elapsed - self._order.warmup), self._order.measured)
        return Snapshot(
            target=self._order.target.name,
            number=self._order.number,
            warmup=self._order.warmup / NANOSECONDS,
            measured=self._order.measured / NANOSECONDS,
            elapsed=over / NANOSECONDS,
            recording=part,
            due=sum(share.due(elapsed) for share in self.shares),
            planned=sum(share.planned() for share in self.shares),
            settled=self._settled.until(self.recording.series, over) / NANOSECONDS,
        )

    def _elapsed(self, instant: int) -> int:
        return instant - self.zero if self.zero else 0
