"""Every request of a scenario, prepared for every target: each in as many variants as it has rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from benchmark.errors import InputError
from benchmark.scenario.prompting import ask, form_of, make_prompts
from benchmark.scenario.salt import SALT, TARGET_SALT, new_salt
from benchmark.scenario.template import asks_for_rows, fill_request
from benchmark.schedule.mix import Share
from benchmark.transport.base import PreparedRequest
from benchmark.transport.prepare import full_url, prepare
from benchmark.units import NANOSECONDS, format_size

if TYPE_CHECKING:
    from benchmark.scenario.data import Row
    from benchmark.scenario.load import LoadedScenario
    from benchmark.scenario.model import Request, Scenario, Target
    from benchmark.scenario.prompts import Prompts
    from benchmark.scenario.trace import Trace

LARGEST = 256 * 1024**2  # bytes of all prepared requests; they are held in memory, twice


class Variant(NamedTuple):
    """A request with its placeholders filled, and its body."""

    request: Request
    body: bytes
    turn: int = 1  # of a conversation
    more: int = 0  # turns of it that follow
    answers: tuple[str, ...] = ()  # what stands in the body for answers that are yet to be given
    added: tuple[str, ...] = ()  # keys of the body that nobody wrote


class Variants(NamedTuple):
    """The variants of every request, the same for all targets, and what is to be said of how they came about."""

    requests: list[list[Variant]]
    remarks: tuple[str, ...] = ()


def variants_of(loaded: LoadedScenario, trace: Trace | None) -> Variants:
    """What is sent, with its rows and prompts.

    Raises:
        InputError: a file cannot be used, or a row does not have what a request asks for.
    """
    rows = loaded.read_rows()
    remarks = []
    if rows.step > 1:
        remarks.append(
            f"every {rows.step}th of {rows.seen:,} rows of the data file is used: more are not held"
        )
    made = [
        _variants(loaded, request, rows.items, trace, remarks) for request in loaded.scenario.all_requests
    ]
    return Variants(made, tuple(dict.fromkeys(remarks)))


def _variants(
    loaded: LoadedScenario, request: Request, rows: list[Row], trace: Trace | None, remarks: list[str]
) -> list[Variant]:
    if request.prompts is not None:
        return _asking(loaded, request, request.prompts, trace, remarks)
    if not asks_for_rows(request):
        return [_variant(loaded, fill_request(request, None))]
    same = loaded.read_body(request) if request.body_file or request.bytes_ else None
    filled = (fill_request(request, row) for row in rows)
    return [Variant(each, loaded.read_body(each) if same is None else same) for each in filled]


def _asking(
    loaded: LoadedScenario, request: Request, prompts: Prompts, trace: Trace | None, remarks: list[str]
) -> list[Variant]:
    """The request with each of its prompts."""
    if asks_for_rows(request):
        raise InputError(
            "a request takes {{row.field}} or prompts; put the prompts into the data file, or the fields away"
        )
    filled = fill_request(request, None)
    path = _path_of(loaded.scenario, request)
    if prompts.traced and len(loaded.scenario.all_requests) > 1:
        raise InputError(
            "prompts as long as a trace says go with one request; give the others another scenario"
        )
    conversation = prompts.conversation
    if conversation and form_of(path) != "messages":
        raise InputError(
            f"a conversation is held with a chat, at a path like v1/chat/completions; not at {path}"
        )
    made, said = make_prompts(prompts, loaded.folder, loaded.measure(), loaded.scenario.seed, trace)
    remarks += said
    asked = [ask(filled, prompt, path) for prompt in made]
    written = {*(filled.json_ or {}), form_of(path)}
    added = tuple(key for key in (asked[0].json_ or {} if asked else {}) if key not in written)
    return [
        _variant(loaded, each)._replace(
            turn=prompt.turn, more=prompt.more, answers=prompt.answers, added=added
        )
        for each, prompt in zip(asked, made, strict=True)
    ]


def _path_of(scenario: Scenario, request: Request) -> str:
    """Where the request goes, as far as that tells which API answers: at every target the same one."""
    target = next(iter(scenario.targets.values()))
    return full_url(target, request)


def _variant(loaded: LoadedScenario, request: Request) -> Variant:
    return Variant(request, loaded.read_body(request))


def shares_of(loaded: LoadedScenario, variants: Sequence[Sequence[Variant]]) -> tuple[Share, ...]:
    """How the requests and their variants take turns."""
    requests = loaded.scenario.all_requests
    shares = []
    for request, each in zip(requests, variants, strict=True):
        turns = tuple(one.more + 1 for one in each if one.turn == 1)
        shuffled = len(turns) > 1 and _order(loaded, request) == "shuffled"
        talks = any(one.more for one in each)
        shares.append(Share(float(request.weight), len(turns), turns if talks else (), shuffled=shuffled))
    return tuple(shares)


def think_of(scenario: Scenario) -> int:
    """Nanoseconds between an answer and the next turn of its conversation.

    Raises:
        InputError: requests differ in it.
    """
    talks = [request.prompts.conversation for request in scenario.all_requests if request.prompts]
    pauses = {talk.think for talk in talks if talk is not None}
    if len(pauses) > 1:
        raise InputError("conversations of one scenario pause alike; give all of them the same think")
    return round(pauses.pop() * NANOSECONDS) if pauses else 0


def _order(loaded: LoadedScenario, request: Request) -> str | None:
    source = request.prompts or loaded.scenario.data
    traced = request.prompts is not None and request.prompts.traced  # each goes with an instant
    return source.order if source and not traced else None


def prepare_all(
    target: Target, variants: Sequence[Sequence[Variant]], *, tokenized: bool = False
) -> Sequence[PreparedRequest]:
    """The requests as this target gets them, in the order of `Share`'s places; `tokenized`: what is answered is counted.

    Raises:
        InputError: they are too many, or too large, to be held in memory, or expect what cannot be seen.
    """
    prepared, size = [], 0
    salt = new_salt().encode()
    for variant in (variant for each in variants for variant in each):
        body = variant.body.replace(TARGET_SALT.encode(), salt)
        prepared.append(_prepare(target, variant, body, tokenized=tokenized))
        size += len(prepared[-1].wire)
        if size > LARGEST and len(prepared) > 1:
            raise InputError(
                f"the requests with their rows take more than {format_size(LARGEST)} of memory for each target; "
                "use fewer rows, or smaller ones"
            )
    if any(each.stream for each in prepared) and any(each.contains for each in prepared):
        raise InputError(
            "`body_contains` cannot be held against streamed answers: their text comes in pieces"
        )
    return tuple(prepared)


def _prepare(target: Target, variant: Variant, body: bytes, *, tokenized: bool) -> PreparedRequest:
    prepared = prepare(target, variant.request, body)
    talk = variant.request.prompts.conversation if variant.request.prompts else None
    live = talk is not None and talk.history == "answers" and variant.more > 0
    if live and not prepared.stream:
        raise InputError("answers go into a conversation's history where they are streamed; set stream: true")
    return replace(
        prepared,
        salt=SALT if SALT.encode() in prepared.wire else "",
        turn=variant.turn,
        more=variant.more,
        answers=variant.answers,
        heard=live or (tokenized and prepared.stream),
        added=(*variant.added, *prepared.added),
    )
