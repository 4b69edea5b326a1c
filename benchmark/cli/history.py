"""`vpcbench history`: the runs in a folder, by scenario and target, and whether there is a trend."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from benchmark.analysis.summary import summarise
from benchmark.analysis.trend import Past, history, metrics_of
from benchmark.cli.output import complain
from benchmark.errors import ExitStatus, InputError
from benchmark.report.history import describe_history
from benchmark.report.neutral import harmless, in_json
from benchmark.report.terminal import render_terminal
from benchmark.result.history import History, TargetHistory
from benchmark.result.store import find_runs, load_run, making_figures


def show_history(
    folder: Path, *, name: str | None, metric: str | None, as_json: bool, full: bool
) -> ExitStatus:
    """Tell what the runs in a folder were, and whether they lead anywhere."""
    past = _past(folder)
    names = list(dict.fromkeys(run.name for _, run, _ in past))
    if name is not None and name not in names:
        raise InputError(f"{folder}: no run of a scenario {name}; there is {', '.join(names) or 'none'}")
    found = [
        one
        for each in ([name] if name is not None else names)
        for one in _histories([taken for taken in past if taken[1].name == each], metric)
    ]
    if as_json:
        print(in_json(History(histories=found).to_json()), end="")
    else:
        render_terminal(describe_history(History(histories=found)), Console(soft_wrap=False), full=full)
    return ExitStatus.OK


def _past(folder: Path) -> list[Past]:
    """Every run of one load, in the order in which they began; searches and sweeps have none."""
    found = find_runs(folder)
    loaded = [past for each in found if (past := _readable(each, alone=len(found) == 1)) is not None]
    kept = [past for past in loaded if not {"search", "sweep"} & past[1].settings.keys()]
    if not kept and not loaded:
        raise InputError(f"{folder}: holds no run that could be read")
    if not kept:
        raise InputError(f"{folder}: holds searches or sweeps alone, and a history is of runs of one load")
    return sorted(kept, key=lambda past: past[1].started_at)


def _readable(folder: Path, *, alone: bool) -> Past | None:
    """The run with its figures; of several, one that is damaged, or only begins, is told and left out."""
    try:
        run = load_run(folder)
        with making_figures(folder, run):
            return str(folder), run, summarise(run)
    except InputError as error:
        if alone:
            raise
        complain(f"left out: {harmless(str(error))}")
        return None


def _histories(past: list[Past], metric: str | None) -> list[TargetHistory]:
    """That of every target of the latest run."""
    latest = past[-1]
    chosen = latest[1].settings["primary"] if metric is None else metric
    found = []
    for target in latest[1].targets:
        known = metrics_of(latest[2].targets[target])
        own = chosen if chosen in known else f"response.{chosen}"
        if own not in known:
            raise InputError(f"--metric {chosen}: there is {', '.join(known)}")
        found.append(history([each for each in past if target in each[1].targets], target, own))
    return found
