"""`vpcbench check`, as its users see it: each simulated fault names its cause."""

from __future__ import annotations

import json
import resource
from typing import TYPE_CHECKING

import pytest

from benchmark.execution.limits import Limits
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import pairs, vpcbench
from tests.servers import ScriptedServer, free_ports

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "canary-4f0a51c0ffee"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_two_sound_targets(tmp_path: Path) -> None:
    with PracticeService(Behaviour(), (Address(), Address("127.0.0.2")), token=CANARY) as service:
        one, other = service.urls
        asked = ("check", one, "--vs", other, "-H", f"Authorization: {CANARY}", "-d", "x")
        done = vpcbench(*asked, folder=tmp_path, http_proxy="http://user:secret-word@proxy.example:3128")
        data = vpcbench(*asked, "--json", folder=tmp_path)
        requests = len(service.truth())
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert said.splitlines()[:2] == ["first: can be used.", "second: can be used."]
    for step in ("resolve", "connect", "request", "answer", "keep-alive", "proxies", "alike", "limits"):
        assert f"   {step} " in said
    assert "127.0.0.2 (loopback)" in said
    assert "proxy.example:3128" in said
    assert "secret-word" not in said
    assert CANARY not in said + data.stdout
    assert max(map(len, said.splitlines())) <= 80
    assert requests == 4  # one for each target, each time
    document = json.loads(data.stdout)
    assert document["schema"] == "vpcbench.check/1"
    assert document["comparable"]
    assert [target["usable"] for target in document["targets"].values()] == [True, True]
    assert document["targets"]["first"]["kept_alive"] is True


FAULTS = {
    "token": (Behaviour(), "", {"token": "right-token"}, "raw token in `Authorization`"),
    "path": (Behaviour(), "/v1/nowhere", {}, "`request.path` missing"),
    "model": (Behaviour(), "/v1/chat/completions", {}, "GET v1/models lists"),
    "slash": (Behaviour(), "/", {}, "a slash too many"),
    "method": (Behaviour(), "/v1/models", {}, "does not take this method"),
    "keepalive": (Behaviour(latency=Constant(0.3), keepalive=0.1), "", {}, "metadata.rpc.keepalive"),
    "unready": (Behaviour(available=False), "", {}, "crashed"),
    "queue": (Behaviour(error_rate=1, error_status=450), "", {}, "workers may be stuck"),
    "rate": (Behaviour(error_rate=1, error_status=429), "", {}, "a rate limit"),
    "error": (Behaviour(error_rate=1), "", {}, "an error inside the service"),
    "upstream": (Behaviour(error_rate=1, error_status=502), "", {}, "bad answer from the service"),
    "slow": (Behaviour(error_rate=1, error_status=504), "", {}, "too slow for the gateway"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_gateways_answers_name_their_cause(tmp_path: Path, fault: str) -> None:
    behaviour, path, options, cause = FAULTS[fault]
    with PracticeService(behaviour, (Address(),), token=options.get("token")) as service:
        done = vpcbench("check", service.urls[0] + path, "-d", '{"model": "none"}', folder=tmp_path)
    assert done.returncode == 4, done.stdout + done.stderr
    assert cause in " ".join(done.stdout.split())


def test_a_bad_body_is_shown_with_what_was_said_of_it(tmp_path: Path) -> None:
    with PracticeService(Behaviour(), (Address(),)) as service:
        url = f"{service.urls[0]}/v1/chat/completions"
        done = vpcbench("check", url, "-d", "no JSON", folder=tmp_path)
    assert done.returncode == 4
    assert "answered 400" in done.stdout
    assert "The body is not JSON" in " ".join(done.stdout.split())


def test_a_vpc_address_from_outside(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    host = f"gw-abc-vpc.cn-hangzhou.pai-eas.aliyuncs.com:{port}"
    done = vpcbench(
        "check", f"http://{host}/", "--resolve", f"{host}:127.0.0.1", folder=tmp_path
    )  # nobody listens there
    said = " ".join(done.stdout.split())
    assert done.returncode == 4
    assert "it refused the connection (Connection refused)" in said
    assert "not to be in cn-hangzhou's VPC" in said
    assert "allow-list" in said
    assert "given by the scenario" in said


def test_the_same_address_twice(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.answers(OK)
    url = f"http://127.0.0.1:{scripted.port}"
    done = vpcbench("check", f"{url}/a", "--vs", f"{url}/b", folder=tmp_path)
    assert done.returncode == 2
    assert "Not comparable: first and second are the same address" in done.stdout


def test_unlike_schemes_and_services(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.answers_and_closes(
        b"HTTP/1.1 200 OK\r\nServer: other\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    )
    with PracticeService(Behaviour(), (Address("127.0.0.2"),)) as service:
        done = vpcbench(
            "check", f"http://127.0.0.1:{scripted.port}/", "--vs", service.urls[0], folder=tmp_path
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said = " ".join(done.stdout.split())
        assert "may not be the same service: server other and Python" in said
        assert "the connection is closed after the answer" in said
        tls = service.urls[0].replace("http:", "https:")
        unfair = vpcbench("check", f"http://127.0.0.1:{scripted.port}/", "--vs", tls, folder=tmp_path)
    assert unfair.returncode == 4
    assert "TLS handshake failed" in unfair.stdout
    assert "differ in scheme" in unfair.stdout


def test_what_check_does_not_take(tmp_path: Path) -> None:
    for arguments in (("one.yaml", "two.yaml"), ("http://127.0.0.1:1/", "--rate", "5/s"), ("missing.yaml",)):
        done = vpcbench("check", *arguments, folder=tmp_path)
        assert done.returncode == 2
        assert done.stderr.startswith("vpcbench: ")


def test_a_run_without_its_check(scripted: ScriptedServer, tmp_path: Path) -> None:
    scripted.answers(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
    options = (
        "--rate",
        "20/s",
        "--duration",
        "500ms",
        "--rounds",
        "1",
        "--warmup",
        "0s",
        "--no-check",
        "-o",
        "out",
    )
    done = vpcbench("curl", f"http://127.0.0.1:{scripted.port}/", *options, folder=tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr  # no good answer
    target = json.loads((tmp_path / "out" / "result.json").read_text())["targets"]["target"]
    assert target["counts"]["failed"] == target["counts"]["scheduled"] == 10 * pairs(tmp_path / "out")
    assert target["unmeasured"]["probes"] == 0


def test_limits() -> None:
    here = Limits.here()
    assert here.files == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert Limits(1024, 28_000).shortage(900) == []
    assert "ulimit -n" in Limits(1024, 28_000).shortage(1000)[0]
    assert "28,000 local ports" in Limits(100_000, 28_000).shortage(30_000)[0]
