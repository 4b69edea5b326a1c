"""The delay that a loop gives to answers: against a simulation of answers that come at random during its turns."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from math import inf

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.analysis.health import held_up
from benchmark.analysis.loop_delay import delays, loop_delay
from benchmark.analysis.summary import summarise
from benchmark.measure.recording import Recording
from benchmark.units import MILLISECOND
from tests.analysis.runs import a_recording, a_run

Floats = NDArray[np.float64]

SHORT = 0.05  # ms: a turn that does what it should
TURNS = 40_000


def recordings(long: float, share: float, response: float = 1.0) -> list[Recording]:
    """Two rounds of a loop that is always busy, with 5,000 turns, a share of which lasted `long` (ms)."""
    made = []
    for _ in range(2):
        kept = a_recording(np.full(1000, response), lateness=0.0)
        turns = np.full(5000, SHORT)
        turns[: round(share * 5000)] = long
        kept.histograms["turn"].record((turns * MILLISECOND).astype(np.int64))
        kept.counters["watched"] = round(turns.sum() * MILLISECOND)
        made.append(kept)
    return made


def simulated(
    long: float, share: float, *, every: float | None = None, callers: int = 8, service: float = 1.0
) -> tuple[list[Recording], Floats]:
    """A loop whose requests take `service` (ms, exponentially), and how long each answer waited for it.

    Closed with so many callers; open where a request is due `every` so many ms (exponentially), always on time. Each
    turn sends while it begins, and reads what has come at its end.
    """
    random = np.random.default_rng(7)
    clock, due, flight = 0.0, 0.0, [0.0] * (0 if every else callers)
    waited: list[float] = []
    took: list[float] = []
    turns: list[float] = []
    sent = dict.fromkeys(range(len(flight)), 0.0)
    pending = [(random.exponential(service), key) for key in sent]
    heapify(pending)
    fresh = len(sent)
    while len(turns) < TURNS:
        awaited = pending[0][0] if pending else inf
        clock = max(clock, min(awaited, due) if every else awaited)
        came = []
        while pending and pending[0][0] <= clock:
            at, key = heappop(pending)
            waited.append(clock - at)
            took.append(clock - sent.pop(key))
            came.append(key)
        asked = len(came)
        if every:
            asked = int(due <= clock)
            due += random.exponential(every) if asked else 0.0
        for _ in range(asked):
            sent[fresh] = clock
            heappush(pending, (clock + random.exponential(service), fresh))
            fresh += 1
        lasted = long if random.random() < share else SHORT
        turns.append(lasted)
        clock += lasted
    kept = a_recording(took, lateness=0.0)
    kept.histograms["turn"].record((np.array(turns) * MILLISECOND).astype(np.int64))
    kept.counters["watched"] = round(clock * MILLISECOND)
    return [kept], np.array(waited)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("every", [None, 1.0, 20.0], ids=["closed", "open, busy", "open, slow"])
def test_it_is_what_answers_wait(share: float, every: float | None) -> None:
    """Within a factor of two, for all requests are sent as their turn begins: half of it is half of the most."""
    kept, waited = simulated(4.0, share, every=every)
    waited = np.where(waited > SHORT, waited, 0.0) * MILLISECOND  # short turns count as no delay
    assert 0.5 < loop_delay(kept, None) / waited.mean() < 1.2
    for q in (0.5, 0.9, 0.99):
        found, truth = loop_delay(kept, q), np.quantile(waited, q)
        assert found == truth == 0 or 0.5 < found / truth < 1.2


def test_a_slow_turn_that_no_answer_comes_in_delays_none() -> None:
    """A request of 30 ms every 20 ms: sending it may take long, and nobody waits."""
    kept, waited = simulated(0.4, 1.0, every=20.0, service=30.0)
    assert np.quantile(waited, 0.9) == 0
    assert loop_delay(kept, 0.9) == 0
    assert loop_delay(kept, None) == pytest.approx(waited.mean() * MILLISECOND, rel=0.5)


def test_ordinary_turns_are_no_delay() -> None:
    kept = recordings(0.15, 0.5)
    assert loop_delay(kept, None) == loop_delay(kept, 0.999) == 0.0
    assert held_up(kept) == ""
    assert delays(kept).max == pytest.approx(0.15)
    assert delays([a_recording([1.0])]).mean is None


@pytest.mark.parametrize(
    ("long", "share", "status"),
    [
        (6.0, 0.02, "invalid"),  # put aside for 6 ms after every 3 ms
        (4.0, 0.0003, "pass"),  # as on any shared machine
        (60.0, 0.0003, "invalid"),  # a quarter of the time put aside
        (1.0, 1.0, "invalid"),  # every turn does too much
    ],
)
def test_a_closed_loop_that_was_put_aside_measured_itself(long: float, share: float, status: str) -> None:
    verdict = summarise(a_run({"only": recordings(long, share)}, open_loop=False, rate=None)).verdict
    assert verdict.status == status
    assert status == "pass" or "idle core" in verdict.reasons[0]


def test_a_comparison_withholds_the_throughput_of_a_loop_that_was_put_aside() -> None:
    sides = {"one": recordings(4.0, 0.0003), "two": recordings(8.0, 0.03, response=2.0)}
    result = summarise(a_run(sides, open_loop=False, rate=None))
    (throughput,) = (each for each in result.comparisons[0].metrics if each.metric == "throughput")
    assert "left answers waiting" in (throughput.withheld or "")
    assert throughput.ratio.value is None
    (p50,) = (each for each in result.comparisons[0].metrics if each.metric == "response.p50")
    assert p50.withheld is None or "generator" not in p50.withheld  # the middle of the answers did not wait


def test_a_tail_that_the_loop_made_is_withheld() -> None:
    sides = {"one": recordings(4.0, 0.0), "two": recordings(4.0, 0.05, response=2.0)}
    result = summarise(a_run(sides))
    found = {each.metric: each for each in result.comparisons[0].metrics}
    assert "the generator itself" in (found["response.p99"].withheld or "")
    assert "the generator itself" in (found["service.p99"].withheld or "")
    assert found["response.p50"].withheld is None


@pytest.mark.parametrize(("waited", "status"), [(0.4, "pass"), (0.6, "invalid")])
@pytest.mark.parametrize("sides", [("only",), ("one", "two")])
def test_a_loop_that_sleeps_and_gets_no_core_is_not_believed(
    waited: float, status: str, sides: tuple[str, ...]
) -> None:
    """It has no turns that would show it; the kernel tells how long it waited."""
    run = a_run({name: recordings(0.1, 0.0) for name in sides}, open_loop=False, rate=None)
    worker = {"cpu_seconds": 0.1, "max_rss_bytes": 0, "steal_seconds": 0.0, "gc_seconds": 0.0}
    run.generator = {"workers": [worker | {"seconds": 1.0, "run_queue_seconds": waited}] * 2}
    verdict = summarise(run).verdict
    assert verdict.status == status
    assert (
        status == "pass" or "kept from its core by other programs for 60% of the time" in verdict.reasons[0]
    )
