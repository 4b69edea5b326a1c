"""Where what was asked, what was announced and what was sent differ."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.report.phrases import en as words
from benchmark.result.model import Dose, Result
from benchmark.units import format_duration

ALIKE = 1e-6  # of seconds that differ by less


def remarks(result: Result) -> Iterator[str]:
    """A sentence for each difference; none where the run did what it was asked."""
    if result.dose is None:
        return
    yield from _asked(result.dose)
    yield from _done(result.dose)


def _asked(dose: Dose) -> Iterator[str]:
    asked, planned = dose.asked, dose.planned
    if asked.duration is None or planned.round is None:
        return
    each = asked.duration / planned.rounds
    if planned.round > each * (1 + ALIKE):
        yield words.planned_rounds(asked=format_duration(each), planned=format_duration(planned.round))


def _done(dose: Dose) -> Iterator[str]:
    planned = dose.planned
    for name, done in dose.done.items():
        if done.measured != planned.measured and (planned.exact or done.rounds != planned.rounds):
            more = f" in {done.rounds} rounds, of {planned.rounds}" if done.rounds != planned.rounds else ""
            yield words.done(
                who=words.target(name, start=True),
                planned=f"{planned.measured:,}",
                sent=f"{done.measured:,}",
                rounds=more,
            )
