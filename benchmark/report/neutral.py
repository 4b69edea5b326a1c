"""The exits of text: whatever a server, a scenario or a foreign folder says leaves as text, in every format.

What steers a terminal, turns the reading direction or hides is replaced wherever text leaves; what only one format could
obey is its renderer's to escape (HTML: autoescape; Markdown: `escape`; XML: ElementTree), and a spreadsheet's is here.
"""

from __future__ import annotations

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls but for tabs and ends of lines; C1 has another ESC [
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the reading direction
    "\u2028\u2029\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"  # ends of lines that few see, and tags that nobody does
    "\ud800-\udfff]"
)
_FORMULAS = tuple("=+-@\t\r＝＋－＠")  # what begins with one of these is worked out by spreadsheets

_NUMBER = re.compile(r"-\d+(\.\d+)?(e[+-]\d+)?")


def harmless(text: str) -> str:
    """Text that cannot steer what shows it."""
    return _OBEYED.sub(REPLACEMENT, text)


def in_line(text: str) -> str:
    """The same in one line."""
    return " ".join(harmless(text).split())


def in_json(document: str) -> str:
    """A JSON document whose strings say the same, with what a terminal could obey written as `\\u009b`."""
    return _OBEYED.sub(
        lambda match: f"\\u{ord(match[0]):04x}" if ord(match[0]) < 2**16 else REPLACEMENT, document
    )


def in_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula; numbers stay as they are."""
    if not isinstance(value, str):
        return value
    text = in_line(value)
    return f"'{text}" if text.startswith(_FORMULAS) and not _NUMBER.fullmatch(text) else text
