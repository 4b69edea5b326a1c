"""Do runs of a same service read "changed"? Occasions differ, and runs of one occasion share what it brings (METHOD 22).

Every experiment draws the figures of runs and asks `regression` for their interval, by the samples that `occasions` makes
of them. The service never changes, but for the cells of power.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from benchmark.analysis.comparison import Outcome, outcome
from benchmark.analysis.matching import Sample, Side
from benchmark.analysis.occasions import (
    LEAST,
    SPREAD,
    TOGETHER,
    Kind,
    Sampling,
    Within,
    occasions,
    sampling,
)
from benchmark.analysis.regression import intervals, latency
from benchmark.analysis.statistics import Interval, welch
from benchmark.result.model import Metric
from tests.analysis.runs import a_recording, a_run

MINUTE, DAY = 60.0, 86_400.0
RUN = 2 * MINUTE
START = datetime(2026, 1, 1, tzinfo=UTC)
SHAPE = 20 * np.linspace(0.9, 1.1, 15)  # ms, of every round: what differs is the run

Timetable = Sequence[tuple[int, float]]  # a side (0: base, 1: new), and when its run begins (seconds)


def sittings(count: int, repeats: int, side: int, first: float = 0.0) -> Timetable:
    """So many days, each with so many runs of one side in a row."""
    return [(side, (first + day) * DAY + at * 1.2 * RUN) for day in range(count) for at in range(repeats)]


def one_after_the_other(count: int, repeats: int) -> Timetable:
    """All occasions of one side, then all of the other."""
    return [*sittings(count, repeats, 0), *sittings(count, repeats, 1, first=count)]


def in_turns(sides: str) -> Timetable:
    """`ABBA`: run after run, in one sitting."""
    return [("AB".index(side), at * 1.2 * RUN) for at, side in enumerate(sides)]


@dataclass(frozen=True)
class Spread:
    """By how much occasions differ, and runs of one occasion (standard deviations of the logarithm)."""

    occasions: float
    repeats: float


def sides(runs: Sequence[tuple[int, float, float]]) -> tuple[Side, Side]:
    """Runs from their side, when they began, and by what factor they were slower."""
    made: tuple[list[Sample], list[Sample]] = ([], [])
    for side, begun, level in sorted(runs, key=lambda each: each[1]):
        rounds = [a_recording(SHAPE * level * wobble) for wobble in (0.998, 1.002)]
        run = replace(
            a_run({"vpc": rounds}),
            started_at=(START + timedelta(seconds=begun)).isoformat(),
            finished_at=(START + timedelta(seconds=begun + RUN)).isoformat(),
        )
        made[side].append(Sample(f"{'bn'[side]}/{begun}", run, "vpc"))
    return Side(tuple(made[0]), "vpc"), Side(tuple(made[1]), "vpc")


def levels(
    timetable: Timetable, spread: Spread, random: np.random.Generator, change: float
) -> tuple[list[float], list[float]]:
    """Figures of a service that every occasion makes faster or slower by chance; an occasion is a day."""
    days: dict[float, float] = {}
    made: tuple[list[float], list[float]] = ([], [])
    for side, begun in sorted(timetable, key=lambda each: each[1]):
        shared = days.setdefault(begun // DAY, float(np.exp(spread.occasions * random.standard_normal())))
        own = float(np.exp(spread.repeats * random.standard_normal()))
        made[side].append(20 * shared * own * (change if side else 1.0))
    return made


def sampled_as(timetable: Timetable) -> Sampling:
    return sampling(*sides([(side, begun, 1.0) for side, begun in timetable]))


def told(pair: tuple[Side, Side]) -> Metric:
    return latency("response.mean", pair, 0.95, "", sampling(*pair))


def holds(interval: Interval, value: float) -> bool:
    return interval.low <= value <= interval.high


def share(
    timetable: Timetable, spread: Spread, experiments: int, change: float = 1.0, seed: int = 1501
) -> dict[str, float]:
    """Of experiments that claim a change, whose interval leaves out no change, and that would by runs."""
    random, sampled = np.random.default_rng(seed), sampled_as(timetable)
    counts = dict.fromkeys(("claims", "leaves out 1", "by runs"), 0)
    for _ in range(experiments):
        runs = levels(timetable, spread, random, change)
        samples = [sampled.means(at, side) for at, side in enumerate(runs)]
        saved, ratio = intervals(samples, [Within.of(side) for side in runs], 0.95, sampled)
        assert sampled.paired or holds(saved, 0) == holds(ratio, 1)
        counts["claims"] += sampled.enough and not holds(saved, 0)
        counts["leaves out 1"] += not holds(ratio, 1)
        counts["by runs"] += not holds(welch(*runs, 0.95), 0)
    return {name: count / experiments for name, count in counts.items()}


SAME_SERVICE: dict[str, tuple[Timetable, Kind]] = {
    "1 occasion × 3 runs": (one_after_the_other(1, 3), "occasions"),
    "1 occasion × 10 runs": (one_after_the_other(1, 10), "occasions"),
    "3 occasions × 1 run": (one_after_the_other(3, 1), "occasions"),
    "3 occasions × 3 runs": (one_after_the_other(3, 3), "occasions"),
    "5 occasions × 1 run": (one_after_the_other(5, 1), "occasions"),
    "turns ABABAB": (in_turns("ABABAB"), "turns"),
    "turns ABBAABBA": (in_turns("ABBAABBA"), "turns"),
    "3 days of AAABBB": (
        [run for day in range(3) for run in [*sittings(1, 3, 0, day), *sittings(1, 3, 1, day + 0.01)]],
        "turns",
    ),
}
SPREADS = [Spread(0.02, 0.01), Spread(0.01, 0.01), Spread(0.05, 0.01), Spread(0.05, 0.05)]


def bound(experiments: int, nominal: float = 0.05) -> float:
    """The nominal share, and two Monte-Carlo errors."""
    return nominal + 2 * math.sqrt(nominal * (1 - nominal) / experiments)


@pytest.mark.parametrize("name", SAME_SERVICE)
def test_runs_are_counted_by_occasion(name: str) -> None:
    timetable, kind = SAME_SERVICE[name]
    assert sampled_as(timetable).kind == kind


@pytest.mark.parametrize("name", ["1 occasion × 3 runs", "3 occasions × 3 runs", "turns ABABAB"])
def test_a_same_service_reads_changed_in_five_per_cent(name: str) -> None:
    found = share(SAME_SERVICE[name][0], SPREADS[0], 1_000)
    assert found["claims"] <= bound(1_000)
    assert found["by runs"] > 0.2 or name.startswith("turns")


@pytest.mark.long
def test_a_same_service_reads_changed_in_five_per_cent_table(capsys: pytest.CaptureFixture[str]) -> None:
    experiments, rows = 2_000, []
    for spread in SPREADS:
        for name, (timetable, _) in SAME_SERVICE.items():
            rows.append((spread, name, share(timetable, spread, experiments)))
    with capsys.disabled():
        print(
            "\nsame service: claims a change (nominal 5 %); every run as a sample; factor's interval leaves out 1"
        )
        for spread, name, found in rows:
            print(
                f"  {spread.occasions:.0%} / {spread.repeats:.0%}  {name:<22}"
                f"{found['claims']:7.1%}{found['by runs']:9.1%}{found['leaves out 1']:9.1%}"
            )
    for spread, name, found in rows:
        assert found["claims"] <= bound(experiments), (spread, name)
        if name.startswith("1 occasion") and spread.occasions <= SPREAD:
            assert found["leaves out 1"] <= bound(experiments), (spread, name)


@pytest.mark.long
def test_what_change_is_seen_table(capsys: pytest.CaptureFixture[str]) -> None:
    changes, experiments = (1.05, 1.1, 1.2), 1_000
    with capsys.disabled():
        print("\na change is seen in: +5 %, +10 %, +20 %")
        for spread in (Spread(0.02, 0.01), Spread(0.05, 0.01)):
            for count in (3, 4, 5, 8):
                seen = [
                    share(one_after_the_other(count, 1), spread, experiments, change)["claims"]
                    for change in changes
                ]
                print(
                    f"  {spread.occasions:.0%}  {count} occasions a side "
                    + "".join(f"{each:8.0%}" for each in seen)
                )
            for turns in ("ABABAB", "ABBAABBAAB"):
                seen = [share(in_turns(turns), spread, experiments, change)["claims"] for change in changes]
                print(
                    f"  {spread.occasions:.0%}  turns {turns:<16}" + "".join(f"{each:8.0%}" for each in seen)
                )
            once = [
                share(one_after_the_other(1, 3), spread, experiments, change)["leaves out 1"]
                for change in changes
            ]
            print(
                f"  {spread.occasions:.0%}  1 occasion, factor   " + "".join(f"{each:8.0%}" for each in once)
            )
    assert seen[-1] > 0.9
    assert once[-1] > 0.8


def test_one_occasion_a_side_gives_a_factor_and_no_verdict() -> None:
    pair = sides([(0, 0.0, 1.0), (1, DAY, 1.2)])
    metric = told(pair)
    assert outcome(metric) is Outcome.NOT_ENOUGH_DATA
    assert metric.ratio.value == pytest.approx(1.2, rel=1e-3)
    half = 1.96 * 2**0.5 * SPREAD
    assert metric.ratio.low == pytest.approx(1.2 * np.exp(-half), rel=2e-3)
    assert metric.ratio.high == pytest.approx(1.2 * np.exp(half), rel=2e-3)
    assert metric.difference.low == pytest.approx(20 * ((metric.ratio.low or 0) - 1), rel=1e-3)
    assert f"a verdict takes {LEAST} occasions a side, and there are 1 and 1" in str(metric.withheld)
    assert "assumes 3 % between occasions" in str(metric.withheld)


def test_what_scatters_within_an_occasion_widens_its_factor() -> None:
    calm = told(sides([(0, 0.0, 1.0), (0, 200.0, 1.01), (1, DAY, 1.2), (1, DAY + 200, 1.21)]))
    wild = told(sides([(0, 0.0, 1.0), (0, 200.0, 1.3), (1, DAY, 1.2), (1, DAY + 200, 1.5)]))
    assert (wild.ratio.high or 0) / (wild.ratio.low or 1) > 1.5 * (calm.ratio.high or 0) / (
        calm.ratio.low or 1
    )


def test_a_run_that_goes_on_meanwhile_keeps_an_occasion_together() -> None:
    long, after = (0.0, 7200.0), (7200.0 + TOGETHER, 9000.0)
    assert occasions([long, (60.0, 120.0), after]) == [[0, 1, 2]]
    assert occasions([long, (60.0, 120.0), (after[0] + 1, after[1])]) == [[0, 1], [2]]
    assert occasions([]) == []


def test_turns_far_apart_are_no_neighbours() -> None:
    """A day between the two of a pair: nothing is shared."""
    pair = sides([(at % 2, at * DAY, 1.0) for at in range(6)])
    assert sampling(*pair).kind == "occasions"
    assert sampling(*pair).counts == (3, 3)


def test_a_last_turn_that_is_left_over_belongs_to_the_last_pair() -> None:
    assert sampled_as(in_turns("ABABABA")).groups == ([[0], [1], [2, 3]], [[0], [1], [2]])


def test_two_places_share_no_hour() -> None:
    """What the hour brings to a laptop it does not bring to a host in the cloud, so their runs make no pairs."""
    base, new = sides([(side, begun, 1.0) for side, begun in in_turns("ABABAB")])
    for sample in new.samples:
        sample.run.environment["cores"] = 64
    assert sampling(base, new).kind == "occasions"
    assert sampling(base, new).counts == (1, 1)
