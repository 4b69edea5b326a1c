"""`vpcbench run`: from a scenario to a verdict. `curl` and `demo` join it once they have their scenario."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from benchmark.analysis.precision import further_rounds
from benchmark.analysis.summary import summarise
from benchmark.cli.output import complain, whole
from benchmark.cli.progress import Progress
from benchmark.cli.rescue import elsewhere, telling_where, where_they_are, with_notes
from benchmark.cli.stopping import Stopping
from benchmark.cli.stretches import Stretch, check_again, costs_at, levels_kept, note_cost, stretches_of
from benchmark.errors import Bug, ExitStatus, VpcbenchError
from benchmark.execution.environment import cores, environment
from benchmark.execution.fairness import unlike_targets
from benchmark.execution.group import Snapshot
from benchmark.execution.limits import check_files, check_ports, raise_file_limit
from benchmark.execution.local import Interrupted, LocalWorkers, Observe
from benchmark.execution.plan import Plan, TargetPlan
from benchmark.execution.preflight import NOTHING_CHECKED, Preflight, Visit, preflight
from benchmark.execution.rounds import Conductor, Usage
from benchmark.execution.watch import Watch
from benchmark.redaction import Redactor, redact_url
from benchmark.report.document import Report, describe
from benchmark.report.neutral import harmless
from benchmark.report.render import render
from benchmark.report.terminal import render_terminal
from benchmark.result.journal import Journal, Part
from benchmark.result.run import Round, Run, TargetInfo
from benchmark.result.store import make_folder, save_run, save_scenario, write_file
from benchmark.scenario.load import LoadedScenario, load_scenario
from benchmark.units import MILLISECOND, NANOSECONDS, format_duration, format_rate

if TYPE_CHECKING:
    from benchmark.result.model import Result

WRITTEN = {"report.html": "html", "report.md": "markdown", "result.json": "json"}


class Unwritten(VpcbenchError):  # noqa: N818  # what was measured was told, but not all of it is kept
    """The disk did not take the results where they belong."""


def run(
    path: Path,
    out: Path | None,
    *,
    overrides: Sequence[str],
    processes: str | None = None,
    dry_run: bool,
    quiet: bool,
    full: bool = False,
    check: bool,
    repeat: int = 1,
    only: Sequence[str] = (),
) -> ExitStatus:
    """Run the scenario in a file, once or several times."""
    if processes is not None:
        overrides = [*overrides, f"processes={processes}"]
    loaded = load_scenario(path, overrides, only=only)
    if repeat > 1 and not dry_run:
        return _repeated(loaded, out, repeat, quiet=quiet, full=full, check=check)
    if repeat > 1:
        print(f"{repeat} runs, each of them:")
    return measure(loaded, out, dry_run=dry_run, quiet=quiet, full=full, check=check)


def _repeated(
    loaded: LoadedScenario, out: Path | None, repeat: int, *, quiet: bool, full: bool, check: bool
) -> ExitStatus:
    """Whole runs one after another, in folders 1 … N of one; those that are over stay, whatever ends the rest."""
    parent = make_folder(loaded.scenario.name, out)
    statuses: list[ExitStatus] = []
    try:
        with Stopping() as stopping:
            while len(statuses) < repeat and not stopping.signalled:
                number = len(statuses) + 1
                stopping.rest()
                print(f"\nRun {number} of {repeat}", flush=True)
                statuses.append(
                    measure(
                        loaded, parent / str(number), quiet=quiet, full=full, check=check, stopping=stopping
                    )
                )
    finally:
        if statuses:
            told = f"{len(statuses)} of {repeat} runs are kept in {parent}"
            print(f"\n{told}: `vpcbench diff` takes that folder as one side.", flush=True)
        else:
            parent.rmdir()
    return max([*statuses, *([ExitStatus.INTERRUPTED] if len(statuses) < repeat else [])])


def measure(
    loaded: LoadedScenario,
    out: Path | None,
    *,
    dry_run: bool = False,
    quiet: bool = False,
    full: bool = False,
    check: bool = True,
    simulated: bool = False,
    stopping: Stopping | None = None,
) -> ExitStatus:
    """Plan, send, keep, analyse, tell. `stopping` is that of who runs several, and has entered it."""
    redactor = Redactor(loaded.secrets)
    console = Console(soft_wrap=False)
    with telling_secretless(redactor):
        stretches = stretches_of(loaded)
        console.print(harmless(redactor.text(announce(stretches))), highlight=False, markup=False)
        if dry_run:
            return ExitStatus.OK
        with nullcontext(stopping) if stopping is not None else Stopping() as asked:
            return _measure(
                loaded,
                stretches,
                out,
                redactor,
                asked,
                console,
                quiet=quiet,
                full=full,
                check=check,
                simulated=simulated,
            )


@contextmanager
def telling_secretless(redactor: Redactor) -> Iterator[None]:
    """Errors leave this block without secrets, bugs too."""
    try:
        yield
    except VpcbenchError as error:
        raise type(error)(redactor.text(with_notes(error))) from None
    except KeyboardInterrupt as interrupt:
        raise Interrupted(f"interrupted{redactor.text(with_notes(interrupt))}") from None
    except Exception:
        raise Bug(redactor.text(traceback.format_exc())) from None


def _measure(
    loaded: LoadedScenario,
    stretches: Sequence[Stretch],
    out: Path | None,
    redactor: Redactor,
    stopping: Stopping,
    console: Console,
    *,
    quiet: bool,
    full: bool,
    check: bool,
    simulated: bool,
) -> ExitStatus:
    kept, folder = _send(
        loaded, stretches, out, redactor, stopping, quiet=quiet, check=check, simulated=simulated
    )
    with telling_where(folder):
        result = summarise(kept)
        report = describe(result, kept)
        unwritten = write(kept, result, report, folder)
        render_terminal(report, console, quiet=quiet, full=whole(full=full))
    if unwritten:
        raise unwritten
    console.print(f"\nReport: {folder / 'report.html'}", highlight=False, markup=False, soft_wrap=True)
    return exit_status(result)


def seen(target: TargetPlan, visit: Visit | None, redactor: Redactor) -> TargetInfo:
    """What is kept of a target; nothing secret is, so that whatever is made of a run may be shown as it is."""
    return TargetInfo(
        url=redactor.text(redact_url(target.url)),
        addresses=visit.probe.places if visit else (),
        verify_tls=target.destination.verify_tls,
        notes=tuple(map(redactor.text, visit.warnings)) if visit else (),
    )


def _send(
    loaded: LoadedScenario,
    stretches: Sequence[Stretch],
    out: Path | None,
    redactor: Redactor,
    stopping: Stopping,
    *,
    quiet: bool,
    check: bool,
    simulated: bool,
) -> tuple[Run, Path]:
    """Preflight and rounds; the run as it was measured, and the folder that holds its journal."""
    for stretch in stretches:
        check_files(stretch.plan, raise_file_limit())
    with LocalWorkers(stopping, loaded.count_tokens()) as workers:
        checked = preflight(stretches[0].plan, workers, loaded.scenario.allow) if check else NOTHING_CHECKED
        kept = _checked(loaded, stretches, checked, redactor, simulated=simulated)
        folder = make_folder(kept.name, out)
        save_scenario(folder, kept)
        with (
            telling_where(folder),
            Journal(folder, kept, stopping.ask) as journal,
            Progress([each.plan for each in stretches], quiet=quiet) as progress,
        ):
            usage: list[Usage] = []
            for stretch in stretches:
                now = (
                    checked
                    if stretch is stretches[0]
                    else check_again(stretch, workers, kept, redactor, check=check)
                )
                if now is None:
                    continue
                note_cost(stretch, now, kept)
                watch = Watch(stretch.plan, stretch.loaded.scenario.objectives, stopping.ask)
                _stretch(stretch, workers, now, kept, journal, progress, watch, usage)
                kept.aborted = kept.aborted or (watch.broken if stopping.reason == watch.why else "")
        kept.finished_at, kept.discovered = stamp(), redactor.data(workers.discovered())
        kept.interrupted, kept.lost = "" if kept.aborted else stopping.reason, workers.lost
    if not kept.rounds:
        raise Interrupted(f"{stopping.reason}; nothing was measured")
    return kept, folder


def _checked(
    loaded: LoadedScenario,
    stretches: Sequence[Stretch],
    checked: Preflight,
    redactor: Redactor,
    *,
    simulated: bool,
) -> Run:
    """The run that begins, unless what the preflight saw forbids it; doubts are told at once, and kept."""
    plan = stretches[0].plan
    checked.demand_usable()
    doubts = check_ports(plan, checked.probes)
    for doubt in doubts:
        complain(doubt)
    kept = begin(loaded, plan, checked, redactor, simulated=simulated)
    kept.notes += doubts
    if loaded.levels:
        own = [resolved(each.loaded, each.plan, checked, simulated=simulated) for each in stretches]
        kept.settings["sweep"] = redactor.data(levels_kept(stretches, own))
    return kept


def _stretch(
    stretch: Stretch,
    workers: LocalWorkers,
    checked: Preflight,
    kept: Run,
    journal: Journal,
    progress: Progress,
    watch: Watch,
    usage: list[Usage],
) -> None:
    """The rounds of a run, or of one level of a sweep."""
    quickest = min((probe.service for probe in checked.probes.values()), default=MILLISECOND)
    workers.grow(stretch.plan.processes(cores(), quickest))
    conductor = Conductor(
        stretch.plan,
        workers,
        checked.probes,
        kept.probes,
        _observer(progress, journal, watch),
        _keeper(progress, journal, watch),
        stretch.first,
        usage,
        _longer(progress, kept),
    )
    progress.begin(stretch.plan, lambda: conductor.to_come)
    _conduct(conductor, kept, journal)


def _observer(progress: Progress, journal: Journal, watch: Watch) -> Observe:
    """Whoever wants to see what a running round has recorded."""

    def observe(snapshot: Snapshot) -> None:
        progress.observe(snapshot)
        journal.see(Part(**{each.name: getattr(snapshot, each.name) for each in fields(Part)}))
        watch.observe(snapshot)

    return observe


def _keeper(progress: Progress, journal: Journal, watch: Watch) -> Callable[[Round], None]:
    """Whoever wants to see a round that is over."""

    def keep(round_: Round) -> None:
        progress.finished(round_)
        watch.finished(round_)
        journal.add(round_)

    return keep


def _longer(progress: Progress, kept: Run) -> Callable[[], int]:
    """Says, after a pilot, how many more rounds there are, to the user as well."""

    def longer() -> int:
        rounds = further_rounds(kept)
        if rounds:
            progress.say(f"The precision takes {rounds} more round{'s' * (rounds != 1)}.")
        return rounds

    return longer


def _conduct(conductor: Conductor, kept: Run, journal: Journal) -> None:
    """Every round of a plan."""
    for pair in conductor.rounds():
        kept.rounds.extend(pair)
        for round_ in pair:
            if round_.flaw:  # perhaps on its pair's account, which the journal does not know yet
                journal.add(round_)
        kept.generator = conductor.generator()


def begin(
    loaded: LoadedScenario,
    plan: Plan,
    checked: Preflight,
    redactor: Redactor,
    *,
    simulated: bool,
) -> Run:
    """The run before its first round."""
    return Run(
        name=loaded.scenario.name,
        started_at=stamp(),
        scenario=redactor.data(loaded.document),
        settings=resolved(loaded, plan, checked, simulated=simulated),
        targets={each.name: seen(each, checked.visit(each.name), redactor) for each in plan.targets},
        environment=environment(),
        probes={target.name: 0 for target in plan.targets} | checked.sent,
        notes=[
            redactor.text(f"{warning}.")
            for warning in (*plan.remarks, *unlike_targets(plan), *checked.warnings)
        ],
    )


def resolved(loaded: LoadedScenario, plan: Plan, checked: Preflight, *, simulated: bool) -> dict[str, Any]:
    """What figures and costs depend on."""
    return settings(loaded, plan, simulated=simulated) | {"cost": costs_at(loaded, plan, checked)}


def write(run: Run, result: Result, report: Report, folder: Path) -> VpcbenchError | None:
    """Every file; or what to tell where the folder does not take them: then they go elsewhere, if anywhere."""
    texts = {name: render(format_, report, result) for name, format_ in WRITTEN.items()}
    try:
        _write_all(run, texts, folder)
    except OSError as error:

        def rescue(other: Path) -> None:
            save_scenario(other, run)
            _write_all(run, texts, other)

        said = f"{folder}: the results could not all be written there: {error.strerror}"
        found = elsewhere(rescue)
        return Unwritten(f"{said}. {where_they_are(found, folder)}")
    return None


def _write_all(run: Run, texts: Mapping[str, str], folder: Path) -> None:
    save_run(folder, run)
    for name, text in texts.items():
        write_file(folder / name, text)


def exit_status(result: Result) -> ExitStatus:
    """The verdict as an exit status."""
    return {
        "pass": ExitStatus.OK,
        "fail": ExitStatus.OBJECTIVES_MISSED,
        "invalid": ExitStatus.INVALID,
        "interrupted": ExitStatus.INTERRUPTED,
    }[result.verdict.status]


def announce(stretches: Sequence[Stretch]) -> str:
    """How much is going to be sent, where to, and for how long."""
    plan, count = stretches[0].plan, len(stretches[0].plan.targets)
    rounds = f"{plan.rounds} round{'s' * (plan.rounds != 1)}, {format_duration(_seconds(plan))}"
    lines = [f"Sending {_amount(plan, count)}: {rounds}."]
    if plan.precision:
        longest = format_duration(_seconds(plan) / plan.rounds * plan.max_rounds)
        lines.append(
            "These are a pilot: its spread says how many rounds it takes to know the first metric to "
            f"{plan.precision * 100:.3g} %, at most {plan.max_rounds} in all, {longest}."
        )
    if stretches[0].names is not None:
        seconds = format_duration(sum(_seconds(each.plan) for each in stretches))
        targets = f" on each of {count} targets" if count > 1 else ""
        lines = [f"Sweeping {len(stretches)} level{'s' * (len(stretches) != 1)}{targets}, {seconds} in all:"]
        wide = max(len(each.label) for each in stretches)
        lines += [f"  {each.label:<{wide}}  {_amount(each.plan, 1)}" for each in stretches]
    lines += [f"  {target.name:<10} {redact_url(target.url)}" for target in plan.targets]
    lines += [f"  {remark}" for remark in plan.remarks]
    return "\n".join(lines)


def _seconds(plan: Plan) -> float:
    return (_measured(plan) + plan.load.warmup * plan.rounds) * len(plan.targets)


def _measured(plan: Plan) -> float:
    """Seconds, of each target."""
    return max(plan.measured / NANOSECONDS, 0) * plan.rounds


def _warming(plan: Plan) -> float:
    """Requests of the warm-ups, which hold the load that stages begin with."""
    rate = plan.stages[0].begin * plan.turns if plan.stages else plan.request_rate or 0.0
    return rate * plan.load.warmup * plan.rounds


def _connections(plan: Plan) -> str:
    """How many, or in stages from how many to how many."""
    levels = [level for stage in plan.stages for level in (stage.begin, stage.end)]
    return f"{min(levels):.0f} to {max(levels):.0f}" if levels else f"{plan.limit}"


def _amount(plan: Plan, count: int) -> str:
    rate = plan.request_rate
    if rate is None:
        return f"{_connections(plan)} connections, each asking again when answered"
    each = f" to each of {count} targets" if count > 1 else ""
    return f"about {rate * _measured(plan) + _warming(plan):,.0f} requests{each} at {format_rate(rate)}"


def settings(loaded: LoadedScenario, plan: Plan, *, simulated: bool) -> dict[str, Any]:
    """What figures depend on, with every default filled in."""
    scenario = loaded.scenario
    latencies = [
        objective
        for objective in scenario.objectives
        if objective.metric not in {"failures", "rate", "goodput"}
    ]
    return {
        "open_loop": plan.open_loop,
        "rate": plan.request_rate,
        "conversations": any(share.turns for share in plan.shares),
        "arrivals": "replay" if plan.trace else scenario.load.arrivals if plan.open_loop else None,
        "connections": None if plan.open_loop else plan.limit,
        "stages": bool(scenario.load.stages),
        "rounds": scenario.rounds,
        "duration": plan.duration,
        "warmup": scenario.load.warmup,
        "confidence": scenario.confidence,
        "timeout": plan.timeout / NANOSECONDS,
        "connect_timeout": max(
            filter(None, (each.connect_timeout for each in scenario.all_requests)), default=None
        ),
        "baseline": scenario.baseline_name,
        "keep_connections": scenario.keep_connections,
        "objectives": [objective.written for objective in scenario.objectives],
        "primary": f"{latencies[0].time}.{latencies[0].metric}"
        if latencies and latencies[0].metric != "max"
        else "ttft.p50"
        if plan.streamed
        else "response.p50",
        "streamed": plan.streamed,
        "asks_usage": any(
            "stream_options" in request.added for target in plan.targets for request in target.requests
        ),
        "goodput": [limit.text for limit in scenario.goodput],
        "simulated": simulated,
        "seed": scenario.seed,
        "files": loaded.fingerprints(),
        "precision": scenario.precision,
        "max_rounds": scenario.max_rounds if scenario.precision else None,
    }


def stamp() -> str:
    """Now, as results tell it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
