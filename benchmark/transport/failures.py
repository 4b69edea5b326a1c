"""Library and operating-system errors become our kinds of failure here, and nowhere else."""

from __future__ import annotations

import errno
import os
import socket
import ssl

from benchmark.measure.exchange import Failure

_BY_NUMBER = {
    errno.ECONNREFUSED: Failure.CONNECT_REFUSED,
    errno.ETIMEDOUT: Failure.CONNECT_TIMEOUT,
    errno.EHOSTUNREACH: Failure.UNREACHABLE,
    errno.ENETUNREACH: Failure.UNREACHABLE,
    errno.EACCES: Failure.UNREACHABLE,  # a local firewall
    errno.EPERM: Failure.UNREACHABLE,
    errno.EADDRNOTAVAIL: Failure.NO_PORTS,
    errno.EMFILE: Failure.NO_FILES,
    errno.ENFILE: Failure.NO_FILES,
    errno.ECONNRESET: Failure.RESET,
    errno.EPIPE: Failure.RESET,
    errno.ECONNABORTED: Failure.RESET,
}

_NOT_TLS = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "UNKNOWN_PROTOCOL",
        "RECORD_LAYER_FAILURE",
        "PACKET_LENGTH_TOO_LONG",
    }
)
_WANTS_A_CERTIFICATE = frozenset({"TLSV13_ALERT_CERTIFICATE_REQUIRED", "TLSV1_ALERT_CERTIFICATE_REQUIRED"})
_UNRESOLVED = {
    socket.EAI_NONAME: "NXDOMAIN: there is no such name",
    socket.EAI_AGAIN: "no answer from the DNS server",
    socket.EAI_FAIL: "the DNS server failed",
}


def of_connecting(error: Exception, connected: bool) -> Failure:
    """Why a connection could not be had; `connected` once TCP's handshake was over and TLS's had begun."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure.TLS_VERIFY
    if isinstance(error, ssl.SSLError) or connected:
        return Failure.TLS_HANDSHAKE
    if isinstance(error, socket.gaierror):
        return Failure.DNS
    if isinstance(error, OSError):
        return _BY_NUMBER.get(error.errno or 0, Failure.UNREACHABLE)
    return Failure.UNREACHABLE


def of_losing(
    error: Exception | None, *, reused: bool, answering: bool, headed: bool, leaving: bool = False
) -> Failure:
    """Why a connection was lost under an exchange.

    Args:
        error: what the system said; None for an orderly end.
        reused: whether the connection had served an exchange before.
        answering: whether a byte of the answer had come.
        headed: whether the answer's head was complete.
        leaving: whether the request was not out in full.
    """
    if headed:
        return Failure.TRUNCATED
    if reused and not answering:
        return Failure.STALE
    if leaving:
        return Failure.SEND
    return Failure.RESET if error else Failure.CLOSED_EARLY


def of_aiohttp(error: BaseException, *, reused: bool, securing: bool, headed: bool) -> Failure:
    """What an error of aiohttp's means.

    Args:
        error: what it raised.
        reused: whether the connection had served an exchange before.
        securing: whether a handshake of TLS had begun.
        headed: whether the answer's head was complete.
    """
    import aiohttp
    from aiohttp import http_exceptions

    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return Failure.DNS
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Failure.TLS_VERIFY
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return Failure.TLS_HANDSHAKE
    if isinstance(error, aiohttp.ClientConnectorError):
        return of_connecting(error.os_error, securing)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return Failure.UNREACHABLE  # the proxy would not take us there
    if isinstance(error, aiohttp.TooManyRedirects):
        return Failure.STATUS
    if isinstance(error, aiohttp.ClientPayloadError):
        cause = error.__cause__
        bad = isinstance(cause, http_exceptions.HttpProcessingError) and "Not enough data" not in str(cause)
        return Failure.PROTOCOL if bad else Failure.TRUNCATED
    if isinstance(error, aiohttp.ClientConnectionError | OSError):
        system = error if isinstance(error, OSError) else None
        return of_losing(system, reused=reused, answering=headed, headed=headed)
    return Failure.PROTOCOL


def of_waiting(*, connecting: bool, answering: bool) -> Failure:
    """What an exchange had come to when its time was over."""
    if connecting:
        return Failure.CONNECT_TIMEOUT
    return Failure.TIMEOUT_MIDWAY if answering else Failure.TIMEOUT


def _of_tls(error: ssl.SSLError) -> str:
    """What TLS met, without the library's own file and line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message or "certificate verify failed"
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return "this port does not speak TLS; if it speaks plain http, write http://"
    if reason in _WANTS_A_CERTIFICATE:
        return "the server wants a certificate from its clients, which vpcbench has none of"
    if isinstance(error, ssl.SSLEOFError) or reason == "UNEXPECTED_EOF_WHILE_READING":
        return "the server closed the connection during the handshake"
    return reason.lower().replace("_", " ") or "TLS failed"


def describe(error: BaseException | None) -> str:
    """What the system said, in a line."""
    if error is None:
        return "the server closed the connection"
    inner = (
        getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    )  # aiohttp's wrap theirs
    if isinstance(inner, ssl.SSLError):
        return _of_tls(inner)
    if isinstance(error, socket.gaierror) and error.errno in _UNRESOLVED:
        return _UNRESOLVED[error.errno]
    number = error.errno if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) else None
    if number in errno.errorcode:
        return os.strerror(number or 0)  # its own text varies with the event loop
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
