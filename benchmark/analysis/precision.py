"""As many rounds as a precision takes: a pilot's spread says how many, once, and nobody looks again (METHOD 12).

Stopping as soon as an interval happens to be narrow would favour those that are too narrow. Stein's rule does not look
at intervals: N follows from the pilot alone. The interval is of all N rounds by the pilot's spread, unless later ones
varied more: a pilot that saw no broken round knows nothing of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.comparison import paired
from benchmark.analysis.estimate import FIGURES, Distribution, by_round, pilot_of
from benchmark.analysis.pairs import difference_and_ratio, rounds_for
from benchmark.measure.recording import Recording
from benchmark.result.model import Comparison, Estimate, Precision
from benchmark.result.run import Run
from benchmark.units import MILLISECOND

REPEATED = 1.2  # of the most rounds there may be, with flawed ones

Sides = list[list[Recording]]  # of a target, or of two whose rounds are paired


@dataclass(frozen=True)
class _Sought:
    """What is to be known: a ratio of two targets, or where there is only one its own figure."""

    baseline: str | None
    target: str
    rounds: int  # sound ones, or pairs
    values: list[NDArray[np.float64]]  # by round, of each side; empty: rounds are too thin for a figure each


def further_rounds(run: Run) -> int:
    """How many more rounds are to be run, now that those that were asked for are over; asked until there are none.

    First the pilot is made whole, where some of its rounds were flawed. Then its spread says how many there are to be,
    and that does not change by what they hold. A flawed round does not count, but there is an end to repeating.
    """
    pilot = pilot_of(run)
    if pilot is None:
        return 0
    most = int(run.settings["max_rounds"])
    sought = list(_sought(run))
    sound = min(each.rounds for each in sought)
    wanted = pilot
    if sound >= pilot:
        wanted = min(max([pilot, *(_needed(run, each) or 0 for each in sought)]), most)
    left = math.ceil(REPEATED * most) - len({each.number for each in run.rounds})
    return max(0, min(wanted - sound, left))


def precisions(run: Run, comparisons: Sequence[Comparison]) -> list[Precision]:
    """What was reached of the precision that was asked for."""
    if pilot_of(run) is None:
        return []
    return [_reached(run, each, comparisons) for each in _sought(run)]


def _sought(run: Run) -> Iterator[_Sought]:
    baseline = run.settings["baseline"]
    others = [name for name in run.targets if name != baseline]
    if not others:
        own = run.used(baseline)
        yield _Sought(None, baseline, len(own), _values(run, [own]))
    for name in others:
        pairs = paired(run.rounds, baseline, name)
        sides = [[pair[at].recording for pair in pairs] for at in (0, 1)]
        yield _Sought(baseline, name, len(pairs), _values(run, sides))


def _values(run: Run, sides: Sides) -> list[NDArray[np.float64]]:
    kind, _, figure = run.settings["primary"].partition(".")
    q = 0.75 if figure == "p75" else FIGURES[figure]
    taken = [Distribution.of(side, kind) for side in sides]
    if len(sides[0]) < 2 or not by_round(taken, q):
        return []
    values = [np.array(each.values(q)) for each in taken]
    return values if all(each.min() > 0 for each in values) else []  # a share of nothing is none


def _needed(run: Run, sought: _Sought) -> int | None:
    pilot = pilot_of(run)
    if not sought.values or pilot is None or sought.rounds < pilot:
        return None
    seen = np.stack([each[:pilot] for each in sought.values], axis=-1)
    return rounds_for(seen, run.settings["precision"], run.settings["confidence"])


def _reached(run: Run, sought: _Sought, comparisons: Sequence[Comparison]) -> Precision:
    settings = run.settings
    interval = Estimate(value=None)
    if sought.values and sought.baseline is None:
        own = sought.values[0] / MILLISECOND
        found, _ = difference_and_ratio(0 * own, own, settings["confidence"], pilot=pilot_of(run))
        interval = Estimate(value=found.value, low=found.low, high=found.high)
    ratio = next((each.primary.ratio for each in comparisons if each.candidate == sought.target), interval)
    known = ratio.value is not None and ratio.high is not None and ratio.value > 0
    return Precision(
        baseline=sought.baseline,
        target=sought.target,
        metric=settings["primary"],
        asked=settings["precision"],
        reached=(ratio.high or 0) / (ratio.value or 1) - 1 if known else None,
        rounds=sought.rounds,
        pilot=settings["rounds"],
        needed=_needed(run, sought),
        most=settings["max_rounds"],
        interval_ms=interval,
    )
