"""A sweep's levels: each is a run of its own, whose figures are made as any run's are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from benchmark.analysis.health import generator_of
from benchmark.result.model import Result, SweepLevel, Verdict, VerdictStatus
from benchmark.result.run import Run

_GRAVEST = ("interrupted", "invalid", "fail", "pass")


def level_runs(run: Run) -> Iterator[tuple[dict[str, Any], Run]]:
    """Every level of which something was measured, as what it is and the run that it was."""
    levels = run.settings["sweep"]
    ends = [*(level["first"] for level in levels[1:]), None]
    for level, end in zip(levels, ends, strict=True):
        first = level["first"]
        mine = [each for each in run.rounds if each.number >= first and (end is None or each.number < end)]
        if not mine:
            continue
        rounds = [replace(each, number=each.number - first) for each in mine]
        last = run.rounds[-1] is mine[-1]
        yield (
            level,
            replace(
                run,
                settings=level["settings"],
                rounds=rounds,
                interrupted=run.interrupted if last and not _whole(level, rounds) else "",
                aborted=run.aborted if last else "",
                lost=run.lost if last else "",
                notes=[],
            ),
        )


def _whole(level: dict[str, Any], rounds: Sequence[Any]) -> bool:
    """Whether the level came to its end: every target had its rounds."""
    wanted = int(level["settings"]["rounds"])
    return not any(each.stopped for each in rounds) and all(
        len([each for each in rounds if each.target == target and not each.flaw]) >= wanted
        for target in {each.target for each in rounds}
    )


def sweep_result(run: Run, found: Sequence[tuple[dict[str, Any], Result]]) -> Result:
    """The whole of a sweep's `result.json`."""
    generator = generator_of(run)
    reasons = [f"{level['label']}: {reason}" for level, each in found for reason in each.generator.reasons]
    return Result(
        **run.heading(),
        verdict=_verdict(run, found),
        targets={},
        sweep=[_level(level, each) for level, each in found],
        generator=generator.model_copy(update={"reasons": reasons}),
    )


def _level(level: dict[str, Any], found: Result) -> SweepLevel:
    return SweepLevel(
        label=level["label"],
        values=level["values"],
        numbers=level["numbers"],
        verdict=found.verdict,
        targets=found.targets,
        comparisons=found.comparisons,
        breakdown=found.breakdown,
        objectives=found.objectives,
        cost=found.cost,
    )


def _verdict(run: Run, found: Sequence[tuple[dict[str, Any], Result]]) -> Verdict:
    """The gravest of the levels'; one that could not be measured makes a sweep invalid, unless its user ended it."""
    told = [(level["label"], each.verdict) for level, each in found]
    reached = {label for label, _ in told}
    missing = [level["label"] for level in run.settings["sweep"] if level["label"] not in reached]
    if missing:
        status: VerdictStatus = "interrupted" if run.interrupted else "fail" if run.aborted else "invalid"
        why = run.interrupted or run.aborted or "its targets could not be asked"
        verdict = Verdict.of(status, [("not-measured", f"not measured ({why})")])
        told.append((", ".join(missing), verdict))
    gravest = min((each.status for _, each in told), key=_GRAVEST.index)
    return Verdict(
        status=gravest,
        reasons=[f"{label}: {reason}" for label, each in told for reason in each.reasons],
        codes=[code for _, each in told for code in each.codes],
    )
