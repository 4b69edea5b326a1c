"""What a results folder may hold: whoever sent it, nothing of it is believed before it was checked here.

The file's size, the number and depth of its values, its numbers (finite, in range) and texts (whole characters) come first;
then every field by its type and bounds; then what has to agree: accounts balance, and rounds belong to targets. Each
complaint names the field.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from benchmark.errors import InputError
from benchmark.measure.bands import SUMS
from benchmark.measure.histogram import Histogram
from benchmark.result.model import Worker
from benchmark.scenario.document import is_broken
from benchmark.scenario.objectives import MOST_WINDOWS
from benchmark.units import NANOSECONDS, format_size

LARGEST_FILE = 256 * 1024**2  # bytes; a day's run of a hundred rounds has some twenty million
MOST_VALUES = 4_000_000  # in a document
MOST_TARGETS = 1000
_DEEPEST = 100
_LARGEST = 2**62  # of whole numbers: what sums are kept in
_LONGEST = 1e8  # seconds: three years

Count = Annotated[int, Field(ge=0, le=2**53, strict=True)]
Total = Annotated[int, Field(ge=0, le=_LARGEST, strict=True)]
Seconds = Annotated[float, Field(ge=0, le=_LONGEST, allow_inf_nan=False)]
Spent = Annotated[
    float, Field(ge=-_LONGEST, le=_LONGEST, allow_inf_nan=False)
]  # seconds less others, so below 0 at times
Rate = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Text = Annotated[str, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Plain = dict[str, Any]


def _instant(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("should name its zone of time, as +00:00 does")
    return text


def _readable(kept: Plain) -> Plain:
    try:
        Histogram.from_dict(kept)
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"should be a histogram, and has no {error}") from None
    return kept


Instant = Annotated[str, AfterValidator(_instant)]
HistogramData = Annotated[Plain, AfterValidator(_readable)]
Histograms = dict[str, HistogramData]
Band = Annotated[list[Total], Field(min_length=len(SUMS), max_length=len(SUMS))]
Index = Annotated[str, Field(pattern=r"^\d{1,6}$")]
_closed = with_config(ConfigDict(extra="forbid"))


@_closed
class _Point(TypedDict):
    failed: Count
    unanswered: NotRequired[Count]
    good: NotRequired[Count]
    response: NotRequired[HistogramData]
    lateness: NotRequired[HistogramData]
    times: NotRequired[Histograms]


@_closed
class _Series(TypedDict):
    width: Annotated[int, Field(ge=1, le=10**17)]
    most: NotRequired[Annotated[int, Field(ge=1, le=100_000)]]
    timed: NotRequired[list[Text]]
    points: dict[Index, _Point]


def _balanced(kept: Any) -> Any:
    failed = sum(kept["failures"].values())
    if kept["scheduled"] != kept["ok"] + failed + kept["unsent"]:
        raise ValueError(
            f"should balance: scheduled {kept['scheduled']:,}, but ok {kept['ok']:,} + failed {failed:,} + unsent "
            f"{kept['unsent']:,}"
        )
    return kept


@_closed
class _Recording(TypedDict):
    scheduled: Count
    ok: Count
    unsent: Count
    unanswered: Count
    sent_bytes: Total
    received_bytes: Total
    new_connections: Count
    stale_reuses: Count
    first_due: Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
    last_done: Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
    failures: dict[str, Count]
    statuses: dict[Index, Count]
    counters: NotRequired[dict[str, Total]]
    histograms: Histograms
    handshakes: Histograms
    series: _Series
    bands: NotRequired[dict[Annotated[str, Field(pattern=r"^\d{1,4}$")], Band]]


Recorded = Annotated[_Recording, AfterValidator(_balanced)]


@_closed
class _Round(TypedDict):
    target: Text
    number: Annotated[int, Field(ge=0, le=10**9)]
    warmup: Seconds
    measured: Seconds
    recording: Recorded
    addresses: list[Text]
    unmeasured: NotRequired[Count]
    cpu_seconds: NotRequired[Spent]
    level: NotRequired[Rate | None]
    seconds: NotRequired[Seconds]
    flaw: NotRequired[Text]
    stopped: NotRequired[Flag]


@_closed
class _Part(TypedDict):
    target: Text
    number: Annotated[int, Field(ge=0, le=10**9)]
    warmup: Seconds
    measured: Seconds
    elapsed: Seconds
    due: Count
    planned: Count
    recording: Recorded


@_closed
class _Target(TypedDict):
    url: Text
    addresses: list[Text]
    verify_tls: NotRequired[Flag]
    notes: list[Text]


@with_config(ConfigDict(extra="allow"))
class _CostTerms(TypedDict):
    """How a target's traffic is billed."""

    route: Text | None
    tls: Flag


@with_config(ConfigDict(extra="allow"))
class _Costs(TypedDict):
    """What traffic costs."""

    targets: dict[Text, _CostTerms]


@with_config(ConfigDict(extra="allow"))
class _Settings(TypedDict):
    """Those without which no figure can be made."""

    open_loop: Flag
    rate: Rate | None
    arrivals: Text | None
    connections: Annotated[float, Field(ge=0, le=1e9)] | None
    rounds: Annotated[int, Field(ge=1, le=10**6)]
    duration: Seconds
    warmup: Seconds
    confidence: Annotated[float, Field(gt=0, lt=1)]
    timeout: Seconds
    baseline: Text
    keep_connections: Flag
    objectives: Annotated[list[Text | dict[str, Any]], Field(max_length=1000)]
    primary: Text
    cost: NotRequired[_Costs | None]


@with_config(ConfigDict(extra="allow"))
class _Generator(TypedDict):
    processes: NotRequired[Annotated[int, Field(ge=1, le=10**6)]]
    cpu_seconds: NotRequired[Spent]
    max_rss_bytes: NotRequired[Total]
    workers: NotRequired[list[Worker]]


@_closed
class _Run(TypedDict):
    name: Text
    started_at: Instant
    scenario: Plain
    settings: _Settings
    targets: Annotated[dict[str, _Target], Field(min_length=1, max_length=MOST_TARGETS)]
    environment: NotRequired[Plain]
    finished_at: NotRequired[Text]
    rounds: list[_Round]
    probes: NotRequired[dict[str, Count]]
    generator: NotRequired[_Generator]
    interrupted: NotRequired[Text]
    aborted: NotRequired[Text]
    lost: NotRequired[Text]
    notes: NotRequired[list[Text]]
    discovered: NotRequired[Plain]


@_closed
class _RoundRecord(TypedDict):
    """In a journal: a round, and what else has changed."""

    round: _Round
    probes: dict[str, Count]
    generator: _Generator
    lost: Text
    notes: list[Text]


_RUN, _ROUND_RECORD, _PART = (TypeAdapter(kind) for kind in (_Run, _RoundRecord, _Part))


def read_bounded(path: Path) -> bytes:
    """The file's content, if it is a regular one and not too large.

    Raises:
        InputError: it is not, or cannot be read.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{path}: this is no regular file; name a folder that `vpcbench run` made")
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a folder that `vpcbench run` made") from error
    if len(content) > LARGEST_FILE:
        raise InputError(f"{path}: larger than {format_size(LARGEST_FILE)}: no run keeps as much")
    return content


def parse(content: bytes) -> Any:
    """The values of a document, each of which can be written, shown and reckoned with.

    Raises:
        ValueError: they are too many, or one is none of these; names its field.
    """
    if sum(map(content.count, (b",", b"["))) > MOST_VALUES:
        raise ValueError(f"holds more than {MOST_VALUES:,} values")
    try:
        data = json.loads(content.decode("utf-8"))
    except ValueError as error:  # of its decoding, too
        raise ValueError(f"is not readable as JSON ({error})") from None
    except RecursionError:
        raise ValueError(f"is nested more than {_DEEPEST} levels deep") from None
    pending: list[tuple[Any, tuple[str | int, ...]]] = [(data, ())]
    while pending:
        value, place = pending.pop()
        if problem := _amiss(value, len(place)):
            raise ValueError(f"{written(place)} {problem}")
        if isinstance(value, dict):
            for key, item in value.items():
                if is_broken(key):
                    raise ValueError(f"{written(place)} has a key that is no text")
                pending.append((item, (*place, key)))
        elif isinstance(value, list):
            pending += [(item, (*place, at)) for at, item in enumerate(value)]
    return data


def _amiss(value: Any, depth: int) -> str:
    if depth > _DEEPEST:
        return f"is nested more than {_DEEPEST} levels deep"
    if isinstance(value, float) and not math.isfinite(value):
        return f"cannot be {value}"
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        return "is a number too large to reckon with"
    return "is no text: half a character" if isinstance(value, str) and is_broken(value) else ""


def written(place: tuple[str | int, ...]) -> str:
    """A field as people write it: `rounds[0].recording.ok`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place)
    return f"`{text.lstrip('.')[:200]}`" if text else "the file"


def check_run(data: Any) -> None:
    """Check a run, with what has to agree in it.

    Raises:
        ValueError: names the first field that cannot be.
    """
    _check(_RUN.validate_python, data)
    if data["settings"]["baseline"] not in data["targets"]:
        raise ValueError(f"`settings.baseline` names no target: {data['settings']['baseline']!r}")
    windowed = any("every" in text for text in data["settings"]["objectives"])
    for at, kept in enumerate(data["rounds"]):
        if kept["target"] not in data["targets"]:
            raise ValueError(f"`rounds[{at}].target` is none of the run's targets: {kept['target']!r}")
        steps = kept["measured"] * NANOSECONDS / kept["recording"]["series"]["width"]
        if windowed and steps > 8 * MOST_WINDOWS:
            raise ValueError(f"`rounds[{at}].recording.series.width` is too fine for so long a round")


def check_round_record(data: Any) -> None:
    """Check a journal's record of a round; see `check_run`."""
    _check(_ROUND_RECORD.validate_python, data)


def check_part(data: Any) -> None:
    """Check a journal's record of part of a round; see `check_run`."""
    _check(_PART.validate_python, data)


def _check(validate: Callable[[Any], object], data: Any) -> None:
    try:
        validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = tuple(key for key in first["loc"] if key not in {"[key]", "float", "int", "none"})
        said = re.sub("^(Value error,|Input|String|List|Dictionary) ", "", first["msg"])
        if first["type"] == "missing":
            raise ValueError(f"{written(place)} is missing") from None
        shown = repr(first["input"])
        shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
        raise ValueError(f"{written(place)} {said[:1].lower()}{said[1:]}, and is {shown}") from None
