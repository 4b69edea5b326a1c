"""From a scenario's request and target to the bytes on the wire."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from benchmark import __version__
from benchmark.scenario.certificates import certificate_files
from benchmark.scenario.streaming import (
    asks_usage,
    exact_tokens,
    is_model,
    is_streamed,
    model_of,
    with_usage,
)
from benchmark.transport.base import BELOW_400, Destination, Discovery, PreparedRequest, head_of
from benchmark.units import NANOSECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmark.scenario.direct import Direct
    from benchmark.scenario.model import Request, Target

_PORTS = {"http": 80, "https": 443}
_FAMILIES = {None: socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_QUERY_SAFE = "".join(map(chr, range(0x21, 0x7F)))  # as it is written, but for what is not ASCII
_PATH_SAFE = _QUERY_SAFE.replace("?", "").replace("#", "")


LISTED = frozenset({200})  # the status that a list of instances comes with
LIST_PATIENCE = 5 * NANOSECONDS  # for it
LARGEST_LIST = 1024**2  # bytes


def discovery(direct: Direct, target: Target, paths: Sequence[str], folder: Path = Path()) -> Discovery:
    """How the instances of a direct target are asked for: at the known paths, or where the scenario says.

    The target's token goes along, as to the instances: EAS asks for none, and then takes no notice of it.
    """
    parts = urlsplit(direct.address)
    if parts.path.strip("/") or parts.query:
        query = f"?{quote(parts.query, safe=_QUERY_SAFE)}" if parts.query else ""
        paths = (quote(parts.path or "/", safe=_PATH_SAFE) + query,)
    headers = [("Host", parts.netloc), ("User-Agent", f"vpcbench/{__version__}"), ("Accept", "*/*")]
    if target.token is not None:
        headers.append(("Authorization", f"Bearer {target.token}" if target.bearer else target.token))
    return Discovery(
        service=direct.service,
        destination=_destination(direct.address, target, folder),
        requests=tuple(_asking_for_list(path, tuple(headers)) for path in paths),
        poll=round(direct.poll * NANOSECONDS),
    )


def _asking_for_list(path: str, headers: tuple[tuple[str, str], ...]) -> PreparedRequest:
    return PreparedRequest(
        method="GET",
        target=path,
        headers=headers,
        body=b"",
        timeout=LIST_PATIENCE,
        expected=LISTED,
        wire=head_of("GET", path, headers),
        max_body=LARGEST_LIST,
    )


def destination(target: Target, folder: Path = Path()) -> Destination:
    """Where the target's URL leads; `folder` is where its certificates are."""
    return _destination(target.url, target, folder)


def _destination(url: str, target: Target, folder: Path) -> Destination:
    parts = urlsplit(url)
    host = (
        (parts.hostname or "").encode("idna").decode()
        if not (parts.hostname or "").isascii()
        else parts.hostname or ""
    )
    return Destination(
        parts.scheme,
        host,
        parts.port or _PORTS[parts.scheme],
        target.verify_tls,
        **certificate_files(target, folder),
        family=_FAMILIES[target.family],
        resolve=target.resolve,
        proxy=target.proxy,
    )


def prepare(target: Target, request: Request, body: bytes) -> PreparedRequest:
    """The request as this target gets it; `body` is what `read_body` gave."""
    where = _request_target(target, request)
    counted = asks_usage(request, body, where)
    if counted:
        body = with_usage(body)
    headers = _headers(target, request, body)
    return PreparedRequest(
        method=request.method,
        target=where,
        headers=headers,
        body=body,
        timeout=round(request.timeout * NANOSECONDS),
        connect_timeout=None
        if request.connect_timeout is None
        else round(request.connect_timeout * NANOSECONDS),
        expected=BELOW_400 if request.expect.accepted is None else request.expect.accepted,
        wire=head_of(request.method, where, headers) + body,
        stream=is_streamed(request, body, where),
        dialect=request.stream if isinstance(request.stream, str) else "",
        model=is_model(where),
        model_name=model_of(body) if is_model(where) else "",
        added=("stream_options",) if counted else (),
        exact_tokens=exact_tokens(body),
        max_head=request.max_head,
        max_body=request.max_body,
        contains=request.expect.body_contains,
        follow_redirects=bool(request.follow_redirects),
        redirect_hosts=frozenset(map(str.lower, request.follow_redirects or ()))
        if not isinstance(request.follow_redirects, bool)
        else frozenset(),
    )


def full_url(target: Target, request: Request) -> str:
    """The address that is called."""
    parts = urlsplit(target.url)
    return f"{parts.scheme}://{parts.netloc}{_request_target(target, request)}"


def _request_target(target: Target, request: Request) -> str:
    """Path and query: the target's path, the request's (or the target's own) appended, and all their queries."""
    parts = urlsplit(target.url)
    path = parts.path
    appended = target.path if target.path is not None else request.path
    more = ""
    if appended:
        appended, _, more = appended.partition("?")
        path = f"{path.rstrip('/')}/{appended.lstrip('/')}"
    query = "&".join(filter(None, (parts.query, more, urlencode({**request.query, **target.query}))))
    mark = "?" if query or target.url.endswith("?") else ""  # an empty query is one, too
    return quote(path or "/", safe=_PATH_SAFE) + mark + quote(query, safe=_QUERY_SAFE)


def _headers(target: Target, request: Request, body: bytes) -> tuple[tuple[str, str], ...]:
    """What is sent: ours, then the request's, then the target's; a later one of the same name wins."""
    parts = urlsplit(target.url)
    chosen = {"host": ("Host", parts.netloc.rpartition("@")[2])}
    chosen["user-agent"] = ("User-Agent", f"vpcbench/{__version__}")
    chosen["accept"] = ("Accept", "*/*")
    if request.json_ is not None:
        chosen["content-type"] = ("Content-Type", "application/json")
    if target.token is not None:
        chosen["authorization"] = (
            "Authorization",
            f"Bearer {target.token}" if target.bearer else target.token,
        )
    if body or request.method in {"POST", "PUT", "PATCH"}:
        chosen["content-length"] = ("Content-Length", str(len(body)))
    for name, value in [*request.headers.items(), *target.headers.items()]:
        chosen[name.lower()] = (name, value)
    return tuple(chosen.values())
