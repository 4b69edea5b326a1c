"""How a run is told to stop: by Ctrl-C, SIGTERM or a terminal that is gone, or by whatever else makes going on pointless."""

from __future__ import annotations

import signal
import sys
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopping:
    """Use as a context manager: inside, the first signal asks to stop in order, the second to stop at once.

    A third interrupts whatever the program is doing.
    """

    def __init__(self) -> None:
        self.level = 0  # 0: go on; 1: ask no more, and wait for what is in flight; 2: stop at once
        self.reason = ""  # of the first that asked
        self.signalled = False  # whether the user did
        self._before: list[object] = []

    def __call__(self) -> int:
        """The level, for those who look up now and then."""
        return self.level

    def ask(self, reason: str) -> None:
        """Ask to stop in order; once that is asked already, at once."""
        self.level += 1
        self.reason = self.reason or reason

    def rest(self) -> None:
        """Begin the next of several runs: what ended one by itself does not end those that follow."""
        if not self.signalled:
            self.level, self.reason = 0, ""

    def __enter__(self) -> Stopping:
        ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup: it shall outlast its terminal
        handlers = {signal.SIGHUP: signal.SIG_IGN if ignored else self._hang_up}
        self._before = [signal.signal(number, handlers.get(number, self._note)) for number in SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in zip(SIGNALS, self._before, strict=True):
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from there

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        """Stop in order; a lost connection tells so twice, from the shell and from the kernel."""
        if not self.level:
            self._note(number, frame)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signalled = True
        self.ask("stopped by a signal")
        if self.level > 2:
            raise KeyboardInterrupt
        told = (
            "waiting for what is in flight. Again to stop at once."
            if self.level == 1
            else "at once, with what was measured."
        )
        print(f"\nStopping: {told}", file=sys.stderr)
