"""Traces of real traffic: when requests came, and how long their prompts and answers were.

The public forms are read as they are: Mooncake's and Alibaba's Bailian (with blocks of prompts that requests share),
Azure's and BurstGPT's, each from .jsonl, .json or .csv.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from benchmark.errors import InputError
from benchmark.scenario.data import Row, rows_of
from benchmark.scenario.fields import Duration, DurationOrZero, Weight
from benchmark.scenario.part import Part
from benchmark.units import NANOSECONDS, format_duration

KEY = "load.replay.file"
UNKNOWN = -1  # a length that a trace does not tell
_TIME = ("timestamp", "TIMESTAMP", "Timestamp")
_INPUT = ("input_length", "ContextTokens", "Request tokens")
_OUTPUT = ("output_length", "GeneratedTokens", "Response tokens")
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_SPELLED = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_EPOCHS = {1e17: "ns", 1e14: "us", 1e11: "ms", 1e8: "s"}  # numbers larger than these are instants since 1970
_MOST_BLOCKS = 20_000_000  # hashes that are held

Unit = Literal["s", "ms", "us", "ns"]


class ReplayOf(Part):
    """A trace that is replayed, or a part of it."""

    file: str = Field(
        min_length=1,
        description="In the scenario's folder (.jsonl, .json, .csv), in the form of Mooncake, Bailian, Azure or BurstGPT: "
        "a timestamp, and the lengths of prompt and answer.",
    )
    speed: Weight = Field(1, description="How many times faster than it was recorded.")
    unit: Unit | None = Field(
        None,
        description="What its timestamps count. Default: what its form says, or its numbers; the plan says which.",
    )
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

    times: array[int]  # nanoseconds since the part's beginning, ascending
    period: int  # nanoseconds from the part's beginning to its end
    asked: array[int] = field(
        default_factory=lambda: array("q")
    )  # tokens of each prompt; none where one has none
    answered: array[int] = field(
        default_factory=lambda: array("q")
    )  # of each answer; `UNKNOWN` where it is not told
    blocks: tuple[array[int], ...] = ()  # of each prompt, what it is made of: equal numbers are equal pieces
    block: int = 0  # tokens of such a piece
    remark: str = ""  # how it was read

    @property
    def rate(self) -> float:
        """Requests per second on average."""
        return len(self.times) * NANOSECONDS / self.period


class _Form:
    """What a trace's first row says of all of them."""

    def __init__(self, row: Row, unit: Unit | None) -> None:
        fields = row.fields
        self.time = next((name for name in _TIME if name in fields), "")
        if not self.time:
            there = ", ".join(list(fields)[:10])
            raise InputError(f"{row.where}: there is no timestamp, TIMESTAMP or Timestamp; there is {there}")
        bailian = "chat_id" in fields
        self.shares = isinstance(fields.get("hash_ids"), list)
        self.block = 16 if bailian else 512  # tokens, as those who published them say
        self.unit: Unit | None = unit
        if unit is None and bailian:
            self.unit = "s"
        elif unit is None and self.shares:
            self.unit = "ms"
        elif unit is None and self.time == "Timestamp":
            self.unit = "s"  # BurstGPT


def read_trace(replay: ReplayOf, folder: Path) -> Trace:
    """The part of a trace that a scenario names.

    Raises:
        InputError: the file cannot be used, or the part is empty.
    """
    raw = _Columns()
    form = None
    for row in rows_of(KEY, replay.file, folder):
        form = form or _Form(row, replay.unit)
        raw.take(row, form)
    assert form
    unit, remark = _unit(raw, form)
    zero = min(raw.instants)
    scale = _UNITS[unit] if unit else 1.0
    instants = array("d", ((at - zero) * scale for at in raw.instants))
    order = range(len(instants))
    if any(instants[at] > instants[at + 1] for at in range(len(instants) - 1)):
        order = sorted(order, key=instants.__getitem__)  # type: ignore[assignment]
    last = instants[order[-1]]
    end = replay.to if replay.to is not None else _end(last, len(instants), replay.file)
    begin = bisect_left(order, replay.from_, key=instants.__getitem__)
    part = order[begin : bisect_left(order, end, key=instants.__getitem__)]
    if not part:
        raise InputError(
            f"{KEY} '{replay.file}': no request came from {replay.from_:g}s to {end:g}s; the last came after {last:g}s"
        )
    faster = NANOSECONDS / replay.speed
    period = max(1, round((end - replay.from_) * faster))
    times = array("q", (min(round((instants[at] - replay.from_) * faster), period - 1) for at in part))
    whole = f"a trace of {format_duration(last)} with {len(instants):,} requests{remark}"
    return raw.trace(part, times, period, form, whole)


class _Columns:
    """A trace's values, in arrays: it may have millions of rows."""

    def __init__(self) -> None:
        self.instants = array("d")
        self.whole = True  # whether all numbers are whole
        self.dates = False
        self._asked, self._answered = array("q"), array("q")
        self._blocks: list[array[int]] = []
        self._held = 0

    def take(self, row: Row, form: _Form) -> None:
        """Note what a row says."""
        self.instants.append(self._instant(row, form))
        self._asked.append(_length(row, _INPUT))
        self._answered.append(_length(row, _OUTPUT))
        if form.shares:
            self._blocks.append(_hashes(row))
            self._held += len(self._blocks[-1])
            if self._held > _MOST_BLOCKS:
                raise InputError(
                    f"{row.where}: there are more than {_MOST_BLOCKS:,} hash_ids; keep a part of the trace"
                )

    def trace(self, part: Iterable[int], times: array[int], period: int, form: _Form, remark: str) -> Trace:
        """What is left of it in a part."""
        asked = array("q", (self._asked[at] for at in part))
        known = UNKNOWN not in asked
        return Trace(
            times,
            period,
            asked if known else array("q"),
            array("q", (self._answered[at] for at in part)) if known else array("q"),
            tuple(self._blocks[at] for at in part) if form.shares and known else (),
            form.block if form.shares and known else 0,
            remark,
        )

    def _instant(self, row: Row, form: _Form) -> float:
        """A number in the trace's unit, or seconds where it is a date."""
        value = row.fields.get(form.time)
        if isinstance(value, str):
            try:
                number = float(value)
            except ValueError:
                moment = _date(value)
                if moment is not None and (self.dates or not self.instants):
                    self.dates = True
                    return moment
                number = math.nan
            self.whole = self.whole and value.strip().lstrip("-").isdecimal()
        else:
            number = float(value) if type(value) in {int, float} and abs(value) < 1e30 else math.nan  # type: ignore[arg-type]
            self.whole = self.whole and isinstance(value, int)
        if not math.isfinite(number) or self.dates:
            raise InputError(
                f"{row.where}: {form.time} is a number, or a date and time like 2023-11-16 18:17:03.98"
            )
        return number


def _unit(raw: _Columns, form: _Form) -> tuple[Unit | None, str]:
    """What the numbers count, and how that is known; none of dates."""
    if raw.dates:
        return None, ""
    if form.unit:
        return form.unit, f" (timestamps in {_SPELLED[form.unit]})"
    largest = max(raw.instants)
    unit: Any = next((unit for least, unit in _EPOCHS.items() if largest > least), "ms" if raw.whole else "s")
    other = "s" if unit == "ms" else "ms"
    return unit, f" (timestamps read as {_SPELLED[unit]}; `unit: {other}` says otherwise)"


def _end(last: float, count: int, name: str) -> float:
    """One gap, as they are on average, after the last request."""
    if last <= 0:
        raise InputError(f"{KEY} '{name}': all its requests came at once; say where it ends, like to: 1s")
    return last + last / (count - 1)


def _date(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _length(row: Row, names: tuple[str, ...]) -> int:
    """Tokens, at least one; `UNKNOWN` where the row does not tell."""
    for name in names:
        value = row.fields.get(name)
        if value is not None and value != "":
            length = whole_number(value)
            if length is None or length < 0:
                raise InputError(f"{row.where}: {name} is a whole number of tokens")
            return max(1, length)
    return UNKNOWN


def whole_number(value: Any) -> int | None:
    """`12`, `12.0`, `"12"` or `"12.0"` as a number; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        digits, point, rest = text.partition(".")
        sound = digits.isascii() and digits.isdigit() and (not point or set(rest) <= {"0"})
        return int(digits) if sound and len(digits) < 16 else None
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else None
    return value if isinstance(value, int) else None


def _hashes(row: Row) -> array[int]:
    value = row.fields.get("hash_ids")
    try:
        return array("q", value or ())
    except (TypeError, OverflowError):
        raise InputError(f"{row.where}: hash_ids is a list of whole numbers") from None
