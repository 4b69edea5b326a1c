"""The practice service in a process of its own, so that it and whoever measures it share no core and no lock.

Guarantees that the process ends: when the `with` block does, or when this process dies, however it dies.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self, Unpack

from benchmark.child import Child, ChildError
from benchmark.errors import VpcbenchError
from benchmark.simulation.setup import Address, Options, Setup
from benchmark.simulation.truth import Truth

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from benchmark.simulation.behaviour import Behaviour

TELL_TRUTH = "tell the truth"  # what a parent asks of its child
_STARTING = 30.0  # seconds within which the child must listen; it takes about half of one
_ANSWERING = 30.0
_ENDING = 2.0


class PracticeService:
    """A practice service that runs while its `with` block does.

        with PracticeService(Behaviour(), addresses=(Address(path=Path(0.030)), Address())) as service:
            measure(service.urls)
            service.truth().latencies(address=0)

    Raises:
        InputError: what it is told makes no sense, or, when entered, it cannot listen there.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        addresses: tuple[Address, ...] = (Address(),),
        **options: Unpack[Options],
    ) -> None:
        self.urls: list[str] = []  # one per address, then one per instance, once the block is entered
        self._started = 0
        self._setup = Setup(behaviour, addresses, **options)

    def __enter__(self) -> Self:
        self._child = Child(_run, self._setup)
        try:
            self.urls, self._started = self._receive(_STARTING)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """The process that serves."""
        return self._child.pid

    def truth(self) -> Truth:
        """What the service has done up to now.

        It stands still while it hands the log over (a millisecond or so for 100,000 requests): ask when the
        load is over.
        """
        with suppress(OSError):  # it is gone, as reading will tell
            self._child.pipe.send(TELL_TRUTH)
        return Truth.of(self._started, self._receive(_ANSWERING))

    def _receive(self, patience: float) -> Any:
        if not self._child.pipe.poll(patience):
            raise TimeoutError(f"the practice service did not answer within {patience:g} s")
        try:
            told = self._child.pipe.recv()
        except (EOFError, OSError) as error:
            status = self._child.status(_ENDING)
            raise RuntimeError(f"the practice service ended by itself (exit status {status})") from error
        if isinstance(told, VpcbenchError | ChildError):
            raise told
        return told

    def _end(self) -> None:
        """Let the process end, as it does when its pipe closes, or make it."""
        self._child.pipe.close()
        self._child.end(_ENDING)


def _run(setup: Setup, parent: Connection) -> None:
    from benchmark.simulation.service import run_child  # with aiohttp, which the parent need not load

    run_child(setup, parent)
