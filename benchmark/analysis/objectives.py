"""Objectives, judged over the sound rounds of every target that they name.

What cannot be told is not met: an objective is a promise to somebody, and silence is no proof.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from benchmark.analysis.estimate import Distribution, by_round
from benchmark.result.model import QUANTILES, ObjectiveResult
from benchmark.result.run import Round, Run
from benchmark.scenario.objective import Objective, parse_objective
from benchmark.units import NANOSECONDS, format_duration, format_rate

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_RANKS = {**QUANTILES, "p75": 0.75, "max": 1.0}


def judge(run: Run) -> list[ObjectiveResult]:
    """Every objective on every target that it concerns."""
    return [
        judge_one(run, objective, target)
        for objective in map(parse_objective, run.settings["objectives"])
        for target in run.targets
        if objective.target in {None, target}
    ]


def judge_one(run: Run, objective: Objective, target: str) -> ObjectiveResult:
    """One objective on one target."""
    rounds = _sound(run, target)
    if not any(r.recording.scheduled for r in rounds):
        return _result(objective, target, math.nan, "no data")
    if objective.metric == "failures":
        return _failures(rounds, objective, target)
    if objective.metric == "rate":
        return _rate(run, rounds, objective, target)
    return _latency(run, objective, target)


def _sound(run: Run, target: str) -> list[Round]:
    return [r for r in run.rounds if r.target == target and not r.flaw]


def _failures(rounds: list[Round], objective: Objective, target: str) -> ObjectiveResult:
    """The share of requests that failed, or that were due and never sent."""
    scheduled = sum(r.recording.scheduled for r in rounds)
    share = sum(r.recording.failed + r.recording.unsent for r in rounds) / scheduled
    return _result(objective, target, share, f"{share:.2%}")


def _rate(run: Run, rounds: list[Round], objective: Objective, target: str) -> ObjectiveResult:
    """Successes per second of measured time, or as a share of what was due: Poisson's chance is no shortfall."""
    ok, scheduled = (sum(getattr(r.recording, name) for r in rounds) for name in ("ok", "scheduled"))
    if not objective.of_offered:
        achieved = ok / math.fsum(r.measured for r in rounds)
        return _result(objective, target, achieved, format_rate(achieved))
    if not run.settings["open_loop"]:
        return _result(
            objective, target, math.nan, "no data: a closed loop offers no rate; write it per second"
        )
    return _result(objective, target, ok / scheduled, f"{ok / scheduled:.1%} of offered")


def _latency(run: Run, objective: Objective, target: str) -> ObjectiveResult:
    """By the estimator of the tables; what reaches unanswered requests is at least the timeout, and never less."""
    q = _RANKS.get(objective.metric)
    responses = {name: Distribution.of(run.used(name), objective.time) for name in run.targets}
    if q == 1:
        value = responses[target].pooled.quantile(1.0)
    else:
        value = responses[target].value(q, by_round=by_round(responses.values(), q))
    if math.isinf(value):
        return _result(objective, target, value, f"≥ {format_duration(run.settings['timeout'])}")
    said = "not enough data" if math.isnan(value) else format_duration(value / NANOSECONDS)
    return _result(objective, target, value / NANOSECONDS, said, scale=1e3)


def _result(
    objective: Objective, target: str, measured: float, said: str, scale: float = 1.0
) -> ObjectiveResult:
    met = not math.isnan(measured) and _COMPARE[objective.operator](measured, objective.limit)
    shown = measured * scale if math.isfinite(measured) else None
    return ObjectiveResult(objective=objective.text, target=target, met=met, measured=shown, said=said)
