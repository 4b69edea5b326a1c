"""What goes onto the wire: the request line, whose headers win, and text that is not ASCII."""

from __future__ import annotations

from typing import Any

import pytest

from benchmark.scenario.model import Request, Target
from benchmark.transport.prepare import destination, full_url, prepare


def prepared(target: dict[str, Any], request: dict[str, Any] | None = None, body: bytes = b"") -> Any:
    return prepare(
        Target.model_validate({"url": "http://host/api", **target}),
        Request.model_validate(request or {}),
        body,
    )


@pytest.mark.parametrize(
    ("target", "request_", "line"),
    [
        ({}, {}, "/api"),
        ({"url": "http://host"}, {}, "/"),
        ({"url": "http://host?x=1"}, {}, "/?x=1"),
        ({"url": "http://host/api/"}, {"path": "/v1/chat"}, "/api/v1/chat"),
        ({"path": "v2"}, {"path": "v1"}, "/api/v2"),
        ({"url": "http://host/a?x=1"}, {"path": "b?y=2", "query": {"z": "3"}}, "/a/b?x=1&y=2&z=3"),
        ({"query": {"q": "target"}}, {"query": {"q": "request"}}, "/api?q=target"),
        ({"url": "http://host/ü?q=é&already=%C3%A9"}, {}, "/%C3%BC?q=%C3%A9&already=%C3%A9"),
        ({}, {"path": "b?city=杭州"}, "/api/b?city=%E6%9D%AD%E5%B7%9E"),
        ({}, {"query": {"city": "杭州", "a b": "c&d"}}, "/api?city=%E6%9D%AD%E5%B7%9E&a+b=c%26d"),
        ({"url": "http://host/?q=[a]|{b}\"<c>^`'"}, {}, "/?q=[a]|{b}\"<c>^`'"),
    ],
)
def test_the_request_line(target: dict[str, Any], request_: dict[str, Any], line: str) -> None:
    ready = prepared(target, request_)
    assert ready.target == line
    assert ready.wire.startswith(f"GET {line} HTTP/1.1\r\n".encode("ascii"))


def test_the_url_that_is_told_is_the_one_that_is_called() -> None:
    target = Target.model_validate({"url": "https://host:8443/é"})
    assert full_url(target, Request.model_validate({"path": "x"})) == "https://host:8443/%C3%A9/x"
    assert destination(target).port == 8443


def test_a_later_header_of_one_name_wins() -> None:
    ready = prepared(
        {"headers": {"x-who": "target"}},
        {"headers": {"X-Who": "request", "accept": "a/b"}, "json": {}},
        b"{}",
    )
    assert dict(ready.headers) == {
        "Host": "host",
        "User-Agent": dict(ready.headers)["User-Agent"],
        "accept": "a/b",
        "Content-Type": "application/json",
        "Content-Length": "2",
        "x-who": "target",
    }


def test_the_token_is_sent_as_it_is_or_as_a_bearer() -> None:
    assert dict(prepared({"token": "t"}).headers)["Authorization"] == "t"
    assert dict(prepared({"token": "t", "bearer": True}).headers)["Authorization"] == "Bearer t"
