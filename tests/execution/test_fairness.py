"""Targets that are not asked alike: what skews a comparison is refused, all else is told, and no value ever is."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.execution.fairness import check_fairness, unlike_targets
from benchmark.execution.plan import Plan, make_plan
from benchmark.scenario.load import load_text

CANARY = "canary-9f8e7d"


def a_plan(public: str = "", vpc: str = "", rest: str = "", scheme: str = "http") -> Plan:
    targets = f"targets: {{public: {{url: '{scheme}://a.example/x', {public}}}, vpc: {{url: '{scheme}://b.example/x', {vpc}}}}}"
    return make_plan(load_text(f"{targets}\n{rest}", "test", Path(), environ={"T": CANARY}))


def test_targets_that_differ_in_nothing_but_their_address() -> None:
    plan = a_plan(
        "token: '${T}'", "token: '${T}'", "request: {json: {a: 1}, path: v1}\nload: {connections: 4}"
    )
    check_fairness(plan, ())
    assert unlike_targets(plan) == []


def test_prompts_salted_for_each_target_are_the_same_payload() -> None:
    plan = a_plan(
        rest="request: {path: v1/chat/completions, json: {model: m}, prompts: {synthetic: {input: 60, prefix: 0.3}}}"
    )
    assert plan.targets[0].requests[0].body != plan.targets[1].requests[0].body
    check_fairness(plan, ())
    assert unlike_targets(plan) == []


@pytest.mark.parametrize(
    ("public", "vpc", "said"),
    [
        ("", f"query: {{key: {CANARY}}}", "public and vpc differ in query"),
        ("", "headers: {Accept-Encoding: gzip}", "public and vpc differ in header accept-encoding"),
        ("headers: {accept: a/b}", "headers: {Accept: c/d}", "public and vpc differ in header accept"),
    ],
)
def test_unlike_payloads_are_refused_unless_allowed(public: str, vpc: str, said: str) -> None:
    plan = a_plan(public, vpc)
    with pytest.raises(InputError) as caught:
        check_fairness(plan, ())
    assert said in str(caught.value)
    assert "allow: [different-payloads]" in str(caught.value)
    check_fairness(plan, ("different-payloads",))
    assert unlike_targets(plan) == [said], "allowed, and told all the same"
    assert CANARY not in str(caught.value)


def test_unlike_schemes_are_refused_unless_allowed() -> None:
    text = "targets: {a: {url: 'http://a.example'}, b: {url: 'https://b.example'}}"
    plan = make_plan(load_text(text, "test", Path()))
    with pytest.raises(InputError, match="differ in scheme"):
        check_fairness(plan, ())
    check_fairness(plan, ("different-schemes",))


@pytest.mark.parametrize(
    ("public", "vpc", "said"),
    [
        ("token: '${T}'", "", "differ in credentials"),
        ("", f"headers: {{X-Trace: {CANARY}}}", "differ in header x-trace"),
        ("", "path: v2", "differ in the path that is asked for"),
        ("verify_tls: false", "", "`verify_tls`: vpc's certificate is checked, public's is not"),
        ("", "resolve: 10.0.0.1", "`resolve`: public's name is looked up in every round, vpc's never"),
        ("proxy: 'http://p:1'", "", "`proxy`: public through a proxy of its own, vpc is called straight"),
        (
            "",
            "proxy: environment",
            "`proxy`: public is called straight, vpc as the environment's proxies say",
        ),
    ],
)
def test_all_else_that_differs_is_told(public: str, vpc: str, said: str) -> None:
    plan = a_plan(public, vpc, "transport: aiohttp", scheme="https")
    check_fairness(plan, ())
    (told,) = unlike_targets(plan)
    assert said in told
    assert told.startswith("public and vpc ")
    assert CANARY not in told
