"""What is demanded of a run: `p99 < 800ms`, `failures < 0.1%`, `vpc.rate > 95% of offered`.

Here an objective is read; whether it is met is judged by the analysis.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal, cast

from benchmark.units import parse_duration, parse_rate

Operator = Literal["<", "<=", ">", ">="]

LATENCIES = ("mean", "p50", "p75", "p90", "p95", "p99", "p99.9", "max")
METRICS = (*LATENCIES, "failures", "rate")
STREAM_TIMES = (
    "ttft",
    "ttft_from_due",
    "first_answer",
    "itl",
    "tpot",
    "e2e",
)  # of streamed answers: `ttft.p95`

EXAMPLES = ("p99 < 800ms", "failures < 0.1%", "rate > 95% of offered", "vpc.p99 < 100ms")

_SHAPE = re.compile(r"([\w.-]+)\s*(<=|>=|<|>)\s*(\S.*)")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*%\s*(of\s+offered)?")


@dataclass(frozen=True)
class Objective:
    """One demand, on one target or on all of them."""

    text: str  # as written
    target: str | None  # None: every target
    metric: str  # one of METRICS
    operator: Operator
    limit: float  # seconds for latencies; a share (0 … 1) for failures; for the rate see below
    of_offered: bool = False  # the rate's limit is a share of the offered rate; else it is per second
    time: str = "response"  # what a latency is of: the response, or one of STREAM_TIMES


def parse_objective(text: str) -> Objective:
    """Read one objective.

    Raises:
        ValueError: not understood; says what was expected, with an example, and does not quote the text.
    """
    match = _SHAPE.fullmatch(text.strip())
    if not match:
        raise ValueError(
            f"an objective is a metric, a comparison and a limit, like {EXAMPLES[0]!r} or {EXAMPLES[1]!r}"
        )
    target, time, metric = _subject(match[1])
    operator = cast("Operator", match[2])
    if metric not in METRICS:
        raise ValueError(f"an objective's metric is one of {', '.join(METRICS)}, as in {EXAMPLES[0]!r}")
    limit, of_offered = _limit(metric, match[3])
    if (limit == 0 and operator == "<") or limit < 0:
        raise ValueError(
            "nothing is less than zero, so this objective can never be met; write <= for none at all"
        )
    return Objective(text.strip(), target, metric, operator, limit, of_offered, time)


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


def _limit(metric: str, text: str) -> tuple[float, bool]:
    """The limit in the metric's unit, and whether it is a share of the offered rate."""
    if metric == "failures":
        return _share(text), False
    if metric == "rate":
        return _rate(text)
    try:
        seconds = parse_duration(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(f"the limit of {metric} is a duration with its unit, as in '{metric} < 800ms'")
    return seconds, False


def _share(text: str) -> float:
    match = _PERCENT.fullmatch(text)
    if not match or match[2] or float(match[1]) > 100:
        raise ValueError("the limit of failures is a share in percent, as in 'failures < 0.1%'")
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
