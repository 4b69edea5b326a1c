"""Real network paths on this machine, made by a relay in a process of its own, for as long as a `with` block lasts.

    with Network(public={"delay": 0.015}, vpc={"delay": 0.00025}) as network:
        network.enter("server")  # what is started now serves at `network.hosts["public"]` …
        network.enter("client")  # … and this thread calls from the other end

It takes Linux, TUN devices, and root or unprivileged user namespaces.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.reduction import recv_handle, send_handle
from random import Random
from typing import TYPE_CHECKING, Self

from benchmark.child import Child
from benchmark.errors import VpcbenchError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from benchmark.simulation.relay import Specification

_PATIENCE = 20.0  # seconds that making it may take; it takes a fifth of one


class NetworkUnavailable(VpcbenchError):  # noqa: N818  # a fact about this system
    """This system lets nobody, or not this user, make network namespaces; the message says what it refused."""


class Network:
    """Two network namespaces and the paths between them; see `relay.Specification` for what a path does, both ways.

    Raises, when entered:
        NetworkUnavailable: it cannot be made here.
    """

    def __init__(self, **paths: Specification) -> None:
        self._paths = paths
        self._namespaces: dict[str, int] = {}
        self.hosts: dict[str, str] = {}  # where a server is to listen, by path

    def __enter__(self) -> Self:
        if sys.platform != "linux":
            raise NetworkUnavailable(f"network namespaces are Linux's, and this is {sys.platform}")
        self._child = Child(_run, self._paths)
        try:
            self._receive()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for namespace in self._namespaces.values():
            os.close(namespace)
        self._child.kill()
        self._child.end(0)

    def enter(self, side: str) -> None:
        """Put this thread, and what it starts from now on, at the `client`'s or the `server`'s end.

        A user other than root cannot return from there to the machine's own network.
        """
        from benchmark.simulation.relay import enter

        enter(self._namespaces[side])

    def _receive(self) -> None:
        from benchmark.simulation.relay import become_user_of

        if not self._child.pipe.poll(_PATIENCE):
            raise NetworkUnavailable(f"making its paths took more than {_PATIENCE:g} s")
        try:
            made = self._child.pipe.recv()
            if isinstance(made, str):
                raise NetworkUnavailable(made)
            self.hosts, sides = made
            self._namespaces = {side: recv_handle(self._child.pipe) for side in sides}
            user = self._namespaces.get("user")
            if user is not None:
                become_user_of(user)
        except (EOFError, OSError) as error:
            raise NetworkUnavailable(str(error) or "the process that was to make it ended") from error


def _run(paths: dict[str, Specification], parent: Connection) -> None:
    """Make the network, hand its namespaces over, and relay until the parent is gone."""
    from benchmark.simulation.relay import (
        CLIENT,
        SERVER,
        Direction,
        make_namespace,
        make_user_namespace,
        relay,
    )

    ends = {name: (CLIENT.format(number), SERVER.format(number)) for number, name in enumerate(paths, 1)}
    try:
        user = make_user_namespace()
        client, near = make_namespace(ends)
        server, far = make_namespace({name: (theirs, own) for name, (own, theirs) in ends.items()})
    except OSError as error:
        parent.send(f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror))
        return
    handles = {"client": client, "server": server} | ({} if user is None else {"user": user})
    parent.send(({name: theirs for name, (_, theirs) in ends.items()}, list(handles)))
    for handle in handles.values():
        send_handle(parent, handle, os.getppid())
    directions = [
        Direction(source, sink, specification, Random(2 * number + at))
        for number, (a, b, specification) in enumerate(zip(near, far, paths.values(), strict=True))
        for at, (source, sink) in enumerate(((a, b), (b, a)))
    ]
    relay(directions, parent.fileno(), lambda: False)
