"""Requests straight to the instances of a service: by weight, each over a pool of connections of its own.

The instances stand behind one `Transport`, so that whoever sends need not know; what carries requests to each of them is
the transport that carries them to any other address. Which instance a request goes to is settled when it is sent, whether
or not a connection to that instance is there: shares are those of requests, not of connections.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import random
from typing import Any

from benchmark.measure.exchange import Exchange
from benchmark.measure.instances import ANSWERED, FAILED, Instance
from benchmark.measure.tcp_info import Meter
from benchmark.transport.base import Destination, Finished, Handshake, Pool, PreparedRequest, Transport

_ROUND = 1 << 40  # what a turn at weight 1 costs


class Turns:
    """Weighted round-robin, smooth: an instance's turns lie as evenly as its weight allows.

    Each turn costs its taker the inverse of its weight, and whoever has paid least is next. All begin at a random point of
    their first turn, so that several senders, or short rounds, do not all begin with the same instance.
    """

    def __init__(self, weights: Iterable[int]) -> None:
        strides = [_ROUND // weight if weight else 0 for weight in weights]
        self._paid = [(stride * random(), at, stride) for at, stride in enumerate(strides) if stride]
        heapq.heapify(self._paid)

    def next(self) -> int:
        """Whose turn it is, by its place among the weights."""
        paid, at, stride = self._paid[0]
        heapq.heapreplace(self._paid, (paid + stride, at, stride))
        return at


class Member:
    """An instance that is called, or was until it left the list."""

    def __init__(self, instance: Instance, finished: Callable[[Member, Exchange], None]) -> None:
        self.instance = instance
        self.carrier: Transport = None  # type: ignore[assignment]  # made once we are there to be told
        self.in_flight = 0
        self.listed = True
        self.answered = 0
        self.failed = 0
        self._finished = finished

    def finished(self, exchange: Exchange) -> None:
        """The instance's own transport hands an exchange back."""
        self._finished(self, exchange)


class DirectTransport:
    """A transport to each instance, under one. See `transport.base.Transport` for the contract.

    Args:
        carrier: makes what carries requests to one instance.
        instances: the list as it is; `take_up` replaces it.
    """

    def __init__(
        self,
        carrier: Callable[..., Transport],
        instances: Sequence[Instance],
        destination: Destination,
        requests: Sequence[PreparedRequest],
        pool: Pool,
        finished: Finished,
        handshake: Handshake,
        **options: Any,
    ) -> None:
        self.addresses: list[str] = []
        self.finished = finished
        self.handshake = handshake
        self.meter = Meter()
        self.counted_from = 0  # exchanges that are due earlier are not counted
        self._carrier = carrier
        self._destination = destination
        self._requests = requests
        self._pool = pool
        self._options = options
        self._in_turn = True
        self._members: dict[str, Member] = {}  # by address, those that left and still owe an answer, too
        self._tally: Counter[str] = Counter()  # of members that are gone
        self._closing: set[asyncio.Task[None]] = set()
        self._listed: list[Member] = []
        self.take_up(instances)

    # ── the contract ──

    async def open(self, connections: int) -> None:
        """Open to each instance what its weight asks of so many, and a little more: shares vary from instant to instant."""
        weights = sum(member.instance.weight for member in self._listed)
        shares = [connections * member.instance.weight / weights for member in self._listed]
        wanted = [min(connections, math.ceil(share + 3 * math.sqrt(share))) for share in shares]
        opening = zip(self._listed, wanted, strict=True)
        await asyncio.gather(*(member.carrier.open(count) for member, count in opening if count))

    def rotate(self, in_turn: bool) -> None:
        """Reuse each instance's idle connections in turn, or the last used first."""
        self._in_turn = in_turn
        for member in self._members.values():
            member.carrier.rotate(in_turn)

    def send(self, exchange: Exchange) -> None:
        """Send to the instance whose turn it is."""
        member = self._listed[self._turns.next()]
        member.in_flight += 1
        member.carrier.send(exchange)

    def cancel(self) -> None:
        """End every exchange that is not done as cancelled."""
        for member in list(self._members.values()):
            member.carrier.cancel()

    async def close(self) -> None:
        """Close all connections, and wait until they are."""
        await asyncio.gather(*(member.carrier.close() for member in self._members.values()), *self._closing)

    # ── the list ──

    def take_up(self, instances: Sequence[Instance]) -> None:
        """Go by this list from now on; who is no longer on it answers what it was asked, and gets nothing more."""
        listed = {instance.address: instance for instance in instances}
        for address, member in list(self._members.items()):
            member.listed = address in listed
            self._let_go(member)
        for address, instance in listed.items():
            if address in self._members:
                self._members[address].instance = instance
            else:
                self._members[address] = self._join(instance)
        self._listed = [self._members[address] for address in listed]
        self._turns = Turns(instance.weight for instance in listed.values())

    def tally(self) -> Counter[str]:
        """How many exchanges each instance answered and failed since the last call."""
        for member in self._members.values():
            self._count(member)
        taken, self._tally = self._tally, Counter()
        return taken

    def _join(self, instance: Instance) -> Member:
        member = Member(instance, self._done)
        there = replace(self._destination, port=instance.port, resolve=instance.ip)
        member.carrier = self._carrier(
            there, self._requests, self._pool, member.finished, self._paid, **self._options
        )
        member.carrier.addresses, member.carrier.meter = self.addresses, self.meter
        member.carrier.rotate(self._in_turn)
        return member

    def _paid(self, dns: int, connect: int, tls: int) -> None:
        self.handshake(dns, connect, tls)

    def _done(self, member: Member, exchange: Exchange) -> None:
        member.in_flight -= 1
        if exchange.due >= self.counted_from:
            if exchange.failure:
                member.failed += 1
            else:
                member.answered += 1
        if not member.listed:
            self._let_go(member)
        self.finished(exchange)

    def _let_go(self, member: Member) -> None:
        """Close the connections of an instance that has left, once it owes nothing."""
        if member.listed or member.in_flight:
            return
        self._count(member)
        del self._members[member.instance.address]
        task = asyncio.get_running_loop().create_task(member.carrier.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _count(self, member: Member) -> None:
        for what, count in ((ANSWERED, member.answered), (FAILED, member.failed)):
            if count:
                self._tally[what + member.instance.address] += count
        member.answered = member.failed = 0
