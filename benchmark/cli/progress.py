"""A bar on the terminal while rounds run: how far the run has come, and what its target answers. Silent where nobody watches.

Guarantees that what is shown ends no run: a display that fails is switched off, and that is said once.
"""

from __future__ import annotations

import math
import sys
import textwrap
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import dropwhile, islice
from shutil import get_terminal_size
from typing import NoReturn

from tqdm import tqdm

from benchmark.execution.group import Snapshot
from benchmark.execution.plan import Plan
from benchmark.measure.recording import Recording
from benchmark.result.run import Round
from benchmark.units import MILLISECOND, NANOSECONDS, format_rate, significant

REFRESH = 0.1  # seconds between two drawings


class Course:
    """How far a run has come and how long it is, in seconds of sending, warm-ups included: the one source of both.

    The total follows the plan as it changes (longer, repeated, further rounds; levels left out), and is never less than
    the position.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._ahead = tuple(plans)  # those that have not begun
        self._to_come: Callable[[], int] = lambda: 0  # rounds of the one that has
        self._over = 0.0  # of rounds that are over
        self._running = 0.0  # of the running one, so far
        self._whole = 0.0  # of the running one, in all
        self._each = 0.0  # of a round, by the latest that was seen

    @property
    def position(self) -> float:
        """Seconds of sending that have passed."""
        return self._over + self._running

    @property
    def total(self) -> float:
        """Seconds of sending in all, as far as is known."""
        ahead = sum(_seconds(plan) * plan.rounds * len(plan.targets) for plan in self._ahead)
        return self._over + max(self._running, self._whole) + self._each * self._to_come() + ahead

    def begin(self, plan: Plan, to_come: Callable[[], int]) -> None:
        """A plan begins; those before it have ended, or are left out. `to_come` says how many rounds are to begin."""
        self._ahead = tuple(islice(dropwhile(lambda each: each is not plan, self._ahead), 1, None))
        self._to_come, self._each = to_come, _seconds(plan)

    def run(self, warmup: float, measured: float, elapsed: float) -> None:
        """The running round is to last so long, of which so much of its measured part is over."""
        self._running, self._whole = warmup + elapsed, warmup + measured
        self._each = self._whole

    def end(self, warmup: float, measured: float) -> None:
        """The running round is over, after so long."""
        self._over += warmup + measured
        self._running = self._whole = 0.0


def _seconds(plan: Plan) -> float:
    """Of a round, before anything is known of how slow answers are."""
    return (plan.load.warmup or 0.0) + plan.measured / NANOSECONDS


class _Answers:
    """What a target has answered so far, in all its rounds."""

    def __init__(self) -> None:
        self._seen = Recording()  # counts and response times only
        self._before = 0.0  # seconds measured in rounds before the running one
        self._elapsed = 0.0  # and in that

    def add(self, snapshot: Snapshot) -> None:
        """Take what came since the last snapshot."""
        part, seen = snapshot.recording, self._seen
        if snapshot.elapsed < self._elapsed:  # another round
            self._before += self._elapsed
        self._elapsed = snapshot.elapsed
        seen.scheduled += part.scheduled
        seen.unsent += part.unsent
        seen.unanswered += part.unanswered
        seen.failures.update(part.failures)
        seen.histograms["response"].merge(part.histograms["response"])

    def __str__(self) -> str:
        """`200/s p99 3.1 ms 2 failed`."""
        seen, seconds = self._seen, self._before + self._elapsed
        parts = [format_rate((seen.scheduled - seen.unsent) / seconds)] if seconds else []
        p99 = seen.quantile("response", 0.99) / MILLISECOND
        if math.isfinite(p99):
            parts.append(f"p99 {significant(p99)} ms")
        if seen.failed:
            parts.append(f"{seen.failed:,} failed")
        return " ".join(parts)


class Progress:
    """Use as a context manager; `observe` takes each snapshot as it comes, `finished` each round that is over."""

    def __init__(self, plans: Sequence[Plan], *, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._course = Course(plans)
        self._answers: defaultdict[str, _Answers] = defaultdict(_Answers)  # by target
        self._bar: tqdm[NoReturn] | None = None
        self._drawn = -math.inf  # when it was last

    def __enter__(self) -> Progress:
        self._safely(self._open)
        return self

    def __exit__(self, *error: object) -> None:
        self._safely(self._close)

    def begin(self, plan: Plan, to_come: Callable[[], int]) -> None:
        """See `Course.begin`."""
        self._safely(lambda: self._course.begin(plan, to_come))

    def observe(self, snapshot: Snapshot) -> None:
        """Move the bar to where the running round is, and show what its target has answered so far."""
        self._safely(lambda: self._observe(snapshot))

    def finished(self, round_: Round) -> None:
        """Take note that a round is over."""
        self._safely(lambda: self._course.end(round_.warmup, round_.measured))

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._safely(self._clear)
        _tell(textwrap.fill(line, get_terminal_size().columns, break_on_hyphens=False) if self._on else line)

    def waiting(self, text: str) -> None:
        """Show why nothing is sent; none: that is over."""
        self._safely(lambda: self._wait(text))

    def _safely(self, act: Callable[[], object]) -> None:
        """Do something to the display. One that fails is switched off: it must not end what it only shows."""
        if not self._on:
            return
        try:
            act()
        except Exception as error:
            self._on = False
            if self._bar is not None:
                self._bar.disable = True  # so that nothing is tried again when it is collected
            _tell(
                f"\nvpcbench: the progress display failed ({type(error).__name__}: {error}); "
                "the run goes on without it"
            )

    def _open(self) -> None:
        tqdm.monitor_interval = 0  # no thread of its own
        tqdm.set_lock(threading.RLock())  # nor a semaphore for other processes, as it would make
        self._bar = tqdm(
            total=self._course.total,
            file=sys.stderr,
            leave=False,
            dynamic_ncols=True,
            bar_format="{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s{postfix}",
        )

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _clear(self) -> None:
        if self._bar is not None:
            self._bar.clear()

    def _wait(self, text: str) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(text)

    def _observe(self, snapshot: Snapshot) -> None:
        self._course.run(snapshot.warmup, snapshot.measured, snapshot.elapsed)
        answers = self._answers[snapshot.target]
        answers.add(snapshot)
        now = time.monotonic()
        if self._bar is None or now - self._drawn < REFRESH:
            return
        self._drawn = now
        self._bar.n, self._bar.total = self._course.position, self._course.total
        self._bar.set_postfix_str(f"{snapshot.target} {answers}", refresh=False)
        self._bar.refresh()


def _tell(line: str) -> None:
    with suppress(OSError, ValueError):  # the terminal itself may be what is broken
        print(line, file=sys.stderr)
