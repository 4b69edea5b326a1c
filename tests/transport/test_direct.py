"""Whose turn it is among instances, and what a list may look like."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.eas.upstreams import read_list
from benchmark.redaction import Redactor
from benchmark.transport.direct import Turns

ITEM = {"app": "test", "ip": "10.0.0.1", "port": 8080, "weight": 100}


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20).filter(any), st.integers(1, 500))
def test_turns_are_never_off_by_more_than_one_round(weights: list[int], count: int) -> None:
    turns = Turns(weights)
    had = Counter(turns.next() for _ in range(count))
    for at, weight in enumerate(weights):
        assert abs(had[at] - count * weight / sum(weights)) <= 1 + len(weights) / 2
        assert weight or not had[at]


def test_turns_lie_evenly() -> None:
    turns = Turns([3, 1])
    taken = "".join(str(turns.next()) for _ in range(400))
    assert taken.count("1") == 100
    assert "0000" not in taken
    assert "11" not in taken


@pytest.mark.parametrize(
    "said",
    [
        {"correlative": ["test"], "endpoints": {"items": [ITEM]}},
        {"endpoints": [ITEM]},
        {"items": [ITEM]},
        [ITEM],
        [{**ITEM, "port": "8080", "weight": "100"}],
    ],
)
def test_shapes_of_a_list(said: Any) -> None:
    (found,) = read_list(json.dumps(said).encode(), Redactor())
    assert (found.address, found.weight) == ("10.0.0.1:8080", 100)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"error": 1}', "no list"),
        (b'{"endpoints": null}', "is empty"),
        (b'[{"ip": "10.0.0.256", "port": 1}]', "no ip, port"),
        (b'[{"ip": "10.0.0.1", "port": 70000}]', "cannot be"),
        (b'[{"ip": "10.0.0.1", "port": 1, "weight": -1}]', "cannot be"),
        (b"[7]", "no ip, port"),
    ],
)
def test_what_is_no_list(body: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_list(body, Redactor())


def test_addresses_of_ipv6_are_in_brackets() -> None:
    (found,) = read_list(b'[{"ip": "fd00::1", "port": 80}]', Redactor())
    assert found.address == "[fd00::1]:80"
