"""A server whose latency is known to the microsecond: it counts from when the kernel got a request, not from when it read it.

Whatever delays the server itself (a busy machine, a garbage collection) is then in its log, as it is in what a client
sees, so that both may be compared on a machine that is shared. It polls, and so needs a core.
"""

from __future__ import annotations

import heapq
import multiprocessing
import os
import select
import socket
import struct
import time
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_TIMESTAMPNS = 35  # SO_TIMESTAMPNS of Linux: also the type of the message that carries the stamp
_NEAR = 200_000  # nanoseconds before an answer is due, from which on the server polls


class KnownServer:
    """Answers every request `delay` seconds after the kernel got it; a process of its own, while the `with` block runs."""

    def __init__(self, delay: float) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, round(delay * 1e9)), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> KnownServer:
        self.port: int = self._pipe.recv()
        self.url = f"http://127.0.0.1:{self.port}/"
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.join()

    def latencies(self) -> NDArray[np.int64]:
        """Nanoseconds from each request's arrival at the kernel until its answer was handed to it; ends the server."""
        self._pipe.send("stop")
        log: NDArray[np.int64] = np.array(self._pipe.recv(), np.int64)
        return log


def _serve(pipe: Connection, delay: int) -> None:
    os.sched_setaffinity(
        0, {max(os.sched_getaffinity(0))}
    )  # so that it takes its core from one client at most
    if os.geteuid() == 0:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)  # those who are accepted inherit it
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    poll.register(pipe, select.EPOLLIN)
    callers: dict[int, socket.socket] = {}
    owed: list[tuple[int, int, int]] = []  # due, arrived, descriptor
    log: list[int] = []
    pipe.send(listener.getsockname()[1])
    while True:
        wait = (owed[0][0] - time.time_ns() - _NEAR) / 1e9 if owed else 1.0
        for number, _ in poll.poll(max(0.0, wait)):
            if number == pipe.fileno():
                pipe.send(log)
                return
            if number == listener.fileno():
                caller, _ = listener.accept()
                caller.setblocking(False)
                caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                callers[caller.fileno()] = caller
                poll.register(caller, select.EPOLLIN)
                continue
            arrived = _arrived(callers[number])
            if arrived:
                heapq.heappush(owed, (arrived + delay, arrived, number))
            else:
                poll.unregister(number)
                callers.pop(number).close()
        while owed and owed[0][0] <= time.time_ns():
            _, arrived, number = heapq.heappop(owed)
            if number in callers:
                log.append(time.time_ns() - arrived)
                callers[number].send(ANSWER)


def _arrived(caller: socket.socket) -> int:
    """When the kernel got the request that is read here (they are small: each comes whole); zero: the caller left."""
    try:
        data, extra, _, _ = caller.recvmsg(65536, socket.CMSG_SPACE(16))
    except OSError:
        return 0
    if not data:
        return 0
    ((_, _, stamp),) = extra
    seconds, nanoseconds = struct.unpack("qq", stamp)
    return int(seconds * 1_000_000_000 + nanoseconds)
