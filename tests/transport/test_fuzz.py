"""Random scripts against whole rounds: every request that was due ends in exactly one place, whatever servers do.

`make fuzz` plays 100,000 scripts; `FUZZ` says how many.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.measure.recording import Recording
from tests.hostile.adversary import ASK, FIN, HOLD, RST, WHOLE, Adversary, Script
from tests.hostile.test_servers import CHUNKED, CLOSING, GZIP, OK, OK_CHUNKED, head
from tests.transport.clients import request, round_order, run_round

SCRIPTS = int(os.environ.get("FUZZ", "0"))
SCRIPTS_A_ROUND = 40
EXAMPLES = max(16, SCRIPTS // SCRIPTS_A_ROUND)

RATE = 1500.0
SECONDS = 0.1
TIMEOUT = 0.04  # seconds

GOOD = (
    OK,
    OK_CHUNKED,
    head("Content-Length: 0"),
    head(status="HTTP/1.1 204 No Content"),
    head(status="HTTP/1.1 100 Continue") + OK,
    head("Link: </a>", status="HTTP/1.1 103 Early Hints") * 2 + OK_CHUNKED,
    head("Content-Length: 5", "Connection: keep-alive", status="HTTP/1.0 200 OK") + b"hello",
    head("Content-Encoding: gzip", f"Content-Length: {len(GZIP)}") + GZIP,
    head("Content-Length: 3000") + b"y" * 3000,
    head(CHUNKED) + b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
)
BAD = (
    b"",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    head("Content-Length: 0", status="HTTP/1.1 503 Busy"),
    head("Content-Length: -1"),
    head("Content-Length: 5", CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n",
    head(CHUNKED) + b"zz\r\n",
    head("X: " + "y" * 70_000),
    head(status="HTTP/1.1 100 Continue"),
)
ends = st.sampled_from([FIN, RST, HOLD])


def split(answer: bytes, at: list[int]) -> Script:
    """An answer in pieces, and the mark before its last."""
    cuts = sorted({0, *(cut % len(answer) for cut in at)})
    pieces = [answer[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(answer)], strict=True)]
    return (*(step for piece in pieces[:-1] for step in (piece, 0.0)), WHOLE, pieces[-1])


ORDERLY = ("again", "at once", "cut", "bad", "random", "surplus", "closing", "until")


@st.composite
def endings(draw: st.DrawFn, kinds: tuple[str, ...]) -> Script:
    """How a connection goes wrong, if it does."""
    kind = draw(
        st.sampled_from(
            ["again", "at once", "cut", "bad", "random", "changed", "surplus", "closing", "until"]
        )
    )
    end = draw(ends)
    good = draw(st.sampled_from(GOOD))
    where = draw(st.integers(0, len(good) - 1))
    match kind:
        case "again":
            return ()
        case "at once":
            return (end,)
        case "cut":
            return (ASK, good[:where], 0.001, end)
        case "bad":
            return (ASK, draw(st.sampled_from(BAD)), end)
        case "random":
            return (ASK, draw(st.binary(max_size=60)), end)
        case "changed":  # it may well be good in another way
            return (
                ASK,
                WHOLE,
                good[:where] + draw(st.binary(min_size=1, max_size=3)) + good[where + 1 :],
                end,
            )
        case "surplus":
            return (ASK, WHOLE, good + draw(st.sampled_from([OK, b"HTT", b"\r\n", b"\0"])), end)
        case "closing":
            return (ASK, WHOLE, CLOSING, end)
        case _:
            return (ASK, *((WHOLE,) if end is FIN else ()), head(), b"until the end", 0.001, end)


@st.composite
def scripts(draw: st.DrawFn, kinds: tuple[str, ...]) -> Script:
    """Some answers as they should be, and then perhaps one that is not."""
    answers = draw(st.lists(st.sampled_from(GOOD), max_size=3))
    good = tuple(
        step
        for answer in answers
        for step in (ASK, *split(answer, draw(st.lists(st.integers(0, 4000), max_size=3))))
    )
    return (*good, *draw(endings(kinds)))


async def play(kind: str, of: list[Script], **more: Any) -> tuple[Recording, int]:
    """A round against these scripts, one a connection in turn; and how many answers may have been successes."""
    asked = request(timeout=TIMEOUT, max_body=10_000)
    async with Adversary(lambda number: of[number % len(of)]) as server:
        return await run_round(round_order(kind, server.port, asked, RATE, SECONDS, **more)), server.whole


def check(kind: str, of: list[Script], **more: Any) -> tuple[Recording, int]:
    """Play, and hold the account to what every account must hold."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        recording, whole = runner.run(play(kind, of, **more))
    assert recording.scheduled == RATE * SECONDS
    assert recording.scheduled == recording.ok + recording.failed + recording.unsent
    assert recording.failures["lost"] == recording.failures["cancelled"] == 0
    return recording, whole


def many(examples: int) -> settings:
    """Settings for this many rounds; the same ones in every run, unless more are asked for."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=not SCRIPTS,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def rounds(*kinds: str) -> st.SearchStrategy[list[Script]]:
    """The scripts of a round's connections."""
    return st.lists(scripts(kinds), min_size=SCRIPTS_A_ROUND, max_size=SCRIPTS_A_ROUND)


pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of a script that failed
both = pytest.mark.parametrize("kind", ["http1", "aiohttp"])


@both
def test_every_request_ends_in_one_place_and_no_success_is_made_up(kind: str) -> None:
    @many(EXAMPLES // 4)
    @given(rounds(*ORDERLY), st.booleans())
    def every(of: list[Script], resend_stale: bool) -> None:
        recording, whole = check(kind, of, resend_stale=resend_stale)
        assert recording.ok <= whole

    every()


@both
def test_every_request_ends_in_one_place_when_answers_are_changed(kind: str) -> None:
    @many(EXAMPLES // 4)
    @given(rounds("changed", "again"), st.booleans())
    def every(of: list[Script], resend_stale: bool) -> None:
        check(kind, of, resend_stale=resend_stale)

    every()
