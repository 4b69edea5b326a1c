"""A behaviour is a plain value: it travels between processes, and refuses what cannot be."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

from benchmark.simulation.behaviour import Behaviour, Path, Stall
from benchmark.simulation.laws import Lognormal


def test_travels_between_processes() -> None:
    behaviour = Behaviour(Lognormal(0.005, 0.5), stalls=(Stall(1, 2),), workers=4, seed=7)
    assert pickle.loads(pickle.dumps(behaviour)) == behaviour
    path = Path(0.030, jitter=0.001, loss=0.01, bandwidth=1e6)
    assert pickle.loads(pickle.dumps(path)) == path


def test_its_streams_depend_on_the_seed_and_the_concern_alone() -> None:
    def first(seed: int, stream: str) -> float:
        return Behaviour(seed=seed).random(stream).random()

    assert first(1, "latency") == first(1, "latency")
    assert len({first(1, "latency"), first(2, "latency"), first(1, "errors"), first(1, "path 0")}) == 4


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"error_rate": 1.5}, "error_rate is 1.5; a share"),
        ({"error_rate": math.nan}, "error_rate is nan"),
        ({"error_status": 200}, "error_status is 200"),
        ({"workers": 0}, "workers is 0; it must be finite and above zero"),
        ({"queue": -1}, "queue is -1"),
        ({"rate_limit": 0.0}, "rate_limit is 0.0"),
        ({"burst": 0}, "burst is 0"),
        ({"keepalive": math.inf}, "keepalive is inf"),
        ({"stalls": ((-1, 1),)}, "stall's beginning is -1"),
        ({"stalls": ((1, math.nan),)}, "stall's length is nan"),
    ],
)
def test_refuses_what_cannot_be(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Behaviour(**values)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"round_trip": -0.1}, "round_trip is -0.1"),
        ({"jitter": math.inf}, "jitter is inf"),
        ({"loss": 2.0}, "loss is 2.0"),
        ({"retransmit": -1.0}, "retransmit is -1"),
        ({"bandwidth": 0.0}, "bandwidth is 0.0"),
    ],
)
def test_a_path_refuses_what_cannot_be(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Path(**values)
