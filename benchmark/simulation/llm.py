"""A streaming language model to practise on: token instants from seeded laws, each written when it is due.

A stream's first token is due when the first-token law says, counted from the request's arrival; every further one a
gap of the gap law later, stretched while other streams run, as a batch that grows does; during a stall nothing advances.
Instants are absolute, so that the service's own delays do not pile up. Chunks are rendered beforehand and go to the
socket itself: a server that spends more on a token than its reader would measure itself.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import os
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from benchmark.clock import alarm, now
from benchmark.simulation.planner import advance, stalls_of
from benchmark.simulation.truth import HUNG_UP, Log, StreamRow
from benchmark.units import NANOSECONDS

if TYPE_CHECKING:
    from benchmark.simulation.behaviour import Behaviour

OK = 200
TIMED_OUT = 408
NEVER = 2**62
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_END = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Script:
    """What a stream will say: its chunks, ready for the wire but for HTTP's framing."""

    opening: bytes  # comes at once: a role, and no token
    tokens: tuple[bytes, ...]
    closing: bytes  # comes with the last token


def chat_script(
    number: int, model: str, words: Sequence[str], finish: str, usage: dict[str, int] | None
) -> Script:
    """As vLLM streams `v1/chat/completions`."""
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": int(time.time())}
    say = _Sayer({**head, "model": model}, lambda text: {"delta": {"content": text}})
    opening = say.event({"delta": {"role": "assistant", "content": ""}})
    return Script(opening, say.all(words), say.end({"delta": {}}, finish, usage))


def completion_script(
    number: int, model: str, words: Sequence[str], finish: str, usage: dict[str, int] | None
) -> Script:
    """As vLLM streams `v1/completions`, which has no roles."""
    head = {"id": f"cmpl-{number}", "object": "text_completion", "created": int(time.time())}
    say = _Sayer({**head, "model": model}, lambda text: {"text": text})
    return Script(b"", say.all(words), say.end({"text": ""}, finish, usage))


class _Sayer:
    """Renders the chunks of one answer."""

    def __init__(self, head: dict[str, Any], choice: Callable[[str], dict[str, Any]]) -> None:
        self._head = head
        self._choice = choice

    def event(self, choice: dict[str, Any], finish: str | None = None) -> bytes:
        """A chunk."""
        choice = {"index": 0, **choice, "logprobs": None, "finish_reason": finish}
        return _event({**self._head, "choices": [choice]})

    def all(self, words: Sequence[str]) -> tuple[bytes, ...]:
        """A chunk for each word; chunks differ in their text alone, so that one is enough to render all."""
        before, _, after = self.event(self._choice("\0")).partition(b"\\u0000")
        known = {word: json.dumps(word)[1:-1].encode() for word in set(words)}
        return tuple(before + b" " * (at > 0) + known[word] + after for at, word in enumerate(words))

    def end(self, choice: dict[str, Any], finish: str, usage: dict[str, int] | None) -> bytes:
        """What follows the last token."""
        counted = b"" if usage is None else _event({**self._head, "choices": [], "usage": usage})
        return self.event(choice, finish) + counted + b"data: [DONE]\n\n"


def _event(said: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"


ERROR = _event({"error": {"message": "the engine died", "type": "InternalServerError", "code": 500}})


class Outlet:
    """Where a stream's bytes go: the socket itself, as far as it takes them at once."""

    def __init__(self, transport: object) -> None:
        self._transport = cast(asyncio.Transport, transport)
        plain = self._transport.get_extra_info("sslcontext") is None
        self._fd = self._transport.get_extra_info("socket").fileno() if plain else -1
        self.begun = False  # whether anything was written

    @property
    def gone(self) -> bool:
        """Whether nobody is there any more."""
        return self._transport.is_closing()

    def hang_up(self) -> None:
        """End the connection; what was written still goes out."""
        self._transport.close()

    def write(self, piece: bytes) -> None:
        """Write now; what the socket does not take follows later. Where nobody is there, its number may be another's."""
        if self.gone:
            return
        self.begun = True
        if self._fd < 0 or self._transport.get_write_buffer_size():
            self._transport.write(piece)
            return
        try:
            taken = os.write(self._fd, piece)
        except BlockingIOError:
            taken = 0
        except OSError:
            self._transport.abort()
            return
        if taken < len(piece):
            self._transport.write(piece[taken:])


class _Running:
    """One stream on its way."""

    __slots__ = ("cut", "done", "due", "end", "outlet", "path", "tokens", "written")

    def __init__(self, tokens: Sequence[bytes], due: int, end: int, path: int, outlet: Outlet) -> None:
        self.end = end  # when the gateway's patience is over
        self.cut = False  # whether it was
        self.tokens = tokens
        self.due = due  # of the next one
        self.path = path  # how much of that is the way back
        self.outlet = outlet
        self.written = array("q")  # when each was
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def next(self) -> int:
        """When something is to be done for it."""
        return min(self.due, self.end)


class Streams:
    """Writes the tokens of all streams, each when it is due, on one alarm."""

    def __init__(
        self, behaviour: Behaviour, log: Log, loop: asyncio.AbstractEventLoop, started: int = 0
    ) -> None:
        self._law = behaviour.streaming
        self._stalls = stalls_of(behaviour, started)
        self._firsts, self._gaps, self._luck = (
            behaviour.random(f"stream {name}") for name in ("firsts", "gaps", "errors")
        )
        self._log = log
        self._alarm = alarm(loop, self._ring)
        self._agenda: list[tuple[int, int, _Running]] = []
        self._tickets = count()
        self._free = behaviour.workers  # None: all are served at once
        self._queue = behaviour.queue
        self._waiting: deque[asyncio.Future[int]] = deque()  # for a worker: when it fell free
        self._patience = NEVER if behaviour.keepalive is None else round(behaviour.keepalive * NANOSECONDS)

    @property
    def full(self) -> bool:
        """Whether neither a worker nor a place in their queue is free. Streams have workers and a queue of their own."""
        return self._free == 0 and len(self._waiting) >= self._queue

    async def serve(self, script: Script, outlet: Outlet, row: StreamRow, path: int) -> tuple[int, int]:
        """Stream it; `path` is the delay of the way back. When its last token was due, and its status.

        The gateway's patience ends a stream that began, by hanging up; before the first token, nothing was written.
        """
        begun = await self._begin(row.arrived)
        running = await self._run(script, outlet, row, begun, path)
        self._end(running.next - path)
        return running.next, TIMED_OUT if running.cut else HUNG_UP if outlet.gone else OK

    async def _begin(self, arrived: int) -> int:
        """When a worker takes the request up."""
        if not self._free:
            if self._free is None:
                return arrived
            self._waiting.append(asyncio.get_running_loop().create_future())
            return max(arrived, await self._waiting[-1])
        self._free -= 1
        return arrived

    def _end(self, at: int) -> None:
        """A worker fell free: whoever waits longest has it."""
        if self._waiting:
            self._waiting.popleft().set_result(at)
        elif self._free is not None:
            self._free += 1

    async def _run(self, script: Script, outlet: Outlet, row: StreamRow, begun: int, path: int) -> _Running:
        work = round(self._law.first_token.draw(self._firsts) * NANOSECONDS)
        first = advance(self._stalls, begun, work) + path
        breaks = self._luck.random() < self._law.break_rate
        tokens = script.tokens[: len(script.tokens) // 2] if breaks else script.tokens
        running = _Running(tokens, first, row.arrived + self._patience + path, path, outlet)
        if first <= running.end:
            outlet.write(_HEAD + _framed(script.opening))
        self._note(running)
        await running.done
        if not running.cut:
            outlet.write(_framed(ERROR if breaks else script.closing) + _END)
        self._log.add_stream(row, running.written, broken=breaks or outlet.gone)
        return running

    def close(self) -> None:
        """Ring no more, and end whatever runs."""
        self._alarm.close()
        while self._agenda:
            self._agenda.pop()[2].done.cancel()
        while self._waiting:
            self._waiting.pop().cancel()

    def _note(self, running: _Running) -> None:
        heapq.heappush(self._agenda, (running.next, next(self._tickets), running))
        if self._agenda[0][2] is running:
            self._alarm.arm(running.next)

    def _ring(self) -> None:
        agenda = self._agenda
        while agenda and agenda[0][0] <= now():
            running = agenda[0][2]
            if self._step(running):
                heapq.heapreplace(agenda, (running.next, next(self._tickets), running))
            else:
                heapq.heappop(agenda)
                if not running.done.done():
                    running.done.set_result(None)
        if agenda:
            self._alarm.arm(agenda[0][0])

    def _step(self, running: _Running) -> bool:
        """Write the token that is due; whether another will follow."""
        at = len(running.written)
        if at >= len(running.tokens) or running.outlet.gone:
            return False
        if running.due > running.end:
            running.cut = True
            if running.outlet.begun:
                running.outlet.hang_up()
            return False
        running.written.append(now())  # before the bytes go, for they wake the reader
        running.outlet.write(_framed(running.tokens[at]))
        if at + 1 == len(running.tokens):
            return False
        crowd = 1 + self._law.slowdown * (len(self._agenda) - 1)
        work = round(self._law.gap.draw(self._gaps) * crowd * NANOSECONDS)
        running.due = advance(self._stalls, running.due - running.path, work) + running.path
        return True


def _framed(piece: bytes) -> bytes:
    """As a chunk of HTTP's."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
