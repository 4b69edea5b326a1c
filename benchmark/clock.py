"""The one clock, and alarms that ring on time.

Every instant in the program is `time.monotonic_ns()`. An epoll loop's own timers tick in milliseconds, so
what must happen at an instant hangs on a Linux timerfd instead, which the loop watches like a socket
(elsewhere: the loop's timers).
"""

from __future__ import annotations

import ctypes
import heapq
import os
import sys
import time
from typing import TYPE_CHECKING, Protocol

from benchmark.units import NANOSECONDS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

now = time.monotonic_ns


class Alarm(Protocol):
    """One instant at which a callback is to run."""

    def arm(self, at: int) -> None:
        """Ring once at `at` (nanoseconds of `now`; the past: at once), and at no instant set before."""

    def close(self) -> None:
        """Ring no more."""


def alarm(loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> Alarm:
    """The most exact alarm that this system has."""
    return TimerfdAlarm(loop, ring) if sys.platform == "linux" else LoopAlarm(loop, ring)


class TimerfdAlarm:
    """An alarm exact to some tens of microseconds: Linux's timerfd on the monotonic clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._fd = _timerfd_create()
        loop.add_reader(self._fd, self._ready)

    def arm(self, at: int) -> None:
        """Ring once at `at`; a zero would disarm the timer, so the past is the clock's first nanosecond."""
        _timerfd_settime(self._fd, max(at, 1))

    def close(self) -> None:
        """Ring no more, and give the descriptor back; once, for its number may soon be another file's."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        if not self._loop.is_closed():
            self._loop.remove_reader(fd)
        os.close(fd)

    def _ready(self) -> None:
        try:
            os.read(self._fd, 8)
        except BlockingIOError:  # armed anew between the event and this call
            return
        self._ring()


class LoopAlarm:
    """An alarm on the event loop's own timers: exact to a millisecond or two."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._at = 0
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at: int) -> None:
        """Ring once at `at`."""
        self.close()
        self._at = at
        self._handle = self._loop.call_later(max(0, at - now()) / NANOSECONDS, self._ready)

    def close(self) -> None:
        """Ring no more."""
        if self._handle:
            self._handle.cancel()

    def _ready(self) -> None:
        if now() < self._at:  # uvloop rounds to the nearest millisecond, so half of its timers are early
            self.arm(self._at)
        else:
            self._ring()


class Sleeper:
    """Lets any number of coroutines sleep until an instant, all on one alarm; they wake in its order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._alarm = alarm(loop, self._wake)
        self._sleeping: list[tuple[int, int, asyncio.Future[None]]] = []
        self._tickets = 0

    async def sleep_until(self, at: int) -> None:
        """Return at `at` (nanoseconds of `now`) or just after; where that is past, without yielding."""
        if at <= now():
            return
        woken = self._loop.create_future()
        self._tickets += 1
        heapq.heappush(self._sleeping, (at, self._tickets, woken))
        if self._sleeping[0][2] is woken:
            self._alarm.arm(at)
        await woken

    def close(self) -> None:
        """Ring no more, and cancel whoever still sleeps: nothing else would ever wake them."""
        self._alarm.close()
        while self._sleeping:
            self._sleeping.pop()[2].cancel()

    def _wake(self) -> None:
        while self._sleeping and self._sleeping[0][0] <= now():
            woken = heapq.heappop(self._sleeping)[2]
            if not woken.done():  # its coroutine may have been cancelled
                woken.set_result(None)
        if self._sleeping:
            self._alarm.arm(self._sleeping[0][0])


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


if sys.version_info >= (3, 13):

    def _timerfd_create() -> int:
        return os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)

    def _timerfd_settime(fd: int, at: int) -> None:
        os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=at)

else:
    _ABSOLUTE = 1  # TFD_TIMER_ABSTIME
    _libc = ctypes.CDLL(None, use_errno=True)

    def _timerfd_create() -> int:
        fd: int = _libc.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if fd < 0:
            raise OSError(ctypes.get_errno(), "cannot create a timerfd")
        return fd

    def _timerfd_settime(fd: int, at: int) -> None:
        spec = _Itimerspec(value=_Timespec(*divmod(at, NANOSECONDS)))
        if _libc.timerfd_settime(fd, _ABSOLUTE, ctypes.byref(spec), None) < 0:
            raise OSError(ctypes.get_errno(), "cannot set a timerfd")
