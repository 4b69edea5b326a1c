"""What makes a single streamed answer a good one: `ttft < 500ms`, `tpot < 40ms`. All of them must hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

from benchmark.units import NANOSECONDS, parse_duration

METRICS = ("ttft", "ttft_from_due", "first_answer", "tpot", "e2e")  # what a single request has
EXAMPLES = ("ttft < 500ms", "tpot < 40ms")

_SHAPE = re.compile(r"(\w+)\s*(<=|<)\s*(\S.*)")


@dataclass(frozen=True)
class StreamLimit:
    """One of the limits."""

    text: str  # as written
    metric: str  # one of METRICS
    most: int  # nanoseconds that it may take


def parse_stream_limit(text: str) -> StreamLimit:
    """Read one limit.

    Raises:
        ValueError: not understood; says what was expected, and does not quote the text.
    """
    match = _SHAPE.fullmatch(text.strip())
    if not match or match[1] not in METRICS:
        raise ValueError(
            f"a limit is one of {', '.join(METRICS)}, less than a duration, like {EXAMPLES[0]!r}"
        )
    try:
        most = round(parse_duration(match[3]) * NANOSECONDS)
    except ValueError:
        most = 0
    if most <= 0:
        raise ValueError(f"the limit of {match[1]} is a duration with its unit, as in '{match[1]} < 500ms'")
    return StreamLimit(text.strip(), match[1], most - (match[2] == "<"))
