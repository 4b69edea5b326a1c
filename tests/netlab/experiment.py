"""A run of the real command line through the lab: what it found, beside what the relay saw of the same exchanges."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import IMPORTED
from tests.netlab.lab import Lab, Truth, Window
from tests.netlab.relay import die_with_parent, take_precedence

SERVICE = 0.010  # seconds that the service takes, as a quick model may
NEVER_ON_TIME = 0.02  # a share of packets handed over late, past which the lab itself was not fit
KEPT_WAITING = 0.02  # of the time, for a core


@dataclass(frozen=True)
class Seen:
    """A run's result, the relay's log, and the windows of the measured parts by path."""

    result: dict[str, Any]
    truth: Truth
    windows: dict[str, tuple[Window, ...]]

    def disturbances(self) -> Iterator[str]:
        """That the relay or the sending process was kept from its core, by the relay's log and by the kernel."""
        late = max(self.truth.late(name) for name in self.windows)
        if late > NEVER_ON_TIME:
            yield f"the relay handed {late:.0%} of the packets over late"
        for worker in self.result["generator"]["workers"]:
            waited = worker["run_queue_seconds"] / worker["seconds"]
            if waited > KEPT_WAITING:
                yield f"the sending process waited for a core for {waited:.0%} of the time"

    def row(self, phase: str) -> dict[str, Any]:
        """A row of the breakdown."""
        split = self.result["breakdown"][0]
        found: dict[str, Any] = next(
            each for each in (*split["rows"], split["total"]) if each["phase"] == phase
        )
        return found


@contextmanager
def serving(lab: Lab, answer: int = 100, certificate: str | None = None) -> Iterator[dict[str, str]]:
    """The practice service at the far end of every path; its URLs."""
    addresses = tuple(Address(host) for host in lab.hosts.values())
    service = PracticeService(
        Behaviour(latency=Constant(SERVICE)),
        addresses,
        allow_remote=True,
        answer=answer,
        certificate=certificate,
    )
    with lab.inside("server"):
        service.__enter__()
    try:
        take_precedence(service.pid or 0)
        yield dict(zip(lab.hosts, service.urls, strict=True))
    finally:
        service.__exit__(None, None, None)


@contextmanager
def ahead() -> Iterator[None]:
    """Within, this thread runs before all that are not of the lab: a socket that it refills late is idle meanwhile."""
    take_precedence()
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def vpcbench(lab: Lab, folder: Path, scenario: str) -> subprocess.CompletedProcess[str]:
    """Run a scenario in the client's namespace; the results are in the folder `out`."""
    (folder / "scenario.yaml").write_text(scenario)
    with lab.inside("client"):
        return subprocess.run(
            [sys.executable, "-m", "benchmark", "run", "scenario.yaml", "-o", "out", "--quiet"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": IMPORTED},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            preexec_fn=_belong,
        )


def _belong() -> None:
    die_with_parent()
    take_precedence()


def measured(
    folder: Path,
    paths: dict[str, dict[str, Any]],
    rest: str,
    *,
    answer: int = 100,
    tls: bool = False,
) -> Seen:
    """Measure over these paths, one target each, of the same name; `rest` is the scenario without its targets."""
    certificate = issue(folder, len(paths)) if tls else None
    more = ", verify_tls: false" if tls else ""
    with Lab(**paths) as lab, serving(lab, answer, certificate) as urls:
        targets = "".join(f"  {name}: {{url: {json.dumps(url)}{more}}}\n" for name, url in urls.items())
        done = vpcbench(lab, folder, f"targets:\n{targets}{rest}")
        assert done.returncode in {0, 3}, done.stdout + done.stderr  # 3: the generator was late
        truth = lab.truth()
    kept = json.loads((folder / "out" / "recordings.json").read_text())
    windows = {
        name: tuple(
            Window(each["recording"]["first_due"], each["recording"]["last_done"])
            for each in kept["rounds"]
            if each["target"] == name
        )
        for name in paths
    }
    return Seen(json.loads((folder / "out" / "result.json").read_text()), truth, windows)


def issue(folder: Path, paths: int) -> str:
    """The file of a certificate for the far ends of the paths."""
    file = folder / "certificate.pem"
    names = [f"10.77.{number}.2" for number in range(1, paths + 1)]
    trustme.CA().issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(file))
    return str(file)
