"""Compressed answers, decoded as they come."""

from __future__ import annotations

import zlib
from typing import Any

MOST_INFLATED = 256 * 1024**2  # bytes that an answer may come to
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's windows
_KINDS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}


class Inflater:
    """Decodes one body.

    Args:
        encoding: as `Content-Encoding` says; see `is_known`.
    """

    def __init__(self, encoding: str) -> None:
        self._window = _KINDS[encoding.strip().lower()]
        self._zlib: Any = None
        self._beginning = b""
        self._size = 0

    @staticmethod
    def is_known(encoding: str) -> bool:
        """Whether bodies of this encoding can be decoded."""
        return encoding.strip().lower() in _KINDS

    def feed(self, piece: bytes) -> bytes:
        """What a piece adds to the body.

        Raises:
            ValueError: it is not of this encoding, or comes to more than `MOST_INFLATED`.
        """
        if self._zlib is None:
            piece = self._beginning + piece
            if len(piece) < 2:
                self._beginning = piece
                return b""
            self._begin(piece)
        try:
            plain: bytes = self._zlib.decompress(piece, MOST_INFLATED - self._size + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        self._size += len(plain)
        if self._size > MOST_INFLATED:
            raise ValueError(f"it comes to more than {MOST_INFLATED // 1024**2} MiB")
        return plain

    def _begin(self, piece: bytes) -> None:
        """Some servers leave the head of zlib's format out of what they call deflate."""
        headed = piece[0] & 15 == 8 and (piece[0] * 256 + piece[1]) % 31 == 0
        self._zlib = zlib.decompressobj(_RAW if self._window == _ZLIB and not headed else self._window)
