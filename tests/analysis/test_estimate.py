from __future__ import annotations

import numpy as np
import pytest

from benchmark.analysis.estimate import Distribution, by_round, exchanges_beyond, figures
from benchmark.measure.recording import Recording
from tests.analysis.runs import a_recording


@pytest.mark.parametrize(
    ("count", "q", "beyond"),
    [(979, 0.99, 9), (999, 0.99, 9), (1000, 0.99, 10), (100, 0.9, 10), (10_000, 0.999, 10)],
)
def test_only_whole_exchanges_lie_beyond(count: int, q: float, beyond: int) -> None:
    assert exchanges_beyond(count, q) == beyond


def responses(*recordings: Recording) -> Distribution:
    return Distribution.of(recordings, "response")


@pytest.mark.parametrize(
    ("count", "q", "expected"),
    [(100, 0.9, True), (99, 0.9, False), (20, 0.5, True), (19, 0.5, False), (1000, 0.99, True),
     (999, 0.99, False), (1, None, True)],
)  # fmt: skip
def test_rounds_are_the_sample_where_ten_lie_beyond(count: int, q: float | None, expected: bool) -> None:
    thick = responses(*[a_recording(np.arange(1, 2001))] * 3)
    thin = responses(a_recording(np.arange(1, 2001)), a_recording(np.arange(1, count + 1)))
    assert by_round([thick], q)
    assert by_round([thick, thin], q) is expected


def test_a_mean_over_rounds_weighs_rounds_alike() -> None:
    found = figures(responses(a_recording(np.full(100, 10.0)), a_recording(np.full(300, 20.0))))
    assert found.mean == pytest.approx(15)
    assert found.p50 == pytest.approx(15, rel=1e-3)
    assert found.p99 == pytest.approx(20, rel=1e-3)  # pooled
    assert found.max == 20


@pytest.mark.parametrize(("count", "shown"), [(99, False), (100, True)])
def test_a_quantile_needs_one_exchange_beyond(count: int, shown: bool) -> None:
    assert (figures(responses(a_recording(np.arange(1, count + 1)))).p99 is not None) is shown


def test_the_unanswered_rank_as_infinitely_slow() -> None:
    recording = a_recording(np.full(98, 10.0), failures={"timeout": 2}, unanswered=2)
    found = figures(responses(recording), timeout=1.0)
    assert found.p95 == pytest.approx(10, rel=1e-3)
    assert found.p99 is None
    assert found.max is None
    assert found.mean is None
    assert found.at_least == {
        "p99": 1000,
        "p99.9": 1000,
        "max": 1000,
        "mean": pytest.approx(0.98 * 10 + 0.02 * 1000),
    }
    successes = figures(Distribution.of([recording], "response", successes_only=True), timeout=1.0)
    assert successes.mean == pytest.approx(10)
    assert successes.at_least == {}


def test_a_round_that_was_down_leaves_the_pool() -> None:
    down = a_recording([], failures={"timeout": 100}, unanswered=100)
    found = figures(responses(*[a_recording(np.full(100, 10.0))] * 9, down), timeout=1.0)
    assert found.p50 == pytest.approx(10, rel=1e-3)
    assert found.p95 is None
    assert found.at_least["p95"] == 1000
    assert found.at_least["mean"] == pytest.approx(0.9 * 10 + 0.1 * 1000)


def test_nothing_has_no_figures() -> None:
    empty = figures(responses(), timeout=1.0)
    assert all(empty.get(name) is None for name in ("mean", "p50", "p99.9", "max"))
    assert empty.at_least == {}
