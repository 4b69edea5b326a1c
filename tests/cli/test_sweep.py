"""`sweep:` over real sockets: every level as one would measure it alone, and none lost."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.behaviour import Path as NetworkPath
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import result_of, valid, vpcbench, write
from tests.cli.test_signals import Running
from tests.servers import ScriptedServer, read_request

ROUND_TRIP = 40.0  # ms that the farther address costs
SERVICE = 0.06  # seconds: long beside what other programs make the generator late
RATES = (60.0, 150.0)


@pytest.mark.verify
def test_levels_are_measured_and_told(tmp_path: Path) -> None:
    paths = (NetworkPath(round_trip=ROUND_TRIP / 1000), NetworkPath())
    addresses = (Address(path=paths[0]), Address("127.0.0.2", path=paths[1]))
    with PracticeService(Behaviour(latency=Constant(SERVICE)), addresses) as service:
        scenario = f"""
targets: {{public: {{url: "{service.urls[0]}"}}, vpc: {{url: "{service.urls[1]}"}}}}
request: {{body: hello}}
load: {{duration: 1s, warmup: 100ms}}
rounds: 4
sweep: {{load.rate: [60/s, 150/s]}}
"""
        done = valid("run", write(tmp_path, scenario), folder=tmp_path)
        answered = len(service.truth())
    result = result_of(tmp_path / "out")
    levels = result["sweep"]
    assert [level["numbers"] for level in levels] == [{"load.rate": rate} for rate in RATES]
    for level, rate in zip(levels, RATES, strict=True):
        primary = next(each for each in level["comparisons"][0]["metrics"] if each["primary"])
        assert primary["difference"]["value"] == pytest.approx(-ROUND_TRIP, rel=0.1)
        for target in level["targets"].values():
            assert target["rate"]["offered"] == target["rate"]["achieved"] == pytest.approx(rate, rel=0.05)
    assert answered == sum(map(sent, levels)) + probes(levels[-1])
    assert "at 2 levels on each of 2 targets, for about" in done.stdout
    _, _, told = done.stdout.partition("\n\n")  # behind the plan, whose addresses stay whole
    assert max(map(len, told.splitlines()[:-1])) <= 80
    for format_, name in (("json", "result.json"), ("markdown", "report.md"), ("html", "report.html")):
        again = vpcbench("report", "out", "--format", format_, folder=tmp_path)
        assert again.stdout == (tmp_path / "out" / name).read_text()


def sent(level: dict[str, Any]) -> int:
    """All that a level sent, but for the probes, which are the whole run's."""
    counts = (
        target["counts"]["scheduled"] + target["unmeasured"]["warmup"] for target in level["targets"].values()
    )
    return sum(counts)


def probes(level: dict[str, Any]) -> int:
    return sum(target["unmeasured"]["probes"] for target in level["targets"].values())


def test_ctrl_c_and_a_crash_keep_the_levels_that_are_done(tmp_path: Path) -> None:
    with PracticeService(Behaviour(), (Address(),)) as service:
        scenario = f"""
targets: {{target: {{url: "{service.urls[0]}"}}}}
load: {{rate: 100/s, warmup: 0s}}
rounds: 1
sweep: {{load.duration: [500ms, 60s]}}
"""
        with Running(tmp_path, "run", write(tmp_path, scenario), "-o", "out") as running:
            # the first level's round, and that which repeats it where it came late, are over by then
            running.until_journaled(150)
            shutil.copytree(tmp_path / "out", tmp_path / "crashed")  # as a crash would have left it
            running.signal_all(signal.SIGINT)
            assert running.ended() == 130
    vpcbench("report", "crashed", "--format", "json", "-o", "crashed/result.json", folder=tmp_path)
    for folder in ("out", "crashed"):
        result = result_of(tmp_path / folder)
        done, broken = result["sweep"]
        assert done["verdict"]["status"] in {"pass", "invalid"}  # it came to its end
        assert done["targets"]["target"]["counts"]["ok"] in {50, 100}
        assert broken["verdict"]["status"] == result["verdict"]["status"] == "interrupted"
        assert broken["targets"]["target"]["counts"]["ok"] >= 45
        assert broken["targets"]["target"]["counts"]["scheduled"] == 6000


def test_a_level_that_its_target_refuses_is_told_and_the_others_are_kept(
    scripted: ScriptedServer, tmp_path: Path
) -> None:
    def answer(connection: Any, number: int) -> None:
        while request := read_request(connection):
            status = b"413 Too Large" if b"/large" in request else b"200 OK"
            connection.sendall(
                b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(request), request)
            )

    scripted.script = answer
    scenario = f"""
targets: {{target: {{url: "http://127.0.0.1:{scripted.port}/", token: "${{TOKEN}}"}}}}
load: {{rate: 100/s, duration: 400ms, warmup: 0s}}
rounds: 1
sweep: {{request.path: [small, large, tiny]}}
"""
    done = vpcbench("run", write(tmp_path, scenario), "-o", "out", folder=tmp_path, TOKEN="s3cret-canary")
    assert done.returncode == 3, done.stdout + done.stderr
    result = result_of(tmp_path / "out")
    assert [level["values"]["request.path"] for level in result["sweep"]] == ["small", "tiny"]
    assert any("request.path large was left out" in note and "413" in note for note in result["notes"])
    assert any("it said: POST /large" in note or "it said: GET /large" in note for note in result["notes"])
    kept = [done.stdout, *(each.read_text() for each in (tmp_path / "out").iterdir())]
    assert not any("s3cret-canary" in text for text in kept)  # though the target said it


def test_what_a_later_level_warns_of_is_told_once(tmp_path: Path) -> None:
    with PracticeService(Behaviour(), (Address(), Address("127.0.0.2"))) as service:
        scenario = f"""
targets: {{public: {{url: "{service.urls[0]}"}}, vpc: {{url: "{service.urls[1]}"}}}}
load: {{duration: 200ms, warmup: 0s}}
rounds: 1
sweep: {{load.rate: [40/s, 50/s], targets.vpc.url: ["{service.urls[1]}", "{service.urls[1]}/v1/models"]}}
"""
        vpcbench("run", write(tmp_path, scenario), "-o", "out", folder=tmp_path)
    notes = result_of(tmp_path / "out")["notes"]
    for warning in ("differ in the path that is asked for", "may not be the same service"):
        (note,) = (note for note in notes if warning in note)
        assert note.startswith("load.rate 40/s, targets.vpc.url http://")
    assert "may not be the same service" in (tmp_path / "out" / "report.md").read_text()


def test_a_wrong_level_sends_nothing(scripted: ScriptedServer, tmp_path: Path) -> None:
    scenario = f"""
targets: {{target: {{url: "http://127.0.0.1:{scripted.port}/"}}}}
sweep: {{request.body_file: [there.bin, not-there.bin]}}
"""
    (tmp_path / "there.bin").touch()
    done = vpcbench("run", write(tmp_path, scenario), "-o", "out", folder=tmp_path)
    assert (done.returncode, "not-there.bin" in done.stderr) == (2, True)
    assert scripted.connections == 0
    assert not (tmp_path / "out").exists()
