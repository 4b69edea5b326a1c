"""The plan is the promise: what is announced is what the server's own log counts, for every kind of load."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import Done, result_of, vpcbench, write

LATENCY = 0.02  # seconds


@pytest.fixture(scope="module")
def service() -> Iterator[PracticeService]:
    with PracticeService(Behaviour(latency=Constant(LATENCY)), (Address(), Address("127.0.0.2"))) as service:
        yield service


def counted(service: PracticeService) -> list[int]:
    """Requests that each address got."""
    addresses = service.truth().address
    return [int((addresses == at).sum()) for at in (0, 1)]


TRACE = "".join(
    json.dumps({"timestamp": 37 * number, "input_length": 5, "output_length": 3}) + "\n"
    for number in range(40)
)
TALK = json.dumps(
    {
        "messages": [
            {"role": role, "content": "one two"} for role in ("user", "assistant", "user", "assistant")
        ]
    }
)
BODY = "request: {body: hello, timeout: 5s}\n"
CHAT = (
    "request: {path: v1/chat/completions, json: {model: DeepSeek-R1-Distill-Qwen-7B}, "
    "prompts: {file: talk.jsonl, conversation: {}}}\n"
)
ROUNDS = "\nrounds: 2"
LOADS = {  # what stands in the scenario, and whether the schedule knows how many there will be
    "constant": (BODY + "load: {rate: 40/s, duration: 600ms}" + ROUNDS, True),
    "poisson": (BODY + "load: {rate: 40/s, duration: 600ms, arrivals: poisson}" + ROUNDS, True),
    "gamma": (BODY + "load: {rate: 60/s, requests: 31, arrivals: gamma, burstiness: 0.4}" + ROUNDS, True),
    "stages": (BODY + "load: {rate: 20/s, stages: [{to: 60/s, over: 300ms}]}" + ROUNDS, True),
    "replay": (BODY + "load: {replay: {file: trace.jsonl}}" + ROUNDS, True),
    "closed": (BODY + "load: {connections: 3, duration: 400ms}" + ROUNDS, False),
    "conversations": (CHAT + "load: {rate: 20/s, duration: 600ms}" + ROUNDS, False),
    "blocks": (BODY + "load: {requests: 8}", True),
}
MORE = {
    "warm": (BODY + "load: {rate: 40/s, duration: 1s, warmup: 300ms}" + ROUNDS, True),
    "stretched": (BODY + "load: {rate: 40/s, duration: 100ms, warmup: 0s}" + ROUNDS, True),
    "requests": (BODY + "load: {rate: 60/s, requests: 51}" + ROUNDS, True),
    "processes": (
        BODY + "load: {rate: 80/s, duration: 1s, arrivals: poisson}\nprocesses: 2" + ROUNDS,
        True,
    ),
    "closed requests": (BODY + "load: {connections: 3, requests: 40}" + ROUNDS, False),
    "think": (BODY + "load: {connections: 3, think: 30ms, duration: 1s}" + ROUNDS, False),
    "blocks by rounds": (BODY + "rounds: 6", True),
}


def run(service: PracticeService, rest: str, folder: Path, *more: str) -> tuple[Done, dict[str, Any]]:
    (folder / "trace.jsonl").write_text(TRACE)
    (folder / "talk.jsonl").write_text(TALK + "\n")
    targets = ", ".join(f'{name}: {{url: "{url}"}}' for name, url in zip("ab", service.urls, strict=True))
    scenario = write(folder, f"targets: {{{targets}}}\n{rest}\n")
    done = vpcbench("run", scenario, "-o", "out", "--quiet", *more, folder=folder)
    assert done.returncode in {0, 1, 3}, done.stdout + done.stderr  # 3: this machine was busy
    return done, result_of(folder / "out")


@pytest.mark.parametrize("name", LOADS)
def test_what_a_load_announces_is_what_the_server_counts(
    service: PracticeService, tmp_path: Path, name: str
) -> None:
    rest, exact = LOADS[name]
    holds(service, rest, tmp_path, exact=exact)


@pytest.mark.long
@pytest.mark.parametrize("name", MORE)
def test_what_further_loads_announce_is_what_the_server_counts(
    service: PracticeService, tmp_path: Path, name: str
) -> None:
    rest, exact = MORE[name]
    holds(service, rest, tmp_path, exact=exact)


def holds(service: PracticeService, rest: str, folder: Path, *, exact: bool) -> None:
    before = counted(service)
    shown, result = run(service, rest, folder)
    got = [after - first for after, first in zip(counted(service), before, strict=True)]
    planned, done = result["dose"]["planned"], result["dose"]["done"]
    assert planned["exact"] is exact
    assert f"{planned['measured']:,} request" in shown.stdout
    for target, seen in zip("ab", got, strict=True):
        sent = done[target]
        assert seen == sent["measured"] + sent["warmup"] + sent["probes"]
        if sent["rounds"] > planned["rounds"]:  # this machine was busy: that was said when it happened
            assert "is repeated" in shown.stderr
            continue
        if exact or "requests:" in rest:
            unsent = result["targets"][target]["counts"]["unsent"]
            assert sent["measured"] + unsent == planned["measured"]
        if exact:
            assert (sent["warmup"], sent["probes"]) == (planned["warmup"], planned["probes"])


def test_a_sweep_announces_every_level(service: PracticeService, tmp_path: Path) -> None:
    before = counted(service)
    rest = BODY + "load: {rate: 20/s, duration: 200ms}\nrounds: 2\nsweep: {load.rate: [20/s, 40/s]}"
    shown, result = run(service, rest, tmp_path)
    got = [after - first for after, first in zip(counted(service), before, strict=True)]
    said = [
        sum(map(int, re.findall(r"(\d+) (?:request|to warm|probe)", line)))
        for line in " ".join(shown.stdout.split()).split("load.rate ")[1:3]
    ]
    assert len(said) == 2
    if "is repeated" not in shown.stderr:
        unsent = [
            sum(level["targets"][target]["counts"]["unsent"] for level in result["sweep"]) for target in "ab"
        ]
        assert [seen + left for seen, left in zip(got, unsent, strict=True)] == [sum(said)] * 2


def test_a_slow_service_never_has_more_than_one_request_under_way(
    service: PracticeService, tmp_path: Path
) -> None:
    begun = len(service.truth())
    shown, result = run(service, BODY, tmp_path, "--set", "load.requests=20")
    truth = service.truth()
    at = np.argsort(truth.received[begun:])
    received, answered = truth.received[begun:][at], truth.answered[begun:][at]
    assert (received[1:] >= answered[:-1]).all()  # over both addresses: one at a time
    assert "in 10 blocks of a b b a, one request at a time" in shown.stdout
    assert result["settings"]["primary"] == "response.mean"
    rounds = json.loads((tmp_path / "out" / "recordings.json").read_text())["rounds"]
    assert {each["recording"]["scheduled"] for each in rounds} == {2}
    order = truth.address[begun:][at].tolist()
    assert order[:4] in ([0, 1, 1, 0], [0, 1, 1, 0, 0, 1][:4])  # probes: a walk's each, then mirrored
    blocks = np.array(order[-40:]).reshape(-1, 4)
    assert all(block[0] == block[3] != block[1] == block[2] for block in blocks.tolist())


def test_the_plan_says_what_is_sent_and_hides_credentials(service: PracticeService, tmp_path: Path) -> None:
    body = '{"model":"m","messages":[{"role":"user","content":"hello!"}],"max_tokens":16}'
    done = vpcbench(
        "curl", f"{service.urls[0]}/v1/chat/completions?key=canary", "-H", "Authorization: canary-token",
        "-H", "Content-Type: application/json", "-d", body, "--rate", "50", "--duration", "10", "--dry-run",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stdout
    said = " ".join(done.stdout.split())
    assert "POST /api/predict/test/v1/chat/completions?key=" in said
    assert f"a body of {len(body)} B" in said
    assert "Authorization: ***" in said
    assert "at 50.0/s, in 10 rounds of 1 s" in said  # how bare numbers were read
    assert "500 requests" in said
    assert "Each target is probed first" in said


def test_more_than_a_target_takes_one_at_a_time_is_said(service: PracticeService, tmp_path: Path) -> None:
    shown, result = run(service, BODY + "load: {rate: 200/s, duration: 400ms}\nrounds: 2", tmp_path)
    assert re.search(r"so about \d+ requests will be under way at once", " ".join(shown.stdout.split()))
    dose = result["dose"]
    assert dose["asked"]["rate"] == 200
    assert dose["asked"]["duration"] == 0.4


def test_what_was_asked_planned_and_done_stands_in_the_report(
    service: PracticeService, tmp_path: Path
) -> None:
    shown, result = run(service, BODY + "load: {rate: 40/s, duration: 40ms}\nrounds: 2", tmp_path)
    planned = result["dose"]["planned"]
    assert planned["round"] >= 5 * LATENCY
    assert result["settings"]["duration"] == pytest.approx(2 * planned["round"])
    assert "Rounds are longer than the 20 ms that were asked for" in " ".join(shown.stdout.split())
    assert "not the 20 ms that were asked for" in (tmp_path / "out" / "report.md").read_text()
