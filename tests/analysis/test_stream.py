"""Streams of known tokens: their figures, their comparison, and what is withheld."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmark.analysis.comparison import compare, outcome
from benchmark.analysis.objectives import judge
from benchmark.analysis.summary import summarise
from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.recording import Recording
from benchmark.measure.stream import Limit, Stream, StreamRecorder
from benchmark.result.model import Comparison, Metric, StreamResult
from benchmark.result.run import Run
from benchmark.units import MILLISECOND
from tests.analysis.runs import MEASURED, a_run

REQUESTS = 40
ROUNDS = 6


def a_round(
    ttft: float,
    gap: float,
    tokens: int,
    seed: int,
    *,
    usage: bool | int = True,
    failures: int = 0,
    begun: bool = True,
    cached: int = -1,
) -> Recording:
    """Streams with these times (ms), TTFT spread by 5 %; the last few of them fail in mid-stream."""
    random = np.random.default_rng(seed)
    recorder = StreamRecorder([100], [Limit("ttft", round(ttft * MILLISECOND)), Limit("tpot", 10**9)])
    for number in range(REQUESTS):
        due = 10**9 + number * 50 * MILLISECOND
        seen = Exchange(0, due, due)
        seen.sent, seen.status, seen.received = due + 1000, 200, 200 * tokens
        first = seen.sent + round(ttft * MILLISECOND * np.exp(0.05 * random.standard_normal()))
        seen.stream = Stream()
        seen.stream.arrivals.extend(first + round(n * gap * MILLISECOND) for n in range(tokens))
        seen.stream.first_answer = first
        if usage:
            told = tokens if usage is True else usage
            seen.stream.input_tokens, seen.stream.output_tokens = 7, told
            seen.stream.cached_tokens = cached
        seen.first_byte, seen.done = first, seen.stream.arrivals[-1] + 1000
        seen.failure = Failure.STREAM_ERROR if number >= REQUESTS - failures else Failure.NONE
        if seen.failure and not begun:
            seen.stream = Stream()
        recorder.add(seen)
    return recorder.take()


def a_side(
    ttft: float = 50, gap: float = 10, tokens: int = 20, seed: int = 0, **kept: Any
) -> list[Recording]:
    return [a_round(ttft, gap, tokens, 100 * seed + number, **kept) for number in range(ROUNDS)]


def streams(*sides: list[Recording], **settings: Any) -> Run:
    names = ("public", "vpc")[: len(sides)]
    kept = {"streamed": True, "primary": "ttft.p50", "timeout": 30.0, **settings}
    return a_run(dict(zip(names, sides, strict=True)), **kept)


def figures(*sides: list[Recording], **settings: Any) -> StreamResult:
    found = summarise(streams(*sides, **settings)).targets["public"].stream
    assert found is not None
    return found


def of(comparison: Comparison, name: str) -> Metric:
    return next(each for each in comparison.metrics if each.metric == name)


def test_the_figures_of_a_target() -> None:
    found = figures(a_side())
    assert found.ttft_ms.p50 == pytest.approx(50, rel=0.02)
    assert found.ttft_from_due_ms.p50 == pytest.approx((found.ttft_ms.p50 or 0) + 0.001, rel=1e-3)
    assert found.itl_ms.p50 == pytest.approx(10, rel=1e-3)
    assert found.tpot_ms.mean == pytest.approx(10)
    assert found.e2e_ms.mean == pytest.approx((found.ttft_ms.mean or 0) + 190)
    assert (found.tokens.input, found.tokens.output) == (7 * REQUESTS * ROUNDS, 20 * REQUESTS * ROUNDS)
    assert (found.tokens.source, found.tokens.per_stream, found.tokens.per_chunk) == ("usage", 20, 1)
    assert found.output_tokens_per_second == pytest.approx(20 * REQUESTS / MEASURED)
    assert found.stream_tokens_per_second == pytest.approx(20 / 0.24, rel=0.02)
    assert found.bytes_per_token == 200
    assert found.goodput is None


def test_without_usage_the_source_is_told() -> None:
    chunks, mixed = figures(a_side(usage=False)).tokens, figures(a_side() + a_side(usage=False)).tokens
    assert (chunks.source, chunks.input, chunks.output) == ("chunks", None, 20 * REQUESTS * ROUNDS)
    assert mixed.source == "mixed"


def test_goodput_is_of_what_was_sent() -> None:
    """Limits at the median TTFT: half of the successes are good; the failed ones are not."""
    found = figures(a_side(failures=20), goodput=["ttft < 50ms", "tpot < 1s"]).goodput
    assert found is not None
    assert found.share is not None
    assert found.share == pytest.approx(0.25, abs=0.06)
    assert found.rate == pytest.approx(found.share * REQUESTS / MEASURED)


def test_failures_make_waits_infinite_but_not_gaps() -> None:
    """Of whole answers, and of first tokens that never came; a first token that came has its time (METHOD 4)."""
    found = figures(a_side(failures=4))
    assert found.ttft_ms.p99 == pytest.approx(55, rel=0.1)
    assert found.e2e_ms.mean is None
    never = figures(a_side(failures=4, begun=False))
    assert (never.ttft_ms.p99, never.ttft_ms.at_least["p99"]) == (None, 30_000)
    assert never.ttft_success_ms is not None
    assert never.ttft_success_ms.p90 == pytest.approx(53, rel=0.1)
    assert found.itl_ms.p99 == pytest.approx(10, rel=1e-3)


def test_a_run_without_streams_has_no_such_figures() -> None:
    assert summarise(streams(a_side(), streamed=False)).targets["public"].stream is None


def test_two_addresses_are_compared_by_their_first_tokens() -> None:
    run = streams(a_side(80, 11, seed=1), a_side(50, 10, seed=2))
    compared = compare(run, "public", "vpc")
    assert compared.primary.metric == "ttft.p50"
    assert compared.primary.difference.value == pytest.approx(-30, rel=0.05)
    gaps = of(compared, "itl.mean")
    assert gaps.ratio.value == pytest.approx(10 / 11)
    assert outcome(gaps) == outcome(of(compared, "tpot.p50")) == "faster"
    assert of(compared, "e2e.p50").withheld is None


def test_an_objective_chooses_the_headline() -> None:
    run = streams(a_side(80, seed=1), a_side(50, seed=2), primary="itl.p90")
    assert compare(run, "public", "vpc").primary.metric == "itl.p90"
    run = streams(a_side(80, seed=1), a_side(50, seed=2), primary="ttft.p75")
    assert compare(run, "public", "vpc").primary.metric == "ttft.p75"


@pytest.mark.parametrize(("tokens", "withheld"), [(102, False), (103, True)])
def test_answers_of_unlike_length_have_no_ratio(tokens: int, withheld: bool) -> None:
    compared = compare(streams(a_side(tokens=100), a_side(tokens=tokens, seed=2)), "public", "vpc")
    for name in ("e2e.p50", "response.p50", "service.mean"):
        metric = of(compared, name)
        assert (metric.ratio.value is None) == withheld
        assert (metric.difference.value is None) is False
        assert ("differ in length" in (metric.withheld or "")) == withheld
    assert of(compared, "ttft.p50").withheld is None


def test_an_address_that_answers_nothing_is_no_match_for_one_that_does() -> None:
    run = streams(a_side(tokens=100), a_side(tokens=100, seed=2))
    for each in run.used("vpc"):
        each.counters["output_tokens"] = 0
    metric = of(compare(run, "public", "vpc"), "response.p50")
    assert metric.ratio.value is None
    assert "100.0 and 0.0 tokens" in (metric.withheld or "")


def test_tokens_of_two_sources_are_not_set_beside_each_other() -> None:
    """A proxy's estimate against chunks: no TPOT, lengths by the chunks that both have, and ITL as ever."""
    compared = compare(streams(a_side(usage=41), a_side(usage=False, seed=2)), "public", "vpc")
    tpot = of(compared, "tpot.p50")
    assert (outcome(tpot), tpot.ratio.value) == ("withheld", None)
    assert "the service's usage on one side and chunks on the other" in (tpot.withheld or "")
    assert outcome(of(compared, "itl.mean")) == "no measurable difference"
    assert of(compared, "e2e.p50").withheld is None
    longer = compare(streams(a_side(usage=41), a_side(usage=False, tokens=30, seed=2)), "public", "vpc")
    assert "20.0 and 30.0 chunks" in (of(longer, "e2e.p50").withheld or "")


def test_a_warmer_cache_is_told() -> None:
    def remarks(one: int, other: int) -> str:
        compared = compare(streams(a_side(cached=one), a_side(cached=other, seed=2)), "public", "vpc")
        return " ".join(compared.remarks)

    assert "0% were in public's cache and 86% in vpc's" in remarks(0, 6)
    assert "caches" not in remarks(6, 6) + remarks(-1, 6)
    assert figures(a_side(cached=6)).tokens.cached == 6 * REQUESTS * ROUNDS
    assert figures(a_side()).tokens.cached is None


def test_objectives_on_tokens() -> None:
    asked = ["ttft.p50 < 60ms", "vpc.itl.p50 < 5ms", "ttft.p99 < 1s", "p50 < 1s"]
    run = streams(a_side(), a_side(failures=20, begun=False, seed=3), objectives=asked)
    met = {(each.objective, each.target): (each.met, each.said) for each in judge(run)}
    assert met["ttft.p50 < 60ms", "public"][0]
    assert met["vpc.itl.p50 < 5ms", "vpc"] == (False, "10 ms")
    assert met["ttft.p99 < 1s", "vpc"] == (False, "≥ 30 s")
    assert met["p50 < 1s", "public"][0]
