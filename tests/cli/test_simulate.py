"""`vpcbench simulate`: what its options make of the practice service."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark.cli import simulate as command
from benchmark.errors import InputError
from benchmark.laws import Constant, Lognormal


def test_laws_reach_the_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(command, "serve", lambda behaviour, *rest, **options: told.append(behaviour))
    command.simulate(0, "1ms", "lognormal(80ms, 0.3)", "20ms", 0.0, "test", None, 1)
    (behaviour,) = told
    assert behaviour.streaming.first_token == Lognormal(0.08, 0.3)
    assert behaviour.streaming.gap == Constant(0.02)
    with pytest.raises(InputError):
        command.simulate(0, "1ms", "soon", "20ms", 0.0, "test", None, 1)
