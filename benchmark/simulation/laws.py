"""Latency laws: how long a simulated service takes, with its true mean and quantiles in closed form.

A law is drawn from by inverting its distribution, so every draw takes exactly one number of the random
stream: two services of one seed that differ in their law meet the same luck.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from benchmark.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_STANDARD_NORMAL = NormalDist()
_STEEPEST_SIGMA = 5.0  # of a lognormal; beyond, a draw in a thousand is a million times the median


class Law(ABC):
    """A distribution of durations, in seconds; `str` gives the text that `parse_law` reads."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The true mean, in seconds."""

    @abstractmethod
    def quantile(self, q: float) -> float:
        """The duration that a share `q` of the draws does not exceed, in seconds; 0 < q < 1."""

    def draw(self, rng: Random) -> float:
        """One duration, in seconds."""
        return self.quantile((rng.getrandbits(52) + 0.5) / 2**52)  # never 0 and never 1


@dataclass(frozen=True, slots=True)
class Constant(Law):
    """Always the same."""

    value: float

    def __post_init__(self) -> None:
        _require_durations(value=self.value)

    def __str__(self) -> str:
        return _text(self.value)

    @property
    def mean(self) -> float:
        """The value itself."""
        return self.value

    def quantile(self, q: float) -> float:
        """The value itself."""
        return self.value


@dataclass(frozen=True, slots=True)
class Normal(Law):
    """A normal law cut at zero: what would be negative takes no time."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        _require_durations(mu=self.mu, sigma=self.sigma)

    def __str__(self) -> str:
        return f"normal({_text(self.mu)}, {_text(self.sigma)})"

    @property
    def mean(self) -> float:
        """Mean of max(0, X): μ·Φ(μ/σ) + σ·φ(μ/σ), the rectified normal's."""
        if self.sigma == 0:
            return self.mu
        z = self.mu / self.sigma
        return self.mu * _STANDARD_NORMAL.cdf(z) + self.sigma * _STANDARD_NORMAL.pdf(z)

    def quantile(self, q: float) -> float:
        """The normal's own quantile where that is positive."""
        return max(0.0, self.mu + self.sigma * _STANDARD_NORMAL.inv_cdf(q))


@dataclass(frozen=True, slots=True)
class Lognormal(Law):
    """A normal law of the logarithm: most answers near the median, a long tail of slow ones."""

    median: float
    sigma: float  # of the logarithm; 0.5 puts p99 at 3.2 times the median

    def __post_init__(self) -> None:
        _require_durations(median=self.median)
        if not 0 <= self.sigma <= _STEEPEST_SIGMA:
            raise ValueError(f"sigma is {self.sigma}; a lognormal takes one from 0 to {_STEEPEST_SIGMA:g}")

    def __str__(self) -> str:
        return f"lognormal({_text(self.median)}, {self.sigma:g})"

    @property
    def mean(self) -> float:
        """Median · exp(σ²/2)."""
        return self.median * math.exp(self.sigma**2 / 2)

    def quantile(self, q: float) -> float:
        """Median · exp(σ·z), with z the standard normal's quantile."""
        return self.median * math.exp(self.sigma * _STANDARD_NORMAL.inv_cdf(q))


@dataclass(frozen=True, slots=True)
class Exponential(Law):
    """Memoryless; with workers and Poisson arrivals it makes the textbook's M/M/c queue."""

    scale: float  # its mean

    def __post_init__(self) -> None:
        _require_durations(mean=self.scale)

    def __str__(self) -> str:
        return f"exponential({_text(self.scale)})"

    @property
    def mean(self) -> float:
        """The scale."""
        return self.scale

    def quantile(self, q: float) -> float:
        """−mean · ln(1 − q)."""
        return -self.scale * math.log1p(-q)


def parse_law(text: str) -> Law:
    """The law in `5ms`, `normal(5ms, 1ms)`, `lognormal(5ms, 0.5)` or `exponential(5ms)`.

    Raises:
        ValueError: not a law, with what was expected.
    """
    call = _CALL.fullmatch(text)
    if not call:
        return Constant(parse_duration(text.strip()))
    name, arguments = call[1].lower(), call[2].split(",")
    if name not in _LAWS:
        raise ValueError(f"{text!r} is not a latency law; known are a duration, {_KNOWN}")
    make, parsers, example = _LAWS[name]
    if len(arguments) != len(parsers):
        raise ValueError(f"{text!r} has {len(arguments)} values where {example} has {len(parsers)}")
    try:
        return make(*(parse(argument.strip()) for parse, argument in zip(parsers, arguments, strict=True)))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a latency law like {example}: {error}") from error


_CALL = re.compile(r"\s*([A-Za-z]+)\s*\(([^()]*)\)\s*")
_LAWS: dict[str, tuple[Callable[..., Law], tuple[Callable[[str], Any], ...], str]] = {
    "normal": (Normal, (parse_duration, parse_duration), "normal(5ms, 1ms)"),
    "lognormal": (Lognormal, (parse_duration, float), "lognormal(5ms, 0.5)"),
    "exponential": (Exponential, (parse_duration,), "exponential(5ms)"),
}
_KNOWN = ", ".join(example for *_, example in _LAWS.values())


def _text(seconds: float) -> str:
    """A duration that `parse_duration` reads back, exact to the nanosecond."""
    return f"{seconds * 1e3:.6f}".rstrip("0").rstrip(".") + "ms"


def _require_durations(**named: float) -> None:
    for name, value in named.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value} s; a latency is finite and not negative")
