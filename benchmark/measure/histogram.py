"""Latency histograms: constant memory, mergeable, filled in batches.

Buckets are laid out as HdrHistogram lays them out for 3 significant digits, over units of 100 ns: exact up to
204.8 µs, then never wider than 1/1024 of their value, up to an hour. Sums, minimum and maximum are exact.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Nanoseconds = NDArray[np.int64]

UNIT = 100  # nanoseconds
BYTE = UNIT  # what a byte counts for in a histogram of sizes: exact up to 2 KiB, and up to 36 GB
LARGEST = 3_600 * 10_000_000  # an hour, in units
_HALF_BITS = 10
_HALF = 1 << _HALF_BITS  # sub-buckets that each further power of two adds
COARSE = 3  # bits of a bucket's number that a coarse histogram drops: 2 significant digits, an eighth of the memory


def bucket_of(units: NDArray[np.int64]) -> NDArray[np.int64]:
    """HdrHistogram's index into the counts array, for values in units."""
    _, exponent = np.frexp(units.astype(np.float64))
    shift: NDArray[np.int64] = np.maximum(exponent.astype(np.int64) - (_HALF_BITS + 1), 0)
    return (shift << _HALF_BITS) + (units >> shift)


def lower_edge(bucket: NDArray[np.int64]) -> NDArray[np.int64]:
    """The smallest value, in nanoseconds, that falls into each bucket; the next bucket's edge ends it."""
    shift: NDArray[np.int64] = np.maximum((bucket >> _HALF_BITS) - 1, 0)
    return ((bucket - (shift << _HALF_BITS)) << shift) * UNIT


BUCKETS = int(bucket_of(np.array([LARGEST]))[0]) + 1


def _unpacked(packed: str, most: int) -> bytes:
    """What was compressed, if it is no more than so many bytes."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(base64.b85decode(packed), most + 1)
    except zlib.error as error:
        raise ValueError(f"has counts that are damaged ({error})") from None
    if len(plain) > most or not stream.eof or stream.unused_data or len(plain) % 8:
        raise ValueError("has counts that are damaged, or more than a histogram has")
    return plain


def _bucket(units: int) -> int:
    """The same of one value, without an array."""
    shift = max(units.bit_length() - (_HALF_BITS + 1), 0)
    return (shift << _HALF_BITS) + (units >> shift)


def _edge(bucket: int) -> int:
    """The same of one bucket, without an array."""
    shift = max((bucket >> _HALF_BITS) - 1, 0)
    return ((bucket - (shift << _HALF_BITS)) << shift) * UNIT


def width_at(nanoseconds: float) -> int:
    """How wide the bucket is (nanoseconds) that a duration falls into: what quantiles cannot tell apart."""
    bucket = _bucket(min(max(0, int(nanoseconds)) // UNIT, LARGEST))
    return _edge(bucket + 1) - _edge(bucket)


class Histogram:
    """Counts of durations in nanoseconds, kept over the window of buckets that were hit.

    Args:
        drop: bits of a bucket's number that are dropped, so that 2**drop neighbours are one bucket.
    """

    __slots__ = ("_reached", "count", "counts", "drop", "first", "maximum", "minimum", "total")

    def __init__(self, drop: int = 0) -> None:
        self.drop = drop
        self.first = 0  # the bucket that counts[0] is for
        self.counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self.count = 0
        self.total = 0  # the exact sum, in nanoseconds
        self.minimum = 0
        self.maximum = 0
        self._reached: NDArray[np.int64] | None = None  # the counts summed up, once somebody asks

    @classmethod
    def of(cls, durations: Nanoseconds) -> Histogram:
        """A histogram of these durations (nanoseconds; below zero counts as zero, above an hour as an hour)."""
        new = cls()
        new.record(durations)
        return new

    def record(self, durations: Nanoseconds) -> None:
        """Count a batch."""
        if not len(durations):
            return
        durations = np.maximum(durations, 0)
        self._extremes(int(durations.min()), int(durations.max()))
        self.count += len(durations)
        self.total += int(durations.sum())
        if self.maximum == 0:  # a phase that nobody paid
            self._add(0, np.array([len(durations)]))
            return
        buckets = bucket_of(np.minimum(durations // UNIT, LARGEST)) >> self.drop
        first = int(buckets.min())
        self._add(first, np.bincount(buckets - first))

    def merge(self, other: Histogram) -> None:
        """Count all that `other` counted, as coarsely as the coarser of both; exact, and in any order."""
        if not other.count:
            return
        self._coarsen(other.drop)
        self._extremes(other.minimum, other.maximum)
        self.count += other.count
        self.total += other.total
        self._add(*other._at(self.drop))

    @property
    def mean(self) -> float:
        """The exact mean in nanoseconds; NaN when nothing was counted."""
        return self.total / self.count if self.count else float("nan")

    def quantile(self, q: float, beyond: float = 0) -> float:
        """The q-quantile in nanoseconds, interpolated within its bucket.

        `beyond` further exchanges are ranked as infinitely slow; a quantile that reaches them is `inf`, and NaN
        where nothing was counted at all.
        """
        total = self.count + beyond
        if not total:
            return float("nan")
        rank = q * total
        if rank > self.count or not self.count:
            return float("inf")
        if self._reached is None:
            self._reached = self.counts.cumsum()
        at = int(self._reached.searchsorted(max(rank, 1e-9)))
        inside = 1 - (int(self._reached[at]) - rank) / int(self.counts[at])
        low, high = self._edges(at)
        return float(min(max(low + inside * (high - low), self.minimum), self.maximum))

    def above(self, value: float) -> float:
        """How many of the counted exceed `value` (nanoseconds); within its bucket, in proportion."""
        if not self.count or value >= self.maximum:
            return 0.0
        if value < self.minimum:
            return float(self.count)
        at = (_bucket(int(value) // UNIT) >> self.drop) - self.first
        low, high = self._edges(at)
        return float(self.counts[at + 1 :].sum() + self.counts[at] * (high - value) / (high - low))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file: the window of counts, compressed."""
        packed = base64.b85encode(zlib.compress(self.counts.astype("<i8").tobytes())).decode()
        return {
            "first": self.first,
            "counts": packed,
            "total": self.total,
            "min": self.minimum,
            "max": self.maximum,
            **({"drop": self.drop} if self.drop else {}),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Histogram:
        """The inverse of `to_dict`.

        Raises:
            KeyError, TypeError, ValueError: it is no histogram, or one that cannot be; no more is unpacked than one may hold.
        """
        new = cls(int(data.get("drop", 0)))
        new.first = int(data["first"])
        most = (BUCKETS >> new.drop) + 1 if 0 <= new.drop <= _HALF_BITS else 0
        new.counts = np.frombuffer(_unpacked(data["counts"], 8 * most), dtype="<i8").astype(np.int64)
        if not 0 <= new.first <= most - len(new.counts):
            raise ValueError("has buckets that no histogram has")
        if len(new.counts) and not (
            new.counts.min() >= 0 and float(new.counts.sum(dtype=np.float64)) < 2.0**53
        ):
            raise ValueError("has counts that cannot be")
        new.count = int(new.counts.sum())
        new.total, new.minimum, new.maximum = int(data["total"]), int(data["min"]), int(data["max"])
        if not 0 <= new.minimum <= new.maximum <= 2**62:
            raise ValueError("has a minimum or maximum that cannot be")
        if not new.minimum * new.count <= new.total <= new.maximum * new.count:
            raise ValueError("has a sum that its counts cannot have")
        return new

    def _extremes(self, low: int, high: int) -> None:
        self.minimum = min(self.minimum, low) if self.count else low
        self.maximum = max(self.maximum, high)

    def _edges(self, at: int) -> tuple[int, int]:
        """Where the bucket that counts[at] is for begins and ends, in nanoseconds."""
        bucket = self.first + at
        return _edge(bucket << self.drop), _edge((bucket + 1) << self.drop)

    def _at(self, drop: int) -> tuple[int, NDArray[np.int64]]:
        """The first bucket and the counts, with as many bits dropped."""
        if drop <= self.drop:
            return self.first, self.counts
        buckets = np.arange(self.first, self.first + len(self.counts)) >> (drop - self.drop)
        summed = np.zeros(int(buckets[-1] - buckets[0]) + 1, np.int64)
        np.add.at(summed, buckets - buckets[0], self.counts)
        return int(buckets[0]), summed

    def _coarsen(self, drop: int) -> None:
        if drop > self.drop:
            if len(self.counts):
                self.first, self.counts = self._at(drop)
                self._reached = None
            self.drop = drop

    def _add(self, first: int, counts: NDArray[np.int64]) -> None:
        """Add counts whose first bucket is `first`, widening the window where it is too narrow."""
        self._reached = None
        if not len(self.counts):
            self.first, self.counts = first, counts.astype(np.int64)
            return
        low = min(self.first, first)
        high = max(self.first + len(self.counts), first + len(counts))
        if high - low > len(self.counts):
            wider = np.zeros(high - low, np.int64)
            wider[self.first - low : self.first - low + len(self.counts)] = self.counts
            self.first, self.counts = low, wider
        self.counts[first - self.first : first - self.first + len(counts)] += counts
