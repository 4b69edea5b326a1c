"""Traces of real traffic: when requests came, and how long their prompts and answers were.

Two public forms are read: Mooncake's (`timestamp` in milliseconds, `input_length`, `output_length`) and Azure's
(`TIMESTAMP` as a date and time, `ContextTokens`, `GeneratedTokens`), each from .jsonl, .json or .csv.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from benchmark.errors import InputError
from benchmark.scenario.data import Row, read_rows
from benchmark.scenario.fields import Duration, DurationOrZero, Weight
from benchmark.scenario.part import Part
from benchmark.units import NANOSECONDS

KEY = "load.replay.file"
_INPUT = ("input_length", "ContextTokens")
_OUTPUT = ("output_length", "GeneratedTokens")


class ReplayOf(Part):
    """A trace that is replayed, or a part of it."""

    file: str = Field(
        min_length=1,
        description="In the scenario's folder (.jsonl, .json, .csv): timestamp in ms, input_length, output_length as "
        "Mooncake has them, or TIMESTAMP, ContextTokens, GeneratedTokens as Azure has them.",
    )
    speed: Weight = Field(1, description="How many times faster than it was recorded.")
    from_: DurationOrZero = Field(
        "0s",
        alias="from",
        validate_default=True,
        description="Where the part begins, since the trace's first request.",
    )
    to: Duration | None = Field(None, description="Where it ends. Default: with the trace.")

    @field_validator("to")
    @classmethod
    def _ends_after_it_begins(cls, to: float | None, info: ValidationInfo) -> float | None:
        if to is not None and to <= info.data.get("from_", 0):
            raise ValueError("this is not after from")
        return to


@dataclass(frozen=True)
class Trace:
    """The part that is replayed, at its speed: each request's instant, and its lengths where all of them have some."""

    times: tuple[int, ...]  # nanoseconds since the part's beginning, ascending
    period: int  # nanoseconds from the part's beginning to its end
    lengths: tuple[tuple[int, int | None], ...] = ()  # of prompt and answer, in tokens

    @property
    def rate(self) -> float:
        """Requests per second on average."""
        return len(self.times) * NANOSECONDS / self.period


def read_trace(replay: ReplayOf, folder: Path) -> Trace:
    """The part of a trace that a scenario names.

    Raises:
        InputError: the file cannot be used, or the part is empty.
    """
    rows = read_rows(KEY, replay.file, folder)
    instants = [_instant(row) for row in rows]
    zero = min(instants)
    entries = sorted(((at - zero, number) for number, at in enumerate(instants)))
    end = replay.to if replay.to is not None else _end([at for at, _ in entries], replay.file)
    part = [(at, rows[number]) for at, number in entries if replay.from_ <= at < end]
    if not part:
        raise InputError(
            f"{KEY} '{replay.file}': no request came from {replay.from_:g}s to {end:g}s; "
            f"the last came after {entries[-1][0]:g}s"
        )
    scale = NANOSECONDS / replay.speed
    period = max(1, round((end - replay.from_) * scale))
    times = (min(round((at - replay.from_) * scale), period - 1) for at, _ in part)
    return Trace(tuple(times), period, _lengths([row for _, row in part]))


def _end(instants: Sequence[float], name: str) -> float:
    """One gap, as they are on average, after the last request."""
    if instants[-1] <= 0:
        raise InputError(f"{KEY} '{name}': all its requests came at once; say where it ends, like to: 1s")
    return instants[-1] + instants[-1] / (len(instants) - 1)


def _instant(row: Row) -> float:
    """Seconds, from anywhere."""
    for name in ("timestamp", "TIMESTAMP"):
        if name in row.fields:
            found = _seconds(row.fields[name])
            if found is None:
                raise InputError(
                    f"{row.where}: {name} is milliseconds, or a date and time like 2023-11-16 18:17:03.98"
                )
            return found
    there = ", ".join(list(row.fields)[:10])
    raise InputError(f"{row.where}: there is no timestamp (ms) and no TIMESTAMP; there is {there}")


def _seconds(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, str) or type(value) in {int, float} else math.nan
    except (ValueError, OverflowError):
        return _date(value) if isinstance(value, str) else None
    return number / 1000 if math.isfinite(number) else None


def _date(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _lengths(rows: Iterable[Row]) -> tuple[tuple[int, int | None], ...]:
    """Of every request; none where one has none."""
    found = [(_length(row, _INPUT), _length(row, _OUTPUT)) for row in rows]
    known = [(asked, told) for asked, told in found if asked is not None]
    return tuple(known) if len(known) == len(found) else ()


def _length(row: Row, names: tuple[str, str]) -> int | None:
    name = next((name for name in names if row.fields.get(name) not in (None, "")), None)
    if name is None:
        return None
    value = row.fields[name]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{row.where}: {name} is a whole number of tokens")
    return max(1, value)
