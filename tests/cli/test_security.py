"""What hostile scenarios and servers cannot do, and what is kept from other users of the machine."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest
import trustme

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import IMPORTED, measured, vpcbench, write
from tests.servers import ScriptedServer, free_ports, read_request

TARGET = 'targets: {a: {url: "http://127.0.0.1:9/"}}\n'
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system ['touch constructed']",
        "!!python/object/new:subprocess.Popen [[touch, constructed]]",
        "!!python/name:os.system x",
        "!!python/module:constructed x",
        "!!binary dG91Y2g=",
        "!include /etc/passwd",
    ],
)
def test_yaml_constructs_nothing(tmp_path: Path, value: str) -> None:
    done = vpcbench("run", write(tmp_path, f"{TARGET}request: {{json: {value}}}\n"), folder=tmp_path)
    assert (done.returncode, "tags (!…) mean nothing here" in done.stderr) == (2, True), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.yaml"]


def test_bombs_and_huge_files_are_refused_cheaply(tmp_path: Path) -> None:
    """Within a gigabyte of address space beyond what the libraries take, and with little CPU time."""
    (tmp_path / "bomb.yaml").write_text(TARGET + BOMB)
    (tmp_path / "deep.yaml").write_text(TARGET + "request: {json: " + "[" * 200_000)
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(64 * 2**30)  # sparse
    with (tmp_path / "body.bin").open("wb") as file:
        file.truncate(64 * 2**30)
    (tmp_path / "body.yaml").write_text(TARGET + "request: {body_file: body.bin}\n")
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30));"
        "resource.setrlimit(resource.RLIMIT_CPU, (20, 20));"
        "from benchmark.cli.main import main; main(sys.argv[1:])"
    )
    for name, said in (
        ("bomb", "aliases (*) repeat more than 10,000 values"),
        ("deep", "nested more than 100 levels deep"),
        ("huge", "larger than 1 MiB"),
        ("body", "larger than 1 GiB"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", script, "run", f"{name}.yaml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": IMPORTED},
            check=False,
        )
        assert (done.returncode, said in done.stderr) == (2, True), (name, done.stderr)


def test_a_body_file_stays_in_the_scenarios_folder_unless_the_command_line_names_it(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("a private thing")
    folder = tmp_path / "scenarios"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "private")
    for name in ("../private", str(tmp_path / "private"), "link"):
        scenario = write(folder, f"{TARGET}request: {{body_file: '{name}'}}\n")
        done = vpcbench("run", scenario, "--dry-run", folder=folder)
        assert (done.returncode, "leads out of the scenario's folder" in done.stderr) == (2, True)
        assert "scenario.yaml:2: request.body_file" in done.stderr
        named = vpcbench(
            "curl", "http://127.0.0.1:9/", "--data-binary", f"@{name}", "--dry-run", folder=folder
        )
        assert named.returncode == 0, named.stderr


@pytest.mark.parametrize("mode", [None, 0o755])
def test_results_are_for_their_owner_alone(mode: int | None, tmp_path: Path) -> None:
    """Whatever the folder: one of our making is closed, and in one that was there, the files are."""
    if mode is not None:
        (tmp_path / "out").mkdir(mode=mode)
    with PracticeService(Behaviour(), (Address(),)) as service:
        load = ("--rate", "50/s", "--duration", "1s", "--warmup", "0s", "--rounds", "1", "--quiet")
        done = vpcbench("curl", service.urls[0], *load, "-o", "out", folder=tmp_path)
    files = list((tmp_path / "out").iterdir())
    assert len(files) == 5, done.stderr
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == (mode or 0o700)


def test_a_hostile_server_cannot_steer_the_terminal(scripted: ScriptedServer, tmp_path: Path) -> None:
    steering = b"\x1b]0;owned\x07\x1b[2J\x9b31m\xe2\x80\xae"
    head = b"HTTP/1.1 500 " + steering + b"\r\nX-A: " + steering.replace(b"\x1b", b"") + b"\r\n"
    scripted.answers(head + b"Content-Length: %d\r\n\r\n" % len(steering) + steering)
    done = vpcbench("curl", f"http://127.0.0.1:{scripted.port}/", folder=tmp_path)
    assert done.returncode == 4
    assert not set("\x1b\x07\x9b\u202e") & set(done.stdout + done.stderr)


@pytest.mark.must_run("chromium")
def test_nothing_that_a_server_or_a_scenario_says_runs_in_the_report(
    scripted: ScriptedServer, tmp_path: Path
) -> None:
    """From the socket to the browser: status reason, headers, body, and the scenario's own text."""
    hostile = "</script><script>window.ran=1</script><img src=x onerror=window.ran=1>{{ 7*7 }}"
    said = hostile.encode()
    head = b"Content-Type: text/html\r\nX-Said: %s\r\nContent-Length: %d\r\n\r\n%s" % (said, len(said), said)

    statuses = cycle((b"200", b"200", b"500"))  # the first is the preflight's

    def script(connection: socket.socket, number: int) -> None:
        while read_request(connection):
            connection.sendall(b"HTTP/1.1 %s %s\r\n" % (next(statuses), said) + head)

    scripted.script = script
    scenario = f"""
targets: {{a: {{url: "http://127.0.0.1:{scripted.port}/?q=<script>window.ran=1</script>"}}}}
request: {{body: '{hostile}', headers: {{X-Said: '{hostile}'}}}}
load: {{rate: 50/s, duration: 1s, warmup: 0s}}
rounds: 1
"""
    measured("run", write(tmp_path, scenario), folder=tmp_path, status=1)  # a third fails
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((tmp_path / "out" / "report.html").as_uri())
        if page.locator("#drawing").count():  # a run that was held up may have no chart
            page.wait_for_selector("html[data-drawn]", state="attached")
        assert page.evaluate("window.ran") is None
        assert "window.ran=1" in page.content()  # it is there, as text
        assert page.locator("img").count() == 0
        browser.close()


def test_what_was_not_verified_is_said(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "pem"))
    with PracticeService(Behaviour(), (Address(),), certificate=str(tmp_path / "pem")) as service:
        load = ("--rate", "50/s", "--duration", "1s", "--warmup", "0s", "--rounds", "1")
        command = ("curl", service.urls[0], "-d", "x", *load)
        refused = vpcbench(*command, folder=tmp_path)
        assert (refused.returncode, "certificate was not accepted" in refused.stderr) == (4, True)
        done = measured(*command, "-k", folder=tmp_path)
    said = "TLS certificate was not verified"
    assert said in " ".join(done.stdout.split())
    for name in ("report.md", "report.html", "result.json"):
        assert said in (tmp_path / "out" / name).read_text(), name


def listening(port: int) -> set[str]:
    """The IPv4 addresses, and `any IPv6`, on which something listens at this port, by the kernel's own table."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        (address, number), state = line.split()[1].split(":"), line.split()[3]
        if state == "0A" and int(number, 16) == port:
            found.add(socket.inet_ntoa(bytes.fromhex(address)[::-1]))
    six = Path("/proc/net/tcp6")
    lines = six.read_text().splitlines()[1:] if six.exists() else []
    if any(line.split()[1].endswith(f":{port:04X}") for line in lines):
        found.add("any IPv6")
    return found


def test_the_practice_service_listens_on_loopback_alone(tmp_path: Path) -> None:
    port = free_ports(1)[0]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmark", "simulate", "--port", str(port)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": IMPORTED},
    ) as process:
        assert process.stdout is not None
        try:
            said = [process.stdout.readline() for _ in range(3)]
            assert said[-1] == "Ctrl-C stops it.\n"
            assert listening(port) == {"127.0.0.1", "127.0.0.2"}
        finally:
            process.terminate()
        assert process.wait(60) == 0
