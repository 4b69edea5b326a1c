"""Laws of chance for quantities that are not negative, with their true mean and quantiles in closed form.

A practice service draws its latencies from them (seconds), synthetic prompts their lengths. A law is drawn from by
inverting its distribution, so every draw takes exactly one number of the random stream: two of one seed that differ
in their law meet the same luck.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from benchmark.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_STANDARD_NORMAL = NormalDist()
_STEEPEST_SIGMA = 5.0  # of a lognormal; beyond, a draw in a thousand is a million times the median


class Law(ABC):
    """A distribution; `str` gives the text that is read as a law of latencies, in seconds."""

    @property
    @abstractmethod
    def mean(self) -> float:
        """The true mean."""

    @abstractmethod
    def quantile(self, q: float) -> float:
        """What a share `q` of the draws does not exceed; 0 < q < 1."""

    def draw(self, rng: Random) -> float:
        """One draw."""
        return self.quantile((rng.getrandbits(52) + 0.5) / 2**52)  # never 0 and never 1


@dataclass(frozen=True, slots=True)
class Constant(Law):
    """Always the same."""

    value: float

    def __post_init__(self) -> None:
        _require(value=self.value)

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
class Uniform(Law):
    """Anything from `low` to `high`, each as likely as the other."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _require(low=self.low, high=self.high)
        if self.high < self.low:
            raise ValueError(f"high is {self.high:g}, less than low, {self.low:g}")

    def __str__(self) -> str:
        return f"uniform({_text(self.low)}, {_text(self.high)})"

    @property
    def mean(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2

    def quantile(self, q: float) -> float:
        """Low + q · (high − low)."""
        return self.low + q * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Normal(Law):
    """A normal law cut at zero: what would be negative is nothing."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        _require(mu=self.mu, sigma=self.sigma)

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
        _require(median=self.median)
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
        _require(mean=self.scale)

    def __str__(self) -> str:
        return f"exponential({_text(self.scale)})"

    @property
    def mean(self) -> float:
        """The scale."""
        return self.scale

    def quantile(self, q: float) -> float:
        """−mean · ln(1 − q)."""
        return -self.scale * math.log1p(-q)


@dataclass(frozen=True)
class Notation:
    """How the quantities of a kind of law are written."""

    kind: str  # what messages call it: `latency`
    plain: str  # what stands for a constant one: `a duration`
    parse: Callable[[str], float]
    some: str  # examples
    less: str

    def laws(self) -> dict[str, tuple[Callable[..., Law], tuple[Callable[[str], float], ...], str]]:
        """Each law by its name: how it is made, how its values are read, an example."""
        some, less, parse = self.some, self.less, self.parse
        return {
            "uniform": (Uniform, (parse, parse), f"uniform({less}, {some})"),
            "normal": (Normal, (parse, parse), f"normal({some}, {less})"),
            "lognormal": (Lognormal, (parse, float), f"lognormal({some}, 0.5)"),
            "exponential": (Exponential, (parse,), f"exponential({some})"),
        }


def _parse_count(text: str) -> float:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is not a whole number")
    return float(text)


LATENCY = Notation("latency", "a duration", parse_duration, "5ms", "1ms")
LENGTH = Notation("length", "a number", _parse_count, "200", "50")


def parse_law(text: str, notation: Notation = LATENCY) -> Law:
    """The law in `5ms`, `uniform(1ms, 5ms)`, `normal(5ms, 1ms)`, `lognormal(5ms, 0.5)` or `exponential(5ms)`.

    Raises:
        ValueError: not a law, with what was expected.
    """
    call = _CALL.fullmatch(text)
    if not call:
        return Constant(notation.parse(text.strip()))
    laws = notation.laws()
    name, arguments = call[1].lower(), call[2].split(",")
    if name not in laws:
        known = ", ".join(example for *_, example in laws.values())
        raise ValueError(f"{text!r} is not a {notation.kind} law; known are {notation.plain}, {known}")
    make, parsers, example = laws[name]
    if len(arguments) != len(parsers):
        raise ValueError(f"{text!r} has {len(arguments)} values where {example} has {len(parsers)}")
    try:
        return make(*(parse(argument.strip()) for parse, argument in zip(parsers, arguments, strict=True)))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a {notation.kind} law like {example}: {error}") from error


_CALL = re.compile(r"\s*([A-Za-z]+)\s*\(([^()]*)\)\s*")


def _text(seconds: float) -> str:
    """A duration that `parse_duration` reads back, exact to the nanosecond."""
    return f"{seconds * 1e3:.6f}".rstrip("0").rstrip(".") + "ms"


def _require(**named: float) -> None:
    for name, value in named.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value}; it is finite and not negative")
