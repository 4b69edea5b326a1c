"""A single request, watched closely: what a preflight or a health probe saw of a target."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.measure.exchange import MOST_BODY, MOST_DETAIL, Answer, Exchange, Failure
from benchmark.measure.walk import Walk
from benchmark.redaction import Redactor


@dataclass(frozen=True)
class ModelAnswer:
    """What a model's answer said; of one that came whole, only its usage."""

    dialect: str  # of its stream; empty: it came whole, or none is known
    ttft: int  # nanoseconds from sent to the first token; zero: there was none
    chunks: int  # that carried tokens
    finish: str  # the reason that was told for its end
    input_tokens: int  # by usage; below zero: nobody said
    output_tokens: int
    cached_tokens: int

    @classmethod
    def of(cls, exchange: Exchange, redactor: Redactor) -> ModelAnswer | None:
        """What this exchange says; None where its answer was not read."""
        stream = exchange.stream
        if stream is None:
            return None
        return cls(
            dialect=stream.dialect,
            ttft=stream.arrivals[0] - exchange.sent if stream.arrivals else 0,
            chunks=len(stream.arrivals),
            finish=redactor.excerpt(stream.finish, cut=len(stream.finish) >= MOST_DETAIL),
            input_tokens=stream.input_tokens,
            output_tokens=stream.output_tokens,
            cached_tokens=stream.cached_tokens,
        )


@dataclass(frozen=True)
class Probe:
    """One exchange over a connection of its own; durations in nanoseconds. Nothing that the server said shows a secret."""

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
    kept: bool | None = None  # whether the connection stayed open after the answer; None: not known
    walk: Walk | None = None  # what was seen on the way, where it was walked first
    cut: bool = False  # whether there was more of the body
    model: ModelAnswer | None = None  # where a model answered

    @property
    def places(self) -> tuple[str, ...]:
        """Every ip:port that the target's name leads to, as far as was seen."""
        return tuple(place.address for place in self.walk.places) if self.walk else self.addresses

    def header(self, name: str) -> str:
        """The value of an answer's header; empty where there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    @classmethod
    def lost(cls, walk: Walk) -> Probe:
        """A walk that led nowhere, so that nothing was sent."""
        failure, detail = walk.failure
        return cls(
            addresses=(), failure=failure, detail=detail, status=0, headers=(), body="",
            dns=walk.dns, connect=0, tls=0, service=0, walk=walk,
        )  # fmt: skip

    @classmethod
    def of(
        cls,
        exchange: Exchange,
        answer: Answer,
        addresses: list[str],
        redactor: Redactor,
        walk: Walk | None = None,
    ) -> Probe:
        """What this exchange says; the redactor knows what its request held."""
        body, cut = answer.body[:MOST_BODY], len(answer.body) >= MOST_BODY
        return cls(
            addresses=tuple(addresses),
            failure=exchange.failure,
            detail=redactor.excerpt(exchange.detail, cut=len(exchange.detail) >= MOST_DETAIL),
            status=exchange.status,
            headers=tuple((name, redactor.text(value)) for name, value in answer.headers),
            body=redactor.beginning(body.decode("utf-8", "ignore" if cut else "replace"), cut=cut),
            dns=exchange.dns,
            connect=exchange.connect,
            tls=exchange.tls,
            service=exchange.done - exchange.taken - exchange.pool,
            kept=answer.kept,
            walk=walk,
            cut=cut,
            model=ModelAnswer.of(exchange, redactor),
        )
