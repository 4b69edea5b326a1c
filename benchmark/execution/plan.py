"""A scenario worked out to the last request: what a worker needs, and nothing that cannot be sent to one.

Everything here is frozen and picklable, so that the same order can go to a process or to another machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmark.eas.upstreams import list_paths
from benchmark.errors import InputError
from benchmark.execution.prepared import prepare_all, shares_of, think_of, variants_of
from benchmark.measure.instances import Instance
from benchmark.measure.series import MOST_POINTS
from benchmark.measure.stream import Limit
from benchmark.scenario.objectives import MOST_WINDOWS
from benchmark.schedule.base import Schedule, part_of
from benchmark.schedule.closed_loop import ClosedLoop, ClosedStages
from benchmark.schedule.mix import Mix, Share
from benchmark.schedule.open_loop import ConstantRate, Gamma, Poisson
from benchmark.schedule.replay import Replay
from benchmark.schedule.stages import Stage, Staged
from benchmark.transport.base import Destination, Discovery, PreparedRequest
from benchmark.transport.prepare import destination, discovery, full_url
from benchmark.units import NANOSECONDS

if TYPE_CHECKING:
    from benchmark.scenario.load import LoadedScenario
    from benchmark.scenario.model import Load, Scenario
    from benchmark.scenario.trace import Trace


LONGEST = 24 * 3600 * NANOSECONDS  # that a round takes which ends by the number of its requests
EXCHANGES = 2  # of each target in a block
STEPS = 4  # of a window
HELD = 5_000  # requests per second that one process clearly holds


ARRIVALS, CHOICES = 1, 2  # streams of randomness: what one draws tells nothing of the other


@dataclass(frozen=True)
class TargetPlan:
    """Where one target's requests go, and what they are."""

    name: str
    url: str  # what is called
    destination: Destination
    requests: Sequence[PreparedRequest]
    transport: str = "http1"  # which implementation carries them
    discovery: Discovery | None = None  # where its instances are asked for, if they are called directly
    instances: tuple[Instance, ...] = ()  # as they were listed when this was sent out; none yet in a plan
    secrets: frozenset[str] = field(default=frozenset(), repr=False)  # what nothing that it says may show

    @property
    def streams(self) -> bool:
        """Whether any answer is a stream of tokens."""
        return any(request.stream for request in self.requests)


@dataclass(frozen=True)
class ProbeOrder:
    """One request, watched closely: the target's first, so that only that one travels."""

    target: TargetPlan
    walk: bool = False  # step by step, before the request: every address, and TLS

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", replace(self.target, requests=self.target.requests[:1]))


@dataclass(frozen=True)
class RoundOrder:
    """One round on one target. Times in nanoseconds."""

    target: TargetPlan
    number: int
    schedule: Schedule
    mix: Mix
    warmup: int
    measured: int
    connections: int  # opened beforehand
    limit: int  # of connections
    keep_connections: bool
    resend_stale: bool
    goodput: tuple[Limit, ...] = ()
    think: int = 0  # between an answer and the next turn of its conversation
    tokenized: bool = False  # whether tokens that nobody tells are counted from texts
    window: int = NANOSECONDS  # the finest stretch of time that is told apart
    points: int = MOST_POINTS  # how many stretches are kept at the most
    timed: tuple[str, ...] = ()  # which times of streams are kept by stretch
    most: int = 0  # measured requests, after which a closed loop ends; 0: it ends by time
    alone: bool = False  # its one exchange is due once it is taken: nobody has waited for it

    def share(self, at: int, of: int) -> RoundOrder:
        """The part of worker number `at` of `of`: all of them together carry out this order."""
        most = part_of(self.most, at, of)
        return replace(
            self,
            schedule=self.schedule.share(at, of),
            mix=self.mix.share(at, of),
            connections=part_of(self.connections, at, of),
            limit=part_of(self.limit, at, of),
            most=most,
            measured=self.measured if most or not self.most else 0,
        )


@dataclass(frozen=True)
class Plan:
    """What is going to be sent, where to, and when."""

    targets: tuple[TargetPlan, ...]
    shares: tuple[Share, ...]  # of the requests
    load: Load
    rounds: int
    seed: int
    keep_connections: bool
    resend_stale: bool
    asked_processes: int | None = None  # None: as many as the load needs
    goodput: tuple[Limit, ...] = ()
    think: int = 0  # nanoseconds between an answer and the next turn of its conversation
    tokenized: bool = False
    trace: Trace | None = None
    windows: tuple[float, ...] = ()  # seconds: those of objectives
    timed: tuple[str, ...] = ()  # which times of streams hold in windows
    precision: float | None = None  # a share; `rounds` are then a pilot
    max_rounds: int = 0  # in all, with precision
    remarks: tuple[str, ...] = ()  # how files were read
    asked_rounds: int | None = None  # None: the scenario leaves them to us
    dosed: bool = False  # the load is ours: the scenario sets none
    # a round is a block: each target has two exchanges, one at a time, in mirrored order
    blocks: bool = False

    @property
    def streamed(self) -> bool:
        """Whether any answer is a stream of tokens."""
        return any(target.streams for target in self.targets)

    @property
    def open_loop(self) -> bool:
        """Whether the schedule, not the answers, decides when requests are due."""
        return self.load.connections is None

    @property
    def rate(self) -> float | None:
        """Arrivals per second, on average: of requests or, where there are some, conversations. None in a closed loop."""
        if not self.open_loop:
            return None
        if self.load.stages:
            return math.fsum(stage.requests for stage in self.stages) / self._length
        return self.trace.rate if self.trace else self.load.rate

    @property
    def mean_connections(self) -> float:
        """How many connections a closed loop has, on average."""
        if not self.load.stages:
            return float(self.load.connections or 1)
        return math.fsum(stage.requests for stage in self.stages) / self._length

    @property
    def turns(self) -> float:
        """How many requests an arrival comes to: more than one where conversations arrive."""
        weights = math.fsum(share.weight for share in self.shares)
        return math.fsum(share.weight * share.mean_turns for share in self.shares) / weights

    @property
    def request_rate(self) -> float | None:
        """Requests per second that are offered, with all turns of what arrives; None in a closed loop."""
        return None if self.rate is None else self.rate * self.turns

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What the rate, or the number of connections, does in the measured part of every round; none: it stays."""
        level, stages = float(self.load.rate or self.load.connections or 0), []
        for each in self.load.stages or ():
            end = float(each.to or each.connections or level)
            if each.over:
                stages.append(Stage(level, end, each.over))
            level = end
            if each.hold:
                stages.append(Stage(level, level, each.hold))
        return tuple(stages)

    @property
    def _length(self) -> float:
        return math.fsum(stage.seconds for stage in self.stages)

    @property
    def duration(self) -> float:
        """Seconds that are measured of each target: what was set, else 20 s, else all of a trace."""
        if self.load.stages:
            return self._length * self.rounds
        if self.load.requests and self.request_rate:
            return self.load.requests / self.request_rate
        whole = self.trace is not None and not self.load.timed
        return self.trace.period / NANOSECONDS if self.trace and whole else self.load.duration

    @property
    def measured(self) -> int:
        """A round's measured time in nanoseconds: the target's share of `duration`."""
        return round(self.duration * NANOSECONDS / self.rounds)

    @property
    def timeout(self) -> int:
        """The longest a request may take, in nanoseconds."""
        return max(request.timeout for target in self.targets for request in target.requests)

    @property
    def limit(self) -> int:
        """How many connections may be open at once."""
        if self.load.connections is None:
            return self.load.max_connections
        return max(self.load.connections, *(round(max(each.begin, each.end)) for each in self.stages), 0)

    def resolution(self) -> tuple[int, int]:
        """The finest stretch of time (nanoseconds) that a round's series tells apart, and how many are kept.

        Windows of objectives slide in such steps: a quarter of their length, or more where a round has many.
        """
        if not self.windows:
            return NANOSECONDS, MOST_POINTS
        common = math.gcd(*(round(window * NANOSECONDS) for window in self.windows))
        fitting = (steps for steps in (STEPS, STEPS // 2) if self.measured * steps <= MOST_WINDOWS * common)
        return common // next(fitting, 1), MOST_WINDOWS + STEPS

    def processes(self, cores: int, quickest: int) -> int:
        """How many processes send: as many as was asked for, else as the load needs and there are cores for.

        Never more than connections, so that each has one, nor than requests of a round. For `quickest` see `fastest`.
        """
        if self.blocks:
            return 1
        most = min(self.limit, (self.load.requests or self.limit * self.rounds) // self.rounds)
        if self.asked_processes is not None:
            return max(1, min(self.asked_processes, most))
        return max(1, min(math.ceil(self.fastest(quickest) / HELD), cores, most))

    def fastest(self, quickest: int) -> float:
        """The most requests per second that the load may come to.

        A closed loop can ask no faster than its connections come back: `quickest` is the shortest answer, in nanoseconds.
        """
        if self.load.stages and self.open_loop:
            return self.turns * max(max(stage.begin, stage.end) for stage in self.stages)
        if self.request_rate is not None:
            return self.request_rate
        return self.limit * NANOSECONDS / max(quickest + (self.load.think or 0) * NANOSECONDS, 1)

    def schedule(self, number: int, warmup: int = 0) -> Schedule:
        """When requests are due in round `number`: the same for every target.

        Rounds divide a trace: each measures the part that follows the last one's, and warms up with what came before it.
        """
        if self.trace is not None:
            return Replay(self.trace.times, self.trace.period, number * self.measured - warmup)
        if self.load.rate is None:
            assert self.load.connections is not None
            users, think = self.load.connections, round((self.load.think or 0) * NANOSECONDS)
            if not self.load.stages:
                return ClosedLoop(users, think)
            return ClosedStages((*_warming(users, warmup), *self.stages), think)
        if not self.load.stages:
            arrivals = self._arrivals(self.load.rate, number)
            if isinstance(arrivals, ConstantRate):
                # measured parts follow each other as one: their whole numbers of requests add up to the rate
                gap = NANOSECONDS / self.load.rate
                offset = (warmup - number * self.measured) % gap
                return replace(arrivals, offset=0.0 if gap - offset < 1 else offset)
            return arrivals
        warming = _warming(self.load.rate, warmup)
        return Staged(self._arrivals(1.0, number), (*warming, *self.stages))

    def _arrivals(self, rate: float, number: int) -> Schedule:
        """Arrivals at a steady rate, by the load's law."""
        seed = (self.seed, number, ARRIVALS)
        if self.load.arrivals == "poisson":
            return Poisson(rate, seed)
        if self.load.burstiness is not None:
            return Gamma(rate, self.load.burstiness, seed)
        return ConstantRate(rate)

    def sequence(self, number: int) -> list[TargetPlan]:
        """The targets of round `number` in their order: shuffled in balanced pairs of rounds, seeded (METHOD 8)."""
        shuffled = np.random.default_rng((self.seed, number // 2)).permutation(len(self.targets))
        forwards = [self.targets[at] for at in shuffled]
        return forwards if number % 2 == 0 else forwards[::-1]

    def exchange(self, target: TargetPlan, number: int) -> RoundOrder:
        """One request on `target`, over a connection of its own that is opened beforehand: the same for every target."""
        order = self.order(target, number, 0, LONGEST, 1, 1)
        mix = Mix(self.shares, order.mix.seed, number)
        return replace(order, schedule=ClosedLoop(1), mix=mix, limit=1, keep_connections=False, alone=True)

    def order(
        self, target: TargetPlan, number: int, warmup: int, measured: int, connections: int, most: int = 0
    ) -> RoundOrder:
        """Round `number` on `target`, over connections opened beforehand."""
        schedule = self.schedule(number, warmup)
        width, points = self.resolution()
        start = schedule.first if isinstance(schedule, Replay) else 0  # rows go with the trace's instants
        return RoundOrder(
            target=target,
            number=number,
            schedule=schedule,
            mix=Mix(self.shares, (self.seed, number, CHOICES), start),
            warmup=warmup,
            measured=measured,
            connections=min(connections, self.limit),
            limit=self.limit,
            keep_connections=self.keep_connections,
            resend_stale=self.resend_stale,
            goodput=self.goodput,
            think=self.think,
            tokenized=self.tokenized and target.streams,
            window=width,
            points=points,
            timed=self.timed,
            most=most,
        )


def _warming(level: float, warmup: int) -> tuple[Stage, ...]:
    """The warm-up (nanoseconds) as a stage: at the load that the first one begins with."""
    return (Stage(level, level, warmup / NANOSECONDS),) if warmup else ()


def _rounds(scenario: Scenario) -> int:
    """As many as were asked for; by default no more than there are requests.

    Raises:
        InputError: there are fewer requests than rounds.
    """
    requests = scenario.load.requests or scenario.rounds
    if requests < scenario.rounds and "rounds" in scenario.model_fields_set:
        raise InputError(
            f"{requests} requests cannot be divided over {scenario.rounds} rounds: set fewer rounds"
        )
    return min(scenario.rounds, requests)


def make_plan(loaded: LoadedScenario) -> Plan:
    """Work a scenario out."""
    scenario = loaded.scenario
    trace = loaded.read_trace()
    variants, remarks = variants_of(loaded, trace)
    targets = tuple(
        TargetPlan(
            name=name,
            url=full_url(target, variants[0][0].request),
            destination=destination(target, loaded.folder),
            requests=prepare_all(target, variants, tokenized=scenario.tokenizer is not None),
            transport=scenario.transport,
            discovery=discovery(target.direct, target, list_paths(target.direct.service), loaded.folder)
            if target.direct
            else None,
            secrets=loaded.secrets,
        )
        for name, target in scenario.targets.items()
    )
    windowed = [each for each in scenario.objectives if each.window]
    return Plan(
        targets=targets,
        shares=shares_of(loaded, variants),
        load=scenario.load,
        rounds=_rounds(scenario),
        asked_rounds=scenario.rounds if "rounds" in scenario.model_fields_set else None,
        seed=scenario.seed,
        keep_connections=scenario.keep_connections,
        resend_stale=scenario.resend_stale,
        asked_processes=None if scenario.processes == "auto" else scenario.processes,
        goodput=tuple(Limit(limit.metric, limit.most) for limit in scenario.goodput),
        think=think_of(scenario),
        tokenized=scenario.tokenizer is not None,
        trace=trace,
        windows=tuple(each.window for each in windowed),
        timed=tuple(sorted({each.time for each in windowed} - {"response"})),
        precision=scenario.precision,
        max_rounds=scenario.max_rounds,
        remarks=(*((trace.remark,) if trace and trace.remark else ()), *remarks),
    )
