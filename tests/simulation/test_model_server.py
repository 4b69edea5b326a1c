"""The answers of the model service: bytes in, an answer out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmark.simulation.gateway import Answer
from benchmark.simulation.model_server import ModelServer, failure

HELLO = [{"role": "user", "content": "hello there!"}]


def chat(**asked: Any) -> Answer:
    body = json.dumps({"model": "m", "messages": HELLO, **asked}).encode()
    return ModelServer("m").answer("POST", "v1/chat/completions", "application/json", body)


def told(answer: Answer) -> str:
    assert answer.content_type == "application/json"
    error = json.loads(answer.body)["error"]
    assert error["code"] == answer.status
    message: str = error["message"]
    return message


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_the_root_echoes_bytes_and_their_type(method: str) -> None:
    body = bytes(range(256))
    assert ModelServer("m").answer(method, "", "image/png", body) == Answer(200, body, "image/png")


def test_an_echo_may_have_a_size_of_its_own() -> None:
    answer = ModelServer("m", echo_size=1000).answer("POST", "", "text/plain", b"short")
    assert (len(answer.body), answer.content_type) == (1000, "text/plain")
    assert ModelServer("m", echo_size=0).answer("POST", "", "text/plain", b"short").body == b""


def test_lists_its_model() -> None:
    answer = ModelServer("m").answer("GET", "v1/models", "", b"")
    assert [model["id"] for model in json.loads(answer.body)["data"]] == ["m"]


def test_answers_a_chat() -> None:
    answer = chat()
    document = json.loads(answer.body)
    assert (answer.status, document["object"], document["model"]) == (200, "chat.completion", "m")
    choice = document["choices"][0]
    words = choice["message"]["content"].split()
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")
    assert document["usage"] == {
        "prompt_tokens": 2,
        "completion_tokens": len(words),
        "total_tokens": 2 + len(words),
    }


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    ("most", "more", "length", "finish"),
    [
        (1, {}, 1, "length"),
        (16, {}, 16, "length"),
        (500, {}, 29, "stop"),
        (500, {"ignore_eos": True}, 500, "length"),
    ],
)
def test_keeps_to_the_most_tokens(
    name: str, most: int, more: dict[str, Any], length: int, finish: str
) -> None:
    document = json.loads(chat(**{name: most}, **more).body)
    choice = document["choices"][0]
    assert document["usage"]["completion_tokens"] == len(choice["message"]["content"].split()) == length
    assert choice["finish_reason"] == finish


def test_counts_the_words_of_parts() -> None:
    parts = [{"type": "text", "text": "one two"}, {"type": "image_url"}, {"type": "text", "text": "three"}]
    answer = chat(messages=[{"role": "system", "content": "zero"}, {"role": "user", "content": parts}])
    assert json.loads(answer.body)["usage"]["prompt_tokens"] == 4


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is not JSON"),
        (b"{", "The body is not JSON"),
        (b"\xff\xfe", "The body is not JSON"),
        (b"[" * 100_000, "The body is not JSON"),
        (b"[]", "The body is a JSON list; an object was expected."),
    ],
)
def test_refuses_what_is_no_json_object(body: bytes, message: str) -> None:
    answer = ModelServer("m").answer("POST", "v1/chat/completions", "application/json", body)
    assert answer.status == 400
    assert told(answer).startswith(message)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"messages": None}, "`messages` is a list"),
        ({"messages": []}, "`messages` is a list"),
        ({"messages": ["hello"]}, "`messages[0]` is an object with a `role`"),
        ({"messages": [*HELLO, {"content": "x"}]}, "`messages[1]` is an object with a `role`"),
        ({"messages": [{"role": "user"}]}, "`messages[0].content` is a text"),
        ({"max_tokens": 0}, "`max_tokens` is 0"),
        ({"max_tokens": True}, "`max_tokens` is True"),
        ({"max_tokens": "9"}, "`max_tokens` is '9'"),
        ({"max_tokens": 10**9}, "`max_tokens` is 1000000000"),
        ({"max_completion_tokens": -1}, "`max_completion_tokens` is -1"),
    ],
)
def test_refuses_a_wrong_chat(asked: dict[str, Any], message: str) -> None:
    answer = chat(**asked)
    assert answer.status == 400
    assert told(answer).startswith(message)


@pytest.mark.parametrize("name", ["x", None, "\ud800", ["m"]])
def test_knows_no_other_model(name: Any) -> None:
    answer = chat(model=name)
    assert answer.status == 404
    assert told(answer) == f"The model `{name}` does not exist."


@pytest.mark.parametrize("below", ["v1", "v1/chat", "V1/models", "v1//models"])
def test_knows_no_other_path(below: str) -> None:
    answer = ModelServer("m").answer("GET", below, "", b"")
    assert (answer.status, answer.body) == (404, b'{"detail":"Not Found"}')


@pytest.mark.parametrize(
    ("method", "below", "allow"),
    [("DELETE", "", "GET, POST, PUT"), ("GET", "v1/chat/completions", "POST"), ("POST", "v1/models", "GET")],
)
def test_says_which_methods_it_takes(method: str, below: str, allow: str) -> None:
    answer = ModelServer("m").answer(method, below, "", b"")
    assert (answer.status, answer.allow, answer.body) == (405, allow, b'{"detail":"Method Not Allowed"}')


@pytest.mark.parametrize(
    ("status", "text"), [(500, b"Internal Server Error"), (502, b"Bad Gateway"), (499, b"Error")]
)
def test_breaks_down_in_words(status: int, text: bytes) -> None:
    assert failure(status).body == text


def embed(**asked: Any) -> Answer:
    body = json.dumps({"model": "m", **asked}).encode()
    return ModelServer("m").answer("POST", "v1/embeddings", "application/json", body)


def test_embeds_texts() -> None:
    document = json.loads(embed(input=["hello there", "x", "hello there"], dimensions=8).body)
    first, other, again = (each["embedding"] for each in document["data"])
    assert len(first) == 8
    assert sum(each * each for each in first) == pytest.approx(1, abs=1e-4)
    assert first == again != other
    assert document["usage"] == {"prompt_tokens": 5, "total_tokens": 5}
    assert len(json.loads(embed(input="x").body)["data"][0]["embedding"]) == 256


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "`input` is a text, or a list of them."),
        ({"input": []}, "`input` is a text, or a list of them."),
        ({"input": [5]}, "`input` is a text, or a list of them."),
        ({"input": "x", "dimensions": 0}, "`dimensions` is a whole number from 1 to 4096."),
    ],
)
def test_embeddings_that_cannot_be_had(asked: dict[str, Any], message: str) -> None:
    answer = embed(**asked)
    assert (answer.status, told(answer)) == (400, message)
