"""`vpcbench history` as users meet it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.result.store import save_run
from tests.cli.test_diff import change, kept

NIGHTS = 10


def history(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["history", *arguments])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nightly runs, each a tenth slower on the VPC address; one was interrupted, one came from another machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for night in range(NIGHTS):
        run = kept(tmp_path / "results" / f"night-{night}", {"public": 30, "vpc": 10 * 1.1**night}, night)
        run.finished_at = run.started_at.replace("T00:00", "T00:03")
        run.interrupted = "stopped by a signal" if night == 2 else ""
        save_run(tmp_path / "results" / f"night-{night}", run)
    change(tmp_path / "results" / "night-3", cores=64)
    return tmp_path


def test_a_trend_is_told_where_there_is_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = history(capsys)
    assert status == 0, err
    assert max(map(len, out.splitlines())) <= 80
    flat = " ".join(out.split())
    assert "by-hand, vpc: ▁" in flat
    assert re.search(
        r"over 8 runs; \+1[2-5]\d % \(99.5 % CI \+\d+ to \+\d+\) in 9 days", flat
    )  # 1.1⁹ is 2.36
    assert "by-hand, public:" in flat
    assert "no trend can be told" in flat
    assert "interrupted" in flat
    assert "different client" in flat


def test_scripts_read_it_as_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = history(capsys, "results", "--json", "--metric", "p90", "--name", "by-hand")
    assert status == 0
    public, vpc = json.loads(out)["histories"]
    assert (vpc["metric"], vpc["target"], public["trend"]["told"], vpc["trend"]["told"]) == (
        "response.p90", "vpc", False, True,
    )  # fmt: skip
    assert [run["left_out"] for run in vpc["runs"]] == [
        None, None, "interrupted", "different client", *[None] * 6,
    ]  # fmt: skip
    assert vpc["trend"]["change"]["low"] < 1.1**9 - 1 < vpc["trend"]["change"]["high"]
    assert vpc["trend"]["days"] == pytest.approx(9)


def test_failures_have_a_history_too(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = history(capsys, "--metric", "failures")
    assert status == 0
    assert "failures 0 % at first, 0 % at last" in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nowhere"], "holds no run"), (["--name", "other"], "by-hand"), (["--metric", "p98"], "response.p50")],
)
def test_what_is_not_there_is_told(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    status, _, err = history(capsys, *arguments)
    assert status == 2
    assert said in err


def test_what_cannot_be_read_is_left_out_and_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that only begins has a journal without a record."""
    (here / "results" / "begun").mkdir()
    (here / "results" / "begun" / "journal").touch()
    (here / "results" / "night-0" / "recordings.json").write_bytes(b"\xff")
    status, out, err = history(capsys)
    assert status == 0, err
    assert "over 7 runs" in " ".join(out.split())
    assert [err.count(name) for name in ("left out", "begun", "night-0")] == [2, 1, 1]
    assert history(capsys, "results/begun")[0] == 2
