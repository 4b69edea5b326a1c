"""Where each part of a scenario came from, so that messages can say it: a line of a file, or an option."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from benchmark.scenario.document import Location, Problem

_T = TypeVar("_T")
_SIMPLE_KEY = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Origins:
    """The text a scenario was read from, and the options that changed it."""

    name: str  # of the file; of the command where there is none
    lines: Mapping[Location, int] = field(default_factory=dict)
    options: Mapping[Location, str] = field(
        default_factory=dict
    )  # each for what stands at and below its place

    def keeping(self, place: Location, numbers: Sequence[int] | None) -> Origins:
        """The same where only these items of the list at `place` are kept; None: all are."""
        if numbers is None:
            return self
        return replace(
            self, lines=_kept(self.lines, place, numbers), options=_kept(self.options, place, numbers)
        )

    def report(self, problems: Iterable[Problem]) -> str:
        """The problems, a line each, in the order of the file, then those of options."""
        placed = sorted({self._place(problem) for problem in problems})
        return "\n".join(message for *_, message in placed)

    def _place(self, problem: Problem) -> tuple[bool, int, str]:
        """The message with its place in front, behind what it is sorted by."""
        key = f"{spell(problem.location)}: " if problem.location else ""
        option = self._option(problem.location)
        if option is not None and problem.line is None:
            return True, 0, f"{option}: {key}{problem.message}"
        line = problem.line or self._line(problem.location)
        place = f"{self.name}:{line}" if line else self.name
        return False, line, f"{place}: {key}{problem.message}"

    def _option(self, location: Location) -> str | None:
        """The option that set this place, the nearest thing around it, or what the file does not have of it."""
        around = (self.options[each] for each in _upwards(location) if each in self.options)
        inside = (option for each, option in self.options.items() if each[: len(location)] == location)
        return next(around, None) or (next(inside, None) if location and location not in self.lines else None)

    def _line(self, location: Location) -> int:
        """The line of the key, or of the nearest thing around it; 0 where there is none."""
        return next((self.lines[each] for each in _upwards(location) if each in self.lines), 0)


def spell(location: Location) -> str:
    """A place as people write it: `requests[0].headers.Accept`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _SIMPLE_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{part!r}]"
    return text


def _kept(origins: Mapping[Location, _T], place: Location, numbers: Sequence[int]) -> dict[Location, _T]:
    """Each by where it stands once the list at `place` holds only the items of these numbers."""
    at, moved = len(place), {number: new for new, number in enumerate(numbers)}
    found: dict[Location, _T] = {}
    for location, origin in origins.items():
        if location[:at] != place or len(location) == at:
            found[location] = origin
        elif location[at] in moved:
            found[*place, moved[location[at]], *location[at + 1 :]] = origin  # type: ignore[index]
    return found


def _upwards(location: Location) -> Iterable[Location]:
    """The place itself, then what it stands in, up to the top."""
    return (location[:end] for end in range(len(location), -1, -1))
