"""What a run consists of that spreadsheets and logs must tell apart: the levels of a sweep, and those of a search."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmark.analysis.sweep import level_runs
from benchmark.result.run import Run


@dataclass(frozen=True)
class Part:
    """One level as a run of its own, or a whole run."""

    run: Run
    names: dict[str, str]  # of a level, by key; empty: it is the whole run
    number: int | None = None  # of a sweep's level, from 1: shortened names may be alike


def parts_of(run: Run) -> list[Part]:
    """All of a run, in the order in which it was measured."""
    if "sweep" in run.settings:
        numbers = {level["first"]: at for at, level in enumerate(run.settings["sweep"], start=1)}
        return [Part(own, level["values"], numbers[level["first"]]) for level, own in level_runs(run)]
    if "search" in run.settings:
        key = "load.rate" if run.settings["open_loop"] else "load.connections"
        tried = list(dict.fromkeys(each.level for each in run.rounds))
        return [
            Part(
                replace(run, rounds=[each for each in run.rounds if each.level == level]),
                {key: f"{level:.6g}"},
            )
            for level in tried
        ]
    return [Part(run, {})]
