"""Up to when all that was due is reported, over several workers and schedules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark.execution.plan import RoundOrder, make_plan
from benchmark.execution.settled import SLACK, Settled
from benchmark.measure.series import Series
from benchmark.scenario.load import load_text
from benchmark.schedule.base import due_before
from benchmark.units import NANOSECONDS

STEP = NANOSECONDS // 4
WARMUP = NANOSECONDS
MEASURED = 20 * NANOSECONDS


def shares(load: str, workers: int) -> list[RoundOrder]:
    text = f"targets: {{a: {{url: 'http://127.0.0.1:1/'}}}}\nrequest: {{timeout: 3s}}\nload: {load}\n"
    plan = make_plan(load_text(text, "test", Path()))
    order = plan.order(plan.targets[0], 0, WARMUP, MEASURED, connections=4)
    return [order.share(at, workers) for at in range(workers)]


def due_times(orders: list[RoundOrder]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """When the requests of the measured part are due, from its beginning on."""
    found = []
    for order in orders:
        count = due_before(order.schedule, WARMUP + MEASURED)
        chunks, held = [], 0
        for chunk in order.schedule.due_times():
            chunks.append(chunk)
            held += len(chunk)
            if held >= count:
                break
        mine = np.concatenate(chunks)[:count] - WARMUP
        found.append(mine[mine >= 0])
    return np.sort(np.concatenate(found))


def reported(due: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Series:
    series = Series(STEP, 1024)
    zeros, yes = np.zeros(len(due), np.int64), np.ones(len(due), bool)
    series.record(due, zeros, zeros, yes, ~yes)
    return series


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    "load",
    [
        "{rate: 37/s, arrivals: poisson, duration: 20s}",
        "{rate: 50/s, duration: 20s}",
        "{rate: 10/s, stages: [{to: 60/s, over: 10s}, {hold: 10s}]}",
    ],
)
def test_the_schedule_tells(load: str, workers: int) -> None:
    orders = shares(load, workers)
    due = due_times(orders)
    settled = Settled(orders)
    missing = due[due > 5 * NANOSECONDS][0]
    assert settled.until(reported(due[due < 2 * NANOSECONDS]), 2 * NANOSECONDS) == 2 * NANOSECONDS
    known = reported(due[(due < 9 * NANOSECONDS) & (due != missing)])
    assert settled.until(known, 9 * NANOSECONDS) == missing // STEP * STEP  # one alone is not there yet
    assert (
        settled.until(reported(due), 9 * NANOSECONDS + 1) == 9 * NANOSECONDS
    )  # no further than time has come
    assert settled.until(reported(due), MEASURED) == MEASURED


def test_elsewhere_the_timeout_does() -> None:
    settled = Settled(shares("{connections: 4, duration: 20s}", 2))
    nothing = reported(np.zeros(0, np.int64))
    assert settled.until(nothing, NANOSECONDS) == 0
    assert settled.until(nothing, 15 * NANOSECONDS) == 12 * NANOSECONDS - SLACK
