"""vegeta's targets: as lines of HTTP, or as JSON, one a line."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

from benchmark.errors import InputError
from benchmark.scenario.convert.converted import Converted, counted
from benchmark.scenario.curl.command import CurlCommand

_FIRST = re.compile(r"([A-Z]+)\s+(https?://\S+)\s*")
_JSON_METHOD = re.compile(r'\{.*"(method|url)"\s*:')


def is_targets(text: str) -> bool:
    """Whether it begins like such a file."""
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    return bool(_FIRST.fullmatch(first) or _JSON_METHOD.match(first))


def from_targets(text: str) -> Converted:
    """Every target, equal ones counted.

    Raises:
        InputError: a line is not of the form; says which.
    """
    if text.lstrip().startswith("{"):
        return Converted(counted(_of_json(text)))
    commands: list[CurlCommand] = []
    current: CurlCommand | None = None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            continue
        if first := _FIRST.fullmatch(stripped):
            current = CurlCommand(url=first[2], method=first[1])
            commands.append(current)
        elif not stripped:
            current = None
        elif current is None:
            raise InputError(f"line {number}: expected a method and a URL, like GET http://host/path")
        elif stripped.startswith("@"):
            current = commands[-1] = _with(current, body=_file(stripped[1:], number))
        else:
            name, colon, value = stripped.partition(":")
            if not colon:
                raise InputError(
                    f"line {number}: expected a header, like Name: value, or @ and a body's file"
                )
            current = commands[-1] = _with(current, headers=current.headers | {name.strip(): value.strip()})
    return Converted(counted(commands))


def _with(
    command: CurlCommand, *, headers: dict[str, str] | None = None, body: bytes | None = None
) -> CurlCommand:
    return CurlCommand(
        url=command.url,
        method=command.method,
        headers=command.headers if headers is None else headers,
        body=command.body if body is None else body,
    )


def _file(name: str, number: int) -> bytes:
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no path"
        raise InputError(f"line {number}: the body's file '{name}' cannot be read: {reason}") from None


def _of_json(text: str) -> list[CurlCommand]:
    commands = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            target = json.loads(line)
            headers = {
                str(name): ", ".join(value) if isinstance(value, list) else str(value)
                for name, value in (target.get("header") or {}).items()
            }
            body = base64.b64decode(target["body"], validate=True) if target.get("body") else None
            commands.append(
                CurlCommand(url=str(target["url"]), method=str(target["method"]), headers=headers, body=body)
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(
                f'line {number}: expected a target like {{"method": "POST", "url": "http://…", "body": "<base64>"}}'
            ) from None
    return commands
