"""How long answers waited for the generator's own loop (METHOD 18).

An answer that comes during a turn of the loop waits for the turn's end: anything up to its length, half of it on
average. Turns as short as waking up costs anyway are no delay. A longer one did too much at once, or the process was
put aside for another: in a closed loop, where nothing is ever late, that shows nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.histogram import Histogram, lower_edge
from benchmark.measure.recording import Recording
from benchmark.result.model import QUANTILES, Figures
from benchmark.units import MILLISECOND

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

ORDINARY = (
    0.2 * MILLISECOND
)  # nanoseconds; what waking up on time costs on a shared machine, whoever is asked
STEPS = 60  # of bisection: finer than a nanosecond


def loop_delay(recordings: Sequence[Recording], q: float | None) -> float:
    """The delay (nanoseconds) at a quantile, or its mean, over the turns of these rounds; zero where none is known."""
    turns = _turns(recordings)
    if not turns.count:
        return 0.0
    lasted, counts = _long(turns)
    if q is None:
        return float((lasted * counts).sum()) / 2 / turns.count
    return _quantile(lasted, counts, turns.count, q)


def delays(recordings: Sequence[Recording]) -> Figures:
    """The figures of the delay, in milliseconds; its maximum is the longest turn."""
    turns = _turns(recordings)
    if not turns.count:
        return Figures()
    found = {name: loop_delay(recordings, q) / MILLISECOND for name, q in QUANTILES.items()}
    mean = loop_delay(recordings, None) / MILLISECOND
    return Figures.model_validate({**found, "mean": mean, "max": turns.maximum / MILLISECOND})


def _turns(recordings: Sequence[Recording]) -> Histogram:
    pooled = Histogram()
    for each in recordings:
        if "turn" in each.histograms:
            pooled.merge(each.histograms["turn"])
    return pooled


def _long(turns: Histogram) -> tuple[Floats, Counts]:
    """How long each kind of turn lasted that was longer than ordinary, and how many there were."""
    hit = np.flatnonzero(turns.counts)
    edges = lower_edge(np.stack([turns.first + hit, turns.first + hit + 1]))
    middles = np.clip(edges.mean(axis=0), turns.minimum, turns.maximum)
    long = middles > ORDINARY
    return middles[long], turns.counts[hit][long]


def _quantile(
    lasted: Floats,
    counts: Counts,
    total: int,
    q: float,
) -> float:
    """The delay that a share of 1 − q exceeds: of a turn of t, a share of 1 − d/t exceeds d."""
    if counts.sum() <= (1 - q) * total:
        return 0.0
    low, high = 0.0, float(lasted.max())
    for _ in range(STEPS):
        middle = (low + high) / 2
        beyond = float((counts * np.maximum(0.0, 1 - middle / lasted)).sum())
        low, high = (middle, high) if beyond > (1 - q) * total else (low, middle)
    return high
