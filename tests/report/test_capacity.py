from __future__ import annotations

from typing import Any

import pytest

from benchmark.report.capacity import remarks
from benchmark.result.model import Capacity, Estimate
from tests.report.results import a_result, a_run


def said(**capacities: Capacity) -> str:
    result = a_result(a_run({"public": 31.0, "vpc": 1.6})).model_copy(update={"capacity": capacities})
    return " ".join(remarks(result))


def a_capacity(low: float, value: float, high: float | None, limited_by: Any = "latency") -> Capacity:
    return Capacity(
        unit="per second", rate=Estimate(value=value, low=low, high=high), limited_by=limited_by, objective="p99 < 50ms",
        knee=None, head_room=0.7 * value, background=0.0, finished=True, levels=[],
    )  # fmt: skip


def test_an_address_that_holds_less_than_the_other_gives_way_first() -> None:
    text = said(public=a_capacity(140, 150, 160), vpc=a_capacity(480, 500, 520))
    assert (
        "The public address gives way before the service does, which holds 480/s over the VPC address" in text
    )


def test_intervals_that_meet_tell_no_difference() -> None:
    text = said(public=a_capacity(460, 480, 500), vpc=a_capacity(490, 510, 530))
    assert "No measurable difference between what the public address and the VPC address hold" in text


@pytest.mark.parametrize("limited_by", ["gateway", "generator", None])
def test_what_is_not_the_services_is_not_set_beside_it(limited_by: str | None) -> None:
    text = said(public=a_capacity(140, 150, 160, limited_by), vpc=a_capacity(480, 500, 520))
    assert "gives way" not in text
    assert "No measurable difference" not in text


def test_what_holds_nothing_is_not_alike() -> None:
    none = a_capacity(0, 0, 10).model_copy(
        update={"rate": Estimate(value=None, low=0, high=10), "head_room": None}
    )
    assert said(public=none, vpc=none) == ""
    assert "The public address gives way before the service does" in said(
        public=none, vpc=a_capacity(480, 500, 520)
    )
