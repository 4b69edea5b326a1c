"""From a trial to what a search is told of it: streams by their first tokens, by TPOT and by goodput."""

from __future__ import annotations

import pytest

from benchmark.analysis.capacity import WINDOWS
from benchmark.analysis.capacity_run import demands_of, observation, timed
from benchmark.errors import InputError
from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.series import Series
from benchmark.measure.stream import Limit, Stream, StreamRecorder
from benchmark.result.run import Round
from benchmark.scenario.objective import Objective, parse_objective
from benchmark.units import MILLISECOND, NANOSECONDS

WIDTH = NANOSECONDS // 10
SECONDS = WINDOWS / 10


def objectives(*texts: str) -> list[Objective]:
    return [parse_objective(text) for text in texts]


def trial(*ttfts: float, failed: int = 0, asked: list[Objective]) -> Round:
    """A trial whose requests of the first window got their first tokens after so many ms; the last few failed later."""
    recorder = StreamRecorder([100], [Limit("ttft", 50 * MILLISECOND)])
    recorder.kept.series = Series(WIDTH, WINDOWS, timed(asked))
    recorder.origin = NANOSECONDS
    for number, ttft in enumerate(ttfts):
        seen = Exchange(0, NANOSECONDS, NANOSECONDS)
        seen.sent, seen.first_byte, seen.done = NANOSECONDS, NANOSECONDS + 1, NANOSECONDS * 2
        seen.stream = Stream()
        first = NANOSECONDS + round(ttft * MILLISECOND)
        seen.stream.arrivals.extend([first, first + 10 * MILLISECOND, first + 30 * MILLISECOND])
        seen.stream.first_answer = first
        seen.failure = Failure.STREAM_ERROR if number >= len(ttfts) - failed else Failure.NONE
        recorder.add(seen)
    return Round(
        number=1,
        target="a",
        measured=SECONDS,
        warmup=0.0,
        recording=recorder.take(),
        level=5.0,
        seconds=SECONDS,
    )


def test_what_breaks_a_demand_on_streams() -> None:
    asked = objectives("ttft.p90 < 100ms", "tpot.p90 < 20ms", "tpot.p50 < 14ms", "goodput > 60%", "p99 < 3s")
    seen = observation(trial(20, 40, 80, 200, 300, failed=2, asked=asked), asked)
    broken = {text: int(each[0]) for text, each in seen.violations.items()}
    assert broken == {  # of five, of which two failed, both of them late as well
        "ttft.p90 < 100ms": 2,
        "tpot.p90 < 20ms": 2,
        "tpot.p50 < 14ms": 5,
        "goodput > 60%": 3,
        "p99 < 3s": 2,
    }
    assert seen.requests[0] == 5


def test_demands_of_streams() -> None:
    demands = demands_of(objectives("ttft.p99 < 2s", "tpot.p90 < 50ms", "e2e.p95 < 9s", "goodput > 95%"), "a")
    assert [round(each.limit, 3) for each in demands] == [0.01, 0.1, 0.05, 0.05]
    assert [each.span for each in demands] == [2, 0, 9, 0]
    assert timed(objectives("ttft.p99 < 2s", "tpot.p90 < 50ms", "p99 < 1s", "failures < 1%")) == (
        "tpot",
        "ttft",
    )


@pytest.mark.parametrize("text", ["itl.p99 < 50ms", "ttft.mean < 1s", "goodput < 5%", "ttft.p99 > 1s"])
def test_what_no_search_goes_by(text: str) -> None:
    with pytest.raises(InputError, match="a search of the capacity goes by"):
        demands_of(objectives(text), "a")
