"""Users who come and go: at every instant there are as many as the stages say, however many workers share them."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.schedule.closed_loop import ClosedLoop, ClosedStages, in_flight, leavings
from benchmark.schedule.stages import Stage
from benchmark.units import NANOSECONDS

LEVELS = st.lists(st.integers(1, 40), min_size=2, max_size=6)
LENGTHS = st.lists(st.floats(0.2, 20), min_size=6, max_size=6)


def ramps(levels: list[int], lengths: list[float]) -> tuple[Stage, ...]:
    return tuple(
        Stage(float(begin), float(end), length)
        for (begin, end), length in zip(pairwise(levels), lengths, strict=False)
    )


def level_at(stages: tuple[Stage, ...], seconds: float) -> float:
    for stage in stages:
        if seconds < stage.seconds:
            return stage.begin + (stage.end - stage.begin) * seconds / stage.seconds
        seconds -= stage.seconds
    return stages[-1].end


@given(LEVELS, LENGTHS, st.floats(0, 1))
def test_there_are_as_many_as_the_stages_say(levels: list[int], lengths: list[float], where: float) -> None:
    stages = ramps(levels, lengths)
    schedule = ClosedStages(stages)
    at = where * sum(stage.seconds for stage in stages)
    wanted = level_at(stages, at)
    if abs(wanted - round(wanted)) > 1e-6:  # else a nanosecond decides
        assert schedule.present(round(at * NANOSECONDS)) == math.floor(wanted)


@given(LEVELS, LENGTHS, st.integers(2, 4))
def test_shares_are_the_whole(levels: list[int], lengths: list[float], of: int) -> None:
    whole = ClosedStages(ramps(levels, lengths))
    shares = [whole.share(at, of) for at in range(of)]
    came = sorted(t for share in shares for chunk in share.due_times() for t in chunk.tolist())
    assert came == [t for chunk in whole.due_times() for t in chunk.tolist()]
    for second in range(0, 120, 7):
        elapsed = second * NANOSECONDS + 1
        assert sum(share.present(elapsed) for share in shares) == whole.present(elapsed)
        assert min(share.present(elapsed) for share in shares) >= 0


def test_a_ramp_and_back() -> None:
    """Four users one second apart, all for a second, then one by one down to the first."""
    schedule = ClosedStages((Stage(1, 4, 3), Stage(4, 4, 1), Stage(4, 1, 3)), think=5)
    (came,) = schedule.due_times()
    assert came.tolist() == [0, *(second * NANOSECONDS for second in (1, 2, 3))]
    # the fourth goes when the number begins to fall; one stays
    assert leavings(schedule) == [second * NANOSECONDS for second in (4, 5, 6)]
    assert schedule.think == 5


def test_a_jump() -> None:
    schedule = ClosedStages((Stage(2, 2, 1), Stage(5, 5, 1), Stage(1, 1, 1)))
    (came,) = schedule.due_times()
    assert came.tolist() == [0, 0, *[NANOSECONDS] * 3]
    assert [schedule.present(second * NANOSECONDS) for second in (0, 1, 2, 9)] == [2, 5, 1, 1]


@pytest.mark.parametrize(("schedule", "expected"), [(ClosedLoop(7), 7), (ClosedStages((Stage(1, 9, 8),)), 5)])
def test_requests_in_flight(schedule: ClosedLoop | ClosedStages, expected: int) -> None:
    assert in_flight(schedule, 4 * NANOSECONDS, 7) == expected
