"""Quick refusals have no latency, and so flatter who refuses: what of a difference survives them (METHOD 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.analysis.estimate import Distribution, Ranked
from benchmark.analysis.statistics import Interval
from benchmark.measure.recording import Recording

HARMLESS = 1 / 20  # of what lies beyond a quantile: shares of refusals that differ by less do no harm there
HARMLESS_TO_MEANS = 0.0005

Sides = Sequence[Sequence[Recording]]


def quick_share(side: Sequence[Recording]) -> float:
    """The share of requests that were refused at once."""
    return sum(map(_quick, side)) / max(1, sum(each.scheduled for each in side))


def _quick(recording: Recording) -> int:
    return recording.failed - recording.unanswered


def refused_beyond(sides: Sides, q: float | None) -> str:
    """Why there is no figure: one side refused more than what lies beyond the quantile; empty: there may be one."""
    shares = [quick_share(side) for side in sides]
    if q is None or max(shares) <= 1 - q:
        return ""
    return f"{_both(shares)} of requests were refused at once, and are not in it; look at the failures"


def unlike_refusals(sides: Sides, q: float | None) -> str:
    """Why latencies of separate runs would mislead: too unlike shares were refused; empty: they would not."""
    shares = [quick_share(side) for side in sides]
    harmless = HARMLESS_TO_MEANS if q is None else HARMLESS * (1 - q)
    if abs(shares[0] - shares[1]) <= harmless:
        return refused_beyond(sides, q)
    return f"{_both(shares)} of requests were refused at once, and are not in it; look at the failures"


def hidden_by_refusals(sides: Sides) -> str:
    """That an interval has no end where refusals rank as the slowest."""
    shares = [quick_share(side) for side in sides]
    return (
        f"{_both(shares)} of requests were refused at once: had they been the slowest, this would have no limit; "
        "look at the failures"
    )


def _both(shares: Sequence[float]) -> str:
    return f"{shares[0]:.2%} and {shares[1]:.2%}"


def as_slowest(
    distributions: tuple[Distribution, Distribution], sides: Sides
) -> tuple[Distribution, Distribution] | None:
    """The same with the refusals that one side has more than the other ranked as the slowest; None: neither has.

    Who is refused is no matter of chance. In quantiles they rank as infinitely slow, and in means, which would not be
    finite then, as the slowest answer that either target gave. They lie in the rounds where they were refused.
    """
    shares = [quick_share(side) for side in sides]
    if shares[0] == shares[1]:
        return None
    more = int(shares[1] > shares[0])
    excess = 1 - shares[1 - more] / shares[more]
    slowest = max(each.pooled.quantile(1.0) for each in distributions)
    ranked = [
        _with(held, excess * _quick(own) / max(1, own.scheduled - _quick(own)), slowest)
        for held, own in zip(distributions[more].rounds, sides[more], strict=True)
    ]
    pooled = distributions[more].pooled
    assert isinstance(pooled, Ranked)
    whole = Distribution(
        ranked,
        Ranked(pooled.histogram, pooled.beyond, math.fsum(each.refused for each in ranked), slowest),
    )
    return (distributions[0], whole) if more else (whole, distributions[1])


def _with(held: object, share: float, slowest: float) -> Ranked:
    assert isinstance(held, Ranked)
    return Ranked(held.histogram, held.beyond, share * held.count, slowest)


def both_ways(plain: Interval, slowest: Interval) -> Interval:
    """The plain figure, between the limits that hold whether or not refusals were the slowest."""
    return Interval(plain.value, min(plain.low, slowest.low), max(plain.high, slowest.high))
