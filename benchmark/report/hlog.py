"""A histogram log (`.hlog`), as HdrHistogram's tools read it: an interval for each round, tagged with its target.

The tag of a sweep's level names it as well, `vpc@2:load.rate=500/s`, and so does that of a search's: `vpc@load.rate=500`.

Values are response times in nanoseconds, to 3 significant digits. What never ended is counted at the timeout: it took
that long at the least.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import numpy as np

from benchmark.measure.histogram import LARGEST, UNIT, lower_edge
from benchmark.measure.recording import Recording
from benchmark.report.neutral import in_line
from benchmark.report.parts import Part, parts_of
from benchmark.result.run import Run
from benchmark.units import MILLISECOND, NANOSECONDS

LOWEST = 64  # nanoseconds that are told apart: of powers of two, the nearest to our unit
DIGITS = 3
LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


def render_hlog(run: Run) -> str:
    """The file's text."""
    rounds = sorted(
        (
            (each, part)
            for part in parts_of(run)
            for each in part.run.rounds
            if each.recording.first_due and not each.flaw
        ),
        key=lambda pair: pair[0].recording.first_due,
    )
    origin = rounds[0][0].recording.first_due if rounds else 0
    started = datetime.fromisoformat(run.started_at)
    seconds = started.timestamp()
    lines = [
        "#[Histogram log format version 1.3]",
        f"#[vpcbench: {in_line(run.name)}, response times in nanoseconds, of successes and, at the timeout, of the unanswered]",
        f"#[StartTime: {seconds:.3f} (seconds since epoch), {started.isoformat(' ')}]",
        f"#[BaseTime: {seconds:.3f} (seconds since epoch)]",
        LEGEND,
    ]
    for each, part in rounds:
        at = (each.recording.first_due - origin) / NANOSECONDS
        made = histogram(each.asked, part.run.settings["timeout"])
        most = made.get_max_value() / MILLISECOND
        lines.append(
            f"Tag={tag_of(each.target, part)},{at:.3f},{each.measured:.3f},{most:.3f},{made.encode().decode('ascii')}"
        )
    return "\n".join(lines) + "\n"


def tag_of(target: str, part: Part) -> str:
    """What a round's histogram is tagged with; a tag holds no comma and no space."""
    target = re.sub(r"[,\s]+", "_", target)
    if not part.names:
        return target
    number = "" if part.number is None else f"{part.number}:"
    level = re.sub(r"[,\s]+", "_", ";".join(f"{key}={name}" for key, name in part.names.items()))
    return f"{target}@{number}{level}"


def histogram(recording: Recording, timeout: float) -> Any:
    """The response times of a recording as an `HdrHistogram`: of every bucket its middle, as often as it was hit."""
    from hdrh.histogram import HdrHistogram

    made = HdrHistogram(LOWEST, LARGEST * UNIT, DIGITS)
    kept = recording.histograms["response"]
    hit = np.flatnonzero(kept.counts)
    edges = lower_edge(np.stack([kept.first + hit, kept.first + hit + 1]))
    middles = np.clip(edges.sum(axis=0) // 2, kept.minimum, kept.maximum)
    for value, count in zip(middles.tolist(), kept.counts[hit].tolist(), strict=True):
        made.record_value(value, count)
    if recording.beyond:
        made.record_value(min(round(timeout * NANOSECONDS), LARGEST * UNIT), recording.beyond)
    return made
