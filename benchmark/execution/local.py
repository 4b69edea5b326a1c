"""Workers on this machine: processes of their own, spoken to over pipes.

A worker process that loses its parent ends itself: nothing it holds can be left behind.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing.connection import wait
from typing import Any

from benchmark.child import Child, ChildError
from benchmark.clock import now
from benchmark.errors import ExitStatus, TargetError, VpcbenchError
from benchmark.execution.directory import Directory
from benchmark.execution.group import Outcome, SharedRound, Snapshot
from benchmark.execution.plan import ProbeOrder, RoundOrder, TargetPlan
from benchmark.execution.worker import CANCEL, GRACE, STOP, Listed, Start, work
from benchmark.measure.instances import Lookup
from benchmark.measure.probe import Probe
from benchmark.measure.recorder import Part
from benchmark.transport.texts import texts_of
from benchmark.units import MILLISECOND

PATIENCE = 5.0  # seconds that a worker is given to end
HURRY = 2.0  # the same, once the user will not wait
LOOK_UP = 0.03  # seconds between two looks at whether the user wants to stop
LEAD = 20 * MILLISECOND  # between the last worker's being ready and the schedule's zero

Observe = Callable[[Snapshot], None]
Count = Callable[[str], int]  # the tokens of a text
Stopping = Callable[[], int]  # 0: go on; 1: ask no more, and wait for what is in flight; 2: stop at once


class WorkerLost(VpcbenchError):  # noqa: N818  # a fact about a run, told in its result
    """A worker process ended by itself, or was killed."""

    status = ExitStatus.INVALID


class Interrupted(VpcbenchError):  # noqa: N818  # the user wanted it
    """The user stopped the program before there was anything to save."""

    status = ExitStatus.INTERRUPTED


class LocalWorker:
    """One spawned process."""

    def __init__(self, count: Count | None = None) -> None:
        self._count = count
        self._child = Child(work)
        self.pipe = self._child.pipe

    @property
    def pid(self) -> int:
        """The process that sends."""
        return self._child.pid

    def tell(self, order: object) -> None:
        """Give it an order.

        Raises:
            WorkerLost: it is gone.
            ChildError: something escaped over there.
        """
        try:
            self.pipe.send(order)
        except OSError as error:
            raise self._lost() from error

    def hear(self) -> Any:
        """What it says next.

        Raises:
            WorkerLost: it is gone.
            ChildError: something escaped over there; that is a bug, and no fact about the machine.
        """
        try:
            heard = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise self._lost() from error
        if isinstance(heard, ChildError):
            raise heard
        return heard.recording(self._count and self._tokens_of) if isinstance(heard, Part) else heard

    def _tokens_of(self, body: bytes) -> int:
        """The tokens of a streamed answer, by its text."""
        assert self._count is not None
        return sum(map(self._count, texts_of(body)))

    def kill(self) -> None:
        """End it at once; `hear` and `tell` will find it lost."""
        self._child.kill()

    def end(self) -> None:
        """Let the process end, or make it."""
        try:
            self.pipe.send(None)
        except OSError:
            self.kill()  # it is gone already; this only makes sure
        self._child.end(PATIENCE)

    def _lost(self) -> WorkerLost | ChildError:
        with suppress(EOFError, OSError):
            while self.pipe.poll():  # it may have said why
                if isinstance(said := self.pipe.recv(), ChildError):
                    return said
        status = self._child.status(PATIENCE)
        how = f"exit status {status}"
        if status and status < 0:
            how = f"killed by {signal.Signals(-status).name}"
        memory = status == -signal.SIGKILL
        hint = "; where the system ran out of memory, its log says so (dmesg)" if memory else ""
        return WorkerLost(f"a sending process was lost ({how}){hint}")


class LocalWorkers:
    """The processes that send. Use as a context manager: it begins with one, and leaving ends them all."""

    def __init__(self, stopping: Stopping = lambda: 0, count: Count | None = None) -> None:
        self.lost = ""  # how a worker was lost, where one was
        self._stopping = stopping
        self._count = count
        self._workers: list[LocalWorker] = []
        self._directories: dict[str, Directory] = {}  # of direct targets, by their names

    def __enter__(self) -> LocalWorkers:
        self.grow(1)
        return self

    def __exit__(self, *error: object) -> None:
        for directory in self._directories.values():
            directory.close()
        for worker in self._workers:
            if error[0] is not None or self._stopping():  # it may be busy with what nobody wants any more
                worker.kill()
        for worker in self._workers:
            worker.end()

    @property
    def pids(self) -> list[int]:
        """The processes that send."""
        return [worker.pid for worker in self._workers]

    @property
    def stopped(self) -> bool:
        """Whether nothing more is to be sent: the user wants to stop, or a worker was lost."""
        return bool(self.lost or self._stopping())

    def __len__(self) -> int:
        return len(self._workers)

    def grow(self, count: int) -> None:
        """Have this many workers."""
        while len(self._workers) < count:
            self._workers.append(LocalWorker(self._count))

    def look_up(self, target: TargetPlan) -> Lookup:
        """The list of a direct target's instances; asked for once, and kept up to date from then on.

        Raises:
            Interrupted: the user wants no more.
        """
        assert target.discovery
        known = self._directories.get(target.name)
        if known is not None and known.first is not None and known.instances:
            return replace(known.first, instances=known.instances)
        directory = self._directories[target.name] = Directory(target.discovery, target.secrets)
        found = directory.begin(lambda: bool(self._stopping()))
        if found is None:
            raise Interrupted("interrupted; nothing was measured")
        return found

    def discovered(self) -> dict[str, Any]:
        """What became of the lists of direct targets' instances, by the targets' names."""
        return {name: directory.told() for name, directory in self._directories.items()}

    def _listed(self, target: TargetPlan) -> TargetPlan:
        """The target with its instances as they are now.

        Raises:
            TargetError: there is no list to be had.
        """
        if not target.discovery:
            return target
        found = self.look_up(target)
        if not found.instances:
            raise TargetError(f"{target.name}: {found.url}: {found.problem}. No load was sent.")
        return replace(target, instances=found.instances)

    def probe(self, order: ProbeOrder) -> Probe:
        """One request, watched closely.

        Raises:
            WorkerLost: the process ended.
            Interrupted: the user wants no more.
        """
        worker = self._workers[0]
        if self._stopping():
            raise Interrupted("interrupted; nothing was measured")
        order = replace(order, target=self._listed(order.target))
        try:
            worker.tell(order)
            while not self._stopping():
                if worker.pipe.poll(LOOK_UP) and isinstance(heard := worker.hear(), Probe):
                    return heard
        except WorkerLost as error:
            self._note_loss(error)
            raise
        raise Interrupted("interrupted; nothing was measured")

    def round(self, order: RoundOrder, observe: Observe) -> Outcome:
        """Run a round on all workers; `observe` gets each part of its recording as it comes.

        Once the user wants to stop, or a worker is lost, all others are stopped in order.
        """
        order = replace(order, target=self._listed(order.target))
        directory = self._directories.get(order.target.name) if order.target.discovery else None
        with _standing_back():
            return _Round(self._workers, order, observe, self._stopping, self._note_loss, directory).run()

    def _note_loss(self, error: WorkerLost) -> None:
        self.lost = self.lost or str(error)


class _Round:
    """The messages of one round, to and fro."""

    def __init__(
        self,
        workers: list[LocalWorker],
        order: RoundOrder,
        observe: Observe,
        stopping: Stopping,
        note_loss: Callable[[WorkerLost], None],
        directory: Directory | None,
    ) -> None:
        self._workers = workers
        self._shared = SharedRound(order, len(workers))
        self._observe = observe
        self._stopping = stopping
        self._note_loss = note_loss
        self._directory = directory
        self._listed = order.target.instances  # as workers know them
        self._level = 0  # of stopping, that workers were told
        self._stopped_at = 0  # instant
        self._deadline = float("inf")  # for workers to report, once they are stopped

    def run(self) -> Outcome:
        for at, share in enumerate(self._shared.shares):
            self._tell(at, share.order)
        while not self._shared.over:
            self._hear_all()
            if self._shared.ready and not self._shared.zero:
                self._shared.zero = now() + LEAD
                self._tell_all(Start(self._shared.zero))
            self._pass_list_on()
            self._stop_if_wanted()
        return self._shared.outcome(self._stopped_at)

    def _hear_all(self) -> None:
        going = {self._workers[at].pipe: at for at in self._going()}
        for pipe in wait(list(going), LOOK_UP):
            at = going[pipe]  # type: ignore[index]  # it is one of ours
            try:
                said = self._workers[at].hear()
            except WorkerLost as error:
                self._lose(at, error)
                continue
            snapshot = self._shared.hear(at, said, now())
            if snapshot:
                self._observe(snapshot)

    def _going(self) -> Iterator[int]:
        return (at for at, share in enumerate(self._shared.shares) if not share.over)

    def _pass_list_on(self) -> None:
        """Tell those who send of another list of instances."""
        if self._directory and self._shared.zero and self._directory.instances != self._listed:
            self._listed = self._directory.instances
            self._tell_all(Listed(self._listed))

    def _tell_all(self, order: object) -> None:
        for at in list(self._going()):
            self._tell(at, order)

    def _tell(self, at: int, order: object) -> None:
        try:
            self._workers[at].tell(order)
        except WorkerLost as error:
            self._lose(at, error)

    def _lose(self, at: int, error: WorkerLost) -> None:
        self._note_loss(error)
        self._observe(self._shared.lose(at, now()))

    def _stop_if_wanted(self) -> None:
        lost = any(share.lost for share in self._shared.shares)
        wanted = max(self._stopping(), 1 if lost else 0)
        if wanted > self._level:
            self._stopped_at = self._stopped_at or now()
            for level in range(self._level + 1, min(wanted, 2) + 1):
                self._tell_all(STOP if level == 1 else CANCEL)
            self._level = wanted
            self._deadline = time.monotonic() + (GRACE + PATIENCE if wanted == 1 else HURRY)
        if time.monotonic() > self._deadline:  # it hears nothing any more
            for at in self._going():
                self._workers[at].kill()


@contextmanager
def _standing_back() -> Iterator[None]:
    """Leave the core to a sender that wants it: what we merge and show can wait, and a token's arrival cannot."""
    if sys.platform != "linux" or os.sched_getscheduler(0) != os.SCHED_OTHER:
        yield
        return
    normal = os.sched_param(0)
    with suppress(PermissionError):  # some containers forbid it; then we wait no more than others do
        os.sched_setscheduler(0, os.SCHED_BATCH | os.SCHED_RESET_ON_FORK, normal)
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_OTHER, normal)
