"""The library that draws charts: the same whether it is put together or was kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.report.library import library


def test_it_is_put_together_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = library.__wrapped__()
    assert "vegaEmbed" in bundle
    (kept,) = (tmp_path / "cache" / "vpcbench").iterdir()
    assert kept.read_text(encoding="utf-8") == bundle
    kept.write_text("kept", encoding="utf-8")
    assert library.__wrapped__() == "kept"


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "none" / "such"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(place))
        assert "vegaEmbed" in library.__wrapped__()
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
