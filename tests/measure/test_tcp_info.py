"""The kernel's account of a connection, read from real sockets on loopback."""

from __future__ import annotations

import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.measure.tcp_info import BATCH, Meter, Traffic, read
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
from tests.cli.command import INVALID, result_of, vpcbench

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's end and a server's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        yield client, server


def exchange(client: socket.socket, server: socket.socket, asked: int, answered: int) -> None:
    for sender, receiver, size in ((client, server, asked), (server, client, answered)):
        sender.sendall(b"x" * size)
        while size:
            size -= len(receiver.recv(65536))
    time.sleep(0.01)  # the last acknowledgement


def test_it_counts_bytes_with_their_headers(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    exchange(client, server, 1000, 3000)
    told = read(client)
    assert told
    round_trip, traffic = told
    assert 0 < round_trip < 1_000_000_000
    assert traffic.retransmits == 0
    # of 52 bytes each, but for a SYN of 60: what tcpdump shows of a connection with timestamps
    assert traffic.ip_bytes_sent == 1000 + 52 * traffic.segments_sent + 8
    assert traffic.ip_bytes_received == 3000 + 52 * traffic.segments_received + 8
    assert 3 <= traffic.segments_sent <= 6  # SYN, ACK, the request, acknowledgements of the answer


def test_a_closed_socket_tells_nothing() -> None:
    with socket.socket() as sock:
        assert read(sock) == (0, Traffic())
    assert read(sock) is None


def test_a_meter_counts_what_was_carried_since_it_began(pair: tuple[socket.socket, socket.socket]) -> None:
    client, server = pair
    meter = Meter()
    meter.opened(client)
    exchange(client, server, 5000, 5000)
    meter.begin()
    exchange(client, server, 1000, 2000)
    traffic, round_trips = meter.take()
    assert 1000 + 52 <= traffic["ip_bytes_sent"] <= 1000 + 4 * 52
    assert 2000 + 52 <= traffic["ip_bytes_received"] <= 2000 + 4 * 52
    assert set(traffic) == set(Traffic._fields)
    assert len(round_trips) == 1
    exchange(client, server, 1000, 1000)
    assert not meter.take()[0], "nothing is counted between two measured parts"


def test_a_meter_counts_connections_that_come_and_go_and_counts_each_once(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, server = pair
    meter = Meter()
    meter.begin()
    meter.opened(client)
    exchange(client, server, 1000, 1000)
    meter.closing(client)
    client.close()
    meter.closing(client)
    traffic, round_trips = meter.take()
    assert traffic["segments_sent"] >= 3
    assert traffic["ip_bytes_sent"] >= 1000 + 60 + 2 * 52
    assert len(round_trips) == 1
    assert meter.take() == ({}, [])


def test_a_meter_adds_up_many_connections_as_each_tells_it() -> None:
    """More than are looked into at once, each counted whole: as `read` says of every one."""
    meter, told = Meter(), []
    meter.begin()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(BATCH + 10):
            with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
                meter.opened(client)
                client.sendall(b"x" * 100)
                server.recv(100)
                told.append(read(client))
                meter.closing(client)
    traffic, round_trips = meter.take()
    counted = [each for each in told if each]
    assert len(counted) == len(round_trips) == BATCH + 10
    assert traffic["ip_bytes_sent"] == sum(each.ip_bytes_sent for _, each in counted)
    assert traffic["segments_sent"] == sum(each.segments_sent for _, each in counted)
    assert sorted(round_trips) == sorted(trip for trip, _ in counted)


def spent(once: Callable[[], object]) -> float:
    """CPU seconds that two thousand calls take, where nothing comes between."""
    took = []
    for _ in range(5):
        before = time.process_time()
        for _ in range(2000):
            once()
        took.append(time.process_time() - before)
    return min(took)


@pytest.mark.verify
def test_a_meter_costs_less_than_looking_at_each_connection_would(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    client, _ = pair
    meter, nothing = Meter(), Traffic()
    meter.begin()

    def look() -> None:
        told = read(client)
        assert told
        Counter[str]().update(told[1].since(nothing)._asdict())

    def count() -> None:
        meter.opened(client)
        meter.closing(client)

    assert spent(count) < spent(look)


async def test_a_meter_reads_many_connections_in_several_turns(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    import asyncio

    client, server = pair
    copies = [client.dup() for _ in range(200)]
    meter = Meter()
    for copy in copies:
        meter.opened(copy)
    exchange(client, server, 1000, 1000)
    meter.begin()
    for _ in range(5):
        await asyncio.sleep(0)
    traffic, round_trips = meter.take()
    for copy in copies:
        copy.close()
    assert len(round_trips) == 200
    assert traffic["ip_bytes_sent"] == 0, "all of them had been read before"


@pytest.mark.verify
def test_it_costs_less_than_two_percent_where_it_costs_most(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """Of the CPU of a request over a connection of its own; kept connections are read twice a round."""
    client, _ = pair
    meter = Meter()
    meter.begin()

    def count() -> None:
        meter.opened(client)
        meter.closing(client)

    options = ("-H", "Connection: close", "--connections", "4", "--duration", "1s", "--rounds", "1")
    with PracticeService(Behaviour()) as service:
        done = vpcbench("curl", service.urls[0], *options, "-o", "out", folder=tmp_path)
    assert done.returncode in {0, INVALID}, done.stderr
    result = result_of(tmp_path / "out")
    target = result["targets"]["target"]
    assert target["connections"]["opened"] >= target["counts"]["ok"] > 100
    a_request = result["generator"]["cpu_seconds"] / target["counts"]["ok"]
    assert spent(count) / 2000 < 0.02 * a_request
    assert spent(lambda: read(client)) / 2000 < 0.1 * a_request  # twice a round, of a connection that is kept
