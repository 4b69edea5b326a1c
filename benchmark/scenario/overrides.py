"""Changes to a scenario from the command line: `--set load.rate=500/s`."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmark.errors import InputError
from benchmark.scenario.document import Location, NotYaml, read_value
from benchmark.scenario.origins import spell

_OF_RATE = ("rate", "arrivals", "burstiness", "replay", "max_connections")
_OF_CONNECTIONS = ("connections", "think")
_GIVES_WAY: dict[Location, tuple[str, ...]] = {
    ("load", "connections"): _OF_RATE,
    ("load", "rate"): (*_OF_CONNECTIONS, "replay"),
    ("load", "requests"): ("duration",),
    ("load", "duration"): ("requests",),
}


_UNITS = {"load.rate": "/s", "load.duration": "s", "load.warmup": "s", "load.think": "s"}


class Changed(NamedTuple):
    """A scenario's data after overrides, and which override set what."""

    data: dict[str, Any]
    options: dict[Location, str]


class Override(NamedTuple):
    """A value for a key, and what messages call it. The value itself is not quoted: it may be a secret."""

    key: str  # with dots
    origin: str
    value: Any


def apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> Changed:
    """A copy of `data` with every `key=value` put in.

    Setting `load.connections` removes the load's rate and what goes only with it, and the other way round,
    unless these are set as well.

    Raises:
        InputError: not `key=value`, or there is no such place.
    """
    parsed = [_parse(override) for override in overrides]
    changed, places = put_all(data, parsed)
    return Changed(changed, {place: each.origin for place, each in zip(places, parsed, strict=True)})


def put_all(data: dict[str, Any], overrides: Sequence[Override]) -> tuple[dict[str, Any], list[Location]]:
    """A copy of `data` with every override put in, and where each was put.

    Raises:
        InputError: there is no such place.
    """
    data = copy.deepcopy(data)
    places: list[Location] = []
    for each in overrides:
        try:
            places.append(_put(data, each.key.split("."), each.value))
        except LookupError as error:
            raise InputError(f"{each.origin}: {error.args[0]}") from None
    for location in places:
        for gone in _GIVES_WAY.get(location, ()):
            if ("load", gone) not in places:
                data["load"].pop(gone, None)
    return data, places


def only_targets(data: dict[str, Any], names: Sequence[str]) -> tuple[dict[str, Any], list[int] | None]:
    """A copy of `data` with these targets alone, without what is said of the others: for a place that cannot reach them.

    With it come the numbers of the objectives that are kept; None: all are where they were.

    Raises:
        InputError: there is no such target.
    """
    targets = data.get("targets")
    if not names or not isinstance(targets, dict):
        return data, None
    for name in names:
        if name not in targets:
            raise InputError(f"--only {name}: there is no target of this name; there is {', '.join(targets)}")
    gone = [re.escape(str(name)) for name in targets if name not in names]
    named = re.compile(rf"(?<![\w.-])({'|'.join(gone)})\.") if gone else re.compile("(?!)")
    kept = {**data, "targets": {name: targets[name] for name in targets if name in names}}
    if kept.get("baseline") not in names:
        kept.pop("baseline", None)
    numbers = None
    if isinstance(kept.get("objectives"), list):
        numbers = [at for at, each in enumerate(kept["objectives"]) if not named.search(str(each))]
        kept["objectives"] = [kept["objectives"][at] for at in numbers]
    if isinstance(kept.get("sweep"), dict) and kept["sweep"]:
        kept["sweep"] = {key: each for key, each in kept["sweep"].items() if not _is_of(key, kept["targets"])}
        if not kept["sweep"]:
            del kept["sweep"]
    prices = kept.get("prices")
    if isinstance(prices, dict) and isinstance(prices.get("routes"), dict):
        routes = {
            name: route for name, route in prices["routes"].items() if name in names or name not in targets
        }
        kept["prices"] = {**prices, "routes": routes}
    return kept, numbers


def _is_of(key: Any, kept: Mapping[Any, Any]) -> bool:
    """Whether a key with dots is of a target that is not kept."""
    first, _, rest = str(key).partition(".")
    return first == "targets" and bool(rest) and rest.partition(".")[0] not in kept


def as_meant(key: str, value: Any) -> Any:
    """A value from the command line, where a bare number is what people mean by it: 50 is 50/s, and 10 is 10s."""
    bare = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value}{_UNITS[key]}" if bare and key in _UNITS else value


def _parse(override: str) -> Override:
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not all(key.split(".")):
        raise InputError("--set: expected key=value, like --set load.rate=500/s")
    origin = f"--set {key}=…"
    try:
        return Override(key, origin, as_meant(key, read_value(text)))
    except NotYaml as error:
        raise InputError(f"{origin}: {error}") from None


def _put(data: dict[str, Any], keys: list[str], value: Any) -> Location:
    """Set the value, making mappings on the way where there is nothing; the place it was put at.

    Raises:
        LookupError: the way leads through a single value, or past a list's end.
    """
    place: Any = data
    location: Location = ()
    for at, key in enumerate(keys):
        step = _step(place, key, location)
        location = (*location, step)
        if at == len(keys) - 1:
            place[step] = value
        elif isinstance(place, dict) and place.get(key) is None:
            place[step] = {}
        place = place[step]
    return location


def _step(place: Any, key: str, location: Location) -> str | int:
    """The key or index that leads on from `place`."""
    if isinstance(place, dict):
        return key
    if not isinstance(place, list):
        raise LookupError(f"{spell(location)} is a single value; there is nothing inside it to set")
    if not key.isdecimal() or int(key) >= len(place):
        raise LookupError(f"{spell(location)} is a list of {len(place)}, counted from 0; it has no {key}")
    return int(key)
