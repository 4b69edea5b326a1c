"""Targets whose instances are called directly: over real sockets, against the service's own log, with a list that changes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import InputError
from benchmark.execution.directory import Directory
from benchmark.execution.plan import make_plan
from benchmark.scenario.load import load_text
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.listing import Replica
from benchmark.simulation.process import PracticeService
from tests.cli.command import held_up, result_of, vpcbench

NEWER, OLDER = (
    root + "test"
    for root in ("/api/v1/servicediscovery/upstreams/", "/exported/apis/eas.alibaba-inc.k8s.io/v1/upstreams/")
)
SCENARIO = """
targets: {{direct: {{direct: {{service: test, url: "{0}", poll: 100ms}}, token: secret-of-the-service}}}}
request: {{path: v1/models}}
load: {{{1}, duration: {2}, warmup: 100ms}}
rounds: 1
"""


def instances_of(*weights: int, churn: float | None = None) -> PracticeService:
    """A service with so many instances; its second to last addresses are theirs."""
    return PracticeService(Behaviour(), replicas=tuple(Replica(weight=each) for each in weights), churn=churn)


def root(service: PracticeService) -> str:
    """The gateway's address, without the service's path: there the list is to be had."""
    return service.urls[0].removesuffix("/api/predict/test")


def places(service: PracticeService) -> list[str]:
    return [url.split("/")[2] for url in service.urls[1:]]


def direct(folder: Path, where: str, load: str = "rate: 300/s", duration: str = "1s") -> dict[str, Any]:
    (folder / "s.yaml").write_text(SCENARIO.format(where, load, duration))
    done = vpcbench("run", "s.yaml", "-o", "out", folder=folder)
    assert done.returncode == 0 or held_up(done.returncode, folder / "out"), done.stderr
    told: dict[str, Any] = result_of(folder / "out")["targets"]["direct"]
    assert told["counts"]["failed"] == 0, told["counts"]
    assert sum(each["answered"] for each in told["direct"]["instances"]) == told["counts"]["ok"]
    return told


@contextmanager
def listing(answers: Sequence[tuple[str, int, Any]]) -> Iterator[str]:
    """A discovery service that answers (path, status, what is said) one after the other, and the last again and again."""
    left = list(answers)

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, status, said = left.pop(0) if len(left) > 1 else left[0]
            body = json.dumps(said).encode() if status == 200 else b"not here"
            self.send_response(status if self.path == path else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *said: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def listed(*addresses: str, weight: int = 100) -> dict[str, Any]:
    items = [
        {"app": "test", "ip": ip, "port": int(port), "weight": weight}
        for ip, port in (each.split(":") for each in addresses)
    ]
    return {"correlative": ["test"], "endpoints": {"items": items}}


@pytest.mark.parametrize("load", ["rate: 300/s", "connections: 5"])
def test_each_instance_has_its_share_by_weight(tmp_path: Path, load: str) -> None:
    with instances_of(100, 100, 50, 0) as service:
        told = direct(tmp_path, root(service), load)
        truth = service.truth()
        by_address = dict(zip(places(service), range(1, 5), strict=True))
    found = {each["address"]: each for each in told["direct"]["instances"]}
    sent = told["counts"]["ok"]
    for address, number in by_address.items():
        asked = int((truth.address == number).sum())
        assert asked >= found[address]["answered"]  # warm-up and probe are in no figure
        share = found[address]["weight"] / 250
        assert found[address]["answered"] == pytest.approx(share * sent, abs=8)
    report = (tmp_path / "out" / "report.md").read_text()
    assert "Instances that were called directly" in report
    assert f"{found[places(service)[0]]['answered'] / sent:.1%}" in report
    assert not any("secret-of-the" in path.read_text() for path in (tmp_path / "out").glob("*.*"))


def test_a_list_that_changes_is_followed(tmp_path: Path) -> None:
    """One instance is gone at every other poll, whenever the measured part begins."""
    with instances_of(100, 100) as service:
        stays, comes_and_goes = places(service)
        both, one = (NEWER, 200, listed(stays, comes_and_goes)), (NEWER, 200, listed(stays))
        with listing([both, *[both, one] * 200]) as url:
            told = direct(tmp_path, url)
    found = {each["address"]: each["answered"] for each in told["direct"]["instances"]}
    assert 0 < found[comes_and_goes] < found[stays]
    changes = told["direct"]["changes"]
    assert {tuple(each["left"]) for each in changes} == {(comes_and_goes,), ()}
    assert {tuple(each["joined"]) for each in changes} == {(comes_and_goes,), ()}


@pytest.mark.parametrize(
    ("later", "said"),
    [
        ((NEWER, 503, None), "it answered 503"),
        ((NEWER, 200, {"endpoints": {"items": []}}), "the list is empty"),
    ],
)
def test_the_last_list_is_kept_where_polling_fails(
    tmp_path: Path, later: tuple[str, int, Any], said: str
) -> None:
    with instances_of(100, 100) as service, listing([(NEWER, 200, listed(*places(service))), later]) as url:
        told = direct(tmp_path, url)
    assert told["direct"]["failed_polls"] == told["direct"]["polls"] > 0
    assert said in told["direct"]["last_problem"]
    assert all(each["listed"] and each["answered"] for each in told["direct"]["instances"])
    assert "the last list was kept" in (tmp_path / "out" / "report.md").read_text()


def test_the_older_path_serves_where_the_newer_does_not(tmp_path: Path) -> None:
    with (
        instances_of(100) as service,
        listing([(NEWER, 404, None), (OLDER, 200, listed(*places(service)))]) as url,
    ):
        told = direct(tmp_path, url)
    assert told["direct"]["url"] == url + OLDER
    assert told["direct"]["failed_polls"] == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((NEWER, 404, None), "there is no list for a service named test"),
        ((NEWER, 403, None), "the token is refused"),
        ((NEWER, 503, None), "the discovery service fails"),
        ((NEWER, 418, None), "it answered 418"),
        ((NEWER, 200, {"endpoints": {"items": []}}), "the list is empty"),
        ((NEWER, 200, {"endpoints": {"items": [{"ip": "x"}]}}), "has no ip, port and weight"),
        ((NEWER, 200, listed("127.0.0.1:9", weight=0)), "every instance in the list has weight 0"),
        (None, "Is the service running there"),
    ],
)
def test_why_there_is_no_list(answer: tuple[str, int, Any] | None, said: str) -> None:
    with listing([answer or (NEWER, 200, None)]) as url:
        where = url if answer else "http://127.0.0.1:9"
        text = SCENARIO.format(where, "rate: 300/s", "1s")
        (target,) = make_plan(load_text(text, "s.yaml", Path())).targets
        assert target.discovery
        directory = Directory(target.discovery)
        found = directory.begin()
        directory.close()
    assert found
    assert not found.instances
    assert found.url.startswith(where)
    assert said in found.problem


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((NEWER, 200, {"endpoints": {"items": []}}), "the list is empty"),
        ((NEWER, 200, listed("127.0.0.1:9")), "none of its instances takes a connection"),
    ],
)
def test_no_load_is_sent_without_an_instance(tmp_path: Path, answer: tuple[str, int, Any], said: str) -> None:
    with listing([answer]) as url:
        (tmp_path / "s.yaml").write_text(SCENARIO.format(url, "rate: 300/s", "1s"))
        for arguments in (("check", "s.yaml"), ("run", "s.yaml", "-o", "out")):
            done = vpcbench(*arguments, folder=tmp_path)
            assert done.returncode == 4, done.stdout + done.stderr
            assert said in " ".join((done.stdout + done.stderr).split())
            assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_check_tells_the_list_and_each_instance(tmp_path: Path) -> None:
    with instances_of(100, 50) as service:
        (tmp_path / "s.yaml").write_text(SCENARIO.format(root(service), "rate: 300/s", "1s"))
        done = vpcbench("check", "s.yaml", folder=tmp_path)
        shown = " ".join(done.stdout.split())
        assert done.returncode == 0, done.stdout + done.stderr
        assert "2 instances" in shown
        for place, weight in zip(places(service), (100, 50), strict=True):
            assert f"{place} (weight {weight})" in shown


def test_a_gateway_beside_the_instances_is_remarked(tmp_path: Path) -> None:
    with instances_of(100, 100) as service:
        text = SCENARIO.format(root(service), "rate: 200/s", "500ms").replace("rounds: 1", "rounds: 2")
        text = text.replace("targets: {", f'targets: {{vpc: {{url: "{service.urls[0]}"}}, ')
        (tmp_path / "s.yaml").write_text(text)
        done = vpcbench("run", "s.yaml", "-o", "out", folder=tmp_path)
    assert done.returncode == 0 or held_up(done.returncode, tmp_path / "out"), done.stderr
    (compared,) = result_of(tmp_path / "out")["comparisons"]
    assert any(
        "direct calls the service's instances past any gateway" in each for each in compared["remarks"]
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{url: 'http://x', direct: {service: a, uid: 1, region: cn-hangzhou}}", "there is direct already"),
        ("{direct: {service: a, region: cn-hangzhou}}", "region goes with uid"),
        ("{direct: {service: a, uid: 1}}", "direct needs to know where the list is asked for"),
        ("{direct: {service: a, uid: 1, region: cn-hangzhou, url: 'http://x'}}", "there is uid already"),
        ("{direct: {service: a, url: 'http://x', poll: 1ms}}", "EAS advises 5s to 10s"),
        ("{direct: {servise: a, url: 'http://x'}}", "service"),
        ("{token: x}", "url"),
    ],
)
def test_what_is_wrong_in_a_scenario(target: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as found:
        load_text(f"targets: {{direct: {target}}}\nload: {{rate: 1/s, duration: 1s}}\n", "s.yaml", Path())
    assert "s.yaml:1" in str(found.value)
