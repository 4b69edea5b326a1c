"""The tables of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchmark.analysis.comparison import Outcome, outcome
from benchmark.measure.recording import HANDSHAKES, PHASES
from benchmark.report.numbers import NONE, difference, interval, ms, percent, shown, times
from benchmark.report.phrases import en as words
from benchmark.report.table import Table, figures
from benchmark.result.model import Breakdown, BreakdownRow, Comparison, Metric, Result, TargetResult
from benchmark.units import format_rate, format_size, significant

COLUMNS = ("mean", "p50", "p90", "p95", "p99", "p99.9", "max")
SUPERSCRIPTS = "¹²³⁴⁵⁶⁷⁸⁹"


def comparison(compared: Comparison) -> tuple[Table, ...]:
    """Metric by metric: both values, the difference, the ratio. Service times are a detail."""
    service = tuple(metric for metric in compared.metrics if metric.metric.startswith("service."))
    streamed = any(metric.metric.startswith("ttft.") for metric in compared.metrics)
    further = tuple(metric for metric in compared.metrics if streamed and _is_further(metric))
    first = tuple(metric for metric in compared.metrics if metric not in (*service, *further))
    caption = words.comparison_caption(
        candidate=compared.candidate, baseline=compared.baseline, rounds=compared.rounds
    )
    tables = (
        _metrics(compared, first, caption),
        _metrics(compared, further, words.FURTHER_CAPTION, detail=True),
        _metrics(compared, service, words.SERVICE_CAPTION, detail=True),
    )
    return tuple(table for table in tables if table.rows)


def summary(compared: Comparison) -> Table | None:
    """The first of them, without what was not answered often enough to be known; none where nothing was."""
    table = comparison(compared)[0]
    if all(words.NOT_ENOUGH in row[-2] for row in table.rows):
        return None
    known = [at for at, row in enumerate(table.rows) if at == table.strong or words.NOT_ENOUGH not in row[-2]]
    return replace(
        table,
        rows=tuple(table.rows[at] for at in known),
        strong=known.index(table.strong) if table.strong is not None else None,
    )


def _is_further(metric: Metric) -> bool:
    """Whether a metric is a detail where answers are streamed: there are many of them."""
    kind, _, figure = metric.metric.partition(".")
    if metric.primary or kind in {"service", "throughput"}:
        return False
    return (
        kind in {"ttft_from_due", "response"}
        or figure in {"p95", "p99.9"}
        or (kind in {"tpot", "e2e"} and figure != "mean")
    )


def _metrics(
    compared: Comparison, metrics: tuple[Metric, ...], caption: str, *, detail: bool = False
) -> Table:
    marks = marks_of(metrics)
    notes = [f"{mark} {why}" for why, mark in marks.items()]
    if any(metric.metric == "throughput" for metric in metrics):
        notes.append(words.THROUGHPUT_NOTE)
    strong = next((at for at, metric in enumerate(metrics) if metric.primary), None)
    header = words.comparison_header(
        baseline=compared.baseline,
        candidate=compared.candidate,
        confidence=percent(compared.confidence),
        together=strong is None,
    )
    rows = tuple(metric_row(metric, marks) for metric in metrics)
    return Table(caption, header, rows, figures(header), tuple(notes), strong, detail)


def marks_of(metrics: Sequence[Metric]) -> dict[str, str]:
    """A mark for every reason why something is withheld, for the notes under a table."""
    reasons = dict.fromkeys(metric.withheld for metric in metrics if metric.withheld)
    return {why: SUPERSCRIPTS[at % len(SUPERSCRIPTS)] for at, why in enumerate(reasons)}


def metric_row(metric: Metric, marks: dict[str, str]) -> tuple[str, ...]:
    """A metric's name, both values, the difference and the ratio."""
    mark = f" {marks[metric.withheld]}" if metric.withheld else ""
    if outcome(metric) is Outcome.NOT_ENOUGH_DATA:
        told = (words.NOT_ENOUGH + mark, NONE)
    elif outcome(metric) is Outcome.WITHHELD:
        told = (words.WITHHELD + mark, NONE)
    elif metric.ratio.low is None:
        told = (interval(metric.difference), words.WITHHELD + mark)
    elif metric.metric == "throughput":
        told = (interval(metric.difference), f"{significant(metric.ratio.value or 0)}×")
    else:
        told = (interval(metric.difference), times(metric.ratio))
    name = ("▸ " if metric.primary else "") + words.figure_name(metric.metric)
    return (name, ms(metric.baseline), ms(metric.candidate), *told)


def breakdown(split: Breakdown) -> tuple[Table, ...]:
    """What the mean difference is made of, and that of the exchanges around p99; a part that nobody paid is left out."""
    header = words.comparison_header(
        baseline=split.baseline,
        candidate=split.candidate,
        confidence=percent(split.confidence),
        together=True,
    )[:-1]
    notes = (f"¹ {split.withheld}",) if split.withheld else ()
    kept = _paid(split.rows)
    rows = tuple(_part(row, split.withheld) for row in (*kept, split.total))
    header = (words.PART, *header[1:])
    mean = Table(words.BREAKDOWN_CAPTION, header, rows, figures(header), notes, len(kept))
    if not split.tail:
        return (mean,)
    tail, slow = split.tail, _paid(split.tail.rows)
    if tail.total.difference.low is None:
        header = (words.PART, split.baseline, split.candidate, words.DIFFERENCE)
    caption = words.tail_caption(
        baseline=f"{split.baseline}: {tail.baseline:,}", candidate=f"{split.candidate}: {tail.candidate:,}"
    )
    rows = tuple(_part(row, None) for row in (*slow, tail.total))
    return mean, Table(caption, header, rows, figures(header), (), len(slow))


def _paid(rows: Sequence[BreakdownRow]) -> list[BreakdownRow]:
    return [row for row in rows if row.phase == "rest" or max(row.baseline, row.candidate) > 0]


def _part(row: BreakdownRow, withheld: str | None) -> tuple[str, ...]:
    alone = row.difference.low is None and row.difference.value is not None
    told = (
        f"{words.WITHHELD} ¹"
        if withheld
        else difference(row.difference)
        if alone
        else interval(row.difference)
    )
    return words.PARTS[row.phase], ms(row.baseline), ms(row.candidate), told


def latency(result: Result, *, brief: bool = False) -> Table:
    """Response times first, then, unless `brief`, what they are made of; one group of rows for each target."""
    header = (words.TARGET, words.TIME, *COLUMNS)
    rows = [
        row for name, target in result.targets.items() for row in _times(name, target)[: 1 if brief else None]
    ]
    return Table(words.LATENCY_CAPTION, header, tuple(rows), figures(header, names=2))


def _times(name: str, target: TargetResult) -> list[tuple[str, ...]]:
    kinds = {"response": target.response_ms, "success": target.success_ms}
    if not target.counts.failed + target.counts.unsent:
        del kinds["success"]
    kinds |= {"service": target.service_ms, "lateness": target.lateness_ms}
    return [
        (name if kind == "response" else "", words.TIMES[kind], *(shown(kept, each) for each in COLUMNS))
        for kind, kept in kinds.items()
    ]


def phases(result: Result) -> tuple[Table, ...]:
    """Means per exchange, and per new connection."""
    kept = [
        phase
        for phase in PHASES
        if phase != "send" or any(each.phases_ms[phase].mean for each in result.targets.values())
    ]
    header = (words.TARGET, *(words.PHASES[phase] for phase in kept))
    shakes = (words.TARGET, words.OPENED, *(words.PHASES[phase] for phase in HANDSHAKES))
    exchanges = tuple(
        (name, *(ms(target.phases_ms[phase].mean) for phase in kept))
        for name, target in result.targets.items()
    )
    connections = tuple(
        (
            name,
            f"{target.connections.opened:,}",
            *(ms(target.handshakes_ms[phase].mean) for phase in HANDSHAKES),
        )
        for name, target in result.targets.items()
    )
    return (
        Table(words.PHASES_CAPTION, header, exchanges, figures(header)),
        Table(words.HANDSHAKES_CAPTION, shakes, connections, figures(shakes)),
    )


def account(result: Result) -> tuple[Table, ...]:
    """Every request that was due, in exactly one place."""
    header = (words.TARGET, *words.ACCOUNT)
    rows = tuple((name, *_counts(target)) for name, target in result.targets.items())
    notes = tuple(
        words.not_counted(target=name, warmup=target.unmeasured.warmup, probes=target.unmeasured.probes)
        for name, target in result.targets.items()
    )
    tables = (
        Table(words.ACCOUNT_CAPTION, header, rows, figures(header), notes),
        _failures(result),
        _codes(result),
        _sizes(result),
    )
    return tuple(table for table in tables if table.rows)


def _counts(target: TargetResult) -> tuple[str, ...]:
    counts = target.counts
    offered = NONE if target.rate.offered is None else format_rate(target.rate.offered)
    kept = (counts.scheduled, counts.ok, counts.failed, counts.unsent)
    return (*(f"{count:,}" for count in kept), offered, format_rate(target.rate.achieved))


def _failures(result: Result) -> Table:
    rows = tuple(
        (name, kind, f"{count:,}", words.REMEDIES.get(kind, ""))
        for name, target in result.targets.items()
        for kind, count in target.counts.failures.items()
    )
    return Table(words.FAILURES_CAPTION, words.FAILURE, rows, "llrl")


def _codes(result: Result) -> Table:
    rows = tuple(
        (
            name,
            ", ".join(f"{status}: {count:,}" for status, count in target.counts.statuses.items()) or NONE,
            format_size(target.bytes.sent),
            format_size(target.bytes.received),
            f"{target.connections.stale_reuses:,}",
        )
        for name, target in result.targets.items()
    )
    return Table(words.CODES_CAPTION, words.CODE, rows, "llrrr")


def _sizes(result: Result) -> Table:
    rows = tuple(
        (name, *(format_size(size) for size in (kept.mean, kept.p50, kept.p90, kept.p99, kept.max)))
        for name, target in result.targets.items()
        if (kept := target.response_bytes)
    )
    header = (words.TARGET, *words.SIZES)
    return Table(words.SIZES_CAPTION, header, rows, figures(header))


def environment(result: Result) -> Table:
    """What was called, and the client."""
    made = result.generator
    rows = [
        (f"{words.TARGET} {name}", f"{target.url} ({', '.join(target.addresses) or NONE})")
        for name, target in _first_targets(result).items()
    ]
    rows += [(key.replace("_", " "), _text(value)) for key, value in result.environment.items()]
    said = words.generator(
        processes=made.processes,
        cpu=f"{made.cpu_seconds:.1f} s",
        memory=format_size(made.max_rss_bytes),
        lateness=shown(made.lateness_ms, "p99"),
        loop=shown(made.loop_delay_ms, "p99"),
    )
    rows.append(("generator", said))
    return Table("", (), tuple(rows), "ll")


def _first_targets(result: Result) -> dict[str, TargetResult]:
    """The run's targets; of a sweep, those of its first level."""
    return result.sweep[0].targets if result.sweep else result.targets


def _text(value: object) -> str:
    if isinstance(value, float):
        return significant(value)
    return ", ".join(map(str, value)) or NONE if isinstance(value, list) else str(value)
