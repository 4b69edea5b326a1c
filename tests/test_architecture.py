"""Imports point one way only (the layers below), and what is heavy is imported where it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchmark

PACKAGE = Path(benchmark.__file__).parent

LAYERS = [
    {"child", "errors", "units", "clock", "redaction", "laws", "search_path"},
    {"scenario", "measure", "simulation"},
    {"schedule", "transport", "result", "eas"},
    {"analysis"},
    {"execution", "report"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

LAZY = {  # library → the places that may import it at module level
    "altair": set(),
    "vl_convert": set(),
    "scipy": set(),
    "ray": set(),
    "tokenizers": set(),
    "alibabacloud_eas20210701": set(),
    "alibabacloud_credentials": set(),
    "alibabacloud_tea_openapi": set(),
    "aiohttp": {
        "simulation/service.py",
        "simulation/gateway.py",
        "transport/aiohttp_client.py",
        "transport/aiohttp_connecting.py",
    },
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Every module named by an import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            if node.module == "benchmark":
                yield from (f"benchmark.{alias.name}" for alias in node.names)


def part(name: str) -> str | None:
    """The layer's member that a module of ours belongs to: `benchmark.scenario.load` → `scenario`."""
    pieces = name.split(".")
    return pieces[1] if pieces[0] == "benchmark" and len(pieces) > 1 and pieces[1] != "__version__" else None


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if own.startswith("__"):
        return
    for name in imported(ast.parse(path.read_text())):
        other = part(name)
        if other is None or other == own:
            continue
        below = LEVEL[other] < LEVEL[own]
        among_the_first = LEVEL[own] == LEVEL[other] == 0
        assert below or among_the_first, (
            f"{path.relative_to(PACKAGE)} imports {name}: {other} is not below {own}"
        )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    here = path.relative_to(PACKAGE).as_posix()
    tree = ast.parse(path.read_text())
    top = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    for name in imported(top):
        library = name.split(".")[0]
        assert library not in LAZY or here in LAZY[library], f"{here} imports {library} at its top"


def test_help_is_light() -> None:
    heavy = {*LAZY, "numpy", "uvloop", "pydantic"}
    script = (
        "import sys; from benchmark.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]", shown
