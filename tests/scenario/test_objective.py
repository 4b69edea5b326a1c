"""Objectives are read as people write them; what is not understood is answered with an example."""

from __future__ import annotations

import re

import pytest

from benchmark.scenario.objective import parse_objective, read_objective


@pytest.mark.parametrize(
    ("text", "target", "metric", "operator", "limit", "of_offered"),
    [
        ("p99 < 800ms", None, "p99", "<", 0.8, False),
        ("mean <= 20ms", None, "mean", "<=", 0.02, False),
        ("p99.9<1.5s", None, "p99.9", "<", 1.5, False),
        ("max < 1m", None, "max", "<", 60, False),
        ("p50 > 1ms", None, "p50", ">", 0.001, False),
        ("failures < 0.1%", None, "failures", "<", 0.001, False),
        ("failures <= 0%", None, "failures", "<=", 0, False),
        ("rate > 95% of offered", None, "rate", ">", 0.95, True),
        ("rate >= 450/s", None, "rate", ">=", 450, False),
        ("vpc.p99 < 100ms", "vpc", "p99", "<", 0.1, False),
        ("my-vpc_2.p99.9 < 100ms", "my-vpc_2", "p99.9", "<", 0.1, False),
        ("p99.p50 < 1s", "p99", "p50", "<", 1, False),
        ("  p99 <  1s ", None, "p99", "<", 1, False),
    ],
)
def test_objectives(
    text: str, target: str | None, metric: str, operator: str, limit: float, of_offered: bool
) -> None:
    read = parse_objective(text)
    assert (read.text, read.target, read.metric) == (text.strip(), target, metric)
    assert (read.operator, read.of_offered) == (operator, of_offered)
    assert read.limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("text", "target", "time", "metric"),
    [
        ("ttft.p95 < 500ms", None, "ttft", "p95"),
        ("vpc.ttft.p99.9 < 500ms", "vpc", "ttft", "p99.9"),
        ("itl.mean < 40ms", None, "itl", "mean"),
        ("p95 < 500ms", None, "response", "p95"),
        ("vpc.p95 < 500ms", "vpc", "response", "p95"),
    ],
)
def test_objectives_on_the_tokens_of_streams(text: str, target: str | None, time: str, metric: str) -> None:
    read = parse_objective(text)
    assert (read.target, read.time, read.metric) == (target, time, metric)


@pytest.mark.parametrize(
    "text", ["ttft < 5ms", "ttft.failures < 1%", "vpc.ttft.rate > 5/s", "vpc.ttft < 5ms"]
)
def test_tokens_have_latencies_only(text: str) -> None:
    with pytest.raises(ValueError, match="metric is one of"):
        parse_objective(text)


@pytest.mark.parametrize(
    ("text", "target", "time", "metric", "factor", "than"),
    [
        ("vpc.p50 < 0.5 * public.p50", "vpc", "response", "p50", 0.5, "public"),
        ("vpc.p99.9<public.p99.9", "vpc", "response", "p99.9", 1, "public"),
        ("my-vpc.ttft.p95 <= .8*public_2.ttft.p95", "my-vpc", "ttft", "p95", 0.8, "public_2"),
    ],
)
def test_objectives_between_targets(
    text: str, target: str, time: str, metric: str, factor: float, than: str
) -> None:
    read = parse_objective(text)
    assert (read.target, read.time, read.metric, read.limit) == (target, time, metric, factor)
    assert (read.than, read.of_times) == (than, False)


@pytest.mark.parametrize(
    ("text", "metric", "limit", "window"),
    [
        ("p99 < 800ms in every 10s", "p99", 0.8, 10),
        ("vpc.failures < 1%  in every 1m30s", "failures", 0.01, 90),
        ("rate > 95% of offered in every 10s", "rate", 0.95, 10),
        ("goodput > 95%", "goodput", 0.95, 0),
        ("goodput > 95% in every 10s", "goodput", 0.95, 10),
        ("ttft.p95 < 500ms in every 10s", "p95", 0.5, 10),
        ("vpc.itl.p99 < 50ms in every 10s", "p99", 0.05, 10),
    ],
)
def test_windows(text: str, metric: str, limit: float, window: float) -> None:
    read = parse_objective(text)
    assert (read.metric, read.limit, read.window) == (metric, limit, window)


def test_plain_data_and_back() -> None:
    for written in (
        "p99 < 1s",
        {"check": "p99 < 1s in every 5s", "grace": 2.0, "min_sample": 9, "abort": True},
    ):
        assert read_objective(written).written == written


SHAPE = "an objective is a metric, a comparison and a limit, like 'p99 < 800ms' or 'failures < 0.1%'"
METRIC = "an objective's metric is one of mean, p50, p75, p90, p95, p99, p99.9, max, failures, rate, goodput, as in 'p99 < 800ms'"
SHARE = "the limit of failures is a share in percent, as in 'failures < 0.1%'"
RATE = "the limit of rate is 'rate > 95% of offered' or per second, as in 'rate > 450/s'"
SIDES = "both sides name a target, and the same figure of it, as in 'vpc.p50 < 0.5 * public.p50'"
COMPARED = "targets are compared by mean, p50, p90, p95, p99, p99.9, as in 'vpc.p50 < 0.5 * public.p50'"
NEVER = "nothing is less than zero, so this objective can never be met; write <= for none at all"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", SHAPE),
        ("p99", SHAPE),
        ("p99 < ", SHAPE),
        ("p99 = 1s", SHAPE),
        ("800ms > p99 > 1ms", METRIC),
        ("p98 < 1s", METRIC),
        ("P99 < 1s", METRIC),
        ("vpc.p98 < 1s", METRIC),
        ("vpc. < 1s", METRIC),
        (".p99 < 1s", METRIC),
        ("p99 < 800", "the limit of p99 is a duration with its unit, as in 'p99 < 800ms'"),
        ("p99 < 0s", "the limit of p99 is a duration with its unit, as in 'p99 < 800ms'"),
        ("p99 < 5%", "the limit of p99 is a duration with its unit, as in 'p99 < 800ms'"),
        ("failures < 0.001", SHARE),
        ("failures < 101%", SHARE),
        ("failures < 1% of offered", SHARE),
        ("failures < 0%", NEVER),
        ("rate > 95%", RATE),
        ("p50 < 0.5 * public.p50", SIDES),
        ("vpc.p50 < 0.5 * vpc.p50", SIDES),
        ("vpc.p50 < public.p99", SIDES),
        ("vpc.p50 < 0.5 * p50", "the limit of p50 is a duration with its unit, as in 'p50 < 800ms'"),
        ("vpc.failures < public.failures", COMPARED),
        ("vpc.max < public.max", COMPARED),
        ("vpc.p50 < 0 * public.p50", "the factor is more than zero, as in 'vpc.p50 < 0.5 * public.p50'"),
        (
            "vpc.p50 < public.p50 in every 5s",
            "targets take turns, so there is no window that holds both; leave out 'in every …'",
        ),
        ("p99 < 1s in every 5", "a window is a duration with its unit, as in 'p99 < 800ms in every 10s'"),
        ("p99 < 1s in every 0s", "a window is a duration with its unit, as in 'p99 < 800ms in every 10s'"),
        ("goodput > 95", "the limit of goodput is a share in percent, as in 'goodput > 95%'"),
        ("rate > 0% of offered", RATE),
        ("rate > 450", RATE),
        ("rate > 0/s", RATE),
    ],
)
def test_what_is_not_understood(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_objective(text)
