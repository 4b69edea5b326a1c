"""`make bench`: what vpcbench costs and how exact it is, beside its peers, in one run on one nginx.

The client is pinned to the first core and nginx to the last; where it is about times, the process that sends has the
first core for itself. Runs alternate, so that a machine whose speed drifts gives the same ratios; figures are medians.
Peers that are not there are installed first (`peers.py`); one that cannot be had is listed as missing, with the reason.
Prints Markdown.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from benchmark.execution.environment import environment
from benchmark.transport import http1

SECONDS = 3
CONNECTIONS = 64
RUNS = 9
BODY = "x" * 60
FIRST, LAST = 0, (os.cpu_count() or 1) - 1  # the client's core, and nginx's
RATES = (1_000, 5_000, 10_000, 20_000)

CONFIG = """
daemon off; worker_processes 1; worker_cpu_affinity auto; pid {folder}/pid; error_log {folder}/error.log; user root;
events {{ worker_connections 20000; }}
http {{
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    server {{
        listen 127.0.0.1:{port} backlog=4096; listen 127.0.0.1:{tls} ssl backlog=4096;
        root {folder}; error_page 405 =200 $uri;
        location = /small {{ return 200 "hello world"; }}
        location = /chunked.shtml {{ ssi on; ssi_types text/html; }}
    }}
}}
"""


class Server:
    """An nginx on the last core, with answers of several sizes."""

    def __init__(self, folder: Path) -> None:
        from tests.servers import free_ports

        self.folder = folder
        self.port, self.tls = free_ports(2)

    def __enter__(self) -> Server:
        from tests.servers import wait_for_port

        subject = [
            "-subj",
            "/CN=127.0.0.1",
            "-keyout",
            str(self.folder / "key.pem"),
            "-out",
            str(self.folder / "cert.pem"),
        ]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *subject]
        subprocess.run(command, check=True, capture_output=True)
        (self.folder / "10k").write_bytes(b"x" * 10_240)
        (self.folder / "1m").write_bytes(b"x" * 2**20)
        (self.folder / "chunked.shtml").write_text("x" * 1000)
        config = self.folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port, tls=self.tls))
        command = ["taskset", "-c", str(LAST), "nginx", "-c", str(config), "-p", str(self.folder)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(10)

    def url(self, path: str = "small", *, tls: bool = False) -> str:
        """Where an answer is."""
        return f"https://127.0.0.1:{self.tls}/{path}" if tls else f"http://127.0.0.1:{self.port}/{path}"


class Cost(NamedTuple):
    """What a client did with its core."""

    per_cpu_second: float  # requests
    peak_bytes: float  # resident


def pinned(command: list[str], *, sender_alone: bool = False) -> tuple[str, float, int]:
    """What a command on the first core printed, the CPU seconds that it and its children used, and the most memory.

    `sender_alone`: of ours, the process that sends has that core for itself; the rest shares the last one with nginx.
    """
    core = LAST if sender_alone else FIRST
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        peak, patience = 0, time.monotonic() + 120
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            peak = max(peak, *_peaks(process.pid))
            for sender in _senders(process.pid) if sender_alone else ():
                os.sched_setaffinity(sender, {FIRST})
            if time.monotonic() > patience:
                os.killpg(process.pid, signal.SIGKILL)
            time.sleep(0.25)
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
        printed.seek(0)
        return printed.read(), used.ru_utime + used.ru_stime, peak


def _peaks(session: int) -> Iterator[int]:
    """The most memory of each process of a session since its program began: rusage would count that of its parent."""
    yield 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            found = os.getsid(int(status.parent.name)) == session and re.search(
                r"VmHWM:\s+(\d+) kB", status.read_text()
            )
        except OSError:  # it has ended
            continue
        if found:
            yield int(found[1]) * 1024


def _senders(parent: int) -> Iterator[int]:
    """Those children of a process of ours that send."""
    with contextlib.suppress(OSError):  # it, or one of them, has ended
        for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            if b"benchmark.child" in Path(f"/proc/{child}/cmdline").read_bytes():
                yield int(child)


def counted(pattern: str, command: list[str]) -> Cost:
    """The cost of a peer that says how many requests it made."""
    printed, used, peak = pinned(command)
    found = re.search(pattern, printed)
    if not found:
        raise RuntimeError(f"{command[0]} did not say how many requests it made:\n{printed[:500]}")
    return Cost(float(found[1].replace(",", "")) / used, peak)


def ours(
    url: str,
    *options: str,
    load: tuple[str, ...] = ("--connections", str(CONNECTIONS)),
    sender_alone: bool = False,
) -> dict[str, object]:
    """The result of a run of ours; one process sends, so that it has one core like the others."""
    with tempfile.TemporaryDirectory() as folder:
        shape = (
            "--duration",
            f"{SECONDS}s",
            "--warmup",
            "300ms",
            "--rounds",
            "1",
            "--processes",
            "1",
            "--quiet",
        )
        command = [
            sys.executable,
            "-m",
            "benchmark",
            "curl",
            url,
            "-k",
            *options,
            *load,
            *shape,
            "-o",
            f"{folder}/out",
        ]
        printed, *_ = pinned(command, sender_alone=sender_alone)
        try:
            found: dict[str, object] = json.loads(Path(folder, "out", "result.json").read_text())
        except FileNotFoundError:
            raise RuntimeError(f"no result:\n{printed}") from None
    return found


def our_efficiency(url: str, *options: str, connections: int = CONNECTIONS) -> Cost:
    """What the process that sends costs."""
    result = ours(url, *options, load=("--connections", str(connections)))
    counts = result["targets"]["target"]["counts"]  # type: ignore[index]
    if counts["failed"]:
        raise RuntimeError(f"requests failed: {counts}")
    generator = result["generator"]
    return Cost(counts["ok"] / generator["cpu_seconds"], generator["max_rss_bytes"])  # type: ignore[index]


def wrk(url: str, lua: Path | None = None, connections: int = CONNECTIONS) -> Cost:
    """What wrk costs."""
    script = ["-s", str(lua)] if lua else []
    return counted(r"([\d,]+) requests in", ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", *script, url])


def peers(server: Server, folder: Path) -> dict[str, Callable[[], Cost]]:
    """The small POST by every peer, by name."""
    post = folder / "post.lua"
    post.write_text(f'wrk.method = "POST"\nwrk.body = "{BODY}"\n')
    body = folder / "body"
    body.write_text(BODY)
    url, seconds = server.url(), str(SECONDS)
    return {
        "wrk": lambda: wrk(url, post),
        "ab": lambda: counted(
            r"Complete requests:\s+(\d+)",
            ["ab", "-k", "-q", "-c", str(CONNECTIONS), "-t", seconds, "-n", "100000000", "-p", str(body), url],
        ),
        "h2load": lambda: counted(
            r"(\d+) done", ["h2load", "--h1", "-t1", "-c", str(CONNECTIONS), "-D", seconds, "-d", str(body), url]
        ),
        "hey": lambda: counted(
            r"\[200\]\s+(\d+) responses",
            ["hey", "-cpus", "1", "-c", str(CONNECTIONS), "-z", f"{SECONDS}s", "-m", "POST", "-d", BODY, url],
        ),
        "autocannon": lambda: counted(
            r'"2xx":(\d+)',
            ["autocannon", "-c", str(CONNECTIONS), "-d", seconds, "-m", "POST", "-b", BODY, "--json", url],
        ),
        "vegeta": lambda: counted(
            r"Requests +\[total, rate, throughput\] +(\d+)",
            ["sh", "-c", (f"echo 'POST {url}' | vegeta attack -rate 0 -max-workers {CONNECTIONS} -workers {CONNECTIONS} "
             f"-duration {SECONDS}s -body {body} | vegeta report")],
        ),
        "oha": lambda: counted(
            r"\[200\] (\d+) responses",
            ["oha", "--no-tui", "-c", str(CONNECTIONS), "-z", f"{SECONDS}s", "-m", "POST", "-d", BODY, url],
        ),
        "fortio": lambda: counted(
            r"Code 200 : (\d+)",
            ["fortio", "load", "-qps", "0", "-c", str(CONNECTIONS), "-t", f"{SECONDS}s", "-payload", BODY, url],
        ),
        "k6": lambda: counted(
            r"http_reqs\W+(\d+)",
            ["k6", "run", "--vus", str(CONNECTIONS), "--duration", f"{SECONDS}s", str(k6_file(folder, url))],
        ),
        "locust": lambda: counted(
            r"Aggregated +(\d+)",
            ["locust", "-f", str(locust_file(folder)), "--headless", "-u", str(CONNECTIONS), "-r", str(CONNECTIONS),
             "-t", f"{SECONDS}s", "--only-summary", "-H", url],
        ),
        "bare aiohttp": lambda: counted(r"(\d+) requests", [sys.executable, "-c", AIOHTTP, url]),
    }  # fmt: skip


def locust_file(folder: Path) -> Path:
    """A user who posts, with the faster of locust's clients."""
    path = folder / "locustfile.py"
    path.write_text(
        "from locust import FastHttpUser, task\n"
        "class User(FastHttpUser):\n"
        f"    @task\n    def ask(self): self.client.post('/small', data={BODY!r})\n"
    )
    return path


def k6_file(folder: Path, url: str) -> Path:
    """A user who posts."""
    path = folder / "k6.js"
    path.write_text(
        f"import http from 'k6/http';\nexport default function () {{ http.post('{url}', {BODY!r}); }}\n"
    )
    return path


AIOHTTP = f"""
import asyncio, sys, time, aiohttp, uvloop
async def main():
    count, end = 0, time.monotonic() + {SECONDS}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def ask():
            nonlocal count
            while time.monotonic() < end:
                async with session.post(sys.argv[1], data={BODY!r}) as answer:
                    await answer.read()
                count += 1
        await asyncio.gather(*(ask() for _ in range({CONNECTIONS})))
    print(count, "requests")
uvloop.run(main())
"""


def efficiency(server: Server, absent: dict[str, str]) -> Iterator[str]:
    """Requests per second of client CPU: the small POST, by everyone in turn."""
    from tests.performance.peers import one_cell

    known = peers(server, server.folder)
    present = {name: run for name, run in known.items() if name not in absent}
    seen: dict[str, list[Cost]] = {name: [] for name in ("vpcbench", *present)}
    for number in range(RUNS):
        seen["vpcbench"].append(our_efficiency(server.url(), "-d", BODY))
        for name, run in list(present.items()):
            if name == "wrk" or number < 3:
                try:
                    seen[name].append(run())
                except RuntimeError as error:
                    absent[name] = one_cell(str(error))
                    del present[name], seen[name]
    yield "| client | requests per CPU second | beside wrk | peak memory |\n| --- | ---: | ---: | ---: |"
    for name, costs in seen.items():
        yield f"| {name} | {_rate(costs)} | {_ratio(costs, seen.get('wrk', []))} | {_memory(costs)} |"
    for name in sorted(absent.keys() & known.keys()):
        yield f"| {name} | missing: {absent[name]} | | |"


def shapes(server: Server, absent: dict[str, str]) -> Iterator[str]:
    """Other answers, beside wrk."""
    yield "\n| answer | vpcbench | wrk | ratio |\n| --- | ---: | ---: | ---: |"
    kinds = {
        "10 KiB": server.url("10k"),
        "1 MiB": server.url("1m"),
        "chunked": server.url("chunked.shtml"),
        "TLS": server.url(tls=True),
    }
    for name, url in kinds.items():
        mine, theirs = _in_turn(partial(our_efficiency, url), "wrk" not in absent and partial(wrk, url))
        yield f"| {name} | {_rate(mine)} | {_rate(theirs)} | {_ratio(mine, theirs)} |"
    command = ["ab", "-q", "-c", str(CONNECTIONS), "-t", str(SECONDS), "-n", "100000000", server.url()]
    mine, theirs = _in_turn(
        partial(our_efficiency, server.url(), "-H", "Connection: close"),
        "ab" not in absent and partial(counted, r"Complete requests:\s+(\d+)", command),
    )
    yield f"| a new connection each | {_rate(mine)} | {_rate(theirs)} (ab) | {_ratio(mine, theirs)} |"


def _in_turn(
    ours: Callable[[], Cost], other: Callable[[], Cost] | Literal[False]
) -> tuple[list[Cost], list[Cost]]:
    """Three runs of ours, each with one of a peer behind it where there is one."""
    mine, theirs = [], []
    for _ in range(3):
        mine.append(ours())
        theirs += [other()] if other else []
    return mine, theirs


def growth(server: Server, absent: dict[str, str]) -> Iterator[str]:
    """What a request costs as there is more of everything: it must not grow."""
    yield "\n| connections | CPU per request | peak memory | wrk's |\n| ---: | ---: | ---: | ---: |"
    for connections in (10, 100, 1_000, 10_000):
        costs, theirs = _in_turn(
            partial(our_efficiency, server.url(), "-d", BODY, connections=connections),
            "wrk" not in absent and partial(wrk, server.url(), connections=connections),
        )
        mine = f"{connections:,} | {1e6 / _median(costs):.1f} µs | {_memory(costs)}"
        beside = f"{1e6 / _median(theirs):.1f} µs, {_memory(theirs)}" if theirs else "missing"
        yield f"| {mine} | {beside} |"
    yield "\n| targets | CPU per request | peak memory |\n| ---: | ---: | ---: |"
    for number in (1, 10, 100):
        with tempfile.TemporaryDirectory() as folder:
            made = _many_targets(server.url(), number, Path(folder))
        yield f"| {number} | {1e6 / made.per_cpu_second:.1f} µs | {_memory([made])} |"
    yield "\n| recorded at 10,000/s | CPU per request | memory grown by |\n| ---: | ---: | ---: |"
    for name, seconds in (("1 s", 1), ("1 min", 60), ("1 h", 3600)):
        spent, grown = _recorded(seconds * 10_000)
        yield f"| {name} | {spent * 1e6:.2f} µs | {grown / 2**20:.1f} MiB |"


def _many_targets(url: str, number: int, folder: Path) -> Cost:
    """One scenario with so many targets, which share the measured time."""
    targets = "".join(f"  t{at}: {{url: '{url}'}}\n" for at in range(number))
    scenario = folder / "many.yaml"
    load = f"{{connections: {CONNECTIONS}, duration: {max(0.1, SECONDS / number)}s, warmup: 100ms}}"
    scenario.write_text(
        f"name: many\ntargets:\n{targets}request: {{method: POST, body: {BODY}}}\nload: {load}\nrounds: 1\n"
    )
    command = [
        sys.executable,
        "-m",
        "benchmark",
        "run",
        str(scenario),
        "--processes",
        "1",
        "--quiet",
        "--no-check",
    ]
    printed, *_ = pinned([*command, "-o", str(folder / "out")])
    try:
        result = json.loads((folder / "out" / "result.json").read_text())
    except FileNotFoundError:
        raise RuntimeError(f"no result:\n{printed}") from None
    ok = sum(target["counts"]["ok"] for target in result["targets"].values())
    return Cost(ok / result["generator"]["cpu_seconds"], result["generator"]["max_rss_bytes"])


def _recorded(exchanges: int) -> tuple[float, int]:
    """CPU seconds of an exchange's recording, and bytes by which that many let the process grow."""
    printed, *_ = pinned([sys.executable, "-c", RECORDING, str(exchanges)])
    spent, grown = printed.split()
    return float(spent), int(grown)


RECORDING = """
import resource, sys, time
from benchmark.measure.exchange import Exchange
from benchmark.measure.recorder import Recorder
def record(first, count):
    for at in range(first, first + count):
        exchange = Exchange(0, at * 100_000, at * 100_000)
        exchange.sent, exchange.first_byte = exchange.taken, exchange.taken + 60_000 + at % 1000
        exchange.done, exchange.status, exchange.received = exchange.first_byte, 200, 180
        recorder.add(exchange)
recorder = Recorder([200])
record(0, 20_000)
peak, began, count = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time(), int(sys.argv[1])
record(20_000, count)
print((time.process_time() - began) / count, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak))
"""


def _median(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.per_cpu_second for cost in costs)


def _rate(costs: Sequence[Cost]) -> str:
    return f"{_median(costs):,.0f}" if costs else "missing"


def _memory(costs: Sequence[Cost]) -> str:
    return f"{statistics.median(cost.peak_bytes for cost in costs) / 2**20:.0f} MiB"


def _ratio(mine: Sequence[Cost], theirs: Sequence[Cost]) -> str:
    """The median of paired ratios."""
    pairs = [one.per_cpu_second / other.per_cpu_second for one, other in zip(mine, theirs, strict=False)]
    return f"{statistics.median(pairs):.2f}" if pairs else ""


def exactness(server: Server, absent: dict[str, str]) -> Iterator[str]:
    """Constant rates: what is reported beside what a capture on the wire saw, in microseconds."""
    yield "\n| rate | service p50 | wire p50 | lateness p50 | lateness p99 | verdict |"
    yield "| ---: | ---: | ---: | ---: | ---: | --- |"
    for rate in RATES:
        with tempfile.TemporaryDirectory() as folder:
            capture = Path(folder, "wire.pcap")
            with contextlib.nullcontext() if "tcpdump" in absent else Capture(capture, server.port):
                result = ours(server.url(), "-d", BODY, load=("--rate", f"{rate}/s"), sender_alone=True)
            target = result["targets"]["target"]  # type: ignore[index]
            seen = round_trips(capture.read_bytes(), server.port) if capture.exists() else []
            wire = statistics.median(seen) / 1e6 if seen else None
        late = target["lateness_ms"]
        told = (target["service_ms"]["p50"], wire, late["p50"], late["p99"])
        row = " | ".join("" if each is None else f"{1e3 * each:,.0f}" for each in told)
        yield f"| {rate:,}/s | {row} | {result['verdict']['status']} |"  # type: ignore[index]
    if "tcpdump" in absent:
        yield f"\nThe wire is missing: {absent['tcpdump']}"


class Capture:
    """tcpdump on loopback while the `with` block runs."""

    def __init__(self, path: Path, port: int) -> None:
        command = [
            "taskset",
            "-c",
            str(LAST),
            "tcpdump",
            "-i",
            "lo",
            "-s",
            "96",
            "-B",
            "65536",
            "--nano",
            "-U",
            "-w",
            str(path),
            f"tcp port {port}",
        ]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE)

    def __enter__(self) -> Capture:
        assert self._process.stderr
        self._process.stderr.readline()  # it says when it listens
        return self

    def __exit__(self, *error: object) -> None:
        time.sleep(0.3)
        self._process.terminate()
        self._process.communicate(timeout=10)


def round_trips(pcap: bytes, port: int) -> list[int]:
    """Nanoseconds between each request's packet and the first packet with data that answers it."""
    asked: dict[int, int] = {}
    found, at = [], 24
    while at + 16 <= len(pcap):
        seconds, nanoseconds, kept, _ = struct.unpack_from("<IIII", pcap, at)
        packet = pcap[at + 16 : at + 16 + kept]
        at += 16 + kept
        ip = packet[14:]
        header = (ip[0] & 15) * 4
        source, destination = struct.unpack_from("!HH", ip, header)
        data = struct.unpack_from("!H", ip, 2)[0] - header - (ip[header + 12] >> 4) * 4
        instant = seconds * 1_000_000_000 + nanoseconds
        if not data:
            continue
        if destination == port:
            asked[source] = instant
        elif source == port and destination in asked:
            found.append(instant - asked.pop(destination))
    return found


def machine() -> str:
    """Where and with what all this is measured."""
    made = environment()
    compiled = "pure Python" if str(http1.__file__).endswith(".py") else "compiled"
    where = f"{made['processor']}, {made['cores']} cores, {made['system']}, Python {made['python']}"
    return f"{where}, {time.strftime('%Y-%m-%d')};\nhot path {compiled}"


def main() -> None:
    """Print every table."""
    sys.path.append(str(Path(__file__).parents[2]))  # last, so that vpcbench is the one that was installed
    from tests.performance.peers import CAPTURE, PEERS, missing

    needed = [program for program in ("nginx", "openssl", "taskset") if not shutil.which(program)]
    if needed:
        sys.exit(
            f"bench: not on the PATH: {', '.join(needed)}; on Debian: apt-get install nginx-light openssl util-linux"
        )
    absent = missing({**PEERS, "tcpdump": CAPTURE})
    print(f"{machine()}; {CONNECTIONS} connections, medians of {RUNS} (wrk) or 3 runs.\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with Server(folder) as server:
            for part in (efficiency, shapes, exactness, growth):
                for line in part(server, absent):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
