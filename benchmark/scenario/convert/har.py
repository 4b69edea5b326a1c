"""Recorded traffic (HAR 1.2), and the examples of an OpenAPI document."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

from benchmark.errors import InputError
from benchmark.scenario.convert.converted import Converted, counted
from benchmark.scenario.curl.command import CurlCommand

_MADE = {
    "host",
    "content-length",
    "connection",
    "accept-encoding",
    "te",
    "transfer-encoding",
    "upgrade",
}  # by who sends
_METHODS = ("get", "post", "put", "patch", "delete")
_LARGEST = 64 * 1024**2  # characters of a document


def from_har(text: str) -> Converted:
    """The requests to the host that most of them went to; the others are left out, which is said.

    Raises:
        InputError: it is no HAR.
    """
    try:
        entries = json.loads(text.lstrip("\ufeff"))["log"]["entries"]
        asked = [entry["request"] for entry in entries]
        origins = [_origin(str(each["url"])) for each in asked]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError("this is no HAR: there is no log.entries of requests with their urls") from None
    if not asked:
        return Converted(())
    most, _ = Counter(origins).most_common(1)[0]
    notes = [
        f"{count} request{'s' * (count != 1)} to {origin} left out"
        for origin, count in Counter(origins).items()
        if origin != most
    ]
    kept = [each for each, origin in zip(asked, origins, strict=True) if origin == most]
    return Converted(counted([_command(each) for each in kept]), notes=tuple(notes))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _command(request: dict[str, Any]) -> CurlCommand:
    headers = {
        str(each["name"]): str(each["value"])
        for each in request.get("headers") or ()
        if not str(each["name"]).startswith(":") and str(each["name"]).lower() not in _MADE
    }
    posted = request.get("postData") or {}
    text = posted.get("text")
    return CurlCommand(
        url=str(request["url"]).partition("#")[0],
        method=str(request.get("method", "GET")).upper(),
        headers=headers,
        body=None if not text else str(text).encode(),
    )


def from_openapi(text: str) -> Converted:
    """The requests of a document that have an example, to its first server.

    Raises:
        InputError: it is no OpenAPI document, or names no server by a whole URL.
    """
    if len(text) > _LARGEST:
        raise InputError("this document is too large")
    try:
        document = yaml.safe_load(text)
        servers = document.get("servers") or [{}]
        base = str(servers[0].get("url") or "")
        paths = dict(document["paths"])
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise InputError("this is no OpenAPI document: there are no paths") from None
    if not base.startswith(("http://", "https://")):
        raise InputError("its servers name no address; write one, like servers: [{url: https://host/v1}]")
    commands: list[CurlCommand] = []
    notes: list[str] = []
    for path, operations in paths.items():
        for method in _METHODS:
            if not isinstance(operations, dict) or method not in operations:
                continue
            made = _example(base, str(path), method, operations)
            if isinstance(made, str):
                notes.append(f"{method.upper()} {path} left out: {made}")
            else:
                commands.append(made)
    return Converted(counted(commands), notes=tuple(notes))


def _example(base: str, path: str, method: str, operations: dict[str, Any]) -> CurlCommand | str:
    """A request made of the document's examples, or what is missing for it."""
    operation = operations[method]
    query: list[str] = []
    for parameter in (*operations.get("parameters", ()), *operation.get("parameters", ())):
        example = _example_of(parameter) if isinstance(parameter, dict) else None
        where, name = parameter.get("in"), str(parameter.get("name"))
        if example is None and (where == "path" or parameter.get("required")):
            return f"there is no example of {name}"
        if where == "path":
            path = path.replace(f"{{{name}}}", quote(str(example), safe=""))
        elif where == "query" and example is not None:
            query.append(f"{quote(name)}={quote(str(example), safe='')}")
    body, headers = None, {}
    content = (operation.get("requestBody") or {}).get("content") or {}
    if content:
        kind, media = next(iter(content.items()))
        example = _example_of(media)
        if example is None:
            return "there is no example of its body"
        headers["Content-Type"] = str(kind)
        text = (
            example
            if isinstance(example, str)
            else json.dumps(example, ensure_ascii=False, separators=(",", ":"))
        )
        body = text.encode()
    url = f"{base.rstrip('/')}/{path.lstrip('/')}{'?' if query else ''}{'&'.join(query)}"
    return CurlCommand(url=url, method=method.upper(), headers=headers, body=body)


def _example_of(described: dict[str, Any]) -> Any:
    """What stands as an example beside a parameter, a body or a schema."""
    return next(_examples(described), None)


def _examples(described: dict[str, Any]) -> Iterator[Any]:
    if "example" in described:
        yield described["example"]
    examples = described.get("examples")
    if isinstance(examples, dict):
        yield from (each["value"] for each in examples.values() if isinstance(each, dict) and "value" in each)
    elif isinstance(examples, list):
        yield from examples
    schema = described.get("schema")
    if isinstance(schema, dict):
        yield from _examples(schema)
        if "default" in schema:
            yield schema["default"]
