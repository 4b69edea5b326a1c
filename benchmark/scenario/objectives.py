"""Objectives as a scenario holds them: text, or a mapping that says more of one; checked against what stands around them."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from benchmark.scenario.fields import DurationOrZero, expected
from benchmark.scenario.objective import EXAMPLES, Objective, parse_objective
from benchmark.scenario.part import Part
from benchmark.units import format_duration

MOST_WINDOWS = 1024  # side by side in a round


def _parse(text: Any) -> Objective:
    if not isinstance(text, str):
        raise expected(f"text, like {EXAMPLES[0]!r}")
    return parse_objective(text)


class WrittenObjective(Part):
    """An objective, and how it is judged."""

    check: Annotated[
        Objective, BeforeValidator(_parse), WithJsonSchema({"type": "string", "examples": list(EXAMPLES)})
    ] = Field(description="What must hold.")
    grace: DurationOrZero = Field(
        "0s",
        validate_default=True,
        description="Time at the beginning of every round in which no window begins, and nothing is aborted.",
    )
    min_sample: int | None = Field(
        None,
        ge=1,
        description="Exchanges that a verdict needs, in every window or in all; fewer are not enough data, and do not pass.",
    )
    abort: bool = Field(False, description="End the run as soon as it cannot be met any more.")

    @field_validator("grace")
    @classmethod
    def _of_windows(cls, grace: float, info: ValidationInfo) -> float:
        check = info.data.get("check")
        if grace and check is not None and not check.window:
            raise ValueError(f"grace goes with windows, as in {EXAMPLES[5]!r}")
        return grace

    @field_validator("abort")
    @classmethod
    def _shows_early(cls, abort: bool, info: ValidationInfo) -> bool:
        check = info.data.get("check")
        if not abort or check is None or check.window:
            return abort
        if (
            check.than
            or check.time != "response"
            or check.metric in {"goodput", "mean", "max"}
            or not check.at_most
            or (check.metric == "rate" and not check.of_offered)
        ):
            raise ValueError(
                "a run is aborted by failures, by quantiles of the response time and by what breaks in a window: "
                "whether this one is met shows only at the end"
            )
        return abort

    def objective(self) -> Objective:
        """All of it as one."""
        return Objective(
            **{
                **vars(self.check),
                "grace": self.grace,
                "min_sample": self.min_sample,
                "abort": self.abort,
            }
        )


def _read(value: Any, info: ValidationInfo) -> Objective:
    """One objective, checked against the targets and the load that stand before it."""
    written = {"check": value} if not isinstance(value, dict) else value
    objective = WrittenObjective.model_validate(written).objective()
    for name in (objective.target, objective.than):
        check_target(name, info)
    load = info.data.get("load")
    if objective.of_offered and load is not None and load.connections is not None:
        raise ValueError(
            "with connections there is no offered rate; write the limit per second, as in 'rate > 450/s'"
        )
    if objective.abort and not objective.window and load is not None and load.connections is not None:
        raise ValueError(
            "with connections nobody knows how many requests are to come, so abort goes with windows there, "
            f"as in {EXAMPLES[5]!r}"
        )
    if objective.window and load is not None and "rounds" in info.data:
        _check_fit(objective, load.round_seconds(info.data["rounds"]))
    return objective


def _check_fit(objective: Objective, each: float | None) -> None:
    """A window lies within one round, and a round's windows are kept up to a number."""
    if each is None:  # as long as a trace, which nobody has read yet
        return
    length = format_duration(objective.window)
    if objective.grace + objective.window > each * (1 + 1e-9):
        raise ValueError(
            f"a window of {length} does not fit into a round of {format_duration(each)}"
            f"{' after its grace' if objective.grace else ''}: set rounds: 1, or measure for longer"
        )
    if each > MOST_WINDOWS * objective.window:
        raise ValueError(
            f"a round of {format_duration(each)} holds {math.floor(each / objective.window):,} windows of {length}, and "
            f"{MOST_WINDOWS:,} are kept: divide it into more rounds, or write longer windows"
        )


def check_target(name: str | None, info: ValidationInfo) -> None:
    """An error unless the scenario has a target of this name, if only a wrong one (see `load_data`)."""
    targets = info.data.get("targets") or (info.context or {}).get("targets")
    if name is not None and isinstance(targets, dict) and name not in targets:
        raise ValueError(f"there is no target of this name; there is {', '.join(targets)}")


def _schema() -> dict[str, Any]:
    """As editors see it: text, or the mapping."""
    text = {"type": "string", "examples": list(EXAMPLES)}
    return {"anyOf": [text, WrittenObjective.model_json_schema()]}


WindowedOrNot = Annotated[Objective, BeforeValidator(_read), WithJsonSchema(_schema())]
Objectives = Annotated[
    tuple[WindowedOrNot, ...],
    BeforeValidator(lambda values: tuple(values) if isinstance(values, list) else values),
]
