"""What became of the precision that was asked for, in a sentence."""

from __future__ import annotations

from benchmark.report.numbers import beside, decimals_of
from benchmark.report.phrases import en as words
from benchmark.result.model import Estimate, Precision


def precision(each: Precision) -> str:
    """Whether it was reached; where not, what is known all the same, and why not."""
    who = words.target(each.target, start=True)
    if each.baseline is not None:
        who += words.ratio_to(words.target(each.baseline))
    told = {
        "who": who,
        "figure": words.figure_name(each.metric),
        "reached": "" if each.reached is None else f"{each.reached * 100:.2g}",
        "asked": f"{each.asked * 100:.3g}",
        "interval": _interval(each.interval_ms),
    }
    if each.reached is not None and each.reached <= each.asked * (1 + 1e-9):
        return words.precise(**told, rounds=each.rounds)
    return words.imprecise(**told, rounds=each.rounds, why=_why(each))


def _why(each: Precision) -> str:
    if each.needed is None:
        return words.TOO_THIN if each.rounds >= each.pilot else words.ENDED_EARLY
    if each.needed > each.most:
        return words.at_most(most=each.most, needed=each.needed)
    return words.ENDED_EARLY if each.rounds < each.needed else words.VARIED


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    decimals = decimals_of(estimate)
    low, high = (beside(limit, decimals) for limit in (estimate.low, estimate.high))
    return f" ({low}–{high} ms)"
