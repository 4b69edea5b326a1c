"""Every sentence of a report, so that another language is another module like this one."""

from __future__ import annotations

import math

from benchmark.result.model import Comparison, Estimate, Figures, Metric, Result
from benchmark.units import format_duration, format_rate, significant

REMEDIES = {
    "dns": "the name did not resolve: look at its spelling and at DNS",
    "connect-refused": "nobody listens there, or the backlog is full",
    "connect-timeout": "no answer to connecting: a firewall, a wrong network, or an overloaded host",
    "unreachable": "no route to the address",
    "tls-verify": "the certificate is not trusted: mend it, or `verify_tls: false`",
    "tls-handshake": "TLS could not be agreed: is this an https port?",
    "reset": "the server reset the connection in the middle",
    "stale": "a kept connection had been closed by the server: `resend_stale: true` sends again",
    "closed-early": "the server closed before it answered",
    "truncated": "the answer broke off before its end",
    "protocol": "the answer was not proper HTTP/1.1",
    "timeout": "no whole answer within the request's timeout",
    "status": "an answer, but not with the expected status; see the statuses",
    "no-ports": "no local ports left: use fewer new connections",
    "no-files": "too many open files: raise `ulimit -n`",
    "lost": "the process that sent them was lost",
    "cancelled": "the run was stopped meanwhile",
}


def target_name(name: str, *, start: bool = False) -> str:
    """How a target is called in a sentence."""
    known = {"vpc": "VPC", "public": "public"}.get(name)
    article = "The" if start else "the"
    return f"{article} {known} address" if known else f"`{name}`"


def subtitle(result: Result) -> str:
    """When, and with what load."""
    settings = result.settings
    load = (
        f"{format_rate(settings['rate'])} {settings['arrivals']}"
        if settings["open_loop"]
        else f"{settings['connections']} connections"
    )
    return f"{result.started_at} · {load} · {settings['rounds']} rounds · {format_duration(settings['duration'])} per target"


def warnings(result: Result) -> tuple[str, ...]:
    """What must be known before any figure is read."""
    word = {"invalid": "Not valid: ", "interrupted": "Interrupted: ", "fail": "Objectives missed: "}.get(
        result.verdict.status
    )
    return tuple(f"{word}{reason}" for reason in result.verdict.reasons) if word else ()


def answers(result: Result) -> tuple[str, ...]:
    """The answer in a sentence: one for every comparison, or one for every target where there is nothing to compare."""
    if result.comparisons:
        return tuple(answer(comparison) for comparison in result.comparisons)
    return tuple(_alone(name, result) for name in result.targets)


def answer(comparison: Comparison) -> str:
    """How much sooner the candidate answers."""
    metric = comparison.primary
    figure = figure_name(metric.metric)
    who = target_name(comparison.candidate, start=True)
    if metric.difference.low is None or metric.difference.high is None:
        return f"{who} cannot be compared with {target_name(comparison.baseline)} at {figure}: {metric.withheld}."
    interval = f"{comparison.confidence * 100:.3g} % CI"
    if metric.difference.low <= 0 <= metric.difference.high:
        low, high = bounds(metric.difference, signed=True)
        return (
            f"No measurable difference at {figure} ({interval} {low} to {high} ms): "
            f"{ms(metric.candidate)} ms on {target_name(comparison.candidate)}, "
            f"{ms(metric.baseline)} on {target_name(comparison.baseline)}."
        )
    return f"{who} answers {_change(metric, interval, figure)}."


def _change(metric: Metric, interval: str, figure: str) -> str:
    assert metric.difference.value is not None
    sooner = metric.difference.value < 0
    low, high = bounds(metric.difference)
    decimals = decimals_of(metric.difference)
    word = "sooner" if sooner else "later"
    return (
        f"{abs(metric.difference.value):.{decimals}f} ms {word} at {figure} ({interval} {low}–{high}): "
        f"{ms(metric.candidate)} ms instead of {ms(metric.baseline)}{factor(metric)}"
    )


def factor(metric: Metric) -> str:
    """`, 19× faster`, or in percent where it is small; nothing where it is withheld."""
    if metric.ratio.value is None or metric.ratio.value <= 0:
        return ""
    times = max(metric.ratio.value, 1 / metric.ratio.value)
    word = "faster" if metric.ratio.value < 1 else "slower"
    if times < 1.1:
        return f", {(times - 1) * 100:.1g} % {word}"
    return f", {significant(times, 2)}× {word}"


def bounds(difference: Estimate, *, signed: bool = False) -> tuple[str, str]:
    """The interval's limits, smaller first; unsigned they are distances."""
    assert difference.low is not None
    assert difference.high is not None
    decimals = decimals_of(difference)
    if signed:
        return f"{difference.low:+.{decimals}f}".replace(
            "-", "−"
        ), f"{difference.high:+.{decimals}f}".replace("-", "−")
    low, high = sorted((abs(difference.low), abs(difference.high)))
    return f"{low:.{decimals}f}", f"{high:.{decimals}f}"


def decimals_of(difference: Estimate) -> int:
    """As many decimals as the interval's width bears: two digits of it."""
    width = (difference.high or 0.0) - (difference.low or 0.0)
    return 1 if width <= 0 else min(4, max(1, 1 - math.floor(math.log10(width))))


def figure_name(metric: str) -> str:
    """`response.p50` → `p50`; `service.p50` → `p50 (service)`."""
    kind, _, figure = metric.partition(".")
    return figure if kind == "response" else f"{figure} ({kind})" if figure else kind


def ms(value: float | None) -> str:
    """Milliseconds with three digits."""
    return "–" if value is None else significant(value)


def shown(figures: Figures, name: str) -> str:
    """A figure for a table: `≥ 30,000` where it reaches unanswered requests, a dash where there is not enough data."""
    if name in figures.at_least:
        return f"≥ {figures.at_least[name]:,.0f}"
    return ms(figures.get(name))


def _alone(name: str, result: Result) -> str:
    target = result.targets[name]
    failed = target.counts.failed + target.counts.unsent
    return (
        f"{target_name(name, start=True)} answers in {shown(target.response_ms, 'p50')} ms at p50 and "
        f"{shown(target.response_ms, 'p99')} ms at p99, at {format_rate(target.rate.achieved)}; "
        f"{failed:,} of {target.counts.scheduled:,} requests failed."
    )


def remarks(result: Result) -> tuple[str, ...]:
    """What belongs beside the answer."""
    said = (
        ["The paths are simulated: these figures show the tool, not a network."]
        if result.settings["simulated"]
        else []
    )
    said += [remark for comparison in result.comparisons for remark in comparison.remarks]
    said += [
        f"{target_name(name, start=True)}: {note}."
        for name, target in result.targets.items()
        for note in target.notes
    ]
    if result.settings["keep_connections"]:
        said.append(
            "Connections were kept over all rounds: the intervals do not cover other connections' luck."
        )
    return (*said, *result.notes)


def method(result: Result) -> tuple[str, ...]:
    """How it was measured, and what each word means."""
    settings = result.settings
    how = (
        f"Open loop: {format_rate(settings['rate'])}, {settings['arrivals']} arrivals, sent on time whatever the service does."
        if settings["open_loop"]
        else f"Closed loop: {settings['connections']} connections, each asking again when answered."
    )
    return (
        how,
        f"{settings['rounds']} rounds; in each, every target gets the same requests at the same times, in shuffled order, "
        "after a warm-up that is not measured, over connections opened for the round.",
        "Response: from when a request was due until its answer was complete. Service: from when it was taken up, "
        "without the wait for a connection. Lateness: due until taken up, the load generator's own delay.",
        "Requests that timed out, broke off or were never sent rank as infinitely slow; quick refusals are counted, "
        "and are in no latency.",
        "The round is the sample: means and quantiles with at least 10 exchanges of every round beyond them are averaged "
        "over rounds, with Student's t over the pairs of rounds; further out, quantiles are of all rounds together, with "
        "Woodruff's interval.",
        "Phases are means per exchange: a phase that was not paid counts as zero. Handshakes are per new connection.",
        f"A request may take {format_duration(settings['timeout'])}. Times are from one monotonic clock, in histograms of "
        "3 significant digits.",
    )
