"""As much of a long sequence as memory is to hold, evenly spread over it."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Spread(Generic[T]):
    """Keeps every item while they are few, then every second, every fourth and so on: never more than `most`, or `room`.

    What is kept depends on nothing but the items and their sizes.
    """

    def __init__(self, most: int, room: int) -> None:
        self.items: list[T] = []
        self.seen = 0
        self.step = 1  # one of so many is kept
        self._most, self._room = most, room
        self._sizes: list[int] = []
        self._size = 0

    def offer(self, item: T, size: int) -> None:
        """Take the next item, which takes this much room."""
        if self.seen % self.step == 0:
            self.items.append(item)
            self._sizes.append(size)
            self._size += size
            while len(self.items) > self._most or (self._size > self._room and len(self.items) > 1):
                self.items, self._sizes = self.items[::2], self._sizes[::2]
                self._size = sum(self._sizes)
                self.step *= 2
        self.seen += 1
