"""What to ask, whom, how often and for how long: a scenario, as frozen models.

A scenario is valid once it exists. Durations are seconds, rates per second, sizes bytes. Field by field
this is also the reference: the descriptions become the JSON Schema that editors show. Rules between fields
hang on the later of the fields, so that one bad value never hides another.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from benchmark.scenario.data import Data
from benchmark.scenario.direct import Direct
from benchmark.scenario.fields import (
    LARGEST_WHOLE,
    MOST_CONNECTIONS,
    MOST_PROCESSES,
    MOST_ROUNDS,
    Address,
    Burstiness,
    Confidence,
    Duration,
    DurationOrZero,
    Headers,
    Method,
    Name,
    Path,
    Precision,
    Rate,
    Size,
    TargetName,
    Token,
    Url,
    Weight,
    expected,
    json_problem,
)
from benchmark.scenario.goodput import EXAMPLES as STREAM_EXAMPLES
from benchmark.scenario.goodput import StreamLimit, parse_stream_limit
from benchmark.scenario.objective import Objective
from benchmark.scenario.objectives import Objectives, check_target
from benchmark.scenario.part import Part, given
from benchmark.scenario.prices import Prices
from benchmark.scenario.prompts import Prompts, PromptSource
from benchmark.scenario.trace import ReplayOf

PILOT = 10  # rounds, at least, whose spread says how many a precision takes

TlsFile = Annotated[str | None, Field(min_length=1)]

StreamName = Literal[
    "openai",
    "responses",
    "anthropic",
    "cohere",
    "dashscope",
    "tgi",
    "ollama",
    "llamacpp",
    "gemini",
    "triton",
    "events",
    "chunks",
]  # the dialects of streamed answers
Allowance = Literal["different-schemes", "same-address", "different-payloads"]

BODIES = ("body", "body_file", "json", "bytes")


_NOT_GIVEN: Any = object()  # in place of a url: nothing that a scenario could hold


def _url_or_direct(schema: dict[str, Any]) -> None:
    """A target has either, which its fields alone would not tell an editor."""
    schema["oneOf"] = [{"required": ["url"]}, {"required": ["direct"]}]


class Target(Part):
    """An address that is called, or a service whose instances are."""

    model_config = ConfigDict(json_schema_extra=_url_or_direct)

    direct: Direct | None = Field(
        None,
        description="Calls the service's instances at their own ip:port, past any gateway. Takes the place of url.",
    )
    url: Url = Field(
        default_factory=lambda: _NOT_GIVEN,
        validate_default=True,
        description="Where requests go, http:// or https://; a request's path is appended.",
    )
    token: Token | None = Field(
        None,
        description="Sent as it is in the Authorization header. Take it from the environment: ${EAS_TOKEN}.",
    )
    bearer: bool = Field(False, description="Send the token as `Bearer <token>`.")
    headers: Headers = Field(
        {}, description="Headers of every request to this target; they win over the request's."
    )
    path: Path | None = Field(None, description="Appended to the url in place of the request's path.")
    query: dict[str, str] = Field({}, description="Query parameters added to the request's.")
    verify_tls: bool = Field(True, description="Check the server's certificate.")
    ca_file: TlsFile = Field(None, description="Certificates (PEM) to trust in place of the system's.")
    cert_file: TlsFile = Field(None, description="The certificate (PEM) by which to be known to the server.")
    key_file: TlsFile = Field(
        None, description="Its key (PEM), where the certificate's file does not hold it."
    )
    resolve: Address | None = Field(None, description="An IP address to connect to, instead of asking DNS.")
    family: Literal["ipv4", "ipv6"] | None = Field(
        None, description="Use only the addresses of this kind that DNS has. Default: both."
    )
    proxy: Url | Literal["environment"] | None = Field(
        None,
        description="The URL of an HTTP proxy, or `environment` for what HTTP_PROXY and the like say. "
        "Goes with transport: aiohttp.",
    )

    @field_validator("url", mode="before")
    @classmethod
    def _url_or_direct(cls, url: Any, info: ValidationInfo) -> Any:
        """A direct target's is made here: the name that its instances go by, and the path that EAS gives them."""
        if not given(info, "direct"):
            if url is _NOT_GIVEN:
                raise PydanticCustomError("missing", "this key is missing")
            return url
        if url is not _NOT_GIVEN:
            raise ValueError("there is direct already; a target has one of the two")
        direct = info.data.get("direct")
        if direct is None:
            return "http://unknown"  # it is wrong, which is told
        return f"http://{urlsplit(direct.address).netloc}/api/predict/{direct.service}"

    @field_validator("key_file")
    @classmethod
    def _key_of_a_certificate(cls, key: str | None, info: ValidationInfo) -> str | None:
        if key is not None and not given(info, "cert_file"):
            raise ValueError("there is no cert_file that this key is for; add one")
        return key

    @field_validator("resolve", "proxy")
    @classmethod
    def _one_way(cls, way: str | None, info: ValidationInfo) -> str | None:
        if way is not None and given(info, "direct"):
            raise ValueError(
                f"direct calls instances at the addresses of its list; leave {info.field_name} out"
            )
        return way

    @field_validator("bearer")
    @classmethod
    def _bearer_of_a_token(cls, bearer: bool, info: ValidationInfo) -> bool:
        if bearer and not given(info, "token"):
            raise ValueError("there is no token to send as Bearer; add one")
        if bearer and str(info.data.get("token")).lower().startswith("bearer "):
            raise ValueError("the token already begins with Bearer; set one of the two")
        return bearer

    @field_validator("headers")
    @classmethod
    def _one_credential(cls, headers: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if given(info, "token") and any(name.lower() == "authorization" for name in headers):
            raise ValueError("both token and an Authorization header are given; keep one")
        return headers


def _as_tuple(values: Any) -> Any:
    """Lists become tuples, so that a scenario cannot change; nothing else does."""
    return tuple(values) if isinstance(values, list) else values


def _at_least_one(values: Any) -> Any:
    """Checked after the items, where pydantic's own min_length would count a wrong item as none."""
    if not values:
        raise expected("at least one")
    return values


def _one_or_more(value: Any) -> Any:
    """A single number is a list of one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value,)
    if not isinstance(value, list | tuple):
        raise expected("a status, like 200, or a list of them")
    return tuple(value)


_STATUS_SCHEMA = {"type": "integer", "minimum": 200, "maximum": 599}

Status = Annotated[int, Field(ge=200, le=599)]
Statuses = Annotated[
    tuple[Status, ...],
    AfterValidator(_at_least_one),
    BeforeValidator(_one_or_more),
    WithJsonSchema({"anyOf": [_STATUS_SCHEMA, {"type": "array", "items": _STATUS_SCHEMA, "minItems": 1}]}),
]


class Expect(Part):
    """Which answers count as a success."""

    status: Statuses | None = Field(
        None, description="A status, or a list of them. Without it, any status below 400 is a success."
    )
    body_contains: str | None = Field(
        None, min_length=1, description="Text that the body of a success has in its first MiB."
    )

    @property
    def accepted(self) -> frozenset[int] | None:
        """The statuses that count as a success; None: any below 400."""
        return None if self.status is None else frozenset(self.status)

    def accepts(self, status: int) -> bool:
        """Whether an answer of this status is a success."""
        return status < 400 if self.accepted is None else status in self.accepted


class Request(Part):
    """What is sent, and what is expected back."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {
                "anyOf": [
                    {"required": [one, other]} for at, one in enumerate(BODIES) for other in BODIES[at + 1 :]
                ]
            }
        }
    )

    name: Name | None = Field(None, description="What reports call this request.")
    weight: Weight = Field(1, description="How often it is sent, relative to the other requests.")
    path: Path | None = Field(
        None, description="Appended to the target's url.", examples=["v1/chat/completions"]
    )
    query: dict[str, str] = Field({}, description="Query parameters.")
    headers: Headers = Field({}, description="Headers of this request.")
    body: str | None = Field(None, description="The body, as text (sent as UTF-8).")
    body_file: str | None = Field(
        None, min_length=1, description="A file that holds the body, in the scenario's folder."
    )
    json_: Any = Field(
        None,
        alias="json",
        description="The body, as data: sent as compact JSON, with Content-Type: application/json.",
    )
    bytes_: Size | None = Field(
        None, alias="bytes", description="A generated body of this size: random bytes, the same in every run."
    )
    prompts: PromptSource | None = Field(
        None, description="What a model is asked, added to json: a list of texts, a file, or synthetic ones."
    )
    method: Method = Field(
        None,
        validate_default=True,
        description="The HTTP method. Default: POST when there is a body, else GET.",
    )
    stream: bool | StreamName | None = Field(
        None,
        description="The answer is a stream of tokens: true also asks for one, and for its usage, in a json body. "
        "Which API streams it is told by its events, or named here; `events` are any server-sent events, `chunks` any "
        'answer that comes in pieces. Default: whether the body says `"stream": true`.',
    )
    pin: bool = Field(
        True,
        description="Add to a model's request what makes its answers alike and counted: usage of streams "
        "(stream_options.include_usage); with prompts, max_tokens and temperature: 0. false: it is sent as it is written.",
    )
    expect: Expect = Field(default_factory=Expect, description="Which answers to it count as a success.")
    timeout: Duration = Field(
        "30s", validate_default=True, description="How long a request may take before it counts as failed."
    )
    connect_timeout: Duration | None = Field(
        None, description="How much of that a new connection may take: DNS, TCP and TLS. Default: all of it."
    )

    max_head: Size = Field(
        "64KiB",
        validate_default=True,
        description="How long an answer's head may be; a longer one is a failure.",
    )
    max_body: Size = Field(
        "1GiB",
        validate_default=True,
        description="How long an answer's body may be; a longer one is a failure.",
    )
    follow_redirects: bool | tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        False,
        description="Follow redirects, all in one exchange: on the target's own host, and to hosts that are named here. "
        "Goes with transport: aiohttp.",
    )

    @field_validator("body_file", "json_", "bytes_")
    @classmethod
    def _one_body(cls, value: Any, info: ValidationInfo) -> Any:
        earlier = given(
            info, *("body", "body_file", "json_", "bytes_")[: _BODY_FIELDS.index(str(info.field_name))]
        )
        if value is not None and earlier:
            raise ValueError(f"there is {earlier[0].rstrip('_')} already; a request has one body")
        return value

    @field_validator("json_")
    @classmethod
    def _is_json(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("nothing would be sent; for the JSON text null write body: 'null'")
        if problem := json_problem(value):
            raise ValueError(problem)
        return value

    @field_validator("prompts")
    @classmethod
    def _beside_json(cls, prompts: Prompts | None, info: ValidationInfo) -> Prompts | None:
        if prompts is None:
            return None
        if other := given(info, "body", "body_file", "bytes_"):
            raise ValueError(f"prompts are added to json; there is {other[0].rstrip('_')} instead")
        body = info.data.get("json_")
        if body is not None and not isinstance(body, dict):
            raise ValueError("prompts are added to json, which must be a mapping for that")
        if taken := [key for key in ("messages", "prompt", "input") if key in (body or {})]:
            raise ValueError(f"prompts take the place of json.{taken[0]}; keep one")
        return prompts

    @field_validator("method", mode="before")
    @classmethod
    def _default_method(cls, method: Any, info: ValidationInfo) -> Any:
        return method if method is not None else ("POST" if given(info, *_BODY_FIELDS, "prompts") else "GET")


_BODY_FIELDS = ("body", "body_file", "json_", "bytes_")


class Stage(Part):
    """A stretch of the load: a ramp `{to: 500/s, over: 1m}`, a jump `{to: 500/s}`, or `{hold: 5m}`."""

    to: Rate | None = Field(None, description="The rate at the stage's end. Without `over`, at once.")
    connections: int | None = Field(
        None,
        ge=1,
        le=MOST_CONNECTIONS,
        description="The same of a load of connections: how many there are at the stage's end.",
    )
    over: Duration | None = Field(None, description="How long the way there takes, in a straight line.")
    hold: Duration | None = Field(None, validate_default=True, description="How long the load stays.")

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return (self.over or 0.0) + (self.hold or 0.0)

    @field_validator("connections")
    @classmethod
    def _either(cls, connections: int | None, info: ValidationInfo) -> int | None:
        if connections is not None and given(info, "to"):
            raise ValueError("a stage goes either to a rate or to a number of connections")
        return connections

    @field_validator("over")
    @classmethod
    def _over_to(cls, over: float | None, info: ValidationInfo) -> float | None:
        if over is not None and not given(info, "to", "connections"):
            raise ValueError("over goes with to, as in {to: 500/s, over: 1m}")
        return over

    @field_validator("hold")
    @classmethod
    def _to_or_hold(cls, hold: float | None, info: ValidationInfo) -> float | None:
        if hold is None and not given(info, "to", "connections"):
            raise ValueError("a stage is {to: 500/s, over: 1m}, {to: 500/s} or {hold: 5m}")
        return hold


Stages = Annotated[
    tuple[Stage, ...],
    AfterValidator(_at_least_one),
    BeforeValidator(_as_tuple),
    Field(json_schema_extra={"minItems": 1}),
]


PACES = ("rate", "replay", "connections")


class Load(Part):
    """How much is sent, and for how long: an open loop at a rate, or a closed loop of connections.

    Where nothing sets a pace, it comes from how long a few first answers take.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["rate"], "not": {"required": ["think"]}},
                {
                    "required": ["replay"],
                    "not": {"anyOf": [{"required": ["arrivals"]}, {"required": ["think"]}]},
                },
                {
                    "required": ["connections"],
                    "not": {"anyOf": [{"required": ["arrivals"]}, {"required": ["max_connections"]}]},
                },
                {"not": {"anyOf": [{"required": [key]} for key in (*PACES, "stages", "think")]}},
            ]
        }
    )

    rate: Rate | None = Field(
        None, description="Requests per second, sent on time whether or not answers come."
    )
    replay: ReplayOf | None = Field(
        None,
        description="A trace of real traffic, whose requests are sent when they came. Takes the place of rate.",
    )
    connections: int | None = Field(
        None,
        ge=1,
        le=MOST_CONNECTIONS,
        validate_default=True,
        description="Connections that each send the next request once answered.",
    )
    stages: Stages | None = Field(
        None,
        description="How the rate, or the number of connections, changes from there, in every round: its measured part "
        "is all stages, so no duration stands beside them.",
    )
    arrivals: Literal["constant", "poisson", "gamma"] = Field(
        "constant",
        description="Evenly spaced, at random like independent callers, or in bursts. Goes with rate.",
    )
    burstiness: Burstiness | None = Field(
        None,
        validate_default=True,
        description="Of gamma arrivals: below 1 is burstier than Poisson, 1 is Poisson, above is more even.",
    )
    max_connections: int = Field(
        1024,
        ge=1,
        le=MOST_CONNECTIONS,
        description="How many connections may be open at once; past that, requests wait. Goes with rate.",
    )
    think: Duration | None = Field(
        None, description="A pause between an answer and the next request. Goes with connections."
    )
    requests: int | None = Field(
        None,
        ge=1,
        description="How many requests are measured per target, divided over the rounds. Takes the place of duration.",
    )
    duration: Duration = Field(
        "20s", validate_default=True, description="Measured time per target, divided over the rounds."
    )
    warmup: DurationOrZero | None = Field(
        None,
        description="Unmeasured time before each round's measured part; may be 0s. Default: an exchange for each connection, "
        "and at most a fifth of what is sent.",
    )

    @property
    def paced(self) -> bool:
        """Whether it says how fast requests are sent."""
        return any(getattr(self, pace) is not None for pace in PACES)

    @property
    def timed(self) -> bool:
        """Whether it says for how long."""
        return "duration" in self.model_fields_set

    def round_seconds(self, rounds: int) -> float | None:
        """How long each of so many rounds is measured; None: that depends on a trace, or on what is answered."""
        if self.stages:
            return math.fsum(stage.seconds for stage in self.stages)
        if self.requests is not None:
            return self.requests / rounds / self.rate if self.rate else None
        if self.replay is not None and not self.timed:
            return None
        return self.duration / rounds

    @field_validator("replay")
    @classmethod
    def _one_schedule(cls, replay: ReplayOf | None, info: ValidationInfo) -> ReplayOf | None:
        if replay is not None and given(info, "rate"):
            raise ValueError("there is a rate already; a trace sets the pace")
        return replay

    @field_validator("connections")
    @classmethod
    def _one_pace(cls, connections: int | None, info: ValidationInfo) -> int | None:
        if connections is not None and info.data.get("replay") is not None:
            raise ValueError("there is a trace to replay already; a load has one pace")
        rate = bool(given(info, "rate", "replay"))
        if rate and connections is not None:
            raise ValueError("there is a rate already; a load has either rate or connections")
        return connections

    @field_validator("stages")
    @classmethod
    def _of_its_pace(cls, stages: tuple[Stage, ...] | None, info: ValidationInfo) -> tuple[Stage, ...] | None:
        if stages is None:
            return stages
        if info.data.get("replay") is not None:
            raise ValueError("there is a trace to replay, which sets the pace; leave stages out")
        if "rate" in info.data and not given(info, "rate", "connections"):
            raise ValueError("stages begin at a rate; give one, like rate: 20/s")
        if info.data.get("rate") is not None and any(stage.connections for stage in stages):
            raise ValueError("the load has a rate, so its stages go to one, like {to: 500/s, over: 1m}")
        if info.data.get("connections") is not None and any(stage.to for stage in stages):
            raise ValueError(
                "the load is one of connections, and so are its stages, like {connections: 50, over: 30s}"
            )
        if not any(stage.seconds for stage in stages):
            raise ValueError("the stages take no time; let one be held, or go over a while")
        return stages

    @field_validator("arrivals", "max_connections")
    @classmethod
    def _of_a_rate(cls, value: Any, info: ValidationInfo) -> Any:
        if "connections" in info.data and given(info, "connections"):
            raise ValueError(f"{info.field_name} goes with rate, not with connections; leave it out")
        if "replay" in info.data and given(info, "replay") and info.field_name == "arrivals":
            raise ValueError("arrivals goes with rate; a trace has its own")
        return value

    @field_validator("burstiness")
    @classmethod
    def _of_gamma(cls, burstiness: float | None, info: ValidationInfo) -> float | None:
        arrivals = info.data.get("arrivals")
        if burstiness is None and arrivals == "gamma":
            raise ValueError("gamma arrivals need their burstiness, like burstiness: 0.5")
        if burstiness is not None and arrivals not in {"gamma", None}:
            raise ValueError("burstiness goes with arrivals: gamma")
        return burstiness

    @field_validator("think")
    @classmethod
    def _of_connections(cls, value: Any, info: ValidationInfo) -> Any:
        if "connections" in info.data and not given(info, "connections") and value is not None:
            raise ValueError("think goes with connections, not with rate; leave it out")
        return value

    @model_validator(mode="after")
    def _one_length(self) -> Load:
        if self.stages and "duration" in self.model_fields_set:
            raise ValueError("stages say how long a round is measured; leave duration out")
        if self.requests is not None and self.timed:
            raise ValueError("there is a duration already; a load ends after a time or a number of requests")
        if self.requests is not None and (self.stages or self.replay):
            raise ValueError(
                "requests goes with rate or connections; stages and a trace say how many there are"
            )
        return self


def _read_stream_limit(text: Any) -> StreamLimit:
    if not isinstance(text, str):
        raise expected(f"text, like {STREAM_EXAMPLES[0]!r}")
    return parse_stream_limit(text)


_StreamLimitText = Annotated[
    StreamLimit,
    BeforeValidator(_read_stream_limit),
    WithJsonSchema({"type": "string", "examples": list(STREAM_EXAMPLES)}),
]

Targets = Annotated[
    dict[TargetName, Target], AfterValidator(_at_least_one), Field(json_schema_extra={"minProperties": 1})
]
Requests = Annotated[
    tuple[Request, ...],
    AfterValidator(_at_least_one),
    BeforeValidator(_as_tuple),
    Field(json_schema_extra={"minItems": 1}),
]
Goodput = Annotated[tuple[_StreamLimitText, ...], BeforeValidator(_as_tuple)]
Allowances = Annotated[tuple[Allowance, ...], BeforeValidator(_as_tuple)]


MOST_LEVELS = 100
_UNSWEPT = {"name", "sweep", "targets", "processes", "tokenizer"}  # keys that all levels have in common


def sweep_problem(sweep: Any) -> str | None:
    """What is wrong with the shape of a sweep, in words; None when nothing is."""
    if not isinstance(sweep, dict) or not sweep:
        return "a sweep is a mapping of keys to lists of values, like {load.rate: [100/s, 500/s]}"
    for key, values in sweep.items():
        if not isinstance(key, str) or not all(key.split(".")):
            return "a sweep's keys are spelled with dots, like load.rate, request.bytes or load.connections"
        if key in _UNSWEPT:
            return f"{key} is the same at all levels"
        if not isinstance(values, list | tuple) or not values:
            return f"{key} needs a list of values, like [100/s, 500/s]"
        if any(value in values[:at] for at, value in enumerate(values)):
            return f"a value of {key} is given twice; a level is measured once"
    levels = math.prod(len(values) for values in sweep.values())
    if levels > MOST_LEVELS:
        return f"these are {levels:,} levels; at most {MOST_LEVELS} are swept"
    return None


def _check_sweep(sweep: Any) -> Any:
    if problem := sweep_problem(sweep):
        raise ValueError(problem)
    return sweep


_SWEEP_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"type": "array", "minItems": 1},
    "examples": [{"load.rate": ["100/s", "500/s"]}],
}


class Scenario(Part):
    """A whole experiment: the same requests to each target, in turn, round after round."""

    model_config = ConfigDict(
        title="vpcbench scenario", json_schema_extra={"not": {"required": ["request", "requests"]}}
    )

    name: Name = Field("scenario", description="What results are kept under. Default: the file's name.")
    targets: Targets = Field(
        description="What is measured, by name. The first is the baseline unless one is named."
    )
    request: Request | None = Field(None, description="What is sent. Default: a plain GET.")
    requests: Requests | None = Field(
        None, description="What is sent, when there is more than one request; see weight."
    )
    data: Data | None = Field(
        None, description="A file of rows: {{row.field}} in a request takes a field of the next row."
    )
    tokenizer: str | None = Field(
        None,
        min_length=1,
        description="A tokenizer.json in the scenario's folder: lengths are then tokens, else words.",
    )
    load: Load = Field(
        default_factory=Load,
        description="How much is sent, and for how long. Default: by how long a few first answers take, with less than one "
        "request at a time under way.",
    )
    sweep: Annotated[Any, BeforeValidator(_check_sweep), WithJsonSchema(_SWEEP_SCHEMA)] = Field(
        None,
        description="Measures once for each value of a key, like {load.rate: [100/s, 500/s]}; of several keys every combination.",
    )
    rounds: int = Field(
        10,
        ge=1,
        le=MOST_ROUNDS,
        description="How often the targets take turns; each round opens new connections.",
    )
    baseline: str | None = Field(
        None, description="The target that the others are compared with. Default: the first."
    )
    confidence: Confidence = Field(0.95, description="The confidence of every interval.")
    precision: Precision | None = Field(
        None,
        description="How well the first metric is to be known, like 5%: `rounds` are then a pilot, whose spread says how "
        "many more are run.",
    )
    max_rounds: int = Field(
        100, ge=PILOT, le=MOST_ROUNDS, description="How many rounds there may be in all. Goes with precision."
    )
    processes: Annotated[int, Field(ge=1, le=MOST_PROCESSES)] | Literal["auto"] = Field(
        "auto",
        description="How many processes send. Default: as many as the load needs, and no more than cores.",
    )
    goodput: Goodput = Field(
        (), description="What makes a streamed answer a good one, each of them; they are counted and told."
    )
    objectives: Objectives = Field(
        (),
        description="What must hold, for every target or for `target.metric`, over the run or `in every 10s`. "
        "Decides the exit status.",
    )
    transport: Literal["http1", "aiohttp"] = Field(
        "http1",
        validate_default=True,
        description="What carries requests: our own HTTP/1.1, or aiohttp, for proxies and redirects.",
    )
    keep_connections: bool = Field(
        False,
        description="Keep connections from round to round. Intervals then say nothing of other connections.",
    )
    resend_stale: bool = Field(
        False,
        description="Send a request again, timed from due, when the server had closed its connection.",
    )
    allow: Allowances = Field(
        (), description="Comparisons that would be refused as unfair, and are wanted all the same."
    )
    prices: Prices | None = Field(
        None,
        description="What traffic costs. Default: dated prices of Alibaba Cloud, where a url is one of its own.",
    )
    monthly_requests: int | None = Field(
        None,
        ge=1,
        le=LARGEST_WHOLE,
        description="How many requests a month costs are reckoned for, beside those per million.",
    )
    seed: int = Field(
        1,
        ge=0,
        le=LARGEST_WHOLE,
        description="Of the order of targets, of Poisson arrivals and of the choice of requests.",
    )

    @field_validator("precision")
    @classmethod
    def _after_a_pilot(cls, precision: float | None, info: ValidationInfo) -> float | None:
        if precision is not None and info.data.get("rounds", PILOT) < PILOT:
            raise ValueError(
                f"precision goes by the spread of a pilot of at least {PILOT} rounds; set more rounds"
            )
        return precision

    @field_validator("max_rounds")
    @classmethod
    def _of_precision(cls, most: int, info: ValidationInfo) -> int:
        if "precision" in info.data and not given(info, "precision"):
            raise ValueError("max_rounds goes with precision, like precision: 5%")
        if most < info.data.get("rounds", 0):
            raise ValueError("max_rounds is less than rounds, which are the pilot")
        return most

    @property
    def all_requests(self) -> tuple[Request, ...]:
        """What is sent, by weight: `requests`, or the one `request`, or a plain GET."""
        return self.requests or (self.request or Request(),)

    @property
    def baseline_name(self) -> str:
        """The target that the others are compared with."""
        return self.baseline or next(iter(self.targets))

    @field_validator("objectives")
    @classmethod
    def _goodput_has_limits(
        cls, objectives: tuple[Objective, ...], info: ValidationInfo
    ) -> tuple[Objective, ...]:
        if any(each.metric == "goodput" for each in objectives) and info.data.get("goodput") == ():
            raise ValueError(
                'goodput needs to know what a good answer is: goodput: ["ttft < 500ms", "tpot < 40ms"]'
            )
        return objectives

    @field_validator("requests")
    @classmethod
    def _request_or_requests(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and given(info, "request"):
            raise ValueError("there is a request already; write either request or requests")
        return value

    @field_validator("request", "requests")
    @classmethod
    def _one_credential(
        cls, value: Request | tuple[Request, ...] | None, info: ValidationInfo
    ) -> Request | tuple[Request, ...] | None:
        requests = (value,) if isinstance(value, Request) else value or ()
        tokens = [name for name, target in (info.data.get("targets") or {}).items() if target.token]
        if tokens and any(name.lower() == "authorization" for each in requests for name in each.headers):
            raise ValueError(
                f"there is an Authorization header, and the target {tokens[0]} has a token; keep one of them"
            )
        return value

    @field_validator("transport")
    @classmethod
    def _carries_what_is_wanted(cls, transport: str, info: ValidationInfo) -> str:
        requests = info.data.get("requests") or (info.data.get("request"),)
        redirects = any(request and request.follow_redirects for request in requests)
        proxies = any(target.proxy for target in (info.data.get("targets") or {}).values())
        if transport == "http1" and (redirects or proxies):
            wanted = "follow_redirects" if redirects else "a proxy"
            raise ValueError(f"{wanted} needs transport: aiohttp")
        return transport

    @field_validator("prices")
    @classmethod
    def _routes_of_targets(cls, prices: Prices | None, info: ValidationInfo) -> Prices | None:
        for name in prices.routes if prices else ():
            check_target(name, info)
        return prices

    @field_validator("baseline")
    @classmethod
    def _names_a_target(cls, name: str | None, info: ValidationInfo) -> str | None:
        check_target(name, info)
        return name
