"""Quantities are read as people write them, and written as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.units import (
    format_duration,
    format_rate,
    format_size,
    parse_duration,
    parse_rate,
    parse_size,
    significant,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("2m", 120),
        ("2min", 120),
        ("1h30m", 5400),
        ("1 h 30 min", 5400),
        (" 10 s ", 10),
        ("50us", 50e-6),
        ("50µs", 50e-6),
        ("7ns", 7e-9),
        ("0s", 0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "30", "s", "-5s", "1.2.3s", "5 parsecs", "1:30", "1e3s", "inf s", "nan", "١s", "5s!"]
)
def test_no_durations(text: str) -> None:
    with pytest.raises(
        ValueError, match="is not a duration; write it with its unit, like 250ms, 30s or 1h30m"
    ):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "per_second"),
    [
        ("200/s", 200),
        ("2k/s", 2000),
        ("1.5M/s", 1.5e6),
        ("90/min", 1.5),
        ("3600/h", 1),
        ("5 per s", 5),
        ("5 / sec", 5),
    ],
)
def test_rates(text: str, per_second: float) -> None:
    assert parse_rate(text) == pytest.approx(per_second)


@pytest.mark.parametrize(
    "text", ["", "200", "/s", "-1/s", "200/", "200/day", "2K/s", "inf/s", "nan/s", "1e3/s"]
)
def test_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate; write it with its unit, like 200/s, 2k/s or 90/min"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512B", 512), ("64KiB", 65536), ("1kB", 1000), ("1KB", 1000), ("1.5MiB", 1572864), ("2 GB", 2 * 10**9)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "512", "B", "-1B", "1kiB", "1TB", "1e3B"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write it with its unit, like 512B, 64KiB or 10MiB"):
        parse_size(text)


def test_a_size_beyond_all_bounds() -> None:
    with pytest.raises(ValueError, match="no machine holds it"):
        parse_size("9" * 400 + "B")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 3, "0"),
        (0.00163, 3, "0.00163"),
        (29.41, 3, "29.4"),
        (9.999, 3, "10.0"),
        (99.96, 3, "100"),
        (1234.5, 3, "1,234"),
        (-0.5, 2, "-0.50"),
        (math.inf, 3, "inf"),
        (math.nan, 3, "nan"),
    ],
)
def test_significant_digits(value: float, digits: int, text: str) -> None:
    assert significant(value, digits) == text


@given(st.floats(1e-9, 1e12), st.integers(1, 6))
def test_significant_digits_keep_the_value(value: float, digits: int) -> None:
    shown = float(significant(value, digits).replace(",", ""))
    assert shown == pytest.approx(value, rel=0.5001 * 10 ** (1 - digits))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 µs"),
        (12e-6, "12 µs"),
        (0.9996e-3, "1 ms"),
        (0.25, "250 ms"),
        (0.9996, "1 s"),
        (1.5, "1.5 s"),
        (119.4, "119 s"),
        (119.9, "2 min"),
        (150, "2 min 30 s"),
        (3599.9, "1 h"),
        (5400, "1 h 30 min"),
        (90000, "25 h"),
        (-0.005, "-5 ms"),
        (math.inf, "inf s"),
    ],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.floats(1e-6, 1e6))
def test_a_duration_for_people_can_be_read_again(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=0.01)


@pytest.mark.parametrize(
    ("rate", "text"), [(1.5, "1.50/s"), (50, "50.0/s"), (99.96, "100/s"), (200, "200/s"), (1250, "1,250/s")]
)
def test_rates_for_people(rate: float, text: str) -> None:
    assert format_rate(rate) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (512, "512 B"),
        (1536, "1.50 KiB"),
        (10 * 1024**2, "10.0 MiB"),
        (5 * 1024**4, "5,120 GiB"),
        (-2048, "-2.00 KiB"),
    ],
)
def test_sizes_for_people(size: float, text: str) -> None:
    assert format_size(size) == text
