"""A k6 script's plain requests: `http.get(…)`, `http.post(…)` of literals, and of names bound to them.

Only as much of JavaScript is read as such a call takes: literals, objects, arrays, `JSON.stringify`, sums of texts, and
the environment (`__ENV.NAME`). Nothing is run.
"""

from __future__ import annotations

import json
import re
from typing import Any

from benchmark.errors import InputError
from benchmark.scenario.convert.converted import Converted, counted, variable
from benchmark.scenario.curl.command import CurlCommand

_CALL = re.compile(r"\bhttp\s*\.\s*(get|post|put|patch|del|head|options|request)\s*\(")
_BINDING = re.compile(r"\b(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*=\s*")
_TOKEN = re.compile(
    r"""\s*(?:(//[^\n]*|/\*.*?\*/)|("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)"""
    r"""|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_$][\w$]*(?:\s*\.\s*[A-Za-z_$][\w$]*)*)|(\.\.\.|.))""",
    re.DOTALL,
)
_WORDS = {"true": True, "false": False, "null": None, "undefined": None}
_OPTIONS = {"vus": "connections", "duration": "duration", "iterations": "requests"}
_DEEP = 50  # levels of nesting


def from_k6(text: str) -> Converted:
    """The requests of a script, with `vus` and `duration` of its options as the load.

    Raises:
        InputError: a request is made of more than literals; says the line.
    """
    names: dict[str, int] = {match[1]: match.end() for match in _BINDING.finditer(text)}
    commands = []
    for match in _CALL.finditer(text):
        arguments = _Literals(text, match.end(), names).arguments()
        commands.append(_command(match[1], arguments))
    load: dict[str, str] = {}
    if "options" in names:
        options = _Literals(text, names["options"], names).optional()
        if isinstance(options, dict):
            load = {_OPTIONS[key]: str(value) for key, value in options.items() if key in _OPTIONS and value}
    if "duration" in load:
        load.pop("requests", None)
    notes = () if load else ("the script's load is left out: it is not vus and duration",)
    return Converted(counted(commands), load, notes if "options" in names else ())


def _command(method: str, arguments: list[Any]) -> CurlCommand:
    if method == "request":
        method, arguments = str(arguments[0]), arguments[1:]
    method = "DELETE" if method == "del" else method.upper()
    url, *rest = arguments or [""]
    body = rest.pop(0) if rest and method not in {"GET", "HEAD"} else None
    parameters = rest[0] if rest and isinstance(rest[0], dict) else {}
    headers = {str(name): str(value) for name, value in (parameters.get("headers") or {}).items()}
    if isinstance(body, dict):  # k6 sends an object as a form
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        body = "&".join(f"{key}={value}" for key, value in body.items())
    return CurlCommand(
        url=str(url), method=method, headers=headers, body=None if body is None else str(body).encode()
    )


class _Literals:
    """Reads values from a place in the text on."""

    def __init__(
        self, text: str, at: int, names: dict[str, int], bound: frozenset[str] = frozenset()
    ) -> None:
        self._text, self._at, self._names, self._bound = text, at, names, bound

    def arguments(self) -> list[Any]:
        """Up to the parenthesis that closes a call."""
        found: list[Any] = []
        while not self._skip(")"):
            found.append(self._sum(0))
            if not self._skip(","):
                self._expect(")")
                break
        return found

    def optional(self) -> Any:
        """A value; None where it is not a literal."""
        try:
            return self._sum(0)
        except InputError:
            return None

    def _sum(self, deep: int) -> Any:
        value = self._value(deep)
        while self._skip("+"):
            value = f"{value}{self._value(deep)}"
        return value

    def _value(self, deep: int) -> Any:
        if deep > _DEEP:
            raise self._unread()
        text, number, name, sign = self._next()
        if text:
            return self._string(text)
        if number:
            return float(number) if re.search(r"[.eE]", number) else int(number)
        if name:
            return self._named(re.sub(r"\s+", "", name), deep)
        if sign == "{":
            return self._object(deep)
        if sign == "[":
            return self._array(deep)
        raise self._unread()

    def _named(self, name: str, deep: int) -> Any:
        if name in _WORDS:
            return _WORDS[name]
        if name.startswith("__ENV."):
            return variable(name.removeprefix("__ENV."))
        if name == "JSON.stringify":
            self._expect("(")
            value = self.arguments()[0]
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if name in self._names and name not in self._bound:
            return _Literals(self._text, self._names[name], self._names, self._bound | {name})._sum(deep + 1)
        raise self._unread(name)

    def _object(self, deep: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._skip("}"):
            text, number, name, _ = self._next()
            key = str(self._string(text) if text else number or name)
            if not key:
                raise self._unread()
            found[key] = self._sum(deep + 1) if self._skip(":") else self._named(key, deep + 1)
            if not self._skip(","):
                self._expect("}")
                break
        return found

    def _array(self, deep: int) -> list[Any]:
        found: list[Any] = []
        while not self._skip("]"):
            found.append(self._sum(deep + 1))
            if not self._skip(","):
                self._expect("]")
                break
        return found

    def _string(self, text: str) -> str:
        inner = text[1:-1]
        if text[0] == "`" and "${" in inner:
            return re.sub(r"\$\{([^}]*)\}", self._inserted, inner)
        escapes = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
        return re.sub(
            r"\\(?:u([0-9a-fA-F]{4})|(.))",
            lambda match: chr(int(match[1], 16)) if match[1] else escapes.get(match[2], match[2]),
            inner,
            flags=re.DOTALL,
        )

    def _inserted(self, match: re.Match[str]) -> str:
        return str(_Literals(match[1], 0, self._names, self._bound)._inserted_name(self._text))

    def _inserted_name(self, script: str) -> Any:
        name = self._text.strip()
        reader = _Literals(script, len(script), self._names, self._bound)
        return reader._named(name, 0)

    def _next(self) -> tuple[str, str, str, str]:
        while match := _TOKEN.match(self._text, self._at):
            self._at = match.end()
            if not match[1]:
                return match[2] or "", match[3] or "", match[4] or "", match[5] or ""
        raise self._unread()

    def _skip(self, sign: str) -> bool:
        before = self._at
        *_, found = self._next()
        if found == sign:
            return True
        self._at = before
        return False

    def _expect(self, sign: str) -> None:
        if not self._skip(sign):
            raise self._unread()

    def _unread(self, name: str = "") -> InputError:
        line = self._text.count("\n", 0, self._at) + 1
        what = f"`{name}`" if name else "what stands here"
        return InputError(
            f"line {line}: {what} is not a literal, nor a name for one; write what it stands for"
        )
