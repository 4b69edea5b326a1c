"""The bytes of a request's body, whichever way the scenario gives it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from benchmark.scenario.fields import LARGEST_BODY
from benchmark.scenario.files import find_file, read_file
from benchmark.scenario.model import Request

_BY_BODY = frozenset(
    {"openai", "responses", "anthropic", "cohere", "ollama", "llamacpp"}
)  # APIs that stream where the body says `stream`


def check_body(request: Request, folder: Path, *, trusted: bool = False) -> None:
    """See that the file of a request's body, if it has one, can be had; it is not read.

    Raises:
        InputError: as `read_body`.
    """
    if request.body_file is not None:
        find_file("body_file", request.body_file, folder, most=LARGEST_BODY, trusted=trusted)


def read_body(request: Request, folder: Path = Path(), *, trusted: bool = False) -> bytes:
    """The body of `request`, empty where it has none; `trusted` lets its file be anywhere.

    Raises:
        InputError: the file is outside `folder`, is missing, is no file, is too large, or cannot be read.
    """
    if request.body is not None:
        return request.body.encode()
    if request.body_file is not None:
        return read_file("body_file", request.body_file, folder, most=LARGEST_BODY, trusted=trusted)
    if request.json_ is not None:
        return encode_json(_asked(request))
    if request.bytes_ is not None:
        return random.Random(request.bytes_).randbytes(request.bytes_)
    return b""


def _asked(request: Request) -> Any:
    """The JSON body; where the scenario asks for a stream beside it, the body asks for one."""
    named = request.stream if isinstance(request.stream, str) else "openai"
    if not request.stream or named not in _BY_BODY or not isinstance(request.json_, dict):
        return request.json_
    return {**request.json_, "stream": True}


def encode_json(value: object) -> bytes:
    """JSON as it is sent: compact, keys in their order, non-ASCII characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
