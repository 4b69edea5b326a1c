"""What the EAS gateway answers by itself, before or instead of the model service behind it.

Statuses and their causes are those of PAI-EAS. Its wording is not documented but for Envoy's "no healthy
upstream", so the texts here say in plain words what the status means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.simulation.planner import QUEUE_FULL, TIMED_OUT, RateLimit

if TYPE_CHECKING:
    from benchmark.simulation.behaviour import Behaviour
    from benchmark.simulation.llm import Script

TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response: what the wire will carry, without HTTP's own headers."""

    status: int
    body: bytes = b""
    content_type: str = TEXT
    allow: str | None = None  # the methods that a 405 names
    hang_up: bool = False  # the connection ends with this answer
    stream: Script | None = None  # in place of a body


NOT_FOUND = Answer(404)  # bare: no such service, or a slash at the end
UNAUTHORIZED = Answer(401, b"authorization failed: the token in the Authorization header is missing or wrong")
RATE_LIMITED = Answer(429, b"too many requests: the rate limit is exceeded")
UNAVAILABLE = Answer(503, b"no healthy upstream")
NO_STREAM = Answer(
    501, b"this practice path has a bandwidth, which its streams would not feel: it carries none"
)

INSTEAD = {  # of the service's answer, by the status that its course came to
    TIMED_OUT: Answer(TIMED_OUT, b"request timeout: exceeded metadata.rpc.keepalive", hang_up=True),
    QUEUE_FULL: Answer(QUEUE_FULL, b"too many requests: the queue of the service is full"),
}


def service_path(service: str) -> str:
    """Where a service's address begins, below its host."""
    return f"/api/predict/{service}"


class Gateway:
    """Knows one service, its token and its limits; lets requests through or answers them itself."""

    def __init__(self, behaviour: Behaviour, service: str, token: str | None, *, bearer: bool) -> None:
        self._root = service_path(service)
        self.tokens = None if token is None else {token, f"Bearer {token}"} if bearer else {token}
        self._available = behaviour.available
        self._limit = RateLimit(behaviour.rate_limit, behaviour.burst) if behaviour.rate_limit else None

    def refuse(self, path: str, authorization: str | None, at: int) -> Answer | None:
        """The gateway's own answer to a request that reaches it at `at`; None lets the request through."""
        if path != self._root and (path.endswith("/") or not path.startswith(self._root + "/")):
            return NOT_FOUND
        if self.tokens is not None and authorization not in self.tokens:
            return UNAUTHORIZED
        if self._limit and not self._limit.admits(at):
            return RATE_LIMITED
        return None if self._available else UNAVAILABLE

    def below(self, path: str) -> str:
        """What follows the service's address in `path`: `v1/models`, or nothing."""
        return path[len(self._root) + 1 :]
