"""The delay that a loop gives to answers: against a simulation of answers that come at random during its turns."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.analysis.health import held_up
from benchmark.analysis.loop_delay import delays, loop_delay
from benchmark.analysis.summary import summarise
from benchmark.measure.recording import Recording
from benchmark.units import MILLISECOND
from tests.analysis.runs import a_recording, a_run

SHORT = 0.05  # ms: a turn that does what it should


def recordings(long: float, share: float, response: float = 1.0) -> list[Recording]:
    """Two rounds of 5,000 turns, a share of which lasted `long` (ms)."""
    made = []
    for _ in range(2):
        kept = a_recording(np.full(1000, response), lateness=0.0)
        turns = np.full(5000, SHORT)
        turns[: round(share * 5000)] = long
        kept.histograms["turn"].record((turns * MILLISECOND).astype(np.int64))
        made.append(kept)
    return made


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 1.0])
def test_it_is_what_answers_wait(share: float) -> None:
    random = np.random.default_rng(7)
    turns = np.where(random.random(1_000_000) < share, 4.0, 0.0)  # short ones count as no delay
    waited = random.random(1_000_000) * turns * MILLISECOND
    kept = recordings(4.0, share)
    assert loop_delay(kept, None) == pytest.approx(waited.mean(), rel=0.05)
    for q in (0.5, 0.9, 0.99, 0.999):
        assert loop_delay(kept, q) == pytest.approx(np.quantile(waited, q), rel=0.05, abs=0.02 * MILLISECOND)


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
        (60.0, 0.0003, "pass"),
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
