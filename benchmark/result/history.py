"""What `vpcbench history --json` writes, schema `vpcbench.history/1`: the runs of a scenario over time."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from benchmark.result.model import Estimate

HISTORY_SCHEMA = "vpcbench.history/1"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")


class PastRun(_Part):
    """One run's figure."""

    folder: str
    started_at: str
    status: str
    value: float | None = Field(description="of the metric: milliseconds, or a share of requests")
    left_out: str | None = Field(description="why the trend leaves it out; null: it is in it")


class Trend(_Part):
    """How a figure changes with time; runs close together are one sample."""

    change: Estimate = Field(description="from the first sample to the last, as a share of the first; fitted")
    confidence: float = Field(
        description="of the interval: higher than a run's, for a history is looked at often"
    )
    samples: int
    days: float
    told: bool = Field(description="whether the interval leaves out no change")
    reason: str | None = Field(None, description="why there is no interval")


class TargetHistory(_Part):
    """A target of the scenarios of one name."""

    name: str
    target: str
    metric: str
    runs: list[PastRun]
    trend: Trend


class History(_Part):
    """The whole of it."""

    schema_: str = Field(HISTORY_SCHEMA, alias="schema")
    histories: list[TargetHistory]

    def to_json(self) -> str:
        """The text."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
