"""Runs of real recordings, and results beside them whose figures the test chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.recorder import Recorder
from benchmark.measure.recording import HANDSHAKES, PHASES, Recording, merged
from benchmark.result.model import (
    QUANTILES,
    Bytes,
    Comparison,
    Connections,
    Counts,
    Estimate,
    Figures,
    Generator,
    Metric,
    Rates,
    Result,
    TargetResult,
    Unmeasured,
    Verdict,
)
from benchmark.result.run import Round, Run, TargetInfo
from benchmark.units import MILLISECOND, NANOSECONDS

ROUNDS = 4
PER_ROUND = 250
MEASURED = 5.0
HOSTILE = "</script><script>window.__pwned = 1</script><img src=x onerror='window.__pwned = 1'>\u2028`|*_[x](javascript:1)"

SETTINGS = {
    "open_loop": True, "rate": 50.0, "arrivals": "poisson", "connections": None, "rounds": ROUNDS, "duration": 20.0,
    "warmup": 1.0, "confidence": 0.95, "timeout": 30.0, "baseline": "public", "keep_connections": False,
    "objectives": [], "primary": "response.p50", "simulated": False, "seed": 1,
}  # fmt: skip


def a_recording(median: float, origin: int, seed: int, timeouts: int = 0) -> Recording:
    """Exchanges of one round, 20 ms apart: lognormal answers around a median (ms), and some that never came."""
    law = np.random.default_rng(seed)
    answers = (law.lognormal(np.log(median), 0.3, PER_ROUND) * MILLISECOND).astype(np.int64)
    recorder = Recorder([300])
    recorder.origin = origin
    recorder.add_handshake(dns=MILLISECOND // 5, connect=MILLISECOND, tls=0)
    for at, answer in enumerate(answers.tolist()):
        due = origin + at * NANOSECONDS // 50
        exchange = Exchange(0, due, due + 30_000)
        exchange.sent, exchange.received = exchange.taken, 500
        exchange.first_byte, exchange.done = exchange.sent + answer, exchange.sent + answer + 20_000
        if at < timeouts:
            exchange.failure = Failure.TIMEOUT
        else:
            exchange.status = 200
        recorder.add(exchange)
    return recorder.take()


def a_run(medians: Mapping[str, float], *, timeouts: int = 0, **settings: Any) -> Run:
    """Every target answers around its median, in milliseconds; the first is the baseline."""
    turns = [(number, name) for number in range(ROUNDS) for name in medians]
    return Run(
        name="chat",
        started_at="2026-01-02T03:04:05+00:00",
        finished_at="2026-01-02T03:06:05+00:00",
        scenario={"name": "chat", "targets": {name: {"token": "<redacted>"} for name in medians}},
        settings={**SETTINGS, "baseline": next(iter(medians)), **settings},
        targets={
            name: TargetInfo(f"http://10.0.0.{at}/x", (f"10.0.0.{at}:80",)) for at, name in enumerate(medians)
        },
        environment={"python": "3.11", "cores": 8, "load_average": 0.25, "proxies": []},
        rounds=[
            Round(name, number, 1.0, MEASURED, a_recording(
                medians[name], NANOSECONDS * 6 * (1 + at), seed=at, timeouts=timeouts))
            for at, (number, name) in enumerate(turns)
        ],
    )  # fmt: skip


def metric(name: str, baseline: float | None, candidate: float | None, low: float | None = None, high: float | None = None,
           *, primary: bool = False, enough: bool = True, withheld: str | None = None) -> Metric:  # fmt: skip
    """A metric whose difference has this interval, and whose ratio is a tenth of itself wide."""
    nothing = Estimate(value=None)
    if baseline is None or candidate is None or low is None:
        return Metric(
            metric=name, baseline=baseline, candidate=candidate, primary=primary, difference=nothing, ratio=nothing,
            enough_data=enough, withheld=withheld,
        )  # fmt: skip
    ratio = candidate / baseline
    spread = 0.0 if low <= 0 <= (high or 0) else min(0.05, abs(1 - ratio) / 2)
    straddling = low <= 0 <= (high or 0)
    limits = (
        (min(ratio, 1) * 0.99, max(ratio, 1) * 1.01)
        if straddling
        else (ratio * (1 - spread), ratio * (1 + spread))
    )
    return Metric(
        metric=name, baseline=baseline, candidate=candidate, primary=primary, enough_data=enough, withheld=withheld,
        difference=Estimate(value=candidate - baseline, low=low, high=high),
        ratio=Estimate(value=ratio, low=limits[0], high=limits[1]),
    )  # fmt: skip


def compared(*metrics: Metric, baseline: str = "public", candidate: str = "vpc", **kept: Any) -> Comparison:
    return Comparison(
        baseline=baseline, candidate=candidate, confidence=0.95, rounds=ROUNDS, metrics=list(metrics), **kept
    )


def a_comparison(baseline: str = "public", candidate: str = "vpc") -> Comparison:
    """The whole table: figures of every kind."""
    return compared(
        metric("response.mean", 31.4, 1.81, -30.1, -29.1),
        metric("response.p50", 31.0, 1.6, -29.8, -29.1, primary=True),
        metric("response.p90", 40.2, 2.41, withheld="the generator itself was 203 µs late, 6% of the figure"),
        metric("response.p99", 61.0, 3.2, enough=False, withheld="not enough data: 4 exchanges lie beyond it"),
        metric("service.p50", 30.9, 1.5, -29.8, -29.1),
        baseline=baseline, candidate=candidate,
    )  # fmt: skip


def a_result(run: Run, *comparisons: Comparison, status: Literal["pass", "fail", "invalid", "interrupted"] = "pass",
             reasons: Sequence[str] = (), **kept: Any) -> Result:  # fmt: skip
    """The result of a run; targets are counted, comparisons are given."""
    return Result(
        name=run.name, started_at=run.started_at, finished_at=run.finished_at, scenario=run.scenario,
        settings=run.settings, environment=run.environment, verdict=Verdict(status=status, reasons=list(reasons)),
        targets={name: _target(run, name) for name in run.targets}, comparisons=list(comparisons),
        generator=Generator(
            processes=1, cpu_seconds=1.5, max_rss_bytes=50 << 20, lateness_ms=Figures(p99=0.2), saturated=False
        ),
        **kept,
    )  # fmt: skip


def _target(run: Run, name: str) -> TargetResult:
    kept, info = merged(run.used(name)), run.targets[name]
    handshakes = {part: kept.handshakes[part] for part in HANDSHAKES}
    return TargetResult(
        url=info.url,
        addresses=list(info.addresses),
        rounds=ROUNDS,
        counts=Counts(
            scheduled=kept.scheduled, ok=kept.ok, failed=kept.failed, unsent=kept.unsent,
            failures=dict(kept.failures), statuses={str(status): n for status, n in kept.statuses.items()},
        ),
        unmeasured=Unmeasured(warmup=50, probes=1),
        rate=Rates(offered=50.0, achieved=kept.ok / (ROUNDS * MEASURED)),
        response_ms=_figures(kept, "response"),
        success_ms=_figures(kept, "response"),
        service_ms=_figures(kept, "service"),
        lateness_ms=_figures(kept, "lateness"),
        phases_ms={phase: _figures(kept, phase) for phase in PHASES},
        handshakes_ms={part: Figures(mean=h.mean / MILLISECOND if h.count else None) for part, h in handshakes.items()},
        bytes=Bytes(sent=kept.sent_bytes, received=kept.received_bytes),
        connections=Connections(opened=kept.new_connections, stale_reuses=0),
        notes=list(info.notes),
    )  # fmt: skip


def _figures(kept: Recording, metric: str) -> Figures:
    histogram = kept.histograms[metric]
    if not histogram.count:
        return Figures()
    found = {name: kept.quantile(metric, q) / MILLISECOND for name, q in QUANTILES.items()}
    lost = {name: 30_000.0 for name, value in found.items() if not np.isfinite(value)}
    finite = {name: value for name, value in found.items() if name not in lost}
    exact = {"mean": histogram.mean / MILLISECOND, "max": histogram.maximum / MILLISECOND}
    return Figures.model_validate({**finite, **exact, "at_least": lost})
