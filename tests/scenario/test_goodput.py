"""Limits of good streams: what can be written, and what is said of the rest."""

from __future__ import annotations

import pytest

from benchmark.measure.stream import LIMITED
from benchmark.scenario.goodput import METRICS, parse_stream_limit


@pytest.mark.parametrize(
    ("text", "metric", "most"),
    [
        ("ttft < 500ms", "ttft", 499_999_999),
        ("ttft <= 500ms", "ttft", 500_000_000),
        (" tpot<40ms ", "tpot", 39_999_999),
        ("e2e <= 2s", "e2e", 2_000_000_000),
        ("first_answer < 1s", "first_answer", 999_999_999),
    ],
)
def test_limits(text: str, metric: str, most: int) -> None:
    limit = parse_stream_limit(text)
    assert (limit.metric, limit.most, limit.text) == (metric, most, text.strip())


@pytest.mark.parametrize(
    "text", ["", "ttft", "ttft > 5ms", "itl < 5ms", "ttft < 5", "ttft < 0ms", "ttft < -1ms", "p99 < 5ms"]
)
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match=r"(like|as in) '\w+ < 500ms'"):
        parse_stream_limit(text)


def test_every_metric_is_measured() -> None:
    assert METRICS == LIMITED
