"""Means and tails of queues, as the histograms measure them, against theory; in virtual time."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.analysis.estimate import Ranked
from benchmark.analysis.statistics import quantile
from benchmark.measure.histogram import Histogram
from benchmark.simulation import laws
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.planner import QUEUE_FULL, Workers
from benchmark.units import MILLISECOND
from tests.simulation.queues import Constant, Exponential, Floats, arrivals, full, one_server, servers

UTILISATIONS = (0.3, 0.5, 0.7, 0.8, 0.9)
SERVICE = 10 * MILLISECOND  # nanoseconds


def figures(sojourns: Floats) -> tuple[float, float]:
    """Mean and p99 by our own histograms, in services."""
    sample = Ranked(Histogram.of((sojourns * SERVICE).astype(np.int64)))
    return sample.mean / SERVICE, quantile(sample, 0.99) / SERVICE


@pytest.mark.parametrize("utilisation", UTILISATIONS)
def test_one_server_with_exponential_services(utilisation: float) -> None:
    random = np.random.default_rng(7)
    count = 3_000_000
    mean, p99 = figures(one_server(arrivals(utilisation, count, random), random.exponential(1, count)))
    truth = Exponential(utilisation)
    assert truth.mean == pytest.approx(1 / (1 - utilisation))
    assert mean == pytest.approx(truth.mean, rel=0.05)  # four standard errors at 0.9
    assert p99 == pytest.approx(truth.quantile(0.99), rel=0.05)


@pytest.mark.parametrize("utilisation", UTILISATIONS)
def test_one_server_with_constant_services(utilisation: float) -> None:
    random = np.random.default_rng(8)
    count = 2_000_000
    mean, p99 = figures(one_server(arrivals(utilisation, count, random), np.ones(count)))
    truth = Constant(utilisation)
    assert mean == pytest.approx(truth.mean, rel=0.03)
    assert p99 == pytest.approx(truth.quantile(0.99), rel=0.05)


@pytest.mark.parametrize("utilisation", UTILISATIONS)
@pytest.mark.parametrize("count", [4, 16])
def test_several_servers(utilisation: float, count: int) -> None:
    random = np.random.default_rng(9)
    customers = 800_000
    arrived, services = arrivals(utilisation * count, customers, random), random.exponential(1, customers)
    mean, p99 = figures(servers(arrived, services, count))
    truth = Exponential(utilisation * count, count)
    assert mean == pytest.approx(truth.mean, rel=0.05)
    assert p99 == pytest.approx(truth.quantile(0.99), rel=0.06)


@pytest.mark.parametrize(
    ("workers", "utilisation", "law"),
    [(1, 0.6, "exponential(10ms)"), (4, 0.8, "exponential(10ms)"), (1, 0.8, "10ms")],
)
def test_the_practice_service_is_that_queue(workers: int, utilisation: float, law: str) -> None:
    """What answers over sockets in other tests, asked in virtual time."""
    served, customers = Workers(Behaviour(laws.parse_law(law), workers=workers, queue=10**9), 0), 150_000
    arrived = arrivals(utilisation * workers, customers, np.random.default_rng(10)) * SERVICE
    left = np.array([served.serve(at)[0] for at in arrived.astype(np.int64).tolist()])
    mean, p99 = figures((left - arrived.astype(np.int64)) / SERVICE)
    rate = utilisation * workers
    truth = Constant(rate) if law == "10ms" else Exponential(rate, workers)
    assert mean == pytest.approx(truth.mean, rel=0.05)
    assert p99 == pytest.approx(truth.quantile(0.99), rel=0.08)


@pytest.mark.parametrize("utilisation", [0.7, 0.95, 1.3])
def test_a_bounded_queue_refuses_its_share(utilisation: float) -> None:
    served, customers = Workers(Behaviour(laws.Exponential(0.01), workers=1, queue=8), 0), 150_000
    arrived = arrivals(utilisation, customers, np.random.default_rng(11)) * SERVICE
    refused = sum(served.serve(at)[1] == QUEUE_FULL for at in arrived.astype(np.int64).tolist())
    assert refused / customers == pytest.approx(full(utilisation, 9), rel=0.05)
