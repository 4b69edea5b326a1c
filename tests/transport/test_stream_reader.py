"""Server-sent events in pieces of any size, and token chunks told by their first bytes just as a JSON parser tells them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.measure.stream import Stream
from benchmark.transport.events import DONE, LARGEST_EVENT, EventReader, fields_of
from benchmark.transport.stream_reader import StreamReader
from benchmark.transport.texts import texts_of


def events(*pieces: bytes) -> list[bytes | None]:
    reader = EventReader()
    read = [event for piece in pieces for event in reader.feed(piece)]
    return [fields_of(event)[1] for event in read if event]


def read(*pieces: bytes) -> Stream:
    """Pieces that arrive at 1, 2, 3 …"""
    reader = StreamReader()
    for number, piece in enumerate(pieces, start=1):
        reader.feed(piece, number)
    reader.finish(len(pieces) + 1)
    return reader.stream


def chunk(delta: dict[str, Any] | None, **more: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": None}]
    said = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "choices": choices, **more}
    return b"data: " + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"


FORMS = {
    "one": (b"data: a\n\n", [b"a"]),
    "no space": (b"data:a\n\n", [b"a"]),
    "one space only is dropped": (b"data:  a\n\n", [b" a"]),
    "several": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "CR": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "mixed": (b"data: a\r\n\ndata: b\n\r\n", [b"a", b"b"]),
    "comment": (b": keep-alive\n\ndata: a\n\n", [None, b"a"]),
    "comment within": (b"data: a\n: hm\n\n", [b"a"]),
    "lines": (b"data: a\ndata: b\n\n", [b"a\nb"]),
    "empty lines of data": (b"data\ndata:\ndata: \n\n", [b"\n\n"]),
    "fields": (b"id: 3\nevent: token\nretry: 5\ndata: a\n\n", [b"a"]),
    "unknown field": (b"datax: a\ndata: b\n\n", [b"b"]),
    "blank lines between": (b"\n\n\ndata: a\n\n\n\ndata: b\n\n", [b"a", b"b"]),
    "byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "UTF-8": ("data: é 你好 🙂\n\n".encode(), ["é 你好 🙂".encode()]),
    "unfinished": (b"data: a\n\ndata: b\n", [b"a"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_events_come_out_wherever_they_are_cut(form: str) -> None:
    body, wanted = FORMS[form]
    assert events(body) == wanted
    assert events(*(body[at : at + 1] for at in range(len(body)))) == wanted
    for at in range(len(body)):
        assert events(body[:at], body[at:]) == wanted


def test_an_event_ends_with_the_byte_that_ends_it() -> None:
    """A lone CR ends a line at once: waiting for the LF that may follow would make the token late."""
    assert [len(EventReader().feed(b"data: a" + end)) for end in (b"\r\r", b"\n\n", b"\r\n\r\n")] == [1, 1, 1]


def test_an_event_without_end_is_refused() -> None:
    reader = EventReader()
    reader.feed(b"d" * LARGEST_EVENT)
    with pytest.raises(ValueError, match="larger than 4 MiB"):
        reader.feed(b"d")


ANSWER: tuple[bytes, ...] = (
    chunk({"role": "assistant", "content": ""}),
    chunk({"content": "Hello"}),
    chunk({"content": " you"}),
    chunk({}, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]),
    chunk(None, usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}),
    b"data: [DONE]\n\n",
)


def test_an_answer_as_vllm_streams_it() -> None:
    stream = read(*ANSWER)
    assert (list(stream.arrivals), stream.first_answer) == ([2, 3], 2)
    assert (stream.input_tokens, stream.output_tokens, stream.error, stream.unreadable) == (5, 2, "", 0)


def test_several_events_of_a_packet_arrived_together() -> None:
    stream = read(b"".join(ANSWER))
    assert (list(stream.arrivals), stream.output_tokens) == ([1, 1], 2)
    assert list(read(ANSWER[1], ANSWER[1] + ANSWER[2]).arrivals) == [1, 2, 2]


def test_a_token_arrives_with_its_last_byte() -> None:
    first, second = ANSWER[1], ANSWER[2]
    stream = read(first[:9], first[9:] + second[:30], second[30:])
    assert list(stream.arrivals) == [2, 3]


def test_an_answer_without_done_and_without_its_last_line_break() -> None:
    stream = read(*ANSWER[:3], ANSWER[4].rstrip())
    assert (len(stream.arrivals), stream.output_tokens) == (2, 2)


def test_thoughts_are_tokens_but_no_answer() -> None:
    thoughts = [chunk({name: "hm"}) for name in ("reasoning_content", "reasoning")]
    call = chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": ""}}]})
    stream = read(*thoughts, call, chunk({"content": "So"}))
    assert (list(stream.arrivals), stream.first_answer) == ([1, 2, 3, 4], 4)


def test_a_thought_and_an_answer_in_one_chunk() -> None:
    assert read(chunk({"reasoning_content": "hm", "content": "so"})).first_answer == 1
    assert read(chunk({"reasoning_content": "hm", "content": ""})).first_answer == 0


def test_what_carries_nothing_is_no_token() -> None:
    nothing: list[tuple[str, Any]]
    nothing = [
        ("content", ""),
        ("content", None),
        ("tool_calls", []),
        ("reasoning", ""),
        ("role", "assistant"),
    ]
    assert not read(*(chunk({name: value}) for name, value in nothing), chunk(None)).arrivals


def test_a_chunk_that_goes_on_an_unfinished_event_is_not_told_by_its_beginning() -> None:
    stream = read(ANSWER[1], b"data: 1\n", ANSWER[2])
    assert (list(stream.arrivals), stream.unreadable) == ([1], 1)


def test_texts_in_odd_places() -> None:
    odd = {"choices": [{"index": 0, "text": "x", "delta": {"reasoning": "hm"}}]}
    two = {"choices": [{"index": 0, "delta": {"reasoning": "hm"}}, {"index": 1, "text": "x"}]}
    for said in (odd, two):
        assert read(b"data: " + json.dumps(said).encode() + b"\n\n").first_answer == 1


def test_completions_carry_text() -> None:
    def text(text: str) -> bytes:
        return b"data: " + json.dumps({"id": "c", "choices": [{"index": 0, "text": text}]}).encode() + b"\n\n"

    stream = read(text(""), text("a"), text("b"))
    assert (list(stream.arrivals), stream.first_answer) == ([2, 3], 2)


ERRORS = {
    "OpenAI's": (b'data: {"error": {"message": "out of\\n memory", "code": 500}}\n\n', "out of memory"),
    "a text": (b'data: {"error": "broke"}\n\n', "broke"),
    "vLLM's old": (b'data: {"object": "error", "message": "broke", "code": 400}\n\n', "broke"),
    "beside choices": (chunk({"content": "x"}, error={"message": "broke"}), "broke"),
    "a named event": (b"event: error\ndata: it broke\n\n", "it broke"),
    "null": (chunk({"content": "x"}, error=None), ""),
}


@pytest.mark.parametrize("form", ERRORS)
def test_an_error_in_mid_stream(form: str) -> None:
    said, wanted = ERRORS[form]
    assert read(*ANSWER[:3], said).error == wanted


def test_usage_that_comes_with_every_chunk() -> None:
    counted = [chunk({"content": "x"}, usage={"prompt_tokens": 5, "completion_tokens": n}) for n in (1, 2, 3)]
    stream = read(*counted, chunk({"content": "x"}, usage=None))
    assert (len(stream.arrivals), stream.output_tokens) == (4, 3)


@pytest.mark.parametrize("tokens", [-1, 1e400, "7", True, None, 10**30])
def test_usage_that_no_model_could_have_is_not_taken(tokens: Any) -> None:
    stream = read(chunk({"content": "x"}, usage={"prompt_tokens": tokens, "completion_tokens": tokens}))
    assert (stream.input_tokens, stream.output_tokens) == (-1, -1)


def test_what_is_no_json_is_counted() -> None:
    odd = (b"ping", b"{", b"[1]", b"3", b"\xff", b"[" * 100_000)
    assert read(*(b"data: " + data + b"\n\n" for data in odd)).unreadable == len(odd)


# The short ways against the long one

NAMES = ("role", "content", "reasoning_content", "reasoning", "tool_calls", "text", "delta", "index", "usage",
         "error", "choices", "object", "x")  # fmt: skip
TEXTS = st.text(max_size=8) | st.sampled_from(
    ["", "a", '"', "\\", '","content":"x', '"error"', '"usage":{', "\n\n", "\r", "data: ", "}]}", "[DONE]"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=5,
)


def mappings(**usual: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of the usual members, in any order, each of them perhaps something else or not there."""
    members = {name: usual.get(name, VALUES) for name in NAMES}
    member = st.sampled_from(NAMES).flatmap(
        lambda name: st.tuples(st.just(name), members[name] | SCALARS | VALUES)
    )
    few = st.lists(member, max_size=5).map(dict)
    return (
        few
        | st.fixed_dictionaries(usual)
        | st.tuples(few, st.fixed_dictionaries(usual)).map(lambda both: {**both[0], **both[1]})
    )


DELTAS = (
    mappings(content=TEXTS)
    | mappings(reasoning_content=TEXTS)
    | mappings(role=st.just("assistant"), content=TEXTS)
)
CHOICES = mappings(index=st.just(0), delta=DELTAS) | mappings(index=st.just(0), text=TEXTS)
CHUNKS = mappings(x=TEXTS, choices=st.lists(CHOICES, min_size=1, max_size=2))
WAYS = st.tuples(
    st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans(), st.sampled_from(["data: ", "data:"])
)


def with_text(said: Any, text: str | None) -> Any:
    """The same chunk, with another text."""
    if text is None or not isinstance(said, dict | list):
        return said
    if isinstance(said, list):
        return [with_text(each, text) for each in said]
    return {
        name: text
        if name in {"content", "text", "reasoning"} and isinstance(value, str)
        else with_text(value, text)
        for name, value in said.items()
    }


def by_json(*pieces: bytes) -> Stream:
    """Read by a parser alone, which learns no chunk by heart."""
    reader = StreamReader()
    reader._lessons = 0
    for at, piece in enumerate(pieces, start=1):
        reader.feed(piece, at)
    reader.finish(len(pieces) + 1)
    return reader.stream


def told(stream: Stream) -> tuple[Any, ...]:
    return (
        list(stream.arrivals),
        stream.first_answer,
        stream.input_tokens,
        stream.output_tokens,
        stream.failure,
        stream.finish,
        stream.indexes,
    )


@settings(max_examples=500)
@given(st.lists(CHUNKS, min_size=1, max_size=6), WAYS)
def test_the_short_ways_tell_what_a_parser_tells(chunks: list[dict[str, Any]], way: Any) -> None:
    separators, ascii_only, field = way
    # the later ones of four are told by the beginning of the first
    chunks = [with_text(each, text) for each in chunks for text in (None, "", "b", '"')]
    pieces = [
        (field + json.dumps(each, separators=separators, ensure_ascii=ascii_only) + "\n\n").encode(
            "utf-8", "replace"
        )
        for each in chunks
    ]
    assert told(read(*pieces)) == told(by_json(*pieces))


@given(st.lists(CHUNKS, max_size=4), st.data())
def test_cuts_change_instants_only(chunks: list[dict[str, Any]], data: st.DataObject) -> None:
    body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks) + b"data: " + DONE
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True) if a < b]
    whole, cut = read(body), read(*pieces)
    assert (len(cut.arrivals), cut.output_tokens) == (len(whole.arrivals), whole.output_tokens)
    assert bool(cut.first_answer) == bool(whole.first_answer)


def test_the_texts_of_a_body() -> None:
    """Thoughts and answers apart, calls of tools with the thoughts; of several answers the first; the rest is passed over."""
    deltas = [
        {"role": "assistant", "content": ""},
        {"reasoning_content": "hm"},
        {"reasoning": "m", "content": None},
        {"content": 'a "b'},
        {"content": '" é'},
        {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": "{}"}}]},
    ]
    events: list[object] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events += [{"choices": [{"index": 1, "delta": {"content": "other"}}]}, {"choices": [], "usage": {}}]
    body = (
        "".join(f"data: {json.dumps(event)}\r\n\r\n" for event in events)
        + ": ping\n\ndata: {oops\n\ndata: [DONE]"
    )
    assert texts_of(body.encode()) == ("hmmf{}", 'a "b" é')
    assert texts_of(b'data: {"choices": [{"text": "x"}]}') == ("", "x")
    assert texts_of(b"") == ("", "")
    halves = [chunk({"content": half}) for half in ("\ud83d", "\ude00", "\ud83d", "!")]
    assert texts_of(b"".join(halves)) == ("", "\U0001f600\ufffd!")
    for odd in (5, {"a": 1}, [None, 5], [{"function": 5}]):
        assert texts_of(chunk({"content": "x", "tool_calls": odd})) == ("", "x")
