"""From the rounds of a capacity run to its answer: the search is replayed, so that a report needs no new measurement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.analysis.capacity import WINDOWS, Demand, Found, Observation, Search
from benchmark.analysis.estimate import Distribution, figures
from benchmark.analysis.health import REMEDY, generator_of
from benchmark.errors import InputError
from benchmark.measure.recording import Recording, merged
from benchmark.measure.stream import LIMITED
from benchmark.result.model import (
    QUANTILES,
    Capacity,
    CapacityLevel,
    Estimate,
    Result,
    StreamLevel,
    Verdict,
    VerdictCode,
)
from benchmark.result.run import Round, Run
from benchmark.scenario.objective import Objective, read_objective
from benchmark.units import NANOSECONDS, format_rate, significant

RATE_LIMIT, QUEUE_FULL = 429, 450
LEAST_CUT = 5  # windows
_WHOLE = frozenset({"response", *LIMITED})  # times that each request has one of
_TAILS = {**QUANTILES, "p75": 0.75}


def demands_of(objectives: Sequence[Objective], target: str) -> list[Demand]:
    """What a search of this target's capacity must hold to, as shares of requests.

    Raises:
        InputError: there is nothing that a search could go by.
    """
    demands = [_demand(each) for each in objectives if each.target in {None, target}]
    if not demands:
        raise InputError(
            f"a capacity is the highest load that meets objectives, and {target} has none: "
            'write them, like objectives: ["p99 < 500ms", "failures < 0.1%"]'
        )
    return demands


def _demand(objective: Objective) -> Demand:
    if objective.window or objective.than is not None:
        raise InputError(
            f"{objective.text}: a search judges every level in windows of its own, each target by itself; write it "
            "without 'in every …', and with a limit of its own, as in 'p99 < 500ms'"
        )
    if objective.metric == "failures":
        return Demand(objective.text, max(objective.limit, 1e-6))
    if objective.metric == "rate" and objective.of_offered and objective.limit < 1:
        return Demand(objective.text, 1 - objective.limit)
    if objective.metric == "goodput" and objective.operator in {">", ">="} and objective.limit < 1:
        return Demand(objective.text, 1 - objective.limit)
    if objective.metric in _TAILS and objective.time in _WHOLE and objective.operator in {"<", "<="}:
        span = 0.0 if objective.time == "tpot" else objective.limit
        return Demand(objective.text, 1 - _TAILS[objective.metric], span=span)
    gaps = "; of ITL, which a request has many of, TPOT is the figure" if objective.time == "itl" else ""
    raise InputError(
        f"{objective.text}: a search of the capacity goes by quantiles of times that each request has one of, by failures, "
        "by goodput and by the share of the offered rate, as in 'p99 < 500ms', 'ttft.p99 < 2s', 'tpot.p90 < 50ms', "
        f"'failures < 0.1%', 'goodput > 95%' or 'rate > 99% of offered'{gaps}"
    )


def timed(objectives: Sequence[Objective]) -> tuple[str, ...]:
    """Which times of streams a search goes by, so that they are kept window by window."""
    return tuple(sorted({each.time for each in objectives if each.of_times} - {"response"}))


def new_search(run: Run, target: str) -> Search:
    """The search of a target's capacity, before its first trial."""
    asked = run.settings["search"]
    return Search(
        demands_of([read_objective(text) for text in run.settings["objectives"]], target),
        start=asked["start"],
        budget=asked["budget"],
        trial=asked["trial"],
        whole=not run.settings["open_loop"],
    )


def observation(round_: Round, objectives: Sequence[Objective]) -> Observation:
    """What a search is told of a trial: a failed request breaks every demand, for nobody was served."""
    points = [round_.recording.series.points.get(at) for at in range(WINDOWS)]
    requests = np.array([point.response.count + point.failed if point else 0 for point in points], float)
    failed = np.array([point.failed if point else 0 for point in points], float)
    violations, late, nearly = {}, {}, {}
    for each in objectives:
        violations[each.text] = failed
        if each.metric == "goodput":
            violations[each.text] = requests - [point.good if point else 0 for point in points]
        elif each.metric in _TAILS:
            late[each.text], nearly[each.text] = (
                np.array(
                    [
                        point.of(each.time).above(part * each.limit * NANOSECONDS) if point else 0
                        for point in points
                    ]
                )
                for part in (1.0, 0.5)
            )
            violations[each.text] = failed + late[each.text]
    recording = round_.recording
    return Observation(
        requests=requests,
        violations=violations,
        response=np.array([point.response.mean if point else np.nan for point in points]),
        seconds=round_.seconds,
        admitted=_admitted(round_),
        rate_limited=recording.statuses[RATE_LIMIT],
        queue_full=recording.statuses[QUEUE_FULL],
        failed=recording.failed,
        flaw=round_.flaw,
        late=late,
        nearly=nearly,
    )


def _admitted(round_: Round) -> float:
    """Successes per second; past a rate limit, of the windows that it cut short, for it lets a burst through first."""
    recording, width = round_.recording, round_.measured / WINDOWS
    if not width:
        return 0.0
    points = recording.series.points
    cut = [points[at] for at in range(WINDOWS) if at in points and points[at].failed][1:]
    if recording.statuses[RATE_LIMIT] and len(cut) >= LEAST_CUT:
        return sum(point.response.count for point in cut) / (len(cut) * width)
    return recording.ok / round_.measured


def replayed(run: Run, target: str) -> Found:
    """What the search of a target found."""
    search = new_search(run, target)
    objectives = [read_objective(text) for text in run.settings["objectives"]]
    mine = [each for each in objectives if each.target in {None, target}]
    for round_ in run.rounds:
        if round_.target == target and round_.level is not None and not round_.stopped:
            search.resume(round_.level, round_.measured)
            search.observe(observation(round_, mine))
    search.propose()  # so that it knows whether it is content
    return search.result()


def capacity_result(run: Run) -> Result:
    """The whole of a capacity run's `result.json`."""
    found = {name: replayed(run, name) for name in run.targets}
    capacity = {name: _capacity(run, name, each) for name, each in found.items()}
    return Result(
        **run.heading(),
        verdict=_verdict(run, capacity),
        targets={},
        capacity=capacity,
        generator=generator_of(run),
    )


def _capacity(run: Run, name: str, found: Found) -> Capacity:
    return Capacity(
        unit="per second" if run.settings["open_loop"] else "connections",
        rate=Estimate(value=found.value or None, low=found.low, high=found.high),
        limited_by=found.limited_by,
        objective=found.demand,
        knee=found.knee,
        head_room=found.head_room or None,
        background=found.background,
        slowed=found.slowed,
        finished=found.finished,
        levels=[_level(run, name, each.level, each.verdict) for each in found.levels],
    )


def _level(run: Run, name: str, level: float, verdict: str) -> CapacityLevel:
    tried = [each for each in run.rounds if each.target == name and each.level == level and not each.stopped]
    rounds = [each for each in tried if not each.flaw] or tried  # as the search itself goes by
    recordings = [each.recording for each in rounds]
    scheduled = sum(each.scheduled for each in recordings)
    failed = sum(each.failed + each.unsent for each in recordings)
    measured = sum(each.measured for each in rounds)
    return CapacityLevel(
        rate=level,
        trials=len(rounds),
        achieved=sum(each.ok for each in recordings) / measured if measured else 0.0,
        response_ms=figures(Distribution.of(recordings, "response"), timeout=run.settings["timeout"]),
        failures=failed / scheduled if scheduled else 0.0,
        stream=_streamed(run, recordings, measured) if run.settings.get("streamed") else None,
        statuses={
            str(status): sum(each.statuses[status] for each in recordings)
            for status in sorted({status for each in recordings for status in each.statuses})
        },
        verdict=verdict,
    )


def _streamed(run: Run, recordings: list[Recording], measured: float) -> StreamLevel:
    """What streams of a level come to."""
    counted = merged(recordings).counters
    timeout = run.settings["timeout"]
    timely = counted["streams"] - counted["tokenless"]
    scheduled = sum(each.scheduled for each in recordings)
    busy = sum(each.histograms["response"].total for each in recordings) / NANOSECONDS
    return StreamLevel(
        ttft_ms=figures(Distribution.of(recordings, "ttft"), timeout=timeout),
        tpot_ms=figures(Distribution.of(recordings, "tpot"), timeout=timeout),
        output_tokens_per_second=counted["output_tokens"] / measured if measured else 0.0,
        stream_tokens_per_second=counted["millitokens_per_second"] / 1e3 / timely if timely else None,
        in_flight=busy / measured if measured else 0.0,
        goodput=counted["good"] / scheduled if run.settings.get("goodput") and scheduled else None,
    )


def _verdict(run: Run, capacity: dict[str, Capacity]) -> Verdict:
    if run.interrupted or run.lost:
        reason = f"the search ended early ({run.interrupted or run.lost})"
        return Verdict.of("interrupted", [("process-lost" if run.lost else "interrupted", reason)])
    least = run.settings["search"]["at_least"]
    invalid: list[tuple[VerdictCode, str]] = []
    missed: list[tuple[VerdictCode, str]] = []
    for name, each in capacity.items():
        value = each.rate.value or 0.0
        if least is not None and value >= least:
            continue
        if not each.levels:
            said = f"{name}: the generator itself was late in every trial; {REMEDY}"
            invalid.append(("generator-late", said))
        elif each.limited_by == "gateway":
            said = (
                f"{name}: the gateway's rate limit (429) came first, at {load_text(value, each)}: "
                "what the service itself holds is more, and unknown"
            )
            invalid.append(("gateway-limit", said))
        elif each.limited_by == "generator":
            said = f"{name}: the generator itself gave way beyond {load_text(value, each)}"
            invalid.append(("generator-limit", said))
        elif not value:
            said = f"{name} was not seen to hold any load within `{each.objective}`"
            missed.append(("objective-missed", said))
        elif least is not None:
            said = f"{name} holds {load_text(value, each)}, which is less than {load_text(least, each)}"
            missed.append(("objective-missed", said))
    if missed:
        return Verdict.of("fail", missed)
    return Verdict.of("invalid" if invalid else "pass", invalid)


def load_text(level: float, capacity: Capacity) -> str:
    """A level for people."""
    return format_rate(level) if capacity.unit == "per second" else f"{significant(level)} connections"
