"""Queues in virtual time, and what theory says of them: no clock, no sockets, millions of customers.

Times are in units of the mean service; a *sojourn* is the wait and the service together, as a response is.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from decimal import Decimal, localcontext

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

Floats = NDArray[np.float64]


def arrivals(rate: float, count: int, random: np.random.Generator) -> Floats:
    """Instants of Poisson arrivals."""
    return np.cumsum(random.exponential(1 / rate, count))


def one_server(arrived: Floats, services: Floats) -> Floats:
    """Sojourns, first come first served, by Lindley's recursion W' = max(0, W + S − A) without a loop.

    Its solution is the walk of S − A less the walk's running minimum (Lindley, 1952).
    """
    walk = np.concatenate(([0.0], np.cumsum(services[:-1] - np.diff(arrived))))
    waits: Floats = walk - np.minimum.accumulate(walk)
    return waits + services


def servers(arrived: Floats, services: Floats, count: int) -> Floats:
    """Sojourns where `count` servers share one queue (Kiefer & Wolfowitz, 1955)."""
    if count == 1:
        return one_server(arrived, services)
    free = [0.0] * count
    sojourns = np.empty(len(arrived))
    for at, (now, work) in enumerate(zip(arrived.tolist(), services.tolist(), strict=True)):
        done = max(now, free[0]) + work
        heapq.heapreplace(free, done)
        sojourns[at] = done - now
    return sojourns


@dataclass(frozen=True)
class Exponential:
    """M/M/c: exponential services of mean 1."""

    rate: float  # arrivals per mean service
    servers: int = 1

    @property
    def waiting(self) -> float:
        """The probability of waiting: Erlang's C."""
        term = total = 1.0
        for k in range(1, self.servers):
            term *= self.rate / k
            total += term
        last = term * self.rate / self.servers / (1 - self.rate / self.servers)
        return last / (total + last)

    @property
    def mean(self) -> float:
        """Mean sojourn."""
        return 1 + self.waiting / (self.servers - self.rate)

    def beyond(self, time: float) -> float:
        """The share of sojourns that exceed `time`: a service, after a wait that is exponential where there is one."""
        drain, waiting = self.servers - self.rate, self.waiting
        if abs(drain - 1) < 1e-9:
            both = (1 + time) * math.exp(-time)
        else:
            both = (drain * math.exp(-time) - math.exp(-drain * time)) / (drain - 1)
        return (1 - waiting) * math.exp(-time) + waiting * both

    def quantile(self, q: float) -> float:
        """The sojourn that a share `q` does not exceed."""
        return float(brentq(lambda time: self.beyond(time) - (1 - q), 0, 1e5))


@dataclass(frozen=True)
class Constant:
    """M/D/1: every service takes 1."""

    rate: float

    @property
    def mean(self) -> float:
        """Mean sojourn (Pollaczek & Khinchine)."""
        return 1 + self.rate / (2 * (1 - self.rate))

    def beyond(self, time: float) -> float:
        """The share of sojourns that exceed `time`, by Erlang's series, whose terms cancel: hence the digits."""
        wait = time - 1
        if wait < 0:
            return 1.0
        with localcontext() as context:
            context.prec = 120
            rate, total = Decimal(self.rate), Decimal(0)
            for k in range(math.floor(wait) + 1):
                left = rate * (Decimal(k) - Decimal(wait))
                total += (left**k if k else Decimal(1)) / math.factorial(k) * (-left).exp()
            return float(1 - (1 - rate) * total)

    def quantile(self, q: float) -> float:
        """The sojourn that a share `q` does not exceed."""
        return float(brentq(lambda time: self.beyond(time) - (1 - q), 1, 100, xtol=1e-6))


def full(rate: float, places: int) -> float:
    """M/M/1/K: the share of arrivals that find all `places` (service and queue) taken."""
    return (1 - rate) * rate**places / (1 - rate ** (places + 1))
