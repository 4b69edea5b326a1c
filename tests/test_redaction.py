"""Secrets are recognised by where they stand, and replaced wherever else they turn up."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.redaction import (
    REDACTED,
    Redactor,
    is_secret_name,
    redact_url,
    redact_value,
    replace_parameters,
    url_secrets,
)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "proxy-authorization",
        "Cookie",
        "X-Auth-Token",
        "X-Auth-User",
        "access_token",
        "api-key",
        "apikey",
        "X-Api-Key",
        "AccessKeyId",
        "key",
        "Ocp-Apim-Subscription-Key",
        "Signature",
        "sig",
        "X-Amz-Credential",
        "password",
        "passwd",
        "client_secret",
        "session_id",
        "jwt",
    ],
)
def test_names_of_credentials(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["Accept", "Content-Type", "max_tokens", "author", "X-Request-Id", "keyword", "design", "Host", "sigma"],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://host/path?x=1&y=%20", "http://host/path?x=1&y=%20"),
        ("http://user:pw@host/@me", "http://<redacted>@host/@me"),
        ("http://u@v:p@host:80", "http://<redacted>@host:80"),
        ("user:pw@host/path", "<redacted>@host/path"),
        ("http://h/?token=abc&x=1", "http://h/?token=<redacted>&x=1"),
        ("http://h/?x=1&API_KEY=a=b#f", "http://h/?x=1&API_KEY=<redacted>#f"),
        ("http://h/?acces%73_token=abc", "http://h/?acces%73_token=<redacted>"),
        ("http://h/#access_token=abc", "http://h/#access_token=<redacted>"),
        ("http://h/?token=${TOKEN}", "http://h/?token=${TOKEN}"),
        ("v1/chat?sig=abc", "v1/chat?sig=<redacted>"),
        ("http://[::1", "http://[::1"),
        ("", ""),
    ],
)
def test_urls(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(st.text(max_size=50))
def test_any_text_can_be_taken_for_a_url(text: str) -> None:
    redact_url(text)
    url_secrets(text)


def test_the_secrets_of_a_url() -> None:
    assert url_secrets("http://user:p%40ss@host/?x=1&token=a%2Bb") == {
        "user:p%40ss",
        "user:p@ss",
        "p%40ss",
        "p@ss",
        "a%2Bb",
        "a+b",
    }


def test_parameters_are_replaced_by_name() -> None:
    assert (
        replace_parameters("http://h/?a=1&key=k", lambda name, value: f"<{name}:{value}>")
        == "http://h/?a=1&key=<key:k>"
    )


@pytest.mark.parametrize("value", ["${EAS_TOKEN}", "Bearer ${EAS_TOKEN}", "basic ${B}"])
def test_a_reference_is_no_secret(value: str) -> None:
    assert redact_value(value) == value


@pytest.mark.parametrize("value", ["abc", "abc${EAS_TOKEN}", "${EAS_TOKEN}abc", "Bearer abc", "${a b}", ""])
def test_all_else_is_one(value: str) -> None:
    assert redact_value(value) == REDACTED


SECRET = 'p@ss"w\\ö rd/+'


@pytest.mark.parametrize(
    "spelled",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        repr(SECRET)[1:-1],
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
    ],
)
def test_a_secret_is_found_however_it_is_spelled(spelled: str) -> None:
    assert Redactor([SECRET]).text(f"<{spelled}>") == f"<{REDACTED}>"


def test_the_longest_secret_goes_first() -> None:
    assert Redactor(["abcd", "abcdefgh"]).text("abcdefgh abcd") == f"{REDACTED} {REDACTED}"


def test_short_values_go_where_they_stand_alone_and_leave_words_whole() -> None:
    assert (
        Redactor(["abc", ""]).text("bad token abc, 'abc', abcd xabc")
        == f"bad token {REDACTED}, '{REDACTED}', abcd xabc"
    )


def test_plain_data() -> None:
    data = {"a": ["xtokenx", 1, None, ("token",)], "token": True}
    redacted = {"a": [f"x{REDACTED}x", 1, None, [REDACTED]], REDACTED: True}
    assert Redactor(["token"]).data(data) == redacted
    assert Redactor().data(data) == {"a": ["xtokenx", 1, None, ["token"]], "token": True}


def test_a_secret_that_is_no_utf_8() -> None:
    assert Redactor(["abc\udcff"]).text("<abc\udcff>") == f"<{REDACTED}>"


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    shown = Redactor([secret]).text(before + secret + after)
    assert not any(secret in piece for piece in shown.split(REDACTED))
