"""Python as documentation prints it: calls of `requests` or `httpx`, and of the `openai` client.

Read from the syntax tree; nothing is run. Literals are understood, names bound to them, and the environment's variables.
"""

from __future__ import annotations

import ast
import base64
import json
from typing import Any
from urllib.parse import urlencode

from benchmark.errors import InputError
from benchmark.scenario.convert.converted import Converted, counted, variable
from benchmark.scenario.curl.command import CurlCommand

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_LIBRARIES = {"requests", "httpx"}
_SESSIONS = {"Session", "session", "Client", "AsyncClient"}
_OPENAI = {"OpenAI", "AsyncOpenAI"}
_OPENAI_URL = "https://api.openai.com/v1"
_RESOURCES = {
    "chat.completions.create": "chat/completions",
    "completions.create": "completions",
    "embeddings.create": "embeddings",
    "responses.create": "responses",
}
_NOT_SENT = {"extra_headers", "extra_body", "timeout", "extra_query"}  # of a call of the openai client
_NO_DATA = {"hooks", "http_client", "adapter"}  # arguments that hold code, and change nothing that is sent
_FORM = "application/x-www-form-urlencoded"


class _Unread(Exception):  # noqa: N818  # becomes a message with its line
    """An expression that is no literal."""

    def __init__(self, node: ast.expr) -> None:
        super().__init__()
        self.node = node


def from_python(text: str) -> Converted:
    """The requests of a script.

    Raises:
        InputError: it is no Python, or a request is made of more than literals; says the line.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        raise InputError(f"{line}this is not Python 3 that can be read") from None
    reader = _Reader()
    try:
        reader.visit(tree)
    except _Unread as unread:
        raise InputError(
            f"line {unread.node.lineno}: {_shown(unread.node)} is not a literal, nor a name for one; write what it stands for"
        ) from None
    return Converted(counted(reader.commands), notes=tuple(reader.notes))


def _shown(node: ast.expr) -> str:
    """An expression without what may be a credential in it: its kind of thing, and its names."""
    if isinstance(node, ast.Name | ast.Attribute):
        return f"`{ast.unparse(node)}`"
    if isinstance(node, ast.Call):
        return f"`{ast.unparse(node.func)}(…)`"
    return "this expression"


class _Reader(ast.NodeVisitor):
    """Walks a script in its order, keeps what names are bound to, and takes down its requests."""

    def __init__(self) -> None:
        self.commands: list[CurlCommand] = []
        self.notes: list[str] = []
        self._names: dict[str, ast.expr] = {}
        self._sessions = set(_LIBRARIES)
        self._clients: dict[str, ast.Call] = {}

    def visit_Assign(self, node: ast.Assign) -> None:  # as ast calls it
        """`name = …`."""
        self._bind(node.targets, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """`name: type = …`."""
        if node.value is not None:
            self._bind([node.target], node.value)
        self.generic_visit(node)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """`with requests.Session() as name:`."""
        for item in node.items:
            if item.optional_vars is not None:
                self._bind([item.optional_vars], item.context_expr)
        self.generic_visit(node)

    visit_AsyncWith = visit_With  # noqa: N815

    def visit_Call(self, node: ast.Call) -> None:
        """A request, where it is one."""
        name = _dotted(node.func)
        owner, _, method = name.rpartition(".")
        if owner in self._sessions and method in (*_METHODS, "request", "stream"):
            self.commands.append(self._http(node, method))
        for client, made in self._clients.items():
            if name.startswith(f"{client}.") and name.removeprefix(f"{client}.") in _RESOURCES:
                self.commands.append(self._openai(node, made, _RESOURCES[name.removeprefix(f"{client}.")]))
        self.generic_visit(node)

    def _bind(self, targets: list[ast.expr], value: ast.expr) -> None:
        made = value.value if isinstance(value, ast.Await) else value
        for target in targets:
            if isinstance(target, ast.Name):
                self._names[target.id] = value
                called = _dotted(made.func).split(".") if isinstance(made, ast.Call) else [""]
                if called[-1] in _SESSIONS and called[0] in _LIBRARIES:
                    self._sessions.add(target.id)
                if called[-1] in _OPENAI and isinstance(made, ast.Call):
                    self._clients[target.id] = made

    # ── requests ──

    def _http(self, node: ast.Call, method: str) -> CurlCommand:
        given = self._keywords(node)
        places = list(node.args)
        if method in {"request", "stream"}:
            method = str(self._value(places.pop(0))) if places else str(given.pop("method", "GET"))
        url = self._value(places.pop(0)) if places else given.pop("url", "")
        for name, place in zip(_positions(method), places, strict=False):
            given[name] = self._value(place)
        headers = {str(name): str(value) for name, value in (given.pop("headers", None) or {}).items()}
        body = _body(given, headers, node)
        if given.get("params"):
            url = f"{url}{'&' if '?' in str(url) else '?'}{_encoded(given['params'])}"
        if auth := given.get("auth"):
            if not isinstance(auth, list | tuple) or len(auth) != 2:
                raise _Unread(node)
            told = base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode()
            headers.setdefault("Authorization", f"Basic {told}")
        if cookies := given.get("cookies"):
            headers.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in cookies.items()))
        timeout = given.get("timeout")
        return CurlCommand(
            url=str(url),
            method=method.upper(),
            headers=headers,
            body=body,
            timeout=str(timeout) if isinstance(timeout, int | float) and timeout else None,
            verify_tls=given.get("verify", True) is not False,
        )

    def _openai(self, node: ast.Call, made: ast.Call, path: str) -> CurlCommand:
        client, call = self._keywords(made), self._keywords(node)
        base = str(client.get("base_url") or _OPENAI_URL).rstrip("/")
        asked = {name: value for name, value in call.items() if name not in _NOT_SENT}
        asked |= call.get("extra_body") or {}
        headers = {"Content-Type": "application/json"}
        headers |= {str(name): str(value) for name, value in (client.get("default_headers") or {}).items()}
        headers |= {str(name): str(value) for name, value in (call.get("extra_headers") or {}).items()}
        if client.get("api_key") is not None:
            headers.setdefault("Authorization", f"Bearer {client['api_key']}")
        body = json.dumps(asked, ensure_ascii=False, separators=(",", ":")).encode()
        return CurlCommand(url=f"{base}/{path}", method="POST", headers=headers, body=body)

    # ── literals ──

    def _keywords(self, node: ast.Call) -> dict[str, Any]:
        """The named arguments of a call; `**mapping` as well."""
        given: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg in _NO_DATA:
                self.notes.append(f"line {keyword.value.lineno}: {keyword.arg} is left out")
                continue
            value = self._value(keyword.value)
            if keyword.arg is None:
                given |= value
            else:
                given[keyword.arg] = value
        return given

    def _value(self, node: ast.expr, bound: frozenset[str] = frozenset()) -> Any:
        """What an expression is known to be, without running it.

        Raises:
            _Unread: it is not.
        """
        match node:
            case ast.Constant():
                return node.value
            case ast.Name() if node.id in self._names and node.id not in bound:
                return self._value(self._names[node.id], bound | {node.id})
            case ast.Dict():
                return self._mapping(node, bound)
            case ast.List() | ast.Tuple():
                return [self._value(each, bound) for each in node.elts]
            case ast.JoinedStr():
                return "".join(str(self._value(part, bound)) for part in node.values)
            case ast.FormattedValue() if node.format_spec is None and node.conversion == -1:
                return self._value(node.value, bound)
            case ast.BinOp() | ast.UnaryOp():
                return self._sum(node, bound)
            case ast.Subscript() if _dotted(node.value) == "os.environ":
                return variable(str(self._value(node.slice, bound)))
            case ast.Call():
                return self._called(node, bound)
        raise _Unread(node)

    def _mapping(self, node: ast.Dict, bound: frozenset[str]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                found |= self._value(value, bound)
            else:
                found[self._value(key, bound)] = self._value(value, bound)
        return found

    def _sum(self, node: ast.BinOp | ast.UnaryOp, bound: frozenset[str]) -> Any:
        """Texts, lists or numbers put together, or a negative number."""
        if isinstance(node, ast.UnaryOp):
            value = self._value(node.operand, bound)
            if isinstance(node.op, ast.USub) and isinstance(value, int | float):
                return -value
            raise _Unread(node)
        if not isinstance(node.op, ast.Add):
            raise _Unread(node)
        left, right = self._value(node.left, bound), self._value(node.right, bound)
        if type(left) is not type(right):
            raise _Unread(node)
        return left + right

    def _called(self, node: ast.Call, bound: frozenset[str]) -> Any:
        """`json.dumps(…)`, `"…".encode()`, `os.getenv("…")`, `dict(…)`."""
        name = _dotted(node.func)
        if name == "json.dumps" and len(node.args) == 1:
            return json.dumps(self._value(node.args[0], bound), ensure_ascii=False)
        if name in {"os.getenv", "os.environ.get"} and node.args:
            return variable(str(self._value(node.args[0], bound)))
        if name == "dict" and not node.args:
            return {
                keyword.arg: self._value(keyword.value, bound) for keyword in node.keywords if keyword.arg
            }
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"encode", "strip"} and not node.args:
            value = self._value(node.func.value, bound)
            return value.strip() if node.func.attr == "strip" and isinstance(value, str) else value
        raise _Unread(node)


def _positions(method: str) -> tuple[str, ...]:
    """What stands behind the URL without a name."""
    return ("data", "json") if method.lower() in {"post", "put", "patch"} else ("params",)


def _dotted(node: ast.expr) -> str:
    """`client.chat.completions.create`; empty for what is no such name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def _body(given: dict[str, Any], headers: dict[str, str], node: ast.Call) -> bytes | None:
    """The body, with the header that the library adds for it."""
    known = {name.lower() for name in headers}
    if given.get("json") is not None:
        if "content-type" not in known:
            headers["Content-Type"] = "application/json"
        return json.dumps(given["json"], ensure_ascii=False, separators=(",", ":")).encode()
    if given.get("files") is not None:
        raise _Unread(node)
    data = given.get("data", given.get("content"))
    if data is None:
        return None
    if isinstance(data, dict | list):
        if "content-type" not in known:
            headers["Content-Type"] = _FORM
        return _encoded(data).encode()
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, bytes):
        return data
    raise _Unread(node)


def _encoded(data: Any) -> str:
    try:
        return urlencode(data, doseq=True) if not isinstance(data, str) else data
    except (TypeError, ValueError):
        raise InputError("the form's data is no mapping of names to values") from None
