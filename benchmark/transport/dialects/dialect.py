"""A dialect: where the events of one kind of stream say what. Pure data; `known` holds those there are.

A *place* is a path of keys into an event's JSON, in which `*` stands for every element of a list: the first that says
something counts. An *item* is one of the answers that an event tells of (OpenAI's `choices`), or the event itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Place = tuple[str, ...]
Places = tuple[Place, ...]


@dataclass(frozen=True)
class Dialect:
    """How one kind of stream says what it says."""

    name: str
    ending: str  # how its answers end, in words
    marks: tuple[frozenset[str], ...] = ()  # an event is of it that has all keys of any of these
    kinds: tuple[str, ...] = ()  # or whose `type` begins with any of these
    items: Place = ()  # where the list of answers is; none: an event tells of one
    answer: Places = ()  # of an item: what is a token of the answer
    thoughts: Places = ()  # of an item: what is a token, but of no answer
    answer_of: Mapping[str, Places] = field(default_factory=dict)  # the same, by the event's `type`
    thoughts_of: Mapping[str, Places] = field(default_factory=dict)
    finish: Places = ()  # of an item: why it ended
    finish_ends: bool = True  # whether a reason is the end; else only what follows
    last: frozenset[str] = frozenset()  # types of the event that ends an answer
    final: Places = ()  # of an event: true, or a text, where it ends an answer
    sentinel: bool = False  # whether `[DONE]` ends an answer
    open_ended: bool = False  # whether the end of the body is the answer's end
    failing: frozenset[str] = frozenset()  # types of the event that tells a failure
    failure: Places = ()  # of an event: what failed, where it is not in `error`
    input: Places = ()  # of an event: tokens asked
    more_input: Places = ()  # tokens asked that `input` leaves out
    output: Places = ()  # tokens answered
    cached: Places = ()  # tokens asked that were in a cache
    told_with: bytes = b'"usage"'  # what stands in any event that tells tokens
    running: bool = False  # whether usage that grows tells of a token that came without a text
    cumulative: bool = (
        False  # whether an event may repeat what came before it: running usage tells what is new
    )
    any_event: bool = False  # whether every event counts, whatever it says

    def knows(self, said: Mapping[str, Any]) -> bool:
        """Whether an event is of this dialect."""
        kind = said.get("type")
        if self.kinds and isinstance(kind, str) and kind.startswith(self.kinds):
            return True
        return any(mark <= said.keys() for mark in self.marks)

    def token_in(self, item: Any, kind: object) -> tuple[Place, Any, bool] | None:
        """The place, the value, and whether it is of the answer, of what an item of this `type` carries; None: no token."""
        answer, thoughts = self.places_of(kind)
        for places in (answer, thoughts):
            for place in places:
                if found := look_up(item, place):
                    return place, found, places is answer
        return None

    def places_of(self, kind: object) -> tuple[Places, Places]:
        """Where an event of this `type` has tokens: those of the answer, and others."""
        if not isinstance(kind, str):
            return self.answer, self.thoughts
        return self.answer_of.get(kind, self.answer), self.thoughts_of.get(kind, self.thoughts)


def look_up(value: Any, place: Place) -> Any:
    """What stands at a place; None: nothing does. Of several, the first that is not empty."""
    for at, key in enumerate(place):
        if isinstance(value, dict):
            value = value.get(key)
        elif key == "*" and isinstance(value, list):
            rest = place[at + 1 :]
            return next(filter(None, (look_up(each, rest) for each in value)), None)
        else:
            return None
    return value


def first(value: Any, places: Places) -> Any:
    """What stands at the first of these places that says something; None: none does."""
    for place in places:
        if found := look_up(value, place):
            return found
    return None
