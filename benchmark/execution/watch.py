"""Watches a run for objectives with `abort: true`: ends it once one of them cannot be met any more, and not before.

Requests that nobody has reported yet are taken to turn out well, and so are, for objectives over the whole run, all that
are still to come: what breaks an objective here breaks it in the report. What the generator's own lateness may have
done breaks nothing.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from benchmark.analysis.windows import RANKS, Window, judge_window, ranked, surely_more, windows
from benchmark.execution.group import Snapshot
from benchmark.execution.plan import Plan
from benchmark.execution.rounds import is_late
from benchmark.measure.recording import Recording
from benchmark.measure.series import Series
from benchmark.result.run import Round
from benchmark.scenario.objective import Objective
from benchmark.units import NANOSECONDS

MARGIN = 1.02  # on the requests that are expected, which may be random

Key = tuple[str, int]  # of a round: its target and number


class Watch:
    """Sees what a run records; `end` is told why, once, when it is to end."""

    def __init__(self, plan: Plan, objectives: Iterable[Objective], end: Callable[[str], None]) -> None:
        self.broken = ""  # which objective, on which target
        self.why = ""  # what `end` was told
        self._end = end
        self._objectives = [each for each in objectives if each.abort]
        self._rounds = plan.max_rounds if plan.precision else plan.rounds  # at most
        self._each = (plan.request_rate or math.inf) * plan.duration / plan.rounds  # requests of a round
        self._connections = 0 if plan.open_loop else plan.limit  # in stages, the most of them
        self._series: defaultdict[Key, Series] = defaultdict(Series)
        self._seen: defaultdict[Key, Recording] = defaultdict(Recording)
        self._bad: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        self._settled: defaultdict[Key, float] = defaultdict(float)  # seconds, by the snapshot before

    def observe(self, snapshot: Snapshot) -> None:
        """Take what was recorded since the last snapshot."""
        mine = [each for each in self._objectives if each.target in {None, snapshot.target}]
        if self.broken or not mine:
            return
        key = snapshot.target, snapshot.number
        self._each = max(self._each, snapshot.planned)  # rounds are longer where answers are slow
        self._seen[key].merge(_counts(snapshot.recording))
        self._series[key].merge(snapshot.recording.series)
        for each in mine:
            if not each.window:
                self._bad[key][each.text] += math.ceil(breaking(snapshot.recording, each))
        if is_late(self._seen[key]):
            return
        for each in mine:
            if self._in_windows(key, each, snapshot) if each.window else self._for_good(key, each):
                self.broken = f"`{each.text}` on {snapshot.target}"
                self.why = f"{self.broken} cannot be met any more"
                self._end(self.why)
                return
        self._settled[key] = snapshot.settled

    def finished(self, round_: Round) -> None:
        """Take note that a round is over; one that cannot be used breaks nothing."""
        key = round_.target, round_.number
        self._series.pop(key, None)
        self._seen.pop(key, None)
        if round_.flaw:
            self._bad.pop(key, None)

    def _in_windows(self, key: Key, objective: Objective, snapshot: Snapshot) -> bool:
        """Whether a window that is over breaks it, among those that something new is known of, or that end now."""
        seen, series = self._seen[key], self._series[key]
        unreported = max(snapshot.due - seen.scheduled, self._connections, 0)
        news = snapshot.recording.series
        earliest = min(news.points, default=math.inf) * news.width / NANOSECONDS
        since = min(earliest, self._settled[key], snapshot.elapsed - objective.window) - objective.window
        return any(
            surely_broken(window, objective, 0 if window.end <= snapshot.settled + 1e-9 else unreported)
            for window in windows(series, objective.window, snapshot.elapsed, max(objective.grace, since))
        )

    def _for_good(self, key: Key, objective: Objective) -> bool:
        """Whether more requests break it than all that are expected could make up for."""
        bad = sum(each[objective.text] for (target, _), each in self._bad.items() if target == key[0])
        return bad > allowed(objective) * MARGIN * self._rounds * self._each


def _counts(part: Recording) -> Recording:
    """What `is_late` and the account need of a part."""
    kept = Recording()
    kept.scheduled = part.scheduled
    for name in ("response", "lateness"):
        kept.histograms[name].merge(part.histograms[name])
    return kept


def allowed(objective: Objective) -> float:
    """The share of requests that may break an objective."""
    if objective.metric == "failures":
        return objective.limit
    return 1 - (objective.limit if objective.metric == "rate" else RANKS[objective.metric])


def breaking(part: Recording, objective: Objective) -> float:
    """How many requests of a part break an objective."""
    if not objective.of_times:
        return part.failed
    return part.histograms["response"].above(objective.limit * NANOSECONDS) + part.unanswered


def surely_broken(window: Window, objective: Objective, unreported: int) -> bool:
    """Whether a window breaks an objective, however well what was not reported of it turns out."""
    judged = judge_window(window, objective)
    if not judged.broken or judged.late:
        return False
    point = window.point
    whole = window.sample + unreported
    if objective.metric == "rate":
        ok = point.response.count + unreported
        return ok < objective.limit * (whole if objective.of_offered else window.end - window.begin)
    if not objective.at_most:
        return not unreported
    if objective.metric == "failures":
        return point.failed > objective.limit * whole
    if objective.metric == "goodput":
        return point.good + unreported < objective.limit * whole
    if objective.time == "itl":  # nobody knows how many gaps the unreported have
        return not unreported
    durations = ranked(point, objective.time)
    if objective.metric == "mean":
        most = objective.limit * NANOSECONDS * (durations.count + unreported)
        return durations.beyond > 0 or durations.histogram.total > most
    above, most = durations.above(objective.limit * NANOSECONDS), durations.count + unreported
    if objective.estimated:
        return surely_more(above, most, objective)
    return above > (1 - RANKS[objective.metric]) * most
