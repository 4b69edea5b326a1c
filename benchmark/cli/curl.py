"""`vpcbench curl`: curl's own command line, a second address beside it, and a load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.cli.output import complain
from benchmark.cli.run import measure
from benchmark.errors import ExitStatus, InputError
from benchmark.scenario.curl import as_scenario, curl_scenario, parse_curl

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
LOAD = ("rate", "arrivals", "connections", "requests", "duration", "warmup")
RUN = ("rounds", "processes")


def curl(arguments: Sequence[str]) -> ExitStatus:
    """Run what a curl command line says, as a load; or print it as a scenario."""
    ours, theirs = split(arguments)
    command = parse_curl(theirs)
    if command.unused:
        complain(f"not used here: {', '.join(command.unused)}")
    load = {name: ours[f"--{name}"][-1] for name in LOAD if f"--{name}" in ours}
    run = {name: ours[f"--{name}"][-1] for name in RUN if f"--{name}" in ours}
    command = replace(command, as_is="--as-is" in ours)
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
