"""A single request, watched closely: what a preflight or a health probe saw of a target."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.measure.exchange import MOST_BODY, Answer, Exchange, Failure


@dataclass(frozen=True)
class Probe:
    """One exchange over a connection of its own; durations in nanoseconds."""

    addresses: tuple[str, ...]  # ip:port, where connections were opened to
    failure: Failure
    detail: str  # what the system said of the failure
    status: int  # zero: none came
    headers: tuple[tuple[str, str], ...]
    body: str  # its beginning
    dns: int
    connect: int
    tls: int
    service: int  # taken to done

    @classmethod
    def of(cls, exchange: Exchange, answer: Answer, addresses: list[str]) -> Probe:
        """What this exchange says."""
        return cls(
            addresses=tuple(addresses),
            failure=exchange.failure,
            detail=exchange.detail,
            status=exchange.status,
            headers=tuple(answer.headers),
            body=answer.body[:MOST_BODY].decode("utf-8", "replace"),
            dns=exchange.dns,
            connect=exchange.connect,
            tls=exchange.tls,
            service=exchange.done - exchange.taken - exchange.pool,
        )
