"""`${NAME}` in a scenario is filled from the environment, and from nowhere else; `$${` stands for `${`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from benchmark.scenario.document import Location, Problem

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")


class Filled(NamedTuple):
    """Plain data with its variables filled in."""

    data: Any
    used: list[tuple[Location, str]]  # every value that was put in, and where
    problems: list[Problem]  # the text at these places is left as it was


def fill(data: Any, environ: Mapping[str, str]) -> Filled:
    """A copy of plain data with `${NAME}` filled in wherever it stands in a text (not in a key)."""
    filler = _Filler(environ)
    return Filled(filler.fill(data, ()), filler.used, filler.problems)


def escape(text: str) -> str:
    """Text that `fill` gives back as it is."""
    return text.replace("${", "$${")


class _Filler:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.used: list[tuple[Location, str]] = []
        self.problems: list[Problem] = []

    def fill(self, value: Any, location: Location) -> Any:
        if isinstance(value, dict):
            return {key: self.fill(item, (*location, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item, (*location, at)) for at, item in enumerate(value)]
        if isinstance(value, str):
            return _REFERENCE.sub(lambda match: self.replace(match, location), value)
        return value

    def replace(self, match: re.Match[str], location: Location) -> str:
        if match[0] == "$${":
            return "${"
        name = match[1]
        if name is None:
            self.problems.append(
                Problem(location, "'${' begins a variable, like ${NAME}; write '$${' for the text itself")
            )
            return match[0]
        if name not in self.environ:
            message = f"the environment variable {name} is not set; set it with: export {name}=…"
            self.problems.append(Problem(location, message))
            return match[0]
        self.used.append((location, self.environ[name]))
        return self.environ[name]
