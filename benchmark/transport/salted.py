"""Requests of which no two are alike, so that no cache answers them: each is salted as it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import randrange
from typing import overload

from benchmark.transport.base import PreparedRequest


@dataclass(frozen=True)
class Salted(Sequence[PreparedRequest]):
    """Prepared requests in which a `mark` of digits stands for the salt; every one that is taken has other digits.

    Salts are random, not seeded: a second run must not find its prompts in a cache, either. All are equally long.
    """

    requests: tuple[PreparedRequest, ...]
    mark: str

    def __len__(self) -> int:
        return len(self.requests)

    def __iter__(self) -> Iterator[PreparedRequest]:
        """As they were prepared."""
        return iter(self.requests)

    @overload
    def __getitem__(self, at: int) -> PreparedRequest: ...
    @overload
    def __getitem__(self, at: slice) -> Salted: ...
    def __getitem__(self, at: int | slice) -> PreparedRequest | Salted:
        if isinstance(at, slice):
            return Salted(self.requests[at], self.mark)
        request = self.requests[at]
        digits = f"{randrange(10 ** len(self.mark)):0{len(self.mark)}d}"
        mark, salt = self.mark.encode(), digits.encode()
        return replace(
            request,
            target=request.target.replace(self.mark, digits),
            headers=tuple((name, value.replace(self.mark, digits)) for name, value in request.headers),
            body=request.body.replace(mark, salt),
            wire=request.wire.replace(mark, salt),
        )


def salted(requests: tuple[PreparedRequest, ...], mark: str) -> Sequence[PreparedRequest]:
    """The requests, salted where any of them holds the mark."""
    needed = any(mark.encode() in request.wire for request in requests)
    return Salted(requests, mark) if needed else requests
