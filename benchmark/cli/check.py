"""`vpcbench check`: every target walked step by step, once; what is wrong, and what to do."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import get_terminal_size
from typing import Any
from urllib.request import getproxies

from benchmark.cli.curl import split
from benchmark.cli.run import telling_secretless
from benchmark.eas.address import address_class, region_of
from benchmark.eas.diagnose import meaning, shape
from benchmark.errors import ExitStatus, InputError
from benchmark.execution.fairness import check_fairness, unlike_targets
from benchmark.execution.limits import Limits
from benchmark.execution.local import LocalWorkers
from benchmark.execution.plan import Plan, make_plan
from benchmark.execution.preflight import Preflight, Visit, preflight
from benchmark.measure.exchange import Failure
from benchmark.measure.instances import Lookup
from benchmark.measure.probe import ModelAnswer, Probe
from benchmark.measure.walk import Tls, Walk
from benchmark.redaction import Redactor, is_secret_name, redact_url
from benchmark.report.neutral import in_json
from benchmark.report.terminal import plain
from benchmark.scenario.curl import curl_scenario, parse_curl
from benchmark.scenario.load import LoadedScenario, load_scenario
from benchmark.transport.base import ENVIRONMENT
from benchmark.units import MILLISECOND, NANOSECONDS, format_rate

WIDTH = 80  # at most
ROWS = 22  # of a window's 24: others are the command's own line, and the prompt
PASSES, FAILS, SAYS = "ok", "failed", ""  # of a step


@dataclass(frozen=True)
class Step:
    """One thing that was looked at."""

    name: str
    said: str
    time: int | None = None  # nanoseconds
    state: str = PASSES


def check(arguments: Sequence[str], *, as_json: bool, full: bool) -> ExitStatus:
    """Check a scenario's targets, or a URL with curl's own flags."""
    loaded = _load(list(arguments))
    redactor = Redactor(loaded.secrets)
    with telling_secretless(redactor):
        plan = make_plan(loaded)
        unfair = _unfair(plan, loaded)
        with LocalWorkers() as workers:
            seen = preflight(plan, workers, loaded.scenario.allow, once=True)
    if as_json:
        print(in_json(json.dumps(redactor.data(document(plan, seen, unfair)), indent=2, ensure_ascii=False)))
    else:
        told = list(lines(plan, seen, unfair))
        if not full and len(told) > ROWS:
            told = _in_window(plan, seen, unfair)
        for line in told:
            print(plain(redactor.text(line)).plain)
    return status(seen, unfair)


def _load(arguments: list[str]) -> LoadedScenario:
    """A URL comes with curl's flags, and stands for a scenario; a scenario's file stands alone."""
    if not any("://" in argument for argument in arguments):
        if len(arguments) != 1:
            raise InputError(
                "check takes one scenario file, or a URL (with http:// before it) and curl's flags"
            )
        return load_scenario(Path(arguments[0]))
    ours, theirs = split(arguments)
    if ours.keys() - {"--vs", "--as-is"}:
        raise InputError(
            f"{min(ours.keys() - {'--vs', '--as-is'})} belongs to a load; check sends one request per target"
        )
    command = replace(parse_curl(theirs), as_is="--as-is" in ours)
    return curl_scenario(command, ours.get("--vs", []), {})


def _unfair(plan: Plan, loaded: LoadedScenario) -> str:
    try:
        check_fairness(plan, loaded.scenario.allow)
    except InputError as error:
        return str(error)
    return ""


def status(seen: Preflight, unfair: str) -> ExitStatus:
    """As a run's preflight would end."""
    if any(visit.fault for visit in seen.visits):
        return ExitStatus.TARGET_UNREACHABLE
    return ExitStatus.BAD_INPUT if seen.unfair or unfair else ExitStatus.OK


def _in_window(plan: Plan, seen: Preflight, unfair: str) -> list[str]:
    """Every step in a line, or where there are too many those that failed or say something to heed."""
    told = list(lines(plan, seen, unfair, short=True))
    if len(told) >= ROWS:
        told = list(lines(plan, seen, unfair, short=True, doubts=True))
    return [*told[: ROWS - 1], *_hanging("Every step, in whole sentences: the same with --full.", 2)]


def lines(
    plan: Plan, seen: Preflight, unfair: str, *, short: bool = False, doubts: bool = False
) -> Iterator[str]:
    """The whole report: a verdict for each target, then what was seen of it, then of all together.

    Where it is to be `short` a step takes one line; `doubts` alone are those that failed, or that say something to heed.
    """
    for visit in seen.visits:
        verdict = f"cannot be used: {visit.complaint}" if visit.fault else "can be used."
        yield from _hanging(f"{visit.target.name}: {verdict}", 2)
    for problem in filter(None, (unfair, seen.unfair)):
        yield from _hanging(f"Not comparable: {problem}.", 2)
    for visit in seen.visits:
        told = [step for step in steps(visit) if not doubts or step.state != PASSES]
        if told:
            yield ""
            yield from _hanging(f"{visit.target.name}  {redact_url(visit.target.url)}", 4)
        for step in told:
            yield from _step(step, short=short)
    together = [step for step in overall(plan, seen) if not doubts or step.state != PASSES]
    if together:
        yield ""
        for step in together:
            yield from _step(step, short=short)


def document(plan: Plan, seen: Preflight, unfair: str) -> dict[str, Any]:
    """The same for scripts; times in milliseconds."""
    return {
        "schema": "vpcbench.check/1",
        "targets": {
            visit.target.name: {
                "url": redact_url(visit.target.url),
                "usable": not visit.fault,
                "fault": visit.fault,
                "warnings": list(visit.warnings),
                "addresses": list(visit.probe.places),
                "status": visit.probe.status or None,
                "kept_alive": visit.probe.kept,
                "requests_sent": visit.sent,
                "steps": [_plain(step) for step in steps(visit)],
            }
            for visit in seen.visits
        },
        "comparable": not (unfair or seen.unfair),
        "reasons": list(filter(None, (unfair, seen.unfair))),
        "warnings": list(seen.warnings),
        "steps": [_plain(step) for step in overall(plan, seen)],
    }


def _plain(step: Step) -> dict[str, Any]:
    time_ms = None if step.time is None else step.time / MILLISECOND
    return {"step": step.name, "time_ms": time_ms, "state": step.state or "note", "said": step.said}


def steps(visit: Visit) -> Iterator[Step]:
    """What was seen of a target, in the order in which a request meets it."""
    region = region_of(visit.target.destination.host)
    if region:
        yield Step("address", f"PAI-EAS in {region}", state=SAYS)
    if visit.lookup:
        yield from _list(visit.lookup)
    if visit.probe.walk and (not visit.lookup or visit.lookup.instances):
        yield from _way(visit.probe.walk)
    if visit.sent:
        yield from _exchange(visit)
    for warning in visit.warnings:
        yield Step("note", warning, state=SAYS)


def _list(lookup: Lookup) -> Iterator[Step]:
    """How the list of a direct target's instances was asked for; connecting to each of them comes after it."""
    yield Step("list at", redact_url(lookup.url), state=SAYS)
    if lookup.probe.walk:
        yield from _way(lookup.probe.walk)
    if lookup.instances:
        told = ", ".join(f"{each.address} (weight {each.weight})" for each in lookup.instances)
        count = len(lookup.instances)
        yield Step("list", f"{count} instance{'s' * (count != 1)}: {told}", lookup.probe.service)
    elif lookup.probe.addresses:
        yield Step("list", lookup.problem, lookup.probe.service, FAILS)


def _way(walk: Walk) -> Iterator[Step]:
    if not walk.places:
        yield Step("resolve", f"{walk.unresolved} ({walk.resolver})", walk.dns, FAILS)
        return
    if walk.resolver:  # else they were listed
        found = ", ".join(f"{place.ip} ({address_class(place.ip)})" for place in walk.places)
        yield Step("resolve", f"{found}; {walk.resolver}", walk.dns)
    for place in walk.places:
        said = f"{place.address} {place.detail}".rstrip()
        yield Step("connect", said, place.connect, FAILS if place.failure else PASSES)
    if walk.tls:
        yield from _tls(walk.tls)


def _tls(tls: Tls) -> Iterator[Step]:
    yield Step(
        "TLS", tls.detail if tls.failure else tls.version, tls.handshake, FAILS if tls.failure else PASSES
    )
    if tls.certificate:
        kept = tls.certificate
        said = f"for {', '.join(kept.names) or 'no name'}, by {kept.issuer or 'nobody named'}, "
        yield Step("", f"certificate {said}{_day(kept.begins)} to {_day(kept.ends)}", state=SAYS)


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _exchange(visit: Visit) -> Iterator[Step]:
    probe, request = visit.probe, visit.target.requests[0]
    bearing = any(is_secret_name(name) for name, _ in request.headers)
    said = f"{request.method} {redact_url(request.target)}, {'with' if bearing else 'without'} a token"
    yield Step("request", said, probe.service, FAILS if visit.fault else PASSES)
    if probe.status:
        yield Step("answer", f"{probe.status}: {_answer(visit)}", state=FAILS if visit.fault else PASSES)
    if probe.model and not visit.fault:
        yield from _model(visit, probe.model)
    if probe.kept is not None:
        kept = "the connection stays open" if probe.kept else "the connection is closed after the answer"
        yield Step("keep-alive", kept, state=PASSES if probe.kept else SAYS)


def _model(visit: Visit, answer: ModelAnswer) -> Iterator[Step]:
    """What a model's answer tells: when it began, how long it is, and who says so."""
    named = visit.target.requests[0].model_name
    if named:
        yield Step("model", named, state=SAYS)
    if answer.dialect:
        yield Step("first", f"token of a stream ({answer.dialect})", answer.ttft)
        ended = f", and ended as it should ({answer.finish})" if answer.finish else ", and ended as it should"
        yield Step("stream", f"{answer.chunks:,} chunk{'s' * (answer.chunks != 1)} with tokens{ended}")
    told = f"{answer.output_tokens:,} tokens out" if answer.output_tokens >= 0 else ""
    if told:
        asked = f"{answer.input_tokens:,} in, " if answer.input_tokens >= 0 else ""
        cached = f", {answer.cached_tokens:,} of those in from a cache" if answer.cached_tokens > 0 else ""
        yield Step("usage", f"{asked}{told}{cached}", state=PASSES)
    elif answer.dialect:
        yield Step("usage", "not told, so chunks stand for tokens", state=SAYS)
    seconds = visit.probe.service / NANOSECONDS
    yield Step(
        "begin with",
        f"--rate {format_rate(float(f'{0.5 / max(seconds, 1e-6):.1g}'))}: half of what one caller at a time would ask",
        state=SAYS,
    )


def _answer(visit: Visit) -> str:
    probe: Probe = visit.probe
    if probe.failure is Failure.STATUS:
        return meaning(probe, visit.sent)
    kind = probe.header("content-type") or "no content type"
    server = probe.header("server")
    streamed = f"a stream of {len(probe.body):,} bytes" if not probe.cut else "a long stream"
    what = streamed if probe.model and probe.model.dialect else shape(probe) or "a long answer"
    return f"{what}, {kind}" + (f", from {server}" if server else "")


def overall(plan: Plan, seen: Preflight) -> Iterator[Step]:
    """What concerns no target alone: proxies, whether the targets are one service, this machine's limits."""
    proxies = {name: redact_url(value) for name, value in sorted(getproxies().items()) if name != "no"}
    if proxies:
        said = ", ".join(f"{name}: {value}" for name, value in proxies.items())
        users = [each.name for each in plan.targets if each.destination.proxy == ENVIRONMENT]
        use = f"used for {', '.join(users)}" if users else "not used, for no target"
        yield Step("proxies", f"set in the environment and {use}: {said}", state=SAYS)
    else:
        yield Step("proxies", "none are set")
    unlike = (*unlike_targets(plan), *seen.warnings)
    for warning in unlike:
        yield Step("alike", warning, state=SAYS)
    if not unlike and sum(not visit.fault for visit in seen.visits) > 1:
        yield Step("alike", "the targets answer alike: status, server, and the answer's shape")
    load = plan.load
    most = load.connections or load.max_connections
    limits = Limits.here()
    ports = "" if limits.ports is None else f", {limits.ports:,} local ports"
    short = limits.shortage(most)
    said = "; ".join(short) or f"{limits.files:,} open files{ports}: enough for {most:,} connections"
    yield Step("limits", said, state=FAILS if short else PASSES)


def _step(step: Step, *, short: bool) -> Iterator[str]:
    time = "" if step.time is None else f"{step.time / MILLISECOND:,.1f} ms"
    mark = "✗" if step.state is FAILS else " "
    first = f" {mark} {step.name:<10} {time:>11}  "
    told = textwrap.wrap(
        step.said, _width(), initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
    )
    yield from [f"{told[0][: _width() - 2]} …"] if short and len(told) > 1 else told


def _width() -> int:
    return min(WIDTH, get_terminal_size().columns)


def _hanging(text: str, indent: int) -> list[str]:
    return textwrap.wrap(
        text, _width(), subsequent_indent=" " * indent, break_on_hyphens=False, break_long_words=False
    )
