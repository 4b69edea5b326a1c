"""What must not happen between two sides of runs: `--fail-if 'p99 > +10%'`, and whether the runs show that it did.

A rule is breached only where the whole interval lies beyond its limit, kept where the whole interval lies within; where
the limit is inside the interval, nobody can tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.analysis.comparison import STREAM_KINDS, WHOLE
from benchmark.analysis.estimate import FIGURES
from benchmark.result.difference import Difference, Ruling
from benchmark.result.model import Estimate, Metric
from benchmark.units import parse_duration, parse_rate

EXAMPLES = ("p99 > +10%", "ttft.p90 > +50ms", "failures > +0.5%", "throughput < -5%")

_SHAPE = re.compile(r"([\w.-]+)\s*([<>])\s*([+-]?)\s*([0-9.].*)")
_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*%")
_NAMES = {
    **{f"{kind}.{figure}": f"{kind}.{figure}" for kind in (*STREAM_KINDS, *WHOLE) for figure in FIGURES},
    **{figure: f"response.{figure}" for figure in FIGURES},
    "failures": "failures",
    "throughput": "throughput",
    "rate": "throughput",
}


@dataclass(frozen=True)
class Rule:
    """What must not be so: a change of a metric beyond a limit."""

    text: str  # as written
    target: str | None  # None: every target
    metric: str  # as in results: response.p99
    more: bool  # what is beyond: more than the limit, or less
    limit: float  # of the relative change; or in the metric's own unit: ms, share, per second
    relative: bool


def parse_rule(text: str) -> Rule:
    """Read one rule.

    Raises:
        ValueError: not understood; says what was expected.
    """
    match = _SHAPE.fullmatch(text.strip().replace("−", "-"))
    if not match:
        raise ValueError(f"write a metric, > or <, and a change, like {EXAMPLES[0]!r} or {EXAMPLES[3]!r}")
    target, metric = _subject(match[1])
    size, relative = _size(metric, match[4].strip())
    return Rule(text.strip(), target, metric, match[2] == ">", -size if match[3] == "-" else size, relative)


def _subject(text: str) -> tuple[str | None, str]:
    """`vpc.ttft.p95` → vpc, ttft.p95; `p99` → every target, response.p99."""
    known = max((name for name in _NAMES if f".{text}".endswith(f".{name}")), key=len, default="")
    target = text.removesuffix(known).removesuffix(".")
    if not known or (text != known and not target):
        raise ValueError(
            f"{text}: not a metric; there is mean, p50 … p99.9, ttft.p95, service.p50, failures, throughput"
        )
    return target or None, _NAMES[known]  # fmt: skip


def _size(metric: str, text: str) -> tuple[float, bool]:
    """The limit without its sign, and whether it is of the relative change. A share's change is always in points."""
    if match := _PERCENT.fullmatch(text):
        return float(match[1]) / 100, metric != "failures"
    try:
        if metric == "throughput":
            return parse_rate(text), False
        if metric != "failures":
            return parse_duration(text) * 1000, False
    except ValueError as error:
        raise ValueError(f"{error}; or a change in percent, like +10%") from error
    raise ValueError("failures change in points of their share, like 'failures > +0.5%'")


def rule_on(rule: Rule, differences: Sequence[Difference]) -> list[Ruling]:
    """The rule on every target that it concerns.

    Raises:
        ValueError: there is no such target or metric in these runs.
    """
    named = [each for each in differences if rule.target in {None, each.base.target, each.new.target}]
    if not named:
        targets = ", ".join(
            dict.fromkeys(name for each in differences for name in (each.base.target, each.new.target))
        )
        raise ValueError(f"there is no target {rule.target}; there is {targets}")
    return [_rule_on(rule, each) for each in named]


def _rule_on(rule: Rule, difference: Difference) -> Ruling:
    metric = next((each for each in difference.metrics if each.metric == rule.metric), None)
    if metric is None:
        raise ValueError(
            f"these runs have no {rule.metric}: an open loop's throughput is what was asked for, "
            "and only streamed answers have ttft and the like"
        )
    target = difference.new.target
    slower = rule.more and rule.metric not in {"failures", "throughput"}
    if difference.lost_the_rate and slower:
        said = "the new side no longer holds the rate that the base side held"
        return Ruling(rule=rule.text, target=target, verdict="breached", said=said)
    change = _change(rule, metric)
    if change.high is not None and difference.assumed_spread is None:
        return _judge(rule, target, change)
    if slower and change.high is None and change.low is not None and change.low > rule.limit:
        reached = "at least " + told(rule, Estimate(value=change.low)) + ": " + (metric.withheld or "")
        return Ruling(rule=rule.text, target=target, verdict="breached", said=reached)
    reason = (metric.withheld or "there is no interval").removeprefix("cannot tell: ")
    return Ruling(rule=rule.text, target=target, verdict="cannot tell", said=reason)


def _change(rule: Rule, metric: Metric) -> Estimate:
    """The change that the rule is about."""
    if not rule.relative:
        return metric.difference
    value, low, high = (
        None if each is None else each - 1
        for each in (metric.ratio.value, metric.ratio.low, metric.ratio.high)
    )
    return Estimate(value=value, low=low, high=high)


def _judge(rule: Rule, target: str, change: Estimate) -> Ruling:
    assert change.low is not None
    assert change.high is not None
    near, far = (change.low, change.high) if rule.more else (-change.high, -change.low)
    limit = rule.limit if rule.more else -rule.limit
    if near > limit:
        return Ruling(rule=rule.text, target=target, verdict="breached", said=told(rule, change))
    if far <= limit:
        return Ruling(rule=rule.text, target=target, verdict="kept", said=told(rule, change))
    return Ruling(rule=rule.text, target=target, verdict="cannot tell", said=told(rule, change))


def told(rule: Rule, change: Estimate) -> str:
    """The change, with its interval if it has one, in the rule's unit."""
    percents = rule.relative or rule.metric == "failures"
    scale, unit = (100.0, " %") if percents else (1.0, "/s" if rule.metric == "throughput" else " ms")
    value, low, high = (
        "" if each is None else f"{each * scale:+.3g}".replace("-", "−")
        for each in (change.value, change.low, change.high)
    )
    return f"{value}{unit} ({low} to {high})" if low else f"{value}{unit}"
