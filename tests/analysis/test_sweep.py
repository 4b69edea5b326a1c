from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.analysis.summary import summarise
from benchmark.report.document import describe
from benchmark.report.markdown import render_markdown
from benchmark.result.run import Run
from tests.analysis.runs import a_recording, a_run
from tests.analysis.test_cost import PRICE, target

FIRST = 12  # number of the second level's first round


def swept(savings: Sequence[float], rounds: int = 10, **kept: Any) -> Run:
    """A sweep at whose levels the candidate saves so many milliseconds; one without rounds where that is NaN."""
    random = np.random.default_rng(3)
    whole, levels = None, []
    for at, saved in enumerate(savings):
        count = 0 if saved != saved else rounds
        sides = {
            name: [a_recording(random.normal(median, 2, 200)) for _ in range(count)]
            for name, median in (("public", 50), ("vpc", 50 - saved))
        }
        run = a_run(sides, **kept)
        levels.append(
            {
                "label": f"load.rate {at}/s",
                "values": {"load.rate": f"{at}/s"},
                "numbers": {"load.rate": float(at)},
                "first": at * FIRST,
                "settings": {**run.settings, "rate": float(at)},
            }
        )
        moved = [replace(each, number=each.number + at * FIRST) for each in run.rounds]
        whole = run if whole is None else whole
        whole.rounds = [*(whole.rounds if at else []), *moved]
    assert whole is not None
    whole.settings["sweep"] = levels
    return whole


def test_each_level_is_summarised_as_a_run_of_its_own() -> None:
    result = summarise(swept([5, 20, 40]))
    assert result.sweep is not None
    assert [level.label for level in result.sweep] == ["load.rate 0/s", "load.rate 1/s", "load.rate 2/s"]
    for level, saved in zip(result.sweep, (5, 20, 40), strict=True):
        (compared,) = level.comparisons
        difference = compared.primary.difference
        assert difference.low is not None
        assert difference.high is not None
        assert difference.low < -saved < difference.high
        assert compared.rounds == 10
        assert level.targets["vpc"].counts.scheduled == 2000
    assert result.verdict.status == "pass"
    assert [level.targets["public"].rate.offered for level in result.sweep] == [100, 100, 100]  # what was due


def test_every_level_has_its_own_cost() -> None:
    """Its own bytes at its own prices, as it would have alone."""
    run = swept([5, 20])
    for each in run.rounds:
        size = 5_000 if each.number < FIRST else 50_000
        each.recording.counters.update(
            segments_sent=1, ip_bytes_received=size * each.recording.scheduled, ip_bytes_sent=1
        )
    for level, price in zip(run.settings["sweep"], (0.8, 0.4), strict=True):
        level["settings"]["cost"] = {
            "currency": "CNY", "caller_egress": "none", "monthly_requests": 2_000_000,
            "targets": {"public": target(egress={**PRICE, "price": price}), "vpc": target("intranet")},
        }  # fmt: skip
    result = summarise(run)
    assert result.sweep is not None
    for level, cost in zip(result.sweep, (5 * 0.8, 50 * 0.4), strict=True):
        assert level.cost is not None
        assert level.cost.targets["public"].per_million == pytest.approx(cost)
        assert level.cost.targets["public"].per_month == pytest.approx(2 * cost)
        assert level.cost.targets["vpc"].per_million == 0
        assert level.cost.savings[0].per_million == pytest.approx(cost)
    told = render_markdown(describe(result, run))
    assert "10⁶ requests, CNY" in told
    assert re.search(r"\| 1/s +\| public +\| 50,000\.0 +\| .*\| 20\.00 +\| 40\.00 +\|", told)
    run.settings["sweep"][0]["settings"].pop("cost")
    assert summarise(run).sweep[0].cost is None  # type: ignore[index]


def test_the_gravest_level_decides_and_is_named() -> None:
    result = summarise(swept([5, 20], objectives=["vpc.p50 < 40ms"]))
    assert result.verdict.status == "fail"
    (reason,) = result.verdict.reasons
    assert reason.startswith("load.rate 0/s: vpc misses")


@pytest.mark.parametrize(("interrupted", "status"), [("stopped by a signal", "interrupted"), ("", "invalid")])
def test_a_level_that_was_not_measured_is_no_pass(interrupted: str, status: str) -> None:
    run = swept([5, float("nan")])
    run.interrupted = interrupted
    result = summarise(run)
    assert result.sweep is not None
    assert len(result.sweep) == 1
    assert result.sweep[0].verdict.status == "pass"  # it came to its end
    assert result.verdict.status == status
    assert "load.rate 1/s" in result.verdict.reasons[-1]


def test_the_level_during_which_it_was_stopped_says_so() -> None:
    run = swept([5, 20])
    run.rounds, run.interrupted = run.rounds[:-3], "stopped by a signal"
    result = summarise(run)
    assert result.sweep is not None
    assert [level.verdict.status for level in result.sweep] == ["pass", "interrupted"]
    assert result.verdict.status == "interrupted"
