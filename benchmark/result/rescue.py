"""Whatever ends a run in disorder says where the measured data lie, and what renders them."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
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


def elsewhere(write: Callable[[Path], None]) -> Path | None:
    """A new folder, in `results/` or the system's for temporary files, that took what `write` writes; None: neither did."""
    for place in (Path("results"), Path(tempfile.gettempdir())):
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="rescued-", dir=place))
        except OSError:
            continue
        try:
            write(folder)
        except (OSError, VpcbenchError):
            shutil.rmtree(folder, ignore_errors=True)
            continue
        return folder
    return None


def where_they_are(found: Path | None, folder: Path) -> str:
    """Where results are that their own folder did not take."""
    if found:
        return f"They are whole in {found}: `vpcbench report {shlex.quote(str(found))}` renders them."
    return f"Nor anywhere else, so they are above, and nowhere in full. {_what_is_kept(folder)}"


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
