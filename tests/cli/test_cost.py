"""What traffic costs, from the command line: bytes as the kernel counted them, held against those of HTTP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import held_up, result_of, vpcbench

HEADERS = 52  # of IPv4 and TCP, with timestamps
SCENARIO = """
targets: {{public: {{url: "{0}"}}, vpc: {{url: "{1}"}}}}
request: {{path: v1/models}}
transport: {2}
load: {{rate: 100/s, duration: 1s, warmup: 100ms}}
rounds: 1
prices: {{region: cn-hangzhou, routes: {{public: internet}}}}
monthly_requests: 1000000
"""


def cost_over(transport: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The targets' costs, and their results."""
    with PracticeService(Behaviour(), (Address(), Address("127.0.0.2"))) as service:
        text = SCENARIO.format(*service.urls, transport)
        (folder / "s.yaml").write_text(text)
        done = vpcbench("run", "s.yaml", "--no-check", "-o", "out", folder=folder)
    assert done.returncode == 0 or held_up(done.returncode, folder / "out"), done.stderr
    result = result_of(folder / "out")
    return result["cost"]["targets"], result["targets"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_the_kernels_bytes_are_those_of_http_and_their_headers(tmp_path: Path) -> None:
    costs, targets = cost_over("http1", tmp_path)
    for name, cost in costs.items():
        counts, size = targets[name]["counts"], targets[name]["bytes"]
        assert not cost["estimated"]
        each = {
            "received": size["received"] / counts["scheduled"],
            "sent": size["sent"] / counts["scheduled"],
        }
        for direction, http in each.items():  # a segment each, and now and then an acknowledgement by itself
            assert 0.97 * (http + HEADERS) <= cost[direction]["each"] <= http + 2.2 * HEADERS, (
                name,
                direction,
            )
    public, vpc = costs.values()
    assert public["per_million"] == pytest.approx(public["received"]["each"] / 1000 * 0.80)
    assert public["per_month"] == pytest.approx(public["per_million"]), "a month of a million"
    assert (vpc["route"], vpc["per_million"]) == ("intranet", 0.0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_each_level_of_a_sweep_has_its_own_cost(tmp_path: Path) -> None:
    with PracticeService(Behaviour(), (Address(), Address("127.0.0.2"))) as service:
        text = SCENARIO.format(*service.urls, "http1").replace("{path: v1/models}", "{bytes: 1KiB}")
        text = text.replace("duration: 1s", "duration: 500ms")
        (tmp_path / "s.yaml").write_text(text + "sweep: {request.bytes: [1KiB, 9KiB]}\n")
        done = vpcbench("run", "s.yaml", "-o", "out", folder=tmp_path)
    assert done.returncode == 0 or held_up(done.returncode, tmp_path / "out"), done.stderr
    small, large = (level["cost"]["targets"] for level in result_of(tmp_path / "out")["sweep"])
    for cost, size in ((small, 1024), (large, 9 * 1024)):  # echoed, in segments on the loopback
        assert size + HEADERS < cost["public"]["received"]["each"] < size + 600
        assert cost["public"]["per_million"] == pytest.approx(
            cost["public"]["received"]["each"] / 1000 * 0.80
        )
        assert cost["vpc"]["per_million"] == 0.0
    assert "10⁶ requests, CNY" in (tmp_path / "out" / "report.md").read_text()


def test_where_the_transport_does_not_tell_it_says_estimated(tmp_path: Path) -> None:
    costs, _ = cost_over("aiohttp", tmp_path)
    assert all(cost["estimated"] for cost in costs.values())
    assert "estimated, for the kernel did not tell" in (tmp_path / "out" / "report.md").read_text()
