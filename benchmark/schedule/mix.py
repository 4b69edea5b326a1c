"""What to ask: which of the prepared requests comes next. Arithmetic only, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, chain, count, cycle, repeat

import numpy as np

from benchmark.schedule.base import Seed, seed_of


@dataclass(frozen=True)
class Share:
    """One request of the mix: how often it comes, and in how many variants it is prepared."""

    weight: float = 1.0
    variants: int = 1  # as many as it has rows; prepared requests stand in the order of requests, then rows
    turns: tuple[int, ...] = ()  # of each variant that is a conversation; none: they are single requests
    shuffled: bool = False  # all variants in an order of their own, then all in another; else in their order

    @property
    def mean_turns(self) -> float:
        """Requests that a variant comes to."""
        return sum(self.turns) / self.variants if self.turns else 1.0

    def places(self, first: int) -> list[int]:
        """Where each variant stands (a conversation by its first turn), if the first one stands there."""
        return (
            [first + place for place in accumulate((0, *self.turns[:-1]))]
            if self.turns
            else list(range(first, first + self.variants))
        )

    @property
    def prepared(self) -> int:
        """How many requests are prepared for it."""
        return sum(self.turns) or self.variants


@dataclass(frozen=True)
class Mix:
    """A request by its weight, then the next of its variants, endlessly."""

    shares: tuple[Share, ...]
    seed: Seed
    start: int = 0  # which variant comes first where they come in their order
    step: int = 1  # from one of them to the next

    def share(self, at: int, of: int) -> Mix:
        """The part of worker number `at` of `of`: choices of its own, and every `of`-th variant."""
        return replace(
            self, seed=seed_of(self.seed, at, of), start=self.start + at * self.step, step=self.step * of
        )

    def indexes(self) -> Iterator[int]:
        """Places among the prepared requests."""
        requests = self._requests()
        if all(share.prepared == 1 for share in self.shares):
            return requests
        turns = [self._turns(number) for number in range(len(self.shares))]
        return turns[0] if len(turns) == 1 else (next(turns[request]) for request in requests)

    def _requests(self) -> Iterator[int]:
        """Which request comes next, by weight."""
        if len(self.shares) == 1:
            return repeat(0)
        weights = np.array([share.weight for share in self.shares])
        random, shares = np.random.default_rng(self.seed), weights / weights.sum()
        return chain.from_iterable(random.choice(len(shares), 4096, p=shares).tolist() for _ in repeat(None))

    def _turns(self, number: int) -> Iterator[int]:
        """The variants of one request, one after the other."""
        share = self.shares[number]
        places = share.places(sum(each.prepared for each in self.shares[:number]))
        if not share.shuffled:
            order = [(self.start + turn * self.step) % share.variants for turn in range(share.variants)]
            return cycle([places[variant] for variant in order])
        seed = self.seed if isinstance(self.seed, tuple) else (self.seed,)
        random = np.random.default_rng((*seed, number))
        standing = np.array(places)
        return chain.from_iterable(standing[random.permutation(share.variants)].tolist() for _ in count())
