"""Walks to a destination step by step, as a check does: each step timed on its own, on connections that carry no request."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from benchmark.clock import now
from benchmark.measure.exchange import Failure
from benchmark.measure.instances import Instance
from benchmark.measure.walk import Certificate, Place, Tls, Walk
from benchmark.transport import failures
from benchmark.transport.base import Destination
from benchmark.transport.connecting import connect

_IGNORE_DATES = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python does not name


async def visit(instances: Sequence[Instance], patience: float) -> Walk:
    """Connect to all instances of a list at once. Never raises for what a network or a server does."""
    places = [
        (
            socket.AF_INET6 if ":" in each.ip else socket.AF_INET,
            socket.SOCK_STREAM,
            0,
            "",
            (each.ip, each.port),
        )
        for each in instances
    ]
    tried = await asyncio.gather(*(_try(place, patience) for place in places))
    return Walk("", 0, tuple(tried))


async def walk(destination: Destination, patience: float) -> Walk:
    """Resolve the name, connect to all its addresses at once, and shake hands with the first that answers.

    Each step is given `patience` seconds. Never raises for what a network or a server does.
    """
    resolver = _resolver(destination)
    began = now()
    try:
        async with asyncio.timeout(patience):
            found = await asyncio.get_running_loop().getaddrinfo(
                destination.name, destination.port, **destination.hints
            )
    except TimeoutError:
        return Walk(resolver, now() - began, unresolved=f"no answer within {patience:g} s")
    except OSError as error:
        return Walk(resolver, now() - began, unresolved=failures.describe(error))
    resolved = now()
    places = tuple(await asyncio.gather(*(_try(place, patience) for place in found)))
    tls = None
    context = destination.tls_context()
    taking = next((place for place in places if not place.failure), None)
    if context and taking:
        tls = await _secure(destination, context, taking, patience)
    return Walk(resolver, resolved - began, places, tls)


def _resolver(destination: Destination) -> str:
    """Who says where the name leads: nobody for an address, else the files that the system reads."""
    if destination.resolve:
        return "given by the scenario"
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(destination.host)
        return "an address, not a name"
    if any(destination.host in line.partition("#")[0].split()[1:] for line in _lines("/etc/hosts")):
        return "/etc/hosts"
    words = [line.split() for line in _lines("/etc/resolv.conf")]
    servers = [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]
    return f"DNS at {', '.join(servers)}" if servers else "the system's resolver"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


async def _try(found: tuple[Any, ...], patience: float) -> Place:
    """Whether one address takes a connection; it is closed again at once."""
    family, kind, protocol, _, address = found
    began = now()
    try:
        with socket.socket(family, kind, protocol) as sock:
            sock.setblocking(False)
            async with asyncio.timeout(patience):
                connected = await connect(sock, address)
            return Place(address[0], address[1], connected - began)
    except TimeoutError:
        said = f"no answer to connecting within {patience:g} s"
        return Place(address[0], address[1], now() - began, Failure.CONNECT_TIMEOUT, said)
    except OSError as error:
        kind_ = failures.of_connecting(error, connected=False)
        return Place(address[0], address[1], now() - began, kind_, failures.describe(error))


async def _secure(destination: Destination, context: ssl.SSLContext, place: Place, patience: float) -> Tls:
    """Shake hands as a request would, then read the certificate, also one that was refused."""
    began = now()
    version, failure, said = "", Failure.NONE, ""
    try:
        async with asyncio.timeout(patience), _spoken(destination, context, place) as spoken:
            handshake = now() - began - place.connect  # the connection itself is a step of its own
            version = spoken.version() or ""
    except Exception as error:  # as in a transport: this is where errors become failures
        handshake = now() - began - place.connect
        failure, said = failures.of_connecting(error, connected=True), failures.describe(error)
    certificate = await _certificate(destination, place, patience)
    return Tls(max(handshake, 0), version, certificate, failure, said)


@contextlib.asynccontextmanager
async def _spoken(
    destination: Destination, context: ssl.SSLContext, place: Place
) -> AsyncIterator[ssl.SSLObject]:
    _, writer = await asyncio.open_connection(
        place.ip, place.port, ssl=context, server_hostname=destination.host
    )
    try:
        spoken: ssl.SSLObject = writer.get_extra_info("ssl_object")
        yield spoken
    finally:
        writer.transport.abort()


async def _certificate(destination: Destination, place: Place, patience: float) -> Certificate | None:
    """What the certificate says, whoever signed it: Python reads only trusted ones, so for this it is trusted."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(patience), _spoken(destination, blind, place) as spoken:
            encoded = spoken.getpeercert(binary_form=True)
        if encoded is None:
            return None
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname = False
        trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VerifyFlags(_IGNORE_DATES)
        trusting.load_verify_locations(cadata=ssl.DER_cert_to_PEM_cert(encoded))
        async with asyncio.timeout(patience), _spoken(destination, trusting, place) as spoken:
            said = spoken.getpeercert()
    except (OSError, ValueError):  # it cannot be read: the handshake's own failure tells why
        return None
    return _read(said) if said else None


def _read(said: Any) -> Certificate:
    names = [value for kind, value in said.get("subjectAltName", ()) if kind in {"DNS", "IP Address"}]
    issuer = {key: value for pairs in said.get("issuer", ()) for key, value in pairs}
    return Certificate(
        names=tuple(names),
        issuer=issuer.get("organizationName") or issuer.get("commonName") or "",
        begins=ssl.cert_time_to_seconds(said["notBefore"]),
        ends=ssl.cert_time_to_seconds(said["notAfter"]),
    )
