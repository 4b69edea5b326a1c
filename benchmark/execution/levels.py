"""One level of load on one target, as a search or a sweep asks for it: warm up, measure, let the queues drain."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from benchmark.clock import now
from benchmark.execution.local import Interrupted, LocalWorkers, Observe, WorkerLost
from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import Plan, ProbeOrder, TargetPlan
from benchmark.execution.rounds import flaw_of
from benchmark.measure.exchange import Failure
from benchmark.measure.probe import Probe
from benchmark.result.run import Round
from benchmark.units import MILLISECOND, NANOSECONDS

WARMUP = 0.25  # of a level's measured time
DRAIN_TRIES = 60
BETWEEN_PROBES = 0.25  # seconds


@dataclass
class Levels:
    """Runs levels of a plan's load on workers."""

    plan: Plan
    workers: LocalWorkers
    baseline: dict[str, Probe]  # how each target answers when it is idle
    probes: dict[str, int]  # requests sent between levels, counted on
    observe: Observe
    grow: Callable[[Plan], int]  # how many processes a plan needs
    _number: int = 0
    _cpu_seconds: float = 0.0
    _max_rss_bytes: int = 0

    def run_at(self, target: TargetPlan, level: float, seconds: float, windows: int) -> Round:
        """One level, by the plan's kind of load, measured for `seconds` in so many windows."""
        begun = now()
        plan = self._at(level)
        self.workers.grow(self.grow(plan))
        slowest = max(probe.service for probe in self.baseline.values())
        measured = round(seconds * NANOSECONDS)
        order = replace(
            plan.order(
                target,
                self._number,
                max(round(WARMUP * measured), 2 * self.baseline[target.name].service),
                measured,
                Pacing(plan, slowest, slowest).connections,
            ),
            window=measured // windows,
        )
        self._number += 1
        outcome = self.workers.round(order, self.observe)
        self._cpu_seconds += outcome.cpu_seconds
        reports = [report.max_rss_bytes for report in outcome.reports if report]
        self._max_rss_bytes = max(self._max_rss_bytes, sum(reports))
        drained = self.workers.stopped or self._drained(target)
        return Round(
            target=target.name,
            number=order.number,
            warmup=order.warmup / NANOSECONDS,
            measured=outcome.measured / NANOSECONDS,
            recording=outcome.recording,
            addresses=outcome.addresses,
            unmeasured=outcome.unmeasured,
            cpu_seconds=outcome.cpu_seconds,
            level=level,
            seconds=(now() - begun) / NANOSECONDS,
            flaw=self.workers.lost
            if outcome.lost
            else flaw_of(outcome) or ("" if drained else "the service did not recover from the level before"),
            stopped=outcome.measured < measured,
        )

    def generator(self) -> dict[str, Any]:
        """What the load generator itself used."""
        return {
            "processes": len(self.workers),
            "cpu_seconds": self._cpu_seconds,
            "max_rss_bytes": self._max_rss_bytes,
        }

    def _at(self, level: float) -> Plan:
        paced = {"rate": level} if self.plan.open_loop else {"connections": round(level)}
        return replace(self.plan, load=self.plan.load.model_copy(update=paced), rounds=1)

    def _drained(self, target: TargetPlan) -> bool:
        """Whether a probe answers about as it did before any load, soon: queues have drained."""
        usual = 2 * self.baseline[target.name].service + 5 * MILLISECOND
        for _ in range(DRAIN_TRIES):
            self.probes[target.name] += 1
            try:
                probe = self.workers.probe(ProbeOrder(target))
            except (WorkerLost, Interrupted):  # `workers` knows
                return True
            if probe.failure is Failure.NONE and probe.service <= usual:
                return True
            time.sleep(BETWEEN_PROBES)
        return False
