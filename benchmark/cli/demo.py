"""`vpcbench demo`: two simulated addresses of one service, compared for real."""

from __future__ import annotations

from pathlib import Path

from benchmark.cli.run import measure
from benchmark.errors import ExitStatus
from benchmark.scenario.load import load_text
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.behaviour import Path as NetworkPath
from benchmark.simulation.laws import Lognormal
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address

PUBLIC = NetworkPath(round_trip=0.030, jitter=0.001, loss=0.002)
VPC = NetworkPath(round_trip=0.0005, jitter=0.00005)
TOKEN = "demo-token-of-the-practice-service"  # noqa: S105  # it opens nothing

SCENARIO = """
name: demo
targets:
  public: {{url: "{public}", token: "${{EAS_TOKEN}}"}}
  vpc:    {{url: "{vpc}", token: "${{EAS_TOKEN}}"}}
request:
  path: v1/chat/completions
  json: {{model: DeepSeek-R1-Distill-Qwen-7B, messages: [{{role: user, content: "hello!"}}], max_tokens: 16}}
  expect: {{status: 200}}
  timeout: 5s
load: {{rate: 200/s, arrivals: poisson, duration: 8s, warmup: 200ms}}
rounds: 10
prices: {{region: cn-hangzhou, routes: {{public: internet, vpc: intranet}}}}
"""


def demo(out: Path | None, *, quiet: bool) -> ExitStatus:
    """Start the practice service, compare its two addresses, and say that the paths are simulated."""
    service = Behaviour(latency=Lognormal(0.001, 0.25))
    with PracticeService(
        service, (Address(path=PUBLIC), Address("127.0.0.2", path=VPC)), token=TOKEN
    ) as practice:
        public, vpc = practice.urls
        loaded = load_text(
            SCENARIO.format(public=public, vpc=vpc), "demo", Path(), environ={"EAS_TOKEN": TOKEN}
        )
        print("Simulated: one service on loopback, as if behind 30 ms and behind 0.5 ms.")
        return measure(loaded, out, quiet=quiet, simulated=True)
