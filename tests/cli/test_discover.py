"""`vpcbench discover` with the real SDK, against a local fake of the cloud's API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from benchmark.scenario.load import load_text
from tests.cli.command import ROOT, Done, vpcbench
from tests.servers import free_ports

SECRET = "token-4f0a51c0ffee"
KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "key-id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "key-secret-word"}
NO_KEYS = {
    **dict.fromkeys(KEYS, ""), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "HOME": "/nonexistent",
}  # fmt: skip
HOST = "1234.{}cn-hangzhou.pai-eas.aliyuncs.com/api/predict/test"
SERVICE = "/api/v2/services/cn-hangzhou/test"

SHARED = {
    "EndpointType": "DefaultGateway",
    "InternetEndpoints": [f"http://{HOST.format('')}"],
    "IntranetEndpoints": [f"http://{HOST.format('vpc.')}"],
}
PRIVATE = {
    "EndpointType": "PrivateGateway",
    "InternetEndpoints": [],
    "IntranetEndpoints": ["gw-abc-vpc.cn-hangzhou.pai-eas.aliyuncs.com"],
}


class Api(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, tuple[int, dict[str, Any]]]] = {}

    def do_GET(self) -> None:
        status, said = self.answers.get(
            self.path, (404, {"Code": "InvalidService.NotFound", "Message": "none"})
        )
        body = json.dumps({"RequestId": "1", **said}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def discover(api: str, folder: Path, *more: str, keys: dict[str, str] = KEYS) -> Done:
    done = vpcbench(
        "discover", "test", "--region", "cn-hangzhou", "--endpoint", api, "--protocol", "http", *more,
        folder=folder, **keys,
    )  # fmt: skip
    assert "key-secret-word" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_a_scenario_that_is_ready_to_run(api: str, tmp_path: Path) -> None:
    Api.answers = {f"{SERVICE}/endpoints": (200, {"AccessToken": SECRET, "Endpoints": [SHARED, PRIVATE]})}
    done = discover(api, tmp_path)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout
    assert "# PrivateGateway, vpc: http://gw-abc-vpc.cn-hangzhou" in done.stdout
    scenario = load_text(done.stdout, "found", tmp_path, environ={"EAS_TOKEN": SECRET}).scenario
    assert {name: target.url for name, target in scenario.targets.items()} == {
        "public": f"http://{HOST.format('')}",
        "vpc": f"http://{HOST.format('vpc.')}",
    }
    assert scenario.targets["vpc"].token == SECRET
    assert f"EAS_TOKEN={SECRET}" in discover(api, tmp_path, "--show-token").stdout


@pytest.mark.parametrize(
    "endpoints",
    [(200, {"Endpoints": []}), (403, {"Code": "NoPermission"}), (400, {"Code": "InvalidAction.NotFound"})],
)
def test_the_older_operation_serves_where_the_newer_does_not(
    api: str, tmp_path: Path, endpoints: tuple[int, dict[str, Any]]
) -> None:
    one = {"InternetEndpoint": f"http://{HOST.format('')}", "AccessToken": SECRET}
    Api.answers = {f"{SERVICE}/endpoints": endpoints, SERVICE: (200, one)}
    done = discover(api, tmp_path)
    assert done.returncode == 0, done.stderr
    assert HOST.format("") in done.stdout


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (None, 2, "cn-hangzhou has no service test"),
        ((403, {"Code": "NoPermission"}), 4, "need eas:DescribeService"),
        ((403, {"Code": "InvalidAccessKeyId"}), 4, "refuses the credentials"),
        ((200, {"AccessToken": SECRET}), 2, "has no address yet"),
    ],
)
def test_what_goes_wrong_is_told(
    api: str, tmp_path: Path, answer: tuple[int, dict[str, Any]] | None, status: int, said: str
) -> None:
    Api.answers = {f"{SERVICE}/endpoints": answer, SERVICE: answer} if answer else {}
    done = discover(api, tmp_path)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr


def test_an_api_that_cannot_be_reached(tmp_path: Path) -> None:
    done = discover(f"127.0.0.1:{free_ports(1)[0]}", tmp_path)
    assert done.returncode == 4
    assert "cannot be reached" in done.stderr


def test_no_credentials(api: str, tmp_path: Path) -> None:
    done = discover(api, tmp_path, keys=NO_KEYS)
    assert done.returncode == 2
    assert "there are no credentials for Alibaba Cloud" in done.stderr


def test_the_extra_is_not_installed(api: str, tmp_path: Path) -> None:
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    (lacking / "alibabacloud_credentials.py").write_text(
        "raise ModuleNotFoundError('no', name='alibabacloud_credentials')"
    )
    done = discover(api, tmp_path, keys={**KEYS, "PYTHONPATH": f"{lacking}:{ROOT}"})
    assert done.returncode == 2
    assert "pip install 'vpcbench[eas]'" in done.stderr
