"""curl's command line, read as curl reads it.

A flag that is not understood is an error, never ignored; which ones change nothing is in `options`. No message quotes a
value: any of them may be a credential.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from benchmark.errors import InputError
from benchmark.scenario.curl.headers import Given, implied_headers, requested_headers
from benchmark.scenario.curl.options import UNUSED, Option, habit, long_option, short_option
from benchmark.scenario.curl.payload import (
    DATA,
    FORM,
    Payload,
    data_payload,
    form_payload,
    joined,
    read_text,
    url_query,
)
from benchmark.scenario.curl.urls import STRAY, complete_url, proxy_url, without_credentials

_RESOLVE = re.compile(r"\+?(\*|[^:,\s]+):([0-9]+):\[?([0-9A-Fa-f.:]+)\]?")


@dataclass(frozen=True)
class CurlCommand:
    """What a curl command line asks for."""

    url: str = field(repr=False)  # may hold a credential, as may headers and body
    method: str | None = None  # None: POST with a body, GET without
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    body_file: str | None = None  # in place of a body: a file that is sent as it is
    query: str = field(default="", repr=False)  # what -G and --url-query add to every URL
    timeout: str | None = None  # in seconds
    connect_timeout: str | None = None  # in seconds
    proxy: str | None = field(default=None, repr=False)  # its URL
    follow_redirects: bool = False
    verify_tls: bool = True
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    family: str | None = None  # ipv4 or ipv6: the only addresses that are used
    resolve: tuple[tuple[str, int, str], ...] = ()  # host (or *), port, address
    as_is: bool = False  # whether nothing is added to its body
    literal: bool = False  # braces and brackets in URLs are sent as they are
    unused: tuple[str, ...] = ()  # flags that would change something in curl, and change nothing here


def parse_curl(arguments: Sequence[str]) -> CurlCommand:
    """Read the arguments that stand behind the word `curl`.

    Raises:
        InputError: a flag that is not understood, a value that is missing or wrong, not exactly one URL.
    """
    given: dict[str, list[str]] = {}
    data: list[tuple[str, str]] = []
    forms: list[tuple[str, str]] = []
    unused: dict[str, None] = {}
    for option, value, on in _flags(_pasted(arguments)):
        if option.fate == UNUSED:
            unused[option.name] = None
        elif not on:
            given.pop(option.name, None)
        elif option.name in FORM:
            forms.append((option.name, value))
        else:
            given.setdefault(option.name, []).append(value)
            if option.name in DATA:
                data.append((option.name, value))
    headers, removed = requested_headers(given.get("--header", []))
    url, user = without_credentials(_only_url(given))
    if user is not None:
        given.setdefault("--user", [user])
    payload, query = _payload(given, data, forms)
    own = {name.lower() for name in headers} | removed
    headers = implied_headers(given, own) | headers
    if payload.content_type and "content-type" not in own:
        headers["Content-Type"] = payload.content_type
    _drop_length(headers, payload)
    return CurlCommand(
        url=_uploaded_to(url, given),
        method=_method(given),
        headers=headers,
        body=payload.body,
        body_file=payload.file,
        query=query,
        timeout=_seconds("--max-time", given),
        connect_timeout=_seconds("--connect-timeout", given),
        proxy=proxy_url(given["--proxy"][-1]) if "--proxy" in given else None,
        follow_redirects="--location" in given,
        verify_tls="--insecure" not in given,
        ca_file=_last("--cacert", given),
        cert_file=_certificate(given),
        key_file=_last("--key", given),
        family="ipv4" if "--ipv4" in given else "ipv6" if "--ipv6" in given else None,
        resolve=tuple(_resolution(value) for value in given.get("--resolve", [])),
        literal="--globoff" in given,
        unused=tuple(unused),
    )


def _pasted(arguments: Sequence[str]) -> list[str]:
    """The arguments, without the word `curl` before them."""
    if any(argument.strip() == "^" or argument.startswith('^"') for argument in arguments):
        raise InputError("this is a command for Windows' cmd (^ at its lines' ends); copy it as cURL (bash)")
    first = next((at for at, argument in enumerate(arguments) if argument.strip(STRAY)), 0)
    called = PurePosixPath(arguments[first].strip(STRAY)).name if arguments else ""
    return list(arguments[first + 1 :] if called in {"curl", "curl.exe"} else arguments)


def _flags(arguments: Sequence[str]) -> Iterator[tuple[Option, str, bool]]:
    """Options with their values, and whether they are switched on, in order; a URL is the value of --url."""
    url, _ = long_option("--url")
    rest = iter(arguments)
    for raw in rest:
        argument = raw.lstrip(STRAY)
        if argument == "--":
            yield from ((url, each, True) for each in rest)
        elif argument.startswith("--"):
            name, equals, value = argument.partition("=")
            option, on = long_option(name)
            if option.takes_value and on:
                yield option, value if equals else _value(name, rest), True
            else:
                yield option, "", on
        elif argument.startswith("-") and len(argument) > 1:
            yield from _short_flags(argument[1:], rest)
        elif argument:
            yield url, argument, True


def _short_flags(letters: str, rest: Iterator[str]) -> Iterator[tuple[Option, str, bool]]:
    """The flags of `-sSkXPOST`: switches, up to one that takes what remains as its value."""
    for at, letter in enumerate(letters):
        option = short_option(letter)
        if option.takes_value:
            value = letters[at + 1 :] or _value(f"-{letter}", rest)
            if hint := habit(f"-{letter}", value):
                raise InputError(hint)
            yield option, value, True
            return
        if hint := habit(f"-{letter}", letters[at + 1 :]):
            raise InputError(hint)
        yield option, "", True


def _value(flag: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        raise InputError(f"{flag} needs a value")
    return value


def _only_url(given: Given) -> str:
    urls = given.get("--url", ())
    if not urls:
        raise InputError("there is no URL; write it as for curl, like http://host/path")
    if len(urls) > 1:
        if "--netrc" in given or any(url.isdecimal() for url in urls):
            number = next((url for url in urls if url.isdecimal()), "N")
            raise InputError(f"{number} is no URL; for a number of requests write --requests {number}")
        raise InputError(
            f"there are {len(urls)} URLs; a second address goes to --vs "
            "(and a header or body with a space in it needs quotes)"
        )
    scheme = given.get("--proto-default", ["http"])[-1]
    return complete_url(urls[0], scheme, glob="--globoff" not in given, squash="--path-as-is" not in given)


def _payload(given: Given, data: list[tuple[str, str]], forms: list[tuple[str, str]]) -> tuple[Payload, str]:
    """The body, and what is added to the URL's query."""
    queries = [url_query(value) for value in given.get("--url-query", ())]
    kinds = [flag for flag, used in (("-d", data), ("-F", forms), ("-T", "--upload-file" in given)) if used]
    if len(kinds) > 1:
        raise InputError(f"{kinds[0]} and {kinds[1]} are two bodies; leave one of them out")
    if kinds and "--head" in given and "--get" not in given:
        raise InputError(f"-I asks for the head alone, and {kinds[0]} sends a body; leave one of them out")
    if data and "--get" in given:
        queries.append(read_text(joined(data)))
        payload = Payload()
    elif data:
        payload = data_payload(data)
    elif forms:
        payload = form_payload(forms)
    elif file := _last("--upload-file", given):
        if file in {"-", "."}:
            raise InputError(f"-T {file}: a body is not read from standard input; put it in a file")
        payload = Payload(file=file)
    else:
        payload = Payload()
    return payload, "&".join(queries)


def _method(given: Given) -> str | None:
    if "--request" in given:
        return given["--request"][-1]
    return "HEAD" if "--head" in given else "PUT" if "--upload-file" in given else None


def _uploaded_to(url: str, given: Given) -> str:
    """A URL that ends in a slash gets the name of the file that is uploaded, as curl does it."""
    file = _last("--upload-file", given)
    return url + PurePosixPath(file).name if file and url.endswith("/") else url


def _drop_length(headers: dict[str, str], payload: Payload) -> None:
    """A length that is the body's own is sent anyway."""
    name = next((name for name in headers if name.lower() == "content-length"), None)
    if name is None or payload.file is not None:
        return
    length = len(payload.body or b"")
    if headers[name] != str(length):
        raise InputError(
            f"-H: Content-Length is {headers[name]}, and the body has {length} bytes; leave it out"
        )
    if not payload.empty:
        del headers[name]


def _certificate(given: Given) -> str | None:
    value = _last("--cert", given)
    if value and ":" in value:
        raise InputError(
            "--cert: a key with a passphrase is not opened here; give a certificate and a --key without one"
        )
    return value


def _last(flag: str, given: Given) -> str | None:
    return given[flag][-1] if flag in given else None


def _seconds(flag: str, given: Given) -> str | None:
    value = _last(flag, given)
    if value is not None and not re.fullmatch(r"[0-9]+(\.[0-9]+)?|\.[0-9]+", value):
        raise InputError(f"{flag}: expected seconds, like 5 or 0.5")
    return value


def _resolution(value: str) -> tuple[str, int, str]:
    match = _RESOLVE.fullmatch(value)
    if not match:
        raise InputError(
            "--resolve: expected host:port:address, with one address, like example.com:80:127.0.0.1"
        )
    return match[1].lower(), int(match[2]), match[3]
