"""The mean difference in its parts: they add up, each with its interval, and the remainder is told."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from benchmark.analysis.breakdown import breakdown, main_reason
from benchmark.analysis.comparison import compare
from benchmark.analysis.tail import around_p99
from benchmark.measure.histogram import Histogram
from benchmark.measure.recording import PHASES, Recording
from benchmark.result.model import Breakdown, BreakdownRow
from tests.analysis.runs import a_recording as plain
from tests.analysis.runs import a_run

MS = 1_000_000


def a_recording(
    trip: float, server: float, *, seed: int, connect: float = 0.0, rest: float = 0.05
) -> Recording:
    """100 answers whose parts (ms) are known; a transfer of 1 ms comes on top."""
    random = np.random.default_rng(seed)
    served = server * random.uniform(0.9, 1.1, 100)
    new = plain(rest + connect + trip + served + 1.0, lateness=rest)
    new.sent_bytes = 100 * 300
    for name, times in (
        ("wait", trip + served), ("transfer", np.full(100, 1.0)), ("connect", np.full(100, connect)),
        *((name, np.zeros(100)) for name in ("dns", "tls")),
    ):  # fmt: skip
        new.histograms[name] = Histogram.of((times * MS).astype(np.int64))
    new.handshakes["rtt"].record(np.full(4, round(trip * MS)))
    return new


def split_of(public: list[Recording], vpc: list[Recording]) -> Breakdown:
    run = a_run({"public": public, "vpc": vpc})
    found = breakdown(run, compare(run, "public", "vpc"))
    assert found
    return found


def side(trip: float, first: int, **parts: float) -> list[Recording]:
    return [a_recording(trip, 2.0, seed=first + at, **parts) for at in range(10)]


def test_rows_add_up_and_hold_what_was_put_in() -> None:
    split = split_of(side(30.0, 1, connect=30.2), side(0.5, 100, connect=0.6))
    rows = {row.phase: row for row in split.rows}
    assert list(rows) == ["pool", "dns", "connect", "tls", "send", "network", "server", "transfer", "rest"]
    for kind in ("baseline", "candidate"):
        assert sum(getattr(row, kind) for row in split.rows) == pytest.approx(getattr(split.total, kind))
    assert sum(row.difference.value or 0 for row in split.rows) == pytest.approx(split.total.difference.value)
    assert rows["network"].difference.value == pytest.approx(-29.5)
    assert rows["connect"].difference.value == pytest.approx(-29.6)
    assert rows["rest"].baseline == pytest.approx(0.05, abs=0.001)
    server = rows["server"].difference
    assert server.low is not None
    assert server.high is not None
    assert server.low < 0 < server.high, "the server is the same"


def test_the_largest_part_of_a_shown_difference_is_the_reason() -> None:
    faster = main_reason(split_of(side(30.0, 1), side(0.5, 100)))
    assert faster
    assert faster.phase == "network"
    slower = main_reason(split_of(side(0.5, 1), side(30.0, 100)))
    assert slower
    assert slower.phase == "network"
    assert main_reason(split_of(side(5.0, 1), side(5.0, 100))) is None


def test_what_is_left_over_is_never_given_as_the_reason() -> None:
    assert main_reason(split_of(side(1.0, 1, rest=9.0), side(1.0, 100, rest=0.01))) is None


def test_large_requests_are_still_leaving_while_their_answer_is_awaited() -> None:
    public = side(30.0, 1)
    for each in public:
        each.sent_bytes = 100 * 20_000
    assert "upload_and_server" in {row.phase for row in split_of(public, side(0.5, 100)).rows}


def test_where_the_kernel_tells_the_upload_is_a_row_of_its_own() -> None:
    """Its last acknowledgement took the round trip, so that the rest of it is upload, and the wait is the server's."""
    sides = side(30.0, 1), side(0.5, 100)
    for trip, upload, recordings in ((30.0, 400.0, sides[0]), (0.5, 8.0, sides[1])):
        for each in recordings:
            each.sent_bytes = 100 * 1_000_000
            served = each.histograms["wait"].total - round(trip * MS) * 100
            each.histograms["send"] = Histogram.of(np.full(100, round((upload + trip) * MS)))
            each.histograms["wait"] = Histogram.of(np.full(100, served // 100))
            each.histograms["response"] = plain(
                upload + trip + 1.0 + np.full(100, served / 100 / MS)
            ).histograms["response"]
    rows = {row.phase: row for row in split_of(*sides).rows}
    assert (rows["send"].baseline, rows["send"].candidate) == pytest.approx((400.0, 8.0))
    assert (rows["network"].baseline, rows["network"].candidate) == pytest.approx((30.0, 0.5))
    assert rows["server"].baseline == pytest.approx(2.0, rel=0.1)
    assert rows["rest"].baseline == pytest.approx(0, abs=0.01)


def test_without_the_kernels_round_trip_the_wait_stays_whole() -> None:
    public = side(30.0, 1)
    del public[3].handshakes["rtt"]
    phases = {row.phase for row in split_of(public, side(0.5, 100)).rows}
    assert "wait" in phases
    assert not {"network", "server"} & phases


def test_parts_that_never_vary_are_known_to_a_bucket_at_best() -> None:
    """Ten rounds of 10.0000 ms against 10.0002: no part of the mean claims a difference, and none of the tail."""
    split = split_of(*([a_recording(trip, 0.0, seed=1) for _ in range(10)] for trip in (10.0, 10.0002)))
    for row in (*split.rows, split.total):
        assert row.difference.low is not None
        assert row.difference.high is not None
        assert row.difference.low <= 0 <= row.difference.high


def test_one_pair_of_rounds_is_not_enough() -> None:
    run = a_run({"public": side(30.0, 1)[:1], "vpc": side(0.5, 9)[:1]})
    assert breakdown(run, compare(run, "public", "vpc")) is None


def test_the_exchanges_around_p99_are_split_apart_from_the_mean() -> None:
    """One in fifty is slow because of its connection; the mean hides it, the tail shows it."""
    sides = side(30.0, 1), side(0.5, 100)
    for trip, recordings in ((30.0, sides[0]), (0.5, sides[1])):
        for each in recordings:
            slow = np.arange(100) >= 98
            connect, wait = np.where(slow, 100 * MS, 0), np.full(100, round((trip + 2) * MS))
            response = connect + wait
            nothing = np.zeros(100, np.int64)
            phases = dict.fromkeys(("pool", "dns", "tls", "send", "transfer"), nothing)
            each.histograms["response"] = Histogram.of(response)
            each.bands.record(response, {**phases, "connect": connect, "wait": wait})
    tail = split_of(*sides).tail
    assert tail
    assert (tail.baseline, tail.candidate) == (10, 10)
    rows = {row.phase: row for row in tail.rows}
    assert rows["connect"].baseline == rows["connect"].candidate == pytest.approx(100)
    assert rows["network"].difference.value == pytest.approx(-29.5)
    assert rows["server"].baseline == pytest.approx(2)
    assert sum(row.baseline for row in tail.rows) == pytest.approx(tail.total.baseline) == pytest.approx(132)


def a_slow_tail(random: np.random.Generator, path: float, count: int) -> Recording:
    """A round whose service drifts, and where one in fifty waits for a connection."""
    wait = path + np.exp(random.normal(0, 0.05)) * random.lognormal(np.log(2), 0.5, count)
    connect = np.where(random.random(count) < 0.02, 3 + random.exponential(5, count), 0)
    nothing = np.zeros(count, np.int64)
    phases = dict.fromkeys(PHASES, nothing) | {
        name: (times * MS).astype(np.int64) for name, times in (("wait", wait), ("connect", connect))
    }
    response = phases["wait"] + phases["connect"]
    new = Recording()
    new.histograms["response"].record(response)
    new.bands.record(response, phases)
    return new


def test_the_parts_around_p99_have_intervals_that_cover() -> None:
    """95 % of them, against the exchanges around the p99 of a hundred times as many."""
    random = np.random.default_rng(11)
    tries, covered, figures = 100, Counter[str](), {"timed": False, "large": False}

    def rows(rounds: int, count: int) -> list[BreakdownRow]:
        sides = [[a_slow_tail(random, path, count) for _ in range(rounds)] for path in (30.0, 0.5)]
        found = around_p99(sides[0], sides[1], 0.95, **figures)
        assert found
        return [row for row in (*found.rows, found.total) if row.phase in {"connect", "wait", "response"}]

    truth = {row.phase: row.difference.value for row in rows(200, 5000)}
    assert truth["connect"]
    for _ in range(tries):
        for row in rows(10, 200):
            low, high = row.difference.low, row.difference.high
            assert low is not None
            assert high is not None
            covered[row.phase] += low <= (truth[row.phase] or 0.0) <= high
    assert covered.keys() == {"connect", "wait", "response"}
    assert all(count > 0.88 * tries for count in covered.values()), covered


def test_a_p99_of_few_exchanges_is_not_split() -> None:
    assert split_of(side(30.0, 1), side(0.5, 100)).tail is None
