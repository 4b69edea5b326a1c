"""The real command line against real servers: what users run, and what they get back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.capacity import capacity
from benchmark.cli.run import run
from benchmark.errors import ExitStatus
from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.laws import Constant
from benchmark.simulation.listing import Replica
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import ROOT, held_up, measured, metric, result_of, valid, vpcbench, write
from tests.known_server import KnownServer
from tests.servers import Nginx, ScriptedServer, free_ports
from tests.verdicts import Evidence

CANARY = "canary-4f0a51c0ffee"


@pytest.mark.verify
@pytest.mark.must_run("nginx")
def test_nginx_alike_and_slow_and_counted(nginx: Nginx, tmp_path: Path) -> None:
    """Two ports alike differ by nothing measurable; the slow one by what its limit says; the log has every request."""
    one, same, slow = nginx.urls
    scenario = f"""
targets: {{one: {{url: "{one}"}}, same: {{url: "{same}"}}, slow: {{url: "{slow}"}}}}
load: {{rate: 100/s, duration: 4s, warmup: 200ms}}
rounds: 6
"""
    valid("run", write(tmp_path, scenario), folder=tmp_path)
    result = result_of(tmp_path / "out")
    alike = metric(result, "response.p50")["difference"]
    assert abs(alike["value"]) < 0.5  # ms
    assert abs(alike["low"]) < 1 > abs(alike["high"])
    # nginx sends 4,000 bytes, then sleeps for as long as the limit wants: 20 ms, five times before the last piece
    transfers = {name: target["phases_ms"]["transfer"]["mean"] for name, target in result["targets"].items()}
    known = 1000 * nginx.size / nginx.limit
    assert transfers["slow"] - transfers["one"] == pytest.approx(known, rel=0.15)
    for name, port in zip(("one", "same", "slow"), nginx.ports, strict=True):
        target = result["targets"][name]
        assert target["counts"]["ok"] == target["counts"]["scheduled"]
        sent = target["counts"]["scheduled"] + target["unmeasured"]["warmup"] + target["unmeasured"]["probes"]
        assert sent == sum(logged == port for logged, _, _ in nginx.log())


MOST_WAITED = 0.002  # of the time, ready to run: a fifth of what would make one request in a hundred late
WAKING = 0.25  # milliseconds that being woken may take a sender, as in the network lab


@pytest.mark.verify
def test_the_truth_of_a_known_service_is_recovered(tmp_path: Path, evidence: Evidence) -> None:
    """1 kHz against 5 ms: p50 and p99 within 5 % of the service's own log, or what the sender's own waking takes."""
    with KnownServer(0.005) as service:
        options = ("--rate", "1000/s", "--duration", "4s", "--rounds", "2", "--warmup", "500ms")
        valid("curl", service.url, "-d", "hello", *options, folder=tmp_path)
        log = service.latencies() / 1e6
    result = result_of(tmp_path / "out")
    for worker in result["generator"]["workers"]:
        if (waited := worker["run_queue_seconds"] / worker["seconds"]) > MOST_WAITED:
            evidence.note(f"the sending process was ready and without a core for {waited:.1%} of the time")
    target = result["targets"]["target"]
    assert target["counts"]["ok"] == target["counts"]["scheduled"]
    for name, q in (("p50", 0.5), ("p99", 0.99)):
        own = target["lateness_ms"][name] + (WAKING if name == "p99" else 0.0)
        assert target["response_ms"][name] == pytest.approx(np.quantile(log, q), rel=0.05, abs=own)


@pytest.mark.verify
def test_a_stall_shows_in_every_request_that_was_due_meanwhile(tmp_path: Path) -> None:
    stalling = Behaviour(latency=Constant(0.002), stalls=((4.0, 1.0),))  # seconds after it began to listen
    with PracticeService(stalling) as service:
        options = ("--rate", "200/s", "--duration", "7s", "--rounds", "1", "--warmup", "0s")
        valid("curl", service.urls[0], "-d", "hello", *options, folder=tmp_path)
    response = result_of(tmp_path / "out")["targets"]["target"]["response_ms"]
    # 200 of 1,400 requests fell due in the stalled second, and waited for what was left of it
    assert response["p90"] == pytest.approx(1000 * (200 - 140) / 200, rel=0.25)
    assert response["max"] == pytest.approx(1000, rel=0.1)


def test_curl_as_the_documentation_writes_it(tmp_path: Path) -> None:
    with PracticeService(Behaviour(), (Address(), Address()), token=CANARY) as service:
        body = '{"model": "DeepSeek-R1-Distill-Qwen-7B", "messages": [{"role": "user", "content": "hello!"}]}'
        first, second = (f"{url}/v1/chat/completions" for url in service.urls)
        command = (
            "curl",
            first,
            "-H",
            "Content-Type: application/json",
            "-H",
            f"Authorization: {CANARY}",
            "-X",
            "POST",
            "-d",
            body,
        )
        load = ("--vs", second, "--rate", "50/s", "--duration", "400ms", "--warmup", "0s", "--rounds", "2")
        done = measured(*command, *load, folder=tmp_path)
        shown = vpcbench(*command, *load, "--as-scenario", folder=tmp_path)
        assert "${EAS_TOKEN}" in shown.stdout
        (tmp_path / "again.yaml").write_text(shown.stdout)
        again = measured("run", "again.yaml", folder=tmp_path, out="again", environ={"EAS_TOKEN": CANARY})
    assert result_of(tmp_path / "out")["targets"].keys() == result_of(tmp_path / "again")["targets"].keys()
    said = [done.stdout, done.stderr, shown.stdout, again.stdout, again.stderr]
    written = [path.read_text() for out in ("out", "again") for path in (tmp_path / out).iterdir()]
    assert not [text for text in [*said, *written] if CANARY in text]


def test_rendering_again_without_measuring(tmp_path: Path) -> None:
    with PracticeService(Behaviour(), (Address(),)) as service:
        load = ("--rate", "50/s", "--duration", "1s", "--rounds", "2")
        measured("curl", service.urls[0], *load, folder=tmp_path)
    for format_, name in (("json", "result.json"), ("markdown", "report.md"), ("html", "report.html")):
        again = vpcbench("report", "out", "--format", format_, folder=tmp_path)
        assert again.stdout == (tmp_path / "out" / name).read_text()


BAD = {
    "no YAML": "targets: [",
    "wrong type": "targets: {a: {url: 'http://127.0.0.1:PORT'}}\nrounds: many",
    "unknown key": "targets: {a: {url: 'http://127.0.0.1:PORT'}}\nload: {ratte: 5/s}",
    "unset variable": "targets: {a: {url: 'http://127.0.0.1:PORT', token: '${NOT_SET_ANYWHERE}'}}",
    "no target": "load: {rate: 5/s}",
    "bad URL": "targets: {a: {url: 'http://127.0.0.1:PORTx'}}",
    "zero rate": "targets: {a: {url: 'http://127.0.0.1:PORT'}}\nload: {rate: 0/s}",
    "negative rate": "targets: {a: {url: 'http://127.0.0.1:PORT'}}\nload: {rate: -5/s}",
    "infinite rate": "targets: {a: {url: 'http://127.0.0.1:PORT'}}\nload: {rate: .inf}",
    "NaN rate": "targets: {a: {url: 'http://127.0.0.1:PORT'}}\nload: {rate: .nan}",
    "schemes differ": "targets: {a: {url: 'http://127.0.0.1:PORT'}, b: {url: 'https://127.0.0.1:PORT'}}",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_sends_nothing(scripted: ScriptedServer, tmp_path: Path, name: str) -> None:
    scenario = write(tmp_path, BAD[name].replace("PORT", str(scripted.port)))
    done = vpcbench("run", scenario, "-o", "out", folder=tmp_path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("vpcbench: ")
    assert "Traceback" not in done.stderr
    assert scripted.connections == 0
    assert not (tmp_path / "out").exists()


def test_unreachable_and_refused_credentials_end_before_the_load(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    refused = vpcbench("curl", f"http://127.0.0.1:{port}/", "-o", "out", folder=tmp_path)
    assert (refused.returncode, "refused" in refused.stderr) == (4, True)
    unknown = vpcbench("curl", "http://no-such-host.invalid/", folder=tmp_path)
    assert (unknown.returncode, "does not resolve" in unknown.stderr) == (4, True)
    with PracticeService(Behaviour(), (Address(),), token="right-token") as service:
        wrong = vpcbench(
            "curl", service.urls[0], "-H", f"Authorization: {CANARY}", "-d", "x", folder=tmp_path
        )
        assert wrong.returncode == 4
        assert "token" in wrong.stderr
        assert CANARY not in wrong.stderr + wrong.stdout
        assert len(service.truth()) == 1
    assert not (tmp_path / "results").exists()


def test_results_are_never_overwritten(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    done = vpcbench("curl", f"http://127.0.0.1:{scripted.port}/", "-o", "out", folder=tmp_path)
    assert (done.returncode, "never overwritten" in done.stderr) == (2, True)


def test_same_address_twice_is_refused(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    url = f"http://127.0.0.1:{scripted.port}"
    done = vpcbench("curl", f"{url}/a", "--vs", f"{url}/b", folder=tmp_path)
    assert (done.returncode, "same address" in done.stderr) == (2, True)


def test_missed_objectives_exit_1(tmp_path: Path) -> None:
    with PracticeService(Behaviour(latency=Constant(0.02)), (Address(),)) as service:
        scenario = f"""
targets: {{a: {{url: "{service.urls[0]}"}}}}
request: {{body: hello}}
load: {{connections: 2, duration: 500ms, warmup: 0s}}
rounds: 2
objectives: ["p50 < 10ms", "failures < 1%"]
"""
        measured("run", write(tmp_path, scenario), folder=tmp_path, status=1)
    assert [each["met"] for each in result_of(tmp_path / "out")["objectives"]] == [False, True]


SHORT = ("load.warmup=50ms", "rounds=1")
PATIENT = 'objectives=["p50 < 30s", "failures < 1%"]'  # holds on any machine
SHORTER = {  # what a scenario needs besides, so that it stays what it is
    "chat-conversations": ("load.rate=40/s",),
    "chat-public-vs-vpc": ("load.rate=300/s", PATIENT),  # a p99 needs a hundred answers
    "chat-stream": (PATIENT,),
    "gateway-vs-direct": ('targets.direct.direct={service: test, url: "${EAS_LIST}"}',),
    "llm-sweep": ("sweep={load.rate: [10/s, 40/s]}", PATIENT),
    "payload-sweep": ("load.rate=40/s",),
    "soak": ("load.stages.0.over=300ms", "load.stages.1.hold=300ms", "rounds=1"),
    "spike": ("load.stages.0.hold=300ms", "load.stages.2.hold=100ms", "load.stages.4.hold=300ms", "rounds=1"),
}


@pytest.fixture(scope="module")
def everything() -> Iterator[PracticeService]:
    """A service that the shipped scenarios can be sent to."""
    with PracticeService(
        Behaviour(latency=Constant(0.03), streaming=Streaming(Constant(0.03), Constant(0.001))),
        (Address(), Address("127.0.0.2")),
        token=CANARY,
        replicas=(Replica(), Replica(weight=50)),
    ) as service:
        yield service


@pytest.mark.parametrize("path", sorted((ROOT / "scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_scenarios_run(
    path: Path, everything: PracticeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: a command would spend its time on importing."""
    public, vpc, *_ = everything.urls
    listing = vpc.removesuffix("/api/predict/test")
    for name, value in {"PUBLIC_URL": public, "VPC_URL": vpc, "TOKEN": CANARY, "LIST": listing}.items():
        monkeypatch.setenv(f"EAS_{name}", value)
    status = shipped(path, tmp_path)
    result = result_of(tmp_path / path.stem)
    if path.stem == "capacity":  # what is held within 50 ms is this machine's affair
        assert held_up(status, tmp_path / path.stem) or all(
            each["levels"] for each in result["capacity"].values()
        )
        return
    told = result["objectives"] + [each for level in result["sweep"] or () for each in level["objectives"]]
    undecided = status is ExitStatus.OBJECTIVES_MISSED and not all(each["decided"] for each in told)
    assert status is ExitStatus.OK or undecided or held_up(status, tmp_path / path.stem)  # of so few requests
    asked = [level["targets"] for level in result["sweep"] or ()] or [result["targets"]]
    assert all(target["counts"]["ok"] for targets in asked for target in targets.values())
    if path.stem == "handshakes":
        fresh = result["sweep"][-1]["targets"].values()
        assert all(target["connections"]["opened"] >= target["counts"]["ok"] for target in fresh)


def shipped(path: Path, folder: Path) -> ExitStatus:
    """Run a scenario, shortened."""
    staged = "stages:" in path.read_text()  # then they say how long it takes
    overrides = (*SHORT, *(() if staged else ("load.duration=500ms",)), *SHORTER.get(path.stem, ()))
    out = folder / path.stem
    if path.stem == "capacity":
        return capacity(path, out, overrides=(), at_least=None, budget="1s", dry_run=False, quiet=True)
    return run(path, out, overrides=overrides, dry_run=False, quiet=True, check=True)


@pytest.mark.verify
def test_demo(tmp_path: Path) -> None:
    done = measured("demo", folder=tmp_path, out="results/kept-demo")
    assert "behind relayed networks" in done.stdout or "the service itself delays" in done.stdout
    answer = " ".join(done.stdout.split())
    assert re.search(r"The VPC address answers [\d.]+ ms sooner at p50 \(95 % CI [\d.]+–[\d.]+\)", answer)
    folder = tmp_path / "results" / "kept-demo"
    assert {"result.json", "report.html", "report.md", "scenario.yaml"} <= {
        path.name for path in folder.iterdir()
    }
    saved = metric(result_of(folder), "response.p50")["difference"]
    assert -35 < saved["value"] < -29.0  # 29.5 ms of path, and its jitter
    _, _, told = done.stdout.partition("\n\n")  # behind the plan, whose addresses stay whole
    assert all(len(line) <= 80 or folder.name in line for line in told.splitlines())
