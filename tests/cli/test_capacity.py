"""`vpcbench capacity` over real sockets, against services whose capacity is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scipy.optimize import brentq

from benchmark.laws import Constant as Always
from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import MODEL
from tests.cli.command import result_of, vpcbench, write
from tests.simulation.queues import Constant

SERVICE, LIMIT = 0.005, 0.1  # seconds
SCENARIO = """
targets: {{one: {{url: "{url}"}}}}
request: {{body: hello, timeout: 5s}}
load: {{{load}}}
objectives: ["p99 < 100ms", "failures < 1%"]
"""


def searched(service: Behaviour, folder: Path, load: str, *options: str) -> tuple[int, str, dict[str, Any]]:
    """Exit status, what was printed, and the capacity of the one target."""
    with PracticeService(service) as practice:
        scenario = write(folder, SCENARIO.format(url=practice.urls[0], load=load))
        done = vpcbench("capacity", scenario, "-o", "out", *options, folder=folder)
    found: dict[str, Any] = result_of(folder / "out")["capacity"]["one"]
    assert (folder / "out" / "report.html").exists()
    return done.returncode, done.stdout, found


@pytest.mark.verify
def test_the_capacity_of_a_queue_is_found(tmp_path: Path) -> None:
    """M/D/1: one worker of 5 ms, p99 within 100 ms."""
    share = brentq(lambda rate: Constant(rate).beyond(LIMIT / SERVICE) - 0.01, 0.1, 0.99)
    service = Behaviour(latency=Always(SERVICE), workers=1, queue=10_000)
    status, said, found = searched(
        service, tmp_path, "rate: 60/s, arrivals: poisson", "--budget", "16s", "--at-least", "400/s"
    )
    assert status == 1, said  # less than 400/s
    assert found["rate"]["value"] == pytest.approx(share / SERVICE, rel=0.2)
    assert found["rate"]["low"] <= found["rate"]["value"] <= found["rate"]["high"]
    assert found["limited_by"] == "latency"
    assert found["objective"] == "p99 < 100ms"
    assert {"yes", "no"} <= {level["verdict"] for level in found["levels"]}
    assert "holds" in said


@pytest.mark.verify
def test_a_rate_limit_is_told_as_the_gateways(tmp_path: Path) -> None:
    service = Behaviour(latency=Always(0.002), rate_limit=1000, burst=20)
    status, said, found = searched(service, tmp_path, "rate: 500/s", "--budget", "10s")
    assert status == 3, said
    assert found["limited_by"] == "gateway"
    assert found["rate"]["value"] == pytest.approx(1000, rel=0.05)
    assert "the gateway's limit" in " ".join(said.split())


def test_what_cannot_be_searched_is_refused(tmp_path: Path) -> None:
    scenario = write(tmp_path, 'targets: {one: {url: "http://127.0.0.1:1/"}}\nload: {rate: 5/s}\n')
    done = vpcbench("capacity", scenario, folder=tmp_path)
    assert done.returncode == 2
    assert "objectives" in done.stderr
    sweep = "objectives: ['p99 < 1s']\nsweep: {rounds: [1, 2]}\n"
    scenario = write(tmp_path, f'targets: {{one: {{url: "http://127.0.0.1:1/"}}}}\n{sweep}')
    done = vpcbench("capacity", scenario, folder=tmp_path)
    assert (done.returncode, "leave sweep out" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("load", "place"),
    [("{rate: 5/s, stages: [{hold: 5s}]}", "load.stages"), ("{replay: {file: trace.jsonl}}", "load.replay")],
)
def test_a_load_that_sets_its_own_pace_is_refused_where_it_stands(
    tmp_path: Path, load: str, place: str
) -> None:
    text = f"targets: {{a: {{url: 'http://127.0.0.1:9/'}}}}\nobjectives: [p99 < 1s]\nload: {load}\n"
    done = vpcbench("capacity", write(tmp_path, text), folder=tmp_path)
    assert done.returncode == 2
    assert f"scenario.yaml:3: {place}: a search of the capacity sets the load itself" in done.stderr


STREAMED = """
targets: {{one: {{url: "{url}"}}}}
request:
  path: v1/chat/completions
  stream: true
  timeout: 5s
  json: {{model: {model}, messages: [{{role: user, content: hello}}], max_tokens: 5, ignore_eos: true}}
load: {{rate: 20/s, arrivals: poisson}}
goodput: ["ttft < 60ms"]
objectives: ["{objective}"]
"""


@pytest.mark.verify
@pytest.mark.parametrize("objective", ["ttft.p90 < 60ms", "goodput > 90%"])
def test_the_capacity_of_a_model_is_found_by_its_first_tokens(tmp_path: Path, objective: str) -> None:
    """M/D/1: one worker, 5 ms to the first token and 4 gaps of 2 ms; a first token waits as its stream does."""
    first, service = 0.005, 0.013
    waits = (0.06 - first + service) / service
    share = brentq(lambda rate: Constant(rate).beyond(waits) - 0.1, 0.1, 0.99)
    laws = Streaming(Always(first), Always(0.002))
    with PracticeService(Behaviour(streaming=laws, workers=1, queue=10_000)) as practice:
        scenario = write(tmp_path, STREAMED.format(url=practice.urls[0], model=MODEL, objective=objective))
        done = vpcbench("capacity", scenario, "-o", "out", "--budget", "20s", folder=tmp_path)
    found = result_of(tmp_path / "out")["capacity"]["one"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert found["rate"]["value"] == pytest.approx(share / service, rel=0.2)
    assert found["objective"] == objective
    level = found["levels"][0]["stream"]
    assert level["output_tokens_per_second"] > 0
    assert "tokens/s in all" in " ".join(done.stdout.split())
