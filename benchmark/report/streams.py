"""What a report says of streamed answers."""

from __future__ import annotations

from benchmark.measure.stream import TIMES
from benchmark.report.numbers import NONE, ms, shown
from benchmark.report.phrases import en as words
from benchmark.report.table import Table, figures
from benchmark.result.model import Result, StreamResult
from benchmark.units import format_rate, significant

COLUMNS = ("mean", "p50", "p90", "p95", "p99", "max")
UNEVEN = 0.02  # tokens per chunk that differ from 1 by more make gaps those of chunks, and it is said


def streams(result: Result) -> tuple[Table, ...]:
    """Times of tokens, and their number, and the usage of answers that came whole; nothing where there is neither."""
    told = {name: target.stream for name, target in result.targets.items() if target.stream is not None}
    if not told:
        return _whole(result)
    header = (words.TARGET, words.TIME, *COLUMNS)
    rows = tuple(row for name, stream in told.items() for row in _times(name, stream))
    tables = [Table(words.STREAM_CAPTION, header, rows, figures(header, names=2), words.STREAM_NOTES)]
    counted = tuple((name, *_tokens(stream)) for name, stream in told.items())
    notes = tuple(note for name, stream in told.items() for note in _notes(name, stream))
    tables.append(
        Table(words.TOKENS_CAPTION, words.TOKENS, counted, "lrrlrrrr", (*words.TOKEN_NOTES, *notes))
    )
    if turns := _turns(result):
        tables.append(turns)
    if any(stream.goodput for stream in told.values()):
        tables.append(_goodput(told))
    return (*tables, *_whole(result))


def _whole(result: Result) -> tuple[Table, ...]:
    """The usage of answers that came whole."""
    rows = tuple(
        (
            name,
            f"{target.whole.answers:,}",
            f"{target.whole.told:,}",
            f"{target.whole.input:,}",
            NONE if target.whole.cached is None else f"{target.whole.cached:,}",
            f"{target.whole.output:,}",
            significant(target.whole.output / target.whole.told),
            significant(target.whole.output_tokens_per_second),
        )
        for name, target in result.targets.items()
        if target.whole
    )
    return (Table(words.WHOLE_CAPTION, words.WHOLE, rows, "lrrrrrrr"),) if rows else ()


def _times(name: str, stream: StreamResult) -> list[tuple[str, ...]]:
    kinds = [time for time in TIMES if time != "first_answer" or stream.first_answer_ms != stream.ttft_ms]
    if stream.ttft_success_ms is not None and stream.ttft_success_ms != stream.ttft_ms:
        kinds.insert(1, "ttft_success")
    return [
        (
            name if at == 0 else "",
            words.STREAM_TIMES[kind],
            *(shown(getattr(stream, f"{kind}_ms"), column) for column in COLUMNS),
        )
        for at, kind in enumerate(kinds)
    ]


def _tokens(stream: StreamResult) -> tuple[str, ...]:
    tokens = stream.tokens
    asked = NONE if tokens.input is None else f"{tokens.input:,}"
    traffic = NONE if stream.bytes_per_token is None else f"{significant(stream.bytes_per_token)} MB"
    return (
        asked,
        f"{tokens.output:,}",
        words.SOURCES[tokens.source],
        ms(tokens.per_stream),
        significant(stream.output_tokens_per_second),
        ms(stream.stream_tokens_per_second),
        traffic,
    )


def _notes(name: str, stream: StreamResult) -> list[str]:
    """What a reader must know of how tokens were counted."""
    per_chunk = stream.tokens.per_chunk
    notes = []
    if stream.tokens.source in {"chunks", "mixed"}:
        notes.append(words.chunks_counted(name))
    elif stream.tokens.source == "tokenizer":
        notes.append(words.tokenizer_counted(name))
    if stream.tokens.source != "chunks" and per_chunk is not None and abs(per_chunk - 1) > UNEVEN:
        notes.append(words.per_chunk(name, significant(per_chunk)))
    if stream.tokens.cached is not None and stream.tokens.input:
        share = f"{stream.tokens.cached / stream.tokens.input:.0%}"
        notes.append(words.cached(name, f"{stream.tokens.cached:,}", share))
    if stream.tokens.short:
        notes.append(words.short(name, f"{stream.tokens.short:,}", f"{stream.streams:,}"))
    if stream.tokenless:
        notes.append(words.tokenless(name, f"{stream.tokenless:,}", f"{stream.streams:,}"))
    if stream.unreadable:
        notes.append(words.unreadable(name, f"{stream.unreadable:,}"))
    return notes


def _turns(result: Result) -> Table | None:
    """TTFT by the turn of its conversation, and what was not begun."""
    talks = {name: target.conversations for name, target in result.targets.items() if target.conversations}
    if not talks:
        return None
    header = (words.TARGET, *words.TURNS, *COLUMNS)
    rows = tuple(
        (
            name if at == 0 else "",
            str(each.turn),
            f"{each.streams:,}",
            *(shown(each.ttft_ms, column) for column in COLUMNS),
        )
        for name, talk in talks.items()
        for at, each in enumerate(talk.turns)
    )
    notes = tuple(words.unbegun(name, f"{talk.unbegun:,}") for name, talk in talks.items() if talk.unbegun)
    return Table(words.TURNS_CAPTION, header, rows, figures(header), (*words.TURNS_NOTES, *notes))


def _goodput(told: dict[str, StreamResult]) -> Table:
    rows = tuple(
        (
            name,
            ", ".join(stream.goodput.limits),
            format_rate(stream.goodput.rate),
            NONE if stream.goodput.share is None else f"{stream.goodput.share:.1%}",
        )
        for name, stream in told.items()
        if stream.goodput
    )
    return Table(words.GOODPUT_CAPTION, words.GOODPUT, rows, "llrr")
