"""What becomes of an answer, on either transport: one table of what servers and networks do.

Every row is a script that a connection carries out, and what two exchanges in a row are to end as: "ok 200", or the
failure's label with the status where there was one. Both run over one pool of a single connection, so that whatever
the first answer left behind could be mistaken for the second. Where RFC 9112 leaves a choice, or the two transports
must differ, the row says why.
"""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass

import pytest
import uvloop

from benchmark.measure.exchange import Exchange
from tests.hostile.adversary import ASK, FIN, FLOOD, HEAD, HOLD, RST, Script, Step, adversary, bytewise
from tests.transport.clients import client, request

TIMEOUT = 1.0  # seconds, in rows that are to end by it
PATIENCE = 30.0  # in the others: no delay of this machine's makes a failure there
LIMIT = 20_000  # bytes of a body that rows may send
MOST_HEAD = 64 * 1024

KINDS = ("http1", "aiohttp")


@dataclass(frozen=True)
class Row:
    """A script, and what both exchanges end as; `second` and `aiohttp` where they differ from the first, from http1."""

    script: Script
    expected: str
    second: str | None = None
    aiohttp: str | None = None
    aiohttp_second: str | None = None
    method: str = "POST"
    body: bytes = b""
    opened: int | None = None  # connections, where that matters
    aiohttp_opened: int | None = None
    contains: str | None = None

    def outcomes(self, kind: str) -> list[str]:
        """What the two exchanges are to end as."""
        first, second = self.expected, self.second or self.expected
        if kind == "aiohttp":
            first = self.aiohttp or first
            second = self.aiohttp_second or self.second or first
        return [first, second]


def row(*script: Step, **expected: str) -> Row:
    """A script and its outcome, in one call."""
    return Row(script, **expected)  # type: ignore[arg-type]


def head(*lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    """An answer's head."""
    return "\r\n".join([status, *lines, "", ""]).encode()


CHUNKED = "Transfer-Encoding: chunked"
OK = head("Content-Length: 5") + b"hello"
OK_CHUNKED = head(CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n"
CLOSING = head("Content-Length: 5", "Connection: close") + b"hello"
WIDE = head("Content-Length: 0", "X-Wide: " + "x" * 60_000)
GZIP = bytes.fromhex("1f8b08000000000000ffcb48cdc9c9070086a6103605000000")  # "hello"

TABLE = {
    # ── answers that are right, in all the forms that they may take ──
    "a length": Row((ASK, OK), "ok 200", opened=1),
    "no body": Row((ASK, head("Content-Length: 0")), "ok 200", opened=1),
    "chunked": Row((ASK, OK_CHUNKED), "ok 200", opened=1),
    "chunk extension": Row((ASK, head(CHUNKED), b'5;a=b;c="d"\r\nhello\r\n0\r\n\r\n'), "ok 200", opened=1),
    "trailer": Row((ASK, head(CHUNKED), b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"), "ok 200", opened=1),
    "hexadecimal chunk size": Row((ASK, head(CHUNKED), b"A\r\nhellohello\r\n0\r\n\r\n"), "ok 200", opened=1),
    "byte by byte": Row((ASK, *bytewise(OK)), "ok 200", opened=1),
    "chunked, byte by byte": Row((ASK, *bytewise(OK_CHUNKED)), "ok 200", opened=1),
    "slow, but in time": Row((ASK, head("Content-Length: 5"), 0.05, b"hel", 0.05, b"lo"), "ok 200", opened=1),
    "204 has no body": Row((ASK, head(status="HTTP/1.1 204 No Content")), "ok 204", opened=1),
    "304 has no body": Row((ASK, head("Content-Length: 9", status="HTTP/1.1 304 Not Modified")), "ok 304", opened=1),
    "HEAD has no body": Row((ASK, head("Content-Length: 500")), "ok 200", method="HEAD", opened=1),
    "HEAD, chunked": Row((ASK, head(CHUNKED)), "ok 200", method="HEAD", opened=1),
    "no reason phrase": Row((ASK, head("Content-Length: 0", status="HTTP/1.1 200 ")), "ok 200", opened=1),
    "not even a space for the reason": Row((ASK, head("Content-Length: 0", status="HTTP/1.1 200")), "ok 200"),
    "a reason with markup": Row((ASK, head("Content-Length: 0", status="HTTP/1.1 200 <b>&\xe9")), "ok 200"),
    "empty header value": Row((ASK, head("X-Empty:", "Content-Length: 0")), "ok 200", opened=1),
    "header names in any case": Row((ASK, head("cOnTeNt-LeNgTh: 5") + b"hello"), "ok 200", opened=1),
    "100 first": Row((ASK, head(status="HTTP/1.1 100 Continue") + OK), "ok 200", opened=1),
    "100 first, apart": Row((ASK, head(status="HTTP/1.1 100 Continue"), 0.03, OK), "ok 200", opened=1),
    "103 first": Row((ASK, head("Link: </a>", status="HTTP/1.1 103 Early Hints") + OK), "ok 200", opened=1),
    "103 thrice": Row((ASK, head("Link: </a>", status="HTTP/1.1 103 Early Hints") * 3, 0.02, OK), "ok 200"),
    "gzip passes as bytes": Row(
        (ASK, head("Content-Encoding: gzip", f"Content-Length: {len(GZIP)}") + GZIP), "ok 200", opened=1
    ),
    "broken gzip passes, too": Row((ASK, head("Content-Encoding: gzip", "Content-Length: 5") + b"hello"), "ok 200"),
    "an unknown coding passes": Row((ASK, head("Content-Encoding: zork", "Content-Length: 5") + b"hello"), "ok 200"),
    "a cookie is not kept": Row((ASK, head("Set-Cookie: a=b", "Content-Length: 0")), "ok 200", opened=1),
    "a head of 60 KB": Row((ASK, WIDE), "ok 200", opened=1),
    "a hundred header lines": Row(
        (ASK, head(*(f"X-{n}: {n}" for n in range(100)), "Content-Length: 0")), "ok 200", opened=1
    ),
    "a redirect is an answer": Row((ASK, head("Location: /", "Content-Length: 0", status="HTTP/1.1 302 Found")), "ok 302"),
    # ── the end of the connection as the end of the answer ──
    "Connection: close": Row((ASK, CLOSING, FIN), "ok 200", opened=2),
    "closed without a word": Row((ASK, OK, FIN), "ok 200", opened=2),
    "a body until the end": Row((ASK, head(), b"hello", FIN), "ok 200", opened=2),
    "HTTP/1.0, until the end": Row((ASK, head(status="HTTP/1.0 200 OK"), b"hello", FIN), "ok 200", opened=2),
    "HTTP/1.0, closes": Row((ASK, head("Content-Length: 5", status="HTTP/1.0 200 OK"), b"hello", HOLD), "ok 200", opened=2),
    "HTTP/1.0, keep-alive": Row(
        (ASK, head("Content-Length: 5", "Connection: keep-alive", status="HTTP/1.0 200 OK"), b"hello"),
        "ok 200", opened=1,
    ),
    "HTTP/1.0, keep-alive, until the end": Row(
        (ASK, head("Connection: keep-alive", status="HTTP/1.0 200 OK"), b"hello", FIN), "ok 200", opened=2
    ),
    "the end while idle": Row((ASK, OK, 0.02, FIN), "ok 200", opened=2),
    "reset while idle": Row((ASK, OK, 0.02, RST), "ok 200", opened=2),
    "408 while idle": Row(
        (ASK, OK, 0.02, head("Connection: close", "Content-Length: 0", status="HTTP/1.1 408 Request Timeout"), FIN),
        "ok 200", opened=2,
    ),
    # ── statuses ──
    "429": Row((ASK, head("Content-Length: 0", status="HTTP/1.1 429 Too Many Requests")), "status 429", opened=1),
    "450, of EAS": Row((ASK, head("Content-Length: 0", status="HTTP/1.1 450 Queue Full")), "status 450", opened=1),
    "500, and closes": Row(
        (ASK, head("Connection: close", "Content-Length: 4", status="HTTP/1.1 500 Oops"), b"oops", FIN),
        "status 500", opened=2,
    ),
    "an error before the body was read": Row(
        (HEAD, head("Connection: close", "Content-Length: 0", status="HTTP/1.1 413 Too Large"), HOLD),
        "status 413", body=b"x" * 400_000, opened=2,
    ),
    # ── expectations ──
    "holds what was expected": Row((ASK, OK), "ok 200", contains="ell", opened=1),
    "holds it across chunks": Row(
        (ASK, head(CHUNKED), b"2\r\nhe\r\n", 0.01, b"3\r\nllo\r\n0\r\n\r\n"), "ok 200", contains="ell", opened=1
    ),
    "does not hold it": Row((ASK, OK), "expectation 200", contains="goodbye", opened=1),
    "does not hold it, to the end": Row((ASK, head(), b"hello", FIN), "expectation 200", contains="goodbye"),
    "a wrong status comes first": Row(
        (ASK, head("Content-Length: 0", status="HTTP/1.1 500 Oops")), "status 500", contains="goodbye"
    ),
    # ── more than was asked for ──
    "two answers glued": Row((ASK, OK + OK), "ok 200", opened=2),
    # aiohttp forgets the piece, without which the rest is no answer
    "an answer and a piece of another": Row((ASK, OK + b"HTT"), "ok 200", opened=2, aiohttp_opened=1),
    "more than its length": Row(
        (ASK, head("Content-Length: 5") + b"hello, world"), "ok 200", opened=2, aiohttp="protocol"
    ),
    # to HEAD, and of 204 and 304, an answer ends with its head (RFC 9112, 6.3); aiohttp refuses one that does not
    "HEAD, and a body all the same": Row(
        (ASK, head("Content-Length: 5") + b"hello"), "ok 200", aiohttp="protocol", method="HEAD", opened=2
    ),
    "HEAD, and a body of no length": Row((ASK, head() + b"hello"), "ok 200", aiohttp="protocol", method="HEAD", opened=2),
    "HEAD, and a piece of a chunk": Row(
        (ASK, head(CHUNKED) + b"5"), "ok 200", aiohttp="protocol", method="HEAD", opened=2
    ),
    "HEAD, and chunks": Row(
        (ASK, head(CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n"), "ok 200", aiohttp="protocol", method="HEAD", opened=2
    ),
    "HEAD, and an answer glued": Row(
        (ASK, head("Content-Length: 500") + OK), "ok 200", aiohttp="protocol", method="HEAD", opened=2
    ),
    "HEAD in pieces, and a body behind the last": Row(
        (ASK, b"HTTP/1.1 200 OK\r\nConte", 0.02, b"nt-Length: 5\r\n\r\nhello"),
        "ok 200", aiohttp="protocol", method="HEAD", opened=2,
    ),
    "HEAD, and a body later": Row((ASK, head("Content-Length: 5"), 0.02, b"hello"), "ok 200", method="HEAD", opened=2),
    "103 before HEAD's answer": Row(
        (ASK, head("Link: </a>", status="HTTP/1.1 103 Early Hints") + head("Content-Length: 5")),
        "ok 200", method="HEAD", opened=1,
    ),
    "204, and a body all the same": Row(
        (ASK, head(status="HTTP/1.1 204 No Content") + b"hello"), "ok 204", aiohttp="protocol", opened=2
    ),
    "204, and a body of a length": Row(
        (ASK, head("Content-Length: 5", status="HTTP/1.1 204 No Content") + b"hello"),
        "ok 204", aiohttp="protocol", opened=2,
    ),
    "204, and an answer glued": Row((ASK, head(status="HTTP/1.1 204 No Content") + OK), "ok 204", opened=2),
    "204, and a body later": Row((ASK, head(status="HTTP/1.1 204 No Content"), 0.02, b"hello"), "ok 204", opened=2),
    "304, and a body all the same": Row(
        (ASK, head("Content-Length: 5", status="HTTP/1.1 304 Not Modified") + b"hello"),
        "ok 304", aiohttp="protocol", opened=2,
    ),
    "304, and an answer glued": Row(
        (ASK, head("Content-Length: 5", status="HTTP/1.1 304 Not Modified") + OK), "ok 304", opened=2
    ),
    "304, and chunks": Row(
        (ASK, head(CHUNKED, status="HTTP/1.1 304 Not Modified") + b"5\r\nhello\r\n0\r\n\r\n"),
        "ok 304", aiohttp="protocol", opened=2,
    ),
    # in a segment of its own, which waits behind the first: nobody asked for it before the next request is sent
    "an answer that nobody asked for, at once": Row(
        (ASK, OK, 0.0, head("Content-Length: 0", status="HTTP/1.1 500 Unasked"), HOLD), "ok 200", opened=2
    ),
    "an answer that nobody asked for": Row((ASK, OK, 0.02, OK, HOLD), "ok 200", opened=2),
    # ── not HTTP/1.1 ──
    "another protocol": Row((ASK, b"SSH-2.0-OpenSSH_9.2\r\n", HOLD), "protocol"),
    "HTTP/2's preface": Row((ASK, b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", HOLD), "protocol"),
    "HTTP/0.9": Row((ASK, b"<html>hello</html>", FIN), "protocol"),
    "a version of the future": Row((ASK, b"HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n"), "protocol"),
    "a status of two digits": Row((ASK, head("Content-Length: 0", status="HTTP/1.1 20 OK"), HOLD), "protocol"),
    "a status of four digits": Row((ASK, head("Content-Length: 0", status="HTTP/1.1 2000 OK"), HOLD), "protocol"),
    "a header without a colon": Row((ASK, head("nonsense", "Content-Length: 0"), HOLD), "protocol"),
    # a server must not, and only a proxy must mend it (RFC 9112, 5.1)
    "a space before the colon": Row((ASK, head("Content-Length : 0")), "protocol", aiohttp="ok 200"),
    "a NUL in a header": Row((ASK, head("X: a\0b", "Content-Length: 0"), HOLD), "protocol"),
    "only 100": Row((ASK, head(status="HTTP/1.1 100 Continue"), HOLD), "timeout-midway", aiohttp="timeout"),
    "101 that nobody asked for": Row(
        (ASK, head("Upgrade: x", "Connection: upgrade", status="HTTP/1.1 101 Switching Protocols"), HOLD),
        "protocol", aiohttp="protocol 101",
    ),
    # RFC 9112, 5.2 would have it unfolded; llhttp unfolds only where it would let NUL pass, too, so it is refused
    "a folded header": Row((ASK, head("X: a", "  b", "Content-Length: 0")), "protocol", aiohttp="ok 200"),
    # a recipient may (RFC 9112, 2.2), and browsers and curl do; not within chunks, where that smuggles answers
    "lines end in LF alone": Row((ASK, b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"), "ok 200", opened=1),
    "lines of chunks end in LF alone": Row(
        (ASK, head(CHUNKED), 0.02, b"5\nhello\n0\n\n", HOLD),
        "protocol 200", aiohttp="timeout-midway 200",
    ),
    "CR alone within a line": Row((ASK, head("X: a\rb", "Content-Length: 0"), HOLD), "protocol"),
    # ── lengths that lie ──
    "a negative length": Row((ASK, head("Content-Length: -5"), HOLD), "protocol"),
    "a length that is no number": Row((ASK, head("Content-Length: five"), HOLD), "protocol"),
    "a length with a sign": Row((ASK, head("Content-Length: +5") + b"hello", HOLD), "protocol"),
    "a length beyond 64 bits": Row((ASK, head("Content-Length: 99999999999999999999"), HOLD), "protocol"),
    "two lengths that differ": Row((ASK, head("Content-Length: 5", "Content-Length: 6") + b"hello", HOLD), "protocol"),
    "two lengths that agree": Row((ASK, head("Content-Length: 5", "Content-Length: 5") + b"hello", HOLD), "protocol"),
    "a length and chunked": Row((ASK, head("Content-Length: 5", CHUNKED) + b"5\r\nhello\r\n0\r\n\r\n", HOLD), "protocol"),
    # a sender must not (RFC 9112, 6.1), but what comes is chunked once and can be read
    "chunked twice": Row((ASK, head("Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n"), "ok 200"),
    "shorter than its length": Row((ASK, head("Content-Length: 50"), b"hello", FIN), "truncated 200"),
    "shorter than its length, held": Row((ASK, head("Content-Length: 50"), b"hello", HOLD), "timeout-midway 200"),
    # aiohttp keeps quiet about a bad chunk that comes after the head
    "a chunk size that is none": Row(
        (ASK, head(CHUNKED), 0.02, b"zz\r\n", HOLD), "protocol 200", aiohttp="timeout-midway 200"
    ),
    "a negative chunk size": Row(
        (ASK, head(CHUNKED), 0.02, b"-5\r\nhello\r\n0\r\n\r\n", HOLD), "protocol 200", aiohttp="timeout-midway 200"
    ),
    "a chunk size beyond 64 bits": Row(
        (ASK, head(CHUNKED), 0.02, b"fffffffffffffffff\r\nhello", HOLD), "protocol 200", aiohttp="timeout-midway 200"
    ),
    "a chunk longer than its size": Row(
        (ASK, head(CHUNKED), 0.02, b"3\r\nhello\r\n0\r\n\r\n", HOLD), "protocol 200", aiohttp="timeout-midway 200"
    ),
    "an endless chunk extension": Row(
        (ASK, head(CHUNKED), b"5;x=", FLOOD), "body-too-large 200", aiohttp="timeout-midway 200"  # it counts data only
    ),
    "endless trailers": Row(
        (ASK, head(CHUNKED), 0.02, b"0\r\n", *(b"X: " + b"y" * 1000 + b"\r\n",) * 30, HOLD),
        "body-too-large 200", aiohttp="timeout-midway 200",
    ),
    # ── too much ──
    "an endless header line": Row((ASK, b"HTTP/1.1 200 OK\r\nX: ", FLOOD), "protocol"),
    "endless header lines": Row(
        (ASK, b"HTTP/1.1 200 OK\r\n", *(b"X: " + b"y" * 1000 + b"\r\n",) * 200, HOLD),
        "protocol", aiohttp="timeout",  # it limits each line, and their number, but not all together
    ),
    "endless interim answers": Row(
        (ASK, *(head("X: " + "y" * 1000, status="HTTP/1.1 103 Early Hints"),) * 80, HOLD),
        "protocol", aiohttp="timeout",
    ),
    "a head of 200 KB at once": Row((ASK, head("X: " + "y" * 200_000, "Content-Length: 0"), HOLD), "protocol"),
    "an endless status line": Row((ASK, b"HTTP/1.1 200 ", FLOOD), "protocol"),
    "an endless body": Row((ASK, head(), FLOOD), "body-too-large 200"),
    "an endless chunk": Row((ASK, head(CHUNKED), b"fffffff\r\n", FLOOD), "body-too-large 200"),
    "a body at the limit": Row((ASK, head(f"Content-Length: {LIMIT}"), b"x" * LIMIT), "ok 200", opened=1),
    "a body over the limit": Row((ASK, head(f"Content-Length: {LIMIT + 1}"), b"x" * (LIMIT + 1)), "body-too-large 200"),
    # ── FIN, RST and silence at every point ──
    "FIN at once": Row((FIN,), "closed-early"),
    "FIN after the request": Row((ASK, FIN), "closed-early"),
    "FIN in the status line": Row((ASK, b"HTTP/1.1 2", FIN), "closed-early"),
    "FIN in the head": Row((ASK, b"HTTP/1.1 200 OK\r\nContent-Le", FIN), "closed-early"),
    "FIN after 100": Row((ASK, head(status="HTTP/1.1 100 Continue"), FIN), "closed-early"),
    "FIN after the head": Row((ASK, head("Content-Length: 5"), FIN), "truncated 200"),
    "FIN in the body": Row((ASK, head("Content-Length: 5"), b"hel", FIN), "truncated 200"),
    "FIN in a chunk": Row((ASK, head(CHUNKED), b"5\r\nhel", FIN), "truncated 200"),
    "FIN between chunks": Row((ASK, head(CHUNKED), b"5\r\nhello\r\n", FIN), "truncated 200"),
    "FIN before the last line": Row((ASK, head(CHUNKED), b"5\r\nhello\r\n0\r\n", FIN), "truncated 200"),
    "RST at once": Row((0.02, RST), "reset"),
    "RST after the request": Row((ASK, RST), "reset"),
    "RST in the head": Row((ASK, b"HTTP/1.1 200 OK\r\nContent-Le", 0.02, RST), "reset"),
    "RST after the head": Row((ASK, head("Content-Length: 5"), 0.02, RST), "truncated 200"),
    "RST in the body": Row((ASK, head("Content-Length: 5"), b"hel", 0.02, RST), "truncated 200"),
    "RST after a whole answer": Row((ASK, OK, RST), "ok 200"),
    "RST in a body until the end": Row((ASK, head(), b"hel", 0.02, RST), "truncated 200"),
    "RST in a chunk": Row((ASK, head(CHUNKED), b"5\r\nhel", 0.02, RST), "truncated 200"),
    # aiohttp does not say how much of a request is out
    "RST in the request's body": Row((HEAD, 0.02, RST), "send", aiohttp="reset", body=b"x" * 16_000_000),
    "silence at once": Row((HOLD,), "timeout"),
    "silence after the request": Row((ASK, HOLD), "timeout"),
    "silence in the request's body": Row((HEAD, 9.0), "timeout", body=b"x" * 16_000_000),
    # aiohttp tells of a head when it is whole
    "silence in the head": Row((ASK, b"HTTP/1.1 200 OK\r\nContent-Le", HOLD), "timeout-midway", aiohttp="timeout"),
    "silence after the head": Row((ASK, head("Content-Length: 5"), HOLD), "timeout-midway 200"),
    "silence in the body": Row((ASK, head("Content-Length: 5"), b"hel", HOLD), "timeout-midway 200"),
    "silence in a body until the end": Row((ASK, head(), b"hel", HOLD), "timeout-midway 200"),
    "silence in a chunk": Row((ASK, head(CHUNKED), b"5\r\nhel", HOLD), "timeout-midway 200"),
    "silence before the last line": Row((ASK, head(CHUNKED), b"5\r\nhello\r\n0\r\n", HOLD), "timeout-midway 200"),
    "FIN after the first answer's question": Row((ASK, OK, ASK, FIN), "ok 200", second="stale", opened=1),
    "RST after the first answer's question": Row((ASK, OK, ASK, RST), "ok 200", second="stale", opened=1),
    "FIN in the second answer": Row(
        (ASK, OK, ASK, b"HTTP/1.1", FIN), "ok 200", second="closed-early", aiohttp_second="stale", opened=1
    ),
    "silence after the second question": Row((ASK, OK, ASK, HOLD), "ok 200", second="timeout", opened=1),
}  # fmt: skip


def outcome(exchange: Exchange) -> str:
    """What an exchange ended as, in the words of the table."""
    kind = exchange.failure.label if exchange.failure else "ok"
    return f"{kind} {exchange.status}" if exchange.status else kind


async def carry_out(kind: str, row: Row) -> tuple[list[str], int]:
    """The outcomes of two exchanges in a row, and how many connections it took."""
    timeout = TIMEOUT if any("timeout" in outcome for outcome in row.outcomes(kind)) else PATIENCE
    asked = request(row.method, timeout, row.body, max_head=MOST_HEAD, max_body=LIMIT, contains=row.contains)
    async with adversary(*row.script) as server, client(kind, server.port, asked, limit=1) as asking:
        seen = []
        for _ in range(2):
            exchange = await asking.ask()
            assert exchange.due <= exchange.taken <= exchange.done
            seen.append(outcome(exchange))
            await asyncio.sleep(0.25)  # what comes late, comes before the second question
        assert len(asking.handed_back) == 2, "each exchange is handed back exactly once"
        return seen, server.connections


@functools.cache
def outcomes(kind: str) -> dict[str, tuple[list[str], int] | BaseException]:
    """The whole table, all rows at once in one event loop."""

    async def all_rows() -> dict[str, tuple[list[str], int] | BaseException]:
        turns = asyncio.Semaphore(16)

        async def one(row: Row) -> tuple[list[str], int]:
            async with turns:
                return await carry_out(kind, row)

        ended = await asyncio.gather(*(one(row) for row in TABLE.values()), return_exceptions=True)
        return dict(zip(TABLE, ended, strict=True))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(all_rows())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TABLE)
def test_adversary(kind: str, name: str) -> None:
    row, seen = TABLE[name], outcomes(kind)[name]
    if isinstance(seen, BaseException):
        raise seen
    assert seen[0] == row.outcomes(kind)
    if row.opened:
        assert seen[1] == (row.aiohttp_opened or row.opened if kind == "aiohttp" else row.opened)


SPLIT = {
    "a length": OK,
    "chunked": head(CHUNKED) + b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "103 first": head("Link: </a>", status="HTTP/1.1 103 Early Hints") + OK,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SPLIT)
async def test_answers_split_at_every_offset(kind: str, name: str) -> None:
    """In two pieces, cut at each place in turn, over one connection."""
    answer = SPLIT[name]
    script = [step for at in range(1, len(answer)) for step in (ASK, answer[:at], 0.001, answer[at:])]
    async with adversary(*script) as server, client(kind, server.port, limit=1) as asking:
        seen = [outcome(await asking.ask()) for _ in range(1, len(answer))]
        assert server.connections == 1
    assert seen == ["ok 200"] * (len(answer) - 1)
