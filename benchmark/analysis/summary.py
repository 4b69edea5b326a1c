"""A run's figures: the whole of `result.json`, from what was kept.

Figures are made of sound rounds; the account (counts, bytes, connections, what went unmeasured) covers all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from benchmark.analysis.breakdown import breakdown
from benchmark.analysis.capacity_run import capacity_result
from benchmark.analysis.comparison import compare, doubts
from benchmark.analysis.contained import contained
from benchmark.analysis.cost import cost_of
from benchmark.analysis.estimate import Distribution, alone, figures
from benchmark.analysis.health import generator_of, verdict_of
from benchmark.analysis.objectives import judge
from benchmark.analysis.precision import precisions
from benchmark.analysis.stream import conversations_of, stream_of, whole_of
from benchmark.analysis.sweep import level_runs, sweep_result
from benchmark.measure.histogram import BYTE, Histogram
from benchmark.measure.instances import ANSWERED, FAILED
from benchmark.measure.recording import HANDSHAKES, PHASES, Recording, merged
from benchmark.result.model import (
    QUANTILES,
    Asked,
    Bytes,
    Connections,
    Counts,
    Direct,
    Done,
    Dose,
    Figures,
    InstanceResult,
    Network,
    PerDirection,
    Planned,
    Rates,
    Result,
    Sizes,
    TargetResult,
    Unmeasured,
)
from benchmark.result.run import Run


def summarise(run: Run) -> Result:
    """Every figure that the run supports."""
    if "search" in run.settings:
        return capacity_result(run)
    if "sweep" in run.settings:
        return sweep_result(run, [(level, summarise(own)) for level, own in level_runs(run)])
    baseline = run.settings["baseline"]
    comparisons = [compare(run, baseline, other) for other in run.targets if other != baseline]
    objectives = judge(run)
    result = Result(
        **run.heading(),
        verdict=verdict_of(run, comparisons, objectives, doubts(comparisons)),
        targets={name: _target(run, name) for name in run.targets},
        comparisons=comparisons,
        objectives=objectives,
        generator=generator_of(run),
        dose=_dose(run),
    )
    notes: list[str] = []
    makers: dict[str, Callable[[], object]] = {
        "breakdown": lambda: list(filter(None, (breakdown(run, each) for each in comparisons))),
        "cost": lambda: cost_of(run, comparisons),
        "precision": lambda: precisions(run, comparisons),
    }
    made = {name: contained(name, make, partial(_left_out, name, notes)) for name, make in makers.items()}
    sections = {name: section for name, section in made.items() if section}
    return result.model_copy(update={**sections, "notes": [*result.notes, *notes]})


def _left_out(section: str, notes: list[str], reason: str) -> None:
    notes.append(f"The {section} is left out: {reason}.")


def _dose(run: Run) -> Dose | None:
    """What was asked, planned and sent; None where the run does not say."""
    if "planned" not in run.settings:
        return None
    done = {}
    for name in run.targets:
        account, rounds = run.account(name), [each for each in run.rounds if each.target == name]
        done[name] = Done(
            measured=account.scheduled - account.unsent,
            warmup=sum(each.unmeasured for each in rounds),
            probes=run.probes.get(name, 0),
            rounds=len(rounds),
        )
    return Dose(asked=Asked(**run.settings["asked"]), planned=Planned(**run.settings["planned"]), done=done)


def _target(run: Run, name: str) -> TargetResult:
    info, account = run.targets[name], run.account(name)
    rounds = [each for each in run.rounds if each.target == name]
    phases = {phase: _figures(run, name, phase) for phase in PHASES}
    return TargetResult(
        url=info.url,
        addresses=sorted({*info.addresses, *(address for each in rounds for address in each.addresses)}),
        rounds=len(run.used(name)),
        counts=Counts(
            scheduled=account.scheduled,
            ok=account.ok,
            failed=account.failed,
            unsent=account.unsent,
            failures=dict(account.failures.most_common()),
            statuses={str(status): n for status, n in sorted(account.statuses.items())},
        ),
        unmeasured=Unmeasured(warmup=sum(each.unmeasured for each in rounds), probes=run.probes.get(name, 0)),
        rate=_rates(run, name),
        response_ms=_figures(run, name, "response"),
        success_ms=_figures(run, name, "response", successes_only=True),
        service_ms=_figures(run, name, "service"),
        lateness_ms=_figures(run, name, "lateness"),
        phases_ms=phases,
        handshakes_ms={phase: alone(account.handshakes[phase]) for phase in HANDSHAKES},
        bytes=Bytes(sent=account.sent_bytes, received=account.received_bytes),
        response_bytes=_sizes(merged(run.used(name)).histograms["size"]),
        connections=Connections(opened=account.new_connections, stale_reuses=account.stale_reuses),
        network=_network(account),
        stream=stream_of(run, name, partial(_figures, run, name)),
        whole=whole_of(run, name),
        conversations=conversations_of(run, name),
        direct=_direct(run, name, account),
        notes=list(info.notes),
    )


def _direct(run: Run, name: str, account: Recording) -> Direct | None:
    """Who answered of a target that is called at its instances."""
    if name not in run.discovered:
        return None
    kept = dict(run.discovered[name])
    instances = [
        InstanceResult(
            **each,
            answered=account.counters[ANSWERED + each["address"]],
            failed=account.counters[FAILED + each["address"]],
        )
        for each in kept.pop("instances")
    ]
    return Direct(**kept, instances=instances)


def _network(account: Recording) -> Network | None:
    if not account.handshakes["rtt"].count:
        return None
    counted = account.counters
    return Network(
        rtt_ms=alone(account.handshakes["rtt"]),
        connect_ms=alone(account.handshakes["connect"]),
        retransmits=counted["retransmits"],
        segments=PerDirection(sent=counted["segments_sent"], received=counted["segments_received"]),
        ip_bytes=PerDirection(sent=counted["ip_bytes_sent"], received=counted["ip_bytes_received"]),
    )


def _figures(run: Run, name: str, metric: str, *, successes_only: bool = False) -> Figures:
    """By the estimator that all targets of the run allow, so that tables and ratios agree."""
    every = {
        each: Distribution.of(run.used(each), metric, successes_only=successes_only) for each in run.targets
    }
    return figures(every[name], list(every.values()), run.settings["timeout"])


def _sizes(counted: Histogram) -> Sizes | None:
    """Of all sound rounds together: a size does not vary by round as a time does."""
    if not counted.count:
        return None
    quantiles = {
        name: counted.quantile(q) / BYTE for name, q in QUANTILES.items() if name in Sizes.model_fields
    }
    return Sizes(mean=counted.mean / BYTE, max=counted.maximum / BYTE, **quantiles)


def _rates(run: Run, name: str) -> Rates:
    """Over sound rounds, of the requests that were due in their measured time: where nothing is lost, both are the same.

    What was asked for stands in the settings: a short round holds a whole number of requests, and chance is no shortfall.
    """
    sound = [each for each in run.rounds if each.target == name and not each.flaw]
    measured = math.fsum(each.measured for each in sound)
    if not measured:
        return Rates(offered=run.settings["rate"] if run.settings["open_loop"] else None, achieved=0.0)
    due, ok = (sum(getattr(each.recording, count) for each in sound) for count in ("scheduled", "ok"))
    return Rates(offered=due / measured if run.settings["open_loop"] else None, achieved=ok / measured)
