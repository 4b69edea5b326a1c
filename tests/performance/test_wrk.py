"""Our cost per request beside wrk's, in one run on one server: ratios only, never absolute speed."""

from __future__ import annotations

import json
import os
import re
import resource
import statistics
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import vpcbench
from tests.servers import Nginx

pytestmark = pytest.mark.verify

FLOOR = 0.45
ROUNDS = 3
SECONDS = 2


def wrk_per_cpu_second(url: str, script: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = ["wrk", "-t1", "-c64", f"-d{SECONDS}", "-s", str(script), url]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    count = re.search(r"(\d+) requests in", shown)
    assert count, shown
    return int(count[1]) / used


def ours_per_cpu_second(url: str, folder: Path, name: str) -> float:
    options = (
        "--connections",
        "64",
        "--duration",
        f"{SECONDS}s",
        "--warmup",
        "200ms",
        "--rounds",
        "1",
        "-o",
        name,
    )
    done = vpcbench("curl", url, "-d", "hello", *options, folder=folder)
    result = json.loads((folder / name / "result.json").read_text())
    counts = result["targets"]["target"]["counts"]
    assert counts["failed"] == 0, done.stdout
    ok: int = counts["ok"]
    cpu: float = result["generator"]["cpu_seconds"]
    return ok / cpu


@pytest.mark.must_run("wrk")
@pytest.mark.must_run("nginx")
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="client and server need a core each")
def test_requests_per_cpu_second_beside_wrk(tmp_path: Path) -> None:
    script = tmp_path / "post.lua"
    script.write_text('wrk.method = "POST"\nwrk.body = "hello"\n')
    with Nginx(tmp_path, size=11) as nginx:
        ratios = [
            ours_per_cpu_second(nginx.urls[0], tmp_path, f"out{n}")
            / wrk_per_cpu_second(nginx.urls[0], script)
            for n in range(ROUNDS)
        ]
    print("vpcbench / wrk, requests per second of client CPU:", [f"{ratio:.2f}" for ratio in ratios])
    assert statistics.median(ratios) >= FLOOR
