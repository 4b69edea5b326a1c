"""Files that a scenario names: only in its own folder, only regular ones, only up to a size."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from benchmark.errors import InputError
from benchmark.units import format_size


def read_file(key: str, name: str, folder: Path, *, most: int, trusted: bool = False) -> bytes:
    """The content of the file that `key` names; `trusted` lets it be anywhere.

    Raises:
        InputError: as `find_file`.
    """
    try:
        return find_file(key, name, folder, most=most, trusted=trusted).read_bytes()
    except OSError as error:
        raise InputError(f"{key} '{name}' cannot be read: {error.strerror}") from None


def find_file(key: str, name: str, folder: Path, *, most: int, trusted: bool = False) -> Path:
    """The file itself, behind any links.

    Raises:
        InputError: it is outside `folder`, is missing, is no file, is larger than `most`, or cannot be read.
    """
    path = folder / name
    try:
        real = path.resolve()
        if not trusted and not real.is_relative_to(folder.resolve()):
            raise InputError(
                f"{key} '{name}' leads out of the scenario's folder, {folder}; move the file into it"
            )
        if not real.is_file():
            what = "this is no regular file" if real.exists() else "no such file"
            raise InputError(f"{key} '{name}': {what} ({path})")
        if real.stat().st_size > most:
            raise InputError(f"{key} '{name}' is larger than {format_size(most).replace('.00', '')}")
        if not os.access(real, os.R_OK):
            raise InputError(f"{key} '{name}' cannot be read: {os.strerror(errno.EACCES)}")
        return real
    except (
        OSError,
        ValueError,
        RuntimeError,
    ) as error:  # ValueError: a null byte; RuntimeError: a loop of links
        reason = error.strerror if isinstance(error, OSError) else "this is no path"
        raise InputError(f"{key} '{name}' cannot be read: {reason}") from None
