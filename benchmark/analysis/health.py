"""Whether a run can be believed: the generator's harm, not its effort, is what counts (METHOD 18, 19)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmark.analysis.estimate import Distribution, figures
from benchmark.analysis.failing import NO_ANSWERS, failing
from benchmark.analysis.loop_delay import ORDINARY, delays, loop_delay
from benchmark.analysis.statistics import Interval, quantile
from benchmark.measure.bands import Bands
from benchmark.measure.exchange import TIMEOUTS, Failure
from benchmark.measure.recording import PHASES, Recording
from benchmark.result.model import (
    QUANTILES,
    Comparison,
    Generator,
    ObjectiveResult,
    Verdict,
    VerdictCode,
    Worker,
)
from benchmark.result.run import STOPPED, Round, Run
from benchmark.scenario.objective import parse_objective
from benchmark.units import MILLISECOND, NANOSECONDS, format_duration, format_rate

OF_FIGURE = 0.05  # of a figure, that the generator's lateness may make up
OF_CLAIM = 0.2  # of a claimed difference
FLAWS_TOLD = 4  # lines; a busy machine can spoil dozens of rounds
NEAR, NEAR_SHARE = 10, 0.001  # exchanges, or of all of them, to either side that are about a quantile
STARVED = 0.5  # of the time that a closed loop's workers sent, spent ready to run and without a core
FULL_CORE = 0.95  # of the measured time, spent on the CPU
BAD_ROUNDS = 0.2
GENERATOR = "the generator itself"  # how every reason begins that lays the blame on it
REMEDY = "lower the load, or run on a machine with an idle core"
REACHED = 0.98  # of the asked rate; METHOD 13
EXHAUSTED = {  # failures that are this machine's, and what to do about them
    Failure.NO_PORTS: "it had no free port left: widen net.ipv4.ip_local_port_range, open fewer connections, or keep them open",
    Failure.NO_FILES: "it had no free file descriptor left: raise ulimit -n, or open fewer connections",
}


@dataclass(frozen=True)
class Harm:
    """What the generator's own lateness did to a comparison, in words; empty: nothing."""

    difference: str = ""  # the whole metric is withheld
    ratio: str = ""  # the ratio alone is


def lateness(recordings: Sequence[Recording], q: float | None) -> float:
    """What the generator's lateness (nanoseconds) adds to a quantile of response times, or to their mean; NaN: nothing was taken.

    That is the mean lateness of the exchanges about that quantile: were all lateness to shrink by a little, the
    quantile would shrink by as much of that (Hong, Operations Research 57, 2009). Where their phases are not known, the
    quantile of lateness stands for it, which is no less where the late are the slow.
    """
    late = Distribution.of(recordings, "lateness").pooled
    if q is None:
        return late.mean
    bands = Bands()
    for each in recordings:
        bands.merge(each.bands)
    whole = Distribution.of(recordings, "response").pooled.count
    near = min(max(NEAR, NEAR_SHARE * whole), max((1 - q) * whole, 1.0))
    about = bands.ranked(q * whole - near, q * whole + near)
    if not about["count"]:
        return quantile(late, q)
    return (about["response"] - sum(about[phase] for phase in PHASES)) / about["count"]


def own_delay(recordings: Sequence[Recording], q: float | None) -> float:
    """What the generator itself added (nanoseconds) to a response: its lateness, and its loop's delay of the answer."""
    return lateness(recordings, q) + loop_delay(recordings, q)


def held_up(recordings: Sequence[Recording]) -> str:
    """How a closed loop, where nothing is ever late, was held up by its own turns, in words; empty: it was not.

    Every answer that waits puts off the next request, so means and throughput are the generator's own then.
    """
    own, whole = loop_delay(recordings, None), Distribution.of(recordings, "response").pooled.mean
    if not own > OF_FIGURE * whole:
        return ""
    return (
        f"{GENERATOR} left answers waiting for {_duration(own)} on average, {own / whole:.0%} of the response"
    )


def starved(run: Run) -> str:
    """How the workers of a closed loop were kept from their cores, in words; empty: they were not, or nobody knows.

    A loop that sleeps until an answer comes, and then waits for a core, has no turn that would show it.
    """
    workers = run.generator.get("workers", [])
    waited = math.fsum(each["run_queue_seconds"] for each in workers)
    if not run.closed_loop or not waited > STARVED * math.fsum(each["seconds"] for each in workers):
        return ""
    share = waited / math.fsum(each["seconds"] for each in workers)
    return f"{GENERATOR} was kept from its core by other programs for {share:.0%} of the time"


def harm(values: tuple[float, float], late: tuple[float, float], saved: Interval) -> Harm:
    """How the generator's own delay (nanoseconds) harms the response times of two targets and their difference (METHOD 18).

    A response begins when it is due, so it contains the lateness. One generator sends to both targets in turn: what
    both have of it cancels out of the difference, and where no difference is claimed there is none it could have
    made. So it does harm where

    * it is more than 5 % of either figure, and more than waking up ordinarily costs: the generator itself queues;
    * it differs between the targets by more than 20 % of the difference that is claimed;
    * leaving it out of both would move the claimed ratio by more than 20 % of it (of its logarithm, for that is the
      scale of ratios): shared lateness draws every ratio towards 1. The difference still stands then.
    """
    for own, whole in zip(late, values, strict=True):
        if own > ORDINARY and own > OF_FIGURE * whole:
            return Harm(f"{GENERATOR} was {_duration(own)} late, {own / whole:.0%} of the figure")
    if saved.low <= 0 <= saved.high:
        return Harm()
    if abs(late[1] - late[0]) > OF_CLAIM * abs(saved.value):
        return Harm(
            f"{GENERATOR} was {_duration(late[0])} late for one target and {_duration(late[1])} for the other, "
            "which could have made a fifth of the difference"
        )
    if _moved(values, late) > OF_CLAIM:
        return Harm(
            ratio="the ratio alone: the generator's own lateness draws it towards 1; see that of service times"
        )
    return Harm()


def widened(
    values: tuple[float, float], late: tuple[float, float], saved: Interval, ratio: Interval
) -> tuple[Interval, Interval]:
    """The intervals of after − before and after / before, widened by what the generator's own delay can have done.

    Either figure without its delay lies between itself less that and itself, so the difference is off by no more than
    the larger one, either way, and the ratio by the shares that they have of the figures. The ratio is unbounded where
    a figure is nothing but delay.
    """
    reach = max(late)
    wider = Interval(saved.value, saved.low - reach, saved.high + reach)
    before, after = (own / whole if whole > 0 else 1.0 for own, whole in zip(late, values, strict=True))
    if max(before, after) >= 1:
        return wider, Interval(ratio.value, -math.inf, math.inf)
    return wider, Interval(ratio.value, ratio.low * (1 - after), ratio.high / (1 - before))


def _moved(values: tuple[float, float], late: tuple[float, float]) -> float:
    """By how much of itself the log ratio moves when lateness is left out of both values."""
    bare = [whole - own for whole, own in zip(values, late, strict=True)]
    if min(bare) <= 0:
        return math.inf
    seen = math.log(values[1] / values[0])
    return abs(math.log(bare[1] / bare[0]) - seen) / abs(seen) if seen else 0.0


def saturated(run: Run, rounds: Iterable[Round]) -> bool:
    """Whether a closed loop was limited by the generator: it computed all the time that it was not idle.

    Then throughput is *at least* what was seen, and latencies are the generator's own. In an open loop a full core
    does no harm that lateness would not show.
    """
    processes = int(run.generator.get("processes", 1))
    used = [(r.cpu_seconds, r.measured * processes) for r in rounds]
    measured = math.fsum(seconds for _, seconds in used)
    return run.closed_loop and math.fsum(cpu for cpu, _ in used) > FULL_CORE * measured > 0


def generator_of(run: Run) -> Generator:
    """The generator's own figures, over all targets and rounds."""
    flaws = [f"round {r.number + 1} of {r.target} is not used: {r.flaw}" for r in run.rounds if r.flaw]
    if len(flaws) > FLAWS_TOLD:
        more = len(flaws) - FLAWS_TOLD + 1
        flaws[FLAWS_TOLD - 1 :] = [f"{more} more rounds are not used; recordings.json says of each why"]
    full = [name for name in run.targets if saturated(run, (r for r in run.rounds if r.target == name))]
    reasons = [
        f"a full core was spent on {name}: its throughput is at least what is shown; {REMEDY}"
        for name in full
    ]
    asked, reached = _rates(run)
    return Generator(
        processes=int(run.generator.get("processes", 1)),
        cpu_seconds=float(run.generator.get("cpu_seconds", 0.0)),
        max_rss_bytes=int(run.generator.get("max_rss_bytes", 0)),
        lateness_ms=figures(Distribution.of([r.recording for r in run.rounds], "lateness")),
        loop_delay_ms=delays([r.recording for r in run.rounds]),
        saturated=bool(full) or (asked is not None and reached is not None and reached < REACHED * asked),
        reasons=reasons + flaws,
        asked_rate=asked,
        reached_rate=reached,
        workers=[Worker(**each) for each in run.generator.get("workers", [])],
    )


def _rates(run: Run) -> tuple[float | None, float | None]:
    """Requests per second that were due in measured parts, and those sent over the time that sending them took.

    A generator that cannot keep up is ever later, so that time is the round's and twice its median lateness.
    """
    rounds = [each for each in run.rounds if not each.stopped and each.measured]
    if not run.settings["open_loop"] or not rounds:
        return None, None
    late = [each.recording.histograms["lateness"].quantile(0.5) / NANOSECONDS for each in rounds]
    taken = math.fsum(each.measured for each in rounds) + 2 * math.fsum(own for own in late if own > 0)
    due = sum(each.recording.scheduled for each in rounds)
    sent = due - sum(each.recording.unsent for each in rounds)
    return due / math.fsum(each.measured for each in rounds), sent / taken


def verdict_of(
    run: Run, comparisons: Sequence[Comparison], objectives: Sequence[ObjectiveResult], doubts: Sequence[str]
) -> Verdict:
    """Invalid (a process was lost), else interrupted, else invalid, else whether the objectives were met.

    A run that an objective ended has failed, unless it is invalid.

    Args:
        doubts: why headlines are withheld on the generator's account.
    """
    if run.lost:
        reason = f"{run.lost}; what was measured until then is kept; run it again"
        return Verdict.of("invalid", [("process-lost", reason)])
    if run.interrupted and not run.aborted:
        reason = f"the run ended early ({run.interrupted}): what was measured is kept; run it again for a full answer"
        return Verdict.of("interrupted", [("interrupted", reason)])
    failed = list(failing(run))
    if failed and (reason := _swamped(run)):
        return Verdict.of("invalid", [("generator-limit", reason)])
    if any(code in NO_ANSWERS for code, _ in failed):  # no lateness of ours does that
        return Verdict.of("fail", failed)
    late = [*(f"{doubt}; {REMEDY}" for doubt in doubts), *_late_misses(run, objectives)]
    if not comparisons:
        late += _late_headlines(run)
    invalid: list[tuple[VerdictCode, str]] = [
        *(("machine-exhausted", reason) for reason in _exhausted(run)),
        *(("rounds-unusable", reason) for reason in _bad_rounds(run)),
        *(("generator-late", reason) for reason in late),
    ]
    if invalid:
        return Verdict.of("invalid", invalid)
    missed: list[tuple[VerdictCode, str]] = [*failed, *_missed(objectives)]
    if run.aborted:
        reason = f"the run was ended early, for {run.aborted}: what was measured until then is kept"
        missed.insert(0, ("aborted", reason))
    return Verdict.of("fail" if missed else "pass", missed)


def _missed(objectives: Sequence[ObjectiveResult]) -> Iterator[tuple[VerdictCode, str]]:
    for each in objectives:
        if each.decided and not each.met:
            yield "objective-missed", f"{each.target} misses {each.objective}: {each.said}"
        elif not each.met:
            yield (
                "objective-undecided",
                f"cannot tell whether {each.target} meets {each.objective}: {each.said}",
            )


def _exhausted(run: Run) -> list[str]:
    """This machine ran out of something: that was no answer of any target."""
    reasons = []
    for kind, said in EXHAUSTED.items():
        count = sum(each.recording.failures[kind.label] for each in run.rounds)
        if count:
            reasons.append(f"{count:,} requests failed on this machine, because {said}")
    return reasons


def _swamped(run: Run) -> str:
    """Why timeouts are the generator's own, in words: it could not take up what was asked of it; empty: it could."""
    asked, reached = _rates(run)
    failures = sum((run.account(name).failures for name in run.targets), Counter[str]())
    late = sum(failures[kind.label] for kind in TIMEOUTS)
    if asked is None or reached is None or reached >= REACHED * asked or late < 0.5 * failures.total():
        return ""
    rates = f"{format_rate(reached)} of the {format_rate(asked)} that were asked"
    return f"{GENERATOR} reached {rates}, and requests timed out: {REMEDY}"


def _bad_rounds(run: Run) -> list[str]:
    """Those that an objective ended are not: nobody was late."""
    whole = [r for r in run.rounds if r.flaw != STOPPED]
    flaws = [r.flaw for r in whole if r.flaw]
    if len(flaws) <= BAD_ROUNDS * len(whole):
        return []
    return [f"{len(flaws)} of {len(whole)} rounds cannot be used (the first: {flaws[0]}); {REMEDY}"]


def _late_misses(run: Run, objectives: Sequence[ObjectiveResult]) -> list[str]:
    """Objectives on latency that may be missed only because the generator was late; one that is met is met anyway."""
    reasons = []
    for each in objectives:
        if each.windows and each.windows.broken:
            reasons += _late_windows(each)
            continue
        objective = parse_objective(each.objective)
        figure = objective.metric
        of_response = (
            objective.time == "response" and figure in {"mean", *QUANTILES} and objective.than is None
        )
        if each.met or each.measured is None or not of_response:
            continue
        own = own_delay(run.used(each.target), QUANTILES.get(figure))
        if _harmful(own, each.measured * MILLISECOND):
            said = f"{each.target} misses {each.objective} ({each.said}), but the generator itself was {_duration(own)} late"
            reasons.append(f"{said}; {REMEDY}")
    return reasons


def _late_windows(missed: ObjectiveResult) -> list[str]:
    """Why windows that break an objective may not be the service's; where one of them is, the objective is missed."""
    breaches = missed.windows.breaches if missed.windows else []
    if not all(each.generator_late for each in breaches):
        return []
    said = f"{missed.target} misses {missed.objective} ({missed.said}), but only where the generator itself was late"
    return [f"{said}; {REMEDY}"]


def _late_headlines(run: Run) -> list[str]:
    """Where nothing is compared, the median answer of each target must be its own."""
    reasons = []
    for name in run.targets:
        if saturated(run, [each for each in run.rounds if each.target == name]):
            continue  # what is told of it is *at least*
        used = run.used(name)
        own, whole = own_delay(used, 0.5), quantile(Distribution.of(used, "response").pooled, 0.5)
        said = held_up(used) or starved(run) if run.closed_loop else ""
        if _harmful(own, whole):
            said = f"{GENERATOR} added {_duration(own)} at p50, of {_duration(whole)} in all"
        if said:
            reasons.append(f"{name}: {said}; {REMEDY}")
    return reasons


def _harmful(own: float, whole: float) -> bool:
    return own > ORDINARY and own > OF_FIGURE * whole


def _duration(nanoseconds: float) -> str:
    return format_duration(nanoseconds / NANOSECONDS)
