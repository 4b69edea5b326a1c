"""The capacity search, as the state machine it is: no clock, no sockets."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.analysis.capacity import WINDOWS, Demand, Found, Observation, Search, Trial
from benchmark.analysis.capacity_fit import Tally, struck
from tests.analysis.searches import scores

P99 = Demand("p99 < 100ms", 0.01)


def seen(trial: Trial, share: float, **more: float | int | str) -> Observation:
    """A trial whose every window has the same share of violations."""
    requests = np.full(WINDOWS, trial.level * trial.seconds / WINDOWS)
    values = {"admitted": trial.level * (1 - share), **more}
    response = np.full(WINDOWS, 1 + share)
    return Observation(requests, {P99.text: share * requests}, response, 1.5 * trial.seconds, **values)  # type: ignore[arg-type]


def found(search: Search, share_at: dict[str, float] | None = None, **law: float) -> Found:
    while (trial := search.propose()) is not None:
        search.observe(seen(trial, 0.9 if trial.level > law["capacity"] else 0.0))
    return search.result()


def test_a_sharp_edge_is_found() -> None:
    search = Search([P99], start=20, budget=900, trial=20)
    result = found(search, capacity=437)
    assert result.value == pytest.approx(437, rel=0.05)
    assert result.low <= 437 <= (result.high or 0)
    assert result.limited_by == "latency"
    assert result.demand == P99.text
    assert result.head_room == pytest.approx(0.7 * result.value)


def test_a_start_that_is_too_much_is_no_trouble() -> None:
    result = found(Search([P99], start=5000, budget=900, trial=20), capacity=437)
    assert result.value == pytest.approx(437, rel=0.1)


@pytest.mark.parametrize("share", [0.9, 0.08])
def test_what_no_load_meets_has_no_capacity(share: float) -> None:
    """A service that takes longer than the objective allows, however idle it is."""
    random, search, levels = np.random.default_rng(2), Search([P99], start=20, budget=9000, trial=20), []
    while (trial := search.propose()) is not None:
        levels.append(trial.level)
        requests = random.poisson(trial.level * trial.seconds / WINDOWS, WINDOWS).astype(np.float64)
        broken = random.binomial(requests.astype(int), share).astype(np.float64)
        search.observe(Observation(requests, {P99.text: broken}, np.ones(WINDOWS), trial.seconds))
    result = search.result()
    assert (result.value, result.low, result.limited_by) == (0, 0, "latency")
    assert result.high in levels
    assert 20 / 600 < min(levels) < 20 / 200


def test_levels_of_connections_are_whole() -> None:
    search = Search([P99], start=1, budget=2000, trial=20, whole=True)
    levels = []
    while (trial := search.propose()) is not None:
        levels.append(trial.level)
        search.observe(seen(trial, 0.5 if trial.level > 24 else 0.0))
    assert all(level == round(level) for level in levels)
    assert search.result().value == pytest.approx(24, abs=2)


def test_the_growth_does_not_believe_one_noisy_trial() -> None:
    search, trials = Search([P99], start=10, budget=900, trial=20), []
    while (trial := search.propose()) is not None:
        trials.append(trial.level)
        noise = len(trials) == 3  # the whole trial is bad, once
        search.observe(seen(trial, 0.5 if noise or trial.level > 437 else 0.0))
    assert trials[2] == trials[3] == 40  # opened again
    assert search.result().value == pytest.approx(437, rel=0.15)


def test_out_of_time_it_keeps_what_it_has() -> None:
    search, spent = Search([P99], start=10, budget=200, trial=20), 0.0
    while (trial := search.propose()) is not None:
        spent += 1.5 * trial.seconds
        search.observe(seen(trial, 0.9 if trial.level > 437 else 0.0))
    assert spent <= 200
    result = search.result()
    assert result.low < 437
    assert result.high is None or result.high > 320


def test_what_nothing_broke_has_no_upper_limit() -> None:
    search = Search([P99], start=10, budget=150, trial=20)
    result = found(search, capacity=1e9)
    assert (result.high, result.limited_by, result.demand) == (None, None, None)
    assert result.value == max(level.level for level in result.levels)


def test_a_rate_limit_is_the_gateways_and_not_the_services() -> None:
    search = Search([P99], start=100, budget=900, trial=20)
    while (trial := search.propose()) is not None:
        over = max(0.0, trial.level - 1000)
        share = over / trial.level
        search.observe(seen(trial, share, rate_limited=round(over * trial.seconds)))
    result = search.result()
    assert result.limited_by == "gateway"
    assert result.value == pytest.approx(1000, rel=0.01)
    assert result.low == pytest.approx(950, rel=0.01)  # what the service held all the same


def test_a_service_that_gives_way_below_the_rate_limit_is_found_all_the_same() -> None:
    search = Search([P99], start=100, budget=1200, trial=20)
    while (trial := search.propose()) is not None:
        over = max(0.0, trial.level - 1000)
        share = 0.9 if trial.level > 870 else 0.0
        limited = {"rate_limited": round(over * trial.seconds), "admitted": trial.level - over}
        search.observe(seen(trial, share, **limited))
    result = search.result()
    assert result.limited_by == "latency"
    assert result.value == pytest.approx(870, rel=0.05)


def test_a_late_generator_is_asked_again_and_then_ends_the_search() -> None:
    search, levels = Search([P99], start=100, budget=900, trial=20), []
    while (trial := search.propose()) is not None:
        levels.append(trial.level)
        search.observe(seen(trial, 0.0, flaw="late" if trial.level > 900 else ""))
    assert levels.count(1600) == 3
    result = search.result()
    assert result.limited_by == "generator"
    assert 690 < result.value <= 900


def test_a_search_of_which_no_trial_can_be_used_ends_all_the_same() -> None:
    search, trials = Search([P99], start=100, budget=60, trial=20), 0
    while (trial := search.propose()) is not None:
        search.observe(seen(trial, 0.0, flaw="late"))
        trials += 1
    assert trials <= 3
    assert not any(level.usable for level in search.result().levels)


def test_a_full_queue_gives_way_as_that() -> None:
    search = Search([P99], start=100, budget=900, trial=20)
    while (trial := search.propose()) is not None:
        share = 0.3 if trial.level > 437 else 0.0
        refused = round(share * trial.level * trial.seconds)
        search.observe(seen(trial, share, queue_full=refused, failed=refused))
    assert search.result().limited_by == "queue"


def test_a_growing_backlog_is_a_no_at_once() -> None:
    search = Search([P99], start=100, budget=900, trial=20)
    trial = search.propose()
    assert trial is not None
    requests, broken = np.full(WINDOWS, 100.0), np.linspace(0, 100, WINDOWS).round()
    search.observe(Observation(requests, {P99.text: broken}, np.linspace(1, 9, WINDOWS), 30.0))
    (level,) = search.result().levels
    assert (level.grew, level.verdict) == (True, "no")


def test_windows_are_enlarged_until_neighbours_do_not_agree() -> None:
    clumps = np.repeat(np.random.default_rng(1).binomial(100, 0.02, 40), 4).astype(float)
    tally = Tally(np.full(160, 100.0), clumps)
    assert 10 <= len(tally.enlarged().requests) < 160
    assert tally.clumping() > 1.5 * Tally(np.full(160, 100.0), np.full(160, 2.0)).clumping()


@pytest.mark.parametrize(
    ("late", "nearly", "noise"),
    [
        (120, 130, True),  # they were late, and hardly another waited
        (120, 400, False),  # a queue: many waited nearly as long
        (3, 3, False),  # too few to tell
        (600, 620, False),  # the window is lost, whatever it was
    ],
)
def test_what_strikes_some_requests_and_delays_no_other_is_noise(late: int, nearly: int, noise: bool) -> None:
    requests, others = np.full(WINDOWS, 1000.0), np.zeros(WINDOWS)
    one = (np.arange(WINDOWS) == 7).astype(float)
    assert (
        struck(requests, others + late * one, others + nearly * one).tolist()
        == (one * noise).astype(bool).tolist()
    )


def test_what_strikes_most_windows_is_the_load() -> None:
    requests = np.full(WINDOWS, 1000.0)
    late = np.where(np.arange(WINDOWS) < 6, 120.0, 0.0)
    assert not struck(requests, late, late).any()


def test_noise_is_no_capacity_and_stays_in_the_account() -> None:
    """Every trial has one struck window, at the lowest loads too; the edge is where the queue is."""
    search = Search([P99], start=20, budget=900, trial=20)
    while (trial := search.propose()) is not None:
        requests = np.full(WINDOWS, trial.level * trial.seconds / WINDOWS)
        late = np.where(
            np.arange(WINDOWS) == 4, 0.25 * requests, 0.9 * requests if trial.level > 437 else 0.0
        )
        nearly = np.minimum(requests, 1.1 * late)
        search.observe(
            Observation(
                requests,
                {P99.text: late},
                np.ones(WINDOWS),
                30.0,
                late={P99.text: late},
                nearly={P99.text: nearly},
            )
        )
    result = search.result()
    assert result.value == pytest.approx(437, rel=0.05)
    assert result.background == pytest.approx(0.25 / WINDOWS, rel=0.7)


@pytest.mark.parametrize("noisy", [False, True])
def test_queues_of_known_capacity(noisy: bool) -> None:
    """A dozen searches; `make capacity` runs 200 of each kind, and demands 92 % of both."""
    within, covered = scores(12, noisy=noisy)
    assert within >= 0.7
    assert covered >= 0.7
