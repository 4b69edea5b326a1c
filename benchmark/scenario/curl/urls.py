"""URLs and proxies as curl takes them from a command line."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from benchmark.errors import InputError

STRAY = " \t\r\n\\"  # what is left of a line continuation that went wrong

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_GLOB = re.compile(r"\{[^{}]*\}|\[[^\[\]]*\]")
_PROXY_PORT = 1080


def complete_url(url: str, scheme: str = "http", *, glob: bool = True, squash: bool = True) -> str:
    """A URL as curl calls it: with a scheme, without its fragment, its path's dots followed.

    Args:
        glob: braces and brackets ask for several URLs, as without curl's -g.
        squash: `/a/../b` is `/b`, as without curl's --path-as-is.

    Raises:
        InputError: it asks for several URLs.
    """
    url = url.strip(STRAY).partition("#")[0]
    url = url if _SCHEME.match(url) else f"{scheme}://{url}"
    head, host, rest = _split(url)
    if glob and (asked := _GLOB.search(rest) or _GLOB.search(host.rpartition("@")[2], host.count("["))):
        raise InputError(
            f"the URL asks curl for several by {asked[0][:1]}…{asked[0][-1:]}; write one of them, or -g to send it as it is"
        )
    path, mark, query = rest.partition("?")
    path = _escaped(squashed(path) if squash else path)
    return f"{head}{host}{path}{mark}{query}"


def _split(url: str) -> tuple[str, str, str]:
    """`http://`, the host with what belongs to it, and the rest."""
    head, _, tail = url.partition("://")
    end = min((at for at in (tail.find("/"), tail.find("?")) if at >= 0), default=len(tail))
    return f"{head}://", tail[:end], tail[end:]


def _escaped(path: str) -> str:
    """A path as curl sends it: bytes beyond ASCII percent-encoded in lower case, all else as it is written."""
    return "".join(
        letter
        if letter.isascii()
        else "".join(f"%{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
        for letter in path
    )


def squashed(path: str) -> str:
    """A path without `.` and `..` segments (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")
    for at, segment in enumerate(segments):
        last = at == len(segments) - 1
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
            continue
        if last:
            kept.append("")
    return "/".join(kept)


def without_credentials(url: str) -> tuple[str, str | None]:
    """The URL without the user and password before its host, and these as `user:password`; None: it has none."""
    head, host, rest = _split(url)
    user, at, place = host.rpartition("@")
    return (f"{head}{place}{rest}", unquote(user)) if at else (url, None)


def proxy_url(value: str) -> str | None:
    """A proxy as curl takes it: over http unless it says otherwise, at port 1080 unless it names one; none if empty.

    Raises:
        InputError: it is none that can be used here.
    """
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
