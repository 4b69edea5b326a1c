"""A scenario that exists is valid, frozen, and has every default filled in."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.errors import InputError
from benchmark.scenario.load import load_text
from benchmark.scenario.model import Expect, Load, Request, Scenario, Target

TARGETS = {"public": {"url": "http://public.example/api"}, "vpc": {"url": "http://vpc.example/api"}}


def scenario(**keys: Any) -> Scenario:
    return Scenario.model_validate({"targets": TARGETS, **keys})


def test_defaults() -> None:
    made = scenario()
    assert made.all_requests == (Request(),)
    assert made.load == Load()
    assert not made.load.paced
    assert (made.load.arrivals, made.load.max_connections, made.load.think) == ("constant", 1024, None)
    assert (made.load.duration, made.load.warmup) == (20.0, None)
    assert (made.rounds, made.confidence, made.seed, made.baseline_name) == (10, 0.95, 1, "public")
    assert (made.objectives, made.allow, made.keep_connections, made.resend_stale) == ((), (), False, False)


def test_a_plain_request() -> None:
    request = Request()
    assert (request.method, request.timeout, request.weight) == ("GET", 30.0, 1)
    assert request.expect.accepted is None


@pytest.mark.parametrize(
    "body", [{"body": ""}, {"body_file": "x"}, {"json": []}, {"json": False}, {"bytes": "1B"}]
)
def test_a_body_is_posted_unless_told_otherwise(body: dict[str, Any]) -> None:
    assert Request.model_validate(body).method == "POST"
    assert Request.model_validate({**body, "method": "PUT"}).method == "PUT"


def test_quantities_are_plain_numbers() -> None:
    load = Load.model_validate({"rate": "2k/s", "duration": "1h30m", "warmup": "0s"})
    assert (load.rate, load.duration, load.warmup) == (2000.0, 5400.0, 0.0)
    assert Load.model_validate({"connections": 8, "think": "5ms"}).think == 0.005
    assert Request.model_validate({"bytes": "64KiB"}).bytes_ == 65536


@given(st.sets(st.integers(200, 599), min_size=1), st.integers(100, 599))
def test_expected_statuses(statuses: set[int], seen: int) -> None:
    assert Expect.model_validate({"status": list(statuses)}).accepts(seen) == (seen in statuses)
    assert Expect.model_validate({"status": min(statuses)}).accepted == frozenset({min(statuses)})
    assert Expect().accepts(seen) == (seen < 400)


def test_requests_by_weight() -> None:
    made = scenario(requests=[{"weight": 3}, {"weight": 0.5, "path": "x"}])
    assert [request.weight for request in made.all_requests] == [3, 0.5]


def test_nothing_can_be_changed() -> None:
    made = scenario()
    with pytest.raises(ValidationError, match="frozen"):
        made.rounds = 5  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        made.load.rate = 5  # type: ignore[misc]


def test_it_travels_to_other_processes() -> None:
    made = scenario(request={"json": {"a": [1]}}, objectives=["vpc.p99 < 1s"])
    assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "https://host:8443/path?x=1",
        "http://127.0.0.1:1/",
        "http://[::1]:8000/x",
        "http://under_score.example./",
        "http://例子.example/路径",
        "HTTP://HOST/",
        "http://host:/x",
    ],
)
def test_urls(url: str) -> None:
    assert Target(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "host:80/x",
        "//host/x",
        "ftp://host",
        "http://",
        "http:///path",
        "http://:80/",
        "http://host:99999",
        "http://host:0",
        "http://host:port",
        "http://host:-1",
        "http://[::1",
        "http://[nonsense]/",
        "http://[fe80::1%25eth0",
        "http://ho st/",
        "http://host/a b",
        "http://host/\n",
        "http://host/#top",
        "http://user:pw@host/",
        "http://<EAS_ENDPOINT>/x",
        "http://16****.pai-eas.aliyuncs.com",
        "http://" + "ä" * 80,
        "http://-host/",
    ],
)
def test_no_urls(url: str) -> None:
    with pytest.raises(ValidationError):
        Target(url=url)


@given(st.text(), st.sampled_from(["", "http://", "https://[", "http://h:", "http://h/"]))
def test_any_text_is_a_url_or_a_clear_error(text: str, start: str) -> None:
    kinds = set()
    try:
        Target(url=start + text)
    except ValidationError as error:
        kinds = {each["type"] for each in error.errors()}
    assert kinds <= {"expected", "value_error", "string_unicode"}


@pytest.mark.parametrize("value", ["10.0.0.1", "::1", "fe80::1"])
def test_addresses_to_connect_to(value: str) -> None:
    assert Target(url="http://host", resolve=value).resolve == value


def test_the_first_target_is_the_baseline_unless_one_is_named() -> None:
    assert scenario(baseline="vpc").baseline_name == "vpc"
    assert scenario().baseline_name == "public"


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        ({"request": {"follow_redirects": True}}, "follow_redirects"),
        ({"requests": [{}, {"follow_redirects": True}]}, "follow_redirects"),
        ({"targets": {"a": {"url": "http://a/", "proxy": "http://p:3128"}}}, "a proxy"),
        ({"targets": {"a": {"url": "http://a/", "proxy": "environment"}}}, "a proxy"),
    ],
)
def test_what_only_the_second_transport_can_do(wanted: dict[str, Any], what: str) -> None:
    assert scenario(**wanted, transport="aiohttp").transport == "aiohttp"
    with pytest.raises(ValidationError, match=f"{what} needs transport: aiohttp"):
        scenario(**wanted)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("load.rate", "1000000000/s", "at most 10M/s: no machine sends more"),
        ("load.duration", "1000000h", "at most a year"),
        ("load.warmup", "100000h", "at most a year"),
        ("load.max_connections", "1000000000", "1000000 or less"),
        ("rounds", "1000000000", "10000 or less"),
        ("processes", "100000", "1024 or less"),
        ("seed", "99999999999999999999999", "or less"),
        ("monthly_requests", "99999999999999999999999", "or less"),
        ("request.timeout", "1000000h", "at most a year"),
    ],
)
def test_what_no_machine_can_do_is_no_scenario(key: str, value: str, said: str) -> None:
    with pytest.raises(InputError, match=f"(?s){key}.*{said}"):
        load_text("targets: {a: {url: 'http://h/'}}", "test", Path(), [f"{key}={value}"])
