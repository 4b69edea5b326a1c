"""Histograms against exact figures, against HdrHistogram's layout, and as a monoid."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.histogram import LARGEST, UNIT, Histogram, bucket_of, lower_edge

DURATIONS = st.lists(st.integers(0, LARGEST * UNIT), min_size=1, max_size=200)


@given(st.integers(0, LARGEST))
def test_layout_is_hdrhistograms(units: int) -> None:
    assert bucket_of(np.array([units]))[0] == HdrHistogram(1, LARGEST, 3)._counts_index_for(units)


@given(st.integers(0, LARGEST))
def test_a_value_lies_within_its_bucket_and_that_is_narrow(units: int) -> None:
    at = bucket_of(np.array([units]))
    low, high = lower_edge(at)[0], lower_edge(at + 1)[0]
    assert low <= units * UNIT < high
    assert high - low <= max(UNIT, low / 1000)


@given(DURATIONS, st.floats(0, 1))
def test_quantiles_are_within_a_bucket_of_the_exact_ones(durations: list[int], q: float) -> None:
    histogram = Histogram.of(np.array(durations))
    exact = np.quantile(durations, q, method="inverted_cdf")
    assert abs(histogram.quantile(q) - exact) <= max(UNIT, exact / 500)
    assert min(durations) <= histogram.quantile(q) <= max(durations)


@given(DURATIONS, DURATIONS)
def test_merging_is_recording_together(some: list[int], others: list[int]) -> None:
    merged, together = Histogram.of(np.array(some)), Histogram.of(np.array(some + others))
    merged.merge(Histogram.of(np.array(others)))
    assert (merged.count, merged.total, merged.minimum, merged.maximum) == (
        together.count, sum(some) + sum(others), together.minimum, together.maximum,
    )  # fmt: skip
    for q in (0.0, 0.5, 0.99, 1.0):
        assert merged.quantile(q) == together.quantile(q)


@given(DURATIONS)
def test_files_keep_everything(durations: list[int]) -> None:
    histogram = Histogram.of(np.array(durations))
    again = Histogram.from_dict(json.loads(json.dumps(histogram.to_dict())))
    assert again.to_dict() == histogram.to_dict()
    assert again.quantile(0.5) == histogram.quantile(0.5)


def test_above_inverts_the_quantile() -> None:
    histogram = Histogram.of(np.random.default_rng(1).lognormal(13, 1, 100_000).astype(np.int64))
    for q in (0.1, 0.5, 0.9, 0.99):
        assert histogram.above(histogram.quantile(q)) == pytest.approx((1 - q) * 100_000, rel=1e-6)


def test_what_never_ended_ranks_as_infinitely_slow() -> None:
    histogram = Histogram.of(np.arange(1, 95) * 1_000_000)
    assert histogram.quantile(0.93, beyond=6) == pytest.approx(93e6, rel=1e-3)
    assert histogram.quantile(0.95, beyond=6) == float("inf")
    assert np.isnan(Histogram().quantile(0.5))
    assert Histogram().quantile(0.5, beyond=1) == float("inf")
