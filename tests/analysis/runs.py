"""Runs made by hand, for the analysis to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from benchmark.measure.histogram import Histogram
from benchmark.measure.recording import Recording
from benchmark.result.run import Round, Run, TargetInfo
from benchmark.units import MILLISECOND

MEASURED = 2.0  # seconds of a round


def a_recording(
    response: ArrayLike,
    *,
    lateness: float = 0.01,
    failures: Mapping[str, int] | None = None,
    unanswered: int = 0,
    unsent: int = 0,
    pool: float = 0.0,
) -> Recording:
    """Successes with these response times (ms), and failures by kind, the last of which are unanswered."""
    durations = (np.asarray(response, np.float64) * MILLISECOND).astype(np.int64)
    new = Recording()
    new.ok = len(durations)
    new.failures.update(failures or {})
    new.unanswered, new.unsent = unanswered, unsent
    new.scheduled = new.ok + new.failed + unsent
    late = np.full(len(durations), round(lateness * MILLISECOND))
    waited = np.full(len(durations), round(pool * MILLISECOND))
    new.histograms["response"] = Histogram.of(durations)
    new.histograms["lateness"] = Histogram.of(late)
    new.histograms["pool"] = Histogram.of(waited)
    new.histograms["service"] = Histogram.of(durations - late - waited)
    return new


def a_round(target: str, number: int, recording: Recording, **kept: Any) -> Round:
    return Round(target=target, number=number, warmup=1.0, measured=MEASURED, recording=recording, **kept)


def a_run(sides: Mapping[str, Sequence[Recording]], **settings: Any) -> Run:
    """An open-loop run of these rounds; the first target is the baseline."""
    names = list(sides)
    resolved: dict[str, Any] = {
        "open_loop": True, "rate": 50.0, "connections": None, "arrivals": "constant", "rounds": 10, "duration": 20.0,
        "warmup": 1.0, "confidence": 0.95, "timeout": 1.0, "baseline": names[0], "keep_connections": False, "objectives": [],
        "primary": "response.p50", "simulated": False,
    }  # fmt: skip
    return Run(
        name="by-hand",
        started_at="2026-01-01T00:00:00+00:00",
        finished_at="2026-01-01T00:01:00+00:00",
        scenario={},
        settings={**resolved, **settings},
        targets={
            name: TargetInfo(url=f"http://{name}.test/", addresses=(f"10.0.0.{at}:80",))
            for at, name in enumerate(names)
        },
        rounds=[a_round(name, at, kept) for name, side in sides.items() for at, kept in enumerate(side)],
    )
