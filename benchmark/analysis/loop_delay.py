"""How long answers waited for the generator's own loop (METHOD 18).

An answer that comes during a turn of the loop waits for the turn's end. Turns as short as waking up costs anyway are no
delay. A longer one did too much at once, or the process was put aside for another: in a closed loop, where nothing is
ever late, that shows nowhere else.

Few answers come during turns where few requests are in flight. Two kinds do, and since in a busy loop they are the same
answers, the delay is that of the kind that waits longer:

* Those to requests of earlier turns come at any time: with R answers per second, each S in flight, a turn of t sees R·t
  of them, and never more than the R·S that are in flight when it begins (Little). So of all the answers in a time T, a
  share of Σ min(S, max(0, t − d)) / T waits longer than d, over the turns in T.
* Those to requests of the same turn, which is where a lone request is put aside. Only answers that took no longer than
  the turn can be among them, a share F(t); each waits for half of it on average. So of all answers a share of
  Σ F(t) · max(0, 1 − d/t) / n waits longer, over n turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.histogram import Histogram, lower_edge
from benchmark.measure.recording import Recording
from benchmark.result.model import QUANTILES, Figures
from benchmark.units import MILLISECOND

Floats = NDArray[np.float64]

ORDINARY = (
    0.2 * MILLISECOND
)  # nanoseconds; what waking up on time costs on a shared machine, whoever is asked
STEPS = 60  # of bisection: finer than a nanosecond


@dataclass(frozen=True)
class _Waiting:
    """What answers waited for: turns that were longer than ordinary. All in nanoseconds."""

    lasted: Floats  # of each kind of turn
    counts: Floats  # how many there were
    within: Floats  # the share of answers that took no longer
    turns: int  # in all, ordinary or not
    longest: float  # turn
    watched: float  # the time in which they were, over all workers
    flight: float  # how long an answer is on its way, on average

    def mean(self) -> float:
        """The mean delay of an answer."""
        come = np.minimum(self.lasted, self.flight)
        earlier = (self.counts * come * (self.lasted - come / 2)).sum() / self.watched
        same = (self.counts * self.within * self.lasted / 2).sum() / self.turns
        return float(max(earlier, same))

    def beyond(self, delay: float) -> float:
        """The share of answers that waited longer."""
        rest = np.maximum(self.lasted - delay, 0.0)
        earlier = (self.counts * np.minimum(rest, self.flight)).sum() / self.watched
        same = (self.counts * self.within * rest / self.lasted).sum() / self.turns
        return float(max(earlier, same))

    def quantile(self, q: float) -> float:
        """The delay that a share of 1 − q of the answers exceeds."""
        if self.beyond(0.0) <= 1 - q:
            return 0.0
        low, high = 0.0, float(self.lasted.max())
        for _ in range(STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.beyond(middle) > 1 - q else (low, middle)
        return high


def loop_delay(recordings: Sequence[Recording], q: float | None) -> float:
    """The delay (nanoseconds) at a quantile, or its mean, over the answers of these rounds; zero where none is known."""
    waiting = _waiting(recordings)
    if waiting is None:
        return 0.0
    return waiting.mean() if q is None else waiting.quantile(q)


def delays(recordings: Sequence[Recording]) -> Figures:
    """The figures of the delay, in milliseconds; its maximum is the longest turn."""
    waiting = _waiting(recordings)
    if waiting is None:
        return Figures()
    found = {name: waiting.quantile(q) / MILLISECOND for name, q in QUANTILES.items()}
    return Figures.model_validate(
        {**found, "mean": waiting.mean() / MILLISECOND, "max": waiting.longest / MILLISECOND}
    )


def _waiting(recordings: Sequence[Recording]) -> _Waiting | None:
    turns, services = Histogram(), Histogram()
    for each in recordings:
        turns.merge(each.histograms["turn"])
    if not turns.count:
        return None
    for each in recordings:
        services.merge(each.histograms["service"])
    hit = np.flatnonzero(turns.counts)
    edges = lower_edge(np.stack([turns.first + hit, turns.first + hit + 1]))
    middles = np.clip(edges.mean(axis=0), turns.minimum, turns.maximum)
    long = middles > ORDINARY
    return _Waiting(
        lasted=middles[long],
        counts=turns.counts[hit][long].astype(np.float64),
        within=np.array([1 - services.above(each) / max(1, services.count) for each in edges[1][long]]),
        turns=turns.count,
        longest=float(turns.maximum),
        watched=float(sum(each.counters["watched"] for each in recordings) or turns.total),
        flight=services.mean if services.count else np.inf,
    )
