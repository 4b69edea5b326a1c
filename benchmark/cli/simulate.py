"""`vpcbench simulate`: the practice service on its own, until it is stopped."""

from __future__ import annotations

from benchmark.cli.demo import PUBLIC, VPC
from benchmark.errors import ExitStatus, InputError
from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.laws import parse_law
from benchmark.simulation.service import serve
from benchmark.simulation.setup import Address
from benchmark.units import parse_rate

QUEUE = 64  # requests that wait for a worker


def simulate(
    port: int,
    latency: str,
    ttft: str,
    itl: str,
    errors: float,
    service: str,
    token: str | None,
    seed: int,
    *,
    workers: int | None = None,
    queue: int = QUEUE,
    rate_limit: str | None = None,
) -> ExitStatus:
    """Listen on two loopback addresses, one behind each simulated path."""
    try:
        behaviour = Behaviour(
            latency=parse_law(latency),
            error_rate=errors,
            streaming=Streaming(parse_law(ttft), parse_law(itl)),
            workers=workers,
            queue=queue,
            rate_limit=None if rate_limit is None else parse_rate(rate_limit),
            seed=seed,
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    addresses = (Address("127.0.0.1", port, PUBLIC), Address("127.0.0.2", port, VPC))
    serve(behaviour, addresses, ready=_announce, token=token, service=service)
    return ExitStatus.OK


def _announce(urls: list[str]) -> None:
    public, vpc = urls
    print(f"public  {public}   as if behind a 30 ms internet path")
    print(f"vpc     {vpc}   as if behind a 0.5 ms intranet path")
    print("Ctrl-C stops it.", flush=True)
