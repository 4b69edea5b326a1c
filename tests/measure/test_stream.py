"""What is recorded of streams, checked against the definitions written out request by request."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.recording import Recording
from benchmark.measure.series import Series
from benchmark.measure.stream import Limit, Stream, StreamRecorder

MS = 1_000_000
DUE, SENT = 1_000 * MS, 1_010 * MS


def streamed(
    *tokens: float, usage: int = -1, failure: Failure = Failure.NONE, thoughts: int = 0, asked: int = -1
) -> Exchange:
    """A stream whose token chunks came so many ms after it was sent; the first few are thoughts."""
    seen = Exchange(0, DUE, DUE)
    seen.sent, seen.first_byte, seen.done, seen.failure, seen.status = (
        SENT,
        SENT + 1,
        SENT + 10**10,
        failure,
        200,
    )
    seen.stream = Stream()
    seen.stream.arrivals.extend(SENT + round(each * MS) for each in tokens)
    seen.stream.first_answer = seen.stream.arrivals[thoughts] if len(tokens) > thoughts else 0
    seen.stream.output_tokens, seen.stream.input_tokens = usage, asked
    return seen


def record(*exchanges: Exchange, limits: tuple[Limit, ...] = ()) -> Recording:
    recorder = StreamRecorder([100], limits)
    for each in exchanges:
        recorder.add(each)
    return recorder.take()


def test_each_figure_as_it_is_defined() -> None:
    kept = record(streamed(50, 60, 90, usage=5, thoughts=1, asked=7))
    totals = {name: histogram.total / MS for name, histogram in kept.histograms.items()}
    assert totals["ttft"] == 50
    assert totals["ttft_from_due"] == 60
    assert totals["first_answer"] == 60
    assert totals["e2e"] == 90
    assert totals["tpot"] == 40 / 4
    assert (totals["itl"], kept.histograms["itl"].count) == (40, 2)
    assert kept.counters["input_tokens"] == 7
    assert kept.counters["output_tokens"] == 5
    assert kept.counters["token_chunks"] == 3
    assert kept.counters["millitokens_per_second"] == pytest.approx(5 / 0.090 * 1000, abs=1)


def test_without_usage_chunks_stand_for_tokens() -> None:
    kept = record(streamed(50, 60, 90), streamed(50, 60, usage=9))
    assert (kept.counters["output_tokens"], kept.counters["told"], kept.counters["streams"]) == (12, 1, 2)
    assert kept.histograms["tpot"].maximum == 20 * MS


def test_one_token_has_no_tpot_and_no_gap() -> None:
    kept = record(streamed(50, usage=1))
    assert (kept.histograms["tpot"].count, kept.histograms["itl"].count, kept.histograms["e2e"].count) == (
        0,
        0,
        1,
    )


def test_gaps_never_span_two_streams() -> None:
    kept = record(streamed(1, 2, 3), streamed(), streamed(500), streamed(900, 902))
    assert (kept.histograms["itl"].count, kept.histograms["itl"].maximum) == (3, 2 * MS)
    assert record(streamed(), streamed()).histograms["itl"].count == 0


def test_times_go_where_their_streams_were_due() -> None:
    """Also gaps that came much later; only the times that the series keeps."""
    recorder = StreamRecorder([100], (Limit("ttft", 50 * MS),))
    recorder.kept.series = Series(100 * MS, 100, ("ttft", "itl"))
    recorder.origin = DUE - 350 * MS
    for shift, tokens in ((0, (50, 60, 900)), (100, (51, 2000)), (100, ())):
        exchange = streamed(*tokens)
        exchange.due += shift * MS
        recorder.add(exchange)
    points = recorder.take().series.points
    assert {at: (point.good, point.of("ttft").count) for at, point in points.items()} == {
        3: (1, 1),
        4: (0, 1),
    }
    assert [(points[at].of("itl").count, points[at].of("itl").maximum // MS) for at in (3, 4)] == [
        (2, 840),
        (1, 1949),
    ]
    assert points[3].of("e2e").count == 0


def test_failures_are_counted_but_not_timed() -> None:
    kept = record(streamed(50, 60), streamed(1, 2, failure=Failure.STREAM_ERROR))
    assert (kept.ok, kept.failures["stream-error"], kept.beyond) == (1, 1, 1)
    assert (kept.counters["streams"], kept.histograms["ttft"].count) == (1, 1)


def test_a_stream_that_failed_after_its_first_token_has_a_ttft_of_its_own() -> None:
    failed = [Failure.STREAM_ERROR, Failure.TIMEOUT_MIDWAY, Failure.STATUS]
    kept = record(*(streamed(1, 2, failure=kind) for kind in failed), streamed(failure=Failure.NO_TOKEN))
    assert (kept.histograms["ttft"].count, kept.histograms["itl"].count, kept.beyond) == (0, 0, 3)
    assert {name: kept.histograms[f"{name}.begun"].count for name in ("ttft", "ttft_from_due")} == {
        "ttft": 2,
        "ttft_from_due": 2,
    }
    assert kept.histograms["first_answer.begun"].maximum == 1 * MS


def test_answers_beside_each_other_have_gaps_and_a_tpot_of_their_own() -> None:
    """Two choices that take turns: of 1, 3, 5 and 2, 9."""
    both = streamed(1, 2, 3, 5, 9, usage=6)
    assert both.stream is not None
    both.stream.indexes = [0, 1, 0, 0, 1]
    kept = record(both, streamed(100, 150))
    assert sorted(round(kept.histograms["itl"].quantile(q) / MS) for q in (0.1, 0.4, 0.7, 0.99)) == [
        2,
        2,
        7,
        50,
    ]
    assert kept.histograms["itl"].count == 4
    assert kept.histograms["tpot"].total == (8 * 2 // 4 + 50) * MS


def test_answers_shorter_than_what_was_asked_for_are_counted() -> None:
    recorder = StreamRecorder([100], exact=[3])
    for tokens, usage, finish in (
        (2, -1, "stop"),
        (3, -1, "stop"),
        (2, -1, "length"),
        (2, 3, ""),
        (3, 2, "length"),
    ):
        each = streamed(*range(1, tokens + 1), usage=usage)
        assert each.stream is not None
        each.stream.finish = finish
        recorder.add(each)
    assert recorder.take().counters["short"] == 2
    assert record(streamed(1)).counters["short"] == 0


def test_answers_that_came_whole_count_by_their_usage_alone() -> None:
    whole = [streamed(usage=usage, asked=asked) for usage, asked in ((5, 7), (-1, -1))]
    for each in whole:
        assert each.stream is not None
        each.stream.whole = True
    kept = record(*whole, streamed(1, usage=2)).counters
    assert (kept["whole_answers"], kept["whole_told"], kept["whole_input"], kept["whole_output"]) == (
        2,
        1,
        7,
        5,
    )
    assert (kept["streams"], kept["output_tokens"]) == (1, 2)


GOOD = {
    "within": ([("ttft", 50), ("tpot", 20)], 1),
    "ttft missed": ([("ttft", 49)], 0),
    "tpot missed": ([("ttft", 50), ("tpot", 19)], 0),
    "e2e missed": ([("e2e", 89)], 0),
    "from due missed": ([("ttft_from_due", 59)], 0),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_stream_meets_every_limit(case: str) -> None:
    limits, good = GOOD[case]
    exactly = tuple(Limit(metric, most * MS) for metric, most in limits)
    assert record(streamed(50, 60, 90), limits=exactly).counters["good"] == good


def test_what_never_came_is_not_good_but_one_token_is() -> None:
    assert record(streamed(), limits=(Limit("ttft", 10**12),)).counters["good"] == 0
    assert record(streamed(1, thoughts=1), limits=(Limit("first_answer", 10**12),)).counters["good"] == 0
    assert record(streamed(1), limits=(Limit("tpot", 1),)).counters["good"] == 1
    assert record(streamed(1)).counters["good"] == 0


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=6), min_size=1, max_size=8))
def test_however_streams_are_folded(arrivals: list[list[int]]) -> None:
    """One by one or all together; and gaps are those that NumPy finds stream by stream."""
    exchanges = [streamed(*(sorted(each))) for each in arrivals]
    together, apart = record(*exchanges), Recording()
    for each in exchanges:
        apart.merge(record(each))
    again = Recording.from_dict(together.to_dict())
    gaps = np.concatenate([np.diff(sorted(each)) for each in arrivals])
    for kept in (together, apart, again):
        assert kept.counters == together.counters
        assert kept.histograms["itl"].count == len(gaps)
        assert kept.histograms["itl"].total == int(gaps.sum()) * MS
        assert kept.histograms["ttft"].count == sum(map(bool, arrivals))


def heard(*tokens: float, body: bytes, usage: int = -1) -> Exchange:
    """A stream whose body is kept."""
    exchange = streamed(*tokens, usage=usage)
    assert exchange.stream is not None
    exchange.stream.pieces = [body[:3], body[3:]]
    return exchange


def test_a_tokenizer_counts_what_nobody_told_where_the_part_is_heard() -> None:
    """TPOT and all token figures are by its count; usage goes before it, and chunks come after it."""
    recorder = StreamRecorder([100], tokenized=True)
    for exchange in (
        heard(50, 60, 90, body=b"four tokens are here"),
        heard(50, 60, body=b"of no account", usage=9),
        streamed(1, 2),
    ):
        recorder.add(exchange)
    kept = recorder.part().recording(lambda body: len(body.split()))
    assert kept.counters["output_tokens"] == 4 + 9 + 2
    assert (kept.counters["told"], kept.counters["counted"], kept.counters["streams"]) == (1, 1, 3)
    assert kept.histograms["tpot"].total == pytest.approx((40 / 3 + 10 / 8 + 1) * MS, rel=1e-6)
    assert kept.histograms["itl"].count == 4
    assert (recorder.seen, recorder.part().recording().scheduled) == (3, 0)


def test_texts_outlast_the_counting_of_other_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker folds what it has recorded; texts wait for the tokenizer, which it does not have."""
    monkeypatch.setattr("benchmark.measure.stream.MOST_ARRIVALS", 4)
    recorder = StreamRecorder([100], tokenized=True)
    for _ in range(10):
        recorder.add(heard(1, 2, body=b"a b c d e"))
        recorder.add(streamed(1, 2, 3))
    kept = recorder.part().recording(lambda body: len(body.split()))
    assert (kept.counters["counted"], kept.counters["output_tokens"]) == (10, 10 * 5 + 10 * 3)
    assert (kept.scheduled, kept.counters["streams"], kept.histograms["itl"].count) == (20, 20, 10 + 20)


def test_texts_are_kept_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.measure.stream.MOST_TEXT", 1000)
    recorder = StreamRecorder([100], tokenized=True)
    for _ in range(2):
        for _ in range(100):
            recorder.add(heard(1, 2, body=b"x " * 50))
        part = recorder.part()
        assert len(part.texts) == 10
        kept = part.recording(lambda body: 7)
        assert (kept.counters["counted"], kept.counters["output_tokens"]) == (10, 10 * 7 + 90 * 2)


def test_ttft_by_turn() -> None:
    exchanges = [streamed(each) for each in (10, 20, 40)]
    recorder = StreamRecorder([100, 100], turns=(1, 2))
    for exchange, request in zip(exchanges, (0, 1, 1), strict=True):
        exchange.request = request
        recorder.add(exchange)
    kept = recorder.take()
    assert kept.histograms["ttft.turn.1"].total == 10 * MS
    assert (kept.histograms["ttft.turn.2"].total, kept.histograms["ttft.turn.2"].count) == (60 * MS, 2)
