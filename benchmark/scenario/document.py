"""YAML text as plain data, with the line of every key; and plain data as YAML text.

What is read is YAML 1.2's core: text, numbers, true and false, null, lists and mappings. So `on` and `1:30`
are text, and there are no dates. Tags build nothing, aliases cannot multiply without end, and a key given
twice is an error (PyYAML would keep the last in silence). Events are read, not nodes: libyaml's composer
crashes the process on a few thousand brackets. And they are PyYAML's own events, whose marks and messages
are the same everywhere.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

Location = tuple[str | int, ...]  # keys and list indices, from the top

LARGEST_TEXT = 1024**2  # bytes
_DEEPEST = 100  # levels
_MOST_REPEATED = 10_000  # values that come out of aliases

_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None} | {
    spelling: value
    for word, value in (("null", None), ("true", True), ("false", False))
    for spelling in (word, word.capitalize(), word.upper())
}

_SENTENCES = (  # what PyYAML says → what a person can act on, without the text: it may be a secret
    ("alias", "a value that begins with * is taken for an alias; put it in quotes"),
    ("anchor", "a value that begins with & is taken for an anchor; put it in quotes"),
    (
        "mapping values are not allowed",
        "there is a colon too many, or a wrong indent; text that holds ': ' needs quotes",
    ),
    (r"'\t' that cannot start", "a line is indented with a tab; use spaces"),
    (
        "cannot start any token",
        "a value begins with a character that YAML keeps for itself (@, ` or %); put it in quotes",
    ),
    ("end of stream", "a quote is opened and never closed"),
    ("escape", "in double quotes a backslash begins an escape; write \\\\, or use single quotes"),
    (
        "could not find expected ':'",
        "a line is neither 'key: value' nor part of the text above it (a colon or an indent is missing)",
    ),
    ("expected ',' or ']'", "a list opened with [ is not closed, or lacks a comma"),
    ("expected ',' or '}'", "a mapping opened with { is not closed, or lacks a comma"),
    ("block collection", "a list's lines all begin with '- ' at the same indent; this one does not"),
    ("tag", "a value that begins with ! is taken for a tag; put it in quotes"),
    ("block scalar", "after | or > the text begins on the next line"),
    ("block mapping", "this line does not continue the mapping it stands in; look at indents and quotes"),
)


@dataclass(frozen=True)
class Problem:
    """Something wrong at one place of a document."""

    location: Location
    message: str
    line: int | None = None  # where it is not the key's own


class NotYaml(Exception):  # noqa: N818 - it reads well where it is caught
    """The text cannot be read at all; says why, and on which line."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class Document:
    """Plain data, and where it stood in the text (lines count from 1)."""

    data: Any
    lines: dict[Location, int]
    problems: list[Problem]


def read_document(text: str) -> Document:
    """Read the one document of `text`.

    Problems that leave the rest readable are gathered.

    Raises:
        NotYaml: it is too large, not YAML, or holds more than one document.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_TEXT:
        raise NotYaml("the text is larger than 1 MiB; keep a large body in a file of its own (body_file)")
    try:
        return _Reader(text).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise NotYaml(_sentence(error), mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYaml(
            "there is a control character in the text; YAML has none but tab and line break", line
        ) from None


def _sentence(error: yaml.MarkedYAMLError) -> str:
    said = f"{error.context} {error.problem}"
    found = next((sentence for part, sentence in _SENTENCES if part in said), None)
    return (
        f"this is not YAML: {found or 'it cannot be read from here on; look at indents, colons and quotes'}"
    )


class _Reader:
    """Turns the parser's events into plain data, value by value."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self.document = Document(None, {}, [])
        self.anchors: dict[str, Any] = {}  # of values that are complete
        self.repeated = 0  # values that came out of aliases

    def read(self) -> Document:
        """The document; there may be one at most."""
        next(self.events)  # the stream begins
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return self.document
        self.document.data = self.value(next(self.events), ())
        next(self.events)  # the document ends
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise NotYaml("a second document begins here (---); a scenario is one", _line(after))
        return self.document

    def value(self, event: yaml.Event, location: Location) -> Any:
        """The value that begins with `event`."""
        self.document.lines.setdefault(location, _line(event))
        if len(location) > _DEEPEST:
            raise NotYaml(f"the text is nested more than {_DEEPEST} levels deep", _line(event))
        if isinstance(event, yaml.AliasEvent):
            return self.repeat(event)
        if isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event, location)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self.sequence(location)
        else:
            value = self.mapping(location)
        self.check_tag(event, location)
        if event.anchor:  # type: ignore[attr-defined]
            self.anchors[event.anchor] = value  # type: ignore[attr-defined]
        return value

    def sequence(self, location: Location) -> list[Any]:
        """The items up to the list's end."""
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*location, len(items))))
        return items

    def mapping(self, location: Location) -> dict[str, Any]:
        """The keys and values up to the mapping's end."""
        values: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.key(event, location, values)
            value = self.value(next(self.events), (*location, _NO_KEY if key is None else key))
            if key is not None:
                values[key] = value
        return values

    def key(self, event: yaml.Event, location: Location, values: dict[str, Any]) -> str | None:
        """The key that begins with `event`; None where it is no text, or among `values` already."""
        line = _line(event)
        key = self.value(event, (*location, _NO_KEY))
        del self.document.lines[(*location, _NO_KEY)]
        if not isinstance(key, str):
            self.complain(location, f"a key is text{_in_quotes(key)}", line)
            return None
        if is_broken(key):
            self.complain(location, f"a key holds {BROKEN}", line)
            return None
        if key in values:
            first = self.document.lines[(*location, key)]
            self.complain((*location, key), f"this key was given on line {first} already", line)
            return None
        self.document.lines[(*location, key)] = line
        return key

    def scalar(self, event: yaml.ScalarEvent, location: Location) -> Any:
        """Text, unless it stands plain and reads as something else."""
        text = str(event.value)
        if not event.implicit[0] or event.tag:
            return text
        try:
            return _resolve(text)
        except ValueError:
            self.complain(location, "this number has too many digits", _line(event))
            return text

    def repeat(self, event: yaml.AliasEvent) -> Any:
        """A copy of the value that an alias stands for."""
        if event.anchor not in self.anchors:
            raise NotYaml(
                "an alias (*) stands for no value above it; text that begins with * needs quotes",
                _line(event),
            )
        return self.copy(self.anchors[event.anchor], _line(event))

    def copy(self, value: Any, line: int) -> Any:
        """A copy, as long as there are not too many."""
        self.repeated += 1
        if self.repeated > _MOST_REPEATED:
            raise NotYaml(f"aliases (*) repeat more than {_MOST_REPEATED:,} values", line)
        if isinstance(value, dict):
            return {key: self.copy(item, line) for key, item in value.items()}
        if isinstance(value, list):
            return [self.copy(item, line) for item in value]
        return value

    def check_tag(self, event: yaml.Event, location: Location) -> None:
        """Tags build nothing; those that say what a value is anyway do no harm."""
        if getattr(event, "tag", None) not in _HARMLESS_TAGS:
            self.complain(
                location, "tags (!…) mean nothing here; text that begins with ! needs quotes", _line(event)
            )

    def complain(self, location: Location, message: str, line: int) -> None:
        """Note a problem that leaves the rest readable."""
        self.document.problems.append(
            Problem(tuple(part for part in location if part != _NO_KEY), message, line)
        )


_NO_KEY = -1  # where a key should be: never an index
_HARMLESS_TAGS = {None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1  # the parser marks every event


def _in_quotes(key: Any) -> str:
    """How a key that reads as a number or a word is made text."""
    return "" if key is None or isinstance(key, list | dict) else f'; write "{plain(key)}"'


def _resolve(text: str) -> Any:
    """What a plain scalar is, by YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if match := _SPECIAL_FLOAT.fullmatch(text):
        return math.nan if match[3] else float(f"{match[1]}inf")
    return text


def read_value(text: str) -> Any:
    """The value of an override on the command line: `500/s`, `[200, 404]`, `{a: 1}`.

    Raises:
        NotYaml: it cannot be read.
    """
    document = read_document(text)
    if document.problems:
        raise NotYaml(document.problems[0].message)
    return document.data


def texts(value: Any, location: Location = ()) -> Iterator[tuple[Location, str]]:
    """Every text of plain data (keys are none), and where it stands."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*location, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from texts(item, (*location, at))
    elif isinstance(value, str):
        yield location, value


BROKEN = "half a character (a lone surrogate, or bytes that are not UTF-8)"


def is_broken(text: str) -> bool:
    """Whether the text cannot be sent or written, for want of the other half of a character."""
    return bool(_SURROGATE.search(text))


def plain(value: Any) -> str:
    """A scalar as it is written in a document: true, null, 1.5."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


class _Dumper(yaml.SafeDumper):
    """Writes what `read_document` reads back the same, in block style."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent lists inside their key."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:
        """Repeat values rather than refer to them."""
        return True


_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Lines as a block of lines; references in quotes; what YAML would take for a line break, escaped."""
    style = None
    if _ESCAPED.search(text) or ("${" in text and "\n" not in text):
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _represent_text)
for _tag, _pattern in (("int", _INTEGER), ("float", _FLOAT)):  # YAML 1.2 sees numbers where 1.1 sees text
    _Dumper.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern.pattern})$"), list("-+.0123456789")
    )


def write_document(data: Any) -> str:
    """Plain data as YAML, for people to read and for `read_document` to read back."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_ENDLESS)
    return text


_ENDLESS = 1_000_000  # no line is folded
