"""Phase sums per band of response time, so that slow exchanges can be split into their phases as the mean can (METHOD 16).

Quantiles do not add up, and an average hides its tail; but the exchanges within a band have means of their own. Bands are
an eighth of a power of two wide, so there are some 220 of them up to an hour, whatever is recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.histogram import LARGEST, UNIT, Nanoseconds, bucket_of

SUMS = ("count", "response", "pool", "dns", "connect", "tls", "send", "wait", "transfer", "sending")
_COARSER = 7  # bits of a histogram's bucket that a band leaves out


def band_of(durations: Nanoseconds) -> NDArray[np.int64]:
    """The band that each response time (nanoseconds) falls into."""
    units = np.minimum(np.maximum(durations, 0) // UNIT, LARGEST)
    return bucket_of(units) >> _COARSER


class Bands:
    """For each band that was hit, `SUMS`: how many exchanges, their times in nanoseconds, and how many took a time to send."""

    def __init__(self) -> None:
        self.sums: dict[int, NDArray[np.int64]] = {}

    def record(self, response: Nanoseconds, phases: dict[str, Nanoseconds]) -> None:
        """Count a batch of successes; `phases` by the names in `SUMS`."""
        if not len(response):
            return
        bands = band_of(response)
        first = int(bands.min())
        places = bands - first
        told = {"response": response, **phases, "sending": phases["send"] > 0}
        columns = [np.bincount(places)]
        columns += [np.bincount(places, weights=told[name]) for name in SUMS[1:]]
        for place, row in enumerate(np.rint(np.stack(columns, axis=1)).astype(np.int64)):
            if row[0]:
                self._add(first + place, row)

    def merge(self, other: Bands) -> None:
        """Add what `other` kept."""
        for band, row in other.sums.items():
            self._add(band, row)

    def ranked(self, low: float, high: float) -> dict[str, float]:
        """The sums of the exchanges whose ranks by response time lie between two; a band counts as far as it does."""
        totals, below = np.zeros(len(SUMS)), 0
        for _, row in sorted(self.sums.items()):
            within = min(high, below + row[0]) - max(low, below)
            if within > 0:
                totals += row * (within / row[0])
            below += int(row[0])
        return dict(zip(SUMS, totals.tolist(), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file."""
        return {str(band): row.tolist() for band, row in sorted(self.sums.items())}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Bands:
        """The inverse of `to_dict`."""
        new = cls()
        new.sums = {int(band): np.array(row, np.int64) for band, row in data.items()}
        return new

    def _add(self, band: int, row: NDArray[np.int64]) -> None:
        self.sums[band] = self.sums[band] + row if band in self.sums else row
