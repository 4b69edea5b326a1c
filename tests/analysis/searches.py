"""Capacity searches in virtual time, against queues whose capacity theory knows.

`python -m tests.analysis.searches COUNT [FIRST]`: of so many seeds, from the first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq

from benchmark.analysis.capacity import WINDOWS, Demand, Found, Observation, Search, Trial
from tests.simulation.queues import Exponential, Floats, arrivals, one_server, servers

Services = Callable[[np.random.Generator, int], Floats]

P99 = Demand("p99 < limit", 0.01)
NOISY = 0.05  # of windows
WARMUP = 0.25  # of a trial


def lognormal(sigma: float) -> Services:
    """Of mean 1."""
    return lambda random, count: random.lognormal(-(sigma**2) / 2, sigma, count)


def exponential(random: np.random.Generator, count: int) -> Floats:
    """Of mean 1."""
    return random.exponential(1, count)


def constant(random: np.random.Generator, count: int) -> Floats:
    """Of mean 1."""
    return np.ones(count)


@cache
def long_run(services: Services, limit: float) -> float:
    """The load of one server at which one sojourn in a hundred exceeds so many mean services, by four million of them."""
    random = np.random.default_rng(7)
    gaps, work = random.exponential(1, 4_000_000), services(random, 4_000_000)
    return float(
        brentq(
            lambda load: float((one_server(np.cumsum(gaps / load), work) > limit).mean()) - P99.limit,
            0.2,
            0.99,
            xtol=1e-3,
        )
    )


@dataclass
class Service:
    """M/G/c of `speed` services per second and server; violations beyond `limit` seconds; noise where asked.

    `services` are drawn of mean 1. Constant ones come to one server at even intervals: a hard edge.
    """

    speed: float
    count: int
    limit: float
    random: np.random.Generator
    noisy: bool = True
    services: Services = exponential

    @property
    def capacity(self) -> float:
        """The rate at which one sojourn in a hundred exceeds the limit."""
        if self.services is constant:
            return self.speed
        if self.services is not exponential:
            return self.speed * long_run(self.services, self.limit * self.speed)
        full = self.count * (1 - 1e-6)
        limit = self.limit * self.speed
        return self.speed * float(
            brentq(lambda rate: Exponential(rate, self.count).beyond(limit) - P99.limit, 1e-6, full)
        )

    def run(self, trial: Trial) -> Observation:
        """One trial from an empty queue."""
        whole = trial.seconds * (1 + WARMUP)
        count = round(trial.level * whole * 1.02) + 20
        even = np.arange(count) / trial.level
        arrived = even if self.services is constant else arrivals(trial.level, count, self.random)
        sojourns = servers(arrived, self.services(self.random, count) / self.speed, self.count)
        window = np.floor((arrived - WARMUP * trial.seconds) / (trial.seconds / WINDOWS)).astype(int)
        inside = (window >= 0) & (window < WINDOWS)
        window, sojourns = window[inside], sojourns[inside]
        spikes = self.random.random(WINDOWS) < (NOISY if self.noisy else 0)
        struck = spikes[window] & (self.random.random(len(window)) < self.random.uniform(0.05, 0.25))
        sojourns = sojourns + struck * self.limit  # what a spike strikes is late, whatever the load
        requests = np.bincount(window, minlength=WINDOWS).astype(float)
        broken = np.bincount(window, sojourns > self.limit, WINDOWS).astype(float)
        nearly = np.bincount(window, sojourns > self.limit / 2, WINDOWS).astype(float)
        with np.errstate(invalid="ignore"):
            response = np.bincount(window, sojourns, WINDOWS) / requests
        return Observation(
            requests,
            {P99.text: broken},
            response,
            1.5 * trial.seconds,
            len(window) / trial.seconds,
            late={P99.text: broken},
            nearly={P99.text: nearly},
        )


def search(service: Service, budget: float, start: float, trial: float) -> tuple[Found, int]:
    """A whole search, and how many trials it took."""
    demand = Demand(P99.text, P99.limit, span=service.limit)
    machine, trials = Search([demand], start=start, budget=budget, trial=trial), 0
    while (wanted := machine.propose()) is not None:
        machine.observe(service.run(wanted))
        trials += 1
    return machine.result(), trials


def drawn(seed: int, *, noisy: bool = True) -> tuple[Service, Found, int]:
    """A service drawn at random, and what a search of it found."""
    random = np.random.default_rng(seed)
    count = int(random.choice([1, 2, 8]))
    speed = float(np.exp(random.uniform(np.log(100), np.log(1500)))) / count
    limit = random.uniform(10, 40) / speed / (1 if count == 1 else 2)
    service = Service(speed, count, limit, random, noisy)
    start = service.capacity * float(np.exp(random.uniform(np.log(0.02), np.log(0.2))))
    trial = float(np.clip(20_000 / (service.speed * service.count), 10, 60))
    found, trials = search(service, 60 * trial, start, trial)
    return service, found, trials


def found_of(
    services: Services, seed: int, *, limit: float = 10.0, trials: int = 60, trial: float = 20.0
) -> tuple[Service, Found, int]:
    """One server of these services, about a thousand a second at most, and what a search of so many trials' time found."""
    random = np.random.default_rng([1507, seed])
    speed = float(np.exp(random.uniform(np.log(100), np.log(1000))))
    service = Service(speed, 1, limit / speed, random, noisy=False, services=services)
    start = service.capacity * float(np.exp(random.uniform(np.log(0.02), np.log(0.2))))
    found, count = search(service, trials * trial, start, trial)
    return service, found, count


@dataclass(frozen=True)
class Score:
    """Of some searches."""

    covered: float
    bias: float  # median of the value over the capacity, less 1
    within: float  # 5 %
    width: float  # median of high over low
    trials: float


def score_of(services: Services, count: int, **asked: float) -> Score:
    """Of the searches of so many seeds."""
    seen = [found_of(services, seed, **asked) for seed in range(count)]  # type: ignore[arg-type]
    ratios = np.array([found.value / service.capacity for service, found, _ in seen])
    held = [found.low <= service.capacity <= (found.high or np.inf) for service, found, _ in seen]
    widths = [(found.high or np.inf) / max(found.low, 1e-9) for _, found, _ in seen]
    return Score(
        float(np.mean(held)),
        float(np.median(ratios)) - 1,
        float((abs(ratios - 1) < 0.05).mean()),
        float(np.median(widths)),
        float(np.mean([trials for *_, trials in seen])),
    )


def scores(count: int, first: int = 0, *, noisy: bool = True) -> tuple[float, float]:
    """Shares of searches that came within 5 % of the capacity, and whose interval holds it."""
    within = covered = 0
    for seed in range(first, first + count):
        service, found, _ = drawn(seed, noisy=noisy)
        within += abs(found.value / service.capacity - 1) < 0.05
        covered += found.low <= service.capacity <= (found.high or np.inf)
    return within / count, covered / count


if __name__ == "__main__":
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    for noise in (False, True):
        near, held = scores(int(sys.argv[1]), first, noisy=noise)
        print(f"noise: {noise}; within 5 %: {near:.1%}; the interval holds the truth: {held:.1%}", flush=True)
        assert near >= 0.92
        assert held >= 0.92
