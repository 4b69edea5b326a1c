"""Objectives in windows: `p99 < 800ms in every 10s`, judged in windows that slide along a round.

A window breaks a quantile only where that is no matter of chance, by the exact binomial law: there are many windows, and of
few exchanges each. It holds the exchanges that were due in it, and all gaps between the tokens of their streams. It moves
in steps of a part of its length, so what goes wrong for a while shows in every window that it lies in; those that overlap are
told as one breach, by the worst of them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmark.analysis.decision import share_below
from benchmark.analysis.estimate import WAITED, Ranked, rank
from benchmark.analysis.health import OF_FIGURE
from benchmark.analysis.loop_delay import ORDINARY
from benchmark.analysis.statistics import binomial_tails
from benchmark.measure.series import Point, Series, begun
from benchmark.result.model import QUANTILES, Breach, ObjectiveResult, Windows
from benchmark.result.run import STOPPED, Round, Run
from benchmark.scenario.objective import SHARES, Objective
from benchmark.units import NANOSECONDS, format_duration, format_rate

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
RANKS = {**QUANTILES, "p75": 0.75, "max": 1.0}
MOST_BREACHES = 100
CHANCE = 0.001  # of a window that uses all of its allowance to read broken: 5 % of runs of fifty windows
WHOLE = {
    True: "",
    False: "; over all windows together it is missed",
    None: "; cannot tell, by chance it may be missed over all windows together: measure longer",
}
UNANSWERED = "no mean: some requests were never answered"  # it need not be as long as the timeout


@dataclass(frozen=True)
class Window:
    """A stretch of a round (seconds since its measured part began) and what was due in it."""

    begin: float
    end: float
    point: Point

    @property
    def sample(self) -> int:
        """Exchanges that were due in it."""
        return self.point.exchanges


@dataclass(frozen=True)
class Judged:
    """A window, and what an objective finds in it."""

    window: Window
    value: float  # in the objective's unit; NaN: too few exchanges
    broken: bool
    late: bool  # the generator itself was, by more than it may


def windows(series: Series, length: float, measured: float, grace: float = 0.0) -> Iterator[Window]:
    """All windows of this length (seconds) that lie within a round, in the steps that were kept; none after coarsening."""
    width = series.width / NANOSECONDS
    span = round(length / width)
    if not span or abs(span * width - length) > width / 100:
        return
    first = math.ceil(grace / width - 1e-9)
    for at in range(first, math.floor(measured / width + 1e-9) - span + 1):
        whole = Point()
        for index in range(at, at + span):
            if index in series.points:
                whole.merge(series.points[index])
        yield Window(at * width, (at + span) * width, whole)


def judge_window(window: Window, objective: Objective) -> Judged:
    """Whether a window breaks an objective; where it holds too few exchanges, it neither breaks nor meets it."""
    point = window.point
    if too_few(window, objective):
        return Judged(window, math.nan, broken=False, late=False)
    if objective.metric == "failures":
        value = point.failed / window.sample if window.sample else math.nan
    elif objective.metric == "goodput":
        value = point.good / window.sample if window.sample else math.nan
    elif objective.metric == "rate":
        value = _rate(window, objective)
    else:
        value = _time(ranked(point, objective.time), objective.metric) / NANOSECONDS
    broken = not math.isnan(value) and not COMPARE[objective.operator](value, objective.limit)
    if broken and objective.estimated:
        durations = ranked(point, objective.time)
        broken = surely_more(durations.above(objective.limit * NANOSECONDS), durations.count, objective)
    own = _time(Ranked(point.lateness), objective.metric) if objective.of_times else 0.0
    return Judged(window, value, broken, late=own > max(ORDINARY, OF_FIGURE * value * NANOSECONDS))


def surely_more(beyond: float, count: float, objective: Objective) -> bool:
    """Whether more exchanges of a window take longer than a quantile's limit than chance explains."""
    return binomial_tails(beyond, count, 1 - RANKS[objective.metric])[1] <= CHANCE


def ranked(point: Point, time: str) -> Ranked:
    """A time's durations; where callers wait for it, those that never got so far above all."""
    if time not in WAITED:
        return Ranked(point.of(time))
    return rank(point.of(time), point.times.get(begun(time)), point.unanswered)


def too_few(window: Window, objective: Objective) -> bool:
    """Whether a window holds fewer exchanges than a verdict needs: what was asked for, else one beyond the quantile."""
    if objective.min_sample is not None:
        return window.sample < objective.min_sample
    if objective.metric == "rate":
        return False
    q = RANKS.get(objective.metric, 0.0)
    held = window.sample if objective.time == "response" else ranked(window.point, objective.time).count
    return held < (math.ceil(1 / (1 - q) - 1e-9) if q < 1 else 1)


def _rate(window: Window, objective: Objective) -> float:
    ok = window.point.response.count
    if objective.of_offered:
        return ok / window.sample if window.sample else math.nan
    return ok / (window.end - window.begin)


def _time(durations: Ranked, metric: str) -> float:
    return durations.mean if metric == "mean" else durations.quantile(RANKS[metric])


def usable(run: Run, target: str) -> list[Round]:
    """Rounds whose windows count: a round that was stopped has good ones, up to then."""
    return [each for each in run.rounds if each.target == target and each.flaw in {"", STOPPED}]


def judge_windows(run: Run, objective: Objective, target: str) -> ObjectiveResult:
    """An objective on every window of a target's rounds."""
    rounds = usable(run, target)
    found = [
        [
            judge_window(window, objective)
            for window in windows(each.recording.series, objective.window, each.measured, objective.grace)
        ]
        for each in rounds
    ]
    every = [judged for each in found for judged in each]
    broken = [judged for judged in every if judged.broken]
    thin = sum(math.isnan(judged.value) for judged in every)
    origin = min((each.recording.first_due for each in run.rounds if each.recording.first_due), default=0)
    breaches = [
        _breach(stretch, objective, round_, origin, run.settings["timeout"])
        for round_, each in zip(rounds, found, strict=True)
        for stretch in _stretches(each)
    ]
    whole = _whole(rounds, objective, run.settings["confidence"])
    worst = _worst([judged for judged in every if not math.isnan(judged.value)], objective)
    return ObjectiveResult(
        objective=objective.text,
        target=target,
        met=bool(every) and not broken and not thin and whole is True,
        decided=bool(broken or whole is False or (every and not thin and whole is not None)),
        measured=_shown(worst, objective),
        said=_said(objective, worst, len(every), len(broken), thin, run.settings["timeout"])
        + WHOLE[whole] * (not thin),
        windows=Windows(
            seconds=objective.window,
            judged=len(every),
            broken=len(broken),
            thin=thin,
            breaches=breaches[:MOST_BREACHES],
        ),
    )


def _whole(rounds: Sequence[Round], objective: Objective, confidence: float) -> bool | None:
    """Whether the windows together keep a quantile's limit: each for itself shows no small excess."""
    if not objective.estimated:
        return True
    limit, parts = objective.limit * NANOSECONDS, []
    for each in rounds:
        since = objective.grace * NANOSECONDS / each.recording.series.width
        points = [point for at, point in each.recording.series.points.items() if at >= since]
        waited = [ranked(point, objective.time) for point in points]
        parts.append((math.fsum(one.above(limit) for one in waited), math.fsum(one.count for one in waited)))
    return share_below([part for part in parts if part[1]], 1 - RANKS[objective.metric], confidence)


def _stretches(found: Sequence[Judged]) -> Iterator[list[Judged]]:
    """Broken windows, those that overlap together."""
    stretch: list[Judged] = []
    for judged in found:
        if not judged.broken:
            continue
        if stretch and judged.window.begin >= stretch[-1].window.end - 1e-9:
            yield stretch
            stretch = []
        stretch.append(judged)
    if stretch:
        yield stretch


def _worst(found: Sequence[Judged], objective: Objective) -> Judged | None:
    """The window that comes nearest to breaking an objective, or breaks it most."""
    most = max if objective.operator in {"<", "<="} else min
    return most(found, key=lambda judged: judged.value, default=None)


def _breach(
    stretch: Sequence[Judged], objective: Objective, round_: Round, origin: int, timeout: float
) -> Breach:
    worst = _worst(stretch, objective)
    assert worst is not None
    begin, end = stretch[0].window.begin, stretch[-1].window.end
    return Breach(
        round=round_.number + 1,
        at_s=max(0.0, (round_.recording.first_due - origin) / NANOSECONDS) + begin,
        begin_s=begin,
        end_s=end,
        windows=len(stretch),
        worst_begin_s=worst.window.begin,
        worst_end_s=worst.window.end,
        measured=_shown(worst, objective),
        said=say(worst.value, objective, timeout),
        over=abs(worst.value - objective.limit) / objective.limit
        if objective.limit and math.isfinite(worst.value)
        else None,
        generator_late=all(judged.late for judged in stretch),
    )


def _shown(judged: Judged | None, objective: Objective) -> float | None:
    """In the unit of the result: ms for times."""
    if judged is None or not math.isfinite(judged.value):
        return None
    return judged.value * (1e3 if objective.of_times else 1)


def say(value: float, objective: Objective, timeout: float) -> str:
    """A figure of an objective, for people."""
    if objective.of_times and math.isinf(value):
        return UNANSWERED if objective.metric == "mean" else f"≥ {format_duration(timeout)}"
    if objective.of_times:
        return format_duration(value)
    if objective.metric in SHARES:
        return f"{value:.2%}"
    return f"{value:.1%} of offered" if objective.of_offered else format_rate(value)


def _said(
    objective: Objective, worst: Judged | None, judged: int, broken: int, thin: int, timeout: float
) -> str:
    length = format_duration(objective.window)
    if not judged:
        return f"not enough data: no round was measured for a whole window of {length}"
    if broken:
        assert worst is not None
        return f"{say(worst.value, objective, timeout)} in the worst of {broken:,} of {judged:,} windows of {length}"
    if thin:
        return f"not enough data: {thin:,} of {judged:,} windows of {length} hold too few exchanges"
    assert worst is not None
    return f"{say(worst.value, objective, timeout)} in the worst of {judged:,} windows of {length}"
