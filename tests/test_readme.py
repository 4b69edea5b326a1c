"""The README is checked against the code: its commands, its defaults, its exit statuses, its promises."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli.main import app, main
from benchmark.errors import ExitStatus
from benchmark.report.markdown import render_markdown
from benchmark.scenario.curl import curl_scenario, parse_curl
from benchmark.scenario.data import Data
from benchmark.scenario.load import load_text
from benchmark.scenario.model import Scenario
from benchmark.units import format_duration
from tests.analysis.test_cost import target
from tests.report.test_costs import a_costly

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ENVIRONMENT = {
    "EAS_PUBLIC_URL": "http://127.0.0.1:9/api",
    "EAS_VPC_URL": "http://127.0.0.2:9/api",
    "EAS_TOKEN": "x" * 8,
}


def section(title: str) -> str:
    """What stands under a heading."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def table(title: str) -> dict[str, str]:
    """The first two columns of a section's first table, by the first."""
    rows = [line for line in section(title).splitlines() if line.startswith("|")][2:]
    return dict(tuple(cell.strip() for cell in row.strip("|").split(" | ", 1)) for row in rows)  # type: ignore[misc]


FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SNIPPETS = [text for language, text in FENCED if not language]
COMMANDS = [text for text in SNIPPETS if re.match(r"make |export |\.venv/bin/", text)]


def test_there_are_snippets() -> None:
    assert len(COMMANDS) >= 3


@pytest.mark.parametrize("text", COMMANDS)
def test_shell_snippets_parse(text: str) -> None:
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_recipes_are_understood(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they stand, but for sending nothing."""
    monkeypatch.chdir(ROOT)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    recipes = [
        line for text in COMMANDS for line in text.replace("\\\n", " ").splitlines() if "vpcbench" in line
    ]
    assert {shlex.split(recipe)[1] for recipe in recipes} >= {"curl", "run"}
    for recipe in recipes:
        with pytest.raises(SystemExit) as ended:
            main([*shlex.split(recipe)[1:], "--dry-run"])
        assert ended.value.code in {0, None}, capsys.readouterr().err
        assert "Sending" in capsys.readouterr().out


def test_the_chinese_page_names_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its links, its commands, and its recipes as they stand, but for sending nothing."""
    monkeypatch.chdir(ROOT)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    text = (ROOT / "README.zh.md").read_text(encoding="utf-8")
    for path in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / path).exists(), path
    commands = {each.name or each.callback.__name__ for each in app.registered_commands if each.callback}
    assert set(re.findall(r"`vpcbench ([a-z]+)\b", text)) <= commands
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", text)) <= targets
    blocks = "".join(
        block for _, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    )
    recipes = [line for line in blocks.replace("\\\n", " ").splitlines() if "vpcbench" in line]
    assert len(recipes) == 2
    for recipe in recipes:
        with pytest.raises(SystemExit) as ended:
            main([*shlex.split(recipe)[1:], "--dry-run"])
        assert ended.value.code in {0, None}, capsys.readouterr().err


def test_commands_and_make_targets_exist() -> None:
    commands = {
        command.name or command.callback.__name__ for command in app.registered_commands if command.callback
    }
    named = set(re.findall(r"vpcbench ([a-z]+)\b", "\n".join(re.findall(r"`(.*?)`", README)))) - {"command"}
    assert named
    assert named <= commands
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", README)) <= targets


def test_every_link_and_every_test_that_is_named_exists() -> None:
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"`(?:pytest )?((?:tests|scenarios|benchmark|results)/[^\s`]*)", README):
        assert (ROOT / path).exists(), path


def test_every_promise_is_shown_by_a_command_that_exists() -> None:
    shown = [re.findall(r"`(.*?)`", cell)[0].split() for cell in table("What you can rely on").values()]
    assert {words[0] for words in shown} == {"make", "pytest"}
    tests = [words[1:] for words in shown if words[0] == "pytest"]
    options = ["-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    paths = sorted({path for path, *_ in tests})
    done = subprocess.run(
        [sys.executable, *options, *paths], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    for path, *choice in tests:
        assert re.search(
            rf"^{re.escape(path)}::.*{choice[1] if choice[:1] == ['-k'] else ''}", done.stdout, re.MULTILINE
        ), path


def test_exit_statuses_are_those_of_the_code() -> None:
    told = {int(number) for number in re.findall(r"(?:^|· |·\n)(\d+) ", section("Exit status"), re.MULTILINE)}
    assert told == {int(status) for status in ExitStatus}


def least(rest: str = "") -> Scenario:
    """A scenario that leaves everything else to its defaults."""
    return load_text(
        f"targets: {{first: {{url: 'http://h'}}, b: {{url: 'http://i'}}}}\n{rest}", "s", Path()
    ).scenario


def defaults() -> dict[str, str]:
    """What the code does, as the table's rows must begin to say it."""
    plain, request = least(), least().all_requests[0]
    assert (least("request: {body: x}").all_requests[0].method, request.method) == ("POST", "GET")
    assert request.expect.accepts(399)
    assert not request.expect.accepts(400)
    return {
        "`load`": "from a few probes" if not plain.load.paced else "?",
        "`load.arrivals`": f"`{plain.load.arrivals}`",
        "`data.order`": f"`{Data.model_fields['order'].default}`",
        "`load.duration`": f"`{format_duration(plain.load.duration).replace(' ', '')}` measured",
        "`load.warmup`": "one exchange per connection" if plain.load.warmup is None else "?",
        "`load.max_connections`": f"`{plain.load.max_connections}`",
        "`rounds`": f"`{plain.rounds}`",
        "`request.timeout`": f"`{format_duration(request.timeout).replace(' ', '')}`",
        "`request.max_head`, `request.max_body`": f"`{request.max_head // 1024}KiB` and `{request.max_body // 1024**3}GiB`",
        "`transport`": f"`{plain.transport}`",
        "`request.method`": "`POST` with a body, else `GET`",
        "`request.expect.status`": "any below 400",
        "`processes`": f"`{plain.processes}`",
        "`confidence`": f"`{plain.confidence}`",
        "`max_rounds`": f"`{plain.max_rounds}`",
        "`baseline`": f"the {plain.baseline_name} target",
    }


def test_the_table_of_defaults_is_that_of_the_code() -> None:
    told = table("Defaults")
    for name, value in defaults().items():
        assert told[name].startswith(value), name
    assert told.keys() - defaults().keys() == {"target names for `curl`"}  # which has a test of its own


def test_the_cost_example_can_be_reckoned_by_hand_and_is_what_a_report_prints() -> None:
    example = next(text for text in SNIPPETS if "10⁶ requests" in text)
    wire, million, month = example.splitlines()
    size, count, each = numbers(wire)
    assert round(size / count, 1) == each
    first, _, volume, price, *_, cost = numbers(million.replace("10⁶", "1000000").replace("per million", ""))
    assert (first, volume) == (each, round(each * 1_000_000 / 1e9, 4))
    assert round(volume * price, 2) == cost
    first, requests, volume, free, billed, again, cost = numbers(month)
    assert (first, again) == (each, price)
    assert volume == round(each * requests / 1e9, 4)
    assert billed == pytest.approx(volume - free)
    assert round(billed * price, 2) == cost
    _, report = a_costly(received=int(size), monthly=int(requests), public=target(quota=int(free * 1e9)))
    text = render_markdown(report)
    for figure in set(re.findall(r"[0-9][0-9,]*\.[0-9]+", example)) - {f"{billed:.4f}"}:
        assert figure in text, figure


def numbers(line: str) -> list[float]:
    """All numbers of a line that are no part of a date."""
    return [
        float(found.replace(",", ""))
        for found in re.findall(r"(?<![-\w])[0-9][0-9,]*(?:\.[0-9]+)?(?![-\w])", line)
    ]


def test_the_prices_of_the_example_are_a_scenario() -> None:
    text = re.findall(r"^```yaml\n(.*?)^```", section("What it saves"), re.MULTILINE | re.DOTALL)[0]
    scenario = least(text)
    assert scenario.prices
    assert scenario.prices.quota.elsewhere == 200 * 1000**3
    assert scenario.monthly_requests == 30_000_000


def test_the_names_of_targets_for_curl() -> None:
    def names(*urls: str) -> list[str]:
        return list(curl_scenario(parse_curl([urls[0]]), urls[1:]).scenario.targets)

    public, vpc = "http://1.cn-x.pai-eas.aliyuncs.com", "http://1.vpc.cn-x.pai-eas.aliyuncs.com"
    assert (names(public, vpc), names("http://a", "http://b"), names("http://a")) == (
        ["public", "vpc"], ["first", "second"], ["target"],
    )  # fmt: skip
