"""Processes of our own: a function of this package, called in a fresh Python and spoken to over a pipe.

Guarantees that nothing beside whoever started the command is executed there, as the folder of a scenario that someone
else wrote: the current directory, and what PYTHONPATH says relative to it, are no places to import from. A Ctrl-C,
SIGTERM or hang-up of the whole group does not reach it: it ends when its pipe does, as when this process dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection, Pipe

from benchmark.search_path import search_path

CRASHED = 70  # exit status, as the command's own

# The path is set before anything of ours is imported. Python reads PYTHONPATH sooner, so that is taken away.
_BEGIN = "import sys; sys.path[:] = sys.argv[2:]; from benchmark.child import live; live(int(sys.argv[1]))"
_NOT_ITS_OWN = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
}  # they reach the whole group, and are the parent's to judge


class ChildError(Exception):
    """What escaped in a child: its traceback there, sent over the pipe, for whoever reads it to raise."""

    @classmethod
    def of(cls, error: BaseException) -> ChildError:
        """Made over there."""
        return cls("in a process of vpcbench's own:\n" + "".join(traceback.format_exception(error)))


class Child:
    """Calls `function(*arguments, pipe)` over there, `pipe` being the other end of the one here.

    The function is named by its module, and its arguments travel, so both are importable ones.
    """

    def __init__(self, function: Callable[..., None], *arguments: object) -> None:
        self.pipe, theirs = Pipe()
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with theirs, _signals_held():  # while we held their end, ours would not see that they are gone
            self._process = subprocess.Popen(  # noqa: S603  # ourselves
                [sys.executable, "-P", "-c", _BEGIN, str(theirs.fileno()), *search_path()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
            )
        self.pipe.send((function.__module__, function.__qualname__, arguments))

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def status(self, patience: float) -> int | None:
        """Its exit status, negative for a signal; None where it still runs after so many seconds."""
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self, patience: float) -> None:
        """Wait so many seconds for it to end, or make it; then let go of the pipe."""
        if self.status(patience) is None:
            self.kill()
            self._process.wait()
        self.pipe.close()


def live(descriptor: int) -> None:
    """What happens over there."""
    pipe = Connection(descriptor)
    try:
        module, function, arguments = pipe.recv()
    except EOFError:  # whoever wanted something is gone
        return
    try:
        getattr(import_module(module), function)(*arguments, pipe)
    except Exception as error:
        pipe.send(ChildError.of(error))
        sys.exit(CRASHED)


@contextmanager
def _signals_held() -> Iterator[None]:
    """What is started now inherits that these signals are blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_ITS_OWN)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
