"""Rounds and blocks: which target is asked when, and what makes a round good (METHOD 6–9, 19, 25)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.clock import now
from benchmark.execution.group import Outcome, Snapshot
from benchmark.execution.local import LocalWorkers, Observe
from benchmark.execution.pacing import Pacing, RoundShape
from benchmark.execution.plan import EXCHANGES, Plan, TargetPlan
from benchmark.execution.recovery import PATIENCE, Recovery
from benchmark.execution.strain import Strain
from benchmark.measure.exchange import TIMEOUTS
from benchmark.measure.probe import Probe
from benchmark.measure.recording import Recording, merged
from benchmark.result.run import Round, set_aside
from benchmark.units import MILLISECOND, NANOSECONDS, format_duration, format_rate

MOST_REPEATED = 0.2  # of the rounds, because a bad one is repeated with its pair
HARMFUL_LATENESS = 0.05  # of the mean response
LEAST_LATENESS = 1 * MILLISECOND  # below this, waking up late is ordinary
SHORTFALL = 0.02  # of the requests that were due, left unsent
HOPELESS = 2  # pairs in a row that the generator could not send
TOO_MANY = (429, 503)  # statuses of a service, or of its gateway, that wants to be asked less
TOLD = 3  # repeated rounds, while they happen
BUSY_CORE = 0.1  # of the time, in which others had the generator's core


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
    """Carries out a plan's rounds on workers, one after the other, as its pacing says."""

    pacing: Pacing
    workers: LocalWorkers
    baseline: dict[str, Probe]  # how each target answers when it is idle; empty where nobody asked
    probes: dict[str, int]  # requests sent outside rounds, counted on
    observe: Observe
    finished: Callable[[Round], None]  # is handed each round as soon as it is over
    recovery: Recovery
    first: int = 0  # number of the first round, where others of the run came before
    usage: list[Usage] = field(default_factory=list)  # of each worker; goes on from what it holds
    further: Callable[[], int] = lambda: (
        0
    )  # says how many more rounds there are, once those asked for are over
    say: Callable[[str], None] = lambda line: None  # is told what was not announced
    dead: str = ""  # the target that did not come back, and why nothing more is sent
    _busiest: int = field(default=0, init=False)
    _number: int = field(default=0, init=False)  # of the next pair
    _wanted: int = field(init=False)  # pairs in all, as far as is known
    _begun: int = field(default=0, init=False)  # rounds
    _repeated: int = field(default=0, init=False)  # pairs
    _hopeless: int = field(default=0, init=False)  # pairs in a row
    _ailing: dict[str, tuple[TargetPlan, bool]] = field(default_factory=dict, init=False)  # since a timeout

    def __post_init__(self) -> None:
        self._wanted = self.plan.rounds

    @property
    def plan(self) -> Plan:
        """What is carried out."""
        return self.pacing.plan

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
        return bool(self.workers.stopped or self.dead or self._hopeless >= HOPELESS)

    def _rounds(self, count: int) -> Iterator[list[Round]]:
        """So many sound ones, if no more than a fifth has to be repeated."""
        self._wanted = self._number + count
        most = self._number + most_rounds(count)
        while self._number < self._wanted and not self._over:
            pair = list(self._block(self._number) if self.plan.blocks else self._pair(self._number))
            flaw = next((round_.flaw for round_ in pair if round_.flaw), "")
            if flaw and self._wanted < most and not self.workers.stopped:
                self._wanted += 1
                self._tell_repeated(flaw)
            yield set_aside([replace(round_, flaw=round_.flaw or flaw) for round_ in pair])
            self._number += 1
            self._hopeless = self._hopeless + 1 if any(map(overwhelmed, pair)) else 0

    def _tell_repeated(self, flaw: str) -> None:
        self._repeated += 1
        if self._repeated <= TOLD:
            more = "; those that follow are not told one by one" if self._repeated == TOLD else ""
            self.say(f"Round {self._number + 1} is repeated: {flaw}{more}.")

    def generator(self) -> dict[str, Any]:
        """What the load generator itself used, in all and by worker."""
        return {
            "processes": len(self.workers),
            "cpu_seconds": math.fsum(each.cpu_seconds for each in self.usage),
            "max_rss_bytes": sum(each.max_rss_bytes for each in self.usage),
            "workers": [each.to_dict() for each in self.usage],
        }

    def _pair(self, number: int) -> Iterator[Round]:
        shape = self._shape(number)
        for target in self.plan.sequence(number):
            if self._over or not self._recovered():
                return
            self._begun += 1
            round_ = self._round(target, number, shape)
            self.finished(round_)
            yield round_

    def _shape(self, number: int) -> RoundShape:
        """As it was announced; with more connections where earlier rounds needed them, as far as each is warmed."""
        shape = self.pacing.shape(number)
        rate = self.plan.request_rate
        if rate is None:
            return shape
        warmed = min(math.floor(rate * shape.warmup / NANOSECONDS), self.plan.load.max_connections)
        return replace(shape, connections=max(shape.connections, min(self._busiest, warmed)))

    def _round(self, target: TargetPlan, number: int, shape: RoundShape) -> Round:
        order = self.plan.order(target, number, shape.warmup, shape.measured, shape.connections, shape.most)
        order = replace(order, number=self.first + number)
        outcome = self.workers.round(order, self.observe)
        flaw = self.workers.lost if outcome.lost else flaw_of(outcome)
        self._note(outcome, flaw)
        self._look_after(target, outcome.recording)
        return Round(
            target=target.name,
            number=order.number,
            warmup=shape.warmup / NANOSECONDS,
            measured=outcome.measured / NANOSECONDS,
            recording=outcome.recording,
            addresses=outcome.addresses,
            unmeasured=outcome.unmeasured,
            cpu_seconds=outcome.cpu_seconds,
            flaw=flaw,
            stopped=outcome.stopped_after is not None and outcome.measured < shape.measured,
        )

    # ── blocks ──

    def _block(self, number: int) -> Iterator[Round]:
        """Two exchanges of each target, one at a time, in an order and then in its mirror; the first warms up before."""
        order = self.plan.sequence(number)
        warmed = self._warm(order) if number == 0 else {}
        seen: defaultdict[str, list[Outcome]] = defaultdict(list)
        self._begun += len(order)
        refused = 0
        for turn, targets in enumerate((order, order[::-1])):
            for target in targets:
                if self._over or not self._recovered():
                    break
                seen[target.name].append(self._exchange(target, number, turn, seen[target.name]))
                if refused := _refused(seen[target.name][-1].recording):
                    self._hold_back(target, refused)
                    break
            if refused:
                break
        for target in order:
            if seen[target.name]:
                held = f"{refused} was answered, and the rest of the block held back" if refused else ""
                round_ = self._of_exchanges(target, number, seen[target.name], warmed.get(target.name, 0))
                round_ = replace(round_, flaw=round_.flaw or held, stopped=round_.stopped and not held)
                self.finished(round_)
                yield round_

    def _warm(self, targets: list[TargetPlan]) -> dict[str, int]:
        """One exchange each, in no figure; how many were sent, by target."""
        sent: dict[str, int] = {}
        for target in targets:
            if self._over or not self._recovered():
                break
            order = replace(self.plan.exchange(target, EXCHANGES * self.plan.rounds), number=self.first)
            recording = self.workers.round(order, lambda snapshot: None).recording
            sent[target.name] = recording.scheduled - recording.unsent
            self._look_after(target, recording)
        return sent

    def _exchange(self, target: TargetPlan, number: int, turn: int, before: list[Outcome]) -> Outcome:
        order = self.plan.exchange(target, EXCHANGES * number + turn)
        order = replace(order, number=self.first + number)
        passed = math.fsum(map(_seconds, before))

        def observe(snapshot: Snapshot) -> None:
            """Of the whole block, on this target."""
            elapsed = passed + (now() - begun) / NANOSECONDS
            whole = max(elapsed, self.plan.measured / NANOSECONDS)
            self.observe(replace(snapshot, elapsed=elapsed, measured=whole))

        begun = now()
        outcome = self.workers.round(order, observe)
        self._note(outcome, flaw_of(outcome))
        self._look_after(target, outcome.recording)
        return outcome

    def _of_exchanges(
        self, target: TargetPlan, number: int, outcomes: list[Outcome], unmeasured: int
    ) -> Round:
        lost = any(each.lost for each in outcomes)
        flaws = [flaw for each in outcomes if (flaw := flaw_of(each))]
        return Round(
            target=target.name,
            number=self.first + number,
            warmup=0.0,
            measured=math.fsum(map(_seconds, outcomes)),
            recording=merged([each.recording for each in outcomes]),
            addresses=tuple(sorted({address for each in outcomes for address in each.addresses})),
            unmeasured=unmeasured,
            cpu_seconds=math.fsum(each.cpu_seconds for each in outcomes),
            flaw=self.workers.lost if lost else next(iter(flaws), ""),
            stopped=len(outcomes) < EXCHANGES,
        )

    def _note(self, outcome: Outcome, flaw: str) -> None:
        """Remember how many connections it took, if it was sound, and what it cost."""
        if not flaw:
            self._busiest = max(self._busiest, outcome.busiest)
        self.usage += [Usage() for _ in range(len(self.workers) - len(self.usage))]
        for usage, report in zip(self.usage, outcome.reports, strict=False):
            if report is None:
                continue
            usage.cpu_seconds += report.cpu_seconds
            usage.max_rss_bytes = max(usage.max_rss_bytes, report.max_rss_bytes)
            usage.strain += report.strain

    # ── a service in trouble ──

    def _hold_back(self, target: TargetPlan, status: int) -> None:
        """Ask a service that refuses no more for now, and wait until it gives a good answer."""
        self.say(f"{target.name} answered {status}: the rest of the block is held back.")
        self._ailing[target.name] = target, True

    def _look_after(self, target: TargetPlan, recording: Recording) -> None:
        """Remember who is to be waited for before anything more is sent: who let a request time out.

        Under a load that nobody asked for by name, that is also who gave no good answer at all.
        """
        silent = self.plan.dosed and recording.failed > 0 and not recording.ok
        if silent or any(recording.failures[kind.label] for kind in TIMEOUTS):
            self._ailing[target.name] = target, recording.ok > 0

    def _recovered(self) -> bool:
        """Wait for those who timed out; whether sending goes on."""
        while self._ailing and not self.workers.stopped:
            name, (target, answered) = self._ailing.popitem()
            waited = self.recovery.left
            good = self.recovery.wait(target, self.baseline.get(name), self.probes)
            if not good or not (answered or waited):
                self.dead = f"{name}, which gave no good answer any more, {PATIENCE:.0f} s long"
                return False
        return not self.workers.stopped


def _refused(recording: Recording) -> int:
    """The status by which a service asked for fewer requests; zero: by none."""
    return next((status for status in TOO_MANY if recording.statuses[status]), 0)


def _seconds(outcome: Outcome) -> float:
    """From when a block's exchange was due until it was over."""
    kept = outcome.recording
    return max(0, kept.last_done - kept.first_due) / NANOSECONDS


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
