"""Whatever ends a run in disorder says where the measured data lie, and what renders them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import VpcbenchError
from benchmark.result.store import load_run


@contextmanager
def telling_where(folder: Path) -> Iterator[None]:
    """An exception that leaves this block gets a note about what the folder holds; see `with_notes`."""
    try:
        yield
    except BaseException as error:
        error.add_note(_what_is_kept(folder))
        raise


def with_notes(error: BaseException) -> str:
    """An exception's message, and its notes below it."""
    return "\n".join([str(error), *getattr(error, "__notes__", ())])


def _what_is_kept(folder: Path) -> str:
    try:
        measured = bool(load_run(folder).rounds)
    except VpcbenchError:  # it broke off before its first record
        measured = False
    if not measured:
        return f"Nothing was measured by then; {folder} may go."
    return f"What was measured is in {folder}: `vpcbench report {shlex.quote(str(folder))}` renders it."
