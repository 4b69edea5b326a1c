"""What a run carries out, one after the other: a plan for each level of a sweep, or the one plan of a scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.errors import InputError, VpcbenchError
from benchmark.execution.fairness import check_fairness
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
    """How each target answers this level's request; None: the level cannot be measured, which the run's notes tell."""
    if not check:
        return NOTHING_CHECKED
    try:
        checked = preflight(stretch.plan, workers, stretch.loaded.scenario.allow)
        for target, sent in checked.sent.items():
            kept.probes[target] += sent
        checked.demand_usable()
    except (Interrupted, WorkerLost):  # `workers` knows
        return None
    except VpcbenchError as error:
        kept.notes.append(redactor.text(f"{stretch.label} was left out: {error}"))
        return None
    return checked


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
