"""`result.json`, schema `vpcbench.result/1`: the figures of a run, as other programs read them.

Times are in milliseconds and their keys end in `_ms`; bytes are bytes; rates are per second. A figure that the run
cannot support is null. A quantile that reaches unanswered requests is null as well, and `at_least` says what it
cannot be less than.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmark.result.cost import Cost

SCHEMA = "vpcbench.result/1"
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")


class Figures(_Part):
    """A distribution of durations, in milliseconds."""

    mean: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    p99_9: float | None = Field(None, alias="p99.9")
    max: float | None = None
    at_least: dict[str, float] = Field({}, description="quantiles that reach unanswered requests")

    def get(self, name: str) -> float | None:
        """The figure by the name it has in the file: `p99.9`."""
        value: float | None = getattr(self, name.replace(".", "_"))
        return value


class Counts(_Part):
    """The account: scheduled = ok + failed + unsent, exactly."""

    scheduled: int
    ok: int
    failed: int
    unsent: int
    failures: dict[str, int]
    statuses: dict[str, int]


class Unmeasured(_Part):
    """Requests that were sent outside the measured part, so that a server's own log can be reconciled."""

    warmup: int
    probes: int


class Rates(_Part):
    """Requests per second of measured time: those that were due in it (open loop only), and of these answered well."""

    offered: float | None
    achieved: float


class Bytes(_Part):
    """HTTP bytes of the measured part, heads and bodies, per direction."""

    sent: int
    received: int


class Sizes(_Part):
    """How large answers were, in bytes of HTTP, head and body."""

    mean: float
    p50: float
    p90: float
    p99: float
    max: float


class Connections(_Part):
    """Connections of the measured part and its warm-ups, and reuses of one that the server had closed."""

    opened: int
    stale_reuses: int


class PerDirection(_Part):
    """Counts per direction."""

    sent: int
    received: int


class Network(_Part):
    """What the kernel saw of a target's connections; counts are of the measured parts."""

    rtt_ms: Figures = Field(description="each connection's shortest round trip, up to the first TCP proxy")
    connect_ms: Figures = Field(description="per new connection")
    retransmits: int = Field(description="segments that this end sent again")
    segments: PerDirection
    ip_bytes: PerDirection = Field(
        description="with TCP and IP headers, less the segments that close; what came twice counts once"
    )


Source = Literal["usage", "tokenizer", "chunks", "mixed"]


class Tokens(_Part):
    """Tokens of the streams that succeeded."""

    input: int | None
    output: int
    source: Source = Field(
        description="who counted the output: the service's usage, else a tokenizer, else we the chunks that carry tokens"
    )
    cached: int | None = Field(
        None, description="of the input, those that were in the service's cache; by usage"
    )
    short: int = Field(
        0, description="answers with fewer tokens than were asked for, where the length was fixed"
    )
    per_stream: float | None = Field(description="mean output tokens of an answer")
    per_chunk: float | None


class Goodput(_Part):
    """Streams within all of the scenario's limits."""

    limits: list[str]
    rate: float = Field(description="per second of measured time")
    share: float | None = Field(description="of all requests that were sent")


class StreamResult(_Part):
    """The streamed answers of a target.

    Unanswered requests rank as infinitely slow in all but itl and tpot; one that failed after its first token has a ttft.
    """

    ttft_ms: Figures = Field(description="first chunk that carries a token − sent")
    ttft_success_ms: Figures | None = Field(None, description="the same, of successes alone")
    ttft_from_due_ms: Figures = Field(description="first chunk that carries a token − due")
    first_answer_ms: Figures = Field(description="first chunk with content − sent")
    itl_ms: Figures = Field(description="gaps between chunks that carry tokens, pooled")
    tpot_ms: Figures = Field(description="(last − first token chunk) / (output tokens − 1), per request")
    e2e_ms: Figures = Field(description="last chunk that carries a token − sent")
    tokens: Tokens
    output_tokens_per_second: float = Field(description="in total, per second of measured time")
    stream_tokens_per_second: float | None = Field(description="mean over answers of output tokens / e2e")
    bytes_per_token: float | None = Field(description="HTTP bytes received, per output token")
    goodput: Goodput | None = None
    streams: int = Field(description="answers that succeeded")
    tokenless: int = Field(description="of these, answers in which no chunk carried a token")
    unreadable: int = Field(description="events whose data were no JSON object")


class WholeAnswers(_Part):
    """A model's answers that came whole: what their usage tells."""

    answers: int
    told: int = Field(description="of these, answers that tell their usage")
    input: int
    output: int
    cached: int | None = Field(description="of the input, those that were in the service's cache")
    output_tokens_per_second: float = Field(description="in total, per second of measured time")


class TurnResult(_Part):
    """One turn of the conversations."""

    turn: int = Field(description="1 is the first; the last may stand for all that follow it, too")
    streams: int
    ttft_ms: Figures = Field(description="of answers that succeeded")


class Conversations(_Part):
    """Requests of which the next waits for the last one's answer."""

    turns: list[TurnResult] = Field(description="of streamed answers; none where they are not")
    unbegun: int = Field(
        description="turns that were not begun, and so not scheduled, because an earlier one had failed"
    )


class InstanceResult(_Part):
    """One instance of a service that was called directly, over the measured parts."""

    address: str
    weight: int = Field(description="as it was listed last")
    listed: bool = Field(description="whether it still was, at the end")
    answered: int
    failed: int


class ListChange(_Part):
    """Another list of instances than the one before."""

    after_s: float = Field(description="since the first list")
    joined: list[str]
    left: list[str]
    reweighted: list[str]


class Direct(_Part):
    """A target whose instances were called directly, and what became of their list."""

    url: str = Field(description="where the list was asked for")
    poll_s: float
    polls: int
    failed_polls: int = Field(description="after which the last list was kept")
    last_problem: str = Field(description="of the poll that failed last")
    changes: list[ListChange]
    instances: list[InstanceResult]


class TargetResult(_Part):
    """One target over all of its sound rounds; `counts` covers flawed rounds too."""

    url: str
    addresses: list[str]
    rounds: int
    counts: Counts
    unmeasured: Unmeasured
    rate: Rates
    response_ms: Figures = Field(
        description="done − due, of successes, with the unanswered as infinitely slow"
    )
    success_ms: Figures = Field(description="done − due, of successes alone")
    service_ms: Figures = Field(description="done − taken − pool wait, of successes")
    lateness_ms: Figures = Field(description="taken − due: the generator's own delay")
    phases_ms: dict[str, Figures] = Field(description="per exchange; zero where a phase was not paid")
    handshakes_ms: dict[str, Figures] = Field(
        description="per new connection, most of them opened in warm-ups"
    )
    bytes: Bytes
    response_bytes: Sizes | None = Field(None, description="of successes; null: there were none")
    connections: Connections
    network: Network | None = Field(None, description="null where the kernel does not tell")
    stream: StreamResult | None = None
    whole: WholeAnswers | None = None
    conversations: Conversations | None = None
    direct: Direct | None = Field(None, description="null where an address was called")
    notes: list[str] = []


class Estimate(_Part):
    """A value with its confidence interval; null where the run cannot support it."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Metric(_Part):
    """One metric of two targets. Times in milliseconds; difference = candidate − baseline, ratio = candidate / baseline."""

    metric: str = Field(description="response.p50, response.mean, …")
    baseline: float | None
    candidate: float | None
    primary: bool
    difference: Estimate
    ratio: Estimate
    enough_data: bool
    withheld: str | None = Field(None, description="why there is no figure, or no interval")
    widened_ms: float | None = Field(
        None,
        description="by how much each end of the difference's interval was moved, for the generator was late",
    )


class Comparison(_Part):
    """A candidate beside the baseline."""

    baseline: str
    candidate: str
    confidence: float = Field(description="of the primary metric alone")
    others: float | None = Field(
        None, description="of each other row, breakdowns' too: all of them together have that of the primary"
    )
    rounds: int
    metrics: list[Metric]
    remarks: list[str] = Field([], description="what a reader must know before quoting a figure")

    @property
    def primary(self) -> Metric:
        """The metric of the headline."""
        return next(metric for metric in self.metrics if metric.primary)


class BreakdownRow(_Part):
    """A part of the mean exchange, in milliseconds."""

    phase: str = Field(
        description="pool, dns, connect, tls, send (large requests), network, server (gateway and queueing too), transfer, rest; "
        "where requests are over 10 KiB upload_and_server; where the round trip is not known wait"
    )
    baseline: float
    candidate: float
    difference: Estimate


class TailBreakdown(_Part):
    """The exchanges around each target's own quantile, by bands of response time, in their parts."""

    quantile: str
    baseline: int = Field(description="exchanges that are in it")
    candidate: int
    total: BreakdownRow
    rows: list[BreakdownRow]


class Breakdown(_Part):
    """Why two targets differ: means per success, whose rows add up to the total."""

    baseline: str
    candidate: str
    confidence: float
    rounds: int
    total: BreakdownRow
    rows: list[BreakdownRow]
    withheld: str | None = Field(None, description="why the difference may not be claimed")
    tail: TailBreakdown | None = Field(None, description="the same around p99; null: too few exchanges")


class Breach(_Part):
    """A stretch of a round in which windows overlap that break an objective, and the worst of them."""

    round: int = Field(description="counted from 1")
    at_s: float = Field(description="where it begins, in seconds since the run's first request was due")
    begin_s: float = Field(description="of the stretch, in seconds since the round's measured part began")
    end_s: float
    windows: int = Field(description="that break it there")
    worst_begin_s: float = Field(description="of the worst window")
    worst_end_s: float
    measured: float | None = Field(description="in the worst window; null where it reaches the unanswered")
    said: str
    over: float | None = Field(description="by what share of the limit it was missed there")
    generator_late: bool = Field(False, description="the generator's own lateness is a large part of it")


class Windows(_Part):
    """An objective's windows over all rounds of a target: they overlap, in steps of a part of their length."""

    seconds: float
    judged: int
    broken: int
    thin: int = Field(description="with fewer exchanges than a verdict needs")
    breaches: list[Breach] = Field([], description="the worst of each stretch, in order; the first hundred")


class ObjectiveResult(_Part):
    """One objective on one target."""

    objective: str
    target: str
    met: bool
    decided: bool = Field(
        True, description="false: whether it was met or missed cannot be told, and `met` is false"
    )
    measured: float | None = Field(
        description="in the objective's unit: ms, share or per second; null: no figure"
    )
    said: str = Field(description="the measured value for people")
    windows: Windows | None = Field(None, description="of an objective that holds in every window")


class Precision(_Part):
    """How well the primary metric is known, where a precision was asked for. Shares are of the figure or ratio."""

    baseline: str | None = Field(
        description="null: a target's own figure is meant, not its ratio to another's"
    )
    target: str
    metric: str
    asked: float
    reached: float | None = Field(description="null: there is no interval")
    rounds: int
    pilot: int = Field(description="rounds whose spread said how many there were to be")
    needed: int | None = Field(
        description="rounds, by the pilot; null: it is not whole, or rounds are too thin for a figure each"
    )
    most: int = Field(description="rounds that were allowed")
    interval_ms: Estimate = Field(description="of a target that is compared with nothing")


VerdictStatus = Literal["pass", "fail", "invalid", "interrupted"]
VerdictCode = Literal[
    "process-lost",
    "interrupted",
    "not-measured",
    "machine-exhausted",
    "rounds-unusable",
    "generator-late",
    "generator-limit",
    "gateway-limit",
    "aborted",
    "unreachable",
    "no-good-answer",
    "failures",
    "objective-missed",
    "objective-undecided",
]


class Verdict(_Part):
    """Whether the objectives were met, and whether the run can be believed at all."""

    status: VerdictStatus
    reasons: list[str] = []
    codes: list[VerdictCode] = Field([], description="one for each reason, for programs to ask")

    @classmethod
    def of(cls, status: VerdictStatus, reasons: Sequence[tuple[VerdictCode, str]]) -> Verdict:
        """With the code and the sentence of each reason."""
        return cls(status=status, reasons=[said for _, said in reasons], codes=[code for code, _ in reasons])


class Worker(_Part):
    """One sending process, over all rounds. Seconds; zero where the system does not tell."""

    cpu_seconds: float = Field(description="of the measured parts")
    max_rss_bytes: int
    seconds: float = Field(description="that it was sending, warm-ups too: what the rest are of")
    run_queue_seconds: float = Field(description="ready to run, while other programs had its core")
    steal_seconds: float = Field(description="taken by the hypervisor, on all cores")
    gc_seconds: float = Field(description="collecting garbage")


class Generator(_Part):
    """The load generator's own health."""

    processes: int
    cpu_seconds: float
    max_rss_bytes: int
    lateness_ms: Figures
    loop_delay_ms: Figures = Field(
        default_factory=Figures,
        description="what answers waited for a turn of the loop that was longer than ordinary; max: the longest turn",
    )
    saturated: bool
    reasons: list[str] = []
    asked_rate: float | None = Field(None, description="requests per second that were due; open loop only")
    reached_rate: float | None = Field(None, description="those that were sent, over the time it took")
    workers: list[Worker] = []


class StreamLevel(_Part):
    """What the streams of one level come to."""

    ttft_ms: Figures
    tpot_ms: Figures
    output_tokens_per_second: float = Field(description="in total")
    stream_tokens_per_second: float | None = Field(description="mean over answers of output tokens / e2e")
    in_flight: float = Field(description="mean number of answers on their way, of those that succeeded")
    goodput: float | None = Field(description="share of requests within all of the scenario's limits")


class CapacityLevel(_Part):
    """One level of a capacity search, over all its trials."""

    rate: float = Field(description="requests per second, or connections")
    trials: int
    achieved: float = Field(description="successes per second")
    response_ms: Figures
    failures: float = Field(description="share of requests that failed")
    statuses: dict[str, int]
    stream: StreamLevel | None = None
    verdict: Literal["yes", "no", "open", "gateway", "generator"]


class Capacity(_Part):
    """The highest load that meets the objectives, over all levels tried."""

    unit: Literal["per second", "connections"]
    rate: Estimate = Field(description="in `unit`; no upper limit where nothing gave way")
    limited_by: Literal["latency", "failures", "queue", "gateway", "generator"] | None
    objective: str | None = Field(description="which gave way first")
    knee: float | None = Field(description="the level of most power, load over mean response")
    head_room: float | None = Field(description="the level to run at with 30 % to spare")
    background: float = Field(description="share of requests that break the objective at any load")
    slowed: float | None = Field(
        None, description="by what share levels answered slower when they were tried again; null: not shown"
    )
    finished: bool = Field(description="as precise as was asked, and not merely out of time")
    levels: list[CapacityLevel]


class SweepLevel(_Part):
    """One level of a sweep: a run of its own, with the same figures."""

    label: str
    values: dict[str, str] = Field(description="by key, as they were written")
    numbers: dict[str, float | None] = Field(description="the same in base units: per second, bytes, seconds")
    verdict: Verdict
    targets: dict[str, TargetResult]
    comparisons: list[Comparison]
    breakdown: list[Breakdown]
    objectives: list[ObjectiveResult]
    cost: Cost | None = None


class Asked(_Part):
    """What the scenario says of the load, per second and in seconds; null: it leaves that to us."""

    rate: float | None = None
    connections: int | None = None
    requests: int | None = Field(None, description="measured, per target")
    duration: float | None = Field(None, description="measured, per target")
    warmup: float | None = Field(None, description="before each round")
    rounds: int | None = None


class Planned(_Part):
    """What was announced, of each target."""

    measured: int = Field(description="requests")
    warmup: int = Field(description="requests")
    probes: int
    exact: bool = Field(description="false: the answers decide how many requests there are")
    rounds: int
    round: float | None = Field(
        description="seconds that a round is measured; null: as long as its requests take"
    )
    seconds: float = Field(description="that all targets take together")


class Done(_Part):
    """What was sent to a target."""

    measured: int = Field(description="requests, of rounds that are not used as well")
    warmup: int
    probes: int
    rounds: int


class Dose(_Part):
    """How much was asked for, planned and sent."""

    asked: Asked
    planned: Planned
    done: dict[str, Done]


class Result(_Part):
    """The whole of `result.json`."""

    schema_: str = Field(SCHEMA, alias="schema")
    name: str
    started_at: str
    finished_at: str
    scenario: dict[str, Any]
    settings: dict[str, Any]
    environment: dict[str, Any]
    verdict: Verdict
    targets: dict[str, TargetResult]
    comparisons: list[Comparison] = []
    breakdown: list[Breakdown] = []
    cost: Cost | None = Field(None, description="where an address is PAI-EAS's, or the scenario gives prices")
    objectives: list[ObjectiveResult] = []
    precision: list[Precision] = []
    capacity: dict[str, Capacity] | None = None
    sweep: list[SweepLevel] | None = None
    generator: Generator
    dose: Dose | None = Field(
        None, description="null: an earlier version made the run, or it is a search or a sweep"
    )
    notes: list[str] = []

    def to_json(self) -> str:
        """The file's text."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"
