"""A run before its first round: what is kept of what was asked and found, so that every figure follows from it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from benchmark.execution.cost_terms import cost_terms
from benchmark.execution.environment import environment
from benchmark.execution.fairness import unlike_targets
from benchmark.execution.pacing import Pacing
from benchmark.execution.plan import Plan, TargetPlan
from benchmark.execution.preflight import Preflight, Visit
from benchmark.redaction import Redactor, redact_url
from benchmark.result.run import Run, TargetInfo
from benchmark.scenario.load import LoadedScenario
from benchmark.units import NANOSECONDS


def stamp() -> str:
    """Now, as results tell it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def begin(
    loaded: LoadedScenario,
    pacing: Pacing,
    checked: Preflight,
    redactor: Redactor,
    *,
    simulated: bool,
) -> Run:
    """The run before its first round."""
    plan = pacing.plan
    return Run(
        name=loaded.scenario.name,
        started_at=stamp(),
        scenario=redactor.data(loaded.document),
        settings=resolved(loaded, pacing, checked, simulated=simulated),
        targets={each.name: _seen(each, checked.visit(each.name), redactor) for each in plan.targets},
        environment=environment(),
        probes={target.name: 0 for target in plan.targets} | checked.sent,
        notes=[
            redactor.text(f"{warning}.")
            for warning in (*plan.remarks, *unlike_targets(plan), *checked.warnings)
        ],
    )


def _seen(target: TargetPlan, visit: Visit | None, redactor: Redactor) -> TargetInfo:
    """What is kept of a target; nothing secret is, so that whatever is made of a run may be shown as it is."""
    return TargetInfo(
        url=redactor.text(redact_url(target.url)),
        addresses=visit.probe.places if visit else (),
        verify_tls=target.destination.verify_tls,
        notes=tuple(map(redactor.text, visit.warnings)) if visit else (),
    )


def resolved(
    loaded: LoadedScenario, pacing: Pacing, checked: Preflight, *, simulated: bool
) -> dict[str, Any]:
    """What figures and costs depend on."""
    return _settings(loaded, pacing, simulated=simulated) | {
        "cost": costs_at(loaded, pacing.plan, checked),
        "asked": _asked(loaded),
        "planned": _planned(pacing, checked),
    }


def costs_at(loaded: LoadedScenario, plan: Plan, checked: Preflight) -> dict[str, Any] | None:
    """What traffic will be reckoned by, at the addresses that were found."""
    return cost_terms(loaded.scenario, plan, {name: probe.places for name, probe in checked.probes.items()})


def _asked(loaded: LoadedScenario) -> dict[str, Any]:
    """What the scenario says of the load, in base units; null where it leaves that to us."""
    load, given = loaded.scenario.load, loaded.scenario.model_fields_set
    return {
        "rate": load.rate,
        "connections": load.connections,
        "requests": load.requests,
        "duration": load.duration if load.timed else None,
        "warmup": load.warmup,
        "rounds": loaded.scenario.rounds if "rounds" in given else None,
    }


def _planned(pacing: Pacing, checked: Preflight) -> dict[str, Any]:
    """What was announced, of each target."""
    amount, shape = pacing.amount(range(pacing.plan.rounds)), pacing.shape(0)
    seconds = shape.measured / NANOSECONDS
    return {
        "measured": amount.measured,
        "warmup": amount.warmup,
        "probes": max(checked.sent.values(), default=0),
        "exact": amount.exact,
        "rounds": pacing.plan.rounds,
        "round": None if shape.most or pacing.plan.blocks else seconds,
        "seconds": amount.seconds,
    }


def _settings(loaded: LoadedScenario, pacing: Pacing, *, simulated: bool) -> dict[str, Any]:
    """What figures depend on, with every default filled in."""
    scenario, plan = loaded.scenario, pacing.plan
    shape = pacing.shape(0)
    return {
        "open_loop": plan.open_loop,
        "blocks": plan.blocks,
        "dosed": plan.dosed,
        "rate": plan.request_rate,
        "conversations": any(share.turns for share in plan.shares),
        "arrivals": "replay" if plan.trace else scenario.load.arrivals if plan.open_loop else None,
        "connections": None if plan.open_loop else plan.limit,
        "stages": bool(scenario.load.stages),
        "rounds": plan.rounds,
        "duration": pacing.seconds,
        "warmup": shape.warmup / NANOSECONDS,
        "confidence": scenario.confidence,
        "timeout": plan.timeout / NANOSECONDS,
        "connect_timeout": max(
            filter(None, (each.connect_timeout for each in scenario.all_requests)), default=None
        ),
        "baseline": scenario.baseline_name,
        "keep_connections": scenario.keep_connections and not plan.blocks,
        "objectives": [objective.written for objective in scenario.objectives],
        "primary": _primary(loaded, plan),
        "streamed": plan.streamed,
        "asks_usage": any(
            "stream_options" in request.added for target in plan.targets for request in target.requests
        ),
        "goodput": [limit.text for limit in scenario.goodput],
        "simulated": simulated,
        "seed": scenario.seed,
        "files": loaded.fingerprints(),
        "precision": scenario.precision,
        "max_rounds": scenario.max_rounds if scenario.precision else None,
    }


def _primary(loaded: LoadedScenario, plan: Plan) -> str:
    """The metric of the headline, fixed beforehand (METHOD 14): a few answers have a mean, and no quantiles."""
    latencies = [
        each for each in loaded.scenario.objectives if each.metric not in {"failures", "rate", "goodput"}
    ]
    if latencies and latencies[0].metric != "max" and not plan.blocks:
        return f"{latencies[0].time}.{latencies[0].metric}"
    return f"{'ttft' if plan.streamed else 'response'}.{'mean' if plan.blocks else 'p50'}"
