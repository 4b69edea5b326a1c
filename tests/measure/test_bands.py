"""Phase sums per band of response time: exact, mergeable, bounded."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.measure.bands import SUMS, Bands, band_of

PHASES = ("pool", "dns", "connect", "tls", "send", "wait", "transfer")


def recorded(response: list[int], slow_phase: str = "wait") -> Bands:
    new = Bands()
    times = np.array(response, np.int64)
    phases = {name: np.zeros_like(times) for name in PHASES} | {slow_phase: times}
    new.record(times, phases)
    return new


def test_the_bands_of_the_tail_hold_its_own_sums() -> None:
    bands = recorded([1_000_000] * 990 + [50_000_000] * 10)
    assert bands.ranked(990, 1000) == dict.fromkeys(SUMS, 0) | {
        "count": 10,
        "response": 500_000_000,
        "wait": 500_000_000,
    }
    assert bands.ranked(0, 1000)["count"] == 1000


def test_ranks_take_their_part_of_a_band() -> None:
    bands = recorded([1_000_000] * 90 + [50_000_000] * 10)
    found = bands.ranked(80, 95)
    assert (found["count"], found["response"]) == (15, 10 * 1e6 + 5 * 50e6)
    assert bands.ranked(0, 100)["count"] == 100
    assert bands.ranked(200, 300)["count"] == 0


def test_merging_and_files_lose_nothing() -> None:
    whole, first, second = (
        recorded(response) for response in ([5_000, 7_000_000, 9], [5_000], [7_000_000, 9])
    )
    first.merge(second)
    assert first.to_dict() == whole.to_dict() == Bands.from_dict(whole.to_dict()).to_dict()


def test_there_are_few_of_them_and_each_is_narrow() -> None:
    durations = np.logspace(3, np.log10(3.6e12), 100_000).astype(np.int64)
    bands = band_of(durations)
    assert len(np.unique(bands)) < 260
    wide = durations > 1_000_000
    edges = [durations[wide & (bands == band)] for band in np.unique(bands[wide])[1:-1]]
    assert max(each.max() / each.min() for each in edges) < 1.13


def test_what_took_a_time_to_send_is_counted() -> None:
    assert recorded([400_000_000] * 3, "send").ranked(0, 3)["sending"] == pytest.approx(3)
