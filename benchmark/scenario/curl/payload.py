"""What a curl command line sends behind the head, or in the query: -d and its kin, --json, -F, -T."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote_plus

from benchmark.errors import InputError

DATA = ("--data", "--data-ascii", "--data-raw", "--data-binary", "--data-urlencode", "--json")
FORM = ("--form", "--form-string")

_TYPES = {  # as curl has them, by a file's ending; all else is an application/octet-stream
    ".gif": "image/gif",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".htm": "text/html",
    ".html": "text/html",
    ".pdf": "application/pdf",
    ".xml": "application/xml",
}
_ATTRIBUTE = re.compile(r";\s*(type|filename|headers|encoder)=(\"(?:[^\"\\]|\\.)*\"|[^;]*)")


@dataclass(frozen=True)
class Payload:
    """The body: bytes, or else the file that is the body just as it is; and the type that curl names for it."""

    body: bytes | None = None
    file: str | None = None
    content_type: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is no body."""
        return self.body is None and self.file is None


def read_text(content: bytes) -> str:
    """Bytes as the text they are.

    Raises:
        InputError: they are not UTF-8.
    """
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InputError("-d holds bytes that are not UTF-8; send them with --data-binary @FILE") from None


def joined(parts: Sequence[tuple[str, str]]) -> bytes:
    """What several of `DATA` make together: joined by `&`, JSON without."""
    return b"".join(
        (b"&" if at and flag != "--json" else b"") + _content(flag, value)
        for at, (flag, value) in enumerate(parts)
    )


def data_payload(parts: Sequence[tuple[str, str]]) -> Payload:
    """The body of these flags of `DATA`, with their values."""
    content_type = "application/json" if parts[-1][0] == "--json" else "application/x-www-form-urlencoded"
    flag, value = parts[0]
    if len(parts) == 1 and flag not in {"--data-raw", "--data-urlencode"} and value.startswith("@"):
        content = _content(flag, value)
        if content == _read(flag, value[1:]):
            return Payload(file=value[1:], content_type=content_type)
    return Payload(joined(parts), content_type=content_type)


def url_query(value: str) -> str:
    """One --url-query: encoded as by --data-urlencode, but for what begins with `+`."""
    return value[1:] if value.startswith("+") else read_text(_content("--data-urlencode", value))


def _content(flag: str, value: str) -> bytes:
    if flag == "--data-urlencode":
        return _encoded(flag, value)
    if flag == "--data-raw" or not value.startswith("@"):
        return os.fsencode(value)
    content = _read(flag, value[1:])
    exact = flag in {"--data-binary", "--json"}
    return content if exact else content.translate(None, b"\r\n\0")


def _encoded(flag: str, value: str) -> bytes:
    """`content`, `=content`, `name=content`, `@file` or `name@file`; a space is a plus."""
    name, sign, content = re.fullmatch(r"([^=@]*)([=@]?)(.*)", value, re.DOTALL).groups()  # type: ignore[union-attr]
    if not sign:
        name, content = "", name
    raw = _read(flag, content) if sign == "@" else os.fsencode(content)
    return f"{name}{'=' if name else ''}{quote_plus(raw, safe='~')}".encode(errors="surrogateescape")


def _read(flag: str, path: str) -> bytes:
    if path == "-":
        raise InputError(f"{flag} @-: a body is not read from standard input; put it in a file")
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no path"
        shown = "-d" if flag.startswith("--data") else flag
        raise InputError(f"{shown} @{path}: cannot be read: {reason}") from None


# ── forms ──


def form_payload(parts: Sequence[tuple[str, str]]) -> Payload:
    """A multipart form, as curl builds one; its boundary is made from what it holds, and so is the same every time.

    Raises:
        InputError: a part is not `name=…`, a file cannot be read, or it asks for what is not built here.
    """
    fields = [_field(flag, value) for flag, value in parts]
    boundary = f"------------------------{hashlib.sha256(b''.join(fields)).hexdigest()[:22]}"
    line = boundary.encode()
    body = b"".join(b"--" + line + b"\r\n" + field + b"\r\n" for field in fields) + b"--" + line + b"--\r\n"
    return Payload(body, content_type=f"multipart/form-data; boundary={boundary}")


def _field(flag: str, value: str) -> bytes:
    """The head and content of one part."""
    name, equals, content = value.partition("=")
    if not equals:
        raise InputError(f"{flag}: expected name=value, name=@file or name=<file")
    given: dict[str, str] = {}
    if flag == "--form":
        content, given = _attributes(content)
    kind, filename = given.get("type"), given.get("filename")
    raw = os.fsencode(content)
    if flag == "--form" and content[:1] in {"@", "<"}:
        if content.startswith("@") and "," in content:
            raise InputError(
                f"{flag}: several files in one part are not built here; give each a part of its own"
            )
        raw = _read(flag, content[1:])
        if content.startswith("@"):
            filename = os.path.basename(content[1:]) if filename is None else filename
            kind = kind or _TYPES.get(Path(filename).suffix.lower(), "application/octet-stream")
    shown = "" if filename is None else f'; filename="{_quoted(filename)}"'
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"{shown}\r\n'
    head += f"Content-Type: {kind}\r\n" if kind else ""
    return os.fsencode(f"{head}\r\n") + raw


def _attributes(content: str) -> tuple[str, dict[str, str]]:
    """What stands before `;type=` and `;filename=`, without its quotes, and these."""
    first = re.match(r"([@<]?)\"((?:[^\"\\]|\\.)*)\"", content)
    end = first.end() if first else (match.start() if (match := _ATTRIBUTE.search(content)) else len(content))
    given = {match[1]: _unquoted(match[2]) for match in _ATTRIBUTE.finditer(content, end)}
    if refused := given.keys() & {"headers", "encoder"}:
        raise InputError(
            f"--form: ;{min(refused)}= is not built here; put the body in a file, and send it with -d @FILE"
        )
    return (first[1] + _unquoted(first[0][len(first[1]) :]) if first else content[:end]), given


def _unquoted(text: str) -> str:
    text = text.strip()
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _quoted(text: str) -> str:
    """A name in the head of a part, percent-encoded where it would break out of its quotes, as WHATWG has it."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
