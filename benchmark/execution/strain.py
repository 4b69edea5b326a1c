"""What the machine kept from a worker while it sent: time spent waiting for a core, stolen by the hypervisor, collecting."""

from __future__ import annotations

import gc
import os
import time
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType

from benchmark.units import NANOSECONDS

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_STEAL = 8  # the column of /proc/stat's first line


@dataclass(frozen=True)
class Strain:
    """Seconds, over the time that a worker sent. Zero where the system does not tell."""

    wall: float = 0.0
    run_queue: float = 0.0  # ready to run, but without a core: other programs had it
    steal: float = 0.0  # of all cores: taken by the hypervisor
    gc: float = 0.0

    def __add__(self, other: Strain) -> Strain:
        sums = {each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(Strain)}
        return Strain(**sums)


class StrainGauge:
    """Measures the strain of what runs inside its context, on the thread that enters it (the process's first)."""

    def __init__(self) -> None:
        self.seen = Strain()
        self._before = Strain()
        self._collecting = 0.0
        self._began = 0.0

    def __enter__(self) -> StrainGauge:
        gc.callbacks.append(self._note_collection)
        self._before = self._now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        after, before = self._now(), self._before
        gc.callbacks.remove(self._note_collection)
        self.seen = Strain(
            **{each.name: getattr(after, each.name) - getattr(before, each.name) for each in fields(Strain)}
        )

    def _now(self) -> Strain:
        return Strain(time.monotonic(), _run_queue(), _steal(), self._collecting)

    def _note_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self._collecting += time.perf_counter() - self._began


def _run_queue() -> float:
    """How long the process's first thread has waited for a core so far."""
    told = _read("/proc/self/schedstat").split()
    return int(told[1]) / NANOSECONDS if len(told) > 1 else 0.0


def _steal() -> float:
    """What the hypervisor has taken so far, on all cores."""
    line = _read("/proc/stat").partition("\n")[0].split()
    return int(line[_STEAL]) / _TICK if len(line) > _STEAL else 0.0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except OSError:  # not Linux, or hidden
        return ""
