"""`vpcbench demo`: two addresses of one practice service, compared for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import ExitStatus
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.behaviour import Path as SimulatedPath
from benchmark.simulation.laws import Lognormal
from benchmark.simulation.network import Network, NetworkUnavailable
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address

if TYPE_CHECKING:
    from benchmark.simulation.relay import Specification

PUBLIC = SimulatedPath(round_trip=0.030, jitter=0.001, loss=0.002)
VPC = SimulatedPath(round_trip=0.0005, jitter=0.00005)
TOKEN = "demo-token-of-the-practice-service"  # noqa: S105  # it opens nothing
PATHS: dict[str, Specification] = {  # each way
    "public": {"delay": 0.015, "jitter": 0.001},
    "vpc": {"delay": 0.00025, "jitter": 0.00005},
}

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


def demo(out: Path | None, *, quiet: bool, full: bool) -> ExitStatus:
    """Start the practice service, compare its two addresses, and say what the paths to them are."""
    with _addresses() as ((public, vpc), simulated):
        # only now, for libraries that start threads of their own keep a process out of a user namespace
        from benchmark.cli.run import measure
        from benchmark.scenario.load import load_text

        text = SCENARIO.format(public=public, vpc=vpc)
        loaded = load_text(text, "demo", Path(), environ={"EAS_TOKEN": TOKEN})
        return measure(loaded, out, quiet=quiet, full=full, simulated=simulated)


@contextmanager
def _addresses() -> Iterator[tuple[list[str], bool]]:
    """The service's public and VPC address, and whether the service itself plays the paths to them."""
    service = Behaviour(latency=Lognormal(0.001, 0.25))
    try:
        with Network(**PATHS) as network:
            network.enter("server")
            addresses = tuple(Address(network.hosts[name]) for name in PATHS)
            with PracticeService(service, addresses, token=TOKEN, allow_remote=True) as practice:
                network.enter("client")
                print("A practice service, behind relayed networks of 15 ms and 0.25 ms each way.")
                yield practice.urls, False
    except NetworkUnavailable as error:
        addresses = (Address(path=PUBLIC), Address("127.0.0.2", path=VPC))
        with PracticeService(service, addresses, token=TOKEN) as practice:
            print(
                f"No network could be made to put the service behind ({error}), "
                "so the service itself delays its answers, as if behind 30 ms and behind 0.5 ms."
            )
            yield practice.urls, True
