"""`vpcbench curl`: curl's own command line, a second address beside it, and a load."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.cli.output import complain
from benchmark.cli.run import measure
from benchmark.errors import ExitStatus, InputError
from benchmark.redaction import redact_url
from benchmark.scenario.curl import CurlCommand, as_scenario, curl_scenario, parse_curl

VALUES = {
    "--vs",
    "--rate",
    "--arrivals",
    "--connections",
    "--concurrency",
    "--requests",
    "--duration",
    "--warmup",
    "--rounds",
    "--processes",
    "--objective",
    "--fail-if",
    "--out",
    "-o",
}
_SAME = {"--concurrency": "--connections"}
_FILES = {
    ".json",
    ".txt",
    ".html",
    ".out",
    ".log",
    ".bin",
    ".md",
    ".xml",
    ".csv",
    ".gz",
    ".zip",
    ".png",
    ".wav",
    ".mp3",
}
SWITCHES = {"--as-is", "--as-scenario", "--dry-run", "--quiet", "--full", "--no-check"}
POSTS = (
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/messages",
)  # the ends of paths that take a body
_JSON = re.compile(r"[/+]json\b")
_RULE = re.compile(r"([\w.-]+)\s*(<=|>=|<|>)\s*(\S.*)")
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
LOAD = ("rate", "arrivals", "connections", "requests", "duration", "warmup")
RUN = ("rounds", "processes")


def curl(arguments: Sequence[str]) -> ExitStatus:
    """Run what a curl command line says, as a load; or print it as a scenario."""
    ours, theirs = split(arguments)
    command = parse_curl(theirs)
    if command.unused:
        complain(f"not used here: {', '.join(command.unused)}")
    load = {name: ours[f"--{name}"][-1] for name in LOAD if f"--{name}" in ours}
    run: dict[str, object] = {name: ours[f"--{name}"][-1] for name in RUN if f"--{name}" in ours}
    objectives = [*ours.get("--objective", []), *map(opposite, ours.get("--fail-if", []))]
    run |= {"objectives": objectives} if objectives else {}
    command = replace(command, as_is="--as-is" in ours)
    demand_body(command)
    loaded = curl_scenario(command, ours.get("--vs", []), load, run)
    if "--as-scenario" in ours:
        print(as_scenario(command, ours.get("--vs", []), load, run), end="")
        return ExitStatus.OK
    return measure(
        loaded,
        _folder(ours),
        dry_run="--dry-run" in ours,
        quiet="--quiet" in ours,
        full="--full" in ours,
        check="--no-check" not in ours,
    )


def opposite(rule: str) -> str:
    """The objective that a rule is broken with: `p99 > 800ms` must not be, so `p99 <= 800ms` must.

    Raises:
        InputError: it is no comparison.
    """
    match = _RULE.fullmatch(rule.strip())
    if not match:
        raise InputError(f"--fail-if {rule!r}: write a metric, a comparison and a limit, like 'p99 > 800ms'")
    return f"{match[1]} {_OPPOSITE[match[2]]} {match[3]}"


def demand_body(command: CurlCommand) -> None:
    """Stop where a request is about to go out without the body that its path takes.

    Raises:
        InputError: it has none, and nobody asked for a GET by name.
    """
    path = urlsplit(command.url).path.rstrip("/")
    bare = command.body is None and command.body_file is None and command.method in {None, "POST"}
    if bare and path.endswith(POSTS):
        raise InputError(
            f"{redact_url(command.url)}: this path takes a POST with a JSON body; did the command lose a line after its "
            "first backslash? Each line but the last must end in a backslash; or give the body with -d (nothing was sent)"
        )
    kind = next((value for name, value in command.headers.items() if name.lower() == "content-type"), "")
    if command.body is not None and _JSON.search(kind.lower()):
        try:
            json.loads(command.body)
        except ValueError as error:
            complain(
                f"the body is not JSON, as its Content-Type says it is: {_place(error)}; look at its quotes"
            )


def _place(error: ValueError) -> str:
    """Where it ends to be, without a word of it."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at line {error.lineno}, column {error.colno}"
    return "it is not in UTF-8"


def _folder(ours: dict[str, list[str]]) -> Path | None:
    """Where results go. A file behind `-o` is where curl would write the answer, and is not used."""
    named = ours.get("--out", [])
    for value in ours.get("-o", []):
        path = Path(value)
        if value != "-" and path.suffix not in _FILES and (path.is_dir() or not path.exists()):
            named.append(value)
    return Path(named[-1]) if named else None


def split(arguments: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Our options, and what is left to curl."""
    ours: dict[str, list[str]] = {}
    theirs = []
    rest = iter(arguments)
    for argument in rest:
        name, given, value = argument.partition("=")
        if name in SWITCHES and not given:
            ours[name] = []
        elif name in VALUES and (given or argument == name):
            taken = value if given else next(rest, None)
            if taken is None:
                raise InputError(f"{name} needs a value")
            ours.setdefault(_SAME.get(name, name), []).append(taken)
        else:
            theirs.append(argument)
    return ours, theirs
