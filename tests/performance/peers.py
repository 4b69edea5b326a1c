"""Who `make bench` and `make bench-llm` measure beside vpcbench, and how each is installed where it is not there yet.

What is not a package of the system goes into `.venv-peers/`, which `make clean` removes. An installation is bounded in
time, and one that fails is only a reason why a row is missing: it never ends a benchmark.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[2] / ".venv-peers"
MOST_SHOWN = 160  # characters of a reason
OUT_OF_TIME = (124, -9)  # what `timeout` ends with, the latter where it had to kill


class Peer(NamedTuple):
    """A program, and the package that has it."""

    program: str
    installer: str
    package: str  # as the installer names it, in the version that the benchmark is known to work with


class Installer(NamedTuple):
    """A package manager."""

    tool: str
    seconds: float  # for one peer, all commands together
    commands: Callable[
        [Peer, Path], list[list[str]]
    ]  # of a peer, into a folder whose `bin/` gets its program
    as_root: bool = False


PEERS = {
    peer.program: peer
    for peer in (
        Peer("wrk", "apt", "wrk"),
        Peer("ab", "apt", "apache2-utils"),
        Peer("h2load", "apt", "nghttp2-client"),
        Peer("hey", "apt", "hey"),
        Peer("vegeta", "go", "github.com/tsenart/vegeta/v12@v12.13.0"),
        Peer(
            "fortio", "go", "fortio.org/fortio@v1.66.5"
        ),  # the last without a scripting language among its modules
        Peer("k6", "go", "go.k6.io/k6@v1.8.1"),
        Peer("oha", "cargo", "oha@1.16.0"),
        Peer("autocannon", "npm", "autocannon@9.0.0"),
        Peer("locust", "pip", "locust==2.47.0"),
    )
}
STREAMING = {
    "vLLM": Peer("vllm", "pip", "vllm==0.33.0"),
    "EvalScope": Peer("evalscope", "pip", "evalscope[perf]==1.14.1"),
    "aiperf": Peer("aiperf", "pip", "aiperf==0.13.0"),
    "guidellm": Peer("guidellm", "pip", "guidellm==0.8.1"),
}
CAPTURE = Peer("tcpdump", "apt", "tcpdump")  # the witness of what was on the wire


def _apt(peer: Peer, folder: Path) -> list[list[str]]:
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=60"]
    return [[*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", peer.package]]


def _go(peer: Peer, folder: Path) -> list[list[str]]:
    return [["env", f"GOBIN={folder / 'bin'}", "go", "install", "-p", str(_jobs()), peer.package]]


def _cargo(peer: Peer, folder: Path) -> list[list[str]]:
    """What was compiled, half a gigabyte, is kept when time is up, so that another try goes on from there."""
    compiled = str(folder / "cargo" / peer.program)
    where = ["--root", str(folder), "--target-dir", compiled]
    return [
        ["cargo", "install", "--quiet", "--locked", "--jobs", str(_jobs()), *where, peer.package],
        ["rm", "-rf", compiled],
    ]


def _npm(peer: Peer, folder: Path) -> list[list[str]]:
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    return [["npm", "install", *quiet, "--global", "--prefix", str(folder), peer.package]]


def _pip(peer: Peer, folder: Path) -> list[list[str]]:
    """An environment for each; the link is made last, so that half an installation does not count as one."""
    pip = [str(folder / peer.program / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    return [
        [sys.executable, "-m", "venv", str(folder / peer.program)],
        [*pip, "install", "--quiet", peer.package],
        ["ln", "-sf", f"../{peer.program}/bin/{peer.program}", str(folder / "bin" / peer.program)],
    ]


INSTALLERS = {
    "apt": Installer("apt-get", 180, _apt, as_root=True),
    "go": Installer("go", 400, _go),
    "cargo": Installer("cargo", 600, _cargo),
    "npm": Installer("npm", 180, _npm),
    "pip": Installer(sys.executable, 400, _pip),
}


def _jobs() -> int:
    """How many processes may compile: one where others use the machine."""
    cores = os.cpu_count() or 1
    return 1 if os.getloadavg()[0] > cores / 2 else cores


def missing(peers: Mapping[str, Peer], folder: Path = FOLDER) -> dict[str, str]:
    """Why those that cannot be had cannot be had, by name; installs what is not there, and puts it on the PATH."""
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {name: why for name, peer in peers.items() if (why := _install(peer, folder))}


def _install(peer: Peer, folder: Path) -> str:
    """Why a peer is missing; empty: it is there, perhaps only now."""
    if _is_there(peer, folder):
        return ""
    installer = INSTALLERS[peer.installer]
    if not shutil.which(installer.tool):
        return f"no {installer.tool} here to install {peer.package}"
    if installer.as_root and os.geteuid():
        return f"needs root: apt-get install {peer.package}"
    until = time.monotonic() + installer.seconds
    for command in installer.commands(peer, folder):
        _say(f"Installing {peer.program}, {installer.seconds:.0f} s at most: {shlex.join(command)}")
        try:
            why = _failure(command, until - time.monotonic())
        except TimeoutError:
            why = f"not installed within {installer.seconds:.0f} s"
        if why:
            _say(f"{peer.program} is missing: {why}")
            return why
    return "" if _is_there(peer, folder) else f"{peer.package} has no program {peer.program}"


def _is_there(peer: Peer, folder: Path) -> bool:
    """Python's peers are always our own: others' environments may have any version."""
    return bool(shutil.which(peer.program, path=str(folder / "bin") if peer.installer == "pip" else None))


def _failure(command: list[str], seconds: float) -> str:
    """Runs a command with low priority; why it failed, or nothing. Raises TimeoutError.

    `timeout` bounds it and all that it starts, even where this process is killed meanwhile.
    """
    bounded = ["timeout", "--kill-after=10", f"{max(seconds, 0.001):.3f}", "nice", "-n", "10", *command]
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(bounded, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        try:
            code = process.wait()
        finally:  # interrupted
            process.terminate()
            process.wait()
        if code in OUT_OF_TIME:
            raise TimeoutError
        output.seek(0)
        return _reason(output.read().splitlines()) if code else ""


_ERROR = re.compile(r"\s*(error|e:|npm err|go: (?!downloading))", re.IGNORECASE)
_ADDRESS = re.compile(r"\w+://\S+")  # of a mirror, perhaps with a password in it
_FOLDERS = re.compile(r"(?<!\S)/\S*/")


def _reason(lines: Iterable[str]) -> str:
    """What a package manager gave as its reason."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if _ERROR.match(line)][:2] or said[-1:]
    return one_cell("; ".join(errors)) or "it failed and gave no reason"


def one_cell(text: str) -> str:
    """What fits into a cell of a Markdown table, without addresses and folders."""
    return " ".join(_FOLDERS.sub("", _ADDRESS.sub("(address)", text)).split()).replace("|", "/")[:MOST_SHOWN]


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
