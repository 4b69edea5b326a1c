"""Charts, defined once as Vega-Lite by Altair; pages draw them, light or dark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.measure.recording import merged
from benchmark.result.model import Result
from benchmark.result.run import Run
from benchmark.units import MILLISECOND

PALETTE = [
    "#c2571a",
    "#1a6fc2",
    "#3a8f5c",
    "#8a5ac2",
    "#b8941f",
    "#c24a78",
]  # told apart also without red and green
PHASES = ("pool", "dns", "connect", "tls", "wait", "transfer")
NINES = np.concatenate([[0.0], 1 - np.logspace(-0.0044, -4, 120)])

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Charts:
    """The data of every chart, as rows."""

    targets: tuple[str, ...]
    percentiles: Rows
    rounds: Rows
    phases: Rows
    difference: Rows


def chart_data(result: Result, run: Run) -> Charts:
    """What the charts show."""
    return Charts(
        targets=tuple(run.targets),
        percentiles=_percentiles(run),
        rounds=_rounds(run),
        phases=[
            {"target": name, "phase": phase, "ms": target.phases_ms[phase].mean, "order": order}
            for name, target in result.targets.items()
            for order, phase in enumerate(PHASES)
            if target.phases_ms[phase].mean
        ],
        difference=[
            {
                "metric": metric.metric.removeprefix("response."),
                "candidate": comparison.candidate,
                "value": metric.difference.value,
                "low": metric.difference.low,
                "high": metric.difference.high,
            }
            for comparison in result.comparisons
            for metric in comparison.metrics
            if metric.metric.startswith("response.")
            and metric.difference.low is not None
            and metric.difference.high is not None
        ],
    )


def _percentiles(run: Run) -> Rows:
    rows: Rows = []
    for name in run.targets:
        pooled = merged(run.used(name))
        count = pooled.histograms["response"].count + pooled.beyond
        for q in NINES:
            value = pooled.quantile("response", float(q))
            if np.isfinite(value) and count * (1 - q) >= 1:
                rows.append(
                    {"target": name, "percentile": 100 * q, "nines": 1 / (1 - q), "ms": value / MILLISECOND}
                )
    return rows


def _rounds(run: Run) -> Rows:
    rows: Rows = []
    starts = [round_.recording.first_due for round_ in run.rounds if round_.recording.first_due]
    origin = min(starts, default=0)
    for round_ in run.rounds:
        for index, point in round_.recording.series.points.items():
            at = (round_.recording.first_due - origin + index * round_.recording.series.width) / 1e9
            for figure, q in (("p50", 0.5), ("p99", 0.99)):
                if point.response.count * (1 - q) >= 1:
                    value = point.response.quantile(q) / MILLISECOND
                    rows.append(
                        {
                            "target": round_.target,
                            "round": round_.number + 1,
                            "s": at,
                            "figure": figure,
                            "ms": value,
                        }
                    )
    return rows


def specifications(charts: Charts) -> dict[str, dict[str, Any]]:
    """Vega-Lite for every chart that has something to show."""
    import altair as alt

    colour = alt.Color("target:N", title=None, sort=None).scale(domain=list(charts.targets), range=PALETTE)
    milliseconds = "response, ms"
    made: dict[str, Any] = {}
    if charts.percentiles:
        ticks = [2, 10, 100, 1000, 10000]
        made["percentiles"] = (
            alt.Chart(_inline(charts.percentiles), title="Response time by percentile")
            .mark_line(strokeWidth=2.5)
            .encode(
                x=alt.X("nines:Q", title="percentile")
                .scale(type="log")
                .axis(
                    values=ticks,
                    labelExpr="datum.value == 2 ? '50' : format(100 - 100 / datum.value, '.6~f')",
                    grid=True,
                ),
                y=alt.Y("ms:Q", title=milliseconds).scale(
                    type="log" if _wide(charts.percentiles) else "linear"
                ),
                color=colour,
                tooltip=[
                    "target:N",
                    alt.Tooltip("percentile:Q", format=".3f"),
                    alt.Tooltip("ms:Q", format=".3f"),
                ],
            )
        )
    if charts.rounds:
        made["rounds"] = (
            alt.Chart(_inline(charts.rounds), title="Over time: every round, in the order it ran")
            .mark_point(filled=True, size=55)
            .encode(
                x=alt.X("s:Q", title="seconds since the first request"),
                y=alt.Y("ms:Q", title=milliseconds).scale(type="log" if _wide(charts.rounds) else "linear"),
                color=colour,
                shape=alt.Shape("figure:N", title=None),
                tooltip=["target:N", "round:Q", "figure:N", alt.Tooltip("ms:Q", format=".3f")],
            )
        )
    if charts.phases:
        made["phases"] = (
            alt.Chart(_inline(charts.phases), title="Mean phases of an exchange")
            .mark_bar(height=26)
            .encode(
                x=alt.X("ms:Q", title="ms", stack="zero"),
                y=alt.Y("target:N", title=None, sort=None),
                color=alt.Color("phase:N", title=None, sort=list(PHASES)).scale(scheme="tableau10"),
                order="order:Q",
                tooltip=["target:N", "phase:N", alt.Tooltip("ms:Q", format=".3f")],
            )
        )
    if charts.difference:
        base = alt.Chart(_inline(charts.difference), title="Difference, with its interval").encode(
            y=alt.Y("metric:N", title=None, sort=None),
            color=alt.Color("candidate:N", title=None, sort=None, legend=None).scale(
                domain=list(charts.targets), range=PALETTE
            ),
        )
        made["difference"] = alt.layer(
            base.mark_rule(strokeWidth=3).encode(
                x=alt.X("low:Q", title="ms (below zero: sooner)"), x2="high:Q"
            ),
            base.mark_point(filled=True, size=80).encode(
                x=alt.X("value:Q"), tooltip=["metric:N", "value:Q", "low:Q", "high:Q"]
            ),
            alt.Chart(_inline([{"zero": 0}])).mark_rule(strokeDash=[4, 4], color="#888").encode(x="zero:Q"),
        )
    return {name: _plain(chart) for name, chart in made.items()}


def _plain(chart: Any) -> dict[str, Any]:
    specification: dict[str, Any] = chart.properties(width="container").to_dict()
    specification.pop("config", None)  # the page's theme decides
    return specification


def _inline(rows: Rows) -> Any:
    import altair as alt

    return alt.InlineData(values=rows)


def _wide(rows: Rows) -> bool:
    values: list[float] = [row["ms"] for row in rows if row["ms"] > 0]
    return bool(values) and max(values) > 20 * min(values)
