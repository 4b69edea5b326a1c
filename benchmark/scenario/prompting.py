"""Prompts made ready: read from a file or made of random words, salted, and put into a request's json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmark.errors import InputError
from benchmark.laws import Law
from benchmark.scenario.data import MOST_ROWS, MOST_TEXT, Row, rows_of
from benchmark.scenario.model import Request
from benchmark.scenario.prompts import Conversation, Prompts, Synthetic
from benchmark.scenario.salt import SALT, TARGET_SALT, answer_mark
from benchmark.scenario.spread import Spread
from benchmark.scenario.tokens import Measure
from benchmark.scenario.trace import UNKNOWN, Trace, whole_number

DEFAULT_OUTPUT = 128  # tokens
LONGEST = 1_000_000  # words or tokens of a prompt
MOST_WORDS = 20_000_000  # words or tokens of all synthetic prompts
_TURNS = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "system": "system",
}
_VOCABULARY = """
the of and to in is it you that he was for on are with as his they be at one have this from or had by hot word but what
some we can out other were all there when up use your how said an each she which do their time if will way about many
then them write would like so these her long make thing see him two has look more day could go come did number sound no
most people my over know water than call first who may down side been now
"""
_WORDS = _VOCABULARY.split()


@dataclass(frozen=True)
class Prompt:
    """What a model is asked, and the most tokens it may answer with (None: as the request says)."""

    messages: tuple[dict[str, Any], ...]
    output: int | None = None
    turn: int = 1  # of a conversation
    more: int = 0  # turns of it that follow this one
    answers: tuple[str, ...] = ()  # what stands in the messages for answers that are yet to be given


class Made(NamedTuple):
    """Prompts, in order, and what is to be said of how they came about."""

    prompts: list[Prompt]
    remarks: tuple[str, ...] = ()


class _Unusable(Exception):  # noqa: N818  # a fact about a row
    """A row of a public data set in which nobody asks anything."""


def make_prompts(
    prompts: Prompts, folder: Path, measure: Measure, seed: int, trace: Trace | None = None
) -> Made:
    """Every prompt; the trace says how long synthetic ones are, where the scenario does not.

    Raises:
        InputError: the file cannot be used, or lengths are beyond reason.
    """
    random = Random(f"prompts {seed}")
    if prompts.synthetic is not None:
        return Made(_synthetic(prompts, prompts.synthetic, measure, random, trace))
    made = [_user(text) for text in prompts.texts or ()]
    remarks: tuple[str, ...] = ()
    if prompts.file is not None:
        made, remarks = _of_file(prompts.file, folder, measure, prompts.conversation)
    if prompts.output is not None:
        made = [replace(each, output=_drawn(prompts.output, random)) for each in made]
    return Made([_salted(each) for each in made] if prompts.salt else made, remarks)


def ask(request: Request, prompt: Prompt, path: str) -> Request:
    """The request with a prompt in its json, in the form that the API at `path` takes."""
    assert request.prompts is not None
    body: dict[str, Any] = dict(request.json_ or {})
    form = form_of(path)
    body[form] = list(prompt.messages) if form == "messages" else _as_text(prompt.messages)
    if form != "input":
        _limit(body, request, prompt)
        if request.pin:
            body.setdefault("temperature", 0)
        if request.prompts.ignore_eos:
            body["ignore_eos"] = True
    return request.model_copy(update={"json_": body})


def _limit(body: dict[str, Any], request: Request, prompt: Prompt) -> None:
    """Say how long the answer may be: what the scenario says wins over what a row says, or a trace.

    Raises:
        InputError: the scenario says it twice.
    """
    assert request.prompts is not None
    written = sorted({"max_tokens", "max_completion_tokens"} & body.keys())
    if written and request.prompts.output is not None:
        raise InputError(
            f"prompts.output and json.{written[0]} both say how long answers are; leave one of them out"
        )
    if not written and (request.pin or request.prompts.output is not None):
        body["max_tokens"] = prompt.output or DEFAULT_OUTPUT


def form_of(path: str) -> str:
    """The key that takes the prompt: `messages` of a chat, `prompt` of a completion, `input` of an embedding."""
    path = path.partition("?")[0].rstrip("/")
    if path.endswith("embeddings"):
        return "input"
    return "prompt" if path.endswith("completions") and not path.endswith("chat/completions") else "messages"


def _user(text: str, output: int | None = None) -> Prompt:
    return Prompt(({"role": "user", "content": text},), output)


# ── from a file ──


class _Said(NamedTuple):
    """What a row holds, as messages."""

    row: Row  # without them
    messages: list[dict[str, Any]]
    whole: bool  # whether its last question is the one that is asked; else its first


def _of_file(name: str, folder: Path, measure: Measure, conversation: Conversation | None) -> Made:
    """The questions of a file's rows; as many as are held, evenly spread over it, and without those that ask nothing."""
    held: Spread[_Said] = Spread(MOST_ROWS, MOST_TEXT)
    unusable = 0
    for row in rows_of("prompts.file", name, folder):
        try:
            said = _said(row)
        except _Unusable:
            unusable += 1
            continue
        kept = {key: row.fields[key] for key in ("max_tokens",) if key in row.fields}
        size = sum(len(text) for message in said for text in _texts_of(message.get("content")))
        held.offer(_Said(Row(row.where, kept), said, "messages" in row.fields), size)
    if not held.items:
        raise InputError(f"prompts.file '{name}': nobody asks anything in any of its {unusable:,} rows")
    remarks = []
    if unusable:
        remarks.append(
            f"{name}: {unusable:,} rows without a question, or of an unknown form, are passed over"
        )
    if held.step > 1:
        remarks.append(
            f"{name}: every {held.step}th of {held.seen:,} rows is used, {len(held.items):,} in all: more are not held"
        )
    if conversation is None:
        return Made([_of_row(each, measure) for each in held.items], tuple(remarks))
    turns = [turn for each in held.items for turn in _turns_of(each, measure, conversation)]
    return Made(turns, tuple(remarks))


def _of_row(said: _Said, measure: Measure) -> Prompt:
    """One question: the last of OpenAI's messages, with what came before; the first of ShareGPT's conversations."""
    row, turns, whole = said
    turns = list(turns)
    if not whole:
        first = next((at for at, turn in enumerate(turns) if turn["role"] == "user"), len(turns) - 1)
        turns = turns[: first + 2]
    recorded = ""
    while turns and turns[-1]["role"] == "assistant":
        recorded = _as_text((turns.pop(),))
    if not turns:
        raise InputError(f"{row.where}: nobody asks anything here")
    return Prompt(tuple(turns), _output(row) or measure.count(recorded) or None)


def _said(row: Row) -> list[dict[str, Any]]:
    """All that a row holds, as messages."""
    fields = row.fields
    if "messages" in fields:
        return [_message(turn, row) for turn in _list(fields["messages"], row, "messages")]
    if "conversations" in fields:
        return _conversation(_list(fields["conversations"], row, "conversations"))
    if isinstance(fields.get("prompt"), str) and fields["prompt"]:
        return [{"role": "user", "content": fields["prompt"]}]
    there = ", ".join(list(fields)[:10])
    raise InputError(f"{row.where}: a prompt is messages, conversations or prompt (text); there is {there}")


def _turns_of(of: _Said, measure: Measure, conversation: Conversation) -> list[Prompt]:
    """Every question of a row with what came before it. What an assistant says before anybody asks is left out."""
    row, said, _ = of
    begun = next((at for at, message in enumerate(said) if message["role"] == "user"), len(said))
    history = [message for message in said[:begun] if message["role"] != "assistant"]
    live = conversation.history == "answers"
    turns: list[Prompt] = []
    marks: list[str] = []
    for asked, recorded in _questions(said[begun:], row, live=live):
        output = _output(row) or measure.count(_as_text(recorded)) or None
        history = [*history, *asked]
        turns.append(Prompt(tuple(history), output, len(turns) + 1, answers=tuple(marks)))
        if live:
            marks.append(answer_mark(len(turns)))
        history += [{"role": "assistant", "content": marks[-1]}] if live else recorded
    turns = turns[: conversation.turns]
    if not turns:
        raise InputError(f"{row.where}: nobody asks anything here")
    return [replace(turn, more=len(turns) - at) for at, turn in enumerate(turns, 1)]


def _questions(
    said: list[dict[str, Any]], row: Row, *, live: bool
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """What is said to the assistant, and what it answered then; each user's message asks, where answers are to come."""
    asked: list[dict[str, Any]] = []
    answer: list[dict[str, Any]] = []
    for message in said:
        if message["role"] == "assistant":
            answer.append(message)
            continue
        if live and message["role"] == "tool":
            raise InputError(
                f"{row.where}: what a tool said goes with recorded answers; set history: recorded"
            )
        if answer or (live and asked and asked[-1]["role"] == "user"):
            yield asked, answer
            asked, answer = [], []
        asked.append(message)
    if asked:
        yield asked, answer


def _list(value: Any, row: Row, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{row.where}: {name} is a list of turns")
    return value


def _message(turn: Any, row: Row) -> dict[str, Any]:
    if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
        raise InputError(f'{row.where}: a message is like {{"role": "user", "content": "…"}}')
    return turn


def _conversation(turns: list[Any]) -> list[dict[str, Any]]:
    """ShareGPT's turns as messages. Its dumps have rows that are empty, that nobody asks in, or from others than people
    and models; no scenario's author wrote them, so they are not told one by one.
    """
    messages = []
    for turn in turns:
        role = _TURNS.get(str(turn.get("from")).lower()) if isinstance(turn, dict) else None
        if role is None or not isinstance(turn.get("value"), str):
            raise _Unusable
        messages.append({"role": role, "content": turn["value"]})
    if not any(message["role"] == "user" and message["content"].strip() for message in messages):
        raise _Unusable
    return messages


def _output(row: Row) -> int | None:
    wanted = row.fields.get("max_tokens")
    if wanted is None or wanted == "":
        return None
    number = whole_number(wanted)
    if number is None or number < 1:
        raise InputError(f"{row.where}: max_tokens is a whole number, 1 or more")
    return number


def _as_text(messages: Sequence[dict[str, Any]]) -> str:
    """What is said, without who says it."""
    return "\n".join(text for message in messages for text in _texts_of(message.get("content")))


def _texts_of(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


# ── salt, and random words ──


def _salted(prompt: Prompt) -> Prompt:
    """The prompt with a salt at its very beginning: caches compare prefixes."""
    first, *others = prompt.messages
    content = first.get("content")
    if isinstance(content, list):
        salted: object = [{"type": "text", "text": SALT}, *content]
    else:
        salted = f"{SALT} {content or ''}"
    return replace(prompt, messages=({**first, "content": salted}, *others))


def _synthetic(
    prompts: Prompts, synthetic: Synthetic, measure: Measure, random: Random, trace: Trace | None
) -> list[Prompt]:
    if synthetic.input is not None:
        lengths = [_drawn(synthetic.input, random) for _ in range(synthetic.count)]
        outputs: list[int | None] = [None] * len(lengths)
    elif trace and trace.asked:
        lengths, outputs = list(trace.asked), [None if told == UNKNOWN else told for told in trace.answered]
    else:
        raise InputError(
            "synthetic prompts need input, how long they are; or a trace that says it, named by load.replay"
        )
    if sum(lengths) > MOST_WORDS:
        raise InputError(
            f"synthetic prompts have {sum(lengths):,} {measure.unit}; {MOST_WORDS:,} at most are held in memory"
        )
    if prompts.output is not None:
        outputs = [_drawn(prompts.output, random) for _ in lengths]
    if synthetic.input is None and trace and trace.blocks:
        texts = _shared(trace, salt=prompts.salt, measure=measure, seed=random.random())
        return [_user(text, output) for text, output in zip(texts, outputs, strict=True)]
    common = _words(max(lengths), measure, random)
    return [
        _user(_text(length, synthetic.prefix, common, prompts.salt, measure, random), output)
        for length, output in zip(lengths, outputs, strict=True)
    ]


def _shared(trace: Trace, *, salt: bool, measure: Measure, seed: float) -> Iterator[str]:
    """Prompts made of the pieces that the trace says, so that they share prefixes as those of its users did.

    Only the target's salt comes first: one for each request would leave nothing to share.
    """
    pieces: dict[int, str] = {}
    begun = TARGET_SALT if salt else ""
    for length, numbers in zip(trace.asked, trace.blocks, strict=True):
        for number in numbers:
            if number not in pieces:
                pieces[number] = _words(trace.block, measure, Random(f"piece {number} {seed}"))
        text = begun + "".join(pieces[number] for number in numbers)
        missing = length - measure.count(text)
        text += _words(missing, measure, Random(f"rest {length} {seed}")) if missing > 0 else ""
        yield measure.cut(text, length).lstrip()


def _text(length: int, share: float, common: str, salt: bool, measure: Measure, random: Random) -> str:
    """A prompt: what is common to all for this target, then the salt, then words of its own."""
    room = length - measure.count(f"{TARGET_SALT} {SALT}") if salt else length
    prefix = measure.cut(common, max(0, min(round(share * length), room)))
    begun = (f"{TARGET_SALT}{prefix} {SALT}" if prefix else SALT) if salt else prefix
    left = length - measure.count(begun)
    return (begun + _words(max(left, 0 if begun else 1), measure, random)).lstrip()


def _words(length: int, measure: Measure, random: Random) -> str:
    """Random words of this length together, a space before each: every word is one token or more."""
    return measure.cut("".join(f" {word}" for word in random.choices(_WORDS, k=length)), length)


def _drawn(law: Law, random: Random) -> int:
    length = max(1, round(law.draw(random)))
    if length > LONGEST:
        raise InputError(f"a length of {length:,} was drawn; narrow its law ({LONGEST:,} is the most)")
    return length
