"""`precision:` through the real command line: a pilot, and as many rounds as it asks for."""

from __future__ import annotations

from pathlib import Path

from benchmark.result.store import load_run
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Lognormal
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import held_up, result_of, vpcbench, write

SCENARIO = """
targets: {{target: {{url: "{url}"}}}}
request: {{body: hello}}
load: {{rate: 300/s, duration: 1200ms, warmup: 0s}}
precision: {precision}
max_rounds: {most}
"""


def test_a_pilot_says_how_many_rounds_are_run(tmp_path: Path) -> None:
    """Rounds of 36 requests whose spread is 60 %: their medians differ by an eighth."""
    with PracticeService(Behaviour(latency=Lognormal(0.005, 0.6)), (Address(),)) as service:
        scenario = write(tmp_path, SCENARIO.format(url=service.urls[0], precision="7%", most=14))
        shown = vpcbench("run", scenario, "--dry-run", folder=tmp_path)
        done = vpcbench("run", scenario, "-o", "out", folder=tmp_path)
    assert "at most 14 in all" in " ".join(shown.stdout.split())
    assert done.returncode == 0 or held_up(done.returncode, tmp_path / "out"), done.stdout + done.stderr
    (found,) = result_of(tmp_path / "out")["precision"]
    sound = sum(not each.flaw for each in load_run(tmp_path / "out").rounds)
    assert found["rounds"] == sound
    if done.returncode == 0:
        assert sound == min(14, found["needed"])
    said = " ".join(done.stdout.split())
    assert ("precision not reached" in said) == (found["reached"] > 0.07)
    assert "±7 % was asked for" in said


def test_a_pilot_has_at_least_ten_rounds(tmp_path: Path) -> None:
    scenario = write(
        tmp_path, SCENARIO.format(url="http://127.0.0.1:9/", precision="5%", most=20) + "rounds: 4\n"
    )
    done = vpcbench("run", scenario, folder=tmp_path)
    assert done.returncode == 2
    assert "a pilot of at least 10 rounds" in " ".join(done.stderr.split())


def test_a_sweep_has_no_one_precision(tmp_path: Path) -> None:
    swept = (
        SCENARIO.format(url="http://127.0.0.1:9/", precision="5%", most=20)
        + "sweep: {load.rate: [1/s, 2/s]}\n"
    )
    done = vpcbench("run", write(tmp_path, swept), "--dry-run", folder=tmp_path)
    assert done.returncode == 2
    assert "a sweep has several" in " ".join(done.stderr.split())
