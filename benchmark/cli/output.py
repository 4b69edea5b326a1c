"""Standard output and error as every command prints to them: the loss of either ends nothing that a command is doing.

What a reader that has gone away (`| head -1`, a closed terminal) does not take goes nowhere. Where a file takes no more
(a full disk), that is told once on standard error; the command comes to its end, and its exit status says so.
"""

from __future__ import annotations

import io
import os
import select
import sys
import textwrap
from collections.abc import Callable
from shutil import get_terminal_size
from typing import TextIO

from benchmark.errors import ExitStatus

_NEVER_RAISING = ("backslashreplace", "ignore", "namereplace", "xmlcharrefreplace")


class Sink(io.FileIO):
    """Where a standard stream ends: it writes all that it is given, or once it cannot, none of what follows."""

    def __init__(self, stream: TextIO, refused: Callable[[str], None]) -> None:
        super().__init__(stream.fileno(), "w", closefd=False)
        self.refusal = ""  # why a file took no more
        self._refused = refused
        self._terminal = stream.isatty()

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        """Write everything, however many calls that takes."""
        left = memoryview(data)
        while left:
            try:
                taken = super().write(left)
            except OSError as error:
                self._discard()
                if not (self._terminal or isinstance(error, BrokenPipeError)):
                    self.refusal = error.strerror or str(error)
                    self._refused(self.refusal)
                continue
            if taken is None:  # others made it non-blocking
                select.select([], [self], [])
            left = left[taken or 0 :]
        return len(data)

    def _discard(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def guard() -> None:
    """Put sinks behind both streams, unless something else stands in their place, as in tests."""
    if sys.stderr is sys.__stderr__:
        sys.stderr = _guarded_error(sys.stderr) if sys.stderr else _nowhere()
    if sys.stdout is sys.__stdout__:
        sys.stdout = _guarded_output(sys.stdout) if sys.stdout else _nowhere()


def _guarded_error(stream: TextIO) -> TextIO:
    """Without a buffer: a signal's handler prints, perhaps while a progress bar does."""
    sink = Sink(stream, refused=lambda reason: None)  # and where would that be told?
    return io.TextIOWrapper(sink, stream.encoding, stream.errors, write_through=True)


def _guarded_output(stream: TextIO) -> TextIO:
    def refused(reason: str) -> None:
        print(f"vpcbench: standard output cannot be written: {reason}", file=sys.stderr)

    # what the encoding lacks is a ?: with `strict`, and with what the C locale has in its place, printing could raise
    errors = stream.errors if stream.errors in _NEVER_RAISING else "replace"
    buffered = io.BufferedWriter(Sink(stream, refused))  # type: ignore[type-var]  # it is raw
    return io.TextIOWrapper(buffered, stream.encoding, errors, line_buffering=stream.isatty())


def complain(text: str, *, as_it_is: bool = False) -> None:
    """Say something on standard error; on a terminal in lines that break between words, unless `as_it_is`."""
    lines = f"vpcbench: {text}".splitlines()
    if sys.stderr.isatty() and not as_it_is:
        columns = get_terminal_size().columns
        lines = [
            textwrap.fill(line, columns, break_long_words=False, break_on_hyphens=False) for line in lines
        ]
    print("\n".join(lines), file=sys.stderr)


def whole(*, full: bool) -> bool:
    """Whether to print everything: where it was asked for, and where no window limits what can be seen."""
    return full or not sys.stdout.isatty()


def _nowhere() -> TextIO:
    """In place of a stream that was closed beforehand (`>&-`)."""
    return open(os.devnull, "w", encoding="utf-8")  # for as long as the program runs


def status_of_output() -> ExitStatus:
    """What an otherwise good end is worth: all that was printed has to have arrived."""
    sys.stdout.flush()
    sink = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return ExitStatus.BAD_INPUT if isinstance(sink, Sink) and sink.refusal else ExitStatus.OK
