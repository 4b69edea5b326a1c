"""What is demanded of a run: `p99 < 800ms`, `failures < 0.1% in every 10s`, `vpc.p50 < 0.5 * public.p50`.

Here an objective is read; whether it is met is judged by the analysis.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from benchmark.units import parse_duration, parse_rate

Operator = Literal["<", "<=", ">", ">="]

LATENCIES = ("mean", "p50", "p75", "p90", "p95", "p99", "p99.9", "max")
SHARES = ("failures", "goodput")
METRICS = (*LATENCIES, "failures", "rate", "goodput")
RELATIVE = tuple(each for each in LATENCIES if each not in {"p75", "max"})  # what comparisons have
STREAM_TIMES = (
    "ttft",
    "ttft_from_due",
    "first_answer",
    "itl",
    "tpot",
    "e2e",
)  # of streamed answers: `ttft.p95`

EXAMPLES = (
    "p99 < 800ms",
    "failures < 0.1%",
    "rate > 95% of offered",
    "vpc.p99 < 100ms",
    "vpc.p50 < 0.5 * public.p50",
    "p99 < 800ms in every 10s",
)

_SHAPE = re.compile(r"([\w.-]+)\s*(<=|>=|<|>)\s*(\S.*)")
_WINDOW = re.compile(r"(.*?)\s+in\s+every\s+(\S.*)")
_FACTOR = re.compile(r"(?:([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*\*\s*)?([A-Za-z_][\w-]*\.[\w.]+)")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*%\s*(of\s+offered)?")


@dataclass(frozen=True)
class Objective:
    """One demand, on one target or on all of them."""

    text: str  # as written
    target: str | None  # None: every target
    metric: str  # one of METRICS
    operator: Operator
    limit: float  # seconds for latencies; a share (0 … 1) for SHARES; a factor beside `than`; for the rate see below
    of_offered: bool = False  # the rate's limit is a share of the offered rate; else it is per second
    time: str = "response"  # what a latency is of: the response, or one of STREAM_TIMES
    than: str | None = None  # the target whose figure the limit is a factor of
    window: float = 0.0  # seconds: it holds in every window of a round; zero: over the whole run
    grace: float = 0.0  # seconds at a round's beginning that no window begins in
    min_sample: int | None = None  # exchanges that a verdict needs; None: what the figure itself needs
    abort: bool = False  # the run ends once it is broken

    @property
    def of_times(self) -> bool:
        """Whether its limit is a duration."""
        return self.metric in LATENCIES and self.than is None

    @property
    def estimated(self) -> bool:
        """Whether it is an upper limit on a quantile: a run gives an estimate of that, and no more."""
        return self.of_times and self.operator in {"<", "<="} and self.metric not in {"mean", "max"}

    @property
    def at_most(self) -> bool:
        """Whether its limit is an upper one, or for rates and goodput a lower one: what else comes mends nothing."""
        return (self.operator in {"<", "<="}) != (self.metric in {"rate", "goodput"})

    @property
    def written(self) -> str | dict[str, Any]:
        """As plain data, which `read_objective` reads."""
        further = {"grace": self.grace, "min_sample": self.min_sample, "abort": self.abort}
        given = {name: value for name, value in further.items() if value}
        return {"check": self.text, **given} if given else self.text


def read_objective(written: str | Mapping[str, Any]) -> Objective:
    """One objective from plain data: its text, or a mapping with its text as `check`."""
    if isinstance(written, str):
        return parse_objective(written)
    further = dict(written)
    return replace(parse_objective(further.pop("check")), **further)


def parse_objective(text: str) -> Objective:
    """Read one objective.

    Raises:
        ValueError: not understood; says what was expected, with an example, and does not quote the text.
    """
    demand, window = _windowed(text.strip())
    match = _SHAPE.fullmatch(demand)
    if not match:
        raise ValueError(
            f"an objective is a metric, a comparison and a limit, like {EXAMPLES[0]!r} or {EXAMPLES[1]!r}"
        )
    target, time, metric = _subject(match[1])
    operator = cast("Operator", match[2])
    if metric not in METRICS:
        raise ValueError(f"an objective's metric is one of {', '.join(METRICS)}, as in {EXAMPLES[0]!r}")
    if other := _FACTOR.fullmatch(match[3]):
        return _relative(text.strip(), target, time, metric, operator, other, window)
    limit, of_offered = _limit(metric, match[3])
    if (limit == 0 and operator == "<") or limit < 0:
        raise ValueError(
            "nothing is less than zero, so this objective can never be met; write <= for none at all"
        )
    return Objective(text.strip(), target, metric, operator, limit, of_offered, time, window=window)


def _windowed(text: str) -> tuple[str, float]:
    """The demand itself, and the window (seconds) in which it is to hold; zero: there is none."""
    match = _WINDOW.fullmatch(text)
    if not match:
        return text, 0.0
    try:
        window = parse_duration(match[2])
    except ValueError:
        window = math.nan
    if not 0 < window < math.inf:
        raise ValueError(f"a window is a duration with its unit, as in {EXAMPLES[5]!r}")
    return match[1], window


def _subject(text: str) -> tuple[str | None, str, str]:
    """Target, time and metric: `vpc.p99.9` → vpc, response, p99.9; `ttft.p95` → every target's ttft, p95."""
    if text in METRICS:
        return None, "response", text
    first, _, rest = text.partition(".")
    if first in STREAM_TIMES:
        return None, first, rest if rest in LATENCIES else ""
    target, (time, _, metric) = first, rest.partition(".")
    if time in STREAM_TIMES:
        return target, time, metric if target and metric in LATENCIES else ""
    return target, "response", rest if target else ""


def _relative(
    text: str,
    target: str | None,
    time: str,
    metric: str,
    operator: Operator,
    other: re.Match[str],
    window: float,
) -> Objective:
    """`vpc.p50 < 0.5 * public.p50`: the same figure of two targets."""
    than, *figure = _subject(other[2])
    factor = float(other[1] or 1)
    if target is None or than is None or than == target or figure != [time, metric]:
        raise ValueError(f"both sides name a target, and the same figure of it, as in {EXAMPLES[4]!r}")
    if metric not in RELATIVE:
        raise ValueError(f"targets are compared by {', '.join(RELATIVE)}, as in {EXAMPLES[4]!r}")
    if window:
        raise ValueError("targets take turns, so there is no window that holds both; leave out 'in every …'")
    if not factor:
        raise ValueError(f"the factor is more than zero, as in {EXAMPLES[4]!r}")
    return Objective(text, target, metric, operator, factor, time=time, than=than)


def _limit(metric: str, text: str) -> tuple[float, bool]:
    """The limit in the metric's unit, and whether it is a share of the offered rate."""
    if metric in SHARES:
        return _share(metric, text), False
    if metric == "rate":
        return _rate(text)
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"the limit of {metric} is a duration with its unit, as in '{metric} < 800ms'")
    return seconds, False


def _share(metric: str, text: str) -> float:
    match = _PERCENT.fullmatch(text)
    if not match or match[2] or float(match[1]) > 100:
        example = "failures < 0.1%" if metric == "failures" else "goodput > 95%"
        raise ValueError(f"the limit of {metric} is a share in percent, as in '{example}'")
    return float(match[1]) / 100


def _rate(text: str) -> tuple[float, bool]:
    match = _PERCENT.fullmatch(text)
    if match and match[2] and 0 < float(match[1]) <= 100:
        return float(match[1]) / 100, True
    try:
        rate = parse_rate(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise ValueError("the limit of rate is 'rate > 95% of offered' or per second, as in 'rate > 450/s'")
    return rate, False
