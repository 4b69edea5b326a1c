"""The certificates of a target: what it is trusted by, and what it knows us by."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import InputError
from benchmark.scenario.files import find_file

if TYPE_CHECKING:
    from benchmark.scenario.model import Target

LARGEST = 1024**2  # bytes of a file
KEYS = ("ca_file", "cert_file", "key_file")


def certificate_files(target: Target, folder: Path) -> dict[str, str | None]:
    """The paths of a target's files, by the scenario's keys."""
    named = {key: getattr(target, key) for key in KEYS}
    return {key: None if name is None else str(folder / name) for key, name in named.items()}


def check_certificates(target: Target, folder: Path, *, trusted: bool = False) -> None:
    """See that a target's certificates and key can be used.

    Raises:
        InputError: one is outside `folder` and not `trusted`, cannot be read, or is not what it should be; its key comes
            first in the message.
    """
    for key in KEYS:
        name = getattr(target, key)
        if name is not None:
            find_file(key, name, folder, most=LARGEST, trusted=trusted)
    files = certificate_files(target, folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if files["ca_file"]:
        try:
            context.load_verify_locations(files["ca_file"])
        except (ssl.SSLError, OSError):
            raise InputError(f"ca_file '{target.ca_file}' holds no certificates in PEM form") from None
    if files["cert_file"]:
        try:
            context.load_cert_chain(files["cert_file"], files["key_file"], password=_no_password)
        except (ssl.SSLError, OSError, ValueError):
            raise InputError(
                f"cert_file '{target.cert_file}' and its key are not a certificate and the key to it in PEM form, "
                "without a passphrase"
            ) from None


def _no_password() -> str:
    raise ValueError("a passphrase is not asked for")
