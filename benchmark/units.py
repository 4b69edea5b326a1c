"""Quantities as people write them (`250ms`, `2k/s`, `10MiB`), and back.

Inside the program a duration is seconds (float) in a scenario and nanoseconds (int) in a measurement,
a rate is per second, a size is bytes.
"""

from __future__ import annotations

import math
import re

NANOSECONDS = 1_000_000_000  # in a second
MICROSECOND = 1_000  # in nanoseconds
MILLISECOND = 1_000_000  # in nanoseconds

_DURATIONS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
}
_SIZES = {
    "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3,
}  # fmt: skip
_MULTIPLES = {"": 1.0, "k": 1e3, "M": 1e6}
_PERIODS = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

_NUMBER = r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_PART = re.compile(rf"{_NUMBER}\s*([a-zµμ]+)")
_SIZE = re.compile(rf"{_NUMBER}\s*([A-Za-z]+)")
_RATE = re.compile(rf"{_NUMBER}\s*([kM]?)\s*(?:/|per )\s*([a-z]+)")


def parse_duration(text: str) -> float:
    """Seconds in `250ms`, `1.5s`, `2m`, `1h30m`.

    Raises:
        ValueError: not a duration, with what was expected.
    """
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip() or any(unit not in _DURATIONS for _, unit in parts):
        raise ValueError(f"{text!r} is not a duration; write it with its unit, like 250ms, 30s or 1h30m")
    return sum(float(number) * _DURATIONS[unit] for number, unit in parts)


def parse_rate(text: str) -> float:
    """Requests per second in `200/s`, `2k/s`, `90/min`.

    Raises:
        ValueError: not a rate, with what was expected.
    """
    match = _RATE.fullmatch(text.strip())
    if not match or match[3] not in _PERIODS:
        raise ValueError(f"{text!r} is not a rate; write it with its unit, like 200/s, 2k/s or 90/min")
    return float(match[1]) * _MULTIPLES[match[2]] / _PERIODS[match[3]]


def parse_size(text: str) -> int:
    """Bytes in `64KiB`, `10MiB`, `1kB`.

    Raises:
        ValueError: not a size, with what was expected.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match or match[2] not in _SIZES:
        raise ValueError(f"{text!r} is not a size; write it with its unit, like 512B, 64KiB or 10MiB")
    size = float(match[1]) * _SIZES[match[2]]
    if not math.isfinite(size):
        raise ValueError(f"{text!r} is not a size: no machine holds it")
    return round(size)


def significant(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits, without an exponent: 0.00163 → 0.00163, 1234.5 → 1,234."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    magnitude = int(f"{value:.{digits - 1}e}".rpartition("e")[2])  # once rounded: 9.999 is 10.0
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"


def format_duration(seconds: float) -> str:
    """A duration for people: `250 ms`, `1.5 s`, `2 min 30 s`, `1 h 30 min`; nothing finer than a microsecond."""
    if not math.isfinite(seconds):
        return f"{seconds:g} s"
    if seconds < 0:
        return f"-{format_duration(-seconds)}"
    if seconds < 0.9995e-3:  # what rounds up to 1 ms is written as 1 ms
        return f"{seconds * 1e6:.0f} µs" if seconds >= 0.5e-6 or not seconds else "< 1 µs"
    if seconds < 0.9995:
        return f"{_short(seconds * 1e3)} ms"
    if seconds < 119.5:
        return f"{_short(seconds)} s"
    return _format_long(round(seconds))


def _short(value: float) -> str:
    """Three significant digits, without the zeros that say nothing of a duration that was chosen."""
    return f"{value:.3g}"


def _format_long(seconds: int) -> str:
    """Two neighbouring units are enough: nobody asks for the seconds of a day."""
    if seconds < 3600:
        parts = ((seconds // 60, "min"), (seconds % 60, "s"))
    else:
        hours, minutes = divmod(round(seconds / 60), 60)
        parts = ((hours, "h"), (minutes, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def format_rate(per_second: float) -> str:
    """A rate for people: `1,250/s`."""
    return f"{significant(per_second)}/s" if per_second < 100 else f"{per_second:,.0f}/s"


def format_size(size: float) -> str:
    """A size for people, in powers of 1024: `1.5 KiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{significant(size)} {unit}"
