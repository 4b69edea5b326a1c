"""`sweep:`: a scenario's data once for each value of the keys that are swept; arithmetic on plain data only.

Every level is a whole scenario of its own, made as `--set` would make it, and is checked like one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple

from pydantic import BaseModel

from benchmark.scenario.document import Location, plain
from benchmark.scenario.model import sweep_problem
from benchmark.scenario.origins import Origins
from benchmark.scenario.overrides import Override, put_all

LONGEST = 24  # characters of a value's name


class LevelData(NamedTuple):
    """One level before it is checked."""

    at: dict[str, Location]  # each key's place in the scenario
    data: dict[str, Any]
    origins: Origins


def levels_of(data: dict[str, Any], origins: Origins) -> Iterator[LevelData]:
    """The levels of a sweep: every combination of its values, the last key's turning fastest; none where there is none.

    Nothing comes of a sweep that is written wrong: whoever checks the scenario says so.

    Raises:
        InputError: there is no such place in the scenario.
    """
    sweep = data.get("sweep")
    if sweep is None or sweep_problem(sweep):
        return
    for picked in product(*(range(len(values)) for values in sweep.values())):
        chosen = dict(zip(sweep, picked, strict=True))
        overrides = [Override(key, f"sweep: {key}", sweep[key][number]) for key, number in chosen.items()]
        changed, places = put_all(data, overrides)
        at = dict(zip(sweep, places, strict=True))
        yield LevelData(at, changed, _moved(origins, chosen, at))


def _moved(origins: Origins, chosen: Mapping[str, int], at: Mapping[str, Location]) -> Origins:
    """Where this level's values came from: their lines in the sweep, or the option that set it."""
    lines, options = dict(origins.lines), dict(origins.options)
    for key, number in chosen.items():
        options.pop(at[key], None)
        place: Location = ("sweep", key, number)
        for location, line in origins.lines.items():
            if location[: len(place)] == place:
                lines[*at[key], *location[len(place) :]] = line
        if ("sweep",) in origins.options:
            options[at[key]] = origins.options["sweep",]
    return replace(origins, lines=lines, options=options)


def name_of(value: Any) -> str:
    """A value as reports call it: as it was written, shortened."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else plain(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def value_at(data: Any, location: Location) -> Any:
    """The value at a place of plain data."""
    for step in location:
        data = data[step]
    return data


def number_at(scenario: BaseModel, location: Location) -> float | None:
    """The value at a place of a checked scenario, in base units; None where it is no number."""
    value: Any = scenario
    for step in location:
        if isinstance(value, BaseModel):
            fields = type(value).model_fields
            value = getattr(
                value, next((name for name, each in fields.items() if each.alias == step), str(step))
            )
        else:
            value = value[step]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
