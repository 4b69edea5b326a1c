"""Prompts: three sources, pinned lengths, and salts that keep every cache from answering."""

from __future__ import annotations

import json
import os.path
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchmark.errors import InputError
from benchmark.execution.plan import Plan, make_plan
from benchmark.scenario import prompting
from benchmark.scenario.load import load_text
from benchmark.scenario.model import Request
from benchmark.scenario.prompting import Prompt, ask, form_of, make_prompts
from benchmark.scenario.prompts import Prompts
from benchmark.scenario.salt import SALT, TARGET_SALT
from benchmark.scenario.tokens import Words, read_tokenizer
from benchmark.scenario.trace import ReplayOf, read_trace
from benchmark.transport.talk import Talk
from tests.scenario.test_load import TARGETS, complaints
from tests.scenario.test_tokens import train

HELLO = {"role": "user", "content": "hello"}


def made(folder: Path = Path(), seed: int = 1, **keys: Any) -> list[Prompt]:
    return make_prompts(Prompts.model_validate({"salt": False, **keys}), folder, Words(), seed).prompts


def from_file(folder: Path, *rows: object) -> list[Prompt]:
    (folder / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return made(folder, file="p.jsonl")


def planned(request: str, folder: Path = Path(), path: str = "v1/chat/completions") -> Plan:
    text = f"targets: {{a: {{url: 'http://a/s/'}}, b: {{url: 'http://b/s/'}}}}\nrequest: {{path: {path}, {request}}}"
    return make_plan(load_text(text, "test", folder))


def bodies(request: str, folder: Path = Path(), path: str = "v1/chat/completions") -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in planned(request, folder, path).targets[0].requests]


# ── sources ──


def test_texts() -> None:
    assert made(texts=["hello", "there"]) == [
        Prompt((HELLO,)),
        Prompt(({"role": "user", "content": "there"},)),
    ]


def test_openai_messages(tmp_path: Path) -> None:
    system, reply = (
        {"role": "system", "content": "be brief"},
        {"role": "assistant", "content": "one two three"},
    )
    parts = {"role": "user", "content": [{"type": "text", "text": "hello"}], "name": "x"}
    assert from_file(tmp_path, {"messages": [system, HELLO, reply, parts], "max_tokens": 9}) == [
        Prompt((system, HELLO, reply, parts), 9)
    ]
    # an answer at the end was recorded: its length is what is asked for
    assert from_file(tmp_path, {"messages": [HELLO, reply]}) == [Prompt((HELLO,), 3)]


def test_sharegpt(tmp_path: Path) -> None:
    turns = [
        {"from": "system", "value": "s"},
        {"from": "human", "value": "hello"},
        {"from": "gpt", "value": "one two"},
        {"from": "human", "value": "later"},
    ]
    assert from_file(tmp_path, {"id": "x", "conversations": turns}) == [
        Prompt(({"role": "system", "content": "s"}, HELLO), 2)
    ]


def test_a_table_of_prompts(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("prompt,max_tokens\nhello,7\nhello,\n")
    assert made(tmp_path, file="p.csv") == [Prompt((HELLO,), 7), Prompt((HELLO,))]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "x"}, "p.jsonl:2: a prompt is messages, conversations or prompt (text); there is text"),
        ({"messages": "x"}, "p.jsonl:2: messages is a list of turns"),
        ({"messages": [{"content": "x"}]}, 'p.jsonl:2: a message is like {"role": "user", "content": "…"}'),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "p.jsonl:2: nobody asks anything here"),
        ({"prompt": "x", "max_tokens": 0}, "p.jsonl:2: max_tokens is a whole number, 1 or more"),
        ({"prompt": "x", "max_tokens": True}, "p.jsonl:2: max_tokens is a whole number, 1 or more"),
    ],
)
def test_rows_that_are_no_prompts(tmp_path: Path, row: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        from_file(tmp_path, {"prompt": "x"}, row)
    assert str(caught.value).startswith(message)


# ── lengths ──


def words_of(prompt: Prompt) -> list[str]:
    return str(prompt.messages[0]["content"]).split()


def test_synthetic_lengths_follow_their_laws() -> None:
    prompts = made(synthetic={"input": "lognormal(60, 0.5)", "count": 3000}, output="uniform(10, 50)")
    inputs = np.array([len(words_of(each)) for each in prompts])
    outputs = np.array([each.output or 0 for each in prompts])
    for seen, law in ((inputs, stats.lognorm(0.5, scale=60)), (outputs, stats.uniform(10, 40))):
        jitter = np.random.default_rng(1).uniform(-0.5, 0.5, len(seen))  # lengths are rounded
        assert stats.kstest(seen + jitter, law.cdf).pvalue > 0.01


def test_the_same_for_the_same_seed_only() -> None:
    keys: dict[str, Any] = {"synthetic": {"input": "normal(50, 10)", "count": 20}, "output": "normal(50, 10)"}
    assert made(seed=1, **keys) == made(seed=1, **keys) != made(seed=2, **keys)


@pytest.mark.parametrize("salt", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_every_prompt_is_common_to_all(share: float, *, salt: bool) -> None:
    prompts = made(synthetic={"input": 100, "count": 50, "prefix": share}, salt=salt)
    contents = [str(each.messages[0]["content"]) for each in prompts]
    common = os.path.commonprefix(contents)  # noqa: RUF071  # of texts, not of paths
    assert {len(each.split()) for each in contents} == {100}
    assert len(common.split()) == pytest.approx(100 * share, abs=4)
    assert all(SALT in each for each in contents) == salt
    assert common.startswith(TARGET_SALT) == (salt and share > 0)
    own = {each[len(common) :][:60] for each in contents}
    assert share == 1 or len(own) == 50


def test_lengths_are_tokens_where_a_tokenizer_is_named(tmp_path: Path) -> None:
    train(tmp_path)
    tokens = read_tokenizer("tokenizer.json", tmp_path)
    prompts = make_prompts(
        Prompts.model_validate({"synthetic": {"input": "uniform(40, 200)", "count": 200, "prefix": 0.25}}),
        tmp_path,
        tokens,
        seed=1,
    ).prompts
    drawn = make_prompts(
        Prompts.model_validate({"synthetic": {"input": "uniform(40, 200)", "count": 200}}),
        tmp_path,
        Words(),
        1,
    ).prompts
    seen = np.array([tokens.count(str(each.messages[0]["content"])) for each in prompts])
    wanted = np.array([len(words_of(each)) for each in drawn])  # the same seed, so the same lengths
    assert np.abs(seen - wanted).max() <= 3  # where two pieces meet, their tokens may join


def test_lengths_beyond_reason_are_refused() -> None:
    with pytest.raises(InputError, match=r"a length of [\d,]+ was drawn; narrow its law"):
        made(synthetic={"input": "2000000"})
    with pytest.raises(InputError, match=r"synthetic prompts have 100,000,000 words; 20,000,000 at most"):
        made(synthetic={"input": 100_000})


# ── in requests ──


def test_a_chat_is_asked_with_its_length_pinned() -> None:
    (body,) = bodies("json: {model: m}, prompts: {texts: [hello], output: 9, ignore_eos: true, salt: false}")
    assert body == {
        "model": "m",
        "messages": [HELLO],
        "max_tokens": 9,
        "temperature": 0,
        "ignore_eos": True,
    }
    (body,) = bodies("json: {model: m, temperature: 0.7, max_completion_tokens: 5}, prompts: [hello]")
    assert (body["temperature"], body["max_completion_tokens"], "max_tokens" in body) == (0.7, 5, False)
    assert bodies("prompts: [hello]")[0]["max_tokens"] == 128
    (body,) = bodies("pin: false, json: {model: m}, prompts: {texts: [hello], salt: false}")
    assert body == {"model": "m", "messages": [HELLO]}


def test_what_the_scenario_says_of_lengths_wins_over_its_data() -> None:
    prompt = Prompt(({"role": "user", "content": "x"},), 190)
    request = Request.model_validate({"json": {"max_tokens": 8}, "prompts": ["x"]})
    asked: dict[str, Any] = ask(request, prompt, "v1/chat/completions").json_
    assert asked["max_tokens"] == 8
    twice = Request.model_validate({"json": {"max_tokens": 8}, "prompts": {"texts": ["x"], "output": 9}})
    with pytest.raises(InputError, match=r"prompts\.output and json\.max_tokens both say"):
        ask(twice, prompt, "v1/chat/completions")


def test_other_apis() -> None:
    ask = "json: {model: m}, prompts: {texts: [hello], salt: false}"
    assert bodies(ask, path="v1/completions")[0]["prompt"] == "hello"
    assert bodies(ask, path="v1/embeddings") == [{"model": "m", "input": "hello"}]
    assert [form_of(path) for path in ("v1/chat/completions?x=1", "/v1/completions/", "api/predict")] == [
        "messages",
        "prompt",
        "messages",
    ]


def test_every_request_is_salted_anew_and_both_targets_get_the_same_otherwise() -> None:
    plan = planned("prompts: {synthetic: {input: 30, prefix: 0.5, count: 3}, order: sequential}")
    sides = [
        [
            json.loads(Talk(target.requests, 1).request().body)["messages"][0]["content"].split()
            for _ in range(2)
        ]
        for target in plan.targets
    ]
    for side in sides:
        (salt, *first), (again, *second) = side
        assert salt == again  # of the target: its common prefix may be cached
        assert [one != other for one, other in zip(first, second, strict=True)].count(True) == 1
    (salt, *first), (other_salt, *second) = sides[0][0], sides[1][0]
    assert salt != other_salt
    assert [one for one in first if not one.isdigit()] == [one for one in second if not one.isdigit()]
    assert len(plan.targets[0].requests) == 3
    assert plan.shares[0].variants == 3
    assert not plan.shares[0].shuffled


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "request: {body: x, prompts: [a]}",
            "request.prompts: prompts are added to json; there is body instead",
        ),
        (
            "request: {json: [1], prompts: [a]}",
            "request.prompts: prompts are added to json, which must be a mapping",
        ),
        (
            "request: {json: {messages: []}, prompts: [a]}",
            "request.prompts: prompts take the place of json.messages; keep one",
        ),
        ("request: {prompts: []}", "request.prompts.texts: found an empty list, expected at least one"),
        (
            "request: {prompts: {file: a, texts: [b]}}",
            "request.prompts: prompts come from one of texts, file, synthetic; there is texts and file",
        ),
        (
            "request: {prompts: {}}",
            "request.prompts: prompts come from one of texts, file, synthetic; there is none",
        ),
        ("request: {prompts: {flie: a}}", "request.prompts.flie: unknown key; did you mean file?"),
        (
            "request: {prompts: {synthetic: {input: 5.5}}}",
            "request.prompts.synthetic.input: found 5.5, expected a length, like 200,",
        ),
        (
            "request: {prompts: {synthetic: {input: 5, prefix: 2}}}",
            "request.prompts.synthetic.prefix: found 2, expected a share from 0 to 1, like 0.5",
        ),
        (
            "request: {prompts: {synthetic: {imput: 5}}}",
            "request.prompts.synthetic.imput: unknown key; did you mean input?",
        ),
    ],
)
def test_what_is_wrong(lines: str, message: str) -> None:
    assert any(each.startswith(f"s.yaml:2: {message}") for each in complaints(TARGETS + lines)), complaints(
        TARGETS + lines
    )


def test_rows_and_prompts_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("a\n1\n")
    text = TARGETS + "request: {json: {a: '{{row.a}}'}, prompts: [x]}\ndata: {file: r.csv}"
    with pytest.raises(InputError, match=r"a request takes \{\{row.field\}\} or prompts"):
        make_plan(load_text(text, "s.yaml", tmp_path))


# ── data sets as they are published ──


def test_rows_of_public_dumps_in_which_nobody_asks_are_counted(tmp_path: Path) -> None:
    good = {"conversations": [{"from": "user", "value": "a b"}, {"from": "chatgpt", "value": "c"}]}
    first = {"conversations": [{"from": "gpt", "value": "c"}, {"from": "human", "value": "later"}]}
    bad: list[list[dict[str, object]]] = [
        [],
        [{"from": "gpt", "value": "c"}],
        [{"from": "me", "value": "x"}],
        [{"from": "human", "value": None}],
        [{"from": "human", "value": " "}],
    ]
    rows = [good, *({"conversations": turns} for turns in bad), first]
    (tmp_path / "p.json").write_text(json.dumps(rows, indent=1))
    keys = {"file": "p.json", "salt": False}
    made = make_prompts(Prompts.model_validate(keys), tmp_path, Words(), 1)
    assert [each.messages[-1]["content"] for each in made.prompts] == ["a b", "later"]
    assert made.remarks == ("p.json: 5 rows without a question, or of an unknown form, are passed over",)
    (tmp_path / "p.json").write_text(json.dumps(rows[1:-1]))
    with pytest.raises(InputError, match="nobody asks anything in any of its 5 rows"):
        make_prompts(Prompts.model_validate(keys), tmp_path, Words(), 1)


@pytest.mark.parametrize("wanted", [12, 12.0, "12", "12.0", " 12 "])
def test_whole_numbers_however_they_are_written(tmp_path: Path, wanted: object) -> None:
    assert from_file(tmp_path, {"prompt": "x", "max_tokens": wanted})[0].output == 12


def test_more_rows_than_are_held_are_spread_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompting, "MOST_ROWS", 3)
    (tmp_path / "p.csv").write_text("prompt\n" + "".join(f"{number}\n" for number in range(10)))
    made = make_prompts(Prompts.model_validate({"file": "p.csv", "salt": False}), tmp_path, Words(), 1)
    assert [each.messages[-1]["content"] for each in made.prompts] == ["0", "4", "8"]
    assert made.remarks == ("p.csv: every 4th of 10 rows is used, 3 in all: more are not held",)


def test_pieces_that_a_trace_says_are_shared(tmp_path: Path) -> None:
    rows = [
        {"timestamp": 0, "input_length": 1000, "output_length": 5, "hash_ids": [7, 8]},
        {"timestamp": 9, "input_length": 700, "output_length": 5, "hash_ids": [7, 9]},
        {"timestamp": 10, "input_length": 600, "output_length": 5, "hash_ids": [10, 8]},
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    trace = read_trace(ReplayOf.model_validate({"file": "t.jsonl"}), tmp_path)
    for salt in (True, False):
        prompts = Prompts.model_validate({"synthetic": {}, "salt": salt})
        first, second, third = (
            str(each.messages[0]["content"]).split()
            for each in make_prompts(prompts, tmp_path, Words(), 1, trace).prompts
        )
        assert (len(first), len(second), len(third)) == (1000, 700, 600)
        at = 512 + salt  # words, of which the salt is one
        assert first[:at] == second[:at]
        assert first[at:700] != second[at:]
        assert third[at:] == first[at:600]
        assert third[1:at] != first[1:at]
        assert first[0].startswith(TARGET_SALT) == salt
