"""What a capacity search found, for a report: a sentence for each target, the levels as a table, the curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.report.numbers import NONE, ms, shown
from benchmark.report.phrases import en as words
from benchmark.report.table import Table, figures
from benchmark.result.model import Capacity, CapacityLevel, Result
from benchmark.units import format_duration, format_rate, significant


def answers(result: Result) -> tuple[str, ...]:
    """How much each target holds, and what gave way."""
    return tuple(_answer(name, each) for name, each in (result.capacity or {}).items())


def _answer(name: str, found: Capacity) -> str:
    who = words.target(name, start=True)
    value = found.rate.value
    if not found.levels:
        return words.unsearched(who=who)
    if value is None:
        lowest = _load(found, min(each.rate for each in found.levels))
        return words.holds_nothing(who=who, lowest=lowest, objective=found.objective or "")
    if found.limited_by == "gateway":
        return words.gateway_limit(who=who, rate=_load(found, value), held=_load(found, found.rate.low or 0))
    if found.rate.high is None or found.limited_by is None or found.limited_by == "generator":
        return words.holds_at_least(
            who=who, level=_load(found, value), generator=found.limited_by == "generator"
        )
    return words.holds(
        who=who,
        level=_load(found, value),
        interval=f"{_number(found.rate.low or 0)}–{_number(found.rate.high)}",
        cause=words.GAVE_WAY[found.limited_by],
        objective=found.objective or "",
    )


def remarks(result: Result) -> tuple[str, ...]:
    """The level to run at, the knee, and how far the search came."""
    said = []
    for name, found in (result.capacity or {}).items():
        if found.head_room is not None and found.limited_by not in {"gateway", "generator"}:
            knee = "" if found.knee is None else _load(found, found.knee)
            said.append(words.run_at(target=name, level=_load(found, found.head_room), knee=knee))
        if found.slowed is not None:
            said.append(words.slowed(target=name, by=f"{100 * found.slowed:.2g}"))
        if at_best := _at_best(found):
            said.append(words.stream_capacity(target=name, **at_best))
        if not found.finished and found.rate.value is not None:
            said.append(words.out_of_time(name))
    return (*_side_by_side(result.capacity or {}), *said)


def _at_best(found: Capacity) -> dict[str, str]:
    """What the highest level that held came to in tokens; empty where there are no streams."""
    held = [level for level in found.levels if level.verdict == "yes" and level.stream]
    if not held:
        return {}
    best = max(held, key=lambda level: level.rate)
    assert best.stream is not None
    return {
        "level": _load(found, best.rate),
        "tokens": significant(best.stream.output_tokens_per_second),
        "each": ms(best.stream.stream_tokens_per_second),
        "in_flight": significant(best.stream.in_flight),
    }


def _side_by_side(capacities: dict[str, Capacity]) -> Iterator[str]:
    """Whether an address gives way before the service behind all of them does, where both ends are known."""
    known = {
        name: found
        for name, found in capacities.items()
        if found.rate.high is not None and found.limited_by not in {"gateway", "generator", None}
    }
    most = max(known, key=lambda name: known[name].rate.low or 0, default="")
    if len(known) < 2 or not known[most].rate.low:
        return
    held = known[most]
    lesser = [name for name, found in known.items() if (found.rate.high or 0) < (held.rate.low or 0)]
    for name in lesser:
        yield words.gives_way_first(
            who=words.target(name, start=True), level=_load(held, held.rate.low or 0), by=words.target(most)
        )
    if not lesser:
        yield words.hold_alike([words.target(name) for name in known])


def subtitle(result: Result) -> str:
    """Where a search began, and how long it might take."""
    asked, settings = result.settings["search"], result.settings
    start = format_rate(asked["start"]) if settings["open_loop"] else None
    begun = words.load(
        rate=start, arrivals=str(settings["arrivals"]), connections=f"{asked['start']:.0f}", stages=False
    )
    return words.searched(start=begun, budget=format_duration(asked["budget"]))


def tables(result: Result) -> tuple[Table, ...]:
    """The levels of each target, in ascending order."""
    found = result.capacity or {}
    return tuple(
        table for name, each in found.items() for table in (_levels(name, each), *_streams(name, each))
    )


def _streams(name: str, found: Capacity) -> tuple[Table, ...]:
    """What streams came to at each level; nothing where there were none."""
    header = words.stream_level_header(unit=words.UNITS[found.unit])
    rows = tuple(
        (
            significant(level.rate),
            significant(level.stream.output_tokens_per_second),
            ms(level.stream.stream_tokens_per_second),
            significant(level.stream.in_flight),
            shown(level.stream.ttft_ms, "p50"),
            shown(level.stream.ttft_ms, "p99"),
            shown(level.stream.tpot_ms, "p50"),
            shown(level.stream.tpot_ms, "p90"),
            NONE if level.stream.goodput is None else f"{level.stream.goodput:.1%}",
        )
        for level in found.levels
        if level.stream
    )
    return (Table(words.stream_levels_caption(name), header, rows, figures(header)),) if rows else ()


def summary(result: Result) -> Table:
    """Of each target the highest level that it held, and the lowest above it that it did not."""
    found = result.capacity or {}
    header = (words.TARGET, *words.level_header(unit=words.UNITS[next(iter(found.values())).unit]))
    rows = tuple((name, *_row(level)) for name, each in found.items() for level in _edge(each.levels))
    return Table("", header, rows, figures(header))


def _edge(levels: Sequence[CapacityLevel]) -> Iterator[CapacityLevel]:
    held = max((level.rate for level in levels if level.verdict == "yes"), default=0.0)
    yield from (level for level in levels if level.rate == held)
    yield from [level for level in levels if level.rate > held][:1]


def _levels(name: str, found: Capacity) -> Table:
    header = words.level_header(unit=words.UNITS[found.unit])
    rows = tuple(_row(each) for each in found.levels)
    return Table(words.levels_caption(name), header, rows, figures(header))


def _row(level: CapacityLevel) -> tuple[str, ...]:
    return (
        significant(level.rate),
        f"{level.trials}",
        format_rate(level.achieved),
        *(shown(level.response_ms, figure) for figure in ("p50", "p95", "p99")),
        f"{level.failures:.2%}",
        words.LEVEL_VERDICTS[level.verdict],
    )


def curve(result: Result) -> list[dict[str, object]]:
    """The rows of the chart: a quantile at a level of a target."""
    return [
        {"target": name, "level": level.rate, "figure": figure, "ms": level.response_ms.get(figure)}
        for name, found in (result.capacity or {}).items()
        for level in found.levels
        for figure in ("p50", "p99")
        if level.response_ms.get(figure)
    ]


def spans(result: Result) -> list[dict[str, object]]:
    """The rows of the chart's intervals."""
    return [
        {"target": name, "value": found.rate.value, "low": found.rate.low, "high": found.rate.high}
        for name, found in (result.capacity or {}).items()
        if found.rate.value is not None and found.rate.high is not None
    ]


def _load(found: Capacity, level: float) -> str:
    return format_rate(level) if found.unit == "per second" else words.connection_count(_number(level))


def _number(level: float) -> str:
    return significant(level)
