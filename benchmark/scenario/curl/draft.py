"""A scenario made of a curl command: its data, with credentials as variables."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmark.errors import InputError
from benchmark.redaction import is_secret_name, replace_parameters
from benchmark.scenario.body import encode_json
from benchmark.scenario.curl.command import CurlCommand
from benchmark.scenario.curl.urls import complete_url
from benchmark.scenario.document import Location, NotYaml, read_value, write_document
from benchmark.scenario.load import LoadedScenario, load_data
from benchmark.scenario.origins import Origins
from benchmark.scenario.overrides import as_meant
from benchmark.scenario.template import escape_placeholders
from benchmark.scenario.variables import escape

_JSON = "application/json"
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_PORTS = {"http": 80, "https": 443}
VARIABLE = ("\ue000", "\ue001")  # around the name of a variable, in a text that is escaped as a whole
VARIABLE_PATTERN = re.compile(rf"{VARIABLE[0]}(\w+){VARIABLE[1]}")
_SHORTEST = 4  # characters of a credential that is looked for elsewhere, as `Redactor` does


def curl_scenario(
    command: CurlCommand,
    vs: Sequence[str] = (),
    load: Mapping[str, object] | None = None,
    run: Mapping[str, object] | None = None,
    name: str = "curl",
) -> LoadedScenario:
    """The command as a scenario, with the addresses of `vs` beside its own.

    `load` and `run` (rounds, processes) hold a scenario's keys, and values as they stand on the command line.

    Raises:
        InputError: it cannot be run; messages name the flag.
    """
    draft = draft_of(command, vs, load or {}, run or {}, name)
    origins = Origins("curl", options=draft.options)
    return load_data(draft.data, origins, Path.cwd(), draft.variables, trusted_files=True)


def as_scenario(
    command: CurlCommand,
    vs: Sequence[str] = (),
    load: Mapping[str, object] | None = None,
    run: Mapping[str, object] | None = None,
) -> str:
    """The same scenario as YAML, to be kept in a file; credentials are read from the environment.

    Raises:
        InputError: it cannot be run.
    """
    curl_scenario(command, vs, load, run)
    draft = draft_of(command, vs, load or {}, run or {}, "curl")
    needed = f"# Set in the environment: {', '.join(draft.variables)}\n" if draft.variables else ""
    return needed + write_document(draft.data)


def authorization(command: CurlCommand) -> str | None:
    """The value of its Authorization header."""
    return next((value for name, value in command.headers.items() if name.lower() == "authorization"), None)


def without(headers: Mapping[str, str], name: str) -> dict[str, str]:
    """The headers but for one, given in lower case."""
    return {key: value for key, value in headers.items() if key.lower() != name}


@dataclass
class Draft:
    """A scenario's data in the making."""

    data: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)  # credentials, by the variable that holds them
    options: dict[Location, str] = field(default_factory=dict)  # which flag set what

    def variable(self, name: str, value: str) -> str:
        """A reference to a variable of this value: of this name, or one close to it."""
        if VARIABLE_PATTERN.fullmatch(value):
            return value  # it is one already
        name = re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_")
        name = name if name[:1].isalpha() else f"_{name}"
        candidates = (name, *(f"{name}_{number}" for number in range(2, len(self.variables) + 3)))
        free = next(each for each in candidates if self.variables.get(each, value) == value)
        self.variables[free] = value
        return f"${{{free}}}"


def draft_of(
    command: CurlCommand, vs: Sequence[str], load: Mapping[str, object], run: Mapping[str, object], name: str
) -> Draft:
    """The scenario's data, in the order in which people read it."""
    draft = Draft()
    credentials = token_of(draft, command)
    urls = [command.url, *(complete_url(url, glob=not command.literal) for url in vs)]
    draft.data = {
        "name": name,
        "targets": {
            each: _target(draft, command, url, each, credentials)
            for each, url in zip(_names(urls), urls, strict=True)
        },
        "request": request_of(draft, command),
        "load": {key: as_meant(f"load.{key}", value_of(f"--{key}", value)) for key, value in load.items()},
    }
    draft.data |= {key: value_of(f"--{key}", value) for key, value in run.items()}
    for key in ("request", "load"):
        if not draft.data[key]:
            del draft.data[key]
    if command.proxy or command.follow_redirects:
        draft.data["transport"] = "aiohttp"
    _check_resolve(command, urls)
    draft.options |= {("load", key): f"--{key.replace('_', '-')}" for key in load}
    draft.options |= {(key,): f"--{key}" for key in run}
    draft.options |= {
        ("targets", each): "--vs" if at else "URL" for at, each in enumerate(draft.data["targets"])
    }
    draft.data = hide(draft.data, draft.variables)
    return draft


def value_of(flag: str, value: object) -> object:
    """What a value on the command line means: `64` is a number, `200/s` is text."""
    try:
        return read_value(value) if isinstance(value, str) else value
    except NotYaml:
        raise InputError(f"{flag}: this value is not understood") from None


def _names(urls: Sequence[str]) -> list[str]:
    """What targets are called."""
    if len(urls) == 1:
        return ["target"]
    if [_is_vpc(url) for url in urls] == [False, True]:
        return ["public", "vpc"]
    return [_ORDINALS[at] if at < len(_ORDINALS) else f"target{at + 1}" for at in range(len(urls))]


def _is_vpc(url: str) -> bool:
    """Whether the host is that of an intranet address."""
    host = url.partition("//")[2].partition("/")[0]
    return ".vpc." in host or "-vpc." in host


def token_of(draft: Draft, command: CurlCommand) -> dict[str, Any]:
    """The Authorization header, as a target's keys."""
    value = authorization(command)
    if value is None:
        return {}
    bearer = re.fullmatch(r"Bearer ([^ ].*)", value)
    reference = draft.variable("EAS_TOKEN", bearer[1] if bearer else value)
    return {"token": reference, "bearer": True} if bearer else {"token": reference}


def _target(
    draft: Draft, command: CurlCommand, url: str, name: str, credentials: dict[str, Any]
) -> dict[str, Any]:
    """One address, with what the command says of all of them."""
    if command.query:
        url += ("" if url.endswith("?") else "&" if "?" in url else "?") + command.query
    shown = replace_parameters(
        escape(url), lambda parameter, value: draft.variable(parameter, _unescape(value))
    )
    target: dict[str, Any] = {"url": shown, **credentials}
    if not command.verify_tls:
        target["verify_tls"] = False
    files = {"ca_file": command.ca_file, "cert_file": command.cert_file, "key_file": command.key_file}
    target |= {key: escape(name) for key, name in files.items() if name is not None}
    if command.family:
        target["family"] = command.family
    address = next((address for host, port, address in command.resolve if _leads_to(url, host, port)), None)
    if address:
        target["resolve"] = address
    if command.proxy:
        target["proxy"] = escape(command.proxy)
    draft.options |= {
        ("targets", name, "token"): "-H Authorization",
        ("targets", name, "resolve"): "--resolve",
        ("targets", name, "proxy"): "-x",
        ("targets", name, "ca_file"): "--cacert",
        ("targets", name, "cert_file"): "--cert",
        ("targets", name, "key_file"): "--key",
    }
    return target


def _unescape(text: str) -> str:
    return text.replace("$${", "${")


def _leads_to(url: str, host: str, port: int) -> bool:
    """Whether a --resolve for this host and port is for this URL."""
    try:
        parts = urlsplit(url)
        return host in {"*", parts.hostname} and port == (parts.port or _PORTS.get(parts.scheme))
    except ValueError:
        return False  # it is no URL; that is told elsewhere


def _check_resolve(command: CurlCommand, urls: Sequence[str]) -> None:
    for host, port, _ in command.resolve:
        if not any(_leads_to(url, host, port) for url in urls):
            raise InputError(f"--resolve: no URL leads to host {host}, port {port}")


def request_of(draft: Draft, command: CurlCommand, *, several: bool = False) -> dict[str, Any]:
    """What is sent, without what is the default; a token is the target's, unless `several` requests have their own."""
    headers = command.headers if several else without(command.headers, "authorization")
    body = _body(command, headers)
    request: dict[str, Any] = {}
    if command.method is not None:
        request["method"] = escape(command.method)
    shown = {name: _header(draft, name, value) for name, value in headers.items()}
    if "json" in body:
        shown = {name: value for name, value in shown.items() if name.lower() != "content-type"}
    if shown:
        request["headers"] = shown
    request |= body
    if command.timeout is not None:
        request["timeout"] = f"{command.timeout}s"
    if command.connect_timeout is not None:
        request["connect_timeout"] = f"{command.connect_timeout}s"
    if command.follow_redirects:
        request["follow_redirects"] = True
    if command.as_is:
        request["pin"] = False
    draft.options |= {
        ("request", "method"): "-X",
        ("request", "headers"): "-H",
        ("request", "body"): "-d",
        ("request", "json"): "-d",
        ("request", "body_file"): "-d @FILE",
        ("request", "timeout"): "--max-time",
        ("request", "connect_timeout"): "--connect-timeout",
    }
    return request


def _header(draft: Draft, name: str, value: str) -> str:
    return draft.variable(name, value) if is_secret_name(name) and value else literal(value)


def _body(command: CurlCommand, headers: Mapping[str, str]) -> dict[str, Any]:
    """The body as a request's key: as JSON where that gives the very same bytes, else as text."""
    if command.body_file is not None:
        return {"body_file": escape(command.body_file)}
    if command.body is None:
        return {}
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), None)
    value = _same_json(command.body) if content_type == _JSON else None
    if value is not None:
        return {"json": map_texts(value, literal)}
    try:
        return {"body": literal(command.body.decode())}
    except UnicodeDecodeError:
        how = "-d holds bytes that are not UTF-8; send them with --data-binary @FILE"
        if (content_type or "").startswith("multipart/"):
            how = (
                "-F: a form with a file that is no text cannot be written in a scenario; save the whole body as a file, "
                "and send it with --data-binary @FILE and its Content-Type"
            )
        raise InputError(how) from None


def literal(text: str) -> str:
    """Text that is sent as it is, whatever it holds."""
    return escape_placeholders(escape(text))


def _same_json(body: bytes) -> Any:
    """The JSON value that would be sent as exactly these bytes; None where there is none."""
    try:
        value = json.loads(body)
        return value if encode_json(value) == body else None
    except (ValueError, RecursionError):
        return None


def hide(data: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """A credential that stands in other places as well becomes a reference there, too."""
    forms = {escape(value): f"${{{name}}}" for name, value in variables.items() if len(value) >= _SHORTEST}
    if not forms:
        return data
    values = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    pattern = re.compile(rf"\$\{{\w+\}}|{values}")  # a reference is left alone, whatever its name
    hidden: dict[str, Any] = map_texts(
        data, lambda text: pattern.sub(lambda match: forms.get(match[0], match[0]), text)
    )
    return hidden


def map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of plain data with each of its texts changed (but not its keys)."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: map_texts(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [map_texts(item, change) for item in value]
    return value
