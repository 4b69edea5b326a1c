"""Secrets are recognised by where they stand, and replaced wherever else they turn up."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.redaction import (
    MOST_SHOWN,
    REDACTED,
    Redactor,
    body_secrets,
    is_secret_name,
    looks_secret,
    redact_url,
    redact_value,
    replace_parameters,
    url_secrets,
    value_secrets,
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
        "AppCode",
        "appkey",
        "pass",
        "X-Pass",
        "dbPass",
        "code",
        "sid",
        "connect.sid",
        "JSESSIONID",
        "sign",
        "ak",
        "DB_PASSWORD",
        "idToken",
        "otp",
        "X-CSRF",
    ],
)
def test_names_of_credentials(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Accept",
        "Content-Type",
        "max_tokens",
        "author",
        "X-Request-Id",
        "keyword",
        "design",
        "Host",
        "sigma",
        "compass",
        "bypass",
        "country_code",
        "status_code",
        "tokenizer",
        "stop_token_ids",
        "skip_special_tokens",
        "passenger",
        "monkey",
        "model",
        "messages",
    ],
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


@pytest.mark.parametrize(
    "value",
    [
        "MGE0NzU3YmY0ZmI5OGRiZGFiZTIyMmVhMWM5NWU5YjQwYjU5Y2QzYg==",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "sk-proj-4fQ8zT1mX7bL2vN9cR5kW3",
        "5d41402abc4b2a76b9719d911017c592",
        "550e8400-e29b-41d4-a716-446655440000",
        "Bearer 8277e0910d750195b448797616e091ad",
    ],
)
def test_what_has_no_order_looks_secret_whatever_its_name(value: str) -> None:
    assert looks_secret(value)
    assert redact_url(f"http://h/?q={value}&x=1") == "http://h/?q=<redacted>&x=1"


@pytest.mark.parametrize(
    "value",
    [
        "DeepSeek-R1-Distill-Qwen-7B",
        "meta-llama/Llama-3.1-405B-Instruct",
        "claude-3-5-sonnet-20241022",
        "Qwen2.5-72B-Instruct-GPTQ-Int4",
        "BertForSequenceClassification2",
        "2024-01-01T00:00:00.123456Z",
        "text/event-stream; charset=utf-8",
        "internationalization",
        "hello, this is a prompt of 1234567890 words",
    ],
)
def test_names_of_models_and_words_do_not(value: str) -> None:
    assert not looks_secret(value)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("Authorization", "Bearer abcd", {"Bearer abcd", "abcd"}),
        ("Authorization", "ApiKey abcd", {"ApiKey abcd", "abcd"}),
        ("Authorization", "Basic Ym9iOkNBTnB3", {"Basic Ym9iOkNBTnB3", "Ym9iOkNBTnB3", "bob:CANpw", "CANpw"}),
        ("Authorization", "Basic ${B}", set()),
        ("Cookie", "sid=abcd; lang=zh", {"sid=abcd; lang=zh", "abcd"}),
        ("X-Team", "red", set()),
        ("X-Team", "blue; key=abcd", {"abcd"}),
    ],
)
def test_the_secrets_of_a_header(name: str, value: str, found: set[str]) -> None:
    assert value_secrets(name, value) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"model": "m", "auth": {"user": "bob", "deep": [{"x": "CANdeep"}]}}', {"bob", "CANdeep"}),
        ('[{"api_key": "CANkey"}, {"password": 1234}]', {"CANkey"}),
        ("user=bob&password=CAN%2Fpw", {"CAN%2Fpw", "CAN/pw"}),
        ("just a text with code=x in it", set()),
        ("[" * 100_000, set()),
    ],
)
def test_the_secrets_of_a_body(body: str, found: set[str]) -> None:
    assert body_secrets(body) == found


TOKENS = ("eyJhbGciOi" + "J1IjoiYm9iIn0x" * 28, "CANpw", "a secret/with ümlauts")


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("spelled", [str, quote, lambda text: json.dumps(text)[1:-1]])
def test_no_cut_shows_a_part_of_a_secret(token: str, spelled: Callable[[str], str]) -> None:
    """Every position of a token around the cut that shows, and around the one that reading makes."""
    redactor, form = Redactor([token]), spelled(token)
    for before in range(MOST_SHOWN + 2):
        text = "." * before + form + "." * 9
        assert form[:4] not in redactor.excerpt(text)
        read = text[: before + len(form) * before // MOST_SHOWN]  # cut at every place in it
        assert form[:4] not in redactor.beginning(read, cut=True)


def test_what_was_not_cut_keeps_its_end() -> None:
    assert Redactor(["secret"]).excerpt("not secure") == "not secure"
    assert Redactor(["secret"]).excerpt("not sec", cut=True) == f"not {REDACTED}"


@given(
    st.text(st.characters(codec="utf-8"), min_size=6, max_size=30),
    st.binary(max_size=9),
    st.binary(max_size=9),
)
def test_base64_of_a_text_with_a_secret_shows_next_to_nothing_of_it(
    secret: str, before: bytes, after: bytes
) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    left = Redactor([secret]).text(encoded).replace(REDACTED, "")
    assert len(left) <= len(base64.b64encode(before + after)) + 8


@pytest.mark.parametrize(
    "spelled",
    [
        "p%40ss%22w%5c%c3%b6%20rd%2f%2b",
        "p%2540ss%2522w%255C%25C3%25B6%2520rd%252F%252B",
        "%70%40%73%73%22%77%5C%C3%B6+%72%64%2F%2B",
        'p@ss\\"w\\\\ö rd/+',
        "p@ss\\u0022w\\u005c\\u00f6 rd\\/+",
        "p@ss&quot;w\\ö rd/+",
        "p@ss&#34;w&#92;&#xf6; rd&#x2F;+",
    ],
)
def test_a_secret_is_found_in_mixed_and_repeated_encodings(spelled: str) -> None:
    assert Redactor([SECRET]).text(f"<{spelled}>") == f"<{REDACTED}>"


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
