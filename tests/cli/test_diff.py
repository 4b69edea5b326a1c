"""`run --repeat` and `diff` as users meet them: what is kept, refused, told, and how it exits."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.result.run import Run
from benchmark.result.store import load_run, save_run
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.analysis.runs import a_recording, a_run
from tests.cli.command import held_up, vpcbench, write
from tests.cli.test_signals import Running

CLIENT = {
    "vpcbench": "1",
    "hot_path": "interpreted",
    "python": "3.13",
    "system": "Linux 6",
    "machine": "x86_64",
    "processor": "a",
    "cores": 2,
}


def kept(folder: Path, medians: dict[str, float], seed: int, **changes: Any) -> Run:
    """A run of six rounds on each target, as `vpcbench run` would leave it, with its own routes for the cost."""
    random = np.random.default_rng(seed)
    law = {name: median * random.lognormal(0, 0.02) for name, median in medians.items()}
    rounds = {
        name: [a_recording(random.lognormal(np.log(median), 0.1, 200)) for _ in range(6)]
        for name, median in law.items()
    }
    run = a_run(rounds, **changes)
    terms = {"route": "internet", "gateway": None, "region": None, "tls": False, "quota": 0,
             "egress": None, "caller": None, "privatelink": None}  # fmt: skip
    run.settings["cost"] = {"currency": "CNY", "caller_egress": "none", "monthly_requests": None,
                            "targets": dict.fromkeys(medians, terms)}  # fmt: skip
    run.environment = dict(CLIENT)
    run.started_at = f"2026-01-{seed + 1:02}T00:00:00+00:00"
    run.finished_at = f"2026-01-{seed + 1:02}T00:03:00+00:00"
    run.scenario = {
        "targets": {name: {"url": f"http://{name}.test/"} for name in medians},
        "request": {"path": "x"},
    }
    folder.mkdir(parents=True)
    save_run(folder, run)
    return run


def change(folder: Path, **environment: Any) -> None:
    """The same run, from another place."""
    run = load_run(folder)
    run.environment |= environment
    save_run(folder, run)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three runs a side, the new ones a quarter slower on the VPC address."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for at in range(3):
        kept(tmp_path / "base" / str(at + 1), {"public": 30, "vpc": 10}, at)
        kept(tmp_path / "new" / str(at + 1), {"public": 30, "vpc": 12.5}, 10 + at)
    return tmp_path


def diff(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["diff", *arguments])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_a_regression_fails_where_the_interval_shows_it(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = diff(
        capsys, "base", "new", "--fail-if", "vpc.p50 > +10%", "--fail-if", "public.p50 > +10%"
    )
    assert status == 1
    assert "A regression is shown" in out
    assert max(map(len, out.splitlines())) <= 80
    flat = " ".join(out.split())
    assert "The VPC address: p50 changed by +2" in flat
    assert "The public address: no measurable difference in p50" in flat
    assert diff(capsys, "base", "new", "--fail-if", "public.p50 > +10%")[0] == 0
    assert diff(capsys, "base", "new")[0] == 0


def test_what_cannot_be_told_fails_only_when_strict(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule = ("base/1", "new/1", "--fail-if", "vpc.p50 > +10%")
    status, out, _ = diff(capsys, *rule)
    assert status == 0
    flat = " ".join(out.split())
    assert "The VPC address: p50 × 1.2" in flat
    assert "assumes 3 % between occasions" in flat
    assert "cannot be told: a verdict takes 3 occasions a side, and there are 1 and 1" in flat
    assert "let the sides take turns" in flat
    assert diff(capsys, *rule, "--strict")[0] == 1
    assert diff(capsys, "base", "new", "--strict")[0] == 0


def test_another_data_file_is_another_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It has the same name and other rows: said by key; results of versions that did not note it are as good as ever."""
    for at, digest in enumerate(("sha256 aa", "sha256 bb", "")):
        files = {"files": {"data.file": digest, "tokenizer": "sha256 cc"}} if digest else {}
        for number in range(3):
            kept(tmp_path / str(at) / str(number), {"vpc": 10}, number, **files)
    folders = [str(tmp_path / str(at)) for at in range(3)]
    status, _, err = diff(capsys, *folders[:2])
    assert status == 2
    assert "data.file: the file holds sha256 aa in" in err
    assert "tokenizer" not in err
    assert "--allow different-scenario" in err
    assert diff(capsys, *folders[:2], "--allow", "different-scenario")[0] == 0
    assert diff(capsys, folders[0], folders[2])[0] == 0


def test_several_folders_globs_and_targets_name_a_side(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for sides in (
        ["base", "new"],
        ["base/1", "base/2", "base/3", "--vs", "new/1", "new/2", "new/3"],
        ["base/*:vpc", "new/:vpc"],
        [f"{here}/base/?", "new"],
    ):
        status, out, err = diff(capsys, *sides, "--format", "json")
        assert status == 0, err
        found = json.loads(out)["differences"][-1]
        assert (found["base"]["target"], len(found["base"]["runs"]), len(found["new"]["runs"])) == (
            "vpc",
            3,
            3,
        )
        p50 = next(each for each in found["metrics"] if each["metric"] == "response.p50")
        assert 1.15 < p50["ratio"]["low"] < 1.25 < p50["ratio"]["high"] < 1.35


def test_an_interleaved_run_is_its_own_a_and_b(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = diff(capsys, "base/1:public", "base/1:vpc", "--format", "markdown")
    assert status == 0
    assert "both in one run" in out
    assert "both in every run" in diff(capsys, "base:public", "base:vpc")[1].replace("\n", " ")
    status, _, err = diff(capsys, "base", "base")
    assert status == 2
    assert "DIR:old DIR:new" in err


@pytest.mark.parametrize(
    ("changes", "named", "kind"),
    [
        ({"rate": 99.0}, "rate: 50.0 in base/1, 99.0 in other", "different-scenario"),
        ({"interrupted": "stopped by a signal"}, "other is interrupted", "unsound-runs"),
        ({"cores": 64}, "cores: 2 in base/1, 64 in other", "different-client"),
        (
            {"hot_path": "compiled"},
            "hot_path: interpreted in base/1, compiled in other",
            "different-versions",
        ),
        ({"python": "3.99"}, "python: 3.13 in base/1, 3.99 in other", "different-versions"),
        ({"url": "http://elsewhere.test/"}, "url: http://vpc.test/ in base/1", "different-target"),
    ],
)
def test_what_must_match_is_demanded_and_listed(
    here: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], named: str, kind: str
) -> None:
    run = kept(here / "other", {"vpc": 10}, 20)
    for name, value in changes.items():
        if name == "interrupted":
            run.interrupted = value
        elif name == "url":
            run.scenario["targets"]["vpc"]["url"] = value
            run.targets["vpc"] = type(run.targets["vpc"])(url=value)
        else:
            (run.settings if name in run.settings else run.environment)[name] = value
    save_run(here / "other", run)
    status, _, err = diff(capsys, "base", "other")
    assert status == 2
    assert named in err
    assert f"--allow {kind}" in err
    status, out, err = diff(capsys, "base", "other", "--allow", kind)
    assert status == 0, err
    assert "Allowed all the same" in out or "Different vantage points" in out


def test_two_vantage_points_are_labelled(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for at in range(3):
        kept(here / "laptop" / str(at), {"public": 40}, 20 + at)
        kept(here / "ecs" / str(at), {"vpc": 12}, 25 + at)
        change(here / "ecs" / str(at), cores=64, python="3.11")
    status, out, err = diff(capsys, "laptop/:public", "ecs/:vpc")
    assert status == 0, err
    flat = " ".join(out.split())
    assert "Different vantage points" in flat
    assert "cores: 2 in laptop/0, 64 in ecs/0" in flat
    assert "The VPC address against the public address, different vantage points: p50 differs by −" in flat
    once = " ".join(diff(capsys, "laptop/0:public", "ecs/0:vpc")[1].split())
    assert "against the public address, different vantage points: p50 × 0.3" in once
    assert "assumes 3 % between occasions" in once
    assert "take turns" not in once
    for unlike in ({"vpcbench": "2"}, {"vpcbench": "1", "hot_path": "compiled"}):
        change(here / "ecs" / "1", **unlike)
        assert diff(capsys, "laptop/:public", "ecs/:vpc")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["base"], "two sides"),
        (["base", "new", "more"], "--vs"),
        (["base", "nothing"], "holds no run"),
        (["base", "new:third"], "no target third"),
        (["base:public", "new:vpc", "--fail-if", "p98 > 1%"], "not a metric"),
        (["base", "new", "--fail-if", "throughput < -5%"], "open loop"),
        (["base", "new", "--allow", "all"], "different-client"),
        (["base", "new", "--format", "pdf"], "choose one of"),
        (["base", "new", "--markdown"], "no such option"),
    ],
)
def test_what_is_not_understood_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    status, _, err = diff(capsys, *arguments)
    assert status == 2
    assert said in " ".join(err.split())


SCENARIO = """
targets: {{target: {{url: "{url}"}}}}
request: {{body: hello}}
load: {{rate: 100/s, duration: {duration}, warmup: 0s}}
rounds: 2
"""


def test_whole_runs_one_after_another(tmp_path: Path) -> None:
    with PracticeService(Behaviour(latency=Constant(0.005)), (Address(),)) as service:
        scenario = write(tmp_path, SCENARIO.format(url=service.urls[0], duration="1s"))
        done = vpcbench("run", scenario, "--repeat", "2", "-o", "out", "--quiet", folder=tmp_path)
    assert done.returncode in {0, 3}, done.stdout + done.stderr  # 3: this machine was busy
    assert done.returncode == 0 or any(held_up(3, tmp_path / "out" / name) for name in "12")
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == ["1", "2"]
    assert all(load_run(tmp_path / "out" / name).account("target").ok >= 100 for name in "12")
    assert "2 of 2 runs are kept in out" in done.stdout
    told = vpcbench("diff", "out/1", "out/2", "--allow", "unsound-runs", folder=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "cannot tell" in told.stdout


def test_a_run_that_ends_itself_does_not_end_the_series(tmp_path: Path) -> None:
    objectives = 'objectives: [{check: "failures < 1%", abort: true}]\n'
    with PracticeService(Behaviour(error_rate=1.0), (Address(),)) as service:
        scenario = write(tmp_path, SCENARIO.format(url=service.urls[0], duration="2s") + objectives)
        done = vpcbench(
            "run", scenario, "--repeat", "2", "--no-check", "-o", "out", "--quiet", folder=tmp_path
        )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 of 2 runs are kept in out" in done.stdout
    for name in "12":
        assert load_run(tmp_path / "out" / name).aborted


def test_a_signal_ends_a_series_and_keeps_what_is_over(tmp_path: Path) -> None:
    with PracticeService(Behaviour(latency=Constant(0.005)), (Address(),)) as service:
        write(tmp_path, SCENARIO.format(url=service.urls[0], duration="1s"))
        with Running(tmp_path, "run", "scenario.yaml", "--repeat", "50", "-o", "out") as running:
            running.until(lambda: (tmp_path / "out" / "2").exists())
            running.signal_all(signal.SIGINT)
            assert running.ended() == 130
    assert "runs are kept in out" in running.out
    assert load_run(tmp_path / "out" / "1").account("target").ok >= 100
    assert not (tmp_path / "out" / "4").exists()
