"""Whatever a foreign folder says leaves as text, in every format, and on a terminal of any locale."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from markdown_it import MarkdownIt

from benchmark.cli.main import main
from benchmark.report.neutral import harmless, in_cell, in_json, in_line
from benchmark.result.run import Run, TargetInfo
from benchmark.result.store import save_run
from tests.cli.command import IMPORTED
from tests.hostile.folders import STEERING, a_foreign_run

OBEYED = set("\x1b\x07\x9b\x00\x08\u202e\u2066\u2028\U000e0041")
SAID = STEERING.replace("\r\n", " ") + "\u2066\u2028\U000e0041\x08"
COMMANDS = (
    *(f"report folder --format {name}" for name in ("html", "markdown", "junit", "json", "csv", "hlog")),
    "history .",
    "history . --json",
    "diff folder folder2",
    "diff folder folder2 --format json",
    "diff folder folder2 --format markdown",
)


def a_steering_run() -> Run:
    """Text that would steer wherever a run has text."""
    run = a_foreign_run()
    run.name, run.notes = f"=cmd|' /C calc'!A0{SAID}", [SAID]
    run.environment |= {"hostname": SAID, SAID: SAID}
    run.scenario = {"name": SAID, "request": {"body": f"```\n{SAID}\n# {SAID}"}}
    run.settings["baseline"] = f"=one{SAID}"
    run.targets = {
        f"={name}{SAID}": TargetInfo(f"http://{name}/{SAID}", (SAID,), notes=(SAID,)) for name in run.targets
    }
    for at, kept in enumerate(run.rounds):
        flaw = f"=flaw {SAID}" if at == 3 else ""
        run.rounds[at] = Run.from_dict(run.to_dict()).rounds[at]
        object.__setattr__(run.rounds[at], "target", f"={kept.target}{SAID}")
        object.__setattr__(run.rounds[at], "flaw", flaw)
    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("steering")
    for name in ("folder", "folder2"):
        (place / name).mkdir()
        save_run(place / name, a_steering_run())
    return place


def printed(folder: Path, command: str, **environ: str) -> bytes:
    """What a command prints, on both streams, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", *command.split()],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": IMPORTED, **environ},
        check=False,
    )
    assert done.returncode in {0, 1, 2}, done.stdout.decode("utf-8", "replace")
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_that_is_printed_is_obeyed(
    command: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    text = b"".join(capfdbinary.readouterr()).decode()
    assert ended.value.code in {None, 0, 1, 2}, text
    assert "owned" in text
    page = text.split("<script>")[0] + text.split("</script>")[-1] if "format html" in command else text
    assert not OBEYED & set(page)
    if "html" in command:
        assert "<script>window" not in text
    if "markdown" in command:
        page = MarkdownIt("gfm-like", {"linkify": False}).render(text)
        assert "href" not in page
        assert "<script" not in page
    if "junit" in command:
        assert Xml.fromstring(text).tag == "testsuite"
    if "json" in command and "diff" not in command:
        assert any("\x1b]0;owned" in each for each in _texts(json.loads(text)))  # it still says what it said
    if "csv" in command:
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert [cell for cell in cells if cell[:1] in set("=+-@")] == []
    if "hlog" in command:
        assert all(line[:1] in {"#", '"'} or line.startswith("Tag=") for line in text.splitlines())


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for each in pair for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


LOCALES = (
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii:strict"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "cp1252:strict"},
    {"PYTHONIOENCODING": "utf-16"},
)


@pytest.mark.parametrize("locale", LOCALES, ids=str)
def test_output_raises_in_no_locale(locale: dict[str, str], folder: Path) -> None:
    for command in (
        "history .",
        "diff folder folder2",
        "report folder --format markdown",
        "report no-ü\u4e2d",
    ):
        assert b"Traceback" not in printed(folder, command, **locale)


def test_neutral_text() -> None:
    assert harmless("a\tb\nü\x1b[31m中\u202e") == "a\tb\nü�[31m中�"
    assert in_line(" a\r\nb ") == "a� b"
    assert json.loads(in_json(json.dumps({"a": "\x9b\u202e\n"}, ensure_ascii=False))) == {"a": "\x9b\u202e\n"}
    assert [in_cell(cell) for cell in ("=1+1", "-1.5", "-2+3", 7, "@x", "plain", " =1", "＝1")] == [
        "'=1+1", "-1.5", "'-2+3", 7, "'@x", "plain", "'=1", "'＝1",
    ]  # fmt: skip
