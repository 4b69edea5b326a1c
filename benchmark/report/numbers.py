"""Figures as text, with as many digits as they deserve: the width of its interval says what a figure is worth."""

from __future__ import annotations

import math

from benchmark.result.model import Estimate, Figures
from benchmark.units import significant

NONE = "–"
DIGITS = 3  # significant ones, at the most
DECIMALS = 3  # of milliseconds: nothing finer than a microsecond is known


def ms(value: float | None) -> str:
    """Milliseconds, or another figure on its own, to three significant digits and no finer than a thousandth."""
    return NONE if value is None else _known(value, DIGITS)


def _known(value: float, digits: int) -> str:
    least = 10.0**-DECIMALS
    if 0 < abs(value) < least / 2:
        return f"< {least:.{DECIMALS}f}" if value > 0 else f"> −{least:.{DECIMALS}f}"
    text = significant(value, digits)
    return f"{value:,.{DECIMALS}f}" if len(text.partition(".")[2]) > DECIMALS else text


def shown(figures: Figures, name: str) -> str:
    """A figure of a table: `≥ 30,000` where it reaches unanswered requests, a dash where data do not support it."""
    if name in figures.at_least:
        return f"≥ {figures.at_least[name]:,.0f}"
    return ms(figures.get(name))


def decimals_of(estimate: Estimate) -> int:
    """The decimals that an interval bears: one digit of its width, two where that digit is a 1.

    No more than its value has with three significant digits, unless its limits would read as one.
    """
    low, high = estimate.low or 0.0, estimate.high or 0.0
    width = high - low
    if not width > 0:
        return 2
    magnitude = math.floor(math.log10(width))
    leading_one = width < 2 * 10.0**magnitude
    borne = min(DECIMALS, max(0, leading_one - magnitude))
    largest = max(abs(low), abs(high), abs(estimate.value or 0.0))
    decimals = min(borne, max(0, DIGITS - 1 - math.floor(math.log10(largest))))
    while decimals < borne and f"{low:.{decimals}f}" == f"{high:.{decimals}f}":
        decimals += 1
    return decimals


def beside(value: float | None, decimals: int) -> str:
    """A value to the decimals of the interval that it stands beside, but never with less than two digits."""
    if value is None:
        return NONE
    return _known(value, 2) if abs(value) < 10 ** (1 - decimals) else f"{value:,.{decimals}f}"


def signed(value: float, decimals: int) -> str:
    """With its sign, a true minus; what rounds to zero has none."""
    text = f"{abs(value):,.{decimals}f}"
    sign = "" if not float(text.replace(",", "")) else "−" if value < 0 else "+"
    return sign + text


def distances(estimate: Estimate) -> tuple[str, str, str]:
    """Value and limits without their sign, the nearer limit first; for an interval that leaves out zero."""
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    decimals = decimals_of(estimate)
    near, far = sorted((abs(estimate.low), abs(estimate.high)))
    return tuple(f"{each:,.{decimals}f}" for each in (abs(estimate.value), near, far))  # type: ignore[return-value]


def difference(estimate: Estimate) -> str:
    """`−31.1`: where there is no interval, its value alone."""
    value = estimate.value or 0.0
    return signed(value, max(0, min(3, 2 - int(f"{abs(value):e}".split("e")[1]))))


def interval(estimate: Estimate) -> str:
    """`−31.1 (−31.7 to −30.5)`."""
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    decimals = decimals_of(estimate)
    value, low, high = (signed(each, decimals) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def times(ratio: Estimate) -> str:
    """How many times faster a candidate is than its baseline: the inverse of candidate / baseline."""
    if ratio.value is None or ratio.value <= 0:
        return NONE
    if not ratio.high:
        return f"{significant(1 / ratio.value)}×"
    if not ratio.low:
        return f"{significant(1 / ratio.value)}× (≥ {significant(1 / ratio.high)})"
    fastest, slowest = 1 / ratio.low, 1 / ratio.high
    decimals = decimals_of(Estimate(value=1 / ratio.value, low=slowest, high=fastest))
    return f"{1 / ratio.value:,.{decimals}f}× ({slowest:,.{decimals}f}–{fastest:,.{decimals}f})"


def percent(share: float) -> str:
    """`95`, `99.9`."""
    return f"{share * 100:.4g}"
