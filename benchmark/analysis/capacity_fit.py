"""What levels of load say together: how many of a level's requests broke a demand, and where that share crosses it.

Under queueing violations come in clumps, so requests are no sample; windows are (METHOD 20). A level's clumping is how
much more its windows differ than independent requests would. The crossing is found over all levels at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.statistics import Interval, t_quantile

LEAST_WINDOWS = 10
CORRELATED = 0.2  # lag-1 correlation of window shares beyond which windows are enlarged
BEYOND_DOUBT = 0.3  # a share of violations past which only that it is past counts: the queue never settled
SPIKE = 5.0  # limits, from which on a window is far worse than it may be
LEAST_SPIKE = 4  # violations in a window that make a spike of it
CAP = 5.0  # limits that a window counts for at the most, where there is noise
LOW = 0.5  # of the lowest level that is too much: what comes below it as well, no load explains
LEAST_STRUCK = 4  # late requests in a window that may be noise
NEARLY = (
    1.5  # as many that waited for half the limit as for all of it, at the most, where the late ones are noise
)
MOST_STRUCK = 0.25  # of a trial's windows; what strikes more of them is the load
DOUBT = 3.0  # of a level's requests one counts: clumps that did not come show in no level's windows [tests: `searches`]
NOISE_DOUBT = 2.0  # and a half of these where there is noise

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """A level's windows for one demand: what was due in each, and how much of it broke the demand."""

    requests: Floats
    violations: Floats

    @property
    def share(self) -> float:
        """Of all requests, that broke the demand."""
        total = self.requests.sum()
        return float(self.violations.sum() / total) if total else math.nan

    def enlarged(self) -> Tally:
        """Windows merged in pairs until neighbours hardly agree, or no more than ten are left."""
        tally = self
        while len(tally.requests) >= 2 * LEAST_WINDOWS and tally._correlation() > CORRELATED:
            even = len(tally.requests) // 2 * 2
            tally = Tally(
                tally.requests[:even].reshape(-1, 2).sum(1), tally.violations[:even].reshape(-1, 2).sum(1)
            )
        return tally

    def spikes(self, limit: float) -> int:
        """Windows that are far worse than the limit while most are well within it."""
        shares = self.violations / np.maximum(self.requests, 1)
        if float(np.median(shares)) > limit:
            return 0
        return int(((shares > SPIKE * limit) & (self.violations >= LEAST_SPIKE)).sum())

    def capped(self, most: float) -> Tally:
        """No window counts for more than this share of violations, or than three ordinary windows."""
        shares = self.violations / np.maximum(self.requests, 1)
        most = max(most, 3 * float(np.median(shares)))
        return Tally(self.requests, np.minimum(shares, most) * self.requests)

    def interval(self, confidence: float = 0.95) -> Interval:
        """The share, by Student's t over enlarged windows (a ratio estimate)."""
        large, share = self.enlarged(), self.share
        count = len(large.requests)
        residual = large.violations - share * large.requests
        error = math.sqrt(float(residual @ residual) * count / (count - 1)) / float(large.requests.sum())
        reach = t_quantile(count - 1, confidence) * error
        return Interval(share, share - reach, share + reach)

    def clumping(self) -> float:
        """The variance of enlarged windows' violations over that of independent ones; 1 where they are that."""
        large, share = self.enlarged(), self.share
        if not 0 < share < 1:
            return math.nan
        residual = large.violations - share * large.requests
        expected = share * (1 - share) * large.requests
        return max(1.0, float((residual**2 / np.maximum(expected, 1e-12)).sum() / (len(residual) - 1)))

    def _correlation(self) -> float:
        shares = self.violations / np.maximum(self.requests, 1)
        centred = shares - shares.mean()
        spread = float(centred @ centred)
        return float(centred[1:] @ centred[:-1]) / spread if spread else 0.0


def struck(requests: Floats, late: Floats, nearly: Floats) -> NDArray[np.bool_]:
    """Windows in which some requests were late while hardly any other had to wait: no queue does that.

    A queue grows past half the limit before it grows past all of it, so it leaves several nearly late ones beside each
    late one [M/M/c at its capacity: ten]. A pause of a machine or a packet sent again strikes whom it strikes.

    Args:
        late: requests of each window beyond the limit, of those that were answered.
        nearly: beyond half the limit, so with the late ones.
    """
    found = (late >= LEAST_STRUCK) & (nearly < NEARLY * late) & (late < BEYOND_DOUBT * requests)
    return found if found.mean() <= MOST_STRUCK else np.zeros_like(found)


@dataclass(frozen=True)
class Point:
    """A level for the fit: its tally, and whether the queue grew all along."""

    level: float
    tally: Tally
    grew: bool
    bunch: float = (
        1.0  # requests due while one that breaks the demand waits: violations come at least in such clumps
    )


@dataclass(frozen=True)
class Crossing:
    """Where the share of violations crosses the limit, and the share that breaks the demand at any load."""

    level: Interval
    background: float


CENTRE, WIDE = 10.0, 1.5
_SLOPES = np.geomspace(1, 120, 16)
_BACKGROUNDS = np.array([0, 0.1, 0.2, 0.35, 0.5, 0.75])  # in limits, of slow answers that any load has
_NOISE = np.array(
    [0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5]
)  # where there is noise, which may break the demand by itself


def noisy(points: Sequence[Point], limit: float) -> bool:
    """Whether there are spikes at low loads as well: the noise of a machine or a network, which no load explains."""
    broken = [
        point.level
        for point in points
        if point.grew or point.tally.capped(CAP * limit).interval().low > limit
    ]
    low = LOW * min(broken, default=max(point.level for point in points))
    return any(point.tally.spikes(limit) for point in points if point.level <= low)


def crossing(
    points: Sequence[Point], limit: float, confidence: float = 0.95, *, noise: bool | None = None
) -> Crossing:
    """The level at which the share of violations reaches `limit`, over all levels tried.

    The log odds of a violation rise linearly with the logarithm of the load, as the tail of a queue does near its
    capacity, on top of a background. Where spikes come at low loads as well, no window counts for more than five
    limits, unless most are as bad. Posterior of a quasi-binomial likelihood over a grid; each level weighs
    by its requests over its clumping.
    """
    noise = noisy(points, limit) if noise is None else noise
    if noise:
        points = [replace(point, tally=point.tally.capped(CAP * limit)) for point in points]
    doubt = DOUBT * (NOISE_DOUBT if noise else 1.0)
    backgrounds = limit * (_NOISE if noise else _BACKGROUNDS)
    slopes = _SLOPES[_SLOPES >= 4] if noise else _SLOPES
    levels = np.array([point.level for point in points])
    counted = [_evidence(point, points, doubt) for point in points]
    low, high = math.log(levels.min() / 4), math.log(levels.max() * 4)
    for size in (90, 140):
        grid = np.linspace(low, high, size)
        told = _told(grid, levels, counted, limit, slopes, backgrounds)
        posterior = _posterior(told / doubt, slopes, noise=noise)
        low, high = (_quantile(posterior, grid, q) for q in (1e-5, 1 - 1e-5))
        step = grid[1] - grid[0]
        low, high = low - 2 * step, high + 2 * step
    tail = (1 - confidence) / 2
    lower, upper = (math.exp(_quantile(posterior, grid, q)) for q in (tail, 1 - tail))
    # doubt widens what is claimed; it has no say in where the middle is, which little data would leave to the grid's ends
    value = min(max(math.exp(_quantile(_posterior(told, slopes, noise=noise), grid, 0.5)), lower), upper)
    background = float(posterior.sum((0, 1)) @ backgrounds)
    return Crossing(Interval(value, lower, upper), background)


def _quantile(posterior: Floats, grid: Floats, q: float) -> float:
    """Of the crossing (log)."""
    return float(np.interp(q, np.cumsum(posterior.sum((1, 2))), grid))


def _evidence(point: Point, points: Sequence[Point], doubt: float) -> tuple[float, float, bool]:
    """Effective requests, effective violations, and whether only that they are many counts.

    The clumping is at least that of all levels: a level that met no clump by luck would look better, and surer, than it
    is. Nor is it less than the level's own: clumps grow towards the edge, and one of them is one observation.
    """
    clumping = max(point.bunch, _common(points), _own(point))
    requests = float(point.tally.requests.sum()) / clumping
    if point.grew or point.tally.share > BEYOND_DOUBT:
        requests = min(max(requests, 20.0 * doubt), 60.0 * doubt)
        return requests, BEYOND_DOUBT * requests, True
    return requests, point.tally.share * requests, False


def _common(points: Sequence[Point]) -> float:
    """The clumping of the levels at which something was late and the queue settled."""
    known = [(len(each.tally.requests), own) for each in points if (own := _own(each))]
    return sum(n * c for n, c in known) / sum(n for n, _ in known) if known else 1.0


def _own(point: Point) -> float:
    """A level's own clumping; 0 where nothing was late, or the queue did not settle."""
    settled = not point.grew and point.tally.share < BEYOND_DOUBT
    return point.tally.clumping() if settled and point.tally.violations.any() else 0.0


def _told(
    grid: Floats,
    levels: Floats,
    counted: Sequence[tuple[float, float, bool]],
    limit: float,
    slopes: Floats,
    backgrounds: Floats,
) -> Floats:
    """The logarithm of the likelihood over crossings (log), slopes and backgrounds."""
    own = np.maximum(limit - backgrounds, 0.1 * limit)
    odds = np.log(own / (1 - own))
    total = np.zeros((len(grid), len(slopes), len(backgrounds)))
    for level, (requests, violations, many) in zip(levels, counted, strict=True):
        rise = np.clip((slopes * (math.log(level) - grid)[:, None])[:, :, None] + odds, -40, 40)
        queueing = 1 / (1 + np.exp(-rise))
        share = np.clip(backgrounds + (1 - backgrounds) * queueing, 1e-12, 1 - 1e-12)
        if many:
            share = np.minimum(share, BEYOND_DOUBT)
        total += violations * np.log(share) + (requests - violations) * np.log1p(-share)
    return total


def _posterior(told: Floats, slopes: Floats, *, noise: bool) -> Floats:
    """Over crossings, slopes and backgrounds, normalised."""
    centre, spread = (25, 0.9) if noise else (CENTRE, WIDE)
    prior = -0.5 * ((np.log(slopes) - math.log(centre)) / spread) ** 2
    aside = np.where(np.arange(told.shape[2]) == 0, 0.0, -1.5)
    total = told + prior[:, None] + aside
    weights = np.exp(total - total.max())
    normal: Floats = weights / weights.sum()
    return normal
