"""The bytes that are sent, and the files they may come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import InputError
from benchmark.scenario.body import read_body
from benchmark.scenario.model import Request
from benchmark.scenario.streaming import is_streamed


def body(folder: Path, *, trusted: bool = False, **keys: Any) -> bytes:
    return read_body(Request.model_validate(keys), folder, trusted=trusted)


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        ({}, b""),
        ({"body": ""}, b""),
        ({"body": "grüße\n"}, "grüße\n".encode()),
        ({"json": {"b": [1, 2.5, None], "a": "ü"}}, '{"b":[1,2.5,null],"a":"ü"}'.encode()),
        ({"json": False}, b"false"),
    ],
)
def test_bodies(keys: dict[str, Any], sent: bytes, tmp_path: Path) -> None:
    assert body(tmp_path, **keys) == sent


@pytest.mark.parametrize(
    ("keys", "sent", "streamed"),
    [
        ({"json": {"a": 1}}, '{"a":1}', False),
        ({"json": {"a": 1}, "stream": True}, '{"a":1,"stream":true}', True),
        ({"json": {"a": 1}, "stream": "anthropic"}, '{"a":1,"stream":true}', True),
        ({"json": {"a": 1}, "stream": "tgi"}, '{"a":1}', True),
        ({"json": {"stream": True}}, '{"stream":true}', True),
        ({"json": {"stream": True}, "stream": False}, '{"stream":true}', False),
        ({"json": {"stream": False}}, '{"stream":false}', False),
        ({"json": {"x": {"stream": True}}}, '{"x":{"stream":true}}', False),
        (
            {"json": {"stream_options": {"include_usage": False, "x": 1}}, "stream": True},
            '{"stream_options":{"include_usage":false,"x":1},"stream":true}',
            True,
        ),
        ({"body": '{"stream": true}'}, '{"stream": true}', True),
        ({"body": '"stream" is no JSON'}, '"stream" is no JSON', False),
        ({"body": "x", "stream": True}, "x", True),
    ],
)
def test_streams_are_asked_for_where_the_scenario_says_so(
    keys: dict[str, Any], sent: str, streamed: bool, tmp_path: Path
) -> None:
    """What only the body says is left as it is: it may be a curl command's, to the byte."""
    request = Request.model_validate(keys)
    written = read_body(request, tmp_path)
    assert json.loads(written) == json.loads(sent) if sent[0] == "{" else written == sent.encode()
    assert is_streamed(request, written) is streamed


def test_a_generated_body_is_the_same_every_time(tmp_path: Path) -> None:
    first = body(tmp_path, bytes="64KiB")
    assert len(first) == 65536
    assert first == body(tmp_path, bytes="64KiB")
    assert len(set(first)) == 256  # it does not compress


def test_a_file_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "body.bin").write_bytes(b"\xff\r\n\0")
    assert body(tmp_path, body_file="deeper/body.bin") == b"\xff\r\n\0"
    assert body(tmp_path / "deeper", body_file="../deeper/body.bin") == b"\xff\r\n\0"


@pytest.mark.parametrize("name", ["../outside", "{root}/outside", "link", "linked/outside"])
def test_no_way_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (tmp_path / "outside").write_text("private")
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "linked").symlink_to(tmp_path)
    name = name.format(root=tmp_path)
    with pytest.raises(InputError) as caught:
        body(folder, body_file=name)
    assert (
        str(caught.value)
        == f"body_file '{name}' leads out of the scenario's folder, {folder}; move the file into it"
    )
    assert body(folder, body_file=name, trusted=True) == b"private"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "body_file 'missing': no such file ({folder}/missing)"),
        (".", "body_file '.': this is no regular file ({folder})"),
        ("a\0b", "body_file 'a\0b' cannot be read: this is no path"),
        ("loop", "body_file 'loop' cannot be read: "),
        ("x" * 5000, f"body_file '{'x' * 5000}' cannot be read: File name too long"),
    ],
)
def test_files_that_cannot_be_read(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(InputError) as caught:
        body(tmp_path, body_file=name)
    assert str(caught.value).startswith(message.format(folder=tmp_path))
