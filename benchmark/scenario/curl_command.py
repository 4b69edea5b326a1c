"""curl's command line, read as curl reads it.

A flag that is not understood is an error, never ignored; flags that only change what curl prints are ignored. No
message quotes a value: any of them may be a credential.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.errors import InputError
from benchmark.redaction import is_secret_name

FORM = "application/x-www-form-urlencoded"

_SHORT = {
    "X": "--request",
    "H": "--header",
    "d": "--data",
    "k": "--insecure",
    "m": "--max-time",
    "G": "--get",
    "I": "--head",
    "s": "--silent",
    "S": "--show-error",
    "i": "--include",
    "v": "--verbose",
    "N": "--no-buffer",
    "L": "--location",
    "u": "--user",
    "A": "--user-agent",
    "F": "--form",
    "x": "--proxy",
}
_DATA = ("--data", "--data-ascii", "--data-raw", "--data-binary")
_WITH_VALUE = {
    "--request",
    "--header",
    *_DATA,
    "--max-time",
    "--resolve",
    "--url",
    "--user",
    "--user-agent",
    "--proxy",
    "--connect-timeout",
}
_SWITCHES = {"--insecure", "--get", "--head", "--compressed", "--location"}
_IGNORED = {"--silent", "--show-error", "--include", "--verbose", "--no-buffer"}
_UNDERSTOOD = (
    "-X/--request, -H/--header, -d/--data, --data-raw, --data-binary, -G/--get, -I/--head, -k/--insecure, "
    "-m/--max-time, --connect-timeout, -u/--user, -A/--user-agent, --compressed, -x/--proxy, -L/--location, --resolve, "
    "--url; ignored: -s -S -i -v -N"
)

_REFUSED = {  # flags that people will bring, and what to do instead
    "--form": "multipart forms are not built here; put the body into a file, and send it with --data-binary @FILE "
    "and its Content-Type",
    "--form-string": "multipart forms are not built here; put the body into a file, and send it with "
    "--data-binary @FILE and its Content-Type",
    "--proxy-user": "a proxy is used without credentials here; choose one that asks for none",
}
_ENCODINGS = "deflate, gzip"  # what every build of curl asks for; the answer is counted as it comes

_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*(?:(;)\s*|:\s*(.*?)\s*)", re.DOTALL)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_RESOLVE = re.compile(r"\+?(\*|[^:,\s]+):([0-9]+):\[?([0-9A-Fa-f.:]+)\]?")
_ALWAYS_SENT = {"accept", "host", "user-agent"}
_PROXY_PORT = 1080
_STRAY = " \t\r\n\\"  # what is left of a line continuation that went wrong


@dataclass(frozen=True)
class CurlCommand:
    """What a curl command line asks for."""

    url: str = field(repr=False)  # may hold a credential, as may headers and body
    method: str | None = None  # None: POST with a body, GET without
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    body_file: str | None = None  # in place of a body: a file that is sent as it is
    query: str = field(default="", repr=False)  # what -G adds to every URL
    timeout: str | None = None  # in seconds
    connect_timeout: str | None = None  # in seconds
    proxy: str | None = field(default=None, repr=False)  # its URL
    follow_redirects: bool = False
    verify_tls: bool = True
    resolve: tuple[tuple[str, int, str], ...] = ()  # host (or *), port, address


@dataclass(frozen=True)
class _Data:
    """One of the parts that make the body: text, or what is in a file."""

    text: str
    from_file: bool
    exact: bool  # else curl drops a file's line breaks

    def content(self) -> bytes:
        if not self.from_file:
            return os.fsencode(self.text)
        content = _read(self.text)
        return content if self.exact else content.translate(None, b"\r\n\0")


def parse_curl(arguments: Sequence[str]) -> CurlCommand:
    """Read the arguments that stand behind the word `curl`.

    Raises:
        InputError: a flag that is not understood, a value that is missing or wrong, not exactly one URL.
    """
    given: dict[str, list[str]] = {}
    data: list[_Data] = []
    for flag, value in _flags(arguments):
        if flag in _DATA:
            data.append(_data(flag, value))
        else:
            given.setdefault(flag, []).append(value)
    if data and "--head" in given and "--get" not in given:
        raise InputError("-I asks for the head alone, and -d sends a body; leave one of them out")
    headers, removed = _headers(given.get("--header", []))
    headers = _implied(given, {name.lower() for name in headers} | removed) | headers
    as_query = data and "--get" in given
    body, body_file = (None, None) if as_query else _body(data)
    if (body is not None or body_file) and "content-type" not in {name.lower() for name in headers} | removed:
        headers["Content-Type"] = FORM
    return CurlCommand(
        url=complete_url(_only_url(given.get("--url", []))),
        method=given["--request"][-1] if "--request" in given else "HEAD" if "--head" in given else None,
        headers=headers,
        body=body,
        body_file=body_file,
        query=_text(b"&".join(part.content() for part in data)) if as_query else "",
        timeout=_seconds("--max-time", given),
        connect_timeout=_seconds("--connect-timeout", given),
        proxy=_proxy(given["--proxy"][-1]) if "--proxy" in given else None,
        follow_redirects="--location" in given,
        verify_tls="--insecure" not in given,
        resolve=tuple(_resolution(value) for value in given.get("--resolve", [])),
    )


def complete_url(url: str) -> str:
    """A URL as curl calls it: over http unless it says otherwise, and without its fragment."""
    url = url.strip(_STRAY).partition("#")[0]
    return url if _SCHEME.match(url) else f"http://{url}"


def _flags(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Long flags and their values, in order; a URL is the value of --url, a switch has none."""
    rest = iter(arguments)
    for raw in rest:
        argument = raw.lstrip(_STRAY)
        if argument == "--":
            yield from (("--url", url) for url in rest)
        elif argument.startswith("--"):
            flag, equals, value = argument.partition("=")
            if _takes_value(flag, flag):
                yield flag, value if equals else _value(flag, rest)
            elif flag not in _IGNORED:
                yield flag, ""
        elif argument.startswith("-") and len(argument) > 1:
            yield from _short_flags(argument[1:], rest)
        elif argument:
            yield "--url", argument


def _short_flags(letters: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    """The flags of `-sSkXPOST`: switches, up to one that takes what remains as its value."""
    for at, letter in enumerate(letters):
        flag = _SHORT.get(letter, "")
        if _takes_value(flag, f"-{letter}"):
            yield flag, letters[at + 1 :] or _value(f"-{letter}", rest)
            return
        if flag not in _IGNORED:
            yield flag, ""


def _takes_value(flag: str, shown: str) -> bool:
    """Whether a value belongs to this flag, `shown` as it was written; an error when it is not understood."""
    if flag in _WITH_VALUE:
        return True
    if flag in _REFUSED:
        raise InputError(f"{shown}: {_REFUSED[flag]}")
    if flag not in _SWITCHES | _IGNORED:
        raise InputError(f"{shown} is not a flag that is understood here; these are: {_UNDERSTOOD}")
    return False


def _value(flag: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise InputError(f"{flag} needs a value")
    return value


def _only_url(urls: list[str]) -> str:
    if not urls:
        raise InputError("there is no URL; write it as for curl, like http://host/path")
    if len(urls) > 1:
        raise InputError(
            f"there are {len(urls)} URLs; a second address goes to --vs "
            "(and a header or body with a space in it needs quotes)"
        )
    return urls[0]


def _data(flag: str, value: str) -> _Data:
    from_file = value.startswith("@") and flag != "--data-raw"
    if value == "@-" and from_file:
        raise InputError(f"{flag} @-: a body is not read from standard input; put it in a file")
    return _Data(value[1:] if from_file else value, from_file, exact=flag == "--data-binary")


def _body(data: list[_Data]) -> tuple[bytes | None, str | None]:
    """The body, or else the file that is the body just as it is."""
    if not data:
        return None, None
    if len(data) == 1 and data[0].from_file and (data[0].exact or data[0].content() == _read(data[0].text)):
        return None, data[0].text
    return b"&".join(part.content() for part in data), None


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no path"
        raise InputError(f"-d @{path}: cannot be read: {reason}") from None


def _text(content: bytes) -> str:
    """Bytes as the text they are."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InputError("-d holds bytes that are not UTF-8; send them with --data-binary @FILE") from None


def _headers(lines: list[str]) -> tuple[dict[str, str], set[str]]:
    """Headers to send, and the names (in lower case) of those that curl is told not to send by itself."""
    headers: dict[str, str] = {}
    removed: set[str] = set()
    for line in lines:
        match = _HEADER.fullmatch(line.strip())
        if not match:
            raise InputError("-H: expected 'Name: value', in quotes")
        name, value = match[1], match[3]
        if value == "":
            _check_removal(name)
            removed.add(name.lower())
        elif name.lower() in {other.lower() for other in headers}:
            raise InputError(f"-H: {name} is given twice; keep one")
        else:
            headers[name] = value or ""  # `Name;` sends it without a value
    return headers, removed


def _implied(given: dict[str, list[str]], own: set[str]) -> dict[str, str]:
    """The headers that other flags stand for; as with curl, one that is given with -H wins."""
    implied = {}
    if "--user" in given:
        user, colon, _ = given["--user"][-1].partition(":")
        if not colon or not user:
            raise InputError("-u: expected user:password; a password is not asked for")
        encoded = base64.b64encode(os.fsencode(given["--user"][-1])).decode()
        implied["Authorization"] = f"Basic {encoded}"
    if "--user-agent" in given:
        if not given["--user-agent"][-1]:
            _check_removal("User-Agent")
        implied["User-Agent"] = given["--user-agent"][-1]
    if "--compressed" in given:
        implied["Accept-Encoding"] = _ENCODINGS
    return {name: value for name, value in implied.items() if name.lower() not in own}


def _check_removal(name: str) -> None:
    if is_secret_name(name):
        raise InputError(f"-H: {name} has no value (a variable that is not set?)")
    if name.lower() in _ALWAYS_SENT:
        raise InputError(f"-H: {name} is always sent; it can be set to another value, but not removed")


def _seconds(flag: str, given: dict[str, list[str]]) -> str | None:
    if flag not in given:
        return None
    value = given[flag][-1]
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?|\.[0-9]+", value):
        raise InputError(f"{flag}: expected seconds, like 5 or 0.5")
    return value


def _proxy(value: str) -> str | None:
    """A proxy as curl takes it: over http unless it says otherwise, at port 1080 unless it names one; none if empty."""
    if not value:
        return None
    url = value if _SCHEME.match(value) else f"http://{value}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError("-x: expected a proxy, like proxy.example:3128") from None
    if parts.username is not None:
        raise InputError("-x: a proxy is used without credentials here; choose one that asks for none")
    if parts.scheme not in {"http", "https"}:
        raise InputError("-x: only proxies of HTTP are used, like http://proxy.example:3128")
    return url if port else f"{parts.scheme}://{parts.netloc.rstrip(':')}:{_PROXY_PORT}"


def _resolution(value: str) -> tuple[str, int, str]:
    match = _RESOLVE.fullmatch(value)
    if not match:
        raise InputError(
            "--resolve: expected host:port:address, with one address, like example.com:80:127.0.0.1"
        )
    return match[1].lower(), int(match[2]), match[3]
