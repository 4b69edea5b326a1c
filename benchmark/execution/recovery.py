"""A service in trouble is given time before it is asked on: so much in a whole run, and no more."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from benchmark.execution.local import Interrupted, LocalWorkers, WorkerLost
from benchmark.execution.plan import ProbeOrder, TargetPlan
from benchmark.measure.exchange import Failure
from benchmark.measure.probe import Probe
from benchmark.units import MILLISECOND, NANOSECONDS, format_duration

PATIENCE = 10.0  # seconds of a run, for all of its targets together
BETWEEN_PROBES = 0.5  # seconds
SHORTEST = 0.1  # seconds that a probe is given


@dataclass
class Recovery:
    """Waits until a target answers about as it did before the load, as long as there is time left.

    Args:
        tell: is told what is waited for; nothing, once that is over.
    """

    workers: LocalWorkers
    tell: Callable[[str], None] = lambda text: None
    left: float = PATIENCE  # seconds
    _pause: float = field(default=BETWEEN_PROBES)

    def wait(self, target: TargetPlan, baseline: Probe | None, probes: dict[str, int]) -> bool:
        """Whether the target gave a good answer; `probes` counts what is sent, by target.

        It is also true where there is no time left to find out, or nobody wants to know any more.
        """
        if self.left < SHORTEST:
            return True
        usual = 2 * baseline.service + 5 * MILLISECOND if baseline else math.inf
        self.tell(f"waiting until {target.name} answers again, {format_duration(self.left)} at most")
        until, good = time.monotonic() + self.left, False
        while not self.workers.stopped and (left := until - time.monotonic()) >= SHORTEST:
            probes[target.name] = probes.get(target.name, 0) + 1
            try:
                probe = self.workers.probe(ProbeOrder(_patient(target, left)))
            except (WorkerLost, Interrupted):  # `workers` knows
                break
            good = good or probe.failure is Failure.NONE
            if probe.failure is Failure.NONE and probe.service <= usual:
                break
            time.sleep(max(0.0, min(self._pause, until - time.monotonic())))
        self.left = max(0.0, until - time.monotonic())
        self.tell("")
        return good or self.workers.stopped


def _patient(target: TargetPlan, seconds: float) -> TargetPlan:
    """The target, whose request takes no longer than this."""
    request = target.requests[0]
    return replace(
        target, requests=(replace(request, timeout=min(request.timeout, round(seconds * NANOSECONDS))),)
    )
