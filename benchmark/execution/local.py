"""Workers on this machine: processes of their own, spoken to over pipes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

from benchmark.clock import now
from benchmark.execution.plan import ProbeOrder, RoundOrder
from benchmark.execution.worker import STOP, RoundReport, Started, work
from benchmark.measure.exchange import Failure
from benchmark.measure.probe import Probe
from benchmark.measure.recording import Recording
from benchmark.schedule.base import due_before

PATIENCE = 5.0  # seconds that a worker is given to end


class WorkerLost(Exception):  # noqa: N818  # it is a fact about a round, told in its result, not a fault of ours
    """The worker ended in the middle of an order."""


class LocalWorker:
    """A spawned worker process. Use as a context manager: leaving ends the process."""

    def __init__(self, stopping: Callable[[], bool] = lambda: False) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs,), name="vpcbench-worker", daemon=True)
        self._process.start()
        theirs.close()
        self._stopping = stopping
        self._told_to_stop = False

    def __enter__(self) -> LocalWorker:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            self._pipe.send(None)
        except OSError:
            self._process.kill()  # it is gone already; this only makes sure
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._pipe.close()

    def probe(self, order: ProbeOrder) -> Probe:
        """One request, watched closely.

        Raises:
            WorkerLost: the process ended.
        """
        self._tell(order)
        while True:
            heard = self._hear()
            if isinstance(heard, Probe):
                return heard

    def round(self, order: RoundOrder, observe: Callable[[Recording], None]) -> tuple[RoundReport, Recording]:
        """Run a round; `observe` gets each part of its recording as it comes. Returns the whole recording as well.

        A worker that is lost ends the round: what was due and not reported is failed (*lost*).
        """
        whole = Recording()
        zero = 0
        try:
            self._tell(order)
            while True:
                heard = self._hear()
                if isinstance(heard, Started):
                    zero = heard.zero
                elif isinstance(heard, Recording):
                    whole.merge(heard)
                    observe(heard)
                elif isinstance(heard, RoundReport):
                    whole.merge(heard.recording)
                    observe(heard.recording)
                    return heard, whole
        except WorkerLost:
            return _lost(order, whole, zero), whole

    def _tell(self, order: object) -> None:
        try:
            self._pipe.send(order)
        except OSError as error:
            raise WorkerLost from error

    def _hear(self) -> Any:
        try:
            while not self._pipe.poll(0.1):
                if self._stopping() and not self._told_to_stop:
                    self._told_to_stop = True
                    self._pipe.send(STOP)
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise WorkerLost from error


def _lost(order: RoundOrder, whole: Recording, zero: int) -> RoundReport:
    """Account for a round whose worker was lost: due before now and unreported is lost, due later is unsent."""
    if order.schedule.after(0) is None:
        end = order.warmup + order.measured
        gone = min(end, now() - zero) if zero else 0
        due = due_before(order.schedule, max(gone, order.warmup), since=order.warmup)
        lost = max(0, due - whole.scheduled)
        whole.failures[Failure.LOST.label] += lost
        whole.unanswered += lost
        whole.scheduled += lost
        whole.unsent = due_before(order.schedule, end, since=order.warmup) - whole.scheduled
        whole.scheduled += whole.unsent
    return RoundReport(
        recording=Recording(),
        unmeasured=0,
        addresses=(),
        busiest=0,
        cpu_seconds=0.0,
        spun_seconds=0.0,
        max_rss_bytes=0,
        stopped=True,
    )
