"""`vpcbench simulate`: the practice service on its own, until it is stopped."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from benchmark.cli.demo import PUBLIC, VPC
from benchmark.errors import ExitStatus, InputError
from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.laws import parse_law
from benchmark.simulation.listing import Replica
from benchmark.simulation.service import serve
from benchmark.simulation.setup import Address
from benchmark.units import parse_duration, parse_rate

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
    instances: str | None = None,
    churn: str | None = None,
) -> ExitStatus:
    """Listen on two loopback addresses, one behind each simulated path, and once more for each instance."""
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
        away = None if churn is None else parse_duration(churn)
        weights = [int(weight) for weight in instances.split(",")] if instances else []
    except ValueError as error:
        raise InputError(str(error)) from error
    addresses = (Address("127.0.0.1", port, PUBLIC), Address("127.0.0.2", port, VPC))
    serve(
        behaviour,
        addresses,
        ready=partial(_announce, service=service),
        token=token,
        service=service,
        replicas=tuple(Replica(weight=weight) for weight in weights),
        churn=away,
    )
    return ExitStatus.OK


def _announce(urls: list[str], service: str) -> None:
    public, vpc, *instances = urls
    print(f"public  {public}   as if behind a 30 ms internet path")
    print(f"vpc     {vpc}   as if behind a 0.5 ms intranet path")
    if instances:
        print(f"direct  {{service: {service}, url: {_root(vpc)}}}   lists {', '.join(map(_root, instances))}")
    print("Ctrl-C stops it.", flush=True)


def _root(url: str) -> str:
    """The address without the service's path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
