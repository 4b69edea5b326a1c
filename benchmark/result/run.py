"""What is kept of a run: the recordings of every round and what they were made with, from which every figure follows.

A `Run` is plain data and recordings: it serialises whole, and holds no figure that could be computed from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from benchmark.measure.recording import Recording, merged

STOPPED = "the run was stopped during it"


@dataclass(frozen=True)
class TargetInfo:
    """A target as it was found: where it answers, and what the first request saw."""

    url: str
    addresses: tuple[str, ...] = ()
    verify_tls: bool = True
    notes: tuple[str, ...] = ()  # what the preflight found worth telling


@dataclass(frozen=True)
class Round:
    """One target under load once, over connections of its own."""

    target: str
    number: int  # rounds of one number are a pair: the same due times and payloads
    warmup: float  # seconds, before `measured`
    measured: float  # seconds
    recording: Recording
    addresses: tuple[str, ...] = ()
    unmeasured: int = 0  # requests sent in the warm-up
    cpu_seconds: float = 0.0  # of the generator, over the measured part, without polling
    level: float | None = None  # of a search: requests per second, or connections
    seconds: float = 0.0  # of a search: all that it took, with warming up and cooling down
    flaw: str = ""  # why the round is not used in figures; it stays in the account
    stopped: bool = False  # before its end: `measured` is what took place, and what was due later is unsent

    @property
    def asked(self) -> Recording:
        """The recording that figures are made of: what was due after the user had stopped the run was nobody's fault."""
        return self.recording.sent() if self.stopped else self.recording

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file."""
        return {**_fields(self), "recording": self.recording.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Round:
        """The inverse of `to_dict`."""
        return cls(
            **{
                **data,
                "addresses": tuple(data["addresses"]),
                "recording": Recording.from_dict(data["recording"]),
            }
        )


@dataclass
class Run:
    """Everything that a results folder keeps of a run."""

    name: str
    started_at: str  # ISO 8601, UTC
    scenario: dict[str, Any]  # as written, secrets redacted
    settings: dict[
        str, Any
    ]  # what the figures depend on, resolved: open_loop, rate, rounds, confidence, timeout, …
    targets: dict[str, TargetInfo]
    environment: dict[str, Any] = field(default_factory=dict)
    finished_at: str = ""
    rounds: list[Round] = field(default_factory=list)
    probes: dict[str, int] = field(
        default_factory=dict
    )  # requests sent before and between rounds, per target
    generator: dict[str, Any] = field(default_factory=dict)  # processes, cpu_seconds, max_rss_bytes
    interrupted: str = ""  # why the run ended early
    aborted: str = ""  # which objective ended the run early, being broken for good
    lost: str = ""  # how a sending process was lost, which no figure survives
    notes: list[str] = field(default_factory=list)
    discovered: dict[str, Any] = field(default_factory=dict)  # of direct targets: what became of their lists

    @property
    def blocks(self) -> bool:
        """Whether each round is a block of exchanges, one at a time, whose targets take turns."""
        return bool(self.settings.get("blocks"))

    @property
    def closed_loop(self) -> bool:
        """Whether an answer makes the next request due."""
        return not self.settings["open_loop"] and not self.blocks

    def heading(self) -> dict[str, Any]:
        """What every result says of its run, whatever it makes of the figures."""
        repeated = ("name", "started_at", "finished_at", "scenario", "settings", "environment", "notes")
        return {name: getattr(self, name) for name in repeated}

    def used(self, target: str) -> list[Recording]:
        """The recordings that figures are made of: of sound rounds, in order."""
        return [r.asked for r in self.rounds if r.target == target and not r.flaw]

    def account(self, target: str) -> Recording:
        """All that was sent to a target in measured parts, flawed rounds too."""
        return merged([r.recording for r in self.rounds if r.target == target])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file."""
        targets = {name: asdict(info) for name, info in self.targets.items()}
        return {**_fields(self), "targets": targets, "rounds": [r.to_dict() for r in self.rounds]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Run:
        """The inverse of `to_dict`."""
        targets = {
            name: TargetInfo(**{**kept, "addresses": tuple(kept["addresses"]), "notes": tuple(kept["notes"])})
            for name, kept in data["targets"].items()
        }
        return cls(
            **{**data, "targets": targets, "rounds": [Round.from_dict(kept) for kept in data["rounds"]]}
        )


def set_aside(rounds: Sequence[Round]) -> list[Round]:
    """The rounds, less for figures those of a pair that was stopped: unless it was the first, for want of better."""
    stopped = {each.number for each in rounds if each.stopped and each.number}
    return [replace(each, flaw=each.flaw or STOPPED) if each.number in stopped else each for each in rounds]


def _fields(instance: Round | Run) -> dict[str, Any]:
    return dict(vars(instance))
