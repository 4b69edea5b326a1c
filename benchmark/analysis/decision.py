"""Is a figure surely on one side of its limit? Yes, no, or *cannot tell*: a run is a sample, and a limit is a promise.

A quantile is below a limit where no more than its share of exchanges takes longer, so what is judged is that share: by the
binomial law, which knows chance, and by Student's t over rounds, which knows that rounds differ. Both must agree. Slow
exchanges come in clumps where there is a queue, and a clump counts as one: how long clumps are shows in how much more
rounds differ than chance lets them, in their share beyond lower values, of which there are enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchmark.analysis.statistics import Sample, binomial_tails, student, t_quantile

CLUMPS_AT = (0.5, 0.1)  # shares in which clumps are looked for
RESOLUTION = 0.002  # of a histogram, twice
LEAST_ROUNDS = 3  # that show any

Part = tuple[float, float]  # of a round: how many lie beyond the limit, and how many there are


def share_below(parts: Sequence[Part], allowed: float, confidence: float, clump: float = 1.0) -> bool | None:
    """Whether the share that lies beyond is below what is allowed; None: that cannot be told. `clump` counts as one.

    Each of both wrong answers comes in (1 − confidence) / 2 of experiments at the most, also where the truth is the limit.
    """
    beyond, count = (math.fsum(each[at] for each in parts) for at in (0, 1))
    if not count:
        return None
    fewer, more = binomial_tails(beyond / clump, count / clump, allowed)
    low, high = _over_rounds(parts, confidence)
    chance = (1 - confidence) / 2
    if fewer <= chance and high < allowed:
        return True
    return False if more <= chance and low > allowed else None


def clumping(rounds: Sequence[Sample], pooled: Sample, allowed: float) -> float:
    """By how much more rounds differ than independent exchanges would in a share of this size (variances), at least 1.

    Seen in the shares beyond the median and the p90, from which it is carried on: clumps of a queue are as long at any
    level, while what makes a whole round slower counts the less, the smaller a share is, and t over rounds knows it.
    """
    body, tail = (_excess(rounds, pooled, share) for share in CLUMPS_AT)
    if tail <= 0:
        return 1.0
    slope = math.log(max(body, tail) / tail) / math.log(CLUMPS_AT[0] / CLUMPS_AT[1])
    return 1 + tail * math.pow(allowed / CLUMPS_AT[1], min(slope, 1.0))


def _excess(rounds: Sequence[Sample], pooled: Sample, share: float) -> float:
    """The variance of rounds' shares beyond the value that this share exceeds, over the binomial's, less 1."""
    value = pooled.quantile(1 - share) if pooled.count else math.inf
    held = [each for each in rounds if each.count]
    alike = (
        pooled.above(value * (1 + RESOLUTION)) < share * pooled.count / 2
    )  # most answers took as long as that
    if len(held) < LEAST_ROUNDS or math.isinf(value) or alike:
        return 0.0
    counts = np.array([each.count for each in held], np.float64)
    above = np.array([each.above(value) for each in held])
    whole = float(above.sum() / counts.sum())
    rest = above - whole * counts
    return float((rest**2 / counts).sum()) / (len(held) - 1) / (whole * (1 - whole)) - 1 if whole < 1 else 0.0


def mean_below(values: Sequence[float], limit: float, confidence: float) -> bool | None:
    """Whether the mean over rounds lies below a limit; one round alone is taken at its word."""
    if len(values) < 2:
        return values[0] < limit if values else None
    if not all(map(math.isfinite, values)):
        return False if math.inf in values else None
    found = student(values, confidence)
    return True if found.high < limit else False if found.low > limit else None


def _over_rounds(parts: Sequence[Part], confidence: float) -> tuple[float, float]:
    """Limits of the share by t over rounds, as a ratio of sums; a single round has none of its own."""
    beyond, counts = np.array(parts, np.float64).T
    n, share = len(parts), float(beyond.sum() / counts.sum())
    if n < 2:
        return share, share
    rest = beyond - share * counts
    error = math.sqrt(float(rest @ rest) * n / (n - 1)) / float(counts.sum())
    reach = t_quantile(n - 1, confidence) * error
    return share - reach, share + reach
