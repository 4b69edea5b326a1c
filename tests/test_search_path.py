"""Where modules may come from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmark import search_path as module
from benchmark.search_path import search_path

OWN = str(Path(module.__file__).parents[1])


@pytest.mark.parametrize(
    ("python_path", "path", "left"),
    [
        ("", ["", "/lib", OWN], ["/lib", OWN]),
        ("", ["{here}", "/lib", OWN], ["/lib", OWN]),
        ("", ["{here}/../{name}", "/lib", OWN], ["/lib", OWN]),
        ("", ["lib", ".", "/lib", OWN], ["/lib", OWN]),
        ("lib:/absolute", ["{here}/lib", "/absolute", OWN], ["/absolute", OWN]),
        ("/absolute:", ["/absolute", "{here}", OWN], ["/absolute", OWN]),
        ("../lib", ["{here}/../lib", "/lib", OWN], ["/lib", OWN]),
        ("", ["{here}/lib", "/lib", OWN], ["{here}/lib", "/lib", OWN]),  # nobody said it relatively
        ("", ["/lib"], ["/lib", OWN]),
    ],
)
def test_what_depends_on_the_current_directory_is_left_out(
    python_path: str, path: list[str], left: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", python_path)
    monkeypatch.setattr(sys, "path", [each.format(here=tmp_path, name=tmp_path.name) for each in path])
    assert search_path() == [each.format(here=tmp_path) for each in left]


def test_in_a_checkout_the_package_itself_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(OWN)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(sys, "path", [OWN, "/lib"])
    assert search_path() == ["/lib", OWN]


def test_a_copy_that_is_installed_comes_after_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(OWN)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / "benchmark").mkdir()
    monkeypatch.setattr(sys, "path", [OWN, "/lib", str(tmp_path), "/more"])
    assert search_path() == ["/lib", OWN, str(tmp_path), "/more"]


def test_a_folder_that_is_gone_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(sys, "path", ["/lib", OWN])
    assert search_path() == ["/lib", OWN]
