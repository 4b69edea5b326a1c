"""Which runs may be set beside each other: what must match, and what is told where it does not (METHOD 22).

A figure depends on what was asked, of whom, from where and with what. Runs that differ in one of these differ anyway,
so a difference of their figures says nothing, unless the user knows better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.result.run import Round, Run

DIGESTS = "files"  # of data files, by the keys that name them
PLANNED = {
    "rate",
    "connections",
    "duration",
    "warmup",
    "rounds",
    "planned",
}  # what was asked decides, where it is kept
JUDGED_BY = {"objectives", "primary", "baseline", "confidence", "goodput", "cost"}
FREE = {*JUDGED_BY, "simulated", DIGESTS}  # they change no figure, or are told one by one
OF_OTHERS = {*FREE, "name", "targets", "allow", "load", "rounds", "prices", "monthly_requests"}
CLIENT = ("system", "machine", "processor", "cores")
VERSIONS = ("vpcbench", "hot_path", "python", "openssl", "uvloop", "httptools", "numpy")
KINDS = ("different-scenario", "different-target", "different-client", "different-versions", "unsound-runs")


@dataclass(frozen=True)
class Sample:
    """One run's rounds on one target."""

    label: str  # its folder
    run: Run
    target: str

    @property
    def rounds(self) -> list[Round]:
        """The sound ones."""
        return [each for each in self.run.rounds if each.target == self.target and not each.flaw]


@dataclass(frozen=True)
class Side:
    """The runs of one side, in the order in which they began."""

    samples: tuple[Sample, ...]
    target: str


@dataclass(frozen=True)
class Mismatch:
    """Something that must match and does not."""

    kind: str  # one of KINDS
    said: str


def mismatches(base: Side, new: Side) -> list[Mismatch]:
    """All that is unlike within a side or between both, each once.

    Between two targets of unlike names the target and the place may differ: that is what is being looked at.
    """
    found = [*_within(base.samples), *_within(new.samples)]
    found += _files(base.samples[0], new.samples[0])
    alike = base.target == new.target
    kinds = [kind for kind in KINDS[:4] if alike or kind == KINDS[0]]
    found += _between(base.samples[0], new.samples[0], kinds)
    if not alike:
        found += _unlike(base.samples[0], new.samples[0], KINDS[3], ("vpcbench", "hot_path"))
    return list(dict.fromkeys(found))


def unsound(run: Run, status: str) -> str:
    """Why a run's figures are not to be quoted; empty: they may be."""
    if status in {"invalid", "interrupted"}:
        return status
    return "ended early" if run.aborted else ""


def places(base: Side, new: Side) -> list[str]:
    """What is unlike about the clients of both sides; empty: they measured from one place."""
    return [each.said for each in _between(base.samples[0], new.samples[0], [KINDS[2]])]


def _within(samples: Sequence[Sample]) -> Iterator[Mismatch]:
    for other in samples[1:]:
        yield from _between(samples[0], other, KINDS[:4])
        yield from _files(samples[0], other)


def _files(one: Sample, other: Sample) -> Iterator[Mismatch]:
    """Files that both runs name and that hold other data; what an earlier version did not note cannot be told."""
    first, second = (each.run.settings.get(DIGESTS, {}) for each in (one, other))
    for key in first:
        if first[key] != second.get(key, first[key]):
            said = f"{key}: the file holds {first[key]} in {one.label}, {second[key]} in {other.label}"
            yield Mismatch(KINDS[0], said)


def _between(one: Sample, other: Sample, kinds: Sequence[str]) -> Iterator[Mismatch]:
    for kind in kinds:
        yield from _unlike(one, other, kind)


def _unlike(one: Sample, other: Sample, kind: str, only: Sequence[str] = ()) -> Iterator[Mismatch]:
    first, second = (_FACTS[kind](each) for each in (one, other))
    for name in only or dict.fromkeys([*first, *second]):
        if first.get(name) != second.get(name):
            values = [
                f"{_said(facts.get(name))} in {each.label}" for facts, each in ((first, one), (second, other))
            ]
            yield Mismatch(kind, f"{name}: {values[0]}, {values[1]}")  # fmt: skip


def _said(value: object) -> str:
    return "nothing" if value is None else str(value)


def _scenario(sample: Sample) -> dict[str, Any]:
    """What was asked, and how much of it: settings are resolved, and the rest stands as it was written."""
    settings = {name: value for name, value in sample.run.settings.items() if name not in FREE}
    asked = settings.pop("asked", None)
    if asked is not None:  # how quickly a service answers decides the rest, and that may differ
        settings = {name: value for name, value in settings.items() if name not in PLANNED} | asked
    load = sample.run.scenario.get("load") or {}
    finer = {name: load[name] for name in load if name not in {"rate", "connections", "duration", "warmup"}}
    rest = {name: value for name, value in sample.run.scenario.items() if name not in OF_OTHERS}
    return {**settings, **_flat(finer, "load."), **_flat(rest)}


def _target(sample: Sample) -> dict[str, Any]:
    if sample.run.settings.get("simulated"):  # on ports that the system chose
        return {}
    written = (sample.run.scenario.get("targets") or {}).get(sample.target) or {}
    return {**_flat(written), "url": sample.run.targets[sample.target].url}


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{request: {path: x}}` as `{request.path: x}`, so that what differs is told and no more."""
    flat: dict[str, Any] = {}
    for name, value in data.items():
        key = f"{prefix}{name}"
        flat |= _flat(value, f"{key}.") if isinstance(value, Mapping) else {key: value}
    return flat


_FACTS: dict[str, Callable[[Sample], dict[str, Any]]] = {
    "different-scenario": _scenario,
    "different-target": _target,
    "different-client": lambda sample: {name: sample.run.environment.get(name) for name in CLIENT},
    "different-versions": lambda sample: {name: sample.run.environment.get(name) for name in VERSIONS},
}
