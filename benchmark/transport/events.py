"""Events of a streamed body, however it comes in pieces: server-sent events, and a JSON document on each line. Pure."""

from __future__ import annotations

LARGEST_EVENT = 4 * 1024 * 1024  # bytes
DONE = b"[DONE]"
_BOM = b"\xef\xbb\xbf"
_BREAKS = b" \t\r\n"


class EventReader:
    """Cuts a body into events.

    They end with an empty line, as the WHATWG says; where the body begins as JSON does, every line is one.
    """

    def __init__(self) -> None:
        self.pending = b""  # the beginning of an event
        self.by_line = False  # whether every line is an event
        self.count = 0  # events so far that are not empty
        self._begun = False
        self._half_break = False  # the last byte was a CR, which an LF may follow

    def feed(self, piece: bytes) -> list[bytes]:
        """The events that end in this piece: their lines, joined by LF.

        Raises:
            ValueError: an event is larger than `LARGEST_EVENT`.
        """
        if self._half_break:
            piece = piece.removeprefix(b"\n")
        self._half_break = piece.endswith(b"\r")
        if b"\r" in piece:
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        text = self.pending + piece
        if not self._begun:
            text = self._begin(text)
        *events, self.pending = text.split(b"\n" if self.by_line else b"\n\n")
        if len(self.pending) > LARGEST_EVENT:
            raise ValueError(f"an event is larger than {LARGEST_EVENT // 1024**2} MiB")
        return events

    def rest(self) -> bytes:
        """What an answer that ended without an empty line left over."""
        text, self.pending = self.pending, b""
        return text

    def _begin(self, text: bytes) -> bytes:
        """See how the body begins, once enough of it is there."""
        if _BOM.startswith(text[:3]) and len(text) < len(_BOM):
            return text
        stripped = text.removeprefix(_BOM)
        beginning = stripped.lstrip(_BREAKS)
        if beginning:
            self._begun = True
            self.by_line = beginning[:1] in {b"{", b"["}
        return stripped


def messages_of(event: bytes) -> list[tuple[bytes, bytes]]:
    """The name and the data of what an event says; nothing, where it is but comments or a keep-alive.

    JSON that stands there without `data:` is a message of its own, and so is a line that begins with `error:`: servers
    tell their errors in such ways.
    """
    if event.startswith(b"data: ") and b"\n" not in event:
        return [(b"", event[6:])]
    if event.lstrip(_BREAKS)[:1] == b"{":
        return [(b"", event)]
    name, data, apart = b"", [], []
    for line in event.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
        elif field == b"error":
            apart.append((b"error", value.strip()))
        elif line[:1] == b"{":
            apart.append((b"", line))
    return [(name, b"\n".join(data)), *apart] if data else apart


def fields_of(event: bytes) -> tuple[bytes, bytes | None]:
    """The name and the data of an event's first message; no data, and it is nothing but comments or a keep-alive."""
    return next(iter(messages_of(event)), (b"", None))
