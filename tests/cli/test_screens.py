"""Every command on a terminal of 80 × 24, and in a pipe: what its user sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.laws import Constant
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import vpcbench
from tests.cli.terminal import CTRL_C, HEIGHT, Terminal

SHORT = ("--rate", "50/s", "--duration", "400ms", "--warmup", "0s", "--rounds", "2")
SCENARIO = """
name: two
targets: {{public: {{url: "{}"}}, vpc: {{url: "{}"}}}}
request: {{body: hello}}
load: {{rate: 50/s, duration: 400ms, warmup: 0s}}
rounds: 2
objectives: ["p50 < 10s"]
"""
ANSWERS = {0, 1, 3}  # 3: other programs took the cores
ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a scenario, a capacity search's, and two runs, while the service that they are of is there."""
    made = tmp_path_factory.mktemp("screens")
    with PracticeService(Behaviour(latency=Constant(0.002)), (Address(), Address("127.0.0.2"))) as service:
        (made / "scenario.yaml").write_text(SCENARIO.format(*service.urls))
        (made / "urls").write_text(" ".join(service.urls))
        for name in ("base", "new"):
            done = vpcbench("run", "scenario.yaml", "-o", name, "--quiet", folder=made)
            assert done.returncode in ANSWERS, done.stderr
        yield made


def written(terminal: Terminal) -> list[str]:
    """The rows as they were written, before a window broke them."""
    text = ESCAPE.sub(b"", terminal.raw).decode().replace("\r\n", "\n")
    return [line.rpartition("\r")[2] for line in text.split("\n")]


def see(folder: Path, *command: str, statuses: set[int] = ANSWERS, columns: int = 80) -> Terminal:
    """A terminal on which a command has come to its end."""
    with Terminal(*command, folder=folder, columns=columns) as terminal:
        assert terminal.ended() in statuses, terminal.text
    assert "Traceback" not in terminal.text
    rows = [row for row in written(terminal) if "://" not in row]  # a URL is not broken
    assert max(map(len, rows)) <= columns, terminal.text
    return terminal


def worded(folder: Path, command: tuple[str, ...]) -> list[str]:
    """A command with the addresses that are there."""
    url, other = (folder / "urls").read_text().split()
    return [each.format(url=url, other=other) for each in command]


MEASURING = {
    "run": ("run", "scenario.yaml"),
    "curl": ("curl", "{url}", "-d", "x", *SHORT),
    "compared": ("curl", "{url}", "--vs", "{other}", "-d", "x", *SHORT),
    "capacity": ("capacity", "scenario.yaml", "--budget", "2s"),
}


@pytest.mark.parametrize("name", MEASURING)
def test_a_command_that_measures_ends_with_its_answer_in_a_window(name: str, folder: Path) -> None:
    command = worded(folder, MEASURING[name])
    terminal = see(folder, *command, "-o", f"{name}-seen")
    screen = "\n".join(terminal.screen)
    assert terminal.screen[-1] == "", "the prompt has no row"
    assert re.search(r"address|`target`|two|Not enough data|not valid", screen), screen
    assert "Report: " in screen
    assert "Latency" not in screen
    if name != "capacity":
        assert b"%|" in terminal.raw  # there was a bar
        assert "%|" not in terminal.text  # and nothing is left of it


@pytest.mark.parametrize("name", ["run", "curl", "capacity"])
def test_in_a_pipe_it_says_everything_and_draws_nothing(name: str, folder: Path) -> None:
    done = vpcbench(*worded(folder, MEASURING[name]), "-o", f"{name}-piped", folder=folder)
    assert done.returncode in ANSWERS, done.stderr
    assert "%|" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert ("Capacity" if name == "capacity" else "Throughput and account") in done.stdout


SHOWING = {
    "check": ("check", "scenario.yaml"),
    "check a URL": ("check", "{url}"),
    "report": ("report", "base"),
    "diff": ("diff", "base", "new", "--allow", "unsound-runs"),
    "history": ("history", "."),
    "dry run": ("run", "scenario.yaml", "--dry-run"),
    "an error": ("run", "scenario.yaml", "--set", "load.rate=fast"),
    "no such target": ("check", "http://127.0.0.1:9/"),
}


@pytest.mark.parametrize(
    ("name", "columns"),
    [*((name, 80) for name in SHOWING), *((name, 40) for name in ("check", "report", "diff", "history"))],
)
def test_a_command_that_shows_something_fits_in_a_window(name: str, columns: int, folder: Path) -> None:
    statuses = {*ANSWERS, 2, 4}
    terminal = see(folder, *worded(folder, SHOWING[name]), statuses=statuses, columns=columns)
    assert len(terminal.lines) < HEIGHT, terminal.text


def test_all_of_it_is_there_for_the_asking(folder: Path) -> None:
    terminal = see(folder, "report", "base", "--full")
    assert "Throughput and account" in terminal.text
    assert len(terminal.lines) > HEIGHT
    piped = vpcbench("report", "base", "--format", "terminal", folder=folder).stdout
    assert [line.rstrip() for line in piped.rstrip().splitlines()] == terminal.lines
    assert vpcbench("report", "base", folder=folder).stdout.startswith(
        "# two\n"
    )  # Markdown, for what reads a pipe


def test_the_practice_service_says_where_it_is_until_it_is_stopped(tmp_path: Path) -> None:
    with Terminal("simulate", "--port", "0", folder=tmp_path) as terminal:
        terminal.until("Ctrl-C stops it.")
        terminal.type(CTRL_C)
        assert terminal.ended() == 0
    assert len(terminal.lines) < HEIGHT


@pytest.mark.parametrize("command", ["", "run", "curl"])
def test_help_is_no_wider_than_the_window(command: str, tmp_path: Path) -> None:
    terminal = see(tmp_path, *command.split(), "--help")
    assert "Usage: vpcbench" in terminal.text or "Usage: python -m benchmark" in terminal.text


def test_ctrl_c_in_mid_run_leaves_the_answer_on_the_screen(tmp_path: Path) -> None:
    """And so it is of the demo: whose bar, on a terminal, was its end."""
    with Terminal("demo", "-o", "out", folder=tmp_path) as terminal:
        terminal.until("%|")
        terminal.until("p99")
        terminal.type(CTRL_C)
        assert terminal.ended() == 130
    assert "Traceback" not in terminal.text
    assert "waiting for what is in flight" in terminal.text
    assert "Report: out/report.html" in "\n".join(terminal.screen)


def test_a_window_may_change_in_mid_run(folder: Path, tmp_path: Path) -> None:
    url = (folder / "urls").read_text().split()[0]
    load = ("--rate", "50/s", "--duration", "2s", "--warmup", "0s", "--rounds", "4")
    with Terminal("curl", url, "-d", "x", *load, "-o", str(tmp_path / "out"), folder=folder) as terminal:
        terminal.until("%|")
        terminal.resize(40, HEIGHT)
        before = len(terminal.raw)
        assert terminal.ended() in ANSWERS
    later = ESCAPE.sub(b"", terminal.raw[before:]).decode()
    bars = [each for each in re.split(r"[\r\n]", later) if "%|" in each]
    assert "Traceback" not in terminal.text
    assert all(len(each) <= 40 for each in bars[2:]), bars  # the first may be of before


def test_a_window_that_is_closed_ends_nothing_but_the_showing(folder: Path, tmp_path: Path) -> None:
    url = (folder / "urls").read_text().split()[0]
    out = tmp_path / "out"
    with Terminal("curl", url, "-d", "x", *SHORT, "-o", str(out), folder=folder) as terminal:
        terminal.until("%|")
        terminal.hang_up()
        terminal.process.wait(60)
    assert (out / "journal").exists() or (out / "report.html").exists()
