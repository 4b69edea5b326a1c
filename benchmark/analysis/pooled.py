"""Quantiles of all rounds pooled: Woodruff's interval for each target, and MOVER to join two (METHOD 11)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.analysis.pairs import UNKNOWN, covariance, long_run
from benchmark.analysis.statistics import Interval, Sample, quantile, t_quantile


def woodruff(
    rounds: Sequence[Sample], pooled: Sample, q: float, confidence: float, resolution: float = 0.0
) -> Interval:
    """The pooled q-quantile, its interval found by inverting one of the share above it (Woodruff, JASA 47, 1952).

    The share's logit is taken ± t·se, so that no limit is beyond all shares. se is that of the per-round shares above
    the quantile, in the long run where that is more, and at least the binomial's, so that rounds which happen to agree do
    not feign certainty. A limit beyond the slowest is infinite. At least two rounds must hold something.
    """
    held = [each for each in rounds if each.count]
    value = quantile(pooled, q)
    counts = np.array([each.count for each in held], np.float64)
    excess = np.array([each.above(value) for each in held]) - counts * (1 - q)
    n, total = len(held), float(counts.sum())
    pairs = np.column_stack([np.zeros(n), excess])
    between = max(float(long_run(pairs)[1, 1]), float(covariance(pairs)[1, 1])) * n / total**2
    reach = t_quantile(n - 1, confidence) * math.sqrt(max(between, q * (1 - q) / total)) / (q * (1 - q))
    odds = (1 - q) / q
    least, most = (ratio / (1 + ratio) for ratio in (odds * math.exp(-reach), odds * math.exp(reach)))
    low = quantile(pooled, 1 - most)
    high = quantile(pooled, 1 - least) if least * total >= 0.5 else math.inf
    return Interval(value, min(low, value - resolution), max(high, value + resolution))


def mover_difference(minuend: Interval, subtrahend: Interval) -> Interval:
    """minuend − subtrahend, from the intervals of both (Zou & Donner, Statistics in Medicine 27, 2008)."""
    value = minuend.value - subtrahend.value
    down = math.hypot(minuend.value - minuend.low, subtrahend.high - subtrahend.value)
    up = math.hypot(minuend.high - minuend.value, subtrahend.value - subtrahend.low)
    return Interval(value, value - down, value + up)


def mover_ratio(numerator: Interval, denominator: Interval) -> Interval:
    """numerator / denominator: every θ at which MOVER's interval of numerator − θ·denominator holds 0.

    (Donner & Zou, Statistical Methods in Medical Research 21, 2012.) At θ = 1 that is the interval of the difference.
    """
    if not (numerator.bounded and denominator.bounded and min(numerator.value, denominator.low) > 0):
        return UNKNOWN
    both = numerator.value * denominator.value
    least = _product(numerator.value, numerator.value - numerator.low)
    below = _product(denominator.value, denominator.high - denominator.value)
    most = _product(numerator.value, numerator.high - numerator.value)
    above = _product(denominator.value, denominator.value - denominator.low)
    low = least / (both + math.sqrt(max(0.0, both**2 - below * least)))
    high = (both + math.sqrt(max(0.0, both**2 - above * most))) / above
    return Interval(numerator.value / denominator.value, max(0.0, low), high)


def _product(value: float, reach: float) -> float:
    return (value - reach) * (value + reach)
