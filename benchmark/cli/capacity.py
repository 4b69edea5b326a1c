"""`vpcbench capacity`: the highest load that meets the objectives, searched on every target in turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmark.analysis.capacity import WINDOWS, Search, expected_half
from benchmark.analysis.capacity_run import demands_of, new_search, observation, timed
from benchmark.analysis.summary import summarise
from benchmark.cli.output import whole
from benchmark.cli.run import exit_status, telling_secretless, write
from benchmark.cli.stopping import Stopping
from benchmark.errors import ExitStatus, InputError
from benchmark.execution.beginning import begin, stamp
from benchmark.execution.dose import MOST_RATE
from benchmark.execution.environment import cores
from benchmark.execution.levels import Levels
from benchmark.execution.limits import check_files, raise_file_limit
from benchmark.execution.local import Interrupted, LocalWorkers
from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import Plan, TargetPlan, make_plan
from benchmark.execution.preflight import preflight
from benchmark.redaction import Redactor, redact_url
from benchmark.report.document import describe
from benchmark.report.terminal import render_terminal
from benchmark.result.journal import Journal
from benchmark.result.rescue import telling_where
from benchmark.result.run import Run
from benchmark.result.store import make_folder, save_scenario
from benchmark.scenario.load import LoadedScenario, load_scenario
from benchmark.scenario.objective import read_objective
from benchmark.units import format_duration, format_rate, parse_duration, parse_rate

BUDGET = "5m"  # for each target
TRIALS = 30  # a trial's measured time is this part of the budget
SHORTEST = 0.5  # seconds


def capacity(
    path: Path,
    out: Path | None,
    *,
    overrides: Sequence[str],
    at_least: str | None,
    budget: str,
    dry_run: bool,
    quiet: bool,
    full: bool = False,
) -> ExitStatus:
    """Search, keep, tell."""
    loaded = load_scenario(path, overrides)
    if loaded.levels:
        raise InputError(f"{path}: sweep: a search of the capacity finds its levels itself; leave sweep out")
    for key in ("replay", "stages"):
        if getattr(loaded.scenario.load, key) is not None:
            raise loaded.complaint(
                ("load", key),
                "a search of the capacity sets the load itself, level by level; leave this out, and give the load to begin "
                "with, like rate: 20/s or connections: 4",
            )
    redactor = Redactor(loaded.secrets)
    console = Console(soft_wrap=False)
    with telling_secretless(redactor):
        plan = replace(_paced(make_plan(loaded)), timed=timed(loaded.scenario.objectives))
        if plan.open_loop and plan.turns > 1:
            raise InputError(
                "a capacity is a rate of requests, and a rate of conversations is none; search with "
                "load: {connections: 4}, as so many hold one each, or leave conversation out"
            )
        asked = _asked(plan, at_least, budget)
        for target in plan.targets:
            demands_of(loaded.scenario.objectives, target.name)
        console.print(redactor.text(announce(plan, loaded, asked)), highlight=False, markup=False)
        if dry_run:
            return ExitStatus.OK
        return _search(loaded, plan, asked, out, redactor, console, quiet=quiet, full=full)


def _paced(plan: Plan) -> Plan:
    """With a load to begin with, where the scenario sets none."""
    if plan.load.paced:
        return plan
    return replace(plan, load=plan.load.model_copy(update={"rate": MOST_RATE}))


def _asked(plan: Plan, at_least: str | None, budget: str) -> dict[str, float | None]:
    """What a search goes by, as it is kept."""
    try:
        seconds = parse_duration(_with_unit(budget, "s"))
    except ValueError as error:
        raise InputError(f"--budget {error}") from error
    start = plan.rate if plan.open_loop else plan.load.connections
    return {
        "start": start,
        "budget": seconds,
        "trial": max(SHORTEST, seconds / TRIALS),
        "at_least": None if at_least is None else _level(plan, at_least),
    }


def _with_unit(text: str, unit: str) -> str:
    """A bare number as people mean it: `--budget 60` is 60 s, `--at-least 500` is 500/s."""
    return text + unit if re.fullmatch(r"[0-9]*\.?[0-9]+", text) else text


def _level(plan: Plan, text: str) -> float:
    try:
        return parse_rate(_with_unit(text, "/s")) if plan.open_loop else float(int(text))
    except ValueError as error:
        wanted = "a rate, like 500/s" if plan.open_loop else "a number of connections, like 64"
        raise InputError(f"--at-least {text}: write {wanted}") from error


def announce(plan: Plan, loaded: LoadedScenario, asked: dict[str, float | None]) -> str:
    """What is going to be tried, and for how long at the most."""
    start, trial, budget = asked["start"] or 0, asked["trial"] or 0, asked["budget"] or 0
    first = format_rate(start) if plan.open_loop else f"{start:.0f} connections"
    objectives = " and ".join(f"`{each.text}`" for each in loaded.scenario.objectives)
    lines = [
        f"Searching the highest load within {objectives}: from {first}, doubled until it is too much, then nearer.",
        f"Trials of {format_duration(trial)}; at most {format_duration(budget * len(plan.targets))} in all.",
    ]
    lines.append(
        f"Of a service that queues, so long a search tells the capacity to about ± {100 * expected_half(budget):.0f} %; of a "
        "hard limit to ± 3 %."
    )
    lines += [f"  {target.name:<10} {redact_url(target.url)}" for target in plan.targets]
    return "\n".join(lines)


def _search(
    loaded: LoadedScenario,
    plan: Plan,
    asked: dict[str, float | None],
    out: Path | None,
    redactor: Redactor,
    console: Console,
    *,
    quiet: bool,
    full: bool,
) -> ExitStatus:
    with Stopping() as stopping:
        kept, folder = _send(loaded, plan, asked, out, redactor, stopping, console, quiet=quiet)
        with telling_where(folder):
            result = summarise(kept)
            report = describe(result, kept)
            unwritten = write(kept, result, report, folder)
            render_terminal(report, console, quiet=quiet, full=whole(full=full))
    if unwritten:
        raise unwritten
    console.print(f"\nReport: {folder / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    return exit_status(result)


def _send(
    loaded: LoadedScenario,
    plan: Plan,
    asked: dict[str, float | None],
    out: Path | None,
    redactor: Redactor,
    stopping: Stopping,
    console: Console,
    *,
    quiet: bool,
) -> tuple[Run, Path]:
    """Preflight and trials, the targets taking turns."""
    check_files(plan, raise_file_limit())
    with LocalWorkers(stopping, loaded.count_tokens()) as workers:
        checked = preflight(plan, workers, loaded.scenario.allow)
        checked.demand_usable()
        quickest = min(probe.service for probe in checked.probes.values())
        pacing = Pacing(plan, checked.typical, checked.slowest)
        kept = begin(loaded, pacing, checked, redactor, simulated=False)
        levels = Levels(
            plan,
            workers,
            checked.probes,
            kept.probes,
            lambda snapshot: None,
            lambda wanted: wanted.processes(cores(), quickest),
        )
        kept.settings["search"] = asked
        folder = make_folder(kept.name, out)
        save_scenario(folder, kept)
        searches = {target.name: new_search(kept, target.name) for target in plan.targets}
        going = list(plan.targets)
        with telling_where(folder), Journal(folder, kept, stopping.ask) as journal:
            while going and not workers.stopped:
                for target in list(going):
                    if not _try(levels, target, searches[target.name], kept, journal, console, quiet=quiet):
                        going.remove(target)
        kept.finished_at, kept.generator = stamp(), levels.generator()
        kept.interrupted, kept.lost = stopping.reason, workers.lost
    if not kept.rounds:
        raise Interrupted(f"{stopping.reason}; nothing was measured")
    return kept, folder


def _try(
    levels: Levels,
    target: TargetPlan,
    search: Search,
    kept: Run,
    journal: Journal,
    console: Console,
    *,
    quiet: bool,
) -> bool:
    """One more trial on this target; False: its search is over."""
    trial = None if levels.workers.stopped else search.propose()
    if trial is None:
        return False
    round_ = levels.run_at(target, trial.level, trial.seconds, WINDOWS)
    kept.rounds.append(round_)
    journal.add(round_)
    if round_.stopped:
        return False
    objectives = [read_objective(text) for text in kept.settings["objectives"]]
    search.observe(observation(round_, [each for each in objectives if each.target in {None, target.name}]))
    if not quiet:
        p99 = round_.recording.quantile("response", 0.99) / 1e6
        level = format_rate(trial.level) if levels.plan.open_loop else f"{trial.level:.0f} connections"
        console.print(f"  {target.name:<10} {level:>12}  p99 {p99:,.1f} ms", highlight=False, markup=False)
    return True
