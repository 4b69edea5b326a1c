"""What `vpcbench diff --format json` writes, schema `vpcbench.diff/1`: runs beside runs.

Times are in milliseconds, shares are shares, rates are per second, as in `result.json`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmark.result.model import Metric

DIFF_SCHEMA = "vpcbench.diff/1"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")


class DiffSide(_Part):
    """The runs of one side."""

    runs: list[str] = Field(description="their folders, in the order in which they began")
    target: str


class Difference(_Part):
    """A target beside another, or beside itself at another time."""

    base: DiffSide
    new: DiffSide
    sample: Literal["occasions", "turns", "pairs of runs", "pairs of rounds"] = Field(
        description="what was counted as one"
    )
    samples: tuple[int, int] = Field(description="how many, of the base side and of the new one")
    assumed_spread: float | None = Field(
        None,
        description="by what share occasions are assumed to differ (standard deviation), where there are too few to "
        "measure it: intervals then rest on it, and there is no verdict; null: nothing is assumed",
    )
    confidence: float
    metrics: list[Metric] = Field(description="baseline: the base side, candidate: the new one")
    lost_the_rate: bool = Field(
        False, description="no run of the new side held the rate that all others held"
    )
    remarks: list[str] = []


class Ruling(_Part):
    """What became of one `--fail-if`."""

    rule: str
    target: str
    verdict: Literal["breached", "kept", "cannot tell"]
    said: str = Field(description="why, for people")


class Diff(_Part):
    """The whole of it."""

    schema_: str = Field(DIFF_SCHEMA, alias="schema")
    differences: list[Difference]
    rulings: list[Ruling] = []
    vantage_points: list[str] = Field(
        [], description="what is unlike about the places; empty: it was one place"
    )
    allowed: list[str] = Field([], description="what must match, did not, and was allowed")

    def to_json(self) -> str:
        """The text."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
