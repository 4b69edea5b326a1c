"""One figure that cannot be made costs one row, never the report; and a test always sees that it could not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import benchmark.analysis.comparison
import benchmark.analysis.summary
from benchmark.analysis.contained import AnalysisBug, contained
from benchmark.analysis.summary import summarise
from benchmark.cli.run import WRITTEN
from benchmark.report.document import describe
from benchmark.report.render import render
from benchmark.result.model import Result
from benchmark.result.run import Run
from tests.analysis.runs import a_recording, a_run
from tests.analysis.test_stream import a_side, streams


def every_file(run: Run) -> Result:
    """The run's figures, with every form of the report made of them."""
    result = summarise(run)
    report = describe(result, run)
    assert all(render(format_, report, result) for format_ in WRITTEN.values())
    assert "NaN" not in result.to_json()
    assert "Infinity" not in result.to_json()
    return result


def two_targets() -> Run:
    random = np.random.default_rng(1)
    return a_run(
        {name: [a_recording(random.exponential(10, 200)) for _ in range(5)] for name in ("public", "vpc")}
    )


@pytest.mark.parametrize("zero", [(True, False), (False, True), (True, True)])
def test_gaps_of_nothing_have_a_difference_and_no_ratio(zero: tuple[bool, bool]) -> None:
    """A gateway that buffers hands on all tokens at once."""
    sides = [a_side(gap=0 if each else 10, seed=at) for at, each in enumerate(zero)]
    for primary in ("itl.p90", "itl.p99", "ttft.p50"):
        (compared,) = every_file(streams(*sides, primary=primary, asks_usage=True)).comparisons
        rows = {each.metric: each for each in compared.metrics}
        for name in ("itl.mean", "itl.p50", "itl.p99"):
            assert rows[name].ratio.low is None
        assert rows["ttft.p50"].ratio.low is not None


@pytest.mark.parametrize(
    "load", [{"precision": 0.05, "max_rounds": 20}, {"objectives": ["vpc.itl.p50 < 2 * public.itl.p50"]}]
)
def test_other_things_that_ask_for_a_ratio_of_nothing(load: dict[str, Any]) -> None:
    every_file(streams(a_side(gap=0), a_side(gap=0, seed=2), primary="itl.p90", asks_usage=True, **load))


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("by hand")


def test_a_row_that_fails_is_withheld_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark.analysis.comparison, "intervals", broken)
    with pytest.warns(AnalysisBug, match="by hand"):
        result = every_file(two_targets())
    assert "a bug in vpcbench, please report it: ZeroDivisionError" in str(
        result.comparisons[0].primary.withheld
    )
    assert result.targets["vpc"].response_ms.p50 is not None


@pytest.mark.parametrize("section", ["breakdown", "cost_of", "precisions"])
def test_a_section_that_fails_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    monkeypatch.setattr(benchmark.analysis.summary, section, broken)
    with pytest.warns(AnalysisBug, match="by hand"):
        result = every_file(two_targets())
    assert "is left out: a bug in vpcbench" in result.notes[-1]


def test_an_objective_that_fails_is_not_met(monkeypatch: pytest.MonkeyPatch) -> None:
    run = two_targets()
    run.settings["objectives"] = ["p50 < 1h"]
    monkeypatch.setattr("benchmark.analysis.objectives.judge_one", broken)
    with pytest.warns(AnalysisBug, match="by hand"):
        result = every_file(run)
    assert [each.met for each in result.objectives] == [False, False]
    assert "by hand" in result.objectives[0].said


def test_tests_see_what_users_are_spared() -> None:
    with pytest.raises(AnalysisBug):
        contained("a row", broken, str)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert "by hand" in contained("a row", broken, str)


def test_what_is_no_fault_of_the_analysis_goes_on_up() -> None:
    def interrupted() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contained("a row", interrupted, str)
