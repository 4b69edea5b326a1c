"""Which answers are streams, and what is added to the requests for them."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from benchmark.scenario.model import Request, StreamName
from benchmark.scenario.streaming import (
    api_of,
    asks_usage,
    exact_tokens,
    is_model,
    is_streamed,
    model_of,
    with_usage,
)
from benchmark.transport.dialects.known import DIALECTS

CHAT = "/api/predict/svc/v1/chat/completions"


def test_every_dialect_can_be_named() -> None:
    assert {*get_args(StreamName)} == DIALECTS.keys()


@pytest.mark.parametrize(
    ("path", "api"),
    [
        (CHAT, "openai"),
        (CHAT + "?a=b", "openai"),
        (CHAT + "/", "openai"),
        ("/v1/completions", "openai"),
        ("/v1/responses", "responses"),
        ("/v1/messages", "anthropic"),
        ("/api/v1/services/aigc/text-generation/generation", "dashscope"),
        ("/generate_stream", "tgi"),
        ("/api/chat", "ollama"),
        ("/completion", "llamacpp"),
        ("/v1beta/models/g:streamGenerateContent?alt=sse", "gemini"),
        ("/v1/embeddings", ""),
        ("/", ""),
    ],
)
def test_a_path_tells_its_api(path: str, api: str) -> None:
    assert api_of(path) == api
    assert is_model(path) == (bool(api) or path == "/v1/embeddings")


STREAMED = [
    ({}, CHAT, {"stream": True}, True),
    ({}, CHAT, {"stream": False}, False),
    ({}, CHAT, {"stream": "true"}, False),
    ({}, "/generate_stream", {"inputs": "hi"}, True),
    ({}, "/generate_stream", {"hi": 1}, False),
    ({}, "/api/chat", {"model": "m", "messages": []}, True),
    ({}, "/api/chat", {"model": "m", "stream": False}, False),
    ({}, "/api/chat", {"question": "hi"}, False),
    ({}, "/v1beta/models/g:streamGenerateContent", {"contents": []}, True),
    ({"headers": {"X-DashScope-SSE": "enable"}}, "/x/generation", {"model": "m"}, True),
    ({}, "/x/generation", {"model": "m"}, False),
    ({"stream": "events"}, "/", {}, True),
    ({"stream": False}, CHAT, {"stream": True}, False),
]


@pytest.mark.parametrize(("keys", "path", "asked", "streamed"), STREAMED)
def test_what_is_streamed(keys: dict[str, Any], path: str, asked: object, streamed: bool) -> None:
    assert is_streamed(Request.model_validate(keys), json.dumps(asked).encode(), path) is streamed


USAGE = [
    ({}, CHAT, '{"stream": true}', True),  # whichever way the request is written
    ({"stream": True}, "/svc", '{"stream": true}', True),
    ({"pin": False}, CHAT, '{"stream": true}', False),
    ({}, CHAT, '{"stream": true, "stream_options": {}}', False),
    ({}, CHAT, '{"stream": false}', False),
    ({}, "/v1/messages", '{"stream": true}', False),
    ({"stream": True}, "/v1/messages", '{"stream": true}', False),
    ({"stream": "events"}, "/svc", '{"stream": true}', False),
    ({}, "/svc", '{"stream": true}', False),
    ({"stream": True}, CHAT, "no JSON", False),
]


@pytest.mark.parametrize(("keys", "path", "body", "asked"), USAGE)
def test_usage_is_asked_for_where_the_api_takes_it(
    keys: dict[str, Any], path: str, body: str, asked: bool
) -> None:
    assert asks_usage(Request.model_validate(keys), body.encode(), path) is asked


def test_a_body_that_asks_for_usage_too_is_otherwise_what_was_written() -> None:
    written = b'{ "stream":true,\n "x": "\xe4\xbd\xa0" }\n'
    assert with_usage(written) == written.rstrip()[:-1] + b',"stream_options":{"include_usage":true}}'
    assert json.loads(with_usage(written))["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("asked", "exact"),
    [
        ({"max_tokens": 8, "ignore_eos": True}, 8),
        ({"max_completion_tokens": 8, "ignore_eos": True}, 8),
        ({"max_tokens": 8, "min_tokens": 8}, 8),
        ({"max_tokens": 8, "min_tokens": 2}, 0),
        ({"max_tokens": 8, "ignore_eos": False}, 0),
        ({"ignore_eos": True}, 0),
        ({"max_tokens": "8", "ignore_eos": True}, 0),
    ],
)
def test_a_length_that_is_asked_for_exactly(asked: object, exact: int) -> None:
    assert exact_tokens(json.dumps(asked).encode()) == exact


def test_the_model_that_a_body_names() -> None:
    assert model_of(b'{"model": "qwen"}') == "qwen"
    assert model_of(b'{"model": 3}') == model_of(b"model") == model_of(b'["model"]') == ""
