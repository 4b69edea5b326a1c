"""A bar on the terminal while rounds run: rate and p99 so far. Silent where nobody watches."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from tqdm import tqdm

from benchmark.execution.group import Snapshot
from benchmark.execution.plan import Plan
from benchmark.measure.recording import Recording
from benchmark.units import MILLISECOND, NANOSECONDS


class Progress:
    """Use as a context manager; `observe` takes each snapshot as it comes."""

    def __init__(self, plans: Sequence[Plan], *, quiet: bool) -> None:
        self._seconds = sum(plan.measured / NANOSECONDS * plan.rounds * len(plan.targets) for plan in plans)
        self._bar = tqdm(
            total=round(self._seconds, 1),
            unit="s",
            disable=quiet or not sys.stderr.isatty(),
            leave=False,
            bar_format="{l_bar}{bar}| {n:.0f}/{total:.0f} s{postfix}",
        )
        self._seen = Recording()
        self._last: float | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def lengthen(self, rounds: int, plan: Plan) -> int:
        """That many more rounds are to come than were known of; hands the number on."""
        if rounds:
            seconds = plan.measured / NANOSECONDS * rounds * len(plan.targets)
            self._bar.total = round(self._bar.total + seconds, 1) if self._bar.total else None
            tqdm.write(f"The precision takes {rounds} more round{'s' * (rounds != 1)}.", file=sys.stderr)
        return rounds

    def observe(self, snapshot: Snapshot) -> None:
        """Move the bar on by the time that this part covers, and show what was seen so far."""
        part = snapshot.recording
        if self._bar.disable or not part.scheduled:
            return
        self._seen.merge(part)
        self._bar.update(min(0.3, (part.last_done - part.first_due) / NANOSECONDS))
        told = time.monotonic()
        if self._last is not None:
            p99 = self._seen.quantile("response", 0.99) / MILLISECOND
            self._bar.set_postfix_str(f"{part.scheduled / (told - self._last):,.0f}/s, p99 {p99:.1f} ms")
        self._last = told
