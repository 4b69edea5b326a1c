"""`vpcbench convert`: what people already have, as a scenario on standard output."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmark.errors import ExitStatus, InputError
from benchmark.report.neutral import harmless
from benchmark.scenario.convert import convert

LARGEST = 256 * 1024**2  # bytes


def convert_file(file: str) -> ExitStatus:
    """Print a file's requests as a scenario; what was left out goes to standard error."""
    text, notes = convert(_read(file), "standard input" if file == "-" else file)
    print(text, end="")
    for note in notes:
        print(f"vpcbench: {harmless(note)}", file=sys.stderr)
    return ExitStatus.OK


def _read(file: str) -> str:
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > LARGEST:
        raise InputError(f"{file} is larger than 256 MiB; cut it to the requests that are wanted")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{file}: this is not UTF-8 text; save it as UTF-8") from None
