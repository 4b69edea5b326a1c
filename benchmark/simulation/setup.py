"""What a practice service is and where it listens: everything that its process must be told."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

from benchmark.errors import InputError
from benchmark.simulation.behaviour import Behaviour, Path
from benchmark.simulation.listing import Replica

MODEL = "DeepSeek-R1-Distill-Qwen-7B"
_MOST_ADDRESSES = 256


class Address(NamedTuple):
    """Where the service listens, and the path that a caller there is told to be behind."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: any free one
    path: Path = Path()


class Options(TypedDict, total=False):
    """What a service may be told beside its behaviour and addresses: the further fields of a `Setup`."""

    token: str | None
    service: str
    bearer: bool
    model: str
    answer: int | None
    certificate: str | None
    key: str | None
    allow_remote: bool
    log_limit: int
    replicas: tuple[Replica, ...]
    churn: float | None


@dataclass(frozen=True, slots=True)
class Setup:
    """One service behind one gateway, on any number of addresses; all of them share its one behaviour."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    addresses: tuple[Address, ...] = (Address(),)
    token: str | None = None  # None: nobody is asked for one
    service: str = "test"
    bearer: bool = False  # take `Bearer TOKEN` beside the raw token
    model: str = MODEL
    answer: int | None = None  # bytes of an echo's answer; None: what was sent
    certificate: str | None = None  # file of a certificate chain: serve https
    key: str | None = None  # file of its key, where that is another
    allow_remote: bool = False  # listen on other addresses than this machine's own
    log_limit: int = 2_000_000  # requests that the log of the truth keeps
    replicas: tuple[Replica, ...] = ()  # instances to be called directly; every address then has their list
    churn: float | None = (
        None  # seconds after which the last of them leaves the list, and comes back, and so on
    )

    def __post_init__(self) -> None:
        if not 1 <= len(self.addresses) <= _MOST_ADDRESSES:
            raise InputError(f"{len(self.addresses)} addresses; give from 1 to {_MOST_ADDRESSES}")
        if not self.service or "/" in self.service:
            raise InputError(f"{self.service!r} cannot be a service's name: it is one piece of a URL's path")
        if self.answer is not None and self.answer < 0:
            raise InputError(f"an answer of {self.answer} bytes cannot be; give 0 or more")
        if len(self.replicas) > _MOST_ADDRESSES or any(each.weight < 0 for each in self.replicas):
            raise InputError(f"give at most {_MOST_ADDRESSES} instances, with weights of 0 or more")
        if self.churn is not None and (self.churn <= 0 or len(self.replicas) < 2):
            raise InputError(
                "for one instance to come and go there must be two, and a time that is more than zero"
            )
        places: list[Address | Replica] = [*self.addresses, *self.replicas]
        for place in places:
            self._check(place)

    def _check(self, address: Address | Replica) -> None:
        if not 0 <= address.port <= 65_535:
            raise InputError(f"{address.port} is no port; give one from 1 to 65535, or 0 for any free one")
        if not self.allow_remote and not _is_loopback(address.host):
            raise InputError(
                f"{address.host!r} is not a loopback address, and anyone could call the service there; "
                "take one like 127.0.0.1, or allow remote callers"
            )


def _is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`, an IP address or `localhost`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
