"""A run from its first probe to its last round: what is settled is announced, then sent, and kept on disk all the while."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, Self

from benchmark.analysis.precision import further_rounds
from benchmark.errors import TargetError
from benchmark.execution.backlog import Backlog
from benchmark.execution.beginning import stamp
from benchmark.execution.group import Snapshot
from benchmark.execution.local import Interrupted, LocalWorkers
from benchmark.execution.plan import Plan
from benchmark.execution.recovery import Recovery
from benchmark.execution.rounds import Conductor, Usage
from benchmark.execution.stretches import Stretch, begin_all, settle
from benchmark.execution.watch import Watch
from benchmark.redaction import Redactor
from benchmark.result.journal import Journal, Part
from benchmark.result.rescue import telling_where
from benchmark.result.run import Round, Run
from benchmark.result.store import make_folder, save_scenario
from benchmark.scenario.load import LoadedScenario


class Stop(Protocol):
    """How a run is told to stop, and asks for it."""

    reason: str

    def __call__(self) -> int:
        """0: go on; 1: ask no more, and wait for what is in flight; 2: stop at once."""

    def ask(self, reason: str) -> None:
        """Ask to stop in order."""


class Display(Protocol):
    """Who shows how a run goes. Use as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def begin(self, plan: Plan, to_come: Callable[[], int]) -> None:
        """A plan begins."""

    def observe(self, snapshot: Snapshot) -> None:
        """A running round has recorded something."""

    def finished(self, round_: Round) -> None:
        """A round is over."""

    def say(self, line: str) -> None:
        """Something happens that was not announced."""

    def waiting(self, text: str) -> None:
        """Nothing is sent, for this reason; none: that is over."""


Announce = Callable[[Sequence[Stretch]], None]


@dataclass
class Session:
    """Runs a scenario's stretches.

    Args:
        announce: is handed what is going to be sent, once that is settled and before it is.
        display: makes what shows the run as it goes, of plans.
    """

    loaded: LoadedScenario
    redactor: Redactor
    stopping: Stop
    announce: Announce
    display: Callable[[Sequence[Plan]], Display]
    check: bool = True
    simulated: bool = False

    def run(self, stretches: Sequence[Stretch], out: Path | None) -> tuple[Run, Path]:
        """Probes and rounds; the run as it was measured, and the folder that holds its journal.

        Raises:
            TargetError: a target cannot be used.
            InputError: the targets cannot be compared, or this machine cannot send the load.
            Interrupted: the user stopped it before anything was measured.
        """
        with LocalWorkers(self.stopping, self.loaded.count_tokens()) as workers:
            settled = settle(stretches, workers, check=self.check)
            kept = begin_all(settled, self.redactor, simulated=self.simulated)
            self.announce(settled)
            folder = make_folder(kept.name, out)
            save_scenario(folder, kept)
            going = [each for each in settled if not each.left_out]
            with (
                telling_where(folder),
                Journal(folder, kept, self.stopping.ask) as journal,
                self.display([each.plan for each in going]) as display,
            ):
                _Rounds(self, workers, kept, journal, display).run(going)
            kept.finished_at, kept.discovered = stamp(), self.redactor.data(workers.discovered())
            kept.interrupted, kept.lost = "" if kept.aborted else self.stopping.reason, workers.lost
        if not kept.rounds and kept.aborted:
            raise TargetError(f"nothing was measured, for {kept.aborted}")
        if not kept.rounds:
            raise Interrupted(f"{self.stopping.reason}; nothing was measured")
        return kept, folder


class _Rounds:
    """All rounds of a session, and who watches them."""

    def __init__(
        self, session: Session, workers: LocalWorkers, kept: Run, journal: Journal, display: Display
    ) -> None:
        self._stopping = session.stopping
        self._workers = workers
        self._kept = kept
        self._journal = journal
        self._display = display
        self._usage: list[Usage] = []
        self._recovery = Recovery(workers, display.waiting)

    def run(self, stretches: Sequence[Stretch]) -> None:
        """One stretch after the other, until one ends the run."""
        for stretch in stretches:
            if self._workers.stopped or self._kept.aborted:
                return
            self._stretch(stretch)

    def _stretch(self, stretch: Stretch) -> None:
        """The rounds of a run, or of one level of a sweep."""
        self._workers.grow(stretch.processes)
        plan, ask = stretch.plan, self._stopping.ask
        watch = Watch(plan, stretch.loaded.scenario.objectives, ask)
        backlog = Backlog(plan.request_rate, ask) if plan.dosed and plan.request_rate else None
        conductor = Conductor(
            pacing=stretch.pacing,
            workers=self._workers,
            baseline=stretch.checked.probes,
            probes=self._kept.probes,
            observe=self._observer(watch, backlog),
            finished=self._keeper(watch),
            recovery=self._recovery,
            first=stretch.first,
            usage=self._usage,
            further=self._longer,
            say=self._display.say,
        )
        self._display.begin(plan, lambda: conductor.to_come)
        self._conduct(conductor)
        ended = {watch.why: watch.broken, backlog.why if backlog else "": backlog.why if backlog else ""}
        self._kept.aborted = conductor.dead or (ended.get(self._stopping.reason) or "")

    def _observer(self, watch: Watch, backlog: Backlog | None) -> Callable[[Snapshot], None]:
        """Hands on what a running round has recorded."""

        def observe(snapshot: Snapshot) -> None:
            self._display.observe(snapshot)
            self._journal.see(Part(**{each.name: getattr(snapshot, each.name) for each in fields(Part)}))
            watch.observe(snapshot)
            if backlog:
                backlog.observe(snapshot)

        return observe

    def _keeper(self, watch: Watch) -> Callable[[Round], None]:
        """Hands on a round that is over."""

        def keep(round_: Round) -> None:
            self._display.finished(round_)
            watch.finished(round_)
            self._journal.add(round_)

        return keep

    def _longer(self) -> int:
        """How many more rounds there are after a pilot; the user is told."""
        rounds = further_rounds(self._kept)
        if rounds:
            self._display.say(f"The precision takes {rounds} more round{'s' * (rounds != 1)}.")
        return rounds

    def _conduct(self, conductor: Conductor) -> None:
        """Every round of a plan."""
        for pair in conductor.rounds():
            self._kept.rounds.extend(pair)
            for round_ in pair:
                if round_.flaw:  # perhaps on its pair's account, which the journal does not know yet
                    self._journal.add(round_)
            self._kept.generator = conductor.generator()
