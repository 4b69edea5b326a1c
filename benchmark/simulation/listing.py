"""The discovery service's part of the practice service: the list of instances, with weights, at both of EAS's paths.

As in EAS nobody is asked for a token; a wrong one is refused all the same, so that a mistake is seen here first.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from benchmark.simulation.gateway import NOT_FOUND, UNAUTHORIZED, Answer
from benchmark.units import NANOSECONDS

JSON = "application/json"
_PATHS = ("/api/v1/servicediscovery/upstreams/", "/exported/apis/eas.alibaba-inc.k8s.io/v1/upstreams/")


class Replica(NamedTuple):
    """An instance of the service that can be called directly."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    weight: int = 100


class Listing:
    """Answers who asks for the list; with `churn` the last instance is away from it every other so many seconds.

    One that is away goes on answering, as one does that is about to be shut down.
    """

    def __init__(
        self,
        service: str,
        replicas: tuple[Replica, ...],
        tokens: set[str] | None,
        churn: float | None,
        started: int,
    ) -> None:
        self.places = list(replicas)  # with the ports that were free, once they listen
        self._service = service
        self._tokens = tokens
        self._churn = churn
        self._started = started

    def answer(self, path: str, authorization: str | None, at: int) -> Answer | None:
        """The list, or what is said instead, at the instant `at`; None: it is something else that is asked for."""
        root = next((root for root in _PATHS if path.startswith(root)), None)
        if root is None or not self.places:
            return None
        if path != root + self._service:
            return NOT_FOUND
        if authorization is not None and self._tokens is not None and authorization not in self._tokens:
            return UNAUTHORIZED
        app = self._service.replace("_", "-")
        items = [
            {"app": app, "ip": each.host, "port": each.port, "weight": each.weight}
            for each in self.listed(at)
        ]
        said = {"correlative": [self._service], "endpoints": {"items": items}}
        return Answer(200, json.dumps(said).encode(), JSON)

    def listed(self, at: int) -> list[Replica]:
        """Who is on the list at the instant `at`."""
        away = self._churn is not None and int((at - self._started) / NANOSECONDS / self._churn) % 2 == 1
        return self.places[:-1] if away else self.places
