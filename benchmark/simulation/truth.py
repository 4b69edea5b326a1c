"""The log of what the practice service really did, against which a measurement can be checked.

The service keeps a `Log` in plain arrays (27 bytes a request, bounded); whoever asks gets a `Truth` of NumPy
arrays. Every instant is `clock.now()`, which on Linux all processes share.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HUNG_UP = 499  # the caller was gone when its answer was ready

_COLUMNS = {"address": "B", "received": "q", "due": "q", "answered": "q", "status": "H"}


class Log:
    """One row per answered request, in the order of the answers; past its limit they are only counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unlogged = 0
        self._columns = tuple(array(code) for code in _COLUMNS.values())

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

    def rows(self) -> tuple[int, tuple[bytes, ...]]:
        """How many requests were not kept, and the columns' bytes: what `Truth.of` takes."""
        return self._unlogged, tuple(column.tobytes() for column in self._columns)


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

    @classmethod
    def of(cls, started: int, rows: tuple[int, tuple[bytes, ...]]) -> Truth:
        """The truth in a log's rows."""
        import numpy as np

        unlogged, columns = rows
        return cls(
            started,
            unlogged,
            **{
                name: np.frombuffer(column, np.dtype(code))
                for (name, code), column in zip(_COLUMNS.items(), columns, strict=True)
            },
        )

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
