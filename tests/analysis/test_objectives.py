from __future__ import annotations

import numpy as np
import pytest

from benchmark.analysis.objectives import judge
from benchmark.analysis.summary import summarise
from benchmark.measure.recording import Recording
from benchmark.result.model import ObjectiveResult
from benchmark.result.run import Round
from tests.analysis.runs import a_recording, a_round, a_run


def judged(objective: str, rounds: list[Round] | None = None, **settings: object) -> ObjectiveResult:
    """On ten rounds of 100 answers in 10 ms, but for a few that failed."""
    run = a_run({"vpc": []}, objectives=[objective], **settings)
    run.rounds = rounds if rounds is not None else [a_round("vpc", at, mostly_well()) for at in range(10)]
    (found,) = judge(run)
    return found


def mostly_well() -> Recording:
    return a_recording(np.full(97, 10.0), failures={"status": 1, "timeout": 2}, unanswered=2)


@pytest.mark.parametrize(
    ("objective", "met", "said"),
    [
        ("p50 < 800ms", True, "10 ms"),
        ("vpc.p75 < 5ms", False, "10 ms"),
        ("p95 <= 11ms", True, "10 ms"),
        ("p99 < 800ms", False, "≥ 1 s"),
        ("p99 < 2s", False, "≥ 1 s"),
        ("p99.9 < 800ms", False, "≥ 1 s"),
        ("mean < 800ms", False, "no mean: some requests were never answered"),
        ("max < 800ms", False, "≥ 1 s"),
        ("failures < 5%", True, "3.00%"),
        ("failures < 3%", False, "3.00%"),
        ("rate > 95% of offered", True, "97.0% of offered"),
        ("rate > 48/s", True, "48.5/s"),
        ("rate > 49/s", False, "48.5/s"),
    ],
)
def test_objectives(objective: str, met: bool, said: str) -> None:
    found = judged(objective)
    assert (found.met, found.said) == (met, said)
    assert (found.measured is None) is said.startswith(("≥", "no mean"))


def test_no_data_meets_nothing() -> None:
    flawed = a_round("vpc", 0, mostly_well(), flaw="late")
    assert judged("p50 < 1s", [flawed]).said == "no data"
    assert not judged("failures < 1%", []).met


def test_a_quantile_needs_data() -> None:
    found = judged("p99 < 1s", [a_round("vpc", 0, a_recording(np.full(50, 10.0)))])
    assert (found.met, found.decided, found.measured) == (False, False, None)
    assert found.said == "not enough data: 0 of 50 exchanges lie beyond it, and to be met takes 10 (of 1,000)"


def test_a_closed_loop_offers_nothing() -> None:
    found = judged("rate > 95% of offered", open_loop=False, rate=None)
    assert not found.met
    assert "closed loop" in found.said


def test_missed_objectives_fail_the_run() -> None:
    sides = {
        name: [a_recording(np.full(100, median))] * 3 for name, median in (("public", 30.0), ("vpc", 2.0))
    }
    verdict = summarise(a_run(sides, objectives=["p90 < 5ms", "vpc.failures < 1%"])).verdict
    assert verdict.status == "fail"
    assert verdict.reasons == ["public misses p90 < 5ms: 30 ms"]


def against(limit: str, spread: float = 0.02, rounds: int = 10) -> ObjectiveResult:
    """Two targets whose medians are 30 ms and 12 ms: the ratio is 0.4."""
    random = np.random.default_rng(5)
    sides = {
        name: [
            a_recording(median * random.normal(1, spread) * random.lognormal(0, 0.1, 100))
            for _ in range(rounds)
        ]
        for name, median in (("public", 30.0), ("vpc", 12.0))
    }
    (found,) = judge(a_run(sides, objectives=[f"vpc.p50 < {limit}"]))
    return found


@pytest.mark.parametrize(
    ("limit", "spread", "met"),
    [
        ("public.p50", 0.02, True),
        ("0.5 * public.p50", 0.02, True),
        ("0.3 * public.p50", 0.02, False),
        ("0.45 * public.p50", 0.3, False),  # it may be, but that cannot be told
    ],
)
def test_an_objective_between_targets_goes_by_the_interval(limit: str, spread: float, met: bool) -> None:
    found = against(limit, spread)
    assert found.met is met
    assert found.measured == pytest.approx(0.4, rel=0.02 if spread < 0.1 else 0.5)
    assert "× public (95 % CI 0." in found.said
    assert ("cannot tell" in found.said) is (spread > 0.1)


def test_between_targets_a_single_round_tells_nothing() -> None:
    found = against("public.p50", rounds=1)
    assert (found.met, found.measured) == (False, None)
    assert "not enough data" in found.said


@pytest.mark.parametrize(("least", "met"), [(1000, True), (1001, False)])
def test_a_minimum_sample(least: int, met: bool) -> None:
    run = a_run({"vpc": [mostly_well()] * 10}, objectives=[{"check": "failures < 5%", "min_sample": least}])
    (found,) = judge(run)
    assert found.met is met
    assert met or found.said == "not enough data: 1,000 of the 1,001 exchanges that were asked for"


def test_goodput() -> None:
    recording = mostly_well()
    recording.counters["good"] = 95
    found = judged("goodput > 94%", [a_round("vpc", 0, recording)])
    assert (found.met, found.said) == (True, "95.00%")
