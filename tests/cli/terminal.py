"""The command on a terminal: a pseudo-terminal of its own, keys typed on it, and the screen as who sits there sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pyte

from tests.cli.command import IMPORTED

PATIENCE = 120.0  # seconds, for whatever is waited for
WIDTH, HEIGHT = 80, 24
CTRL_C = "\x03"


class Terminal:
    """`vpcbench` on a terminal, in a session of its own. Use as a context manager: leaving ends the command."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        columns: int = WIDTH,
        rows: int = HEIGHT,
        command: tuple[str, ...] = (sys.executable, "-m", "benchmark"),
        **environ: str,
    ) -> None:
        self.raw = b""  # all that was written
        self._screen = pyte.HistoryScreen(columns, rows, history=100_000)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        self.resize(columns, rows)
        inherited = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
        self.process = subprocess.Popen(
            [*command, *arguments],
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C and resizes reach it
            env={**inherited, "TERM": "xterm-256color", "PYTHONPATH": IMPORTED, **environ},
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.hang_up()

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size, as dragging its corner does."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._screen.resize(rows, columns)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def hang_up(self) -> None:
        """Close the window."""
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def until(self, text: str) -> None:
        """Return once the screen shows a text."""
        while text not in "\n".join(self.screen):
            assert self._read(), f"it ended, and never showed {text!r}:\n{self.text}"

    def ended(self) -> int:
        """Its exit status, once it is over and all that it wrote is on the screen."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    @property
    def screen(self) -> list[str]:
        """The rows of the window, without blanks at their ends."""
        return [row.rstrip() for row in self._screen.display]

    @property
    def lines(self) -> list[str]:
        """All rows, also those that were scrolled out of the window, up to the last that is not empty."""
        gone = [
            "".join(row[at].data for at in range(self._screen.columns)).rstrip()
            for row in self._screen.history.top
        ]
        rows = [*gone, *self.screen]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def text(self) -> str:
        """All rows."""
        return "\n".join(self.lines)

    def _read(self) -> bool:
        """Show what was written since; False once nobody can write any more.

        Raises:
            AssertionError: nothing came for too long.
        """
        ready, _, _ = select.select([self._ours], [], [], PATIENCE)
        assert ready, f"nothing came for {PATIENCE:g} s:\n{self.text}"
        try:
            data = os.read(self._ours, 65536)
        except OSError:  # Linux's word for a terminal that nobody has open
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)
