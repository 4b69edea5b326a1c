"""The headline, word for word."""

from __future__ import annotations

import pytest

from benchmark.report.answers import answer, answers
from benchmark.result.model import Breakdown, BreakdownRow, Comparison, Estimate
from tests.report.results import a_result, a_run, compared, metric

P50 = "response.p50"

WORDED = {
    "faster": (
        compared(metric(P50, 31.0, 1.6, -29.8, -29.1, primary=True)),
        "The VPC address answers 29.4 ms sooner at p50 (95 % CI 29.1–29.8): 1.6 ms instead of 31.0, 19× faster.",
    ),
    "slower is said as plainly": (
        compared(metric(P50, 15.5, 18.6, 2.8, 3.4, primary=True)),
        "The VPC address answers 3.1 ms later at p50 (95 % CI 2.8–3.4): 18.6 ms instead of 15.5, 1.2× slower.",
    ),
    "a small ratio is told in percent": (
        compared(metric(P50, 26.0, 25.0, -1.3, -0.7, primary=True)),
        "The VPC address answers 1.0 ms sooner at p50 (95 % CI 0.7–1.3): 25.0 ms instead of 26.0, 4 % faster.",
    ),
    "no difference": (
        compared(metric(P50, 1.62, 1.64, -0.21, 0.33, primary=True)),
        "No measurable difference at p50 (95 % CI −0.2 to +0.3 ms): 1.6 ms on the VPC address and 1.6 on the public address.",
    ),
    "other names are quoted": (
        compared(
            metric(P50, 31.0, 1.6, -29.8, -29.1, primary=True), baseline="old", candidate="new`<b>"
        ),
        "`newˋ<b>` answers 29.4 ms sooner at p50 (95 % CI 29.1–29.8): 1.6 ms instead of 31.0, 19× faster.",
    ),
    "another primary": (
        compared(metric("response.mean", 31.0, 1.6, -29.8, -29.1, primary=True)),
        "The VPC address answers 29.4 ms sooner on average (95 % CI 29.1–29.8): 1.6 ms instead of 31.0, 19× faster.",
    ),
    "withheld": (
        compared(metric(P50, 31.0, 1.6, primary=True, withheld="a backlog grew; lower the rate")),
        "No figure for the VPC address against the public address at p50: a backlog grew; lower the rate.",
    ),
    "not enough data": (
        compared(
            metric(P50, 31.0, 1.6, primary=True, enough=False, withheld="not enough data: 1 paired round")
        ),
        "Not enough data to compare the VPC address with the public address at p50: 1 paired round.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("comparison", "said"), WORDED.values(), ids=WORDED)
def test_wording(comparison: Comparison, said: str) -> None:
    assert answer(comparison) == said


def test_a_withheld_ratio_leaves_the_difference() -> None:
    found = metric(P50, 31.0, 1.6, -29.8, -29.1, primary=True, withheld="the ratio alone: …")
    found = found.model_copy(update={"ratio": Estimate(value=None)})
    assert answer(compared(found)).endswith("(95 % CI 29.1–29.8): 1.6 ms instead of 31.0.")


def test_a_ratio_that_may_be_one_is_no_difference() -> None:
    found = metric(P50, 31.0, 30.0, -1.9, -0.1, primary=True)
    found = found.model_copy(update={"ratio": Estimate(value=0.97, low=0.93, high=1.01)})
    assert answer(compared(found)).startswith("No measurable difference")


def test_a_single_target() -> None:
    run = a_run({"api": 1.6})
    (said,) = answers(a_result(run))
    assert said.startswith("`api` answers in 1.")
    assert said.endswith("; 50.0/s, 0 failures.")
    (lossy,) = answers(a_result(a_run({"vpc": 1.6}, timeouts=20)))
    assert lossy.startswith("The VPC address answers in 1.")
    assert "≥ 30,000 ms at p99" in lossy
    assert lossy.endswith("80 of 1,000 requests failed.")


def test_what_was_not_sent_is_told_apart() -> None:
    """After an objective has ended a run, nothing has failed."""
    result = a_result(a_run({"api": 1.6}))
    target = result.targets["api"]
    counts = target.counts.model_copy(update={"unsent": 250})
    broken_off = target.model_copy(update={"counts": counts})
    (said,) = answers(result.model_copy(update={"targets": {"api": broken_off}}))
    assert said.endswith("; 50.0/s, 0 failures, 250 not sent.")


def test_a_single_target_that_never_answered() -> None:
    result = a_result(a_run({"api": 1.6}))
    silent = result.targets["api"].model_copy(update={"response_ms": result.targets["api"].response_ms.model_copy(
        update={"p50": None})})  # fmt: skip
    (said,) = answers(result.model_copy(update={"targets": {"api": silent}}))
    assert said == "Not enough data to say how fast `api` answers: 0 failures."


def test_the_reason_comes_with_the_answer_but_never_for_simulated_paths() -> None:
    """A simulated path delays answers, so that all of its difference would read as the server's."""
    shown = compared(metric(P50, 31.0, 1.6, -29.8, -29.1, primary=True))
    difference = Estimate(value=-29.4, low=-29.8, high=-29.1)
    network, total = (
        BreakdownRow(phase=phase, baseline=31.0, candidate=1.6, difference=difference)
        for phase in ("network", "total")
    )
    split = Breakdown(
        baseline=shown.baseline,
        candidate=shown.candidate,
        confidence=0.95,
        rounds=10,
        total=total,
        rows=[network],
    )
    result = a_result(a_run({"public": 31.0, "vpc": 1.6}), shown, breakdown=[split])
    (said,) = answers(result)
    assert "29.4 of the 29.4 ms" in said
    (bare,) = answers(result.model_copy(update={"settings": {**result.settings, "simulated": True}}))
    assert bare == said.partition(" On average")[0]
    first = shown.model_copy(update={"metrics": [metric("ttft.p50", 31.0, 1.6, -29.8, -29.1, primary=True)]})
    (of_tokens,) = answers(result.model_copy(update={"comparisons": [first]}))
    assert "TTFT" in of_tokens
    assert "On average" not in of_tokens, "the parts are those of whole answers"
