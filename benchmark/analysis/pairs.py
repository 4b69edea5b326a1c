"""What pairs of rounds say of two targets: difference and ratio, decided by one test.

A ratio θ is tested by the mean of after − θ·before over the pairs, and its interval holds every θ that is not
rejected (Fieller, Journal of the Royal Statistical Society B 16, 1954). At θ = 1 that is the test of the difference:
the ratio's interval leaves out 1 exactly where the difference's leaves out 0. What both rounds of a pair share cancels
in the test as far as it cancels in after − θ·before; what does not cancel and lasts for several rounds widens it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.analysis.statistics import Interval, f_quantile, t_quantile

Matrix = NDArray[np.float64]
Resolution = tuple[float, float]  # of the values before and after: what they cannot tell apart

TESTED = 8  # pairs: of fewer nobody can tell whether they hang on one another
REMEMBERED = (-1 / 3, 0.9)  # between these a correlation of neighbours is believed
MOVED = 0.99  # confidence at which the halves of a run differ
AIM = 0.9  # of the precision that was asked for: the means that it is a share of are not known beforehand
VARIES = 0.99  # confidence at which the rounds after a pilot vary more than it
RESEMBLES = 1.645  # standard errors of a correlation: one in twenty is beyond by chance

UNKNOWN = Interval(math.nan, -math.inf, math.inf)


def difference_and_ratio(
    before: ArrayLike,
    after: ArrayLike,
    confidence: float,
    *,
    pilot: int | None = None,
    resolution: Resolution = (0.0, 0.0),
) -> tuple[Interval, Interval]:
    """after − before and after / before, from the values of at least two pairs, in their unit.

    Student's t over pairs, with their covariance in the long run. Where the spread of a `pilot`, the first so many
    pairs, decided how many there are, it is that spread's t (Stein, Annals of Mathematical Statistics 16, 1945), and
    no narrower than that of all where these varied more. The ratio is unbounded where the mean before may be zero.
    """
    pairs = np.column_stack([before, after]).astype(np.float64)
    first, second = (float(mean) for mean in pairs.mean(axis=0))
    reaches = []
    known = pilot if pilot is not None and 2 <= pilot < len(pairs) else 0
    if known:
        reaches.append(t_quantile(known - 1, confidence) ** 2 / len(pairs) * covariance(pairs[:known]))
    if not known or _outgrew(pairs, known):
        reaches.append(t_quantile(len(pairs) - 1, confidence) ** 2 / len(pairs) * long_run(pairs))
    value, least = second - first, math.fsum(resolution)
    half = max(least, *(math.sqrt(_along(each, (-1.0, 1.0))) for each in reaches))
    return Interval(value, value - half, value + half), _ratio(first, second, reaches, resolution)


def _outgrew(pairs: Matrix, pilot: int) -> bool:
    """Whether rounds after the pilot varied more than it (F at 1 %), or hang on one another: it did not know that."""
    first, second = pairs.mean(axis=0)
    for ratio in (1.0, second / first if first else 0.0):
        tested = pairs[:, 1] - ratio * pairs[:, 0]
        known, later = tested[:pilot], tested[pilot:]
        if resemblance(tested) is not None:
            return True
        limit = f_quantile(len(later) - 1, pilot - 1, VARIES) if len(later) > 1 else math.inf
        if len(later) > 1 and float(later.var(ddof=1)) > limit * float(known.var(ddof=1)):
            return True
    return False


def covariance(pairs: Matrix) -> Matrix:
    """Of both values of a pair, as if pairs were independent."""
    centred = pairs - pairs.mean(axis=0)
    found: Matrix = centred.T @ centred / (len(pairs) - 1)
    return found


def long_run(pairs: Matrix) -> Matrix:
    """The covariance that the mean of dependent pairs has, times how many there are.

    Along each of the two combinations whose neighbours are most and least alike, r, the covariance is multiplied by
    (1 + r) / (1 − r), as in a first-order autoregression; r is the lag-1 correlation and 1/n, by which that lies low
    (Marriott & Pope, Biometrika 41, 1954). A few pairs do not show it, and are taken as independent.
    """
    n, plain = len(pairs), covariance(pairs)
    if n < TESTED:
        return plain
    sizes, axes = np.linalg.eigh(plain)
    known = sizes > 1e-12 * max(float(sizes[-1]), 0.0)
    roots = np.sqrt(np.where(known, sizes, 0.0))
    whiten = axes * np.where(known, 1 / np.where(known, roots, 1.0), 0.0) @ axes.T
    white = (pairs - pairs.mean(axis=0)) @ whiten
    lagged = white[1:].T @ white[:-1] / (n - 1)
    alike, turned = np.linalg.eigh((lagged + lagged.T) / 2)
    alike = np.clip(alike + 1 / n, *REMEMBERED)
    half = axes * roots @ axes.T @ turned
    found: Matrix = half * ((1 + alike) / (1 - alike)) @ half.T
    return found


def resemblance(values: ArrayLike) -> float | None:
    """The correlation of neighbouring rounds where it is beyond chance; None: it is not, or they are too few to tell."""
    taken = np.asarray(values, np.float64)
    centred, n = taken - taken.mean(), len(taken)
    whole = float(centred @ centred)
    if n < TESTED or not whole > 0:
        return None
    found = float(centred[1:] @ centred[:-1]) / whole + 1 / n
    return found if found > RESEMBLES / math.sqrt(n) else None


def moved(values: ArrayLike) -> tuple[float, float] | None:
    """The means of both halves of a run where they differ (t at 1 %); None: they do not, or nobody can tell."""
    taken = np.asarray(values, np.float64)
    if len(taken) < TESTED:
        return None
    halves = np.array_split(taken, 2)
    first, second = (float(half.mean()) for half in halves)
    within = math.fsum(float(((half - half.mean()) ** 2).sum()) for half in halves) / (len(taken) - 2)
    reach = t_quantile(len(taken) - 2, MOVED) * math.sqrt(
        within * math.fsum(1 / len(half) for half in halves)
    )
    return (first, second) if abs(second - first) > reach else None


def rounds_for(pilot: ArrayLike, precision: float, confidence: float) -> int:
    """How many values it takes, the pilot's among them, until the limits are within a share of the figure (Stein, 1945).

    Args:
        pilot: a row for each round: the value of one target, or of two, whose ratio is meant.
    """
    taken = np.asarray(pilot, np.float64)
    means = taken.mean(axis=0)
    limit = taken[:, -1].copy()
    if taken.shape[1] > 1:
        limit -= (1 + precision) * means[1] / means[0] * taken[:, 0]
    reach = t_quantile(len(taken) - 1, confidence) * float(limit.std(ddof=1))
    return max(len(taken), math.ceil((reach / (AIM * precision * float(means[-1]))) ** 2))


def _along(matrix: Matrix, direction: tuple[float, float]) -> float:
    taken = np.array(direction)
    return max(0.0, float(taken @ matrix @ taken))


def _ratio(first: float, second: float, reaches: Iterable[Matrix], resolution: Resolution) -> Interval:
    """Every ratio that one of the tests, or the values' resolution, does not reject; nothing has none."""
    if not min(first, second) > 0:
        return UNKNOWN
    found = [_fieller(first, second, each) for each in reaches]
    found.append(
        (
            (second - resolution[1]) / (first + resolution[0]),
            (second + resolution[1]) / (first - resolution[0]),
        )
        if first > resolution[0]
        else (0.0, math.inf)
    )
    return Interval(second / first, max(0.0, min(low for low, _ in found)), max(high for _, high in found))


def _fieller(first: float, second: float, reach: Matrix) -> tuple[float, float]:
    """The roots θ of (second − θ·first)² = reach along (−θ, 1); unbounded where no θ is too large."""
    curve = first**2 - float(reach[0, 0])
    if curve <= 0:
        return 0.0, math.inf
    middle = first * second - float(reach[0, 1])
    spread = math.sqrt(max(0.0, middle**2 - curve * (second**2 - float(reach[1, 1]))))
    return (middle - spread) / curve, (middle + spread) / curve
