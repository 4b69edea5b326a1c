"""From exchanges to a recording, a batch at a time: the hot loop appends one tuple, NumPy does the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from benchmark.measure.exchange import FIELDS, PLAIN_FIELDS, Exchange, Failure
from benchmark.measure.recording import Recording

BATCH = 8192  # exchanges kept before they are folded into the recording


class Recorder:
    """Records the exchanges of one target in one round.

    Args:
        request_sizes: bytes on the wire of each of the plan's requests.
    """

    def __init__(self, request_sizes: Sequence[int]) -> None:
        self.origin = 0  # start of the measured part (clock nanoseconds), zero of the series
        self.seen = 0  # exchanges recorded so far, over all that was taken
        self._sizes = np.array(request_sizes, np.int64)
        self._plain: list[tuple[int, ...]] = []
        self._others: list[tuple[int, ...]] = []
        self._turns: list[int] = []
        self.recording = Recording()

    def add(self, exchange: Exchange) -> None:
        """Keep one exchange that is done; most are plain, and cost half."""
        if exchange.plain:
            self._plain.append(exchange.plain_row())
            if len(self._plain) >= BATCH:
                self.fold()
        else:
            self._others.append(exchange.row())
            if len(self._others) >= BATCH:
                self.fold()

    def add_turn(self, lasted: int) -> None:
        """Keep how long (nanoseconds) a turn of the loop lasted that did something: answers waited for its end."""
        self._turns.append(lasted)
        if len(self._turns) >= BATCH:
            self.fold()

    def add_handshake(self, dns: int, connect: int, tls: int) -> None:
        """Keep what a new connection paid (nanoseconds)."""
        self.recording.new_connections += 1
        for name, paid in (("dns", dns), ("connect", connect), ("tls", tls)):
            self.recording.handshakes[name].record(np.array([paid]))

    def take(self) -> Recording:
        """All that was recorded since the last call."""
        self.fold()
        taken, self.recording = self.recording, Recording()
        return taken

    def fold(self) -> None:
        """Count what was added into the recording."""
        for rows, fields in ((self._plain, PLAIN_FIELDS), (self._others, FIELDS)):
            if rows:
                self._count(_columns(rows, fields))
                rows.clear()
        self.recording.histograms["turn"].record(np.array(self._turns, np.int64))
        self._turns.clear()

    def _count(self, seen: dict[str, NDArray[np.int64]]) -> None:
        kept = self.recording
        ok = seen["failure"] == Failure.NONE
        self.seen += len(ok)
        kept.scheduled += len(ok)
        kept.ok += int(ok.sum())
        kept.sent_bytes += int(self._sizes[seen["request"][seen["sent"] > 0]].sum())
        kept.received_bytes += int(seen["received"].sum())
        kept.stale_reuses += int(seen["stale"].sum())
        kept.statuses.update(_tally(seen["status"][seen["status"] > 0]))
        kept.first_due = min(filter(None, (kept.first_due, int(seen["due"].min()))), default=0)
        kept.last_done = max(kept.last_done, int(seen["done"].max()))
        for code, n in _tally(seen["failure"][~ok]).items():
            kind = Failure(code)
            kept.failures[kind.label] += n
            kept.unanswered += n * kind.unanswered
        response = seen["done"] - seen["due"]
        for name, durations in (
            ("response", response),
            ("service", seen["done"] - seen["taken"] - seen["pool"]),
            ("wait", seen["first_byte"] - seen["sent"]),
            ("transfer", seen["done"] - seen["first_byte"]),
            *((name, seen[name]) for name in ("pool", "dns", "connect", "tls")),
        ):
            kept.histograms[name].record(durations[ok])
        kept.histograms["lateness"].record(seen["taken"] - seen["due"])
        kept.series.record(seen["due"] - self.origin, response, ok)


def _columns(rows: list[tuple[int, ...]], fields: tuple[str, ...]) -> dict[str, NDArray[np.int64]]:
    """Rows as one array for each of `FIELDS`; what plain rows leave out is zero, or follows."""
    flat = np.fromiter(chain.from_iterable(rows), np.int64, len(rows) * len(fields))
    seen = dict(zip(fields, flat.reshape(-1, len(fields)).T, strict=True))
    if len(fields) < len(FIELDS):
        nothing = np.zeros(len(rows), np.int64)
        seen |= dict.fromkeys(FIELDS[len(PLAIN_FIELDS) :], nothing)
        seen["sent"] = seen["taken"]
    return seen


def _tally(values: NDArray[np.int64]) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
