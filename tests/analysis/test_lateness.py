"""Where the generator was late, intervals are wider, and still hold what the services themselves differ by (METHOD 18)."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from benchmark.analysis.comparison import compare
from benchmark.measure.exchange import FIELDS, Failure
from benchmark.measure.recorder import count
from benchmark.measure.recording import Recording
from benchmark.units import MILLISECOND
from tests.analysis.runs import a_run

ROUNDS, REQUESTS = 10, 160
QUANTILES = {"mean": None, "p50": 0.5, "p90": 0.9, "p95": 0.95}
ONE = np.ones(1, np.int64)

# medians of both services in ms, how late the generator was for each (share of requests, mean in ms)
WORLDS = {
    "quiet": ((35.0, 5.0), ((0.02, 0.05), (0.02, 0.05))),
    "late for both": ((35.0, 5.0), ((0.3, 1.5), (0.3, 1.5))),
    "later for one": ((35.0, 5.0), ((0.2, 1.0), (0.4, 2.5))),
    "much of it": ((20.0, 8.0), ((0.6, 3.0), (0.5, 3.0))),
    "alike, and late for both": ((5.0, 5.0), ((0.3, 1.5), (0.3, 1.5))),
    "alike, and later for one": ((5.0, 5.0), ((0.1, 0.5), (0.3, 1.5))),
}


def recording(median: float, late: tuple[float, float], random: np.random.Generator) -> Recording:
    """A round: each request taken up late by chance, and its service lognormal from then on."""
    own = median * np.exp(0.2 * random.standard_normal(REQUESTS))
    delay = np.where(random.random(REQUESTS) < late[0], random.exponential(late[1], REQUESTS), 0.005)
    due = np.zeros(REQUESTS, np.int64)
    taken, done = ((each * MILLISECOND).astype(np.int64) for each in (delay, delay + own))
    columns = dict.fromkeys(FIELDS, due) | {"taken": taken, "sent": taken, "first_byte": done, "done": done}
    kept = Recording()
    count(kept, columns | {"failure": np.full(REQUESTS, Failure.NONE)}, ONE, 0)
    return kept


def truth(medians: tuple[float, float], q: float | None) -> float:
    """By how much the services themselves differ, in ms."""
    z = {0.5: 0.0, 0.9: 1.2815515655446004, 0.95: 1.6448536269514722}
    factor = np.exp(0.2**2 / 2) if q is None else np.exp(0.2 * z[q])
    return float((medians[1] - medians[0]) * factor)


def tried(world: str, experiments: int, seed: int) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """How often each figure was shown, held the truth, and claimed a difference."""
    medians, late = WORLDS[world]
    random = np.random.default_rng(seed)
    shown, held, claimed = Counter[str](), Counter[str](), Counter[str]()
    for _ in range(experiments):
        sides = {
            name: [recording(median, each, random) for _ in range(ROUNDS)]
            for name, median, each in zip(("one", "two"), medians, late, strict=True)
        }
        for metric in compare(a_run(sides), "one", "two").metrics:
            kind, _, figure = metric.metric.partition(".")
            if kind == "response" and figure in QUANTILES and metric.difference.low is not None:
                low, high = metric.difference.low, metric.difference.high or 0.0
                shown[figure] += 1
                held[figure] += low <= truth(medians, QUANTILES[figure]) <= high
                claimed[figure] += not low <= 0 <= high
    return shown, held, claimed


def check(world: str, experiments: int, seed: int) -> list[str]:
    """The table's rows of a world; fails where intervals miss the truth too often, or are withheld in a clear case."""
    shown, held, claimed = tried(world, experiments, seed)
    alike = len(set(WORLDS[world][0])) == 1
    rows = []
    for figure in QUANTILES:
        wrong = shown[figure] - held[figure]
        rows.append(
            f"{world:<26} {figure:<5} shown {shown[figure] / experiments:6.1%}  "
            f"wrong {wrong / experiments:6.1%}  claims {claimed[figure] / experiments:6.1%}"
        )
        most = 0.05 * experiments + 2 * (0.05 * 0.95 * experiments) ** 0.5
        assert wrong <= most, rows[-1]
        assert shown[figure] >= 0.95 * experiments or alike, rows[-1]
        assert not alike or claimed[figure] <= most, rows[-1]
    return rows


@pytest.mark.parametrize("world", WORLDS)
def test_intervals_hold_what_the_services_differ_by(world: str) -> None:
    check(world, experiments=25, seed=7)


@pytest.mark.long
def test_intervals_hold_what_the_services_differ_by_in_many_experiments() -> None:
    print()
    for at, world in enumerate(WORLDS):
        print("\n".join(check(world, experiments=2000, seed=at)))
