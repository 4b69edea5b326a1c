"""Rules on what must not change: read, and judged by the interval alone."""

from __future__ import annotations

import pytest

from benchmark.analysis.gate import EXAMPLES, parse_rule, rule_on
from benchmark.result.difference import Difference, DiffSide
from benchmark.result.model import Estimate, Metric


def a_metric(
    name: str, difference: tuple[float, float, float], ratio: tuple[float, float, float] | None
) -> Metric:
    told = {"baseline": 10.0, "candidate": 11.0, "primary": False, "enough_data": True}
    kept = Estimate(value=None) if ratio is None else Estimate(value=ratio[0], low=ratio[1], high=ratio[2])
    whole = Estimate(value=difference[0], low=difference[1], high=difference[2])
    return Metric.model_validate({"metric": name, "difference": whole, "ratio": kept, **told})


def a_difference(*metrics: Metric, lost: bool = False, spread: float | None = None) -> Difference:
    side = DiffSide(runs=["a", "b", "c"], target="vpc")
    return Difference(
        base=side,
        new=side,
        sample="occasions",
        samples=(3, 3),
        assumed_spread=spread,
        confidence=0.95,
        metrics=list(metrics),
        lost_the_rate=lost,
    )


FOUND = a_difference(
    a_metric("response.p99", (20, 12, 28), (1.2, 1.12, 1.28)),
    a_metric("response.p99.9", (20, 12, 28), (1.2, 1.12, 1.28)),
    a_metric("throughput", (-50, -60, -40), (0.9, 0.88, 0.92)),
    a_metric("failures", (0.004, 0.002, 0.006), None),
)


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        ("p99 > +10%", "breached"),
        ("p99>10%", "breached"),
        ("p99 > +20%", "cannot tell"),
        ("p99 > +28%", "kept"),
        ("p99.9 > +10%", "breached"),
        ("vpc.p99 > +10ms", "breached"),
        ("vpc.response.p99.9 > +20ms", "cannot tell"),
        ("p99 > +30ms", "kept"),
        ("p99 < -10%", "kept"),
        ("throughput < -5%", "breached"),
        ("throughput < -10%", "cannot tell"),
        ("rate < -15%", "kept"),
        ("throughput < -30/s", "breached"),
        ("failures > +0.1%", "breached"),
        ("failures > +0.5%", "cannot tell"),
        ("failures > +1%", "kept"),
    ],
)
def test_a_rule_is_judged_by_the_whole_interval(rule: str, verdict: str) -> None:
    (ruling,) = rule_on(parse_rule(rule), [FOUND])
    assert ruling.verdict == verdict, ruling.said


def test_what_is_told_is_in_the_rules_own_unit() -> None:
    said = [
        rule_on(parse_rule(rule), [FOUND])[0].said for rule in ("p99 > +10%", "p99 > +1ms", "failures > +1%")
    ]
    assert said == ["+20 % (+12 to +28)", "+20 ms (+12 to +28)", "+0.4 % (+0.2 to +0.6)"]


def test_without_an_interval_nobody_can_tell() -> None:
    bare = FOUND.metrics[0].model_copy(
        update={"ratio": Estimate(value=1.2), "withheld": "cannot tell: an interval needs 3 runs a side"}
    )
    (ruling,) = rule_on(parse_rule("p99 > +10%"), [a_difference(bare)])
    assert (ruling.verdict, ruling.said) == ("cannot tell", "an interval needs 3 runs a side")


def test_a_lower_limit_alone_can_show_a_breach_and_nothing_else() -> None:
    never = FOUND.metrics[0].model_copy(
        update={"ratio": Estimate(value=None, low=3.0), "withheld": "no answers"}
    )
    assert [
        rule_on(parse_rule(rule), [a_difference(never)])[0].verdict for rule in ("p99 > +10%", "p99 > +300%", "p99 < -1%")
    ] == ["breached", "cannot tell", "cannot tell"]  # fmt: skip


def test_a_rate_that_is_no_longer_held_breaches_whatever_is_asked_of_latencies() -> None:
    lost = a_difference(*FOUND.metrics, lost=True)
    assert rule_on(parse_rule("p99 > +50%"), [lost])[0].verdict == "breached"
    assert rule_on(parse_rule("failures > +1%"), [lost])[0].verdict == "kept"


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "p99",
        "p99 > ",
        "p98 > +10%",
        "p99 = 10%",
        "p99 > 10",
        "failures > 5ms",
        "throughput < -5ms",
        ".p99 > 1%",
    ],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        parse_rule(rule)


def test_a_rule_must_concern_something() -> None:
    with pytest.raises(ValueError, match="there is vpc"):
        rule_on(parse_rule("public.p99 > +10%"), [FOUND])
    with pytest.raises(ValueError, match="open loop"):
        rule_on(parse_rule("ttft.p50 > +10%"), [FOUND])


def test_the_examples_are_rules() -> None:
    assert [parse_rule(example).text for example in EXAMPLES] == list(EXAMPLES)


@pytest.mark.parametrize("rule", ["p99 > +10%", "p99 > +30%", "p99 > +10ms", "throughput < -5%"])
def test_what_rests_on_an_assumption_is_no_verdict(rule: str) -> None:
    (ruling,) = rule_on(parse_rule(rule), [a_difference(*FOUND.metrics, spread=0.03)])
    assert ruling.verdict == "cannot tell"
