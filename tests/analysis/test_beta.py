"""The incomplete beta function and what is made of it, against SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from benchmark.analysis.beta import incomplete_beta, inverse_incomplete_beta
from benchmark.analysis.statistics import binomial_tails, f_quantile, t_quantile

SHARES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1 - 1e-4, 1 - 1e-6)


def test_the_function_over_many_sizes() -> None:
    random = np.random.default_rng(1)
    for _ in range(2000):
        a, b = 10 ** random.uniform(-0.5, 4, 2)
        x = float(np.clip(random.beta(a, b), 1e-12, 1 - 1e-12))
        assert incomplete_beta(a, b, x) == pytest.approx(
            float(special.betainc(a, b, x)), rel=1e-9, abs=1e-300
        )
    assert [incomplete_beta(2, 3, x) for x in (-1.0, 0.0, 1.0, 2.0)] == [0, 0, 1, 1]


@pytest.mark.parametrize("freedom", [0.5, 1, 1.5, 2, 3, 9, 19, 99, 1e3, 1e4, 1e5, 1e6])
def test_students_t(freedom: float) -> None:
    for confidence in (1e-3, *SHARES):
        known = float(special.stdtrit(freedom, 0.5 + confidence / 2))
        assert t_quantile(freedom, confidence) == pytest.approx(known, rel=1e-8)


def test_students_t_at_its_ends() -> None:
    assert t_quantile(math.inf, 0.95) == pytest.approx(1.959963984540054, rel=1e-12)
    assert math.isnan(t_quantile(0, 0.95))
    assert math.isnan(t_quantile(math.nan, 0.95))


@pytest.mark.parametrize("above", [1, 3, 9, 20, 100])
@pytest.mark.parametrize("below", [1, 4, 9, 30, 200])
def test_ratios_of_variances(above: float, below: float) -> None:
    for share in SHARES:
        assert f_quantile(above, below, share) == pytest.approx(
            float(special.fdtri(above, below, share)), rel=1e-8
        )


@pytest.mark.parametrize(
    ("seen", "count"), [(0, 10), (3, 10), (10, 10), (12, 1000), (100, 10_000), (2.5, 40.0)]
)
def test_counts(seen: float, count: float) -> None:
    for share in (0.001, 0.01, 0.3):
        fewer, more = binomial_tails(seen, count, share)
        if seen < count:
            assert fewer == pytest.approx(float(special.betainc(count - seen, seen + 1, 1 - share)), rel=1e-9)
        if seen > 0:
            assert more == pytest.approx(float(special.betainc(seen, count - seen + 1, share)), rel=1e-9)


def test_the_inverse_comes_back() -> None:
    for a, b in ((0.5, 0.5), (1, 1), (3, 50), (200, 4), (0.5, 5e5)):
        for share in (1e-6, 0.1, 0.5, 0.975):
            assert incomplete_beta(a, b, inverse_incomplete_beta(a, b, share)) == pytest.approx(
                share, rel=1e-9
            )
