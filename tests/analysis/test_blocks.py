"""Do the intervals of ABBA blocks cover the truth? Through the code that comparisons use (METHOD 25).

Each experiment draws blocks of two exchanges a target, one after the other in mirrored order, at a level that both share:
it drifts by half over the run, or walks 5 % from exchange to exchange, or begins eight times too slow. The truth is that
of the laws without the level, or with its mean where it drifts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.analysis.pairs import difference_and_ratio

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]
Level = Callable[[np.random.Generator, int], Floats]

BEFORE, AFTER = 3.0, 2.7  # seconds, on average


def lognormal(sigma: float) -> Draw:
    """Of mean 1."""
    return lambda random, count: np.exp(sigma * random.standard_normal(count) - sigma**2 / 2)


def spiked(share: float, times: float) -> Draw:
    """Of mean 1: so large a share of answers takes so many times as long."""
    mean = 1 + share * (times - 1)
    return lambda random, count: np.where(random.random(count) < share, times, 1.0) / mean


def steady(random: np.random.Generator, count: int) -> Floats:
    return np.ones(count)


def drifting(random: np.random.Generator, count: int) -> Floats:
    return 1 + 0.5 * np.arange(count) / count


def walking(random: np.random.Generator, count: int) -> Floats:
    return np.exp(0.05 * np.cumsum(random.standard_normal(count)))


def cold(random: np.random.Generator, count: int) -> Floats:
    """The first exchange of a run; the warm-up exchange takes the coldest of it, and this is what it leaves."""
    return np.concatenate(([8.0], np.ones(count - 1)))


@dataclass(frozen=True)
class World:
    before: Draw
    after: Draw
    level: Level = steady


WORLDS = {
    "answers that vary by half": World(lognormal(0.5), lognormal(0.5)),
    "by a twentieth": World(lognormal(0.05), lognormal(0.05)),
    "drift": World(lognormal(0.5), lognormal(0.5), drifting),
    "walk": World(lognormal(0.5), lognormal(0.5), walking),
    "cold start": World(lognormal(0.5), lognormal(0.5), cold),
}
UNLIKE = {
    "a twentieth takes ten times as long, on one side": World(spiked(0.05, 10), lognormal(0.05)),
    "lognormal 1.2 against 0.5": World(lognormal(1.2), lognormal(0.5)),
}


def experiments(
    world: World, blocks: int, count: int, seed: int
) -> Iterator[tuple[Floats, Floats, float, float]]:
    """The blocks' means on both targets, and the true means under the run's own level."""
    random = np.random.default_rng([seed, blocks])
    for _ in range(count):
        level = world.level(random, 4 * blocks).reshape(blocks, 4)
        first = level[:, [0, 3]] * BEFORE * world.before(random, 2 * blocks).reshape(blocks, 2)
        second = level[:, [1, 2]] * AFTER * world.after(random, 2 * blocks).reshape(blocks, 2)
        mean = float(level.mean()) if world.level in {drifting, walking} else 1.0
        yield first.mean(axis=1), second.mean(axis=1), BEFORE * mean, AFTER * mean


def coverage(world: World, blocks: int, count: int, seed: int = 7) -> tuple[float, float, float]:
    """Shares of intervals that hold the true difference and the true ratio, and the mean half-width by the mean."""
    hits, halves = np.zeros(2), 0.0
    for before, after, first, second in experiments(world, blocks, count, seed):
        saved, ratio = difference_and_ratio(before, after, 0.95)
        truth = second - first
        hits += (
            saved.low <= truth <= saved.high,
            not ratio.bounded or ratio.low <= second / first <= ratio.high,
        )
        halves += (saved.high - saved.low) / 2 / first
    difference, factor = hits / count
    return float(difference), float(factor), halves / count


@pytest.mark.parametrize("name", WORLDS)
def test_blocks_cover_the_truth_whatever_both_targets_share(name: str) -> None:
    difference, ratio, _ = coverage(WORLDS[name], 10, 400)
    assert difference > 0.91  # 93 to 95 % at length, of 400: less two standard errors
    assert ratio > 0.91


@pytest.mark.long
@pytest.mark.parametrize("blocks", [10, 20, 50])
@pytest.mark.parametrize("name", WORLDS)
def test_blocks_cover_the_truth_at_length(name: str, blocks: int) -> None:
    difference, ratio, _ = coverage(WORLDS[name], blocks, 5_000)
    assert difference > 0.92
    assert ratio > 0.92


@pytest.mark.long
@pytest.mark.parametrize("blocks", [10, 20, 50])
@pytest.mark.parametrize("name", UNLIKE)
def test_unlike_tails_are_their_weakness(name: str, blocks: int) -> None:
    """Which is why a mean that hangs on one answer is said to."""
    difference, _, _ = coverage(UNLIKE[name], blocks, 5_000)
    assert 0.55 < difference < 0.95


def test_what_blocks_can_show() -> None:
    halves = [coverage(WORLDS["answers that vary by half"], blocks, 200)[2] for blocks in (10, 20, 50)]
    assert halves == pytest.approx([0.38, 0.25, 0.15], abs=0.05)
