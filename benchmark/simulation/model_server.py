"""The model service behind the gateway: an echo at its root, and OpenAI-style answers like vLLM's below it.

Pure: a request's bytes in, an `Answer` out. How long it takes is the planner's business.
"""

from __future__ import annotations

import json
import math
import time
from http import HTTPStatus
from itertools import count, cycle, islice
from random import Random
from typing import TYPE_CHECKING, Any

from benchmark.simulation.gateway import TEXT, Answer
from benchmark.simulation.llm import chat_script, completion_script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmark.simulation.llm import Script

EVENTS = "text/event-stream; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"

_SPEECH = (
    "Hello! This is the practice service. Its words mean nothing, but their number and their timing are "
    "known, so that whoever measures it can be checked against the truth."
)
_WORDS = tuple(_SPEECH.split())
_DIMENSIONS = 256
_MOST_DIMENSIONS = 4096
_LONGEST = 32_768  # tokens of one answer; a token is a word here
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class ModelServer:
    """Answers what reaches the service; knows one model."""

    def __init__(self, model: str, echo_size: int | None = None) -> None:
        """`echo_size`: answer an echo with that many bytes, whatever was sent."""
        self._model = model
        self._filling = None if echo_size is None else b"x" * echo_size
        self._numbers = count(1)
        self._routes: dict[str, tuple[tuple[str, ...], Callable[[bytes, str], Answer]]] = {
            "": (("GET", "POST", "PUT"), self._echo),
            "v1/models": (("GET",), self._models),
            "v1/chat/completions": (("POST",), self._chat),
            "v1/completions": (("POST",), self._complete),
            "v1/embeddings": (("POST",), self._embed),
        }

    def answer(self, method: str, below: str, content_type: str, body: bytes) -> Answer:
        """The answer to a request for the path `below` the service's address."""
        if below not in self._routes:
            return _detail(404, "Not Found")
        methods, respond = self._routes[below]
        if method not in methods:
            return _detail(405, "Method Not Allowed", allow=", ".join(methods))
        try:
            return respond(body, content_type)
        except _BadRequestError as error:
            return error.answer

    def _echo(self, body: bytes, content_type: str) -> Answer:
        return Answer(200, body if self._filling is None else self._filling, content_type)

    def _models(self, body: bytes, content_type: str) -> Answer:
        model = {
            "id": self._model,
            "object": "model",
            "created": 0,
            "owned_by": "vpcbench",
            "root": self._model,
        }
        return _document(200, {"object": "list", "data": [model]})

    def _chat(self, body: bytes, content_type: str) -> Answer:
        asked = self._asked(body)
        prompt = _prompt_tokens(asked.get("messages"))
        length, finish = _length(asked)
        if asked.get("stream"):
            return self._stream(chat_script, asked, prompt, length, finish)
        message = {"role": "assistant", "content": " ".join(_words(length))}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        return self._whole("chatcmpl", "chat.completion", choice, _usage(prompt, length))

    def _complete(self, body: bytes, content_type: str) -> Answer:
        asked = self._asked(body)
        text = asked.get("prompt")
        if not isinstance(text, str) or not text:
            raise _BadRequestError("`prompt` is a text.", "prompt")
        prompt, (length, finish) = len(text.split()), _length(asked)
        if asked.get("stream"):
            return self._stream(completion_script, asked, prompt, length, finish)
        choice = {"index": 0, "text": " ".join(_words(length)), "logprobs": None, "finish_reason": finish}
        return self._whole("cmpl", "text_completion", choice, _usage(prompt, length))

    def _embed(self, body: bytes, content_type: str) -> Answer:
        asked = self._asked(body)
        texts = asked.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if (
            not isinstance(texts, list)
            or not texts
            or not all(isinstance(text, str) and text for text in texts)
        ):
            raise _BadRequestError("`input` is a text, or a list of them.", "input")
        dimensions = asked.get("dimensions", _DIMENSIONS)
        if type(dimensions) is not int or not 1 <= dimensions <= _MOST_DIMENSIONS:
            raise _BadRequestError(
                f"`dimensions` is a whole number from 1 to {_MOST_DIMENSIONS}.", "dimensions"
            )
        prompt = sum(len(text.split()) for text in texts)
        data = [
            {"object": "embedding", "index": at, "embedding": _embedding(text, dimensions)}
            for at, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": prompt, "total_tokens": prompt}
        return _document(200, {"object": "list", "data": data, "model": self._model, "usage": usage})

    def _asked(self, body: bytes) -> dict[str, Any]:
        asked = _json_object(body)
        if asked.get("model") != self._model:
            raise _BadRequestError(f"The model `{asked.get('model')}` does not exist.", "model", status=404)
        return asked

    def _stream(
        self, script: Callable[..., Script], asked: dict[str, Any], prompt: int, length: int, finish: str
    ) -> Answer:
        options = asked.get("stream_options")
        counted = isinstance(options, dict) and options.get("include_usage")
        usage = _usage(prompt, length) if counted else None
        written = script(next(self._numbers), self._model, tuple(_words(length)), finish, usage)
        return Answer(200, content_type=EVENTS, stream=written)

    def _whole(self, prefix: str, kind: str, choice: dict[str, Any], usage: dict[str, int]) -> Answer:
        head = {"id": f"{prefix}-{next(self._numbers)}", "object": kind, "created": int(time.time())}
        return _document(200, {**head, "model": self._model, "choices": [choice], "usage": usage})


def _embedding(text: str, dimensions: int) -> list[float]:
    """A vector of length 1 that is the text's own."""
    draw = Random(text)
    vector = [draw.gauss() for _ in range(dimensions)]
    length = math.hypot(*vector)
    return [round(each / length, 6) for each in vector]


def _words(length: int) -> Iterator[str]:
    return islice(cycle(_WORDS), length)


def _usage(prompt: int, length: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": length, "total_tokens": prompt + length}


def failure(status: int) -> Answer:
    """What a service that breaks down says."""
    return Answer(status, _PHRASES.get(status, "Error").encode(), TEXT)


class _BadRequestError(Exception):
    """A request that the model server does not take, with the answer that tells so as OpenAI's API does."""

    def __init__(self, message: str, parameter: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        kind = "NotFoundError" if status == 404 else "BadRequestError"
        error = {"message": message, "type": kind, "param": parameter, "code": status}
        self.answer = _document(status, {"error": error})


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _BadRequestError(f"The body is not JSON: {error}") from error
    if not isinstance(asked, dict):
        raise _BadRequestError(f"The body is a JSON {type(asked).__name__}; an object was expected.")
    return asked


def _prompt_tokens(messages: object) -> int:
    """How many words the messages hold."""
    if not isinstance(messages, list) or not messages:
        raise _BadRequestError("`messages` is a list of at least one message.", "messages")
    return sum(len(_message_text(message, number).split()) for number, message in enumerate(messages))


def _message_text(message: object, number: int) -> str:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise _BadRequestError(f"`messages[{number}]` is an object with a `role`.", "messages")
    content = message.get("content")
    if isinstance(content, list):  # of typed parts, of which only text has words
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        content = " ".join(text for text in texts if isinstance(text, str))
    if not isinstance(content, str):
        raise _BadRequestError(f"`messages[{number}].content` is a text or a list of parts.", "messages")
    return content


def _length(asked: dict[str, Any]) -> tuple[int, str]:
    """How many tokens the answer has, and why it ends there."""
    name = "max_completion_tokens" if asked.get("max_completion_tokens") is not None else "max_tokens"
    most = asked.get(name)
    if most is None:
        return len(_WORDS), "stop"
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= _LONGEST:
        raise _BadRequestError(
            f"`{name}` is {most!r}; a whole number from 1 to {_LONGEST} was expected.", name
        )
    if most < len(_WORDS) or asked.get("ignore_eos"):
        return most, "length"
    return len(_WORDS), "stop"


def _detail(status: int, text: str, allow: str | None = None) -> Answer:
    """FastAPI's own errors, in which vLLM tells of a path or method that it does not serve."""
    return _document(status, {"detail": text}, allow)


def _document(status: int, content: dict[str, Any], allow: str | None = None) -> Answer:
    body = json.dumps(content, separators=(",", ":")).encode()
    return Answer(status, body, JSON, allow)
