"""Canaries wherever a secret can stand: none turns up in anything that is written, printed or told in a crash."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from benchmark.redaction import REDACTED
from benchmark.scenario.load import load_text
from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import Address
from tests.cli.command import IMPORTED, Done, measured, pairs, result_of, vpcbench, write
from tests.servers import ScriptedServer, read_request

TOKEN = "canary-token-5d41402abc"
SECRETS = {
    "EAS_TOKEN": TOKEN,
    "COOKIE": "canary=cookie/8277e0910d",
    "API_KEY": 'canary"key\\75b8',
    "SIGNATURE": "canary sig+1f3870be",
    "TEAM": "canary-header-bf1e99",
    "SEARCH": "canary-query-ü-0cc175",
    "BODY": "canary-body-92eb5f",
    "LITERAL": "canary-literal-4a8a08",  # in the scenario itself
    "IN_URL": "canary-in-url-e1671797c5",
}

EVERYWHERE = """
name: canaries
targets:
  one:
    url: "URL?access_token=IN_URL"
    token: "${EAS_TOKEN}"
    headers: {Cookie: "${COOKIE}", X-Api-Key: "${API_KEY}", X-Team: "${TEAM}", X-Secret: LITERAL}
    query: {signature: "${SIGNATURE}", q: "${SEARCH}"}
request:
  json: {user: "${BODY}", again: "LITERAL"}
load: {rate: 50/s, duration: 1s, warmup: 0s}
rounds: 2
"""


def everywhere(url: str) -> str:
    """A scenario with a secret wherever one can stand."""
    text = EVERYWHERE.replace("URL?", f"{url}?")
    for name in ("IN_URL", "LITERAL"):
        text = text.replace(name, SECRETS[name])
    return text


def spellings(secret: str) -> Iterator[bytes]:
    """The secret as it is, and as JSON, a URL, HTML and Python write it."""
    in_html = secret.replace("&", "&amp;").replace('"', "&#34;")
    forms = {
        secret,
        json.dumps(secret)[1:-1],
        quote(secret),
        quote(secret, safe=""),
        in_html,
        repr(secret)[1:-1],
    }
    yield from (form.encode() for form in forms)


def leaks(done: Done, folder: Path) -> list[str]:
    """Where which canary is seen."""
    seen = {"standard output": done.stdout.encode(), "standard error": done.stderr.encode()}
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "scenario-in.yaml")
    seen |= {str(path.relative_to(folder)): path.read_bytes() for path in files}
    assert any(seen.values())
    return [
        f"{name} in {place}"
        for name, secret in SECRETS.items()
        for place, content in seen.items()
        if any(form in content for form in spellings(secret))
    ]


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Where scenarios are, and where what is made of them goes: the only one that is searched."""
    (tmp_path / "asked").mkdir()
    (tmp_path / "made").mkdir()
    return tmp_path / "asked", tmp_path / "made"


def test_a_run_that_works_keeps_and_says_none(places: tuple[Path, Path]) -> None:
    asked, made = places
    with PracticeService(Behaviour(), (Address(),), token=TOKEN) as service:  # it echoes what it is sent
        write(asked, everywhere(service.urls[0]))
        done = measured("run", "../asked/scenario.yaml", folder=made, environ=SECRETS)
        answered = service.truth().status
    assert set(answered.tolist()) == {200}
    assert leaks(done, made) == []
    assert {"result.json", "report.html", "report.md", "scenario.yaml", "recordings.json"} <= {
        path.name for path in (made / "out").iterdir()
    }
    for format_ in ("html", "markdown", "json"):
        assert leaks(vpcbench("report", "out", "--format", format_, folder=made), made) == []


def test_a_server_that_says_it_all_again_is_not_quoted(
    scripted: ScriptedServer, places: tuple[Path, Path]
) -> None:
    asked, made = places

    def script(connection: object, number: int) -> None:
        told = " ".join(SECRETS.values()).encode()
        read_request(connection)  # type: ignore[arg-type]
        head = b"HTTP/1.1 500 %s\r\nX-Echo: %s\r\nContent-Length: %d\r\n\r\n" % (told, told, len(told))
        connection.sendall(head + told)  # type: ignore[attr-defined]

    scripted.script = script
    write(asked, everywhere(f"http://127.0.0.1:{scripted.port}"))
    done = vpcbench("run", "../asked/scenario.yaml", folder=made, **SECRETS)
    assert (done.returncode, "<redacted>" in done.stderr) == (4, True), done.stderr
    assert leaks(done, made) == []


@pytest.mark.parametrize("wrong", ["\nrounds: many", "\nfrob: 1", "\n  : [", "\nobjectives: ['p50 < x']"])
def test_what_is_wrong_is_told_without(places: tuple[Path, Path], wrong: str) -> None:
    asked, made = places
    write(asked, everywhere("http://127.0.0.1:9") + wrong)
    done = vpcbench("run", "../asked/scenario.yaml", folder=made, **SECRETS)
    assert done.returncode == 2
    assert leaks(done, made) == []


def test_user_information_in_a_url_is_refused_without_being_told(places: tuple[Path, Path]) -> None:
    asked, made = places
    write(asked, f"targets: {{a: {{url: 'http://user:{TOKEN}@127.0.0.1:9/'}}}}")
    done = vpcbench("run", "../asked/scenario.yaml", folder=made)
    assert (done.returncode, "user information" in done.stderr) == (2, True)
    assert leaks(done, made) == []
    done = vpcbench(
        "curl", f"http://user:{TOKEN}@127.0.0.1:9/", folder=made
    )  # as curl, which sends it as a header
    assert done.returncode == 4
    assert leaks(done, made) == []


def test_a_curl_command_is_kept_and_printed_without(places: tuple[Path, Path]) -> None:
    _, made = places
    with PracticeService(Behaviour(), (Address(),), token=TOKEN) as service:
        command = (
            "curl", f"{service.urls[0]}?sig={SECRETS['IN_URL']}", "-H", f"Authorization: {TOKEN}",
            "-H", f"Cookie: {SECRETS['COOKIE']}", "-d", f"my token is {TOKEN}",
            "--rate", "50/s", "--duration", "1s", "--warmup", "0s", "--rounds", "1",
        )  # fmt: skip
        assert leaks(vpcbench(*command, "--as-scenario", folder=made), made) == []
        assert leaks(vpcbench(*command, "--dry-run", folder=made), made) == []
        assert leaks(measured(*command, folder=made), made) == []


CRASH = """
import sys
import benchmark.cli.run as run
from benchmark.cli.main import main

def summarise(kept):
    raise RuntimeError("it broke on " + {secret!r})

run.summarise = summarise
main(sys.argv[1:])
"""


def test_a_crash_tells_its_traceback_without(places: tuple[Path, Path]) -> None:
    asked, made = places
    with PracticeService(Behaviour(), (Address(),), token=TOKEN) as service:
        write(asked, everywhere(service.urls[0]))
        done = subprocess.run(
            [sys.executable, "-c", CRASH.format(secret=TOKEN), "run", "../asked/scenario.yaml", "-o", "out"],
            cwd=made,
            capture_output=True,
            text=True,
            env={**os.environ, **SECRETS, "PYTHONPATH": IMPORTED},
            check=False,
        )
    assert done.returncode == 70
    assert "RuntimeError: it broke on <redacted>" in done.stderr
    assert "Traceback" in done.stderr
    assert leaks(done, made) == []


def test_figures_are_no_secrets(places: tuple[Path, Path]) -> None:
    """A number that the environment puts into a body must not blot out the same number in the results."""
    asked, made = places
    with PracticeService(Behaviour(), (Address(),)) as service:
        write(
            asked,
            f"""
targets: {{a: {{url: "{service.urls[0]}"}}}}
request: {{json: {{max_tokens: "${{MOST}}"}}}}
load: {{rate: 100/s, duration: 1s, warmup: 0s}}
rounds: 1
""",
        )
        measured("run", "../asked/scenario.yaml", folder=made, environ={"MOST": "100"})
    target = result_of(made / "out")["targets"]["a"]
    assert target["rate"]["offered"] == 100
    assert target["counts"]["scheduled"] == 100 * pairs(made / "out")
    assert vpcbench("report", "out", "--format", "json", folder=made).returncode == 0


LONG = "eyJhbGciOiJIUzI1NiJ9." + "QmFzZTY0IGNhbmFyeSB0b2tlbg" * 14  # 385 characters
RANDOM = "CAN8277e0910d750195b448"
BASIC = b64encode(b"bob:CANpw").decode()
ECHOES: dict[str, tuple[dict[str, Any], dict[str, Any], bytes]] = {  # a target's keys, its request's, the answer
    "long": ({"token": LONG, "bearer": True}, {}, b'{"error":"invalid token %s"}' % LONG.encode()),
    "divided": ({"headers": {"X-Pass": "CANshort"}}, {}, b"x" * 196 + b"CANshort"),
    "reading": ({"headers": {"X-Token": LONG}}, {}, b" " * 4000 + LONG.encode()),
    "password": ({"token": f"Basic {BASIC}"}, {}, b"bad password CANpw"),
    "base64": ({"token": f"Basic {BASIC}"}, {}, b64encode(b"realm:bob:CANpw") + f" is not {BASIC}".encode()),
    "percent": ({"headers": {"Cookie": "sid=CAN pw/"}}, {}, b"/?sid=CAN%20pw%2f&again=CAN+pw%252F"),
    "form": ({}, {"body": "user=a&appkey=CANform"}, b"no such key: CANform"),
    "json": ({}, {"json": {"a": [{"api_key": 'CAN"deep'}]}}, b'{"you": "said CAN\\"deep"}'),
    "random": ({"headers": {"X-Team": RANDOM}}, {}, b"who is %s?" % RANDOM.encode()),
}  # fmt: skip


def test_no_part_of_a_credential_that_a_server_says_again_is_told(
    scripted: ScriptedServer, places: tuple[Path, Path]
) -> None:
    """Neither where it is whole, nor where it is cut, nor in another spelling."""
    asked, made = places

    def script(connection: socket.socket, number: int) -> None:
        asked = read_request(connection)
        if not asked:  # the check's walk only knocks
            return
        echo = asked.split(b"/")[1].split(b"?")[0].decode()
        body = ECHOES[echo][2]
        head = b"HTTP/1.1 401 %s\r\nServer: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % (body.strip(), body.strip(), len(body)) + body)

    scripted.script = script
    url = f"http://127.0.0.1:{scripted.port}/"
    for number, (name, (target, request, _)) in enumerate(ECHOES.items()):
        scenario = {"targets": {name: {"url": f"{url}{name}?AppCode=CANcode", **target}}, "request": request}
        (asked / f"{name}.json").write_text(json.dumps(scenario))
        command = (("check",), ("check", "--json"), ("run",))[number % 3]
        done = vpcbench(*command, f"../asked/{name}.json", folder=made)
        shown = (done.stdout + done.stderr).replace(REDACTED, "")
        assert (done.returncode, "401" in shown) == (4, True), shown
        for part in ("CAN", "eyJh", "QmFz", "ZTY0", BASIC[:6], BASIC[4:], b64encode(b"CANpw").decode()[:5]):
            assert part not in shown, (name, shown)


@pytest.mark.parametrize("name", ["AppCode", "appkey", "pass", "code", "sid", "q"])
def test_no_credential_is_kept_by_any_name(name: str) -> None:
    """In a query, a header, a form, JSON at any depth, a cookie: one list of names, and what looks like a token."""
    secret = "CAN8277e0910d750195b448" if name == "q" else "CANsecret"
    data = {
        "targets": {"a": {"url": f"http://h/?{name}={secret}", "headers": {name: secret}}},
        "request": {
            "json": {"a": [{name: {"b": secret}}]},
            "query": {name: secret},
            "headers": {"Cookie": f"x={secret}"},
        },
    }
    form = {"targets": {"a": {"url": "http://h/"}}, "request": {"body": f"a=b&{name}={secret}"}}
    for scenario in (data, form):
        loaded = load_text(json.dumps(scenario), "scenario", Path())
        assert secret in loaded.secrets
        assert "CAN" not in json.dumps(loaded.document)
