"""Capacity searches in virtual time, against queues whose capacity theory knows.

`python -m tests.analysis.searches COUNT [FIRST]`: of so many seeds, from the first.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from benchmark.analysis.capacity import WINDOWS, Demand, Found, Observation, Search, Trial
from tests.simulation.queues import Exponential, arrivals, servers

P99 = Demand("p99 < limit", 0.01)
NOISY = 0.05  # of windows
WARMUP = 0.25  # of a trial


@dataclass
class Service:
    """M/M/c of `speed` services per second and server; violations beyond `limit` seconds; noise where asked."""

    speed: float
    count: int
    limit: float
    random: np.random.Generator
    noisy: bool = True

    @property
    def capacity(self) -> float:
        """The rate at which one sojourn in a hundred exceeds the limit."""
        full = self.count * (1 - 1e-6)
        limit = self.limit * self.speed
        return self.speed * float(
            brentq(lambda rate: Exponential(rate, self.count).beyond(limit) - P99.limit, 1e-6, full)
        )

    def run(self, trial: Trial) -> Observation:
        """One trial from an empty queue."""
        whole = trial.seconds * (1 + WARMUP)
        count = round(trial.level * whole * 1.02) + 20
        arrived = arrivals(trial.level, count, self.random)
        sojourns = servers(arrived, self.random.exponential(1 / self.speed, count), self.count)
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
