"""The log keeps what it is told, up to its limit, and comes back as arrays."""

from __future__ import annotations

import numpy as np

from benchmark.simulation.truth import Log, Truth


def test_comes_back_as_arrays() -> None:
    log = Log(limit=10)
    log.add(0, 1_000, 5_000, 5_100, 200)
    log.add(1, 2_000, 9_000, 9_300, 500)
    log.add(1, 3_000, 4_000, 4_050, 200)
    truth = Truth.of(77, log.rows())
    assert (len(truth), truth.started, truth.unlogged) == (3, 77, 0)
    assert truth.latencies().tolist() == [4_100, 7_300, 1_050]
    assert truth.latencies(address=1).tolist() == [7_300, 1_050]
    assert truth.latencies(address=1, status=200).tolist() == [1_050]
    assert truth.lateness(status=200).tolist() == [100, 50]
    assert truth.received.dtype == np.int64


def test_counts_what_is_beyond_its_limit() -> None:
    log = Log(limit=2)
    for number in range(5):
        log.add(0, number, number, number, 200)
    truth = Truth.of(0, log.rows())
    assert (truth.received.tolist(), truth.unlogged) == ([0, 1], 3)


def test_is_empty_at_first() -> None:
    truth = Truth.of(0, Log(limit=2).rows())
    assert len(truth) == len(truth.latencies()) == len(truth.latencies(0, 200)) == 0
