"""What every reader hands over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmark.scenario.curl.command import CurlCommand
from benchmark.scenario.curl.draft import VARIABLE


@dataclass(frozen=True)
class Converted:
    """The requests that were found, each with how often it stands there, and the load, where that is said."""

    requests: tuple[tuple[CurlCommand, int], ...]
    load: Mapping[str, str] = field(default_factory=dict)  # a scenario's keys, as on a command line
    notes: tuple[str, ...] = ()  # what was left out, and why


def variable(name: str) -> str:
    """What stands for a variable of the environment, until all other text is escaped."""
    return f"{VARIABLE[0]}{re.sub(r'[^A-Za-z0-9_]', '_', name)}{VARIABLE[1]}"


def counted(commands: list[CurlCommand]) -> tuple[tuple[CurlCommand, int], ...]:
    """Equal requests become one, with its count, in the order in which they come first."""
    found: list[CurlCommand] = []
    counts: list[int] = []
    for command in commands:
        if command in found:
            counts[found.index(command)] += 1
        else:
            found.append(command)
            counts.append(1)
    return tuple(zip(found, counts, strict=True))
