"""Conversations of a file, turn by turn: who said what before, and how much is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import InputError
from benchmark.execution.plan import Plan, make_plan
from benchmark.scenario.load import load_text
from benchmark.scenario.prompting import Prompt, make_prompts
from benchmark.scenario.prompts import Prompts
from benchmark.scenario.salt import answer_mark
from benchmark.scenario.tokens import Words
from benchmark.transport.talk import Talk

SYSTEM = {"role": "system", "content": "s"}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def turns(folder: Path, row: object, **conversation: Any) -> list[Prompt]:
    (folder / "p.jsonl").write_text(json.dumps(row))
    keys = {"file": "p.jsonl", "salt": False, "conversation": conversation}
    return make_prompts(Prompts.model_validate(keys), folder, Words(), 1).prompts


def test_recorded_answers_stand_between_the_questions(tmp_path: Path) -> None:
    said = [SYSTEM, user("a"), assistant("one two"), user("b"), assistant("three")]
    assert turns(tmp_path, {"messages": said}) == [
        Prompt((SYSTEM, user("a")), 2, turn=1, more=1),
        Prompt((SYSTEM, user("a"), assistant("one two"), user("b")), 1, turn=2, more=0),
    ]


def test_given_answers_leave_their_places_open(tmp_path: Path) -> None:
    first, second = answer_mark(1), answer_mark(2)
    assert first != second
    said = [user("a"), assistant("one two"), user("b"), user("c")]
    assert turns(tmp_path, {"messages": said}, history="answers") == [
        Prompt((user("a"),), 2, turn=1, more=2),
        Prompt((user("a"), assistant(first), user("b")), None, 2, 1, (first,)),
        Prompt((user("a"), assistant(first), user("b"), assistant(second), user("c")), None, 3, 0, (first, second)),
    ]  # fmt: skip


def test_without_an_answer_between_them_questions_are_one_turn_where_answers_are_recorded(
    tmp_path: Path,
) -> None:
    assert turns(tmp_path, {"messages": [user("a"), user("b"), assistant("x y")]}) == [
        Prompt((user("a"), user("b")), 2)
    ]


def test_sharegpt_and_what_is_said_before_anybody_asks(tmp_path: Path) -> None:
    said = [
        ("system", "s"),
        ("gpt", "hi"),
        ("human", "a"),
        ("gpt", "one"),
        ("human", "b"),
        ("gpt", "two two"),
    ]
    row = {"conversations": [{"from": who, "value": text} for who, text in said]}
    assert turns(tmp_path, row) == [
        Prompt((SYSTEM, user("a")), 1, turn=1, more=1),
        Prompt((SYSTEM, user("a"), assistant("one"), user("b")), 2, turn=2, more=0),
    ]


def test_no_more_turns_than_asked_for(tmp_path: Path) -> None:
    said = [user("a"), assistant("1"), user("b"), assistant("2"), user("c")]
    assert [each.more for each in turns(tmp_path, {"messages": said}, turns=2)] == [1, 0]


def test_what_a_tool_said_goes_with_recorded_answers(tmp_path: Path) -> None:
    call = {"role": "assistant", "tool_calls": [{"id": "1"}]}
    tool = {"role": "tool", "tool_call_id": "1", "content": "sunny"}
    row = {"messages": [user("weather?"), call, tool, assistant("sunny")]}
    assert [each.messages for each in turns(tmp_path, row)] == [
        (user("weather?"),),
        (user("weather?"), call, tool),
    ]
    with pytest.raises(InputError, match="set history: recorded"):
        turns(tmp_path, row, history="answers")


def planned(folder: Path, request: str) -> Plan:
    rows = [{"messages": [user(f"{row}.{at}") for at in range(row + 1)]} for row in range(3)]
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return make_plan(
        load_text(f'targets: {{a: {{url: "http://a.example"}}}}\nrequest: {{{request}}}', "test", folder)
    )


TALK = (
    "stream: true, json: {model: m}, path: v1/chat/completions, "
    "prompts: {file: p.jsonl, conversation: {history: answers, think: 2s}}"
)


def test_a_plan_counts_arrivals_and_requests_apart(tmp_path: Path) -> None:
    plan = planned(tmp_path, TALK + "}\nload: {rate: 50/s")
    assert [share.turns for share in plan.shares] == [(1, 2, 3)]
    assert plan.rate is not None
    assert (plan.turns, plan.request_rate) == (2, 2 * plan.rate)
    order = plan.order(plan.targets[0], 0, 0, 1, 1)
    assert order.think == 2_000_000_000
    assert [(each.turn, each.more) for each in order.target.requests] == [
        (1, 0),
        (1, 1),
        (2, 0),
        (1, 2),
        (2, 1),
        (3, 0),
    ]
    assert [each.heard for each in order.target.requests] == [False, True, False, True, True, False]
    assert {next(order.mix.indexes()) for _ in range(50)} <= {0, 1, 3}


def test_the_salt_is_one_for_all_turns(tmp_path: Path) -> None:
    plan = planned(tmp_path, TALK.replace("history: answers", "history: recorded"))
    talk = Talk(plan.targets[0].requests, 0)
    assert json.loads(talk.request().body)["messages"][0]["content"].split()[0].isdigit()
    requests = planned(tmp_path, TALK).targets[0].requests
    long = Talk(requests, 3)
    salts = set()
    while True:
        salts.add(json.loads(long.request().body)["messages"][0]["content"].split()[0])
        if not long.left:
            break
        from tests.transport.test_talk import said

        assert long.hear(said("x"))
    assert len(salts) == 1


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (TALK.replace("stream: true, ", ""), "set stream: true"),
        (TALK.replace("chat/", ""), "a conversation is held with a chat"),
        ("json: {model: m}, prompts: {texts: [a], conversation: {}}", "goes with a file of them, not with texts"),
        (TALK.replace("history: answers", "history: both"), "recorded"),
        (TALK.replace("think: 2s", "turns: 0"), "turns"),
    ],
)  # fmt: skip
def test_what_makes_no_conversation(tmp_path: Path, request_: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        planned(tmp_path, request_)
    assert message in str(caught.value)
