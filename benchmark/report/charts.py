"""Charts: their data as rows, and their one definition, which themes draw light or dark.

The data are worked out with the document; Altair, which is slow to import, defines the charts only where a page needs
them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from benchmark.analysis.comparison import Outcome, outcome
from benchmark.analysis.estimate import Distribution
from benchmark.measure.recording import PHASES, Recording
from benchmark.measure.series import Point
from benchmark.report import capacity, sweep
from benchmark.report.phrases import en as words
from benchmark.result.model import Result
from benchmark.result.run import Run
from benchmark.units import MILLISECOND, NANOSECONDS

MOST_POINTS = 200  # of a line
NINES = 1 - np.logspace(0, -5, 160)  # quantiles, evenly spread over the nines
WIDE = 20.0  # the range from which on an axis is logarithmic
VISIBLE = 0.002  # of the longest bar: what takes less of it is left to the table
MARGIN = 1.15  # beyond the extremes, as a factor

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Charts:
    """The data of every chart, as rows; times in milliseconds."""

    targets: tuple[str, ...]
    first_tokens: Rows = field(default_factory=list)
    gaps: Rows = field(default_factory=list)
    percentiles: Rows = field(default_factory=list)
    rounds: Rows = field(default_factory=list)
    phases: Rows = field(default_factory=list)
    parts: Rows = field(default_factory=list)
    difference: Rows = field(default_factory=list)
    capacity: Rows = field(default_factory=list)
    spans: Rows = field(default_factory=list)
    swept: Rows = field(default_factory=list)
    saved: Rows = field(default_factory=list)
    factors: Rows = field(default_factory=list)
    key: str = ""  # what is swept

    @property
    def drawn(self) -> tuple[str, ...]:
        """The charts that have something to show."""
        return tuple(name for name in CHARTS if getattr(self, name))


def chart_data(result: Result, run: Run) -> Charts:
    """What the charts show."""
    if result.capacity:
        return Charts(
            targets=tuple(run.targets), capacity=capacity.curve(result), spans=capacity.spans(result)
        )
    if result.sweep is not None:
        advantages = sweep.advantages(result)
        return Charts(
            targets=tuple(run.targets),
            swept=sweep.curves(result),
            saved=advantages,
            factors=[row for row in advantages if "times" in row],
            key=sweep.key_of(result),
        )
    streamed = bool(run.settings.get("streamed"))
    return Charts(
        targets=tuple(run.targets),
        first_tokens=_percentiles(run, "ttft") if streamed else [],
        gaps=_percentiles(run, "itl") if streamed else [],
        percentiles=_percentiles(run, "response"),
        rounds=_rounds(run),
        phases=_phases(result),
        parts=_parts(result),
        difference=_differences(result),
    )


def _percentiles(run: Run, metric: str) -> Rows:
    """The pooled quantiles of every target, as far out as at least one exchange lies beyond."""
    rows: Rows = []
    for name in run.targets:
        pooled = Distribution.of(run.used(name), metric).pooled
        for q in NINES:
            value = pooled.quantile(float(q))
            if pooled.count * (1 - q) >= 1 and np.isfinite(value):
                place = {"percentile": round(100 * q, 4), "rarity": round(1 / (1 - q), 4)}
                rows.append({"target": name, **place, "ms": _rounded(value)})
    return rows


def _rounds(run: Run) -> Rows:
    """p50 and p99 of the successes over time, on the clock of the whole run."""
    sound = [each for each in run.rounds if not each.flaw and each.recording.first_due]
    origin = min((each.recording.first_due for each in sound), default=0)
    most = max(1, MOST_POINTS // max(1, max((each.number + 1 for each in sound), default=1)))
    rows: Rows = []
    for each in sound:
        for offset, point in _thinned(each.recording, most):
            at = round((each.recording.first_due - origin + offset) / NANOSECONDS, 2)
            for figure, q in (("p50", 0.5), ("p99", 0.99)):
                if point.response.count * (1 - q) >= 1:
                    kept = {"target": each.target, "round": each.number + 1, "figure": figure, "s": at}
                    rows.append({**kept, "ms": _rounded(point.response.quantile(q))})
    return rows


def _thinned(recording: Recording, most: int) -> list[tuple[int, Point]]:
    """A round's series in at most `most` points: nanoseconds since its start, neighbours merged."""
    series = recording.series
    stride = -(-(max(series.points, default=0) + 1) // most)
    coarse: dict[int, Point] = {}
    for index, point in sorted(series.points.items()):
        coarse.setdefault(index // stride, Point()).merge(point)
    return [(index * stride * series.width, point) for index, point in coarse.items()]


def _phases(result: Result) -> Rows:
    return [
        {"target": name, "phase": words.PHASES[phase], "order": order, "ms": target.phases_ms[phase].mean}
        for name, target in result.targets.items()
        for order, phase in enumerate(PHASES)
        if target.phases_ms[phase].mean
    ]


def _parts(result: Result) -> Rows:
    """What each target's mean exchange is made of, then those around its p99; the baseline's comes with the first split."""
    rows: Rows = []
    splits = [(at, split, split.rows, words.bar) for at, split in enumerate(result.breakdown)]
    splits += [
        (at, split, split.tail.rows, words.tail_bar)
        for at, split in enumerate(result.breakdown)
        if split.tail
    ]
    for at, split, told, bar in splits:
        for side, name in (("baseline", split.baseline), ("candidate", split.candidate))[1 if at else 0 :]:
            rows += [
                {
                    "target": bar(name),
                    "phase": words.SHORT_PARTS[row.phase],
                    "order": order,
                    "ms": max(0.0, float(getattr(row, side))),
                }
                for order, row in enumerate(told)
            ]
    longest = max(
        (sum(row["ms"] for row in rows if row["target"] == each["target"]) for each in rows), default=0
    )
    return [row for row in rows if row["ms"] > VISIBLE * longest]


def _differences(result: Result) -> Rows:
    """Every metric of the headline's kind whose interval may be shown."""
    kind = "ttft" if result.settings.get("streamed") else "response"
    return [
        {
            "candidate": each.candidate,
            "metric": words.figure_name(metric.metric),
            "value": metric.difference.value,
            "low": metric.difference.low,
            "high": metric.difference.high,
            "headline": metric.primary,
        }
        for each in result.comparisons
        for metric in each.metrics
        if metric.metric.startswith(f"{kind}.")
        and outcome(metric) not in {Outcome.WITHHELD, Outcome.NOT_ENOUGH_DATA}
    ]


def _rounded(nanoseconds: float) -> float:
    return float(f"{nanoseconds / MILLISECOND:.4g}")


def specifications(charts: Charts) -> dict[str, dict[str, Any]]:
    """Vega-Lite for every chart that has something to show; without a theme."""
    made = {name: CHARTS[name](charts) for name in charts.drawn}
    return {name: _plain(chart) for name, chart in made.items()}


def _plain(chart: Any) -> dict[str, Any]:
    specification: dict[str, Any] = chart.properties(width="container").to_dict()
    specification.pop("config", None)  # the theme's
    return specification


def _chart(rows: Rows) -> Any:
    import altair as alt

    return alt.Chart(alt.InlineData(values=rows))


def _targets(charts: Charts, field: str = "target") -> Any:
    import altair as alt

    return alt.Color(f"{field}:N", title=None, sort=None).scale(domain=list(charts.targets), range="category")


def _milliseconds(rows: Rows, title: str) -> Any:
    import altair as alt

    values = [row["ms"] for row in rows if row["ms"] > 0]
    wide = bool(values) and max(values) > WIDE * min(values)
    axis = alt.Y("ms:Q", title=words.AXES[title])
    if not wide:
        return axis.axis(tickCount=6)
    ticks = [step * 10**power for power in range(-3, 7) for step in (1, 2, 5)]
    domain = [min(values) / MARGIN, max(values) * MARGIN]
    return axis.scale(type="log", nice=False, domain=domain).axis(values=ticks, format=",~g")


def _tooltip(*fields: str) -> list[Any]:
    import altair as alt

    return [
        *(alt.Tooltip(f"{field}:N") for field in fields),
        alt.Tooltip("ms:Q", format=",.4~g"),
    ]


def _draw_percentiles(charts: Charts, name: str = "percentiles", title: str = "response") -> Any:
    import altair as alt

    rows: Rows = getattr(charts, name)

    label = "datum.value == 1 ? '0' : datum.value == 2 ? '50' : format(100 - 100 / datum.value, '.6~f')"
    x = alt.X("rarity:Q", title=words.AXES["percentile"]).scale(type="log", nice=False)
    return (
        _chart(rows)
        .mark_line(strokeWidth=2.5)
        .encode(
            x=x.axis(values=[1, 2, 10, 100, 1000, 10_000, 100_000], labelExpr=label),
            y=_milliseconds(rows, title),
            color=_targets(charts),
            tooltip=_tooltip("target", "percentile"),
        )
        .properties(height=300)
    )


def _draw_rounds(charts: Charts) -> Any:
    import altair as alt

    base = _chart(charts.rounds).encode(
        x=alt.X("s:Q", title=words.AXES["seconds"]).axis(grid=False, tickCount=8),
        y=_milliseconds(charts.rounds, "response"),
        color=_targets(charts),
        detail=["round:N", "figure:N"],
    )
    points = base.mark_point(filled=True, size=38, opacity=0.9).encode(
        shape=alt.Shape("figure:N", legend=None).scale(
            domain=["p50", "p99"], range=["circle", "triangle-up"]
        ),
        tooltip=_tooltip("target", "round", "figure"),
    )
    return alt.layer(base.mark_line(strokeWidth=1.2, opacity=0.6), points).properties(height=280)


def _draw_phases(charts: Charts) -> Any:
    return _stacked(charts.phases, [words.PHASES[phase] for phase in PHASES], 46)


def _draw_parts(charts: Charts) -> Any:
    present = {row["phase"]: row["order"] for row in charts.parts}
    return _stacked(charts.parts, sorted(present, key=lambda phase: present[phase]), 40)


def _stacked(rows: Rows, phases: list[str], height: int) -> Any:
    """A bar for each target, of its phases in their order; `height` of each."""
    import altair as alt

    present = {row["phase"] for row in rows}
    legend = alt.Legend(values=[phase for phase in phases if phase in present])
    return (
        _chart(rows)
        .mark_bar(height={"band": 0.6})
        .encode(
            x=alt.X("ms:Q", title=words.AXES["phases"], stack="zero").axis(tickCount=6),
            y=alt.Y("target:N", title=None, sort=None).axis(labelLimit=110),
            color=alt.Color("phase:N", title=None, legend=legend).scale(domain=phases, range="ordinal"),
            order="order:Q",
            tooltip=_tooltip("target", "phase"),
        )
        .properties(height=height * len({row["target"] for row in rows}))
    )


def _draw_difference(charts: Charts) -> Any:
    import altair as alt

    candidates = list(dict.fromkeys(row["candidate"] for row in charts.difference))
    metrics = len({row["metric"] for row in charts.difference})
    offset = {"yOffset": alt.YOffset("candidate:N", sort=None)} if len(candidates) > 1 else {}
    base = _chart(charts.difference).encode(
        y=alt.Y("metric:N", title=None, sort=None),
        color=_targets(charts, "candidate").legend(
            None if len(candidates) == 1 else alt.Legend(values=candidates)
        ),
        tooltip=[alt.Tooltip(f"{field}:Q", format="+,.4~g") for field in ("value", "low", "high")],
        **offset,
    )
    label = "datum.value == 0 ? '0' : format(datum.value, '+,~g')"
    zero = _chart([{"zero": 0}]).mark_rule(strokeDash=[4, 3], opacity=0.6).encode(x="zero:Q")
    thickness = alt.condition("datum.headline", alt.value(4), alt.value(1.5))
    spans = base.mark_rule().encode(
        x=alt.X("low:Q", title=words.AXES["difference"]).axis(labelExpr=label, tickCount=6),
        x2="high:Q",
        strokeWidth=thickness,
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(x="value:Q")
    return alt.layer(zero, spans, points).properties(
        height=34 * metrics if len(candidates) == 1 else 20 * len(charts.difference)
    )


def _draw_capacity(charts: Charts) -> Any:
    """Quantiles against load, with the capacity's interval as a band."""
    import altair as alt

    base = _chart(charts.capacity).encode(
        x=alt.X("level:Q", title=words.AXES["load"]).scale(type="log", nice=False, padding=16),
        y=alt.Y("ms:Q", title=words.AXES["response"]).scale(type="log"),
        color=_targets(charts),
        strokeDash=alt.StrokeDash("figure:N", legend=None),
        tooltip=_tooltip("target", "level", "figure"),
    )
    marks = base.mark_point(filled=True, size=36, opacity=1).encode(
        shape=alt.Shape("figure:N", legend=None).scale(domain=["p50", "p99"], range=["circle", "triangle-up"])
    )
    bands = _chart(charts.spans).encode(color=_targets(charts))
    layers = [
        bands.mark_rect(opacity=0.18).encode(x="low:Q", x2="high:Q"),
        bands.mark_rule(strokeWidth=2).encode(x="value:Q"),
    ]
    drawn = layers if charts.spans else []
    return alt.layer(*drawn, base.mark_line(), marks).properties(height=300)


def _levels(charts: Charts, rows: Rows) -> Any:
    """The axis of what is swept: to scale where it is a number, with its values as they were written."""
    import altair as alt

    places = {row["level"]: row["x"] for row in rows}
    if None in places.values():
        return alt.X("level:N", title=charts.key, sort=None).axis(labelAngle=0)
    values = list(places.values())
    names = json.dumps({f"{value:.12g}": name for name, value in places.items()})
    wide = min(values) > 0 and max(values) > WIDE / 2 * min(values)
    axis = alt.X("x:Q", title=charts.key).axis(
        values=values, grid=False, labelExpr=f"{names}[format(datum.value, '.12~g')]", labelOverlap="parity"
    )
    scale = {"type": "log"} if wide else {"zero": False}
    return axis.scale(nice=False, padding=24, **scale)


def _draw_swept(charts: Charts) -> Any:
    """Quantiles of every target at every level."""
    import altair as alt

    base = _chart(charts.swept).encode(
        x=_levels(charts, charts.swept),
        y=_milliseconds(charts.swept, "response"),
        color=_targets(charts),
        strokeDash=alt.StrokeDash("figure:N", legend=None),
        tooltip=_tooltip("target", "level", "figure"),
    )
    marks = base.mark_point(filled=True, size=48, opacity=1).encode(
        shape=alt.Shape("figure:N", legend=None).scale(domain=["p50", "p99"], range=["circle", "triangle-up"])
    )
    return alt.layer(base.mark_line(strokeWidth=1.5), marks).properties(height=280)


def _draw_advantage(charts: Charts, name: str, value: str, low: str, high: str, even: float) -> Any:
    """What the candidates save at every level, with whiskers; `even` is where nothing is saved."""
    import altair as alt

    rows: Rows = getattr(charts, name)
    candidates = list(dict.fromkeys(row["candidate"] for row in rows))
    y = alt.Y(f"{value}:Q", title=words.AXES[name])
    span = [row[low] for row in rows] + [row[high] for row in rows] + [even]
    if min(span) > 0 and max(span) > WIDE * min(span):
        y = y.scale(type="log", nice=False)
    base = _chart(rows).encode(
        x=_levels(charts, rows),
        color=_targets(charts, "candidate").legend(
            None if len(candidates) == 1 else alt.Legend(values=candidates)
        ),
        tooltip=[
            *(alt.Tooltip(f"{field}:N") for field in ("candidate", "level", "metric")),
            *(alt.Tooltip(f"{field}:Q", format=",.4~g") for field in (value, low, high)),
        ],
    )
    line = base.mark_line(strokeWidth=1.5, opacity=0.6).encode(y=y)
    whiskers = base.mark_rule(strokeWidth=3).encode(y=alt.Y(f"{low}:Q"), y2=f"{high}:Q")
    points = base.mark_point(filled=True, size=80, opacity=1).encode(y=y)
    nothing = _chart([{"even": even}]).mark_rule(strokeDash=[4, 3], opacity=0.6).encode(y="even:Q")
    return alt.layer(nothing, line, whiskers, points).properties(height=260)


CHARTS: dict[str, Callable[[Charts], Any]] = {
    "capacity": _draw_capacity,
    "saved": partial(_draw_advantage, name="saved", value="saved", low="low", high="high", even=0.0),
    "factors": partial(_draw_advantage, name="factors", value="times", low="least", high="most", even=1.0),
    "swept": _draw_swept,
    "difference": _draw_difference,
    "first_tokens": partial(_draw_percentiles, name="first_tokens", title="first_tokens"),
    "gaps": partial(_draw_percentiles, name="gaps", title="gaps"),
    "percentiles": _draw_percentiles,
    "rounds": _draw_rounds,
    "phases": _draw_phases,
    "parts": _draw_parts,
}
