"""Where prompts come from, as a scenario says it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from benchmark.scenario.data import MOST_ROWS, Order
from benchmark.scenario.fields import DurationOrZero, Fraction, Lengths, expected
from benchmark.scenario.part import Part, given

SOURCES = ("texts", "file", "synthetic")


def _no_empty_list(values: Any) -> Any:
    if not values:
        raise expected("at least one")
    return values


_Texts = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    AfterValidator(_no_empty_list),
    BeforeValidator(lambda values: tuple(values) if isinstance(values, list) else values),
]


class Synthetic(Part):
    """Prompts of random words, the same for the same seed."""

    input: Lengths | None = Field(
        None,
        description="How long prompts are, with their salt: in tokens of the scenario's tokenizer, else in words. "
        "Without it, as long as the trace that load.replay names says, and in its order.",
    )
    prefix: Fraction = Field(
        0.0, description="The share of every prompt, from its beginning, that all of them have in common."
    )
    count: int = Field(
        1000, ge=1, le=MOST_ROWS, description="How many different prompts there are, where a law makes them."
    )


class Conversation(Part):
    """Rows of the prompts' file as conversations: the next question waits for the last answer."""

    history: Literal["recorded", "answers"] = Field(
        "recorded",
        description="What stands between the questions of a later turn: the file's answers, the same for all targets, or "
        "those that the service gave. The latter goes with stream: true.",
    )
    turns: int | None = Field(
        None, ge=1, description="The most questions that are asked of a row. Default: all of them."
    )
    think: DurationOrZero = Field(
        "0s", validate_default=True, description="A pause between an answer and the next question."
    )


class Prompts(Part):
    """What a model is asked, and how much it answers: pinned, so that two targets do the same work."""

    texts: _Texts | None = Field(None, description="The prompts themselves.")
    file: str | None = Field(
        None,
        min_length=1,
        description="A file of them, in the scenario's folder (.jsonl, .json, .csv): OpenAI's messages, ShareGPT's "
        "conversations, or a prompt in each row.",
    )
    synthetic: Synthetic | None = Field(None, description="Prompts of random words.")
    conversation: Conversation | None = Field(
        None,
        description="Ask all questions of a row, one after the other. Goes with file. Default: one question of each row.",
    )
    output: Lengths | None = Field(
        None,
        validate_default=True,
        description="max_tokens of the answer. Default: the row's max_tokens, else the length of its recorded answer, else 128.",
    )
    ignore_eos: bool = Field(
        False, description="Ask the server (vLLM, SGLang) to answer at that length exactly."
    )
    salt: bool = Field(
        True,
        description="Begin every prompt with digits that no other request has, so that no cache of prefixes answers.",
    )
    order: Order = Field("shuffled", description="Every prompt once, in another order each time; or in turn.")

    @property
    def traced(self) -> bool:
        """Whether a trace says how long they are."""
        return self.synthetic is not None and self.synthetic.input is None

    @field_validator("output")
    @classmethod
    def _one_source(cls, output: Any, info: ValidationInfo) -> Any:
        sources = given(info, *SOURCES)
        if len(sources) != 1:
            raise ValueError(
                f"prompts come from one of {', '.join(SOURCES)}; there is {' and '.join(sources) or 'none'}"
            )
        if given(info, "conversation") and sources != ["file"]:
            raise ValueError(f"a conversation goes with a file of them, not with {sources[0]}")
        return output


PromptSource = Annotated[
    Prompts, BeforeValidator(lambda value: {"texts": value} if isinstance(value, list) else value)
]
