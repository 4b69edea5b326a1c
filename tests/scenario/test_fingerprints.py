"""Digests of the files that a scenario names."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.scenario.load import load_text

TEXT = """
targets: {a: {url: "http://h/"}}
data: {file: rows.csv}
load: {replay: {file: trace.jsonl}}
tokenizer: tokens.json
requests:
- {body_file: body.bin}
- {json: {model: m}, prompts: {file: prompts.jsonl}}
"""
FILES = {
    "data.file": "rows.csv",
    "load.replay.file": "trace.jsonl",
    "tokenizer": "tokens.json",
    "requests[0].body_file": "body.bin",
    "requests[1].prompts.file": "prompts.jsonl",
}


@pytest.mark.parametrize("changed", FILES)
def test_each_file_has_its_own(tmp_path: Path, changed: str) -> None:
    for name in FILES.values():
        (tmp_path / name).write_bytes(b"as it was")
    loaded = load_text(TEXT, "s.yaml", tmp_path)
    before = loaded.fingerprints()
    assert list(before) == list(FILES)
    assert len(set(before.values())) == 1
    (tmp_path / FILES[changed]).write_bytes(b"as it is")
    after = loaded.fingerprints()
    assert {key for key in FILES if before[key] != after[key]} == {changed}
    (tmp_path / FILES[changed]).unlink()
    with pytest.raises(InputError, match="no such file"):
        loaded.fingerprints()


def test_without_files_there_is_none() -> None:
    assert load_text("targets: {a: {url: 'http://h/'}}", "s.yaml", Path()).fingerprints() == {}
