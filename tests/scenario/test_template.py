"""`{{row.field}}` and `{{salt}}`: what they become, where they may stand, and that nothing else happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.scenario.body import read_body
from benchmark.scenario.data import Row
from benchmark.scenario.load import load_text
from benchmark.scenario.model import Request
from benchmark.scenario.salt import SALT
from benchmark.scenario.template import asks_for_rows, fill_request
from tests.scenario.test_load import TARGETS, complaints

ROW = Row(
    "rows.jsonl:7", {"id": 5, "name": "Jörg & co", "user": {"age": 30, "tags": ["x"]}, "on": True, "q.x": "?"}
)


def fill(**keys: Any) -> Request:
    return fill_request(Request.model_validate(keys), ROW)


def test_json_keeps_types_where_a_placeholder_is_the_whole_text() -> None:
    sent = fill(
        json={
            "a": "{{row.id}}",
            "b": ["{{ row.user }}", "no {{row.id}}, {{row.on}}"],
            "c": "{{row.user.age}}",
        }
    )
    assert sent.json_ == {"a": 5, "b": [{"age": 30, "tags": ["x"]}, "no 5, true"], "c": 30}
    assert read_body(sent) == b'{"a":5,"b":[{"age":30,"tags":["x"]},"no 5, true"],"c":30}'


def test_everywhere_else_there_is_text() -> None:
    sent = fill(
        path="items/{{row.name}}/{{row.id}}",
        query={"q": "{{row.name}}", "all": "{{row.user}}"},
        headers={"X-Id": "no. {{row.id}}"},
        body="{{row.q.x}} {{row.user.tags}}",
    )
    assert sent.path == "items/J%C3%B6rg%20%26%20co/5"
    assert sent.query == {"q": "Jörg & co", "all": '{"age":30,"tags":["x"]}'}
    assert sent.headers == {"X-Id": "no. 5"}
    assert read_body(sent) == b'? ["x"]'


def test_a_path_that_is_all_placeholder_is_a_path() -> None:
    request = Request(path="{{row.path}}")
    assert fill_request(request, Row("r:1", {"path": "/a/b?c=d"})).path == "/a/b?c=d"
    with pytest.raises(InputError, match=r"r:1: request.path: a path has no spaces"):
        fill_request(request, Row("r:1", {"path": "/a b HTTP/1.1"}))


@given(st.text())
def test_values_are_never_filled_themselves(text: str) -> None:
    for value in (text, "{{row.id}}", "${PATH}", "{{salt}}"):
        row = Row("r:1", {"a": value, "id": 5})
        assert fill_request(Request.model_validate({"json": ["{{row.a}}", "<{{row.a}}>"]}), row).json_ == [
            value,
            f"<{value}>",
        ]


def test_a_value_cannot_begin_another_header() -> None:
    with pytest.raises(InputError, match=r"r:1: request.headers.X: a header's value cannot hold line breaks"):
        fill_request(Request(headers={"X": "{{row.a}}"}), Row("r:1", {"a": "b\r\nEvil: c"}))


@pytest.mark.parametrize("name", ["nme", "user.nme", "user.age.x", "id.x"])
def test_a_field_that_a_row_does_not_have(name: str) -> None:
    with pytest.raises(InputError) as caught:
        fill(json={"a": [f"{{{{row.{name}}}}}"]})
    assert str(caught.value) == (
        f"rows.jsonl:7: there is no field '{name}', which request.json.a[0] asks for; "
        "there is id, name, user, on, q.x"
    )


def test_salt_needs_no_rows() -> None:
    request = Request.model_validate({"json": {"a": "{{salt}}", "b": "{{ other }}"}})
    assert not asks_for_rows(request)
    assert fill_request(request, None).json_ == {"a": SALT, "b": "{{ other }}"}
    assert asks_for_rows(Request(query={"a": "-{{row.b}}"}))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "request: {json: {a: ['{{row.b}}']}}",
            "request.json.a[0]: there are no rows to take a field from; name their file, like data: {file: rows.jsonl}",
        ),
        ("request: {body: '{{row}}'}", "request.body: a placeholder is written {{row.field}} or {{salt}}"),
        ("request: {body: '{{salt.x}}'}", "request.body: a placeholder is written {{row.field}} or {{salt}}"),
        (
            "request: {timeout: '{{row.t}}'}",
            "request.timeout: placeholders go into a request's path, query, headers, body, json",
        ),
        ("name: '{{salt}}'", "name: placeholders go into a request"),
        ("data: {file: ''}", "data.file: found '', expected text that is not empty"),
        (
            "data: {file: a.csv, order: random}",
            "data.order: found 'random', expected 'shuffled' or 'sequential'",
        ),
        ("data: {fle: a.csv}", "data.fle: unknown key; did you mean file?"),
    ],
)
def test_what_is_wrong_with_a_placeholder_is_told_with_its_line(lines: str, message: str) -> None:
    assert f"s.yaml:2: {message}" in complaints(TARGETS + lines)


def test_a_credential_that_a_row_gives_is_no_secret_of_the_scenario() -> None:
    text = TARGETS + 'request: {headers: {Authorization: "Bearer {{row.key}}"}}\ndata: {file: r.csv}'
    loaded = load_text(text, "s.yaml", Path())
    assert loaded.document["request"]["headers"] == {"Authorization": "Bearer {{row.key}}"}
    assert loaded.secrets == frozenset()
