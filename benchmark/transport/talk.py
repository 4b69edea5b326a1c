"""What is made as it is sent: salted requests, of which no two are alike, and conversations, whose turns share a salt
and whose history may hold what was answered before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from random import randrange

from benchmark.measure.stream import Stream
from benchmark.transport.base import PreparedRequest, head_of
from benchmark.transport.texts import texts_of


def is_made(requests: Sequence[PreparedRequest]) -> bool:
    """Whether any of the requests is made as it is sent."""
    return any(request.salt or request.more for request in requests)


class Talk:
    """One conversation on its way, be it of a single turn. Its turns stand one after the other among the requests.

    Salts are random, not seeded: a second run must not find its prompts in a cache, either. All are equally long.
    """

    def __init__(self, requests: Sequence[PreparedRequest], opening: int) -> None:
        self.at = opening  # the request whose turn it is
        self.longer = 0  # bytes by which this turn's request is longer than it was prepared
        self._requests = requests
        self._salt = ""
        self._answers: list[bytes] = []  # as they stand in JSON

    @property
    def left(self) -> int:
        """How many turns follow this one."""
        return self._requests[self.at].more

    @property
    def opened(self) -> bool:
        """Whether this is no longer the first turn."""
        return self._requests[self.at].turn > 1

    def request(self) -> PreparedRequest:
        """What this turn sends."""
        request = self._requests[self.at]
        if request.salt:
            self._salt = self._salt or f"{randrange(10 ** len(request.salt)):0{len(request.salt)}d}"
            request = _salted(request, self._salt)
        if request.answers:
            before = len(request.wire)
            request = _told(request, self._answers)
            self.longer = len(request.wire) - before
        return request

    def hear(self, stream: Stream | None) -> bool:
        """Take the answer to this turn; whether there is another, which then has its turn."""
        request = self._requests[self.at]
        if not request.more:
            return False
        if stream is not None and stream.pieces is not None:
            _, answer = texts_of(b"".join(stream.pieces))
            self._answers.append(json.dumps(answer, ensure_ascii=False)[1:-1].encode("utf-8", "replace"))
        self.at += 1
        return True


def _salted(request: PreparedRequest, salt: str) -> PreparedRequest:
    mark, digits = request.salt.encode(), salt.encode()
    return replace(
        request,
        target=request.target.replace(request.salt, salt),
        headers=tuple((name, value.replace(request.salt, salt)) for name, value in request.headers),
        body=request.body.replace(mark, digits),
        wire=request.wire.replace(mark, digits),
    )


def _told(request: PreparedRequest, answers: Sequence[bytes]) -> PreparedRequest:
    """The request with its history: another length, and so another head."""
    body = request.body
    for mark, answer in zip(request.answers, answers, strict=True):
        body = body.replace(mark.encode(), answer)
    before, after = str(len(request.body)), str(len(body))
    headers = tuple(
        (name, after if name.lower() == "content-length" and value == before else value)
        for name, value in request.headers
    )
    return replace(
        request, headers=headers, body=body, wire=head_of(request.method, request.target, headers) + body
    )
