"""What the streams of a target come to: tokens, their times, and how many of them were good ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

from benchmark.analysis.estimate import alone
from benchmark.measure.recording import Recording, merged
from benchmark.measure.stream import MOST_TURNS, TIMES
from benchmark.result.model import Conversations, Figures, Goodput, Source, StreamResult, Tokens, TurnResult
from benchmark.result.run import Run

UNLIKE_LENGTHS = 0.02  # mean output tokens that differ by more make whole answers no match (METHOD 23)


def stream_of(run: Run, name: str, figures_of: Callable[[str], Figures]) -> StreamResult | None:
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
        tokens=_tokens(counted),
        output_tokens_per_second=counted["output_tokens"] / measured if measured else 0.0,
        stream_tokens_per_second=counted["millitokens_per_second"] / 1e3 / timed if timed else None,
        bytes_per_token=whole.received_bytes / counted["output_tokens"] if counted["output_tokens"] else None,
        goodput=_goodput(run.settings.get("goodput", []), whole, measured),
        streams=counted["streams"],
        tokenless=counted["tokenless"],
        unreadable=counted["unreadable"],
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
    by = {"usage": told, "tokenizer": counted["counted"], "chunks": streams - told - counted["counted"]}
    sources = [source for source, n in by.items() if n] or ["chunks"]
    return Tokens(
        input=counted["input_tokens"] if told else None,
        output=counted["output_tokens"],
        source=cast(Source, sources[0] if len(sources) == 1 else "mixed"),
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


def unlike_lengths(sides: Sequence[Sequence[Recording]]) -> str:
    """Why the ratio of whole answers would mislead; empty: they are as long, or no streams at all."""
    means = []
    for side in sides:
        streams = sum(each.counters["streams"] for each in side)
        if not streams:
            return ""
        means.append(sum(each.counters["output_tokens"] for each in side) / streams)
    if max(means) <= (1 + UNLIKE_LENGTHS) * min(means):
        return ""
    lengths = " and ".join(f"{mean:.1f}" for mean in means)
    return f"the ratio alone: answers differ in length, {lengths} tokens on average; pin max_tokens"
