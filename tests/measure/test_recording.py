"""Recordings: the account, constant memory, exact merging."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.histogram import BYTE
from benchmark.measure.recorder import Recorder
from benchmark.measure.recording import METRICS, Recording, merged
from benchmark.measure.series import MOST_POINTS

SECOND = 1_000_000_000
ROOT = Path(__file__).parents[2]


def exchange(due: int, milliseconds: float, failure: Failure = Failure.NONE, status: int = 200) -> Exchange:
    seen = Exchange(0, due, due + 1000)
    seen.sent, seen.done = due + 2000, due + round(milliseconds * 1e6)
    seen.first_byte = seen.done - 500
    seen.failure, seen.status, seen.received = failure, status, 300
    return seen


def record(*exchanges: Exchange) -> Recording:
    recorder = Recorder([100])
    for each in exchanges:
        recorder.add(each)
    return recorder.take()


def test_phases_add_up_to_the_response() -> None:
    kept = record(*(exchange(SECOND * n, 5 + n) for n in range(10)))
    total = {name: kept.histograms[name].total for name in METRICS}
    assert total["response"] == total["lateness"] + total["service"] + total["pool"]
    assert (
        total["service"]
        == sum(total[name] for name in ("dns", "connect", "tls", "wait", "transfer")) + 10 * 1000
    )


def test_sizes_of_answers_are_exact_while_small_and_close_beyond() -> None:
    answers = [exchange(SECOND * n, 5) for n in range(4)] + [exchange(SECOND * 9, 5, Failure.STATUS, 500)]
    for seen, size in zip(answers, (0, 1, 2047, 5_000_000_000, 77), strict=True):
        seen.received = size
    sizes = record(*answers).histograms["size"]
    assert (sizes.count, sizes.minimum, sizes.maximum) == (4, 0, 5_000_000_000 * BYTE)
    assert sizes.total == (2048 + 5_000_000_000) * BYTE
    assert 2046 <= sizes.quantile(0.75) / BYTE <= 2048


def test_failures_are_counted_by_kind_and_rank_by_kind() -> None:
    kept = record(
        exchange(1, 5),
        exchange(2, 1, Failure.STATUS, 429),
        exchange(3, 1, Failure.CONNECT_REFUSED, 0),
        exchange(4, 900, Failure.TIMEOUT, 0),
    )
    assert (kept.scheduled, kept.ok, kept.failed, kept.beyond) == (4, 1, 3, 1)
    assert kept.failures == {"status": 1, "connect-refused": 1, "timeout": 1}
    assert kept.statuses == {200: 1, 429: 1}
    assert kept.quantile("response", 0.4) == pytest.approx(5e6, rel=1e-3)
    assert kept.quantile("response", 0.9) == float("inf")
    assert kept.histograms["response"].count == 1


@given(
    st.lists(
        st.tuples(st.integers(0, 500 * SECOND), st.floats(0.01, 1e4), st.sampled_from(Failure)), max_size=60
    )
)
def test_the_account_balances_and_merging_is_exact(seen: list[tuple[int, float, Failure]]) -> None:
    exchanges = [exchange(due + 1, ms, failure) for due, ms, failure in seen]
    whole = record(*exchanges)
    parts = merged([record(each) for each in exchanges])
    assert whole.scheduled == whole.ok + whole.failed + whole.unsent == len(seen)
    assert json.dumps(parts.to_dict(), sort_keys=True) == json.dumps(whole.to_dict(), sort_keys=True) or (
        parts.series.width == whole.series.width and summed(parts) == summed(whole)
    )


def summed(kept: Recording) -> dict[str, tuple[int, int, float]]:
    return {name: (h.count, h.total, h.quantile(0.5)) for name, h in kept.histograms.items() if h.count}


def test_files_keep_everything() -> None:
    kept = record(exchange(1, 5), exchange(2 * SECOND, 7, Failure.TIMEOUT))
    assert Recording.from_dict(json.loads(json.dumps(kept.to_dict()))).to_dict() == kept.to_dict()


def test_a_series_stays_bounded_however_long_the_run() -> None:
    kept = record(*(exchange(hour * 3600 * SECOND, 5) for hour in range(24)))
    assert max(kept.series.points) < MOST_POINTS
    assert sum(point.response.count for point in kept.series.points.values()) == 24


def peak_memory() -> int:
    """The most memory that this program has had, in bytes; `getrusage` would count what its parent had."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def growth() -> int:
    """Bytes that 4,950,000 further exchanges add to the memory that 50,000 took."""
    recorder, draw = Recorder([100]), random.Random(1)
    whole = Recording()
    few = [exchange(n * 100_000, draw.lognormvariate(1, 1)) for n in range(50_000)]

    def feed(times: int) -> int:
        for _ in range(times):
            for each in few:
                recorder.add(each)
            whole.merge(recorder.take())
        return peak_memory()

    after_few = feed(1)
    after_many = feed(99)
    assert whole.ok == 5_000_000
    return after_many - after_few


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own figure")
def test_memory_does_not_grow_with_exchanges() -> None:
    """In a program of its own: what other tests have used would hide it."""
    script = "from tests.measure.test_recording import growth; print(growth())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    print(f"grown by {int(done.stdout) / 2**20:.1f} MiB")
    assert int(done.stdout) < 10 * 2**20
