"""Alarms ring on time, never early, once, and never after they were closed: on both loops, of both kinds."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
import uvloop

from benchmark.clock import LoopAlarm, Sleeper, TimerfdAlarm, alarm, now
from benchmark.units import MILLISECOND

Run = Callable[[Coroutine[Any, Any, None]], None]
Kind = Callable[[asyncio.AbstractEventLoop, Callable[[], None]], TimerfdAlarm | LoopAlarm]

needs_timerfd = pytest.mark.skipif(sys.platform != "linux", reason="timerfd is Linux's own")


@pytest.fixture(params=[asyncio.SelectorEventLoop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine on each kind of loop, bounded in time; what the loop would merely log is an error."""

    def run(coroutine: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            raised: list[dict[str, Any]] = []
            asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
            async with asyncio.timeout(60):
                await coroutine
            assert not raised

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(guarded())

    return run


@pytest.fixture(params=[pytest.param(TimerfdAlarm, marks=needs_timerfd), LoopAlarm])
def kind(request: pytest.FixtureRequest) -> Kind:
    made: Kind = request.param
    return made


def rung(kind: Kind) -> tuple[TimerfdAlarm | LoopAlarm, list[int]]:
    """An alarm, and the instants at which it rang."""
    instants: list[int] = []
    return kind(asyncio.get_running_loop(), lambda: instants.append(now())), instants


async def rings(instants: list[int], count: int = 1) -> None:
    """Return once it has rung so often, and some time has passed in which it could ring once more."""
    for _ in range(60_000):
        if len(instants) >= count:
            break
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.005)
    assert len(instants) == count


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_every_instant_is_of_the_monotonic_clock() -> None:
    before = time.monotonic_ns()
    seen = now()
    assert before <= seen <= time.monotonic_ns()


def test_rings_once_and_never_early(run: Run, kind: Kind) -> None:
    async def scene() -> None:
        bell, instants = rung(kind)
        for _ in range(20):  # uvloop's own timers are early in half of the cases
            at = now() + 1_400_000
            bell.arm(at)
            await rings(instants)
            assert instants.pop() >= at
        bell.close()

    run(scene())


@pytest.mark.parametrize("at", [0, -5, 1, None], ids=["zero", "negative", "first", "just-now"])
def test_an_instant_in_the_past_rings_at_once(run: Run, kind: Kind, at: int | None) -> None:
    async def scene() -> None:
        bell, instants = rung(kind)
        bell.arm(now() if at is None else at)
        await rings(instants)
        bell.close()

    run(scene())


@pytest.mark.parametrize("second", [5, 40], ids=["earlier", "later"])
def test_arming_again_replaces_the_instant(run: Run, kind: Kind, second: int) -> None:
    async def scene() -> None:
        bell, instants = rung(kind)
        begun = now()
        bell.arm(begun + 20 * MILLISECOND)
        bell.arm(begun + second * MILLISECOND)
        await rings(instants)
        await asyncio.sleep(0.05)  # past both of them
        assert len(instants) == 1
        assert instants[0] >= begun + second * MILLISECOND
        bell.close()

    run(scene())


def test_arming_again_after_it_expired_unnoticed(run: Run, kind: Kind) -> None:
    """The loop was busy while the first instant passed: only the second one rings."""

    async def scene() -> None:
        bell, instants = rung(kind)
        first = now() + MILLISECOND
        bell.arm(first)
        while now() < first + MILLISECOND:
            pass
        at = now() + 10 * MILLISECOND
        bell.arm(at)
        await rings(instants)
        assert [instant >= at for instant in instants] == [True]
        bell.close()

    run(scene())


def test_the_ring_may_arm_anew(run: Run, kind: Kind) -> None:
    async def scene() -> None:
        instants: list[int] = []

        def ring() -> None:
            instants.append(now())
            if len(instants) < 5:
                bell.arm(now() + MILLISECOND)

        bell = kind(asyncio.get_running_loop(), ring)
        bell.arm(now())
        await rings(instants, 5)
        bell.close()

    run(scene())


def test_closed_it_never_rings(run: Run, kind: Kind) -> None:
    async def scene() -> None:
        bell, instants = rung(kind)
        bell.arm(now() + MILLISECOND)
        bell.close()
        bell.close()
        expired, late = rung(kind)
        expired.arm(0)
        expired.close()  # though its event may already be waiting in the loop
        await asyncio.sleep(0.02)
        assert instants == late == []

    run(scene())


@needs_timerfd
def test_closing_gives_the_descriptor_back_and_touches_no_other(run: Run) -> None:
    async def scene() -> None:
        before = open_descriptors()
        bell, _ = rung(TimerfdAlarm)
        assert open_descriptors() == before + 1
        bell.close()
        assert open_descriptors() == before
        reader, writer = os.pipe()  # takes the freed number
        bell.close()
        os.write(writer, b"x")
        assert os.read(reader, 1) == b"x"
        os.close(reader)
        os.close(writer)
        with pytest.raises(OSError, match="timerfd"):
            bell.arm(now())

    run(scene())


@needs_timerfd
def test_closing_after_the_loop_was_closed(run: Run) -> None:
    kept: list[TimerfdAlarm] = []

    async def scene() -> None:
        kept.append(TimerfdAlarm(asyncio.get_running_loop(), lambda: None))

    before = open_descriptors()
    run(scene())
    kept[0].close()
    assert open_descriptors() <= before


@needs_timerfd
def test_linux_gets_the_exact_alarm(run: Run) -> None:
    async def scene() -> None:
        bell = alarm(asyncio.get_running_loop(), lambda: None)
        assert isinstance(bell, TimerfdAlarm)
        bell.close()

    run(scene())


@pytest.mark.verify
@needs_timerfd
def test_is_finer_than_the_loops_milliseconds(run: Run) -> None:
    async def scene() -> None:
        sleeper = Sleeper(asyncio.get_running_loop())
        late = []
        for _ in range(100):
            at = now() + 300_000
            await sleeper.sleep_until(at)
            late.append(now() - at)
        sleeper.close()
        assert min(late) >= 0
        assert sorted(late)[20] < 500_000  # where the machine is busy with other things, some are late

    run(scene())


def test_sleepers_wake_in_the_order_of_their_instants(run: Run) -> None:
    async def scene() -> None:
        sleeper = Sleeper(asyncio.get_running_loop())
        begun, woken = now(), []

        async def sleep(after: int) -> None:
            at = begun + after * MILLISECOND
            await sleeper.sleep_until(at)
            woken.append((after, now() - at))

        async with asyncio.TaskGroup() as group:
            for after in (30, 10, 20, 20, -5, 40):
                group.create_task(sleep(after))
        sleeper.close()
        assert [after for after, _ in woken] == [-5, 10, 20, 20, 30, 40]
        assert all(late >= 0 for _, late in woken)

    run(scene())


def test_many_sleepers_share_one_alarm(run: Run) -> None:
    async def scene() -> None:
        gc.collect()  # what earlier tests left may hold descriptors
        before = open_descriptors() if sys.platform == "linux" else 0
        sleeper = Sleeper(asyncio.get_running_loop())
        begun, woken = now(), []

        async def sleep(number: int) -> None:
            await sleeper.sleep_until(begun + 500 * MILLISECOND + (number * 7919 % 1000) * 20_000)
            woken.append(number * 7919 % 1000)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(sleep(number)) for number in range(1000)]
            await asyncio.sleep(0)
            if sys.platform == "linux":
                assert open_descriptors() == before + 1
        assert len(tasks) == len(woken) == 1000
        assert all(earlier <= later for earlier, later in pairwise(woken))
        sleeper.close()

    run(scene())


def test_a_cancelled_sleeper_holds_nobody_up(run: Run) -> None:
    async def scene() -> None:
        sleeper = Sleeper(asyncio.get_running_loop())
        begun = now()
        first = asyncio.ensure_future(sleeper.sleep_until(begun + 500 * MILLISECOND))
        second = asyncio.ensure_future(sleeper.sleep_until(begun + 700 * MILLISECOND))
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()
        assert now() >= begun + 700 * MILLISECOND
        sleeper.close()

    run(scene())


def test_closing_cancels_who_still_sleeps(run: Run) -> None:
    async def scene() -> None:
        sleeper = Sleeper(asyncio.get_running_loop())
        asleep = asyncio.ensure_future(sleeper.sleep_until(now() + 60_000 * MILLISECOND))
        await asyncio.sleep(0)
        sleeper.close()
        with pytest.raises(asyncio.CancelledError):
            await asleep

    run(scene())
