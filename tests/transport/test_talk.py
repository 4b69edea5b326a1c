"""What is made as it is sent: other digits in every request, and conversations whose history is what was answered."""

from __future__ import annotations

import json
import pickle
import re
from dataclasses import replace

from benchmark.measure.stream import Stream
from benchmark.transport.base import BELOW_400, PreparedRequest, head_of
from benchmark.transport.talk import Talk, is_made

MARK = "123456789012345678"
FIRST, SECOND = "234567890123456789", "345678901234567890"


def request(text: str, **more: object) -> PreparedRequest:
    body = text.encode()
    headers = (("X-A", text), ("Content-Length", str(len(body))))
    made = PreparedRequest(
        "POST", f"/{text}", headers, body, 5, BELOW_400, head_of("POST", f"/{text}", headers) + body
    )
    return replace(made, **more)  # type: ignore[arg-type]


def test_each_talk_has_a_salt_of_its_own_and_the_same_everywhere_in_it() -> None:
    requests = (request("plain"), request(f"<{MARK}>", salt=MARK))
    made = [Talk(requests, 1).request() for _ in range(1000)]
    assert len({each.wire for each in made}) == 1000
    for each in made:
        (digits,) = set(re.findall(rb"\d{18}", each.wire))
        assert each == request(f"<{digits.decode()}>", salt=MARK)
    assert Talk(requests, 0).request() is requests[0]


def test_only_what_has_a_salt_or_another_turn_is_made() -> None:
    assert not is_made([request("plain")])
    assert is_made([request("plain"), request("a", salt=MARK)])
    assert is_made([request("a", more=1), request("b", turn=2)])
    assert pickle.loads(pickle.dumps(request("a", more=1))) == request("a", more=1)


def said(*texts: str) -> Stream:
    stream = Stream(heard=True)
    assert stream.pieces is not None
    for text in texts:
        said = json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]})
        stream.pieces.append(f"data: {said}\n\n".encode())
    return stream


def conversation(*turns: list[str]) -> tuple[PreparedRequest, ...]:
    made = []
    for at, texts in enumerate(turns):
        messages = json.dumps(texts).encode()
        headers = (("content-length", str(len(messages))),)
        wire = head_of("POST", "/", headers) + messages
        made.append(
            PreparedRequest(
                "POST", "/", headers, messages, 5, BELOW_400, wire, stream=True,
                salt=MARK, turn=at + 1, more=len(turns) - at - 1, answers=(FIRST, SECOND)[:at], heard=True,
            )
        )  # fmt: skip
    return tuple(made)


def test_the_answers_become_history_under_one_salt() -> None:
    """Whatever is answered, quotes and line breaks too, the body is JSON of the length that the head tells."""
    first, second = 'a "quoted"\n\\line', "é🙂"
    turns = conversation([MARK, "?"], [MARK, "?", FIRST, "??"], [MARK, "?", FIRST, "??", SECOND, "???"])
    talk = Talk(turns, 0)
    made = [talk.request()]
    for answer in (first, second):
        assert talk.hear(said(*answer))
        made.append(talk.request())
    assert (talk.at, talk.left, talk.opened) == (2, 0, True)
    assert not talk.hear(said("the end"))
    bodies = [json.loads(each.body) for each in made]
    salt = bodies[0][0]
    assert salt != MARK
    assert bodies[2] == [salt, "?", first, "??", second, "???"]
    for each in made:
        assert each.wire.endswith(b"\r\n\r\n" + each.body)
        assert dict(each.headers)["content-length"] == str(len(each.body))
        assert f"content-length: {len(each.body)}\r\n".encode() in each.wire
    assert talk.longer == len(made[2].wire) - len(turns[2].wire)


def test_recorded_answers_stay_as_they_were_prepared() -> None:
    turns = tuple(
        replace(each, answers=(), salt="", heard=False) for each in conversation(["?"], ["?", "a", "??"])
    )
    talk = Talk(turns, 0)
    assert talk.hear(Stream())
    assert talk.request() is turns[1]
    assert talk.longer == 0
