"""What a run carries out, one after the other: a plan for each level of a sweep, or the one plan of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.errors import InputError, VpcbenchError
from benchmark.execution.cost_terms import cost_terms
from benchmark.execution.fairness import check_fairness, unlike_targets
from benchmark.execution.limits import check_ports
from benchmark.execution.local import Interrupted, LocalWorkers, WorkerLost
from benchmark.execution.plan import Plan, make_plan
from benchmark.execution.preflight import NOTHING_CHECKED, Preflight, preflight
from benchmark.execution.rounds import most_rounds
from benchmark.redaction import Redactor
from benchmark.result.run import Run
from benchmark.scenario.load import LoadedScenario


@dataclass(frozen=True)
class Stretch:
    """A plan, and which rounds of the run are its own."""

    loaded: LoadedScenario
    plan: Plan
    first: int = 0  # number of its first round
    names: dict[str, str] | None = None  # of a level of a sweep: its values, by key
    numbers: dict[str, float | None] | None = None

    @property
    def label(self) -> str:
        """What a level is called."""
        return label_of(self.names or {})


def label_of(names: Mapping[str, str]) -> str:
    """`load.rate 100/s`."""
    return ", ".join(f"{key} {name}" for key, name in names.items())


def stretches_of(loaded: LoadedScenario) -> list[Stretch]:
    """Everything that is going to be sent, worked out and found fair, before anything is.

    Raises:
        InputError: a plan cannot be carried out.
    """
    if not loaded.levels:
        return [Stretch(loaded, _plan(loaded))]
    if loaded.scenario.precision:
        raise InputError("precision is of one load, and a sweep has several: leave out one of the two")
    made: list[Stretch] = []
    first = 0
    for level in loaded.levels:
        try:
            plan = _plan(level.loaded)
        except InputError as error:
            raise InputError(f"{label_of(level.names)}: {error}") from None
        made.append(Stretch(level.loaded, plan, first, level.names, level.numbers))
        most = most_rounds(plan.rounds)
        first += most + most % 2  # so that the orders of targets still come in balanced pairs
    return made


def _plan(loaded: LoadedScenario) -> Plan:
    plan = make_plan(loaded)
    check_fairness(plan, loaded.scenario.allow)
    return plan


def check_again(
    stretch: Stretch, workers: LocalWorkers, kept: Run, redactor: Redactor, *, check: bool
) -> Preflight | None:
    """How each target answers this level's request; None: the level cannot be measured, which the run's notes tell.

    What there is to warn of that no earlier level has told goes to the notes as well.
    """
    if not check:
        return NOTHING_CHECKED
    try:
        checked = preflight(stretch.plan, workers, stretch.loaded.scenario.allow)
        for target, sent in checked.sent.items():
            kept.probes[target] += sent
        checked.demand_usable()
        doubts = check_ports(stretch.plan, checked.probes)
    except (Interrupted, WorkerLost):  # `workers` knows
        return None
    except VpcbenchError as error:
        kept.notes.append(redactor.text(f"{stretch.label} was left out: {error}"))
        return None
    _note_warnings(stretch, checked, doubts, kept, redactor)
    return checked


def _note_warnings(
    stretch: Stretch, checked: Preflight, doubts: Sequence[str], kept: Run, redactor: Redactor
) -> None:
    told = {note for target in kept.targets.values() for note in target.notes}
    new = [*doubts, *(f"{warning}." for warning in (*unlike_targets(stretch.plan), *checked.warnings))]
    new += [
        f"{visit.target.name}: {warning}."
        for visit in checked.visits
        for warning in visit.warnings
        if redactor.text(warning) not in told
    ]
    for warning in map(redactor.text, new):
        if not any(note.endswith(warning) for note in kept.notes):
            kept.notes.append(f"{stretch.label}: {warning}")


def costs_at(loaded: LoadedScenario, plan: Plan, checked: Preflight) -> dict[str, Any] | None:
    """What traffic will be reckoned by, at the addresses that were found."""
    return cost_terms(loaded.scenario, plan, {name: probe.places for name, probe in checked.probes.items()})


def note_cost(stretch: Stretch, checked: Preflight, kept: Run) -> None:
    """Keep what a level's traffic is reckoned by: its addresses are known only now."""
    for level in kept.settings.get("sweep", ()):
        if level["first"] == stretch.first:
            level["settings"]["cost"] = costs_at(stretch.loaded, stretch.plan, checked)


def levels_kept(stretches: Sequence[Stretch], settings: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is kept of a sweep's levels: enough to make their figures without measuring."""
    return [
        {
            "values": each.names,
            "numbers": each.numbers,
            "label": each.label,
            "first": each.first,
            "settings": own,
        }
        for each, own in zip(stretches, settings, strict=True)
    ]
