"""Sending processes in which something of ours, or of a library's, raises."""

from __future__ import annotations

import asyncio
from multiprocessing.connection import Connection
from typing import Any

from benchmark.execution import worker

SECRET = "canary-token-7d793037a0"
LACKING = f"module 'library' has no attribute 'newer' ({SECRET})"


def in_a_task(pipe: Connection) -> None:
    """A library is too old for how we call it."""

    def carrier(*_: Any, **__: Any) -> Any:
        raise AttributeError(LACKING)

    worker.TRANSPORTS["http1"] = carrier
    worker.work(pipe)


def in_a_callback(pipe: Connection) -> None:
    """The same where nobody waits for what it returns."""

    def fail() -> None:
        raise AttributeError(LACKING)

    async def obey(pipe: Connection) -> None:
        asyncio.get_running_loop().call_later(0.05, fail)
        await whole(pipe)

    whole = worker._obey
    worker._obey = obey
    worker.work(pipe)


def before_it_listens(pipe: Connection) -> None:
    """The same before the first order."""
    raise AttributeError(LACKING)


BREAKS = (in_a_task, in_a_callback, before_it_listens)
