"""The search for the highest load that meets every demand: a pure state machine, `propose()` and `observe()`.

Grows from a low level until one is surely too much, then bisects by belief: the next level is the median of what all
levels tried say of the crossing (Horstein, 1963), so that a noisy level is tried again instead of being believed.
Knows no clock and sends nothing: whoever runs a trial says how many seconds it took.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.analysis.capacity_fit import CAP, Crossing, Floats, Point, Tally, crossing, struck
from benchmark.analysis.statistics import Interval, student

WINDOWS = 20  # of a trial
GROWTH = 2.0
SMALLEST = 1 / 256  # of the start, below which nobody wants to know
LEAST_EDGE = 10  # trials after the growth
SAVED = 0.7  # of the capacity, to run at with 30 % of head-room
RATE_LIMITED = 0.001  # of a trial's requests, past which the gateway was measured
BELOW_LIMIT = 0.95  # of what the gateway lets through, to see whether the service holds that much
PATIENCE = 3  # trials of one level in which the generator is late, before it is taken for the limit
LEAST_REQUESTS = 40  # of a trial, also at a low level
FAR_BELOW = 0.6  # of the crossing
LEAST_WINDOW = 20  # requests of a window in which noise would show
ALIKE = 0.4  # of the rate near the crossing
LEAST_AGAIN = 4  # levels that were tried again, to tell whether they answer slower
SIDES = (0.0, 0.015, -0.015)  # where the next trials lie beside the believed crossing: a line needs two ends


@dataclass(frozen=True)
class Demand:
    """An objective as a limit on the share of requests that break it."""

    text: str
    limit: float
    span: float = 0.0  # seconds that one which breaks it has waited, at least


@dataclass(frozen=True)
class Trial:
    """What to try next."""

    level: float  # requests per second, or connections
    seconds: float  # measured


@dataclass(frozen=True)
class Observation:
    """What a trial saw, in windows by the instants at which requests were due."""

    requests: Floats
    violations: dict[str, Floats]  # by the demand's text; a failed request breaks every demand
    response: Floats  # mean in every window, in any unit; NaN where there is none
    seconds: float  # that the trial took, warm-up and cool-down included
    admitted: float = 0.0  # successes per second
    rate_limited: int = 0  # answered 429
    queue_full: int = 0  # answered 450
    failed: int = 0
    flaw: str = ""  # why the generator was measured instead
    late: dict[str, Floats] = field(
        default_factory=dict
    )  # of the violations of a demand on time: answered, too late
    nearly: dict[str, Floats] = field(default_factory=dict)  # the same, beyond half of what the demand allows

    def kept(self, text: str) -> Tally:
        """The windows that tell of the load, where those that look like it are noise."""
        clean = ~self.struck(text)
        return Tally(self.requests[clean], self.violations[text][clean])

    def struck(self, text: str) -> NDArray[np.bool_]:
        """The windows that look as if noise had struck them; or a single service that took very long."""
        if text not in self.nearly:
            return np.zeros(len(self.requests), bool)
        return struck(self.requests, self.late[text], self.nearly[text])


@dataclass
class Level:
    """One level and all trials of it."""

    level: float
    seen: list[Observation] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)  # of the trials that count, by demand
    grew: bool = False
    torn: bool = False  # as many trials say yes as say no
    verdict: str = "open"  # yes, no, open; gateway, generator: it says nothing of the service

    @property
    def usable(self) -> bool:
        """Whether it says something of the service."""
        return self.verdict in {"yes", "no", "open"}


@dataclass(frozen=True)
class Found:
    """The answer. A missing upper limit: nothing gave way up to there."""

    value: float
    low: float
    high: float | None
    limited_by: str | None  # latency, failures, queue, gateway, generator
    demand: str | None  # the objective that gave way first
    levels: tuple[Level, ...]
    knee: float | None
    background: float  # share of requests that break the demand at any load
    finished: bool  # as precisely as was asked, and not merely out of time
    slowed: float | None = (
        None  # by what share levels answered slower when they were tried again; None: not shown
    )

    @property
    def head_room(self) -> float:
        """The level to run at with 30 % to spare."""
        return SAVED * self.value


class Search:
    """Finds a capacity within a time budget.

    Args:
        demands: what must hold, at least one.
        start: the first level, thought to be low.
        budget: seconds for all trials.
        trial: seconds that a trial is measured for.
        precision: half the interval's width, relative, at which the search is content.
        whole: levels are whole numbers (connections).
    """

    def __init__(
        self,
        demands: Sequence[Demand],
        *,
        start: float,
        budget: float,
        trial: float,
        precision: float = 0.05,
        whole: bool = False,
    ) -> None:
        self._demands = tuple(demands)
        self._start = start
        self._budget = budget
        self._trial = trial
        self._precision = precision
        self._whole = whole
        self._levels: dict[float, Level] = {}
        self._spent = 0.0
        self._longest = 0.0  # seconds that a trial took
        self._asked: Trial | None = None
        self._edge = 0  # trials since the growth ended
        self._finished = False
        self._ceiling = math.inf  # where the gateway or the generator gives way
        self._vetoes: Counter[float] = Counter()  # trials that measured something else, by level
        self._let_through = 0.0  # by the gateway, at the most

    @property
    def expected(self) -> float:
        """Seconds that the search will take at the most."""
        return self._budget

    def propose(self) -> Trial | None:
        """The next trial; None: the answer is as good as it gets."""
        level = None if self._finished else self._next_level()
        if level is None:
            self._finished = True
            return None
        cost, left = self._longest, self._budget - self._spent
        if left < 0.6 * cost:
            return None
        seconds = max(self._trial, LEAST_REQUESTS / level if not self._whole else 0.0)
        if left < cost:
            seconds *= left / cost
        self._asked = Trial(level, seconds)
        return self._asked

    def resume(self, level: float, seconds: float) -> None:
        """Take it that this trial was proposed, as it was when the search was run."""
        self._asked = Trial(level, seconds)

    def observe(self, seen: Observation) -> None:
        """What the proposed trial saw."""
        assert self._asked is not None, "nothing was proposed"
        at, self._asked = self._asked.level, None
        self._spent += seen.seconds
        self._longest = max(self._longest, seen.seconds)
        level = self._levels.get(at)
        if seen.rate_limited > RATE_LIMITED * seen.requests.sum() or seen.flaw:
            self._veto(at, seen)
            return
        if level is None or not level.usable:
            level = self._levels[at] = Level(at)
        level.seen.append(seen)
        self._judge(level)
        self._edge += self._lowest("no") is not None

    def result(self) -> Found:
        """The best answer so far."""
        levels = tuple(sorted(self._levels.values(), key=lambda each: each.level))
        highest = max((each.level for each in levels if each.verdict == "yes"), default=0.0)
        if not any(each.verdict == "no" for each in levels):
            return self._unbroken(levels, highest)
        if not highest:
            return self._unmet(levels)
        demand, crossed = self._crossed()
        believed = self._bracketed(crossed.level)
        value = math.floor(believed.value) if self._whole else believed.value
        if value > self._ceiling:
            return self._unbroken(levels, highest)
        return Found(
            value=value,
            low=believed.low,
            high=believed.high,
            limited_by=self._cause(levels),
            demand=demand.text,
            levels=levels,
            knee=knee(levels),
            background=crossed.background + noise(levels, demand.text),
            finished=self._finished,
            slowed=slowed(levels),
        )

    def _unmet(self, levels: tuple[Level, ...]) -> Found:
        """No level was seen to hold."""
        demand, _ = self._crossed()
        return Found(
            value=0.0,
            low=0.0,
            high=min(each.level for each in levels if each.verdict == "no"),
            limited_by=self._cause(levels),
            demand=demand.text,
            levels=levels,
            knee=None,
            background=0.0,
            finished=self._finished,
        )

    def _unbroken(self, levels: tuple[Level, ...], highest: float) -> Found:
        """The service held all that reached it."""
        open_ = max((each.level for each in levels if each.usable), default=highest)
        limited = {each.verdict for each in levels} & {"gateway", "generator"}
        by = "gateway" if "gateway" in limited else "generator" if limited else None
        value = self._let_through if by == "gateway" else highest or open_
        high = min((each.level for each in levels if each.verdict == by), default=None) if by else None
        return Found(
            value=value,
            low=min(highest, value),
            high=high,
            limited_by=by,
            demand=None,
            levels=levels,
            knee=knee(levels),
            background=0.0,
            finished=self._finished,
        )

    def _next_level(self) -> float | None:
        if not self._levels:
            return self._rounded(self._start)
        torn = [each.level for each in self._levels.values() if each.torn]
        if torn:
            return torn[0]
        broken = self._lowest("no")
        if broken is None:
            return self._grow()
        if not self._confirmed(broken):
            return broken.level  # one trial is noise: open it again
        if self._lowest("yes") is None:
            return self._shrink()
        believed = self._bracketed(self._crossed()[1].level)
        if self._content(believed):
            return None
        return self._beside(believed)

    def _bracketed(self, fitted: Interval) -> Interval:
        """What the fit says, but never more than was seen: a level that held and one that did not lie on either side."""
        held = max((each.level for each in self._levels.values() if each.verdict == "yes"), default=0.0)
        broke = min((each.level for each in self._levels.values() if each.verdict == "no"), default=math.inf)
        if held < broke:
            value = min(max(fitted.value, held), broke)
            return Interval(value, min(fitted.low, held), max(fitted.high, broke))
        return Interval(fitted.value, min(fitted.low, broke), max(fitted.high, held))

    def _grow(self) -> float | None:
        highest = max(self._levels)
        last = self._levels[highest]
        if last.usable and last.verdict == "open" and len(last.seen) == 1:
            return last.level  # in doubt: look again before going on
        clean = max((level for level, each in self._levels.items() if each.usable), default=0.0)
        if self._ceiling < math.inf:
            return self._below_ceiling(clean)
        return self._rounded(GROWTH * clean)

    def _shrink(self) -> float | None:
        """Half of the lowest level, until one holds: a capacity that was nowhere seen to hold is none."""
        lowest = min(self._levels)
        smaller = self._rounded(lowest / GROWTH)
        return smaller if smaller < lowest and lowest > SMALLEST * self._start else None

    def _below_ceiling(self, clean: float) -> float | None:
        """Just below where the gateway or the generator gave way, unless that was tried."""
        if self._let_through:
            wanted = self._rounded(BELOW_LIMIT * min(self._let_through, self._ceiling))
        else:
            wanted = self._rounded(math.sqrt(clean * self._ceiling)) if clean else self._ceiling / GROWTH
            if wanted < 1.15 * clean:
                return None
        tried = self._levels.get(wanted)
        return wanted if tried is None and wanted > clean else None

    def _beside(self, believed: Interval) -> float:
        """At the believed crossing, or a little to either side once it is known roughly."""
        wide = believed.high / believed.low > 1.3
        shift = 0.0 if wide else SIDES[self._edge % len(SIDES)]
        return self._rounded(min(believed.value * (1 + shift), 0.999 * self._ceiling))

    def _rounded(self, level: float) -> float:
        if self._whole:
            return float(max(1, round(level)))
        return float(f"{level:.3g}")

    def _content(self, believed: Interval) -> bool:
        if self._edge < LEAST_EDGE:
            return False
        if self._whole and believed.high - believed.low < 1:
            return True
        return believed.high / believed.low < (1 + self._precision) / (1 - self._precision)

    def _confirmed(self, level: Level) -> bool:
        """Growing backlogs in itself, or two trials that agree, or another level that is surely too much."""
        others = sum(each.verdict == "no" for each in self._levels.values())
        return level.grew or len(level.seen) > 1 or others > 1

    def _lowest(self, verdict: str) -> Level | None:
        found = [each for each in self._levels.values() if each.verdict == verdict]
        return min(found, key=lambda each: each.level, default=None)

    def _crossed(self) -> tuple[Demand, Crossing]:
        """The demand that gives way first, and where."""
        found = [(demand, self._crossing(demand)) for demand in self._demands]
        return min(found, key=lambda each: each[1].level.value)

    def _crossing(self, demand: Demand) -> Crossing:
        """Where a demand gives way, if what looks like noise is that, and if it is the load's; the interval holds both.

        A service whose times are heavy blocks its queue at once, as a pause does. But that comes with the load, and a
        pause at any load.
        """
        usable = [each for each in self._levels.values() if each.usable and each.tallies]
        clean = [
            Point(each.level, each.tallies[demand.text], each.grew, self._bunch(each, demand))
            for each in usable
        ]
        as_noise = crossing(clean, demand.limit)
        if not any(seen.struck(demand.text).any() for each in usable for seen in each.seen):
            return as_noise
        whole = [
            replace(point, tally=whole_of(each.seen, demand.text))
            for point, each in zip(clean, usable, strict=True)
        ]
        as_load = crossing(whole, demand.limit, noise=False)
        likely = as_noise if comes_at_any_load(usable, demand.text, as_load.level.value) else as_load
        both = (as_noise.level, as_load.level)
        low, high = min(each.low for each in both), max(each.high for each in both)
        return replace(likely, level=Interval(likely.level.value, low, high))

    def _bunch(self, level: Level, demand: Demand) -> float:
        """How many were due while one that broke the demand waited."""
        rate = level.level if not self._whole else float(np.mean([each.admitted for each in level.seen]))
        return max(1.0, rate * demand.span)

    def _judge(self, level: Level) -> None:
        """All trials of a level together, but for those that the greater number contradicts outright."""
        said = [self._verdict(tallies_of([seen]), grew=self._backlog(seen)) for seen in level.seen]
        yes, no = said.count("yes"), said.count("no")
        level.torn = yes == no > 0
        outvoted = {"yes" if no > yes else "no"} if yes and no and not level.torn else set()
        counted = [seen for seen, verdict in zip(level.seen, said, strict=True) if verdict not in outvoted]
        level.tallies = tallies_of(counted)
        level.grew = any(map(self._backlog, counted)) and not level.torn
        level.verdict = "open" if level.torn else self._verdict(level.tallies, grew=level.grew)

    def _verdict(self, tallies: dict[str, Tally], *, grew: bool) -> str:
        if grew:
            return "no"
        known = [
            (tallies[demand.text], demand.limit)
            for demand in self._demands
            if tallies[demand.text].requests.sum()
        ]
        if any(tally.capped(CAP * limit).interval().low > limit for tally, limit in known):
            return "no"  # in ordinary windows: one that is out of the ordinary is no proof
        return "yes" if known and all(tally.interval().high < limit for tally, limit in known) else "open"

    def _backlog(self, seen: Observation) -> bool:
        """Responses that rise all through the trial, until most of a window breaks a demand: it would never end."""
        known = seen.response[~np.isnan(seen.response)]
        if len(known) < 10 or not self._demands:
            return False
        ranks = known.argsort().argsort()
        rising = float(np.corrcoef(ranks, np.arange(len(known)))[0, 1]) > 0.8 if np.ptp(ranks) else False
        last = slice(-len(seen.requests) // 4, None)
        worst = max(
            float(broken[last].sum() / max(seen.requests[last].sum(), 1))
            for broken in seen.violations.values()
        )
        return rising and worst > 0.5

    def _veto(self, at: float, seen: Observation) -> None:
        """It measured the gateway, or the generator; a late trial or two are the host's noise, and is tried again."""
        by = "gateway" if not seen.flaw else "generator"
        known = self._levels.get(at)
        if known is not None and known.usable and known.seen:
            return  # this one trial is not counted
        self._vetoes[at] += 1
        held = max((level for level, each in self._levels.items() if each.usable), default=0.0)
        if by == "generator" and (self._vetoes[at] < PATIENCE or at <= held):
            return
        self._levels[at] = Level(at, [seen], tallies_of([seen]), verdict=by)
        self._ceiling = min(self._ceiling, at)
        if by == "gateway":
            self._let_through = max(self._let_through, seen.admitted)

    def _cause(self, levels: Sequence[Level]) -> str:
        """What gave way, at the lowest levels that were too much."""
        seen = [each for level in levels if level.verdict == "no" for each in level.seen][:3]
        broken = sum(max(float(each.sum()) for each in one.violations.values()) for one in seen)
        if sum(one.queue_full for one in seen) > 0.5 * broken:
            return "queue"
        return "failures" if sum(one.failed for one in seen) > 0.5 * broken else "latency"


def expected_half(budget: float) -> float:
    """Half the relative width that an interval is likely to have, of a queue searched for so many seconds.

    By simulated searches of M/M/1: ± 40 % in 5 min, ± 30 % in 20 (`tests.analysis.test_searches`).
    """
    return 0.4 * math.pow(budget / 300, -0.2)


def tallies_of(seen: Sequence[Observation]) -> dict[str, Tally]:
    """The windows of some trials, one after the other, for every demand."""
    return {
        text: Tally(
            np.concatenate([each.kept(text).requests for each in seen]),
            np.concatenate([each.kept(text).violations for each in seen]),
        )
        for text in seen[0].violations
    }


def whole_of(seen: Sequence[Observation], text: str) -> Tally:
    """All windows of some trials, one after the other."""
    return Tally(
        np.concatenate([each.requests for each in seen]),
        np.concatenate([each.violations[text] for each in seen]),
    )


def comes_at_any_load(levels: Sequence[Level], text: str, crossing: float) -> bool:
    """Whether windows that look struck are about as frequent far below the crossing as near it."""
    rates = []
    for low in (True, False):
        own = [seen for each in levels if (each.level < FAR_BELOW * crossing) is low for seen in each.seen]
        windows = sum(int((seen.requests >= LEAST_WINDOW).sum()) for seen in own)
        count = sum(int((seen.struck(text) & (seen.requests >= LEAST_WINDOW)).sum()) for seen in own)
        rates.append(count / windows if windows else 0.0)
    return rates[0] > ALIKE * rates[1]


def noise(levels: Sequence[Level], text: str) -> float:
    """The share of requests that broke a demand in windows that tell nothing of the load."""
    seen = [each for level in levels if level.usable for each in level.seen]
    broken = sum(float(each.violations[text].sum() - each.kept(text).violations.sum()) for each in seen)
    return broken / max(sum(float(each.requests.sum()) for each in seen), 1.0)


def slowed(levels: Sequence[Level]) -> float | None:
    """By what share levels answered slower the last time than the first, where that is shown (t over levels, at 1 %)."""
    logs = []
    for level in levels:
        means = [float(np.nanmean(each.response)) for each in level.seen if not np.isnan(each.response).all()]
        if level.usable and len(means) > 1 and min(means) > 0:
            logs.append(math.log(means[-1] / means[0]))
    if len(logs) < LEAST_AGAIN:
        return None
    found = student(logs, 0.99)
    return math.expm1(found.value) if found.low > 0 else None


def knee(levels: Sequence[Level]) -> float | None:
    """The level of most power, load over mean response (Kleinrock, 1979): beyond it waiting grows faster than work."""
    powers = []
    for level in levels:
        responses = [each.response[~np.isnan(each.response)] for each in level.seen]
        if level.usable and any(len(each) > 0 for each in responses):
            rates = float(np.mean([each.admitted for each in level.seen]))
            powers.append((rates / float(np.concatenate(responses).mean()), level.level))
    return max(powers)[1] if powers else None
