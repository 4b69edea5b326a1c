"""Data files: three forms, one kind of row, and a line for everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.scenario import data
from benchmark.scenario.data import read_rows


def rows(folder: Path, name: str, content: str | bytes) -> list[tuple[str, dict[str, object]]]:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return [(row.where, row.fields) for row in read_rows("data.file", name, folder).items]


def complaint(folder: Path, name: str, content: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        rows(folder, name, content)
    return str(caught.value)


def test_an_object_a_line(tmp_path: Path) -> None:
    assert rows(tmp_path, "r.jsonl", '\ufeff{"a": 1, "b": ["ü"]}\r\n\n{"a": null}') == [
        ("r.jsonl:1", {"a": 1, "b": ["ü"]}),
        ("r.jsonl:3", {"a": None}),
    ]


def test_a_list_of_objects(tmp_path: Path) -> None:
    assert rows(tmp_path, "r.json", '[{"a": 1},\n {"a": 2}]') == [
        ("r.json, item 1", {"a": 1}),
        ("r.json, item 2", {"a": 2}),
    ]


def test_a_table(tmp_path: Path) -> None:
    assert rows(tmp_path, "r.csv", 'a, b\n1,"two\nlines"\n\n3,""\n') == [
        ("r.csv:3", {"a": "1", "b": "two\nlines"}),
        ("r.csv:5", {"a": "3", "b": ""}),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.txt", "x", "data.file 'r.txt': a data file is named .jsonl, .json or .csv"),
        ("r.jsonl", "\n", "data.file 'r.jsonl': there are no rows in it"),
        ("r.csv", "a,,b\n", "r.csv:1: the first line names the fields, each by a name of its own"),
        ("r.csv", "a,a\n", "r.csv:1: the first line names the fields, each by a name of its own"),
        ("r.csv", "a,b\n1,2\n3\n", "r.csv:3: there are 1 values for 2 fields"),
        ("r.csv", 'a\n"x', "r.csv:2: this is not CSV: unexpected end of data"),
        ("r.jsonl", '{"a": 1}\n{"a": ', "r.jsonl:2: this is not JSON: Expecting value (column 7)"),
        ("r.jsonl", "[1]", 'r.jsonl:1: an object was expected, like {"field": "value"}'),
        ("r.jsonl", '{"a": NaN}', "r.jsonl:1: JSON has no NaN"),
        ("r.jsonl", '{"a": 1, "a": 2}', "r.jsonl:1: a key is given twice in an object"),
        ("r.jsonl", '{"a": 1}\n{"a": "\\ud800"}', "r.jsonl:2: there is half a character"),
        ("r.jsonl", b'{"a": 1}\n\xff', "r.jsonl:2: this is not UTF-8 text; save the file as UTF-8"),
        ("r.jsonl", '{"a": ' + 60 * "[" + 60 * "]" + "}", "r.jsonl:1: the row is nested more than 50 levels"),
        ("r.jsonl", '{"a": ' + 99999 * "[", "r.jsonl:1: it is nested too deep"),
        ("r.json", "{}", "r.json: a list of objects was expected; for an object a line name the file .jsonl"),
        ("r.json", "[\n{}", "r.json:2: this is not JSON: Expecting ',' delimiter (column 3)"),
        ("r.json", '[{"a": 1},\n {"a": }]', "r.json:2: this is not JSON: Expecting value (column 8)"),
        ("r.json", "[1]", 'r.json, item 1: an object was expected, like {"field": "value"}'),
        ("r.json", "[{}] x", "r.json:1: this is not JSON: Extra data (column 6)"),
        ("r.json", "[]", "data.file 'r.json': there are no rows in it"),
        ("r.json", '[{"a": "\\ud800"}]', "r.json, item 1: there is half a character"),
        ("r.json", b"[\n\xff", "r.json:2: this is not UTF-8 text; save the file as UTF-8"),
    ],
)
def test_what_is_wrong(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    assert complaint(tmp_path, name, content).startswith(message)


def test_what_is_held_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "MOST_ROWS", 2)
    (tmp_path / "r.csv").write_text("a\n1\n2\n3\n4\n5\n")
    held = read_rows("data.file", "r.csv", tmp_path)
    assert [row.fields["a"] for row in held.items] == ["1", "5"]
    assert (held.seen, held.step) == (5, 4)
    monkeypatch.setattr(data, "LARGEST_ROW", 1024)
    for name, content in (("r.jsonl", '{"a": "' + 2000 * "a"), ("r.json", '[{"a": "' + 2000 * "a")):
        assert complaint(tmp_path, name, content) == f"{name}:1: this row is larger than 64 MiB"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_as_spreadsheets_write_them(tmp_path: Path, encoding: str, delimiter: str) -> None:
    lines = [f'"a"{delimiter}b', f'1{delimiter}"x,;\ty"', f"ü{delimiter}", ""]
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    content = (mark + "\r\n".join(lines)).encode(encoding)
    assert [fields for _, fields in rows(tmp_path, "r.csv", content)] == [
        {"a": "1", "b": "x,;\ty"},
        {"a": "ü", "b": ""},
    ]


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text()), min_size=1), st.integers(1, 40)
)
def test_a_list_is_read_in_pieces_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, said: list[dict[str, object]], size: int
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    text = json.dumps(said, indent=1, ensure_ascii=False)
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(data, "_PIECE", size)
        assert [fields for _, fields in rows(folder, "r.json", text)] == said


def test_a_file_is_in_the_scenarios_folder(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "r.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="leads out of the scenario's folder"):
        read_rows("data.file", "../r.csv", tmp_path / "inside")


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), min_size=1))
def test_what_json_says_is_what_a_row_holds(
    tmp_path_factory: pytest.TempPathFactory, said: list[dict[str, object]]
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    if any("\ud800" <= letter <= "\udfff" for letter in "".join(map(str, said))):
        return
    lines = "\n".join(json.dumps(each) for each in said)
    assert [fields for _, fields in rows(folder, "r.jsonl", lines)] == said
