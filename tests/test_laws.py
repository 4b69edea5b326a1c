"""The laws are the textbook's (SciPy's, here), in their quantiles, their means and their draws."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.laws import LENGTH, Constant, Exponential, Law, Lognormal, Normal, Uniform, parse_law

QUANTILES = (0.001, 0.05, 0.5, 0.9, 0.99, 0.999)
TEXTBOOK: list[tuple[Law, Any]] = [
    (Uniform(0.001, 0.005), stats.uniform(0.001, 0.004)),
    (Normal(0.005, 0.001), stats.norm(0.005, 0.001)),
    (Lognormal(0.005, 0.5), stats.lognorm(0.5, scale=0.005)),
    (Exponential(0.005), stats.expon(scale=0.005)),
]

NAMES = [str(law) for law, _ in TEXTBOOK]


@pytest.mark.parametrize(("law", "truth"), TEXTBOOK, ids=NAMES)
def test_quantiles_and_mean(law: Law, truth: Any) -> None:
    for q in QUANTILES:
        assert law.quantile(q) == pytest.approx(truth.ppf(q), rel=1e-9)
    assert law.mean == pytest.approx(truth.mean(), rel=1e-6)


@pytest.mark.parametrize(("law", "truth"), TEXTBOOK, ids=NAMES)
def test_draws_follow_the_law(law: Law, truth: Any) -> None:
    rng = Random(1)
    draws = [law.draw(rng) for _ in range(20_000)]
    assert stats.kstest(draws, truth.cdf).pvalue > 0.01


def test_a_normal_is_cut_at_zero() -> None:
    law = Normal(0.001, 0.002)
    rng = Random(1)
    draws = np.array([law.draw(rng) for _ in range(200_000)])
    assert draws.min() == law.quantile(0.1) == 0
    assert draws.mean() == pytest.approx(law.mean, rel=0.01)
    assert np.quantile(draws, 0.9) == pytest.approx(law.quantile(0.9), rel=0.02)


@pytest.mark.parametrize("law", [Constant(0.005), Normal(0.005, 0), Lognormal(0.005, 0)], ids=str)
def test_without_spread_a_law_is_constant(law: Law) -> None:
    assert {law.draw(Random(seed)) for seed in range(50)} == {law.mean} == {0.005}


def test_a_draw_takes_one_number_of_the_stream_whatever_the_law() -> None:
    states = set()
    for law, _ in [*TEXTBOOK, (Constant(1), None)]:
        rng = Random(3)
        law.draw(rng)
        states.add(rng.random())
    assert len(states) == 1


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("5ms", Constant(0.005)),
        (" 1.5s ", Constant(1.5)),
        ("uniform(1ms, 5ms)", Uniform(0.001, 0.005)),
        ("normal(5ms, 1ms)", Normal(0.005, 0.001)),
        ("NORMAL( 5ms,1ms )", Normal(0.005, 0.001)),
        ("lognormal(5ms, 0.5)", Lognormal(0.005, 0.5)),
        ("exponential(1s)", Exponential(1)),
    ],
)
def test_reads_what_people_write(text: str, law: Law) -> None:
    assert parse_law(text) == law


durations = st.integers(0, 10**12).map(lambda nanoseconds: nanoseconds / 1e9)
laws: st.SearchStrategy[Law] = st.one_of(
    st.builds(Constant, durations),
    st.builds(Normal, durations, durations),
    st.builds(Lognormal, durations, st.integers(0, 50).map(lambda tenths: tenths / 10)),
    st.builds(Exponential, durations),
)


@given(laws, st.sampled_from(QUANTILES))
def test_its_text_reads_back(law: Law, q: float) -> None:
    assert parse_law(str(law)).quantile(q) == pytest.approx(law.quantile(q), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("5", "not a duration"),
        ("fast", "not a duration"),
        ("gamma(5ms, 2)", "lognormal"),
        ("normal(5ms)", "1 values where normal"),
        ("exponential(5ms, 1ms)", "2 values where exponential"),
        ("lognormal(5ms, wide)", "wide"),
        ("lognormal(5ms, -1)", "sigma is -1"),
        ("lognormal(5ms, nan)", "sigma is nan"),
        ("lognormal(5ms, 99)", "sigma is 99"),
        ("normal(5ms, 1)", "'1' is not a duration"),
    ],
)
def test_says_what_is_wrong(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_law(text)


@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_takes_no_impossible_durations(value: float) -> None:
    for make in (
        Constant,
        Exponential,
        lambda v: Normal(v, 1),
        lambda v: Normal(1, v),
        lambda v: Lognormal(v, 1),
    ):
        with pytest.raises(ValueError, match="finite and not negative"):
            make(value)


def test_lengths_are_whole_numbers() -> None:
    assert parse_law("200", LENGTH) == Constant(200)
    assert parse_law("uniform(64, 128)", LENGTH) == Uniform(64, 128)
    assert parse_law("lognormal(200, 0.5)", LENGTH) == Lognormal(200, 0.5)
    for text in ("2.5", "5ms", "normal(5, -1)", "uniform(9, 8)", "gamma(5)"):
        with pytest.raises(ValueError, match=r"not a whole number|is not a length law|less than low"):
            parse_law(text, LENGTH)
