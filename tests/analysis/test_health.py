from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.analysis.comparison import Outcome, outcome
from benchmark.analysis.health import harm, lateness
from benchmark.analysis.statistics import Interval
from benchmark.analysis.summary import summarise
from benchmark.measure.exchange import FIELDS, Failure
from benchmark.measure.recorder import count
from benchmark.measure.recording import Recording
from benchmark.result.run import STOPPED, Run
from benchmark.units import MILLISECOND
from tests.analysis.runs import a_recording, a_run

US = 1_000.0  # nanoseconds


@pytest.mark.parametrize(
    ("values", "late", "saved", "withheld"),
    [
        # alike and fast, with ordinary wake-ups: they may still be found alike
        ((160, 162), (80, 85), (-5, 8), ""),
        # late by more than waking up costs, and by 5 % of the figure
        ((5_000, 5_000), (300, 300), (-5, 5), "difference"),
        ((50_000, 50_000), (300, 300), (-5, 5), ""),
        # the difference is made of lateness, or is not
        ((160, 200), (80, 95), (30, 50), "difference"),
        ((1000, 1500), (80, 85), (490, 510), ""),
        # 31 ms against 1.6 ms: what both have of lateness changes nothing
        ((31_000, 1_600), (90, 95), (-29_600, -29_200), ""),
        # three times as slow without lateness, and less than twice with it
        ((160, 300), (100, 100), (135, 145), "ratio"),
        ((90, 300), (100, 100), (200, 220), "ratio"),
    ],
)
def test_harm(values: tuple[int, int], late: tuple[int, int], saved: tuple[int, int], withheld: str) -> None:
    claim = Interval((values[1] - values[0]) * US, saved[0] * US, saved[1] * US)
    found = harm((values[0] * US, values[1] * US), (late[0] * US, late[1] * US), claim)
    assert bool(found.difference) is (withheld == "difference")
    assert bool(found.ratio) is (withheld == "ratio")


@pytest.mark.parametrize("shared", [True, False], ids=["the late are the slow", "the late are others"])
def test_lateness_counts_where_it_makes_the_quantile(shared: bool) -> None:
    """1.5 % of requests are 2 ms late, and 1.5 % slow by themselves: against the p99 without any lateness."""
    random = np.random.default_rng(5)
    n = 200_000
    own = random.normal(1.0, 0.05, n) + np.where(np.arange(n) < 0.015 * n, random.exponential(8.0, n), 0)
    late = np.where(np.arange(n) >= 0.985 * n, 2.0, 0.01)
    if shared:
        late = late[::-1]
    due = np.zeros(n, np.int64)
    taken, done = ((each * MILLISECOND).astype(np.int64) for each in (late, late + own))
    kept = Recording()
    columns = dict.fromkeys(FIELDS, due) | {"taken": taken, "sent": taken, "first_byte": done, "done": done}
    count(kept, columns | {"failure": np.full(n, Failure.NONE)}, np.ones(1, np.int64), 0)
    truth = (np.quantile(late + own, 0.99) - np.quantile(own, 0.99)) * MILLISECOND
    found = lateness([kept], 0.99)
    assert (found > 1.9 * MILLISECOND) is shared
    assert 0.95 * truth < found < truth + 0.5 * MILLISECOND


def pair(first: float, second: float, lateness: float = 0.05, **settings: object) -> Run:
    """Ten rounds a side of 0.4 s at 200/s, in milliseconds."""
    random = np.random.default_rng(3)
    return a_run(
        {
            name: [
                a_recording(median + lateness * random.exponential(1, 80), lateness=lateness)
                for _ in range(10)
            ]
            for name, median in (("one", first), ("two", second))
        },
        **settings,
    )


def test_two_fast_servers_alike_on_a_noisy_host_are_alike() -> None:
    result = summarise(pair(0.15, 0.15, lateness=0.08))
    assert outcome(result.comparisons[0].primary) is Outcome.ALIKE
    assert result.verdict.status == "pass"


def test_a_late_generator_makes_the_run_invalid() -> None:
    result = summarise(pair(5, 6, lateness=1.0))
    assert result.verdict.status == "invalid"
    assert "the generator itself was 1 ms late" in result.verdict.reasons[0]
    assert "idle core" in result.verdict.reasons[0]


@pytest.mark.parametrize(("bad", "status"), [(2, "pass"), (3, "invalid")])
def test_too_many_bad_rounds(bad: int, status: str) -> None:
    run = pair(5, 6)
    numbers = range(bad)
    run.rounds = [replace(each, flaw="it was late" if each.number in numbers else "") for each in run.rounds]
    result = summarise(run)
    assert result.verdict.status == status
    reasons = result.generator.reasons
    assert len(reasons) == 4
    assert "it was late" in reasons[0]
    assert "3 more rounds" in reasons[3] if 2 * bad > 4 else "it was late" in reasons[3]
    assert result.targets["one"].rounds == 10 - bad
    assert result.targets["one"].counts.scheduled == 800


def test_a_run_that_an_objective_ended_has_failed_however_few_its_rounds() -> None:
    run = pair(5, 6, objectives=["p50 < 1ms"])
    run.aborted = "`p50 < 1ms` on one"
    run.rounds = [replace(each, flaw=STOPPED * each.number) for each in run.rounds if each.number < 2]
    verdict = summarise(run).verdict
    assert verdict.status == "fail"
    assert "the run was ended early" in verdict.reasons[0]


def test_an_interrupted_run_says_so_first() -> None:
    run = pair(5, 6, lateness=1.0)
    run.interrupted = "stopped by a signal"
    verdict = summarise(run).verdict
    assert verdict.status == "interrupted"
    assert "stopped by a signal" in verdict.reasons[0]


def test_a_lost_process_makes_the_run_invalid_even_where_it_was_stopped_then() -> None:
    run = pair(5, 6)
    run.lost, run.interrupted = "a sending process was lost (killed by SIGKILL)", "stopped by a signal"
    verdict = summarise(run).verdict
    assert verdict.status == "invalid"
    assert "SIGKILL" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("objective", "late_tail", "status"),
    [
        ("p90 < 10ms", 1.0, "pass"),  # met in spite of the lateness
        ("p90 < 5ms", 0.01, "fail"),
        ("p90 < 5ms", 1.0, "invalid"),  # missed, perhaps because of it
    ],
)
def test_a_missed_objective_may_be_the_generators_fault(
    objective: str, late_tail: float, status: str
) -> None:
    recordings = [a_recording(np.full(100, 6.0)) for _ in range(3)]
    for recording in recordings:
        recording.histograms["lateness"].record(np.full(30, late_tail * MILLISECOND, np.int64))
    assert summarise(a_run({"only": recordings}, objectives=[objective])).verdict.status == status


def test_a_single_target_must_answer_for_itself() -> None:
    run = a_run({"only": [a_recording(np.full(100, 2.0), lateness=1.0)] * 3})
    verdict = summarise(run).verdict
    assert verdict.status == "invalid"
    assert "at p50" in verdict.reasons[0]


def test_a_machine_that_ran_out_of_ports_measured_nobody() -> None:
    recordings = [a_recording(np.full(100, 2.0), failures={"no-ports": 3}) for _ in range(3)]
    verdict = summarise(a_run({"only": recordings})).verdict
    assert verdict.status == "invalid"
    assert "9 requests failed on this machine" in verdict.reasons[0]
    assert "ip_local_port_range" in verdict.reasons[0]


@pytest.mark.parametrize(("unsent", "saturated"), [(0, False), (10, True)])
def test_reached_and_asked_rate(unsent: int, saturated: bool) -> None:
    recordings = [a_recording(np.full(100 - unsent, 2.0), unsent=unsent) for _ in range(3)]
    generator = summarise(a_run({"only": recordings})).generator
    assert (generator.asked_rate, generator.saturated) == (50.0, saturated)
    assert generator.reached_rate == pytest.approx(50 - unsent / 2, rel=1e-3)


def test_a_closed_loop_asks_for_no_rate() -> None:
    generator = summarise(a_run({"only": [a_recording([2.0])]}, open_loop=False)).generator
    assert (generator.asked_rate, generator.reached_rate) == (None, None)
