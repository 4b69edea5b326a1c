"""The tables of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.report import phrases
from benchmark.result.model import Comparison, Estimate, Metric, Result
from benchmark.units import format_rate, format_size, significant

COLUMNS = ("mean", "p50", "p90", "p95", "p99", "p99.9", "max")
PHASES = ("pool", "dns", "connect", "tls", "wait", "transfer")


@dataclass(frozen=True)
class Table:
    """Text in rows; the first column is a row's name, the others are figures."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def comparison(compared: Comparison) -> Table:
    """Metric by metric: both values, the difference, the ratio."""
    names = (compared.baseline, compared.candidate)
    level = f"{compared.confidence * 100:.3g} % CI"
    metrics = [m for m in compared.metrics if m.baseline is not None or m.candidate is not None or m.primary]
    withheld: dict[str, list[str]] = {}
    for metric in metrics:
        if metric.withheld:
            withheld.setdefault(metric.withheld, []).append(phrases.figure_name(metric.metric))
    notes = [f"{', '.join(which)}: {why}." for why, which in withheld.items()]
    return Table(
        f"{names[1]} against {names[0]}, over {compared.rounds} pairs of rounds (ms; ▸ was chosen beforehand, all others are secondary)",
        ("metric", *names, f"difference ({level})", f"ratio ({level})"),
        tuple(_metric_row(metric) for metric in metrics),
        tuple(notes),
    )


def _metric_row(metric: Metric) -> tuple[str, ...]:
    mark = "▸ " if metric.primary else ""
    return (
        mark + phrases.figure_name(metric.metric),
        phrases.ms(metric.baseline),
        phrases.ms(metric.candidate),
        _difference(metric.difference),
        _ratio(metric.ratio),
    )


def _difference(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:+.2f}".replace("-", "−")
    low, high = phrases.bounds(estimate, signed=True)
    return f"{estimate.value:+.{phrases.decimals_of(estimate)}f}".replace("-", "−") + f" ({low} … {high})"


def _ratio(estimate: Estimate) -> str:
    if estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return significant(estimate.value)
    return f"{significant(estimate.value)} ({significant(estimate.low)} … {significant(estimate.high)})"


def latency(result: Result) -> Table:
    """Response times first, then what they are made of."""
    rows = []
    for name, target in result.targets.items():
        rows.append((f"{name}: response", *(phrases.shown(target.response_ms, column) for column in COLUMNS)))
        if target.counts.failed + target.counts.unsent:
            rows.append(
                (f"{name}: successes only", *(phrases.shown(target.success_ms, column) for column in COLUMNS))
            )
        rows.append((f"{name}: service", *(phrases.shown(target.service_ms, column) for column in COLUMNS)))
        rows.append((f"{name}: lateness", *(phrases.shown(target.lateness_ms, column) for column in COLUMNS)))
    return Table("Milliseconds; – not enough data", ("target", *COLUMNS), tuple(rows))


def phases(result: Result) -> tuple[Table, ...]:
    """Means per exchange, and per new connection."""
    exchanges = [
        (name, *(phrases.ms(t.phases_ms[p].mean) for p in PHASES)) for name, t in result.targets.items()
    ]
    shakes = [
        (
            name,
            f"{t.connections.opened:,}",
            *(phrases.ms(t.handshakes_ms[p].mean) for p in ("dns", "connect", "tls")),
        )
        for name, t in result.targets.items()
    ]
    return (
        Table("Mean per exchange, ms", ("target", *PHASES), tuple(exchanges)),
        Table("Mean per new connection, ms", ("target", "opened", "dns", "connect", "tls"), tuple(shakes)),
    )


def account(result: Result) -> tuple[Table, ...]:
    """Every request that was due, in exactly one place."""
    rows = [
        (
            name,
            f"{t.counts.scheduled:,}",
            f"{t.counts.ok:,}",
            f"{t.counts.failed:,}",
            f"{t.counts.unsent:,}",
            format_rate(t.rate.offered) if t.rate.offered else "–",
            format_rate(t.rate.achieved),
            format_size(t.bytes.sent),
            format_size(t.bytes.received),
        )
        for name, t in result.targets.items()
    ]
    header = ("target", "scheduled", "ok", "failed", "unsent", "offered", "achieved", "sent", "received")
    notes = ["scheduled = ok + failed + unsent. Warm-up and probes are not counted here."]
    counted = Table("Requests of the measured parts", header, tuple(rows), tuple(notes))
    failed = _failures(result)
    return (
        (counted, Table("Failures", ("target", "kind", "count", "what it means"), tuple(failed)))
        if failed
        else (counted,)
    )


def _failures(result: Result) -> Sequence[tuple[str, ...]]:
    rows = []
    for name, target in result.targets.items():
        statuses = ", ".join(f"{status}: {n:,}" for status, n in target.counts.statuses.items())
        for kind, count in target.counts.failures.items():
            meaning = phrases.REMEDIES.get(kind, "")
            rows.append(
                (name, kind, f"{count:,}", f"{meaning} ({statuses})" if kind == "status" else meaning)
            )
    return rows


def objectives(result: Result) -> Table:
    """Met or missed."""
    rows = [
        (each.objective, each.target, each.said, "met" if each.met else "MISSED")
        for each in result.objectives
    ]
    return Table("Over the whole run", ("objective", "target", "measured", "verdict"), tuple(rows))


def environment(result: Result) -> Table:
    """The client, and what was called."""
    rows = [(key.replace("_", " "), _text(value)) for key, value in result.environment.items()]
    rows += [(f"target {name}", f"{t.url} ({', '.join(t.addresses)})") for name, t in result.targets.items()]
    g = result.generator
    rows.append(
        ("generator", f"{g.processes} process, {g.cpu_seconds:.1f} s of CPU, {format_size(g.max_rss_bytes)}")
    )
    return Table("", ("", ""), tuple(rows))


def _text(value: object) -> str:
    if isinstance(value, float):
        return significant(value)
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)
