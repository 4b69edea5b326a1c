"""What a scenario says of the wire, from the file to the account: the second transport, caps and expectations."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.result.store import load_run
from tests.cli.command import measured, pairs, result_of, vpcbench, write
from tests.servers import Nginx, ScriptedServer

SCENARIO = """
targets: {{one: {{url: "{url}"}}}}
load: {{rate: 100/s, duration: 1s, warmup: 0s}}
rounds: 1
{more}
"""


@pytest.mark.must_run("nginx")
def test_aiohttp_s_account_is_nginx_s(nginx: Nginx, tmp_path: Path) -> None:
    scenario = SCENARIO.format(url=nginx.urls[0], more="transport: aiohttp")
    measured("run", write(tmp_path, scenario), folder=tmp_path)
    target = result_of(tmp_path / "out")["targets"]["one"]
    asked = 100 * pairs(tmp_path / "out")
    assert target["counts"]["ok"] == target["counts"]["scheduled"] == asked
    sent = asked + target["unmeasured"]["warmup"] + target["unmeasured"]["probes"]
    assert len(nginx.log()) == sent
    assert target["bytes"]["received"] > asked * nginx.size
    (first, *_) = load_run(tmp_path / "out").rounds
    assert first.recording.histograms["wait"].mean > 0


FAULTS = {
    "max_body: 4B": "its answer is larger than `max_body`",
    "max_head: 20B": "the answer's head is larger than 20 bytes",
    "expect: {body_contains: goodbye}": "its answer does not hold what the scenario expects",
}


@pytest.mark.parametrize("setting", FAULTS)
def test_a_target_that_cannot_pass_is_told_before_the_load(
    setting: str, scripted: ScriptedServer, tmp_path: Path
) -> None:
    scripted.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    url = f"http://127.0.0.1:{scripted.port}/"
    done = vpcbench(
        "run", write(tmp_path, SCENARIO.format(url=url, more=f"request: {{{setting}}}")), folder=tmp_path
    )
    assert done.returncode == 4
    assert FAULTS[setting] in " ".join(done.stderr.split())
    assert scripted.connections <= 3  # tries, and no load
