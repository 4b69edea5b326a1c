from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from benchmark.analysis.summary import summarise
from benchmark.measure.histogram import BYTE, Histogram
from benchmark.result.run import Run
from benchmark.schedule.base import Schedule, due_before
from benchmark.schedule.open_loop import ConstantRate, Gamma, Poisson
from benchmark.schedule.replay import Replay
from benchmark.schedule.stages import Stage, Staged
from benchmark.units import NANOSECONDS
from tests.analysis.runs import a_recording, a_round, a_run


def test_the_account_covers_flawed_rounds_and_figures_do_not() -> None:
    run = a_run({"vpc": [a_recording(np.full(100, 10.0))] * 2})
    run.rounds.append(a_round("vpc", 2, a_recording(np.full(50, 99.0), unsent=3), flaw="late", unmeasured=7))
    run.probes["vpc"] = 4
    found = summarise(run).targets["vpc"]
    assert (found.counts.scheduled, found.counts.ok, found.counts.unsent) == (253, 250, 3)
    assert (found.rounds, found.unmeasured.warmup, found.unmeasured.probes) == (2, 7, 4)
    assert found.response_ms.max == 10
    assert found.rate.achieved == pytest.approx(50)
    assert found.rate.offered == 50


@pytest.mark.parametrize("rate", [0.7, 1.5, 50.0, 333.3])
@pytest.mark.parametrize("schedule", ["constant", "poisson", "gamma", "stages", "replay"])
def test_what_is_offered_is_achieved_where_nothing_is_lost(schedule: str, rate: float) -> None:
    """Of requests due in rounds of 2 s, after a warm-up of 1.1 s: a fencepost more or less is in both."""
    laws: dict[str, Callable[[int], Schedule]] = {
        "constant": lambda _: ConstantRate(rate),
        "poisson": lambda number: Poisson(rate, number),
        "gamma": lambda number: Gamma(rate, 0.5, number),
        "stages": lambda _: Staged(ConstantRate(1.0), (Stage(rate / 2, rate, 2.0), Stage(rate, 0.1, 2.0))),
        "replay": lambda number: Replay(
            tuple(range(0, 10**10, round(NANOSECONDS / rate))), 10**10, number * 10**9
        ),
    }
    since, until = round(1.1 * NANOSECONDS), round(3.1 * NANOSECONDS)
    counts = [due_before(laws[schedule](number), until, since) for number in range(10)]
    run = a_run({"vpc": [a_recording(np.full(count, 10.0)) for count in counts]}, rate=rate)
    found = summarise(run).targets["vpc"].rate
    assert found.offered == found.achieved == sum(counts) / 20


def test_a_closed_loop_offers_no_rate() -> None:
    run = a_run({"vpc": [a_recording(np.full(100, 10.0))] * 2}, open_loop=False, rate=None)
    assert summarise(run).targets["vpc"].rate.offered is None


@pytest.mark.parametrize("targets", [["vpc"], ["public", "vpc"], ["a", "b", "c"]])
def test_every_target_is_set_beside_the_baseline(targets: list[str]) -> None:
    result = summarise(a_run({name: [a_recording(np.full(100, 10.0))] * 3 for name in targets}))
    assert [(each.baseline, each.candidate) for each in result.comparisons] == [
        (targets[0], x) for x in targets[1:]
    ]


def test_it_is_json_even_of_an_empty_run_and_after_keeping() -> None:
    empty = a_run({"public": [], "vpc": []}, objectives=["p99 < 1s"])
    assert json.loads(summarise(empty).to_json())["targets"]["vpc"]["response_ms"]["p50"] is None
    run = a_run({"vpc": [a_recording(np.arange(1, 200), failures={"timeout": 1}, unanswered=1)] * 3})
    again = Run.from_dict(json.loads(json.dumps(run.to_dict())))
    assert summarise(again).to_json() == summarise(run).to_json()


def test_sizes_of_answers_are_of_all_sound_rounds_together() -> None:
    recordings = [a_recording(np.full(100, 10.0)) for _ in range(2)]
    for recording, size in zip(recordings, (300, 900), strict=True):
        recording.histograms["size"] = Histogram.of(np.full(100, size * BYTE))
    sizes = summarise(a_run({"vpc": recordings})).targets["vpc"].response_bytes
    assert sizes is not None
    assert (sizes.mean, sizes.max) == (600, 900)
    assert sizes.p50 == pytest.approx(300, abs=1)
    assert sizes.p99 == pytest.approx(900, abs=1)
    assert summarise(a_run({"vpc": []})).targets["vpc"].response_bytes is None
