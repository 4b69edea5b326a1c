"""Rounds: which target is loaded when, how long it is warmed, and what makes a round good (METHOD 6–9, 19)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.execution.group import Outcome
from benchmark.execution.local import Interrupted, LocalWorkers, Observe, WorkerLost
from benchmark.execution.plan import Plan, ProbeOrder, TargetPlan
from benchmark.execution.strain import Strain
from benchmark.measure.exchange import TIMEOUTS, Failure
from benchmark.measure.probe import Probe
from benchmark.measure.recording import Recording
from benchmark.result.run import Round, set_aside
from benchmark.units import MILLISECOND, NANOSECONDS, format_duration, format_rate

MOST_REPEATED = 0.2  # of the rounds, because a bad one is repeated with its pair
HARMFUL_LATENESS = 0.05  # of the mean response
LEAST_LATENESS = 1 * MILLISECOND  # below this, waking up late is ordinary
SHORTFALL = 0.02  # of the requests that were due, left unsent
HOPELESS = 2  # pairs in a row that the generator could not send
BUSY_CORE = 0.1  # of the time, in which others had the generator's core
RECOVERY_TRIES = 20
BETWEEN_PROBES = 0.5  # seconds


@dataclass
class Usage:
    """What one worker used, over all rounds."""

    cpu_seconds: float = 0.0  # of measured parts
    max_rss_bytes: int = 0
    strain: Strain = field(default_factory=Strain)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file."""
        return {
            "cpu_seconds": self.cpu_seconds,
            "max_rss_bytes": self.max_rss_bytes,
            "seconds": self.strain.wall,
            "run_queue_seconds": self.strain.run_queue,
            "steal_seconds": self.strain.steal,
            "gc_seconds": self.strain.gc,
        }


@dataclass
class Conductor:
    """Runs a plan's rounds on workers, one after the other, and remembers what the next one needs to know."""

    plan: Plan
    workers: LocalWorkers
    baseline: dict[str, Probe]  # how each target answers when it is idle; empty where nobody asked
    probes: dict[str, int]  # requests sent outside rounds, counted on
    observe: Observe
    finished: Callable[[Round], None]  # is handed each round as soon as it is over
    first: int = 0  # number of the first round, where others of the run came before
    usage: list[Usage] = field(default_factory=list)  # of each worker; goes on from what it holds
    further: Callable[[], int] = lambda: (
        0
    )  # says how many more rounds there are, once those asked for are over
    _slowest: int = field(init=False)  # the highest p99 so far, nanoseconds
    _busiest: int = field(default=0, init=False)
    _number: int = field(default=0, init=False)  # of the next pair
    _wanted: int = field(init=False)  # pairs in all, as far as is known
    _begun: int = field(default=0, init=False)  # rounds
    _hopeless: int = field(default=0, init=False)  # pairs in a row

    def __post_init__(self) -> None:
        self._slowest = max((probe.service for probe in self.baseline.values()), default=0)
        self._wanted = self.plan.rounds

    @property
    def to_come(self) -> int:
        """Rounds that are still to begin, as far as is known; each is on one target."""
        return max(0, self._wanted * len(self.plan.targets) - self._begun)

    def rounds(self) -> Iterator[list[Round]]:
        """Every round on all targets; a flawed one comes again, with its pair, after the others."""
        yield from self._rounds(self.plan.rounds)
        while not self._over and (more := self.further()):
            yield from self._rounds(more)

    @property
    def _over(self) -> bool:
        return self.workers.stopped or self._hopeless >= HOPELESS

    def _rounds(self, count: int) -> Iterator[list[Round]]:
        """So many sound ones, if no more than a fifth has to be repeated."""
        self._wanted = self._number + count
        most = self._number + most_rounds(count)
        while self._number < self._wanted and not self._over:
            pair = list(self._pair(self._number))
            flaw = next((round_.flaw for round_ in pair if round_.flaw), "")
            if flaw:
                self._wanted = min(self._wanted + 1, most)
            yield set_aside([replace(round_, flaw=round_.flaw or flaw) for round_ in pair])
            self._number += 1
            self._hopeless = self._hopeless + 1 if any(map(overwhelmed, pair)) else 0

    def generator(self) -> dict[str, Any]:
        """What the load generator itself used, in all and by worker."""
        return {
            "processes": len(self.workers),
            "cpu_seconds": math.fsum(each.cpu_seconds for each in self.usage),
            "max_rss_bytes": sum(each.max_rss_bytes for each in self.usage),
            "workers": [each.to_dict() for each in self.usage],
        }

    def _pair(self, number: int) -> Iterator[Round]:
        connections = self.connections()
        warmup = self._warmup(connections)
        measured = max(
            self.plan.measured, 5 * max((probe.service for probe in self.baseline.values()), default=0)
        )
        for target in self.plan.sequence(number):
            if self.workers.stopped:
                return
            self._begun += 1
            round_ = self._round(target, number, warmup, measured, connections)
            self.finished(round_)
            yield round_

    def _round(self, target: TargetPlan, number: int, warmup: int, measured: int, connections: int) -> Round:
        order = self.plan.order(target, number, warmup, measured, connections)
        order = replace(order, number=self.first + number)
        outcome = self.workers.round(order, self.observe)
        recording = outcome.recording
        flaw = self.workers.lost if outcome.lost else flaw_of(outcome)
        self._note(outcome, flaw)
        if any(recording.failures[kind.label] for kind in TIMEOUTS) and not self.workers.stopped:
            self._await_recovery(target)
        return Round(
            target=target.name,
            number=order.number,
            warmup=warmup / NANOSECONDS,
            measured=outcome.measured / NANOSECONDS,
            recording=recording,
            addresses=outcome.addresses,
            unmeasured=outcome.unmeasured,
            cpu_seconds=outcome.cpu_seconds,
            flaw=flaw,
            stopped=outcome.measured < measured,
        )

    def _note(self, outcome: Outcome, flaw: str) -> None:
        """Remember what the next rounds need, if this one was sound, and what it cost."""
        p99 = outcome.recording.histograms["response"].quantile(0.99)
        if not flaw:
            self._busiest = max(self._busiest, outcome.busiest)
        if not flaw and math.isfinite(p99):
            self._slowest = max(self._slowest, round(p99))
        self.usage += [Usage() for _ in range(len(self.workers) - len(self.usage))]
        for usage, report in zip(self.usage, outcome.reports, strict=False):
            if report is None:
                continue
            usage.cpu_seconds += report.cpu_seconds
            usage.max_rss_bytes = max(usage.max_rss_bytes, report.max_rss_bytes)
            usage.strain += report.strain

    def connections(self) -> int:
        """Equal pools for all targets: what the load needs at the slowest answer seen, or the most ever needed."""
        if self.plan.load.connections is not None:
            return self.plan.load.connections
        assert self.plan.request_rate is not None
        expected = math.ceil(2 * self.plan.request_rate * self._slowest / NANOSECONDS)
        return min(max(4, expected, self._busiest), self.plan.load.max_connections)

    def _warmup(self, connections: int) -> int:
        """As long as was asked, at least 2 × p99 so far, and one exchange per connection (METHOD 7)."""
        warmup = max(round(self.plan.load.warmup * NANOSECONDS), 2 * self._slowest)
        if self.plan.request_rate:
            warmup = max(warmup, round(connections / self.plan.request_rate * NANOSECONDS))
        return warmup

    def _await_recovery(self, target: TargetPlan) -> None:
        """After a timeout, go on when a probe answers about as it did before the load."""
        before = self.baseline.get(target.name)
        usual = 2 * before.service + 5 * MILLISECOND if before else math.inf
        for _ in range(RECOVERY_TRIES):
            self.probes[target.name] += 1
            try:
                probe = self.workers.probe(ProbeOrder(target))
            except (WorkerLost, Interrupted):  # `workers` knows
                return
            if probe.failure is Failure.NONE and probe.service <= usual:
                return
            time.sleep(BETWEEN_PROBES)


def most_rounds(rounds: int) -> int:
    """How many rounds these may come to, with those that are repeated."""
    return rounds + max(1, math.floor(MOST_REPEATED * rounds))


def overwhelmed(round_: Round) -> bool:
    """Whether the generator left unsent what it was asked for, though nobody stopped it."""
    return not round_.stopped and round_.recording.unsent > SHORTFALL * round_.recording.scheduled


def flaw_of(outcome: Outcome) -> str:
    """Why a round cannot be used: the generator did not send it, or was late by more than a share of what it measured."""
    kept = outcome.recording
    flaw = ""
    reports = [report for report in outcome.reports if report is not None]
    if overdue := sum(report.overdue for report in reports):
        away = format_duration(max(report.away for report in reports) / NANOSECONDS)
        flaw = (
            f"the generator was {away} behind (stopped, asleep, or without a core), so that {overdue:,} requests that "
            "were due more than a second before were not sent at once, but not at all"
        )
    elif outcome.stopped_after is None and kept.unsent > SHORTFALL * kept.scheduled:
        seconds = outcome.order.measured / NANOSECONDS
        sent, asked = (kept.scheduled - kept.unsent) / seconds, kept.scheduled / seconds
        flaw = f"the generator sent {format_rate(sent)} of the {format_rate(asked)} that were due"
    elif is_late(kept):
        late = kept.histograms["lateness"].mean
        flaw = f"the generator was {late / MILLISECOND:.1f} ms late on average"
    return flaw and flaw + _cause(outcome.strain)


def is_late(kept: Recording) -> bool:
    """Whether the generator was late, on average, by more than a share of what it measured."""
    lateness, response = kept.histograms["lateness"].mean, kept.histograms["response"].mean
    return lateness > LEAST_LATENESS and lateness > HARMFUL_LATENESS * response


def _cause(strain: Strain) -> str:
    """What held the generator up, as far as the system tells."""
    if strain.run_queue > BUSY_CORE * strain.wall:
        return f": other programs had its core {strain.run_queue / strain.wall:.0%} of the time"
    if strain.steal > BUSY_CORE * strain.wall:
        return f": the hypervisor took {strain.steal / strain.wall:.0%} of a core"
    return ""
