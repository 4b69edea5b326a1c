"""Which answers are streamed, and which API gives them, as far as a request's path, body and headers tell."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from benchmark.scenario.model import Request

_APIS = {  # how a path ends → the dialect of what it streams
    "/chat/completions": "openai",
    "/completions": "openai",
    "/responses": "responses",
    "/v1/messages": "anthropic",
    "/v2/chat": "cohere",
    "/generation": "dashscope",
    "/generate_stream": "tgi",
    "/api/chat": "ollama",
    "/api/generate": "ollama",
    "/completion": "llamacpp",
    ":streamGenerateContent": "gemini",
}
_WHOLE = (
    "/embeddings",
    "/rerank",
    "/score",
    "/generate",
    ":generateContent",
)  # APIs of models that stream nothing


def api_of(path: str) -> str:
    """The dialect of the API at a path; empty: none that is known."""
    path = urlsplit(path).path.rstrip("/")
    return next((name for ending, name in _APIS.items() if path.endswith(ending)), "")


def is_model(path: str) -> bool:
    """Whether a model answers at a path, as far as the path tells."""
    return bool(api_of(path)) or urlsplit(path).path.rstrip("/").endswith(_WHOLE)


def is_streamed(request: Request, body: bytes, path: str = "") -> bool:
    """Whether the answer is a stream of tokens: the scenario says so, or else what is asked."""
    if request.stream is not None:
        return bool(request.stream)
    api = api_of(path)
    if api == "gemini":
        return True
    if api == "dashscope":
        return any(
            name.lower() == "x-dashscope-sse" and value == "enable" for name, value in request.headers.items()
        )
    if b'"stream"' not in body and api not in {"tgi", "ollama"}:
        return False
    asked = _object(body)
    if api == "tgi":
        return bool({"inputs", "text_input"} & asked.keys())
    if api == "ollama" and "model" in asked:
        return asked.get("stream") is not False
    return asked.get("stream") is True


def asks_usage(request: Request, body: bytes, path: str) -> bool:
    """Whether the body of a streamed request is to ask for usage, which it does not do by itself."""
    api = api_of(path)
    named = request.stream in {True, "openai"}
    if not request.pin or not (api == "openai" or (named and not api)) or b'"stream_options"' in body:
        return False
    return is_streamed(request, body, path) and _object(body).get("stream") is True


def with_usage(body: bytes) -> bytes:
    """The same body, which also asks for the usage of its stream; what was written stays as it was, to the byte."""
    return body.rstrip()[:-1] + b',"stream_options":{"include_usage":true}}'


def model_of(body: bytes) -> str:
    """The model that a body names; empty: none."""
    name = _object(body).get("model") if b'"model"' in body else None
    return name if isinstance(name, str) else ""


def exact_tokens(body: bytes) -> int:
    """How many tokens a body asks for, where it forbids an end before them; else zero."""
    if b'"ignore_eos"' not in body and b'"min_tokens"' not in body:
        return 0
    asked = _object(body)
    most = asked.get("max_tokens") or asked.get("max_completion_tokens")
    forbidden = asked.get("ignore_eos") is True or asked.get("min_tokens") == most
    return most if isinstance(most, int) and not isinstance(most, bool) and most > 0 and forbidden else 0


def _object(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return asked if isinstance(asked, dict) else {}
