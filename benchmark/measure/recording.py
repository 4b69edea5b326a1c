"""What is kept of the exchanges of one target in one round: constant memory, serialisable, exactly mergeable.

The accounting invariant holds in every recording that a round ends with: scheduled = ok + failed + unsent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from benchmark.measure.bands import Bands
from benchmark.measure.exchange import Failure
from benchmark.measure.histogram import Histogram
from benchmark.measure.series import Series

PHASES = ("pool", "dns", "connect", "tls", "send", "wait", "transfer")
HANDSHAKES = ("dns", "connect", "tls")
METRICS = ("response", "service", "lateness", *PHASES)


class Recording:
    """Counts, statuses, bytes, exact sums, histograms and series; `merge` adds another one exactly.

    `histograms` hold the successes, by the names in `METRICS`, and their answers' `size` in
    `BYTE`s; one that nothing was recorded in is empty. `handshakes`
    hold what each new connection paid (dns, connect, tls), whether or not an exchange waited for it; `new_connections`
    counts them; its `rtt` is each connection's shortest round trip, as the kernel timed it. `counters` hold what only
    some runs have: the tokens of streams, and what the kernel counted on the wire; and `watched`, the measured time
    (nanoseconds, summed over workers) in which the loop's turns were counted, which `histograms` keep as `turn`.
    """

    def __init__(self) -> None:
        self.scheduled = 0
        self.ok = 0
        self.unsent = 0
        self.failures: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.counters: Counter[str] = Counter()
        self.unanswered = 0  # failed, and ranked as infinitely slow
        self.sent_bytes = 0
        self.received_bytes = 0
        self.new_connections = 0
        self.stale_reuses = 0
        self.histograms: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.handshakes: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.series = Series()
        self.bands = Bands()
        self.first_due = 0  # clock nanoseconds; zero: none yet
        self.last_done = 0

    @property
    def failed(self) -> int:
        """Exchanges that did not succeed, of all kinds."""
        return self.failures.total()

    @property
    def beyond(self) -> int:
        """How many rank as infinitely slow in response-time quantiles (METHOD 4)."""
        return self.unanswered + self.unsent

    def quantile(self, metric: str, q: float) -> float:
        """The q-quantile of a metric in nanoseconds; in response times the unanswered and unsent rank as infinite."""
        return self.histograms[metric].quantile(q, self.beyond if metric == "response" else 0)

    def merge(self, other: Recording) -> None:
        """Add all that `other` kept; exact, and in any order."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failures.update(other.failures)
        self.statuses.update(other.statuses)
        self.counters.update(other.counters)
        for mine, others in ((self.histograms, other.histograms), (self.handshakes, other.handshakes)):
            for name, histogram in others.items():
                mine[name].merge(histogram)
        self.series.merge(other.series)
        self.bands.merge(other.bands)
        self.first_due = min(filter(None, (self.first_due, other.first_due)), default=0)
        self.last_done = max(self.last_done, other.last_done)

    def sent(self) -> Recording:
        """The same without what was never sent."""
        new = merged([self])
        new.scheduled -= new.unsent
        new.unsent = 0
        return new

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a file."""
        return {
            **{name: getattr(self, name) for name in (*_COUNTS, "first_due", "last_done")},
            "failures": dict(self.failures),
            "statuses": {str(status): n for status, n in self.statuses.items()},
            "counters": dict(self.counters),
            "histograms": _to_dicts(self.histograms),
            "handshakes": _to_dicts(self.handshakes),
            "series": self.series.to_dict(),
            "bands": self.bands.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Recording:
        """The inverse of `to_dict`."""
        new = cls()
        for name in (*_COUNTS, "first_due", "last_done"):
            setattr(new, name, int(data[name]))
        new.failures = Counter(data["failures"])
        new.counters = Counter(data.get("counters", {}))
        new.statuses = Counter({int(status): n for status, n in data["statuses"].items()})
        for kept, mine in ((data["histograms"], new.histograms), (data["handshakes"], new.handshakes)):
            mine.update({name: Histogram.from_dict(histogram) for name, histogram in kept.items()})
        new.series = Series.from_dict(data["series"])
        new.bands = Bands.from_dict(data.get("bands", {}))
        return new


def _to_dicts(histograms: dict[str, Histogram]) -> dict[str, Any]:
    return {name: histogram.to_dict() for name, histogram in histograms.items() if histogram.count}


_COUNTS = (
    "scheduled",
    "ok",
    "unsent",
    "unanswered",
    "sent_bytes",
    "received_bytes",
    "new_connections",
    "stale_reuses",
)


def merged(recordings: list[Recording]) -> Recording:
    """All of them as one, for pooled figures."""
    total = Recording()
    for recording in recordings:
        total.merge(recording)
    return total


def unreported(due: int, planned: int, recorded: int) -> Recording:
    """The account of a round that broke off: what was due and not recorded is lost, what was due later is unsent."""
    rest = Recording()
    rest.unanswered = max(0, due - recorded)
    if rest.unanswered:
        rest.failures[Failure.LOST.label] = rest.unanswered
    rest.unsent = max(0, planned - max(due, recorded))
    rest.scheduled = rest.unanswered + rest.unsent
    return rest
