"""The send phase of large requests: until their last byte is acknowledged, as the relay saw it (METHOD 3)."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from benchmark.measure.exchange import LARGE, Exchange
from tests.netlab.experiment import SERVICE, ahead, serving
from tests.netlab.lab import ACKNOWLEDGED, FIRST_ANSWERED, FIRST_ASKED, PUBLIC, VPC, Lab
from tests.transport.clients import client, request

TICK = 5.0  # milliseconds: the kernel counts in ticks of 1 to 4, and what it counts begins and ends in one


def asked(url: str, size: int, times: int) -> list[Exchange]:
    """Exchanges one after the other over one connection, with bodies of this size."""
    host, _, rest = url.removeprefix("http://").partition(":")
    port, _, path = rest.partition("/")

    async def ask() -> list[Exchange]:
        wanted = request(body=b"x" * size, target=f"/{path}", timeout=10)
        async with client("http1", int(port), wanted, host=host, resolve=None) as asking:
            return [await asking.ask() for _ in range(times)]

    return uvloop.run(asyncio.wait_for(ask(), 30))


@pytest.mark.verify
@pytest.mark.parametrize("size", [1024**2, 2 * LARGE])
def test_sending_is_told_apart_from_waiting(size: int) -> None:
    with Lab(public=PUBLIC) as lab, serving(lab) as urls:
        with lab.inside("client"), ahead():
            exchanges = asked(urls["public"], size, 3)
        turns = lab.truth().turns("public") / 1e6
    assert len(turns) == len(exchanges) == 3
    least = size * 8 / PUBLIC["bits_per_second"] * 1e3  # ms on the narrow line alone
    for exchange, turn in zip(exchanges, turns, strict=True):
        assert not exchange.failure
        acknowledged = min(turn[ACKNOWLEDGED] or turn[FIRST_ANSWERED], turn[FIRST_ANSWERED])
        assert exchange.send / 1e6 == pytest.approx(acknowledged - turn[FIRST_ASKED], rel=0.02, abs=TICK)
        assert exchange.send / 1e6 > least
        assert exchange.sent + exchange.send <= exchange.first_byte


def test_a_small_request_has_none() -> None:
    with Lab(vpc=VPC) as lab, serving(lab) as urls, lab.inside("client"):
        (exchange,) = asked(urls["vpc"], 1000, 1)
    assert exchange.send == 0
    assert exchange.first_byte - exchange.sent > SERVICE
