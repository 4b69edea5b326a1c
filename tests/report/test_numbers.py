from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.report.numbers import beside, decimals_of, interval, ms, shown, signed, times
from benchmark.result.model import Estimate, Figures


@pytest.mark.parametrize(
    ("low", "high", "decimals"),
    [
        (-29.8, -29.1, 1),
        (-30.53, -30.26, 1),
        (1.00, 1.15, 2),
        (-1200.0, -900.0, 0),
        (0.0101, 0.0103, 3),
        (31.02, 31.19, 1),
        (2.0312, 2.0339, 3),
        (1234.51, 1234.93, 1),
        (5.0, 5.0, 2),
    ],
)
def test_the_width_of_an_interval_decides_the_digits(low: float, high: float, decimals: int) -> None:
    assert decimals_of(Estimate(value=low, low=low, high=high)) == decimals


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(31.04, 1, "31.0"), (0.0431, 1, "0.043"), (1.63, 1, "1.6"), (1234.5, 0, "1,234"), (None, 1, "–")],
)
def test_a_value_beside_an_interval_keeps_two_digits(value: float | None, decimals: int, text: str) -> None:
    assert beside(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.04, "0.0"), (0.04, "0.0"), (-0.3, "−0.3"), (1234.5, "+1,234.5")]
)
def test_signs(value: float, text: str) -> None:
    assert signed(value, 1) == text


def test_intervals_and_ratios() -> None:
    assert interval(Estimate(value=-29.4, low=-29.8, high=-29.1)) == "−29.4 (−29.8 to −29.1)"
    assert times(Estimate(value=0.05, low=0.048, high=0.0525)) == "20.0× (19.0–20.8)"
    assert times(Estimate(value=2.0, low=1.6, high=2.5)) == "0.5× (0.4–0.6)"
    assert times(Estimate(value=None)) == "–"


def test_a_figure_that_reaches_unanswered_requests_is_a_lower_bound() -> None:
    figures = Figures.model_validate({"p50": 1.634, "at_least": {"p99": 30000.0}})
    assert [shown(figures, name) for name in ("p50", "p99", "p99.9")] == ["1.63", "≥ 30,000", "–"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0000493, "< 0.001"), (0.00049, "< 0.001"), (0.0005, "0.001"), (0.00846, "0.008"), (0.0196, "0.020"),
        (0.0, "0"), (0.432, "0.432"), (9.996, "10.0"), (12345.6, "12,346"), (-0.0001, "> −0.001"), (None, "–"),
    ],
)  # fmt: skip
def test_digits_end_where_knowledge_does(value: float | None, text: str) -> None:
    assert ms(value) == text


@given(st.floats(-1e7, 1e7))
def test_a_figure_has_three_significant_digits_at_most_behind_its_point_and_none_finer_than_a_microsecond(
    value: float,
) -> None:
    whole, _, decimals = ms(value).lstrip("<> −-").replace(",", "").partition(".")
    assert len(decimals) <= 3
    assert len((whole + decimals).lstrip("0")) <= max(3, len(whole))
