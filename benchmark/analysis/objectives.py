"""Objectives, judged over the sound rounds of every target that they name; those in windows by `windows`.

A quantile or a mean is met or missed only where that is no matter of chance (`decision`); failures, goodput, rates and the
slowest exchange are the run's own account. What cannot be told is not met: an objective is a promise to somebody, and
silence is no proof.
"""

from __future__ import annotations

import math
from functools import partial

from benchmark.analysis.comparison import compare
from benchmark.analysis.contained import contained
from benchmark.analysis.decision import clumping, mean_below, share_below
from benchmark.analysis.estimate import BEYOND, Distribution, by_round, exchanges_beyond
from benchmark.analysis.windows import COMPARE, RANKS, judge_windows, say
from benchmark.result.model import Metric, ObjectiveResult
from benchmark.result.run import STOPPED, Round, Run
from benchmark.scenario.objective import Objective, read_objective
from benchmark.units import NANOSECONDS, significant


def judge(run: Run) -> list[ObjectiveResult]:
    """Every objective on every target that it concerns."""
    return [
        contained(
            objective.text,
            partial(judge_one, run, objective, target),
            partial(_result, objective, target, math.nan),
        )
        for objective in map(read_objective, run.settings["objectives"])
        for target in run.targets
        if objective.target in {None, target}
    ]


def judge_one(run: Run, objective: Objective, target: str) -> ObjectiveResult:
    """One objective on one target."""
    if objective.window:
        return judge_windows(run, objective, target)
    rounds = _sound(run, target)
    scheduled = sum(r.asked.scheduled for r in rounds)
    if not scheduled:
        return _result(objective, target, math.nan, "no data")
    if scheduled < (objective.min_sample or 0):
        said = f"not enough data: {scheduled:,} of the {objective.min_sample:,} exchanges that were asked for"
        return _result(objective, target, math.nan, said)
    if objective.than is not None:
        return _relative(run, objective, target, objective.than)
    if objective.metric == "failures":
        return _failures(rounds, objective, target)
    if objective.metric == "goodput":
        return _goodput(rounds, objective, target)
    if objective.metric == "rate":
        return _rate(run, rounds, objective, target)
    return _latency(run, objective, target)


def _sound(run: Run, target: str) -> list[Round]:
    """The rounds that count; of a run that an objective ended, also the one that ended it."""
    flaws = {"", STOPPED} if run.aborted else {""}
    return [r for r in run.rounds if r.target == target and r.flaw in flaws]


def _failures(rounds: list[Round], objective: Objective, target: str) -> ObjectiveResult:
    """The share of requests that failed, or that were due and never sent."""
    asked = [r.asked for r in rounds]
    share = sum(each.failed + each.unsent for each in asked) / sum(each.scheduled for each in asked)
    return _told(objective, target, share)


def _goodput(rounds: list[Round], objective: Objective, target: str) -> ObjectiveResult:
    """The share of all requests that were sent whose streams were good."""
    sent = sum(r.recording.scheduled - r.recording.unsent for r in rounds)
    good = sum(r.recording.counters["good"] for r in rounds)
    share = good / sent if sent else math.nan
    return _result(objective, target, share, f"{share:.2%}" if sent else "no data")


def _rate(run: Run, rounds: list[Round], objective: Objective, target: str) -> ObjectiveResult:
    """Successes per second of measured time, or as a share of what was due: Poisson's chance is no shortfall."""
    asked = [r.asked for r in rounds]
    ok, scheduled = (sum(getattr(each, name) for each in asked) for name in ("ok", "scheduled"))
    if not objective.of_offered:
        measured = math.fsum(r.measured for r in rounds)
        return _told(objective, target, ok / measured if measured else math.nan)
    if not run.settings["open_loop"]:
        return _result(
            objective, target, math.nan, "no data: a closed loop offers no rate; write it per second"
        )
    return _told(objective, target, ok / scheduled)


def _latency(run: Run, objective: Objective, target: str) -> ObjectiveResult:
    """By the estimator of the tables; what reaches unanswered requests is at least the timeout, and never less."""
    q = RANKS.get(objective.metric)
    responses = {
        name: Distribution.of([r.asked for r in _sound(run, name)], objective.time) for name in run.targets
    }
    own = responses[target]
    value = own.pooled.quantile(1.0) if q == 1 else own.value(q, by_round=by_round(responses.values(), q))
    below = _below(own, q, objective.limit * NANOSECONDS, run.settings["confidence"])
    upper = objective.operator in {"<", "<="}
    known = not math.isnan(value)
    said = [say(value / NANOSECONDS, objective, run.settings["timeout"])] if known else []
    if below is (not upper):
        said = said or [_longer(own, objective)]
        return _decided(objective, target, value / NANOSECONDS, said[0], met=False)
    if q != 1 and (scarce := _scarce(own, q)):
        return _undecided(objective, target, value / NANOSECONDS, "; ".join([*said, scarce]), scale=1e3)
    if below is None:
        share = "" if q is None else f" ({_longer(own, objective)}, where {100 * (1 - q):.3g} % may)"
        said.append(f"cannot tell, by chance it may lie on either side{share}: measure longer")
        return _undecided(objective, target, value / NANOSECONDS, "; ".join(said), scale=1e3)
    return _decided(objective, target, value / NANOSECONDS, said[0], met=True)


def _decided(objective: Objective, target: str, seconds: float, said: str, *, met: bool) -> ObjectiveResult:
    shown = seconds * 1e3 if math.isfinite(seconds) else None
    return ObjectiveResult(objective=objective.text, target=target, met=met, measured=shown, said=said)


def _below(own: Distribution, q: float | None, limit: float, confidence: float) -> bool | None:
    """Whether a figure lies below its limit; None: that cannot be told. The slowest exchange is what it is."""
    held = [each for each in own.rounds if each.count]
    if not held:
        return None
    if q is None:
        return mean_below([each.mean for each in held], limit, confidence)
    if q == 1:
        return own.pooled.quantile(1.0) < limit
    parts = [(each.above(limit), each.count) for each in held]
    return share_below(parts, 1 - q, confidence, clumping(own.rounds, own.pooled, 1 - q))


def _scarce(own: Distribution, q: float | None) -> str:
    """Why a quantile is not known to hold: too few exchanges lie beyond it."""
    count = own.pooled.count
    if q is None or not count or exchanges_beyond(count, q) >= BEYOND:
        return "" if count else "no data"
    needed = math.ceil(BEYOND / (1 - q) - 1e-6)
    return (
        f"not enough data: {exchanges_beyond(count, q)} of {count:,} exchanges lie beyond it, and to be met takes {BEYOND} "
        f"(of {needed:,})"
    )


def _longer(own: Distribution, objective: Objective) -> str:
    above = own.pooled.above(objective.limit * NANOSECONDS)
    return f"{above:,.0f} of {own.pooled.count:,} took longer"


def _relative(run: Run, objective: Objective, target: str, other: str) -> ObjectiveResult:
    """By the interval of the ratio, which must lie on the right side of the factor altogether."""
    name = f"{objective.time}.{objective.metric}"
    compared = compare(run, other, target)
    metric = next((each for each in compared.metrics if each.metric == name), None)
    if metric is None:
        return _result(objective, target, math.nan, f"no data: there is no {name} to compare")
    ratio = metric.ratio
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return _result(objective, target, math.nan, _unknown(metric))
    holds = [COMPARE[objective.operator](limit, objective.limit) for limit in (ratio.low, ratio.high)]
    low, high = (significant(limit) for limit in (ratio.low, ratio.high))
    said = f"{significant(ratio.value)} × {other} ({compared.confidence * 100:g} % CI {low}–{high})"
    if any(holds) and not all(holds):
        said += ": cannot tell, for the interval holds the limit"
        return _undecided(objective, target, ratio.value, said)
    return ObjectiveResult(
        objective=objective.text, target=target, met=all(holds), measured=ratio.value, said=said
    )


def _unknown(metric: Metric) -> str:
    return f"no figure: {metric.withheld}" if metric.enough_data else (metric.withheld or "not enough data")


def _told(objective: Objective, target: str, measured: float) -> ObjectiveResult:
    """A share or a rate."""
    said = "no data" if math.isnan(measured) else say(measured, objective, math.nan)
    return _result(objective, target, measured, said)


def _result(
    objective: Objective, target: str, measured: float, said: str, scale: float = 1.0
) -> ObjectiveResult:
    """Met or missed; without a figure, undecided."""
    if math.isnan(measured):
        return _undecided(objective, target, measured, said)
    met = COMPARE[objective.operator](measured, objective.limit)
    shown = measured * scale if math.isfinite(measured) else None
    return ObjectiveResult(objective=objective.text, target=target, met=met, measured=shown, said=said)


def _undecided(
    objective: Objective, target: str, measured: float, said: str, scale: float = 1.0
) -> ObjectiveResult:
    """Neither met nor missed, as far as can be told."""
    shown = measured * scale if math.isfinite(measured) else None
    return ObjectiveResult(
        objective=objective.text, target=target, met=False, decided=False, measured=shown, said=said
    )
