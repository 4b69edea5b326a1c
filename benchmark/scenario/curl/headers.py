"""The headers that a curl command line asks for, and those that its other flags stand for."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.errors import InputError
from benchmark.redaction import is_secret_name

ENCODINGS = "deflate, gzip"  # what every build of curl asks for

_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*(?:(;)\s*|:\s*(.*?)\s*)", re.DOTALL)
_ALWAYS_SENT = {"accept", "host", "user-agent"}
_SINGLE = {"authorization", "content-length", "content-type", "host"}  # of which a second makes no sense

Given = Mapping[str, Sequence[str]]  # the values of each flag, in their order


def requested_headers(lines: Sequence[str]) -> tuple[dict[str, str], set[str]]:
    """Headers to send, and the names (in lower case) of those that curl is told not to send by itself.

    Lines of one name become one, as RFC 9110 (section 5.3) has it.

    Raises:
        InputError: a line is no header, or makes no sense.
    """
    headers: dict[str, str] = {}
    removed: set[str] = set()
    for line in _lines(lines):
        match = _HEADER.fullmatch(line.strip())
        if not match:
            raise InputError("-H: expected 'Name: value', in quotes")
        name, value = match[1], match[3]
        earlier = next((other for other in headers if other.lower() == name.lower()), None)
        if value == "":
            _check_removal(name)
            removed.add(name.lower())
        elif earlier is None:
            headers[name] = value or ""  # `Name;` sends it without a value
        elif name.lower() in _SINGLE or (is_secret_name(name) and name.lower() != "cookie"):
            raise InputError(f"-H: {name} is given twice; keep one")
        else:
            headers[earlier] += ("; " if name.lower() == "cookie" else ", ") + (value or "")
    if any(name.lower() == "transfer-encoding" for name in headers):
        raise InputError(
            "-H: Transfer-Encoding is not for you to set here: a body is sent whole, with its length"
        )
    return headers, removed


def _lines(lines: Sequence[str]) -> list[str]:
    """The headers themselves, those of files among them."""
    found: list[str] = []
    for line in lines:
        if not line.startswith("@"):
            found.append(line)
            continue
        try:
            found += [each for each in Path(line[1:]).read_text().splitlines() if each.strip()]
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise InputError(f"-H {line}: cannot be read: {reason}") from None
    return found


def implied_headers(given: Given, own: set[str]) -> dict[str, str]:
    """The headers that other flags stand for; as with curl, one that is given with -H wins (`own`, in lower case).

    Raises:
        InputError: a value that cannot be one.
    """
    implied = _authorization(given)
    if "--user-agent" in given:
        if not given["--user-agent"][-1]:
            _check_removal("User-Agent")
        implied["User-Agent"] = given["--user-agent"][-1]
    if "--compressed" in given:
        implied["Accept-Encoding"] = ENCODINGS
    if "--referer" in given and (referer := given["--referer"][-1].partition(";auto")[0]):
        implied["Referer"] = referer
    if "--range" in given:
        implied["Range"] = f"bytes={given['--range'][-1]}"
    if "--json" in given:
        implied["Accept"] = "application/json"
    if cookies := _cookies(given.get("--cookie", ())):
        implied["Cookie"] = cookies
    return {name: value for name, value in implied.items() if name.lower() not in own}


def _authorization(given: Given) -> dict[str, str]:
    if "--oauth2-bearer" in given:
        return {"Authorization": f"Bearer {given['--oauth2-bearer'][-1]}"}
    if "--user" not in given:
        return {}
    user, colon, _ = given["--user"][-1].partition(":")
    if not colon or not user:
        raise InputError("-u: expected user:password; a password is not asked for")
    return {"Authorization": f"Basic {base64.b64encode(os.fsencode(given['--user'][-1])).decode()}"}


def _cookies(values: Sequence[str]) -> str:
    for value in filter(None, values):
        if "=" not in value:
            raise InputError(
                "-b: files of cookies are not read; give the cookies themselves, like -b 'name=value'"
            )
    return ";".join(filter(None, values))


def _check_removal(name: str) -> None:
    if is_secret_name(name):
        raise InputError(f"-H: {name} has no value (a variable that is not set?)")
    if name.lower() in _ALWAYS_SENT:
        raise InputError(f"-H: {name} is always sent; it can be set to another value, but not removed")
