"""What the streams of a target come to: tokens, their times, and how many of them were good ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from benchmark.analysis.estimate import alone
from benchmark.measure.recording import Recording, merged
from benchmark.measure.stream import MOST_TURNS, TIMES
from benchmark.result.model import (
    Conversations,
    Figures,
    Goodput,
    Source,
    StreamResult,
    Tokens,
    TurnResult,
    WholeAnswers,
)
from benchmark.result.run import Run

UNLIKE_CACHES = 0.05  # of the asked tokens: a cache that held so many more on one side answers sooner there
UNLIKE_LENGTHS = 0.02  # mean output tokens that differ by more make whole answers no match (METHOD 23)


def stream_of(run: Run, name: str, figures_of: Callable[..., Figures]) -> StreamResult | None:
    """The figures of a target's streams; None where it has none. `figures_of` gives those of a time."""
    if not run.settings.get("streamed"):
        return None
    rounds = [each for each in run.rounds if each.target == name and not each.flaw]
    whole = merged([each.recording for each in rounds])
    counted = whole.counters
    measured = math.fsum(each.measured for each in rounds)
    times = {f"{time}_ms": figures_of(time) for time in TIMES}
    timed = counted["streams"] - counted["tokenless"]
    return StreamResult(
        **times,
        ttft_success_ms=figures_of("ttft", successes_only=True),
        tokens=_tokens(counted),
        output_tokens_per_second=counted["output_tokens"] / measured if measured else 0.0,
        stream_tokens_per_second=counted["millitokens_per_second"] / 1e3 / timed if timed else None,
        bytes_per_token=whole.received_bytes / counted["output_tokens"] if counted["output_tokens"] else None,
        goodput=_goodput(run.settings.get("goodput", []), whole, measured),
        streams=counted["streams"],
        tokenless=counted["tokenless"],
        unreadable=counted["unreadable"],
    )


def whole_of(run: Run, name: str) -> WholeAnswers | None:
    """What the usage of a target's whole answers comes to; None where no model answered so, or none told."""
    rounds = [each for each in run.rounds if each.target == name and not each.flaw]
    counted = merged([each.recording for each in rounds]).counters
    measured = math.fsum(each.measured for each in rounds)
    if not counted["whole_told"]:
        return None
    return WholeAnswers(
        answers=counted["whole_answers"],
        told=counted["whole_told"],
        input=counted["whole_input"],
        output=counted["whole_output"],
        cached=counted["whole_cached"] if counted["whole_cached_told"] else None,
        output_tokens_per_second=counted["whole_output"] / measured if measured else 0.0,
    )


def conversations_of(run: Run, name: str) -> Conversations | None:
    """What became of a target's conversations, turn by turn; None where it has none."""
    if not run.settings.get("conversations"):
        return None
    whole = merged([each.recording for each in run.rounds if each.target == name and not each.flaw])
    times = {turn: whole.histograms.get(f"ttft.turn.{turn}") for turn in range(1, MOST_TURNS + 1)}
    return Conversations(
        turns=[
            TurnResult(turn=turn, streams=ttft.count, ttft_ms=alone(ttft))
            for turn, ttft in times.items()
            if ttft is not None and ttft.count
        ],
        unbegun=whole.counters["unbegun_turns"],
    )


def _tokens(counted: Counter[str]) -> Tokens:
    streams, told, chunks = counted["streams"], counted["told"], counted["token_chunks"]
    return Tokens(
        input=counted["input_tokens"] if told else None,
        output=counted["output_tokens"],
        source=source_of(counted),
        cached=counted["cached_tokens"] if counted["cached_told"] else None,
        short=counted["short"],
        per_stream=counted["output_tokens"] / streams if streams else None,
        per_chunk=counted["output_tokens"] / chunks if chunks else None,
    )


def _goodput(limits: Sequence[str], whole: Recording, measured: float) -> Goodput | None:
    """Good streams per second, and their share of all requests that were sent."""
    if not limits:
        return None
    sent, good = whole.scheduled - whole.unsent, whole.counters["good"]
    return Goodput(
        limits=list(limits), rate=good / measured if measured else 0.0, share=good / sent if sent else None
    )


def source_of(counted: Counter[str]) -> Source:
    """Who counted the output tokens of these streams."""
    streams, told = counted["streams"], counted["told"]
    by = {"usage": told, "tokenizer": counted["counted"], "chunks": streams - told - counted["counted"]}
    sources = [source for source, n in by.items() if n] or ["chunks"]
    return cast(Source, sources[0] if len(sources) == 1 else "mixed")


def unlike_sources(sides: Sequence[Sequence[Recording]]) -> str:
    """Why tokens cannot be set beside each other: they were counted by different means; empty: they were not."""
    counted = [_counted(side) for side in sides]
    sources = [source_of(each) for each in counted]
    if not all(each["streams"] for each in counted) or len({*sources}) == 1:
        return ""
    names = {
        "usage": "the service's usage",
        "tokenizer": "a tokenizer",
        "chunks": "chunks",
        "mixed": "several means",
    }
    told = " on one side and ".join(names[source] for source in sources)
    return f"tokens are counted by {told} on the other, which are not the same; compare ITL"


def unlike_caches(sides: Sequence[Sequence[Recording]]) -> tuple[float, float] | None:
    """The shares of asked tokens that a cache held, where they differ by more than `UNLIKE_CACHES`."""
    shares = []
    for counted in map(_counted, sides):
        if not counted["cached_told"] or not counted["input_tokens"]:
            return None
        shares.append(counted["cached_tokens"] / counted["input_tokens"])
    return (shares[0], shares[1]) if abs(shares[0] - shares[1]) > UNLIKE_CACHES else None


def _counted(side: Sequence[Recording]) -> Counter[str]:
    return sum((each.counters for each in side), Counter())


def unlike_lengths(sides: Sequence[Sequence[Recording]]) -> str:
    """Why the ratio of whole answers would mislead; empty: they are as long, or no streams at all.

    Lengths are in tokens, or in chunks where tokens were not counted alike on all sides.
    """
    counted = [_counted(side) for side in sides]
    if not all(each["streams"] for each in counted):
        return ""
    unit = "chunks" if unlike_sources(sides) else "tokens"
    total = "token_chunks" if unit == "chunks" else "output_tokens"
    means = [each[total] / each["streams"] for each in counted]
    if max(means) <= (1 + UNLIKE_LENGTHS) * min(means):
        return ""
    lengths = " and ".join(f"{mean:.1f}" for mean in means)
    return f"the ratio alone: answers differ in length, {lengths} {unit} on average; pin max_tokens"
