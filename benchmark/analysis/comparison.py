"""A candidate beside the baseline: how much sooner it answers, with an interval (METHOD 4, 10, 11, 13–15, 18).

The round is the sample, and rounds of one number on both targets are a pair. A figure is withheld, with the reason,
rather than shown where it would mislead; the two values stay visible beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from benchmark.analysis.contained import contained
from benchmark.analysis.estimate import (
    BEYOND,
    FIGURES,
    WAITED,
    Distribution,
    by_round,
    exchanges_beyond,
    intervals,
    milliseconds,
    pilot_of,
)
from benchmark.analysis.health import GENERATOR, Harm, harm, held_up, own_delay, saturated, starved, widened
from benchmark.analysis.loop_delay import loop_delay
from benchmark.analysis.pairs import TESTED, difference_and_ratio, moved, resemblance
from benchmark.analysis.parts import parts_paid
from benchmark.analysis.refusals import as_slowest, both_ways, hidden_by_refusals, refused_beyond
from benchmark.analysis.statistics import Interval, student
from benchmark.analysis.stream import unlike_caches, unlike_lengths, unlike_sources
from benchmark.measure.histogram import BYTE
from benchmark.measure.recording import Recording, merged
from benchmark.result.model import Comparison, Estimate, Metric
from benchmark.result.run import Round, Run
from benchmark.units import MILLISECOND, format_size

SHORTFALL = 0.02  # of the offered rate, that may be left unanswered in time
POOL_SHARE = 0.1  # of the response time, spent waiting for a free connection
ALIKE = 0.05  # throughputs within this are alike
UNLIKE_SIZES = 0.1  # mean answers whose sizes differ by more are not the same payload
HANGING = 1 / 3  # of the sum of all answers, that one may carry
UNLIKE_TRIPS = 2.0  # connects that differ by more than this factor crossed unlike paths
NOTHING = Estimate(value=None)
STREAM_KINDS = ("ttft", "ttft_from_due", "itl", "tpot", "e2e")  # of what streams have
WHOLE = ("response", "service")
SINCE_SENT = {
    "response": "service",
    "ttft_from_due": "ttft",
}  # times from due, and the same without the lateness
FROM_DUE = frozenset(SINCE_SENT)

FEW_BEYOND = "not enough data: what lies beyond it came in too few rounds, or is too little; measure longer, or more rounds"
UNBOUNDED = "the ratio alone: cannot tell the ratio, for rounds differ so much that the baseline's figure may be next to nothing"
OF_NOTHING = "the ratio alone: a figure is 0, and nothing is so many times that"

Pair = tuple[Round, Round]
Sides = Sequence[Sequence[Recording]]  # of both targets, in the order of their pairs
Distributions = tuple[Distribution, Distribution]


class Outcome(StrEnum):
    """What a metric says of the candidate."""

    FASTER = "faster"
    SLOWER = "slower"
    ALIKE = "no measurable difference"
    WITHHELD = "withheld"
    NOT_ENOUGH_DATA = "not enough data"


def outcome(metric: Metric) -> Outcome:
    """What may be said: a difference only where its interval, and that of the ratio if there is one, leave none out."""
    if not metric.enough_data:
        return Outcome.NOT_ENOUGH_DATA
    low, high = metric.difference.low, metric.difference.high
    if low is None or high is None:
        return Outcome.WITHHELD
    if low <= 0 <= high or _holds_one(metric.ratio):
        return Outcome.ALIKE
    more_is_better = metric.metric == "throughput"
    return Outcome.FASTER if (low > 0) == more_is_better else Outcome.SLOWER


def _holds_one(ratio: Estimate) -> bool:
    return ratio.low is not None and ratio.high is not None and ratio.low <= 1 <= ratio.high


def compare(run: Run, baseline: str, candidate: str) -> Comparison:
    """Everything that can be said of two targets of a run."""
    pairs = paired(run.rounds, baseline, candidate)
    primary = run.settings["primary"]
    general = _misloaded(run, pairs)
    kinds = (*STREAM_KINDS, *WHOLE) if run.settings.get("streamed") else WHOLE
    names = [f"{kind}.{figure}" for kind in kinds for figure in FIGURES]
    if primary.endswith(".p75"):  # an objective may name a quantile that the tables leave out
        names.insert(names.index(primary.replace("p75", "p90")), primary)
    elif primary not in names:
        primary = names[1]
    sides = [[each.recording for each in side] for side in _sides(pairs)]
    held = {kind: _distributions(sides, kind) for kind in kinds}
    level = _Level(run.settings["confidence"], _rows(run, sides, held, names))
    metrics = [
        contained(
            name,
            partial(
                latency,
                name,
                held[name.partition(".")[0]],
                sides,
                level.of(name == primary),
                general,
                pilot_of(run),
            ),
            partial(withheld_row, name),
        )
        for name in names
    ]
    if run.closed_loop:
        metrics.append(_throughput(pairs, level.of(primary=False), _held_up(run, pairs)))
    metrics = [each.model_copy(update={"primary": each.metric == primary}) for each in metrics]
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        confidence=level.headline,
        others=level.others,
        rounds=len(pairs),
        metrics=metrics,
        remarks=[
            *_dependence(held, primary),
            *_widening(metrics),
            *_remarks(run, baseline, candidate, pairs),
        ],
    )


def withheld_row(name: str, reason: str, *, primary: bool = False) -> Metric:
    """A metric of which nothing can be told."""
    return Metric(
        metric=name,
        baseline=None,
        candidate=None,
        primary=primary,
        difference=NOTHING,
        ratio=NOTHING,
        enough_data=True,
        withheld=reason,
    )


@dataclass(frozen=True)
class _Level:
    """The headline's confidence, and that of each other row such that all of them together have the same.

    Of `rows` that claim a difference with a chance of α / rows each where there is none, one does with no more than α
    (Bonferroni), however much they hang on one another.
    """

    headline: float
    rows: int

    @property
    def others(self) -> float:
        return 1 - (1 - self.headline) / max(1, self.rows)

    def of(self, primary: bool) -> float:
        return self.headline if primary else self.others


def _distributions(sides: Sides, kind: str) -> tuple[Distribution, Distribution]:
    return Distribution.of(sides[0], kind), Distribution.of(sides[1], kind)


def _rows(run: Run, sides: Sides, held: dict[str, Distributions], names: Sequence[str]) -> int:
    """How many rows of the page may claim something, besides the headline: of metrics, and of the mean's and p99's parts."""
    metrics = sum(not _thin(*held[name.partition(".")[0]], _quantile(name)) for name in names)
    shown = max(1, metrics) - 1 + run.closed_loop + 2 * parts_paid([*sides[0], *sides[1]]) + 1
    return shown * max(1, len(run.targets) - 1)


def _quantile(name: str) -> float | None:
    figure = name.partition(".")[2]
    return 0.75 if figure == "p75" else FIGURES[figure]


def doubts(comparisons: Sequence[Comparison]) -> list[str]:
    """Why headlines are withheld on the generator's account: then the run is invalid (METHOD 18)."""
    found = []
    for each in comparisons:
        reason = each.primary.withheld or ""
        if outcome(each.primary) is Outcome.WITHHELD and reason.startswith(GENERATOR):
            found.append(f"{each.candidate} against {each.baseline}: {reason}")
    return found


def paired(rounds: Sequence[Round], baseline: str, candidate: str) -> list[Pair]:
    """The rounds of one number on both targets, where both are sound."""
    sound = {(each.target, each.number): each for each in rounds if not each.flaw}
    numbers = sorted(
        number for target, number in sound if target == baseline and (candidate, number) in sound
    )
    return [(sound[baseline, number], sound[candidate, number]) for number in numbers]


def _sides(pairs: Sequence[Pair]) -> tuple[list[Round], list[Round]]:
    return [before for before, _ in pairs], [after for _, after in pairs]


# One metric of latency


def latency(
    name: str, held: Distributions, sides: Sides, confidence: float, general: str, pilot: int | None = None
) -> Metric:
    """One metric of two targets; `general` says why none of them may be compared."""
    kind, _, figure = name.partition(".")
    q = _quantile(name)
    before, after = held
    thick = by_round(held, q)
    values = before.value(q, by_round=thick), after.value(q, by_round=thick)
    shown: dict[str, Any] = {"metric": name, "primary": False}
    shown |= {"baseline": milliseconds(values[0]), "candidate": milliseconds(values[1])}
    withheld = general or _unanswered(values, figure) or refused_beyond(sides, q)
    withheld = withheld or (unlike_sources(sides) if kind == "tpot" else "")
    if withheld:
        return Metric(**shown, difference=NOTHING, ratio=NOTHING, enough_data=True, withheld=withheld)
    thin = _thin(before, after, q)
    found = None if thin else intervals(before, after, q, confidence, pilot)
    if found is None or not found[0].bounded:
        thin = thin or FEW_BEYOND
        return Metric(**shown, **_points(values), enough_data=False, withheld=thin)
    saved, ratio = found
    if slowest := as_slowest(held, sides):
        worst = intervals(*slowest, q, confidence, pilot)
        if not worst[0].bounded:
            return Metric(
                **shown,
                difference=NOTHING,
                ratio=NOTHING,
                enough_data=True,
                withheld=hidden_by_refusals(sides),
            )
        saved, ratio = both_ways(saved, worst[0]), both_ways(ratio, worst[1])
    late, unshared = _own(kind, sides, q), _unshared(kind, sides, q)
    harmed, reach = _harm(kind, values, late, saved), None
    if harmed.difference or harmed.ratio:
        late = max(late[0], unshared), max(late[1], unshared)
        wider, wider_ratio = widened(values, late, saved, ratio)
        if _claims(wider) or not _claims(saved):
            saved, ratio, harmed, reach = wider, wider_ratio, Harm(), max(late) / MILLISECOND
    else:
        saved, ratio = widened(values, (unshared, unshared), saved, ratio)
    if kind in {"e2e", *WHOLE} and not harmed.ratio:
        harmed = replace(harmed, ratio=unlike_lengths(sides))
    if not harmed.ratio and not ratio.bounded:
        harmed = replace(harmed, ratio=UNBOUNDED if min(values) > 0 else OF_NOTHING)
    return Metric(
        **shown,
        difference=NOTHING if harmed.difference else _estimate(saved, MILLISECOND),
        ratio=NOTHING if harmed.difference or harmed.ratio else _estimate(ratio, 1),
        enough_data=True,
        withheld=harmed.difference or harmed.ratio or None,
        widened_ms=reach,
    )


def _own(kind: str, sides: Sides, q: float | None) -> tuple[float, float]:
    """The generator's own delay (nanoseconds) in a time: from due also its lateness, from sent only that of its loop."""
    if kind not in {*WAITED, "service"}:
        return 0.0, 0.0
    own = own_delay if kind in FROM_DUE else loop_delay
    return own(sides[0], q), own(sides[1], q)


def _unshared(kind: str, sides: Sides, q: float | None) -> float:
    """By how much (nanoseconds) a difference from due is another than that of the same times from when requests were sent.

    What both targets have of the generator's lateness cancels in it, and what they do not is this, whatever its law.
    Waiting for a connection is not the generator's; where requests did, nobody can tell it apart here.
    """
    bare = SINCE_SENT.get(kind)
    waited = any(each.histograms["pool"].total for side in sides for each in side)
    if bare is None or waited:
        return 0.0
    shifts = []
    for side in sides:
        late, sent = (Distribution.of(side, each) for each in (kind, bare))
        shifts.append(late.value(q, by_round=False) - sent.value(q, by_round=False))
    found = abs(shifts[1] - shifts[0])
    return found if math.isfinite(found) else 0.0


def _harm(kind: str, values: tuple[float, float], late: tuple[float, float], saved: Interval) -> Harm:
    """What that delay did: where it is too much, the interval is widened by it, and withheld where it then says nothing."""
    found = harm(values, late, saved)
    return found if kind in FROM_DUE else replace(found, ratio="")


def _claims(interval: Interval) -> bool:
    """Whether it leaves out that there is no difference."""
    return interval.low > 0 or interval.high < 0


def _thin(before: Distribution, after: Distribution, q: float | None) -> str:
    """Why there is no interval: too few rounds, or too few exchanges beyond the quantile."""
    rounds = min(sum(each.count > 0 for each in side.rounds) for side in (before, after))
    if rounds < 2:
        return f"not enough data: {rounds} paired round{'s' * (rounds != 1)} with answers, and an interval needs at least 2"
    fewest = min(before.pooled.count, after.pooled.count)
    if q is not None and (beyond := exchanges_beyond(fewest, q)) < BEYOND:
        return f"not enough data: {beyond} of {fewest:.0f} exchanges lie beyond it, and an interval needs {BEYOND}"
    if not by_round((before, after), q) and (q is None or exchanges_beyond(fewest, 1 - q) < BEYOND):
        return "not enough data: a round is without answers"
    return ""


def _unanswered(values: tuple[float, float], figure: str) -> str:
    if not any(map(math.isinf, values)):
        return ""
    return (
        "some requests were never answered, so there is no mean"
        if figure == "mean"
        else "it reaches requests that were never answered"
    )


def _points(values: tuple[float, float]) -> dict[str, Estimate]:
    """What stands in place of intervals: the values alone, where there are any."""
    if not all(map(math.isfinite, values)):
        return {"difference": NOTHING, "ratio": NOTHING}
    ratio = Estimate(value=values[1] / values[0]) if values[0] > 0 else NOTHING
    return {"difference": Estimate(value=(values[1] - values[0]) / MILLISECOND), "ratio": ratio}


def _estimate(interval: Interval, unit: float) -> Estimate:
    if not interval.bounded:  # a ratio where a figure or a limit is not above 0
        return NOTHING
    return Estimate(value=interval.value / unit, low=interval.low / unit, high=interval.high / unit)


# Whether the load was what it should have been


def _misloaded(run: Run, pairs: Sequence[Pair]) -> str:
    """Why no latency of these rounds may be compared (METHOD 13, 18); empty: they may."""
    if run.closed_loop:
        return _full_core(run, pairs) or starved(run)
    if run.blocks:
        return ""
    return next(filter(None, map(overload, _sides(pairs))), "")


def overload(side: Sequence[Round]) -> str:
    """Why the latencies of an open loop's rounds on one target are those of a queue; empty: the target held the rate."""
    scheduled = sum(each.recording.scheduled for each in side)
    unsent = sum(each.recording.unsent for each in side)
    if unsent > SHORTFALL * scheduled:
        return f"{side[0].target} was sent {1 - unsent / scheduled:.0%} of the offered rate; lower the rate"
    if side and (_waits_for_connections(side) or _falls_behind(side)):
        return (
            f"{side[0].target} cannot hold the rate: a backlog grew; lower the rate, or raise max_connections"
        )
    return ""


def _full_core(run: Run, pairs: Sequence[Pair]) -> str:
    """A closed loop that the generator itself limits shows the generator's latencies."""
    full = [side[0].target for side in _sides(pairs) if side and saturated(run, side)]
    return f"{GENERATOR} spent a full core on {' and '.join(full)}, so latencies are its own" if full else ""


def _waits_for_connections(side: Sequence[Round]) -> bool:
    """Whether, in most rounds, a tenth of the response time was spent waiting for a free connection."""
    shares = [
        each.recording.histograms["pool"].total / max(1, each.recording.histograms["response"].total)
        for each in side
    ]
    return float(np.median(shares)) > POOL_SHARE


def _falls_behind(side: Sequence[Round]) -> bool:
    """Whether response times grow within rounds by more than 2 % of the time that passes.

    A service that answers a share s of the offered rate falls behind by 1/s − 1 for every second that passes: at less
    than 98 %, by more than 2 %. The growth is shown where the 95 % interval of its mean over rounds leaves out zero.
    """
    growths = [growth for growth in (_growth(each.recording) for each in side) if growth is not None]
    if len(growths) < 2:
        return False
    found = student(growths, 0.95)
    return found.value > SHORTFALL and found.low > 0


def _growth(recording: Recording) -> float | None:
    """Seconds that the response time grows per second of the round; None where the series is too short to tell."""
    points = sorted(
        (index, point.response) for index, point in recording.series.points.items() if point.response.count
    )
    if len(points) < 2:
        return None
    at = np.array([index * recording.series.width for index, _ in points], np.float64)
    return float(
        np.polynomial.polynomial.polyfit(at, np.array([response.mean for _, response in points]), 1)[1]
    )


# Closed loops, and what a reader must know


def _held_up(run: Run, pairs: Sequence[Pair]) -> str:
    """Why throughputs are the generator's own, where it had no full core to spend."""
    for side in _sides(pairs):
        held = held_up([each.recording for each in side])
        if held and not saturated(run, side):
            return f"{held} of {side[0].target}"
    return ""


def _throughput(pairs: Sequence[Pair], confidence: float, held: str) -> Metric:
    """Successes per second, of closed loops only: an open loop's is what was asked for."""
    before, after = (np.array([rate_of(each) for each in side]) for side in _sides(pairs))
    shown: dict[str, Any] = {"metric": "throughput", "primary": False}
    shown |= (
        {"baseline": float(before.mean()), "candidate": float(after.mean())}
        if pairs
        else dict.fromkeys(("baseline", "candidate"))
    )
    if len(pairs) < 2 or not before.all() or not after.all():
        reason = "not enough data: an interval needs at least 2 paired rounds, all with answers"
        return Metric(**shown, difference=NOTHING, ratio=NOTHING, enough_data=False, withheld=reason)
    if held:
        return Metric(**shown, difference=NOTHING, ratio=NOTHING, enough_data=True, withheld=held)
    saved, ratio = difference_and_ratio(before, after, confidence)
    return Metric(
        **shown,
        difference=_estimate(saved, 1),
        ratio=_estimate(ratio, 1) if ratio.bounded else NOTHING,
        enough_data=True,
        withheld=None if ratio.bounded else UNBOUNDED,
    )


def rate_of(round_: Round) -> float:
    """Successes per second of the round's measured time."""
    return round_.recording.ok / round_.measured


def _dependence(held: dict[str, Distributions], primary: str) -> list[str]:
    """Whether the headline's rounds hang on one another, as where a level moves during the run (METHOD 10)."""
    q, sides = _quantile(primary), held[primary.partition(".")[0]]
    if len(sides[0].rounds) < 2 or not by_round(sides, q):
        return []
    saved = np.subtract(sides[1].values(q), sides[0].values(q)) / MILLISECOND
    if len(saved) < TESTED:
        told = (
            f"{len(saved)} pairs of rounds are taken as independent: of fewer than {TESTED} nobody can tell whether the "
            "level moved during the run."
        )
    elif halves := moved(saved):
        first, second = (f"{each:+,.3g}".replace("-", "−") for each in halves)
        told = (
            f"The level moved: the difference was {first} ms in the first half of the run and {second} ms in the second, "
            "and one figure does not say both."
        )
    elif alike := resemblance(saved):
        told = (
            f"The level moved during the run: rounds resemble their neighbours (correlation {min(alike, 1.0):.1f}). The "
            "interval is wider for it, and may still be too narrow."
        )
    else:
        return []
    return [told]


def _widening(metrics: Sequence[Metric]) -> list[str]:
    """What intervals were widened by, on the generator's account (METHOD 18)."""
    reaches = {each.metric: each.widened_ms for each in metrics if each.widened_ms is not None}
    if not reaches:
        return []
    most = f"{max(reaches.values()):.3g} ms"
    return [
        f"The generator itself was late: the intervals of {', '.join(reaches)} are wider for it, by up to {most}."
    ]


def _remarks(run: Run, baseline: str, candidate: str, pairs: Sequence[Pair]) -> list[str]:
    remarks = _fairness(run, baseline, candidate, pairs)
    if run.settings.get("keep_connections"):
        remarks.append(
            "Connections were kept between rounds, so the luck of a path or replica is in every one of them: "
            "the intervals are too narrow."
        )
    if run.blocks:
        remarks += _hanging(pairs)
    if run.closed_loop:
        remarks.append(
            "At equal concurrency: the target that answers sooner is asked more often, so loads are not equal."
        )
        remarks += [
            f"Throughput is at least what is shown: {reason}."
            for reason in [_full_core(run, pairs)]
            if reason
        ]
        remarks += _backend_bound(pairs)
    return remarks


def _hanging(pairs: Sequence[Pair]) -> list[str]:
    """Whose mean one answer makes: unlike tails are what a few answers cannot tell (METHOD 25)."""
    remarks = []
    for side in _sides(pairs):
        answers = merged([each.recording for each in side]).histograms["response"]
        if answers.count > 1 and answers.maximum > HANGING * answers.total:
            remarks.append(
                f"The mean of {side[0].target} hangs on one answer, which took {answers.maximum / answers.total:.0%} "
                "of the time of all of them; measure more requests before you quote it."
            )
    return remarks


def _fairness(run: Run, baseline: str, candidate: str, pairs: Sequence[Pair]) -> list[str]:
    """What is not alike about the targets, or too much so (METHOD 15)."""
    remarks = []
    infos = [run.targets[name] for name in (baseline, candidate)]
    found = [
        {*info.addresses, *(address for each in side for address in each.addresses)}
        for info, side in zip(infos, _sides(pairs), strict=True)
    ]
    shared = found[0] & found[1]
    if shared:
        remarks.append(f"Both targets answered on the same address, {min(shared)}.")
    called = [name in run.discovered for name in (baseline, candidate)]
    if called[0] != called[1]:
        direct, other = (baseline, candidate) if called[0] else (candidate, baseline)
        remarks.append(
            f"{direct} calls the service's instances past any gateway, by their weights; {other} has what its gateway "
            "does in its figures, and which instance answers there is the gateway's choice."
        )
    schemes = [urlsplit(info.url).scheme for info in infos]
    if schemes[0] != schemes[1]:
        remarks.append(
            f"Unlike schemes: {baseline} speaks {schemes[0]}, {candidate} {schemes[1]}, and TLS is in the figures."
        )
    return remarks + _unlike_sizes(baseline, candidate, pairs) + _unlike_caches(baseline, candidate, pairs)


def _unlike_caches(baseline: str, candidate: str, pairs: Sequence[Pair]) -> list[str]:
    """That one target's cache held more of the prompts."""
    shares = unlike_caches([[each.recording for each in side] for side in _sides(pairs)])
    if shares is None:
        return []
    remark = (
        f"Unlike caches: of the tokens asked, {shares[0]:.0%} were in {baseline}'s cache and {shares[1]:.0%} in "
        f"{candidate}'s; the warmer one has its first token sooner. Salt the prompts, or warm both alike."
    )
    return [remark]


def _unlike_sizes(baseline: str, candidate: str, pairs: Sequence[Pair]) -> list[str]:
    """That answers are not the same, as their sizes tell; streams are held against their tokens."""
    kept = [merged([each.recording for each in side]).histograms["size"] for side in _sides(pairs)]
    sizes = [each.mean / BYTE for each in kept if each.count]
    if len(sizes) < 2 or max(sizes) <= (1 + UNLIKE_SIZES) * min(sizes):
        return []
    before, after = map(format_size, sizes)
    return [
        f"Unlike answers: {before} on average from {baseline}, {after} from {candidate}; what is larger takes longer."
    ]


def _backend_bound(pairs: Sequence[Pair]) -> list[str]:
    """Level throughputs over unlike round trips: something behind both addresses sets the pace (METHOD 13)."""
    rates = [sum(map(rate_of, side)) for side in _sides(pairs)]
    trips = [_connect(side) for side in _sides(pairs)]
    level = 0 < max(rates) <= (1 + ALIKE) * min(rates)
    if not level or not min(trips) > 0 or max(trips) <= UNLIKE_TRIPS * min(trips):
        return []
    return [
        "Backend-bound: the address's effect is hidden, for throughputs are level over unlike round trips."
    ]


def _connect(side: Sequence[Round]) -> float:
    """The mean time to connect, in nanoseconds."""
    connects = [each.recording.handshakes["connect"] for each in side]
    return sum(each.total for each in connects) / max(1, sum(each.count for each in connects))
