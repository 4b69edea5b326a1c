"""What a run carries out, one after the other: a plan for each level of a sweep, or the one plan of a scenario.

`stretches_of` works out what was asked; `settle` asks the targets a few requests and fixes all that is left open, so
that it can be announced before the load begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from benchmark.errors import InputError, VpcbenchError
from benchmark.execution.beginning import begin, resolved
from benchmark.execution.dose import dosed
from benchmark.execution.environment import cores
from benchmark.execution.fairness import check_fairness, unlike_targets
from benchmark.execution.limits import check_files, check_ports, raise_file_limit
from benchmark.execution.local import Interrupted, LocalWorkers, WorkerLost
from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import Plan, make_plan
from benchmark.execution.preflight import NOTHING_CHECKED, Preflight, preflight
from benchmark.execution.rounds import most_rounds
from benchmark.redaction import Redactor
from benchmark.result.run import Run
from benchmark.scenario.load import LoadedScenario
from benchmark.units import MILLISECOND


@dataclass(frozen=True)
class Stretch:
    """A plan, and which rounds of the run are its own."""

    loaded: LoadedScenario
    plan: Plan
    first: int = 0  # number of its first round
    names: dict[str, str] | None = None  # of a level of a sweep: its values, by key
    numbers: dict[str, float | None] | None = None
    checked: Preflight = NOTHING_CHECKED
    processes: int = 1
    left_out: str = ""  # why it cannot be measured
    doubts: tuple[str, ...] = field(default=(), repr=False)  # what to warn of before it begins

    @property
    def label(self) -> str:
        """What a level is called."""
        return label_of(self.names or {})

    @property
    def pacing(self) -> Pacing:
        """How its rounds go."""
        return Pacing(self.plan, self.checked.typical, self.checked.slowest, self.processes)


def label_of(names: Mapping[str, str]) -> str:
    """`load.rate 100/s`."""
    return ", ".join(f"{key} {name}" for key, name in names.items())


def stretches_of(loaded: LoadedScenario) -> list[Stretch]:
    """Everything that is asked for, worked out and found fair, before anything is sent.

    Raises:
        InputError: a plan cannot be carried out.
    """
    if not loaded.levels:
        return [Stretch(loaded, _plan(loaded))]
    if loaded.scenario.precision:
        raise InputError("precision is of one load, and a sweep has several: leave out one of the two")
    made: list[Stretch] = []
    for level in loaded.levels:
        try:
            plan = _plan(level.loaded)
        except InputError as error:
            raise InputError(f"{label_of(level.names)}: {error}") from None
        made.append(Stretch(level.loaded, plan, names=level.names, numbers=level.numbers))
    return list(_numbered(made))


def _plan(loaded: LoadedScenario) -> Plan:
    plan = make_plan(loaded)
    check_fairness(plan, loaded.scenario.allow)
    return plan


def _numbered(stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """With room for rounds that are repeated, and so that the orders of targets still come in balanced pairs."""
    first = 0
    for each in stretches:
        yield replace(each, first=first)
        most = most_rounds(each.plan.rounds)
        first += most + most % 2


def settle(stretches: Sequence[Stretch], workers: LocalWorkers, *, check: bool) -> list[Stretch]:
    """The same with all that the targets' first answers decide: the load where none is set, and every round's shape.

    Raises:
        TargetError: a target cannot be used.
        InputError: the targets cannot be compared, or this machine cannot send the load.
    """
    settled = [_fitted(_asked(stretches[0], workers, check=check))]
    for each in stretches[1:]:
        asked = each
        try:
            asked = _asked(each, workers, check=check)
            settled.append(_fitted(asked))
        except (Interrupted, WorkerLost):
            raise
        except VpcbenchError as error:
            settled.append(replace(asked, left_out=str(error)))
    most = accumulate((each.processes for each in settled), max)  # those that were started stay
    return list(_numbered([replace(each, processes=own) for each, own in zip(settled, most, strict=True)]))


def _asked(stretch: Stretch, workers: LocalWorkers, *, check: bool) -> Stretch:
    """With what the targets answered."""
    check_files(stretch.plan, raise_file_limit())
    if not check:
        return stretch
    return replace(stretch, checked=preflight(stretch.plan, workers, stretch.loaded.scenario.allow))


def _fitted(stretch: Stretch) -> Stretch:
    """With a load that follows from the answers, where they are such that one may be sent."""
    checked = stretch.checked
    checked.demand_usable()
    plan = dosed(stretch.plan, stretch.loaded.scenario.objectives, checked.typical)
    quickest = min((probe.service for probe in checked.probes.values()), default=MILLISECOND)
    return replace(
        stretch,
        plan=plan,
        processes=plan.processes(cores(), quickest),
        doubts=tuple(check_ports(plan, checked.probes)),
    )


def begin_all(stretches: Sequence[Stretch], redactor: Redactor, *, simulated: bool) -> Run:
    """The run before its first round, with what the levels of a sweep go by, and what there is to warn of."""
    first = stretches[0]
    kept = begin(first.loaded, first.pacing, first.checked, redactor, simulated=simulated)
    kept.notes += first.doubts
    if first.names is not None:
        kept.settings["sweep"] = redactor.data([_level(each, simulated=simulated) for each in stretches])
    for each in stretches[1:]:
        for target, sent in each.checked.sent.items():
            kept.probes[target] += sent
        if each.left_out:
            kept.notes.append(redactor.text(f"{each.label} was left out: {each.left_out}"))
        else:
            _note_warnings(each, kept, redactor)
    return kept


def _level(stretch: Stretch, *, simulated: bool) -> dict[str, Any]:
    """What is kept of a sweep's level: enough to make its figures without measuring."""
    return {
        "values": stretch.names,
        "numbers": stretch.numbers,
        "label": stretch.label,
        "first": stretch.first,
        "settings": resolved(stretch.loaded, stretch.pacing, stretch.checked, simulated=simulated),
    }


def _note_warnings(stretch: Stretch, kept: Run, redactor: Redactor) -> None:
    """What there is to warn of that no earlier level has told."""
    told = {note for target in kept.targets.values() for note in target.notes}
    checked = stretch.checked
    new = [*stretch.doubts]
    new += [f"{warning}." for warning in (*unlike_targets(stretch.plan), *checked.warnings)]
    new += [
        f"{visit.target.name}: {warning}."
        for visit in checked.visits
        for warning in visit.warnings
        if redactor.text(warning) not in told
    ]
    for warning in map(redactor.text, new):
        if not any(note.endswith(warning) for note in kept.notes):
            kept.notes.append(f"{stretch.label}: {warning}")
