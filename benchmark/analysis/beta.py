"""The regularised incomplete beta function and its inverse: the law behind Student's t, F, and binomial counts."""

from __future__ import annotations

import math
from functools import lru_cache

_TINY = 1e-300
_CLOSE = 1e-15  # relative: where a continued fraction or a root has come to rest
_MOST = 100_000  # terms; some √max(a, b) of them are needed


@lru_cache(maxsize=4096)
def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b): the probability that a Beta(a, b) value is at most x.

    By the continued fraction of NIST's Digital Library of Mathematical Functions, 8.17.22, on the side of the mean
    where it converges quickly (8.17.4 for the other).
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    return math.exp(_log_density(a, b, x) + math.log(x) + math.log1p(-x)) / (a * _fraction(a, b, x))


def inverse_incomplete_beta(a: float, b: float, share: float) -> float:
    """The x at which I_x(a, b) is this share, which lies between 0 and 1: Newton's steps, halving where they leave."""
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(200):
        off = incomplete_beta(a, b, x) - share
        low, high = (low, x) if off > 0 else (x, high)
        slope = math.exp(min(_log_density(a, b, x), 700.0))
        step = off / slope if slope else math.inf
        following = x - step if low < x - step < high else (low + high) / 2
        if abs(following - x) <= _CLOSE * x:
            return following
        x = following
    return x


def _log_density(a: float, b: float, x: float) -> float:
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return scale + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x)


def _fraction(a: float, b: float, x: float) -> float:
    """1 + d₁/(1 + d₂/(1 + …)), by Lentz's method (Thompson & Barnett, Journal of Computational Physics 64, 1986)."""
    value, above, below = 1.0, 1.0, 0.0
    for number in range(1, _MOST):
        m, odd = divmod(number, 2)
        if odd:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        below = 1 / ((1 + term * below) or _TINY)
        above = (1 + term / above) or _TINY
        value *= above * below
        if abs(above * below - 1) < _CLOSE:
            break
    return value
