"""What vpcbench sends for a curl command line with `--as-is` is what the installed curl sends, to the byte."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmark.execution.plan import make_plan
from benchmark.scenario.curl import as_scenario, curl_scenario, parse_curl
from benchmark.scenario.curl.options import OPTIONS
from benchmark.scenario.load import LoadedScenario, load_text

pytestmark = pytest.mark.must_run("curl")

LINES = [
    line
    for line in (Path(__file__).parent / "curl_lines.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
FILES = {
    "lines": b"a=1\r\n\r\nb=\xc3\xbc\0\n",
    "plain": b"x y&z=1",
    "plain.txt": b"some text\n",
    "binary": bytes(range(256)),
    "json": b'{"a": 1}\n',
    "headers": b"X-From: file\n\nX-Two: 2\n",
}
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BOUNDARY = re.compile(rb"-{24}[0-9a-zA-Z]{16,22}")
OWN = {
    "user-agent": rb"(curl|vpcbench)/",
    "accept-encoding": rb"deflate, gzip",
}  # what each calls by its own name


class Sent(NamedTuple):
    """A request, as a server sees it."""

    line: bytes
    headers: dict[str, bytes]
    body: bytes


class Ear:
    """A server that keeps each request to the byte."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heard: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                self.heard.append(self._hear(connection))
                connection.sendall(ANSWER)

    @staticmethod
    def _hear(connection: socket.socket) -> bytes:
        heard = b""
        while True:
            head, end, body = heard.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
            if end and len(body) >= (int(length[1]) if length else 0):
                return heard
            if end and not body and b"100-continue" in head:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            heard += connection.recv(65536)


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    server = Ear()
    yield server
    server.close()


@pytest.fixture
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        Path(name).write_bytes(content)


def arguments(line: str, url: str) -> list[str]:
    """A line's arguments, behind the word `curl`."""
    return [re.sub(r"^U(?=[/?]|$)", url, argument) for argument in shlex.split(line)]


def sent(raw: bytes) -> Sent:
    """A request without what each client calls by its own name, or may do as it likes."""
    boundaries = dict.fromkeys(BOUNDARY.findall(raw))
    for boundary in boundaries:
        raw = raw.replace(boundary, b"BOUNDARY")
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *fields = head.split(b"\r\n")
    headers: dict[str, bytes] = {}
    for field in fields:
        name, _, value = field.partition(b":")
        headers[name.decode().lower()] = value.strip()
    for known, own in OWN.items():
        if re.match(own, headers.get(known, b"")):
            headers[known] = b"its own"
    headers.pop("expect", None)  # curl asks before it uploads a file
    if boundaries or not body:
        headers.pop(
            "content-length", None
        )  # a boundary's own; or 0, which curl leaves out of a POST without a body
    return Sent(line, headers, body)


def ours(loaded: LoadedScenario) -> bytes:
    """What a scenario's first request is on the wire."""
    (target,) = make_plan(loaded).targets
    return target.requests[0].wire


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("line", LINES)
def test_it_sends_what_curl_sends(ear: Ear, line: str) -> None:
    given = arguments(line, ear.url)
    real = given[1:] if Path(given[0]).name == "curl" else given
    subprocess.run(["curl", *real], timeout=20, check=True, capture_output=True)
    theirs = sent(ear.heard[-1])
    command = replace(parse_curl(given), as_is=True)
    loaded = curl_scenario(command)
    assert sent(ours(loaded)) == theirs

    values = {name: loaded_value(loaded, name) for name in re.findall(r"\$\{(\w+)\}", str(loaded.document))}
    again = load_text(
        as_scenario(command), "printed.yaml", Path(), environ={**values, **known(command.headers)}
    )
    assert sent(ours(again)) == theirs


def loaded_value(loaded: LoadedScenario, name: str) -> str:
    """What a variable of a printed scenario holds, where it is no header's."""
    target = loaded.scenario.targets["target"]
    return {"EAS_TOKEN": target.token or "", "TOKEN": "abcd"}.get(name, "")


def known(headers: dict[str, str]) -> dict[str, str]:
    """The variables that stand for headers."""
    return {
        re.sub(r"[^A-Z0-9]+", "_", name.upper()): value
        for name, value in headers.items()
        if name.lower() != "authorization"
    }


def test_every_option_of_the_installed_curl_is_known() -> None:
    told = subprocess.run(["curl", "--help", "all"], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^ *(?:-(\S), )? *--(\S+)( [<\[])?", told, re.MULTILINE)
    assert len(found) > 200
    for letter, name, value in found:
        option = OPTIONS[f"--{name}"]
        assert (option.letter, option.takes_value) == (letter, bool(value)), name
