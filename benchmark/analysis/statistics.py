"""Quantiles, and intervals of independent values: Student's t, the jackknife, Welch's.

Pure functions of small inputs, in whatever unit they are given. Every interval is two-sided, and covers the truth in
its stated share of experiments: the tests simulate that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from benchmark.analysis.beta import incomplete_beta, inverse_incomplete_beta

FIELLER_STEPS = 8


class Sample(Protocol):
    """A round's durations, or many rounds' pooled; what never ended ranks above all of them."""

    @property
    def count(self) -> float:
        """Durations that are ranked."""

    @property
    def mean(self) -> float:
        """The mean; infinite where something never ended, NaN where there is nothing."""

    def quantile(self, q: float) -> float:
        """The value of rank q·count; infinite where that is one that never ended."""

    def above(self, value: float) -> float:
        """How many exceed `value`."""


@dataclass(frozen=True)
class Interval:
    """A point estimate between its confidence limits, all in one unit."""

    value: float
    low: float
    high: float

    @property
    def bounded(self) -> bool:
        """Whether all three are finite."""
        return all(map(math.isfinite, (self.value, self.low, self.high)))


def quantile(sample: Sample, q: float) -> float:
    """The q-quantile at rank q·n + ½, between its two neighbours (Hazen; type 5 of Hyndman & Fan, 1996).

    The plain rank q·n lies low by half an exchange. In one round that is nothing; over 30 rounds of 100 exchanges the
    mean of their p90 is then off by most of its standard error, and its interval misses the truth.
    """
    n = sample.count
    if not n:
        return math.nan
    rank = min(max(q * n + 0.5, 1.0), float(n))
    below = math.floor(rank)
    lower, upper = sample.quantile((below - 0.5) / n), sample.quantile(min(below + 0.5, n) / n)
    if rank == below or lower == upper:  # also where both are infinite
        return lower
    return lower + (rank - below) * (upper - lower)


def student(values: ArrayLike, confidence: float) -> Interval:
    """Student's t interval for the mean of independent values, of which there are at least two."""
    taken = np.asarray(values, np.float64)
    mean = float(taken.mean())
    half = t_quantile(len(taken) - 1, confidence) * float(taken.std(ddof=1)) / math.sqrt(len(taken))
    return Interval(mean, mean - half, mean + half)


def jackknife(value: float, without: ArrayLike, confidence: float) -> Interval:
    """Student's t interval for a figure of several rounds, from the same figure `without` one of them after the other.

    Each of the n left-out figures moves by about 1 / (n − 1) of what its round differs (Tukey, Annals of Mathematical
    Statistics 29, 1958).
    """
    taken = np.asarray(without, np.float64)
    half = t_quantile(len(taken) - 1, confidence) * float(taken.std()) * math.sqrt(len(taken) - 1)
    return Interval(value, value - half, value + half)


@lru_cache(maxsize=1024)
def t_quantile(freedom: float, confidence: float) -> float:
    """The two-sided critical value of Student's t (Abramowitz & Stegun, 26.7.1); the normal law's at infinite freedom."""
    if not freedom > 0:
        return math.nan
    if math.isinf(freedom):
        return NormalDist().inv_cdf(0.5 + confidence / 2)
    within = inverse_incomplete_beta(0.5, freedom / 2, confidence)
    if within < 0.5:
        return math.sqrt(freedom * within / (1 - within))
    beyond = inverse_incomplete_beta(freedom / 2, 0.5, 1 - confidence)
    return math.sqrt(freedom * (1 - beyond) / beyond)


def binomial_tails(seen: float, count: float, share: float) -> tuple[float, float]:
    """How probable it is to see no more, and no fewer, of so many, where each one has this share as its probability.

    Exact (the incomplete beta function: Abramowitz & Stegun, 26.5.24); also between whole numbers.
    """
    fewer = 1.0 if seen >= count else incomplete_beta(count - seen, seen + 1, 1 - share)
    more = 1.0 if seen <= 0 else incomplete_beta(seen, count - seen + 1, share)
    return fewer, more


@lru_cache(maxsize=1024)
def f_quantile(above: float, below: float, share: float) -> float:
    """The value that a ratio of two variances of so many degrees of freedom exceeds by chance in 1 − `share`.

    (Abramowitz & Stegun, 26.6.2.)
    """
    within = inverse_incomplete_beta(above / 2, below / 2, share)
    if within < 0.5:
        return below * within / (above * (1 - within))
    beyond = inverse_incomplete_beta(below / 2, above / 2, 1 - share)
    return below * (1 - beyond) / (above * beyond)


def welch(
    before: ArrayLike, after: ArrayLike, confidence: float, least: tuple[float, float] = (0.0, 0.0)
) -> Interval:
    """after − before, from the means of two independent samples of unlike spread (Welch, Biometrika 34, 1947).

    `least` are variances of the two means below which they are not taken to be known: samples that happen to agree
    would else feign certainty.
    """
    means, variances, freedoms = _moments(before, after, least)
    value = means[1] - means[0]
    half = math.sqrt(_reach(variances, freedoms, confidence))
    return Interval(value, value - half, value + half)


def welch_ratio(before: ArrayLike, after: ArrayLike, confidence: float) -> Interval:
    """after / before, of two independent samples: all ratios r at which Welch's test of after − r·before finds nothing.

    So it excludes 1 exactly when the interval of the difference excludes 0 (Fieller, JRSS B 16, 1954). A limit is
    infinite, or zero, where `before` is not known to be more than nothing.
    """
    means, variances, freedoms = _moments(before, after, (0.0, 0.0))
    if min(means) <= 0:
        return Interval(math.nan, 0.0, math.inf)
    value = means[1] / means[0]
    limits = [value, value]
    for at in (0, 1):
        for _ in range(FIELLER_STEPS):  # the degrees of freedom depend on the ratio, a little
            squared_t = _squared_t(variances, freedoms, limits[at], confidence)
            limits[at] = _fieller(means, variances, squared_t)[at]
            if math.isinf(limits[at]):
                break
    return Interval(value, limits[0], limits[1])


_Two = tuple[float, float]


def _moments(before: ArrayLike, after: ArrayLike, least: _Two) -> tuple[_Two, _Two, _Two]:
    """Means, their variances, and the degrees of freedom of these."""
    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    return (
        (float(first.mean()), float(second.mean())),
        (
            max(float(first.var(ddof=1)) / len(first), least[0]),
            max(float(second.var(ddof=1)) / len(second), least[1]),
        ),
        (len(first) - 1, len(second) - 1),
    )


def _reach(variances: _Two, freedoms: _Two, confidence: float) -> float:
    """The square of half the width of Welch's interval."""
    return _squared_t(variances, freedoms, 1.0, confidence) * math.fsum(variances)


def _squared_t(variances: _Two, freedoms: _Two, ratio: float, confidence: float) -> float:
    """Of after − ratio·before, by the degrees of freedom of Welch and Satterthwaite."""
    own = ratio**2 * variances[0], variances[1]
    total = math.fsum(own)
    if not total:
        return 0.0
    return t_quantile(total**2 / (own[0] ** 2 / freedoms[0] + own[1] ** 2 / freedoms[1]), confidence) ** 2


def _fieller(means: _Two, variances: _Two, squared_t: float) -> _Two:
    """The ratios r at which (after − r·before)² is t² times its variance."""
    known = means[0] ** 2 - squared_t * variances[0]
    rest = means[1] ** 2 - squared_t * variances[1]
    product = means[0] * means[1]
    if known <= 0 and rest <= 0:
        return 0.0, math.inf
    root = math.sqrt(max(product**2 - known * rest, 0.0))
    low = rest / (product + root)  # (product − root) / known, also where that is 0 / 0
    return max(low, 0.0), (product + root) / known if known > 0 else math.inf
