"""The load where a scenario sets none: from how long a few first answers took, and gentle (METHOD 25).

It keeps well under one request at a time under way at each target. A service that answers quickly gets an open loop; a
slow one blocks, in which each target has two exchanges, one at a time, the second in mirrored order. Arithmetic only.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from benchmark.analysis.statistics import t_quantile
from benchmark.execution.plan import EXCHANGES, Plan
from benchmark.scenario.objective import Objective
from benchmark.units import NANOSECONDS

MOST_RATE = 50.0  # requests per second
# of the time, in which a target has a request under way: the next one is due after five typical answers, so that even
# where answers vary by half, one in a thousand is still under way then
UNDER_WAY = 0.2
REQUESTS = 200  # measured of each target
SENDING = 60.0  # seconds of each target, where so many requests take longer
IDLING = 20.0  # seconds, of which most are idle: where so many requests take longer, blocks get them sooner
LEAST_BLOCKS = 10
FEWEST_BLOCKS = 2  # where the user says for how long: fewer have no interval
VARIATION = (
    0.2  # of answers, as a share of their mean: what is shown depends on it, and a few probes do not tell
)


def dosed(plan: Plan, objectives: Iterable[Objective], typical: int) -> Plan:
    """The plan with a pace: its own where it has one.

    Args:
        typical: how long the slower target takes to answer, in nanoseconds; zero: nobody knows.
    """
    if plan.load.paced:
        return plan
    if any(share.turns for share in plan.shares):  # an exchange is no conversation
        return _with(plan, connections=1, **({} if plan.load.timed else {"duration": SENDING}))
    rate = gentle_rate(typical)
    by_rate = any(each.window or each.abort or each.of_offered for each in objectives)
    if by_rate or "arrivals" in plan.load.model_fields_set:
        return _with(plan, rate=rate)
    if not typical or REQUESTS / rate > IDLING:
        return _in_blocks(plan, typical)
    amount = {} if plan.load.timed or plan.load.requests else {"requests": REQUESTS}
    return _with(plan, rate=rate, **amount)


def gentle_rate(typical: int) -> float:
    """Requests per second at which a target is idle most of the time; rounded down to two digits."""
    rate = min(MOST_RATE, UNDER_WAY * NANOSECONDS / typical) if typical else 1.0
    digit = 10.0 ** (math.floor(math.log10(rate)) - 1)
    return math.floor(rate / digit + 1e-9) * digit


def _in_blocks(plan: Plan, typical: int) -> Plan:
    """One exchange at a time, in blocks."""
    load, each = plan.load, EXCHANGES * typical / NANOSECONDS  # seconds of a target in a block
    if plan.asked_rounds is not None:
        count = plan.asked_rounds
    elif load.requests:
        count = math.ceil(load.requests / EXCHANGES)
    elif load.timed:
        count = max(FEWEST_BLOCKS, math.floor(load.duration / each)) if each else LEAST_BLOCKS
    else:
        most = REQUESTS // EXCHANGES
        count = max(LEAST_BLOCKS, min(most, math.floor(SENDING / each))) if each else LEAST_BLOCKS
    made = _with(plan, connections=1, duration=max(each, 1e-3) * count, requests=None)
    return replace(made, blocks=True, rounds=count)


def _with(plan: Plan, **load: Any) -> Plan:
    return replace(plan, load=plan.load.model_copy(update=load), dosed=True)


def shows(blocks: int, typical: int) -> float:
    """The smallest difference of means (seconds) that so many blocks can show of answers that vary by `VARIATION`.

    A block's difference is of two means of two answers each, so its spread is that of one answer.
    """
    return (
        t_quantile(blocks - 1, 0.95) * VARIATION * typical / NANOSECONDS / math.sqrt(blocks)
        if blocks > 1
        else math.inf
    )
