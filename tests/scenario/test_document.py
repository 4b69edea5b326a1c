"""YAML as scenarios use it: a core without surprises, every key with its line, nothing that can do harm."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmark.scenario.document import NotYaml, Problem, read_document, read_value, write_document

BOMB = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-0x1F", "-0x1F"),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'12'", "12"),
        ("!!str 12", "12"),
        # what YAML 1.1 would make of these is something else
        ("yes", "yes"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert read_value(text) == value


def test_not_a_number() -> None:
    assert math.isnan(read_value(".nan"))


def test_every_key_and_item_has_its_line() -> None:
    document = read_document("a: 1\nb:\n  - x\n  - c: {d: 1,\n        e: 2}\n")
    assert document.data == {"a": 1, "b": ["x", {"c": {"d": 1, "e": 2}}]}
    assert document.lines == {
        (): 1,
        ("a",): 1,
        ("b",): 2,
        ("b", 0): 3,
        ("b", 1): 4,
        ("b", 1, "c"): 4,
        ("b", 1, "c", "d"): 4,
        ("b", 1, "c", "e"): 5,
    }


def test_an_alias_is_a_copy() -> None:
    data = read_document("a: &x {b: [1]}\nc: *x").data
    assert data == {"a": {"b": [1]}, "c": {"b": [1]}}
    assert data["a"]["b"] is not data["c"]["b"]


@pytest.mark.parametrize(
    ("text", "data", "problem"),
    [
        ("a: 1\nb: 2\na: 3", {"a": 1, "b": 2}, Problem(("a",), "this key was given on line 1 already", 3)),
        (
            "x: {a: 1, a: {a: 2}}",
            {"x": {"a": 1}},
            Problem(("x", "a"), "this key was given on line 1 already", 1),
        ),
        ("8080: x", {}, Problem((), 'a key is text; write "8080"', 1)),
        ("x:\n  true: 1", {"x": {}}, Problem(("x",), 'a key is text; write "true"', 2)),
        ("[a]: 1", {}, Problem((), "a key is text", 1)),
        ("~: 1", {}, Problem((), "a key is text", 1)),
        (
            "a: !env X",
            {"a": "X"},
            Problem(("a",), "tags (!…) mean nothing here; text that begins with ! needs quotes", 1),
        ),
        (
            "a: !!python/object/apply:os.system [x]",
            {"a": ["x"]},
            Problem(("a",), "tags (!…) mean nothing here; text that begins with ! needs quotes", 1),
        ),
        (f"a: {'9' * 5000}", {"a": "9" * 5000}, Problem(("a",), "this number has too many digits", 1)),
    ],
)
def test_problems_that_leave_the_rest_readable(text: str, data: Any, problem: Problem) -> None:
    document = read_document(text)
    assert document.data == data
    assert document.problems == [problem]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            "a: 1\ntoken: ***5ZT**",
            2,
            "this is not YAML: a value that begins with * is taken for an alias; put it in quotes",
        ),
        ("a: 1\nb: *c", 2, "an alias (*) stands for no value above it; text that begins with * needs quotes"),
        ("a: &x [*x]", 1, "an alias (*) stands for no value above it; text that begins with * needs quotes"),
        (
            "a: & b",
            1,
            "this is not YAML: a value that begins with & is taken for an anchor; put it in quotes",
        ),
        (
            "a: b: c",
            1,
            "this is not YAML: there is a colon too many, or a wrong indent; text that holds ': ' needs quotes",
        ),
        ("a:\n\tb: c", 2, "this is not YAML: a line is indented with a tab; use spaces"),
        (
            "a: @b",
            1,
            "this is not YAML: a value begins with a character that YAML keeps for itself (@, ` or %); put it in quotes",
        ),
        ("a: 'b\nc: d", 2, "this is not YAML: a quote is opened and never closed"),
        (
            r'a: "\d"',
            1,
            r"this is not YAML: in double quotes a backslash begins an escape; write \\, or use single quotes",
        ),
        (
            "a: 1\nb\nc: 2",
            3,
            "this is not YAML: a line is neither 'key: value' nor part of the text above it (a colon or an indent is missing)",
        ),
        ("a: [1, 2", 1, "this is not YAML: a list opened with [ is not closed, or lacks a comma"),
        ("a: {b: c", 1, "this is not YAML: a mapping opened with { is not closed, or lacks a comma"),
        (
            "- a\nb: c",
            2,
            "this is not YAML: a list's lines all begin with '- ' at the same indent; this one does not",
        ),
        ("a: !<", 1, "this is not YAML: a value that begins with ! is taken for a tag; put it in quotes"),
        ("a: |b", 1, "this is not YAML: after | or > the text begins on the next line"),
        (
            "a: 'b' c",
            1,
            "this is not YAML: this line does not continue the mapping it stands in; look at indents and quotes",
        ),
        ("}", 1, "this is not YAML: it cannot be read from here on; look at indents, colons and quotes"),
        ("a: 1\n---\nb: 2", 2, "a second document begins here (---); a scenario is one"),
        (
            "a: 1\nb: \x07",
            2,
            "there is a control character in the text; YAML has none but tab and line break",
        ),
        ("[" * 5000, 1, "the text is nested more than 100 levels deep"),
        (BOMB, 5, "aliases (*) repeat more than 10,000 values"),
        (
            "a" * 1024**2 + "a",
            None,
            "the text is larger than 1 MiB; keep a large body in a file of its own (body_file)",
        ),
    ],
)
def test_text_that_cannot_be_read(text: str, line: int | None, message: str) -> None:
    with pytest.raises(NotYaml) as caught:
        read_document(text)
    assert (str(caught.value), caught.value.line) == (message, line)


def test_a_value_that_has_a_problem_of_its_own() -> None:
    with pytest.raises(NotYaml, match="this key was given on line 1 already"):
        read_value("{a: 1, a: 2}")


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(plain_data)
@example("0o17")
@example("1e3")
@example("  leading\n\n and trailing \n\n")
@example("\n x")
@example(["\n x", {"a": " y\n\n"}])
@example("a\x85b\u2028c\rd")
@example("\ufeffa")
@example("${NAME}: #x\n- y")
@example({"? a": {"": "~"}})
@example({"a\nb": 1, "x" * 200: 2})
def test_what_is_written_is_read_back_the_same(data: Any) -> None:
    document = read_document(write_document(data))
    assert document.data == data
    assert not document.problems


def test_people_can_read_what_is_written() -> None:
    data = {
        "token": "${EAS_TOKEN}",
        "body": '{\n  "a": 1\n}',
        "status": [200, 404],
        "name": "模型",
        "empty": {},
    }
    assert write_document(data) == (
        'token: "${EAS_TOKEN}"\n'
        "body: |-\n"
        "  {\n"
        '    "a": 1\n'
        "  }\n"
        "status:\n"
        "  - 200\n"
        "  - 404\n"
        "name: 模型\n"
        "empty: {}\n"
    )
