from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.analysis.comparison import Outcome, compare, outcome, paired
from benchmark.analysis.estimate import Distribution
from benchmark.analysis.summary import summarise
from benchmark.measure.histogram import BYTE, Histogram
from benchmark.measure.recording import Recording
from benchmark.measure.series import Point
from benchmark.result.model import Comparison, Metric
from benchmark.result.run import Run
from benchmark.units import MILLISECOND
from tests.analysis.runs import a_recording, a_round, a_run


def rounds(median: float, seed: int, count: int = 10, requests: int = 100, **kept: Any) -> list[Recording]:
    random = np.random.default_rng(seed)
    return [
        a_recording(median * np.exp(0.1 * random.standard_normal(requests)), **kept) for _ in range(count)
    ]


def of(comparison: Comparison, name: str) -> Metric:
    return next(each for each in comparison.metrics if each.metric == name)


def compared(public: Sequence[Recording], vpc: Sequence[Recording], **settings: Any) -> Comparison:
    return compare(a_run({"public": public, "vpc": vpc}, **settings), "public", "vpc")


@pytest.mark.parametrize(
    ("median", "expected"), [(2, Outcome.FASTER), (30, Outcome.ALIKE), (40, Outcome.SLOWER)]
)
def test_a_slower_address_is_said_as_plainly(median: float, expected: Outcome) -> None:
    found = compared(rounds(30, 1), rounds(median, 2))
    assert outcome(found.primary) is expected
    assert found.primary.metric == "response.p50"
    assert sum(each.primary for each in found.metrics) == 1
    assert found.rounds == 10


def test_zero_variance_is_no_certainty() -> None:
    """Row 11 of the audit: ten rounds of 10.000 ms against 10.0002 read *slower*, with an interval of no width."""
    for later in (10.0002, 10.0):
        found = compared(*([a_recording(np.full(2000, each)) for _ in range(10)] for each in (10.0, later)))
        assert {outcome(each) for each in found.metrics if each.metric != "response.p99.9"} <= {
            Outcome.ALIKE,
            Outcome.NOT_ENOUGH_DATA,
        }
        assert outcome(found.primary) is Outcome.ALIKE
        assert (found.primary.difference.high or 0) > (found.primary.difference.low or 0)


def test_a_service_that_refuses_its_slowest_is_no_faster() -> None:
    """Row 3 of the audit: of one service, one side refuses its slowest 0.9 %, of which the rest reads *faster*."""
    random = np.random.default_rng(1)
    whole = [30 * np.exp(0.3 * random.standard_normal((10, 1000))) for _ in range(2)]
    served = [np.sort(each)[:991] for each in whole[1]]
    found = compared(
        [a_recording(each) for each in whole[0]],
        [a_recording(each, failures={"status": 9}) for each in served],
    )
    claimed = [each.metric for each in found.metrics if outcome(each) in {Outcome.FASTER, Outcome.SLOWER}]
    assert claimed == []
    for name in ("mean", "p50", "p90", "p99"):
        assert outcome(of(found, f"response.{name}")) is Outcome.ALIKE, "it is printed all the same"


def test_tables_and_comparisons_tell_one_story() -> None:
    result = summarise(a_run({"public": rounds(30, 1), "vpc": rounds(2, 2)}))
    for metric in result.comparisons[0].metrics:
        kind, _, figure = metric.metric.partition(".")
        for name, value in (("public", metric.baseline), ("vpc", metric.candidate)):
            assert value == getattr(result.targets[name], f"{kind}_ms").get(figure)
        if metric.difference.value is not None and metric.ratio.value is not None:
            assert metric.baseline is not None
            assert metric.candidate is not None
            assert metric.difference.value == pytest.approx(metric.candidate - metric.baseline)
            assert metric.ratio.value == pytest.approx(metric.candidate / metric.baseline)


def test_a_thin_tail_has_no_interval() -> None:
    found = compared(rounds(30, 1, requests=50), rounds(2, 2, requests=50))
    p99, p999 = of(found, "response.p99"), of(found, "response.p99.9")
    assert (p99.enough_data, p99.difference.low) == (False, None)
    assert p99.difference.value is not None
    assert p99.withheld == "not enough data: 5 of 500 exchanges lie beyond it, and an interval needs 10"
    assert outcome(p99) is Outcome.NOT_ENOUGH_DATA
    assert p999.baseline is None


@pytest.mark.parametrize("count", [0, 1])
def test_an_interval_needs_two_rounds(count: int) -> None:
    found = compared(rounds(30, 1, count), rounds(2, 2, count))
    assert found.primary.enough_data is False
    assert found.primary.difference.low is None
    assert (found.primary.difference.value is not None) is bool(count)
    assert "at least 2" in (found.primary.withheld or "")


def test_rounds_without_answers_make_no_interval() -> None:
    nothing = [a_recording([], failures={"connect-refused": 100}) for _ in range(10)]
    found = compared(nothing, nothing)
    assert all(each.difference.low is None for each in found.metrics)


def test_only_sound_pairs_are_compared() -> None:
    run = a_run({"public": rounds(30, 1, 3), "vpc": rounds(2, 2, 3)})
    run.rounds[1] = replace(run.rounds[1], flaw="the generator was late")
    run.rounds.reverse()
    assert [pair[0].number for pair in paired(run.rounds, "public", "vpc")] == [0, 2]


@pytest.mark.parametrize(
    ("refused", "withheld"),
    [
        ((0, 0), set()),
        ((2, 2), {"p99", "p99.9"}),  # 2 % on both: more than the 1 % beyond p99
        ((0, 2), {"p99", "p99.9"}),  # the rest holds also were these the slowest
    ],
)
def test_quick_refusals_withhold(refused: tuple[int, int], withheld: set[str]) -> None:
    sides = [rounds(30, at, failures={"status": n}) for at, n in enumerate(refused)]
    found = compared(*sides)
    said = {
        each.metric.removeprefix("response.") for each in found.metrics if "refused" in (each.withheld or "")
    }
    assert {name for name in said if not name.startswith("service")} == withheld


def test_what_reaches_the_unanswered_is_withheld() -> None:
    lossy = rounds(30, 1, failures={"timeout": 20}, unanswered=20)
    found = compared(lossy, rounds(2, 2))
    assert "never answered" in (of(found, "response.p90").withheld or "")
    assert outcome(of(found, "response.p90")) is Outcome.WITHHELD
    assert outcome(of(found, "response.p50")) is Outcome.FASTER
    assert of(found, "response.mean").baseline is None


def test_an_open_loop_prints_no_throughput() -> None:
    names = [each.metric for each in compared(rounds(30, 1), rounds(2, 2)).metrics]
    assert "throughput" not in names
    assert {"response.mean", "response.p99.9", "service.p50"} <= set(names)


@pytest.mark.parametrize("primary", ["response.p99", "response.p75", "response.max"])
def test_the_headline_is_fixed_beforehand(primary: str) -> None:
    found = compared(rounds(30, 1), rounds(2, 2), primary=primary)
    assert found.primary.metric == ("response.p50" if primary == "response.max" else primary)


def test_unsent_requests_withhold_latency() -> None:
    found = compared(rounds(30, 1, unsent=5), rounds(2, 2))
    assert "public was sent 95% of the offered rate" in (found.primary.withheld or "")


def test_waiting_for_connections_withholds_latency() -> None:
    found = compared(rounds(30, 1, pool=10), rounds(2, 2))
    assert "backlog" in (found.primary.withheld or "")


def test_one_stall_is_no_backlog() -> None:
    public = rounds(30, 1)
    public[3] = rounds(30, 1, 1, pool=25)[0]
    assert compared(public, rounds(2, 2)).primary.withheld is None


@pytest.mark.parametrize(("growth", "withheld"), [(0.0, False), (0.01, False), (0.05, True)])
def test_a_growing_backlog_withholds_latency(growth: float, withheld: bool) -> None:
    """Response times that grow by 5 % of the time that passes: 95 % of the rate is answered."""
    random = np.random.default_rng(1)
    public = rounds(30, 1)
    for recording in public:
        for second in range(4):
            point = recording.series.points[second] = Point()
            times = (30 + second * growth * 1000 + random.normal(0, 5, 25)) * MILLISECOND
            point.response = Histogram.of(times.astype(np.int64))
    assert bool(compared(public, rounds(2, 2)).primary.withheld) is withheld


def closed(cpu: float = 0.5, connects: tuple[float, float] = (30, 0.5), faster: float = 1.0) -> Run:
    run = a_run(
        {"public": rounds(30, 1), "vpc": rounds(30, 2, requests=round(100 * faster))},
        open_loop=False, rate=None, connections=8,
    )  # fmt: skip
    run.rounds = [replace(each, cpu_seconds=cpu * each.measured) for each in run.rounds]
    for each in run.rounds:
        connect = connects[each.target == "vpc"] * MILLISECOND
        each.recording.handshakes["connect"].record(np.array([connect], np.int64))
    return run


def test_a_closed_loop_is_headed_so_and_has_a_throughput() -> None:
    found = compare(closed(faster=2), "public", "vpc")
    assert of(found, "throughput").ratio.value == pytest.approx(2)
    assert (of(found, "throughput").baseline, outcome(of(found, "throughput"))) == (50, Outcome.FASTER)
    assert found.remarks[0].startswith("At equal concurrency")
    assert len(found.remarks) == 1


@pytest.mark.parametrize(("connects", "said"), [((30, 0.5), True), ((0.5, 0.6), False)])
def test_level_throughputs_over_unlike_trips_hide_the_address(
    connects: tuple[float, float], said: bool
) -> None:
    remarks = compare(closed(connects=connects), "public", "vpc").remarks
    assert any("Backend-bound" in each for each in remarks) is said


def test_a_saturated_closed_loop_withholds_latency() -> None:
    result = summarise(closed(cpu=0.99))
    found = result.comparisons[0]
    assert outcome(found.primary) is Outcome.WITHHELD
    assert any("at least" in each for each in found.remarks)
    assert result.generator.saturated
    assert result.verdict.status == "invalid"


def test_unfair_pairs_are_told() -> None:
    run = a_run({"public": rounds(30, 1), "vpc": rounds(2, 2)}, keep_connections=True)
    run.targets["vpc"] = replace(run.targets["vpc"], url="https://vpc.test/", addresses=("10.0.0.0:80",))
    remarks = compare(run, "public", "vpc").remarks
    for part in ("same address, 10.0.0.0:80", "Unlike schemes", "Connections were kept"):
        assert any(part in each for each in remarks)


def test_answers_of_unlike_sizes_are_told() -> None:
    run = a_run({"public": rounds(30, 1), "vpc": rounds(2, 2)})
    for each in run.rounds:
        each.recording.histograms["size"].record(
            np.full(9, 2048 * BYTE if each.target == "vpc" else 1900 * BYTE)
        )
    assert not any("Unlike answers" in each for each in compare(run, "public", "vpc").remarks)
    for each in run.rounds:
        each.recording.histograms["size"].record(np.full(9 * (each.target == "vpc"), 8192 * BYTE))
    (told,) = [each for each in compare(run, "public", "vpc").remarks if "Unlike answers" in each]
    assert "1.86 KiB on average from public, 5.00 KiB from vpc" in told


def test_a_round_more_on_one_side_is_left_out() -> None:
    run = a_run({"public": rounds(30, 1, 4), "vpc": rounds(2, 2, 3)})
    assert compare(run, "public", "vpc").rounds == 3
    assert len(Distribution.of(run.used("public"), "response").rounds) == 4
    run.rounds.append(a_round("vpc", 3, rounds(2, 5, 1)[0]))
    assert compare(run, "public", "vpc").rounds == 4
