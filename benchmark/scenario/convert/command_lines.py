"""Command lines of other load testers, and of curl, as they stand in a file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from benchmark.errors import InputError
from benchmark.scenario.convert.converted import Converted
from benchmark.scenario.curl.command import parse_curl


@dataclass(frozen=True)
class _Tool:
    """How a tool's flags are understood. `Name=` takes a value."""

    curl: Mapping[str, str]  # its flag → curl's
    load: Mapping[str, str]  # its flag → a key of the load
    dropped: str  # flags that change nothing that is sent
    numbers: str = "s"  # the unit of a duration without one


_TOOLS = {
    "hey": _Tool(
        {"-m=": "-X", "-H=": "-H", "-d=": "--data-raw", "-D=": "--data-binary @", "-T=": "-H Content-Type: ",
         "-A=": "-H Accept: ", "-a=": "-u", "-U=": "-A", "-host=": "-H Host: ", "-x=": "-x", "-t=": "-m"},
        {"-n=": "requests", "-c=": "connections", "-z=": "duration", "-q=": "each"},
        "-o= -cpus= -disable-compression -disable-keepalive -disable-redirects -h2",
    ),
    "wrk": _Tool(
        {"-H=": "-H", "--header=": "-H", "--timeout=": "-m"},
        {"-c=": "connections", "--connections=": "connections", "-d=": "duration", "--duration=": "duration",
         "-R=": "rate", "--rate=": "rate"},
        "-t= --threads= --latency -L -U --u_latency",
    ),
    "oha": _Tool(
        {"-m=": "-X", "--method=": "-X", "-H=": "-H", "-d=": "--data-raw", "-D=": "--data-binary @",
         "-T=": "-H Content-Type: ", "-A=": "-H Accept: ", "-a=": "-u", "-t=": "-m", "--host=": "-H Host: ",
         "--insecure": "-k", "-x=": "-x"},
        {"-n=": "requests", "-c=": "connections", "-z=": "duration", "-q=": "rate"},
        "-j --json --no-tui --latency-correction --disable-keepalive -p= -r= --fps= --stats-success-breakdown --no-color",
    ),
    "ab": _Tool(
        {"-m=": "-X", "-H=": "-H", "-p=": "--data-binary @", "-u=": "-T", "-T=": "-H Content-Type: ", "-C=": "-b",
         "-A=": "-u", "-s=": "-m", "-i": "-I", "-X=": "-x"},
        {"-n=": "requests", "-c=": "connections", "-t=": "duration"},
        "-k -l -q -r -d -S -v= -w -e= -g= -f= -Z= -B= -b= -V",
    ),
}  # fmt: skip
_TOOLS["wrk2"] = _TOOLS["wrk"]
_TOOLS["rewrk"] = _TOOLS["wrk"]
_BODY_FLAGS = ("--data-raw", "--data-binary")


def is_command_line(text: str) -> bool:
    """Whether it begins with the name of a tool that is known."""
    return _tool_of(text.split(maxsplit=1)[0] if text.strip() else "") in {*_TOOLS, "curl"}


def _tool_of(word: str) -> str:
    return PurePath(word).name.removesuffix(".exe").lstrip("$").strip()


def from_command_line(text: str) -> Converted:
    """A command line of one of these tools, over several lines or on one.

    Raises:
        InputError: a flag is not understood, or it cannot be read.
    """
    try:
        words = shlex.split(re.sub(r"\\\r?\n", " ", text.strip()), comments=True)
    except ValueError as error:
        raise InputError(f"this command line cannot be read: {error}") from None
    name = _tool_of(words[0])
    if name == "curl":
        return Converted(((parse_curl(words[1:]), 1),))
    arguments, load, notes = _translated(name, _TOOLS[name], words[1:])
    return Converted(((parse_curl(arguments), 1),), load, tuple(notes))


def _translated(name: str, tool: _Tool, words: list[str]) -> tuple[list[str], dict[str, str], list[str]]:
    """curl's arguments, the load, and what was left out."""
    arguments: list[str] = []
    found: dict[str, str] = {}
    notes: list[str] = []
    rest = iter(words)
    dropped = set(tool.dropped.split())
    for word in rest:
        if not word.startswith("-"):
            arguments.append(word)
            continue
        flag, value = _taken(name, word, {*tool.curl, *tool.load, *dropped}, rest)
        if flag in tool.load:
            found[tool.load[flag]] = value
        elif flag in tool.curl:
            arguments += _as_curl(tool.curl[flag], value)
        else:
            notes.append(f"{flag.rstrip('=')} is left out")
    if any(argument in _BODY_FLAGS for argument in arguments) and name != "ab" and "-X" not in arguments:
        arguments += ["-X", "GET"]  # these send the body with the method that they are told, GET by default
    return arguments, _load(found), notes


def _taken(name: str, word: str, known: set[str], rest: object) -> tuple[str, str]:
    """A flag as the tables have it, and its value: `-n 200`, `-n200`, `-n=200`, `--rate=200`."""
    head, equals, tail = word.partition("=")
    if f"{head}=" in known:
        value = tail if equals else next(rest, None)  # type: ignore[call-overload]
        if value is None:
            raise InputError(f"{name} {head} needs a value")
        return f"{head}=", str(value)
    if word in known:
        return word, ""
    if not word.startswith("--") and f"{word[:2]}=" in known:
        return f"{word[:2]}=", word[2:]
    raise InputError(
        f"{name} {head}: this flag is not understood; leave it out where it changes nothing that is sent"
    )


def _as_curl(flag: str, value: str) -> list[str]:
    """`-H Content-Type: ` takes its value in one word with what stands before it."""
    name, space, prefix = flag.partition(" ")
    if name == "-m":
        value = value.removesuffix("s")
    return [name, f"{prefix}{value}"] if space else [flag, value] if value else [flag]


def _load(found: dict[str, str]) -> dict[str, str]:
    """A load's keys; what these tools leave out has their own default."""
    load = dict(found)
    each = load.pop("each", "")
    if each:  # of hey: a rate for every one of its callers
        load["rate"] = f"{float(each) * int(load.pop('connections', '50')):g}"
    if load.get("rate", "").replace(".", "", 1).isdecimal():
        load["rate"] += "/s"
    if load.get("duration", "").isdecimal():
        load["duration"] += "s"
    if "rate" in load:
        load.pop("connections", None)
    if "duration" in load:
        load.pop("requests", None)
    return load
