"""The log of what the practice service really did, against which a measurement can be checked.

The service keeps a `Log` in plain arrays (27 bytes a request, bounded); whoever asks gets a `Truth` of NumPy
arrays. Every instant is `clock.now()`, which on Linux all processes share.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HUNG_UP = 499  # the caller was gone when its answer was ready

Rows = tuple[int, tuple[bytes, ...], tuple[bytes, ...], bytes]
_MOST_GAPS = 10_000_000

_COLUMNS = {"address": "B", "received": "q", "due": "q", "answered": "q", "status": "H"}


_STREAM_COLUMNS = {
    "address": "B",
    "arrived": "q",
    "received": "q",
    "first": "q",
    "last": "q",
    "tokens": "q",
    "broken": "B",
}


class StreamRow(NamedTuple):
    """Whose stream it is."""

    address: int
    received: int  # the last byte of the request was read
    arrived: int  # the request was at the service, past its path


class Log:
    """One row per answered request, in the order of the answers; past its limit they are only counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unlogged = 0
        self._columns = tuple(array(code) for code in _COLUMNS.values())
        self._streams: tuple[array[int], ...] = tuple(array(code) for code in _STREAM_COLUMNS.values())
        self._gaps = array("q")

    def add(self, address: int, received: int, due: int, answered: int, status: int) -> None:
        """Keep one request."""
        addresses, receipts, dues, answers, statuses = self._columns
        if len(addresses) >= self._limit:
            self._unlogged += 1
            return
        addresses.append(address)
        receipts.append(received)
        dues.append(due)
        answers.append(answered)
        statuses.append(status)

    def add_stream(self, row: StreamRow, written: array[int], *, broken: bool) -> None:
        """Keep one stream, by the instants at which its tokens were written; the gaps of whole ones are pooled."""
        if len(self._streams[0]) >= self._limit:
            return
        first, last = (written[0], written[-1]) if written else (0, 0)
        told = (row.address, row.arrived, row.received, first, last, len(written), broken)
        for column, value in zip(self._streams, told, strict=True):
            column.append(value)
        if not broken and len(self._gaps) < _MOST_GAPS:
            self._gaps.extend(after - before for before, after in pairwise(written))

    def rows(self) -> Rows:
        """What `Truth.of` takes: how many requests were not kept, the columns' bytes, those of streams, and the gaps."""
        columns, streams = (tuple(map(array.tobytes, kept)) for kept in (self._columns, self._streams))
        return self._unlogged, columns, streams, self._gaps.tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class StreamTruth:
    """An element per stream, in the order in which they ended; instants in nanoseconds."""

    address: NDArray[np.uint8]
    arrived: NDArray[np.int64]
    received: NDArray[np.int64]
    first: NDArray[np.int64]  # token written; zero: none
    last: NDArray[np.int64]
    tokens: NDArray[np.int64]
    broken: NDArray[np.uint8]
    gaps: NDArray[np.int64]  # between the tokens of whole streams, pooled


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Arrays of one length, an element per request, in the order of the answers; instants in nanoseconds."""

    started: int  # when the service began to listen: the zero of its stalls
    unlogged: int  # requests beyond the log's limit, of which nothing else is known
    address: NDArray[np.uint8]  # which of the service's addresses, counted from 0
    received: NDArray[np.int64]  # the last byte of the request was read
    due: NDArray[np.int64]  # the behaviour and the path wanted it answered
    answered: NDArray[np.int64]  # the answer went to the socket
    status: NDArray[np.uint16]  # 499 where the caller had hung up
    streams: StreamTruth

    @classmethod
    def of(cls, started: int, rows: Rows) -> Truth:
        """The truth in a log's rows."""
        import numpy as np

        unlogged, columns, streams, gaps = rows

        def arrays(codes: dict[str, str], kept: tuple[bytes, ...]) -> dict[str, NDArray[Any]]:
            pairs = zip(codes.items(), kept, strict=True)
            return {name: np.frombuffer(column, np.dtype(code)) for (name, code), column in pairs}

        told = StreamTruth(**arrays(_STREAM_COLUMNS, streams), gaps=np.frombuffer(gaps, np.int64))
        return cls(started, unlogged, **arrays(_COLUMNS, columns), streams=told)

    def __len__(self) -> int:
        return len(self.address)

    def latencies(self, address: int | None = None, status: int | None = None) -> NDArray[np.int64]:
        """Nanoseconds from received to answered, of one address or of all, of one status or of all."""
        return (self.answered - self.received)[self._which(address, status)]

    def lateness(self, address: int | None = None, status: int | None = None) -> NDArray[np.int64]:
        """Nanoseconds from due to answered: the service's own inexactness."""
        return (self.answered - self.due)[self._which(address, status)]

    def _which(self, address: int | None, status: int | None) -> NDArray[np.bool_]:
        import numpy as np

        chosen = np.ones(len(self), dtype=np.bool_)
        if address is not None:
            chosen &= self.address == address
        if status is not None:
            chosen &= self.status == status
        return chosen
