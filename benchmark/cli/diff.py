"""`vpcbench diff`: runs beside runs, what changed between them, and whether that breaks a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmark.analysis.gate import Rule, parse_rule, rule_on
from benchmark.analysis.matching import KINDS, Sample, Side, mismatches, places, unsound
from benchmark.analysis.regression import difference
from benchmark.analysis.summary import summarise
from benchmark.errors import ExitStatus, InputError
from benchmark.report.diff import Shown, describe_diff
from benchmark.report.markdown import render_markdown
from benchmark.report.neutral import in_json
from benchmark.report.terminal import render_terminal
from benchmark.result.difference import Diff, Difference, Ruling
from benchmark.result.model import Result
from benchmark.result.run import Run
from benchmark.result.store import find_runs, load_run, making_figures

FORMATS = ("terminal", "markdown", "json")
BESIDE = "--vs"


@dataclass(frozen=True)
class Kept:
    """A run in its folder, with its figures."""

    folder: Path
    run: Run
    result: Result


@dataclass(frozen=True)
class Named:
    """One side as it was named: its runs, and the target that was picked."""

    runs: tuple[Kept, ...]
    target: str | None


def diff(
    arguments: Sequence[str],
    *,
    fail_if: Sequence[str],
    allow: Sequence[str],
    format_: str,
    strict: bool,
    full: bool,
) -> ExitStatus:
    """Set the runs of two sides beside each other."""
    if format_ not in FORMATS:
        raise InputError(f"--format {format_}: not a format; choose one of {', '.join(FORMATS)}")
    if unknown := [each for each in allow if each not in KINDS]:
        raise InputError(f"--allow {unknown[0]}: there is {', '.join(KINDS)}")
    rules = [_rule(text) for text in fail_if]
    base, new = map(_named, _sides(arguments))
    unlike = _unsound(base, new)
    sides = _pairs(base, new)
    unlike += [(each.kind, each.said) for pair in sides if not _one_run(pair) for each in mismatches(*pair)]
    _refuse(list(dict.fromkeys(unlike)), allow)
    found = _marked([difference(*pair) for pair in sides], base.runs[0].run.settings["primary"])
    told = Diff(
        differences=found,
        rulings=_rulings(rules, found),
        vantage_points=list(dict.fromkeys(said for pair in sides for said in places(*pair))),
        allowed=[said for _, said in dict.fromkeys(unlike)],
    )
    _tell(told, _shown(sides, [*base.runs, *new.runs]), format_, full=full)
    return _status(told, strict=strict)


# What was named


def _sides(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """`BASE NEW`, or any number of each on either side of --vs."""
    flags = [each for each in arguments if each.startswith("-") and each != BESIDE]
    if flags:
        raise InputError(f"{flags[0]}: no such option; see vpcbench diff --help")
    if arguments.count(BESIDE) == 1:
        at = list(arguments).index(BESIDE)
        base, new = list(arguments[:at]), list(arguments[at + 1 :])
    else:
        base, new = list(arguments[:1]), list(arguments[1:])
    if not base or not new or (BESIDE not in arguments and len(new) > 1) or arguments.count(BESIDE) > 1:
        raise InputError(
            f"name two sides: `vpcbench diff BASE NEW`, or `vpcbench diff BASE… {BESIDE} NEW…` for several folders a side"
        )
    return base, new


def _named(texts: Sequence[str]) -> Named:
    picked, folders = set(), []
    for text in texts:
        path, target = _split(text)
        picked.add(target)
        folders += find_runs(path)
    if len(picked) > 1:
        raise InputError(f"{' '.join(texts)}: a side has one target; pick the same in all of its folders")
    kept = [_kept(folder) for folder in dict.fromkeys(folders)]
    target = picked.pop()
    for each in kept:
        if "search" in each.run.settings:
            raise InputError(f"{each.folder} is a capacity search: diff takes what `vpcbench run` made")
        if "sweep" in each.run.settings:
            raise InputError(f"{each.folder} is a sweep: diff takes runs of one level; leave out `sweep`")
        if target is not None and target not in each.run.targets:
            raise InputError(f"{each.folder}: no target {target}; there is {', '.join(each.run.targets)}")
    return Named(tuple(sorted(kept, key=lambda each: (each.run.started_at, str(each.folder)))), target)


def _kept(folder: Path) -> Kept:
    run = load_run(folder)
    with making_figures(folder, run):
        return Kept(folder, run, summarise(run))


def _split(text: str) -> tuple[Path, str | None]:
    """`DIR` or `DIR:target`."""
    if Path(text).exists() or ":" not in text:
        return Path(text), None
    folder, _, target = text.rpartition(":")
    return Path(folder), target


def _pairs(base: Named, new: Named) -> list[tuple[Side, Side]]:
    """Which target is set beside which: those picked, else each beside itself."""
    names = [_common(side) for side in (base, new)]
    if base.target and new.target:
        chosen = [(base.target, new.target)]
    elif base.target or new.target:
        target = base.target or new.target or ""
        other = names[1] if base.target else names[0]
        one = target if target in other else other[0] if len(other) == 1 else ""
        chosen = [(target, one) if base.target else (one, target)] if one else []
    else:
        chosen = [(name, name) for name in names[0] if name in names[1]]
    if not chosen:
        raise InputError(
            f"no target is on both sides: there is {', '.join(names[0])} and {', '.join(names[1])}; "
            "pick one on each, as in `DIR:target`"
        )
    if _folders(base) == _folders(new) and any(one == other for one, other in chosen):
        raise InputError("both sides are the same runs: pick two of their targets, as in `DIR:old DIR:new`")
    return [(_side(base, one), _side(new, other)) for one, other in chosen]


def _common(side: Named) -> list[str]:
    return [name for name in side.runs[0].run.targets if all(name in each.run.targets for each in side.runs)]


def _folders(side: Named) -> list[Path]:
    return [each.folder for each in side.runs]


def _side(side: Named, target: str) -> Side:
    return Side(tuple(Sample(str(each.folder), each.run, target) for each in side.runs), target)


def _one_run(pair: tuple[Side, Side]) -> bool:
    return len(pair[0].samples) == 1 and pair[0].samples[0].label == pair[1].samples[0].label


# What does not match


def _unsound(*sides: Named) -> list[tuple[str, str]]:
    """Runs whose figures are not to be quoted."""
    return [
        ("unsound-runs", f"{each.folder} is {why}: {each.result.verdict.reasons[0]}")
        for side in sides
        for each in side.runs
        if (why := unsound(each.run, each.result.verdict.status))
    ]


def _refuse(unlike: Sequence[tuple[str, str]], allow: Sequence[str]) -> None:
    left = [(kind, said) for kind, said in unlike if kind not in allow]
    if left:
        lines = [f"  {said}  (--allow {kind})" for kind, said in left]
        raise InputError("\n".join(["these runs cannot be set beside each other:", *lines]))


# What is told


def _rule(text: str) -> Rule:
    try:
        return parse_rule(text)
    except ValueError as error:
        raise InputError(f"--fail-if {text!r}: {error}") from error


def _rulings(rules: Sequence[Rule], found: Sequence[Difference]) -> list[Ruling]:
    rulings = []
    for rule in rules:
        try:
            rulings += rule_on(rule, found)
        except ValueError as error:
            raise InputError(f"--fail-if {rule.text!r}: {error}") from error
    return rulings


def _marked(found: Sequence[Difference], primary: str) -> list[Difference]:
    """With the metric of the headline marked: the scenario's, else the median."""
    marked = []
    for each in found:
        names = [metric.metric for metric in each.metrics]
        chosen = primary if primary in names else "response.p50"
        metrics = [metric.model_copy(update={"primary": metric.metric == chosen}) for metric in each.metrics]
        marked.append(each.model_copy(update={"metrics": metrics}))
    return marked


def _shown(sides: Sequence[tuple[Side, Side]], kept: Sequence[Kept]) -> list[Shown]:
    results = {str(each.folder): each.result for each in kept}
    return [
        (name, sample.label, results[sample.label], sample.target)
        for pair in sides
        for name, side in zip(("base", "new"), pair, strict=True)
        for sample in side.samples
    ]


def _tell(told: Diff, shown: Sequence[Shown], format_: str, *, full: bool) -> None:
    if format_ == "json":
        print(in_json(told.to_json()), end="")
        return
    report = describe_diff(told, shown)
    if format_ == "markdown":
        print(render_markdown(report), end="")
    else:
        render_terminal(report, Console(soft_wrap=False), full=full)


def _status(told: Diff, *, strict: bool) -> ExitStatus:
    """Missed where a rule is breached; with --strict also where it cannot be told whether one is."""
    verdicts = {each.verdict for each in told.rulings}
    untold = "cannot tell" in verdicts or (
        not told.rulings
        and any(
            metric.primary and (metric.difference.high is None or each.assumed_spread is not None)
            for each in told.differences
            for metric in each.metrics
        )
    )
    return ExitStatus.OBJECTIVES_MISSED if "breached" in verdicts or (strict and untold) else ExitStatus.OK
