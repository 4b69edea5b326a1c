"""What is going to be sent, said before it is: the plan is the promise that the run then keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from itertools import islice

from benchmark.execution.dose import VARIATION, shows
from benchmark.execution.pacing import Amount, Pacing
from benchmark.execution.plan import Plan
from benchmark.execution.preflight import Preflight
from benchmark.execution.stretches import Stretch
from benchmark.redaction import is_secret_name, redact_url
from benchmark.transport.base import PreparedRequest
from benchmark.units import NANOSECONDS, format_duration, format_rate, format_size

MASK = "***"
LOOKED_AT = 1000  # of the requests, which may be as many as a data file has rows
TOKENS = ("max_completion_tokens", "max_tokens")
ASKS_A_MODEL = ("messages", "prompt")
QUIET = frozenset(
    {"host", "user-agent", "accept", "content-length"}
)  # headers that say nothing of the request


def announce(stretches: Sequence[Stretch]) -> str:
    """The plan once it is settled: exactly what the run does."""
    if stretches[0].names is not None:
        return _sweep(stretches)
    pacing, checked = stretches[0].pacing, stretches[0].checked
    amount = pacing.amount(range(pacing.plan.rounds))
    lines = [*_sent(pacing.plan), *_load(pacing), _counts(pacing, checked, amount), _lasts(pacing, amount)]
    return "\n".join([*lines, *_remarks(pacing, checked, amount)])


def announce_asked(stretches: Sequence[Stretch]) -> str:
    """What is known of the plan before any target was asked."""
    plan = stretches[0].plan
    if stretches[0].names is not None:
        return f"{_sweep(stretches)}\n{_UNPROBED}"
    lines = _sent(plan)
    if not plan.load.paced:
        lines += [
            "The load follows from a few probes of each target: one request at a time, or so slowly that",
            "a target is idle most of the time; about a minute of sending or 200 requests to each target.",
        ]
        return "\n".join(lines)
    pacing = Pacing(plan)
    amount = pacing.amount(range(plan.rounds))
    lines += [*_load(pacing), _counts(pacing, None, amount), _lasts(pacing, amount)]
    return "\n".join([*lines, *_pilot(plan, amount), _UNPROBED])


_UNPROBED = (
    "Each target is probed first. Answers that take long make rounds and warm-ups longer; that is said then."
)


def _sent(plan: Plan) -> list[str]:
    """What goes where."""
    first = plan.targets[0].requests[0]
    size = f", a body of {format_size(len(first.body))}" if first.body else ""
    kinds = len(plan.targets[0].requests)
    path = redact_url(f"http://x{first.target}").removeprefix("http://x")
    more = f" and {kinds - 1:,} other requests" if kinds > 1 else ""
    lines = [f"Sending {first.method} {path}{size}{more}"]
    headers = ", ".join(_header(name, value) for name, value in first.headers if name.lower() not in QUIET)
    lines += [f"  with {headers}"] if headers else []
    lines += [f"  {remark}" for remark in plan.remarks]
    wide = max(len(target.name) for target in plan.targets)
    return lines + [f"  to {target.name:<{wide}}  {redact_url(target.url)}" for target in plan.targets]


def _header(name: str, value: str) -> str:
    return f"{name}: {MASK if is_secret_name(name) else value}"


def _load(pacing: Pacing) -> Iterator[str]:
    plan, shape = pacing.plan, pacing.shape(0)
    rounds = f"{plan.rounds} round{'s' * (plan.rounds != 1)}"
    if plan.blocks:
        names = [target.name for target in plan.targets]
        order = " ".join([*names, *names[::-1]]) if len(names) < 4 else "each target, and in mirrored order"
        yield f"in {plan.rounds} blocks of {order}, one request at a time"
        return
    each = "" if shape.most else f" of {_time(shape.measured)}"
    if shape.warmup:
        each += f" after {_time(shape.warmup)} of warm-up"
    if plan.request_rate is None:
        yield f"over {_connections(plan)} connections, each asking again when answered, in {rounds}{each}"
    else:
        yield f"at {format_rate(plan.request_rate)}, in {rounds}{each}"


def _time(nanoseconds: int) -> str:
    return format_duration(nanoseconds / NANOSECONDS)


def _connections(plan: Plan) -> str:
    """How many, or in stages from how many to how many."""
    levels = [level for stage in plan.stages for level in (stage.begin, stage.end)]
    return f"{min(levels):.0f} to {max(levels):.0f}" if levels else f"{plan.limit}"


def _counts(pacing: Pacing, checked: Preflight | None, amount: Amount) -> str:
    """`20 requests to each target, 1 to warm up and 2 probes`."""
    about = "" if amount.exact else "about "
    many = f"{about}{amount.measured:,} request{'s' * (amount.measured != 1)}"
    each = " to each target" if len(pacing.plan.targets) > 1 else ""
    also = [f"{about}{amount.warmup:,} to warm up"] if amount.warmup else []
    if checked is not None and checked.visits:
        probes = sorted(set(checked.sent.values()))
        also += [f"{' or '.join(map(str, probes))} probe{'s' * (probes[-1] != 1)} (sent)"]
    return f"{many}{each}{f', and {also[0]}' if len(also) == 1 else ''.join(f', {one}' for one in also)}"


def _lasts(pacing: Pacing, amount: Amount) -> str:
    took = f", if answers take {_time(pacing.typical)} as the probes did" if pacing.typical else ""
    depends = pacing.plan.blocks or pacing.plan.request_rate is None
    if depends and not pacing.typical:
        return "for as long as the answers take"
    return f"for about {_rounded(amount.seconds)}{took if depends else ''}"


def _rounded(seconds: float) -> str:
    """To two digits: no more is known."""
    return format_duration(float(f"{seconds:.2g}"))


def _pilot(plan: Plan, amount: Amount) -> Iterator[str]:
    """That rounds may follow."""
    if plan.precision:
        longest = format_duration(amount.seconds / plan.rounds * plan.max_rounds)
        yield (
            "These are a pilot: its spread says how many rounds it takes to know the first metric to "
            f"{plan.precision * 100:.3g} %, at most {plan.max_rounds} in all, {longest}."
        )


def _remarks(pacing: Pacing, checked: Preflight, amount: Amount) -> Iterator[str]:
    """What else is to be known before it begins."""
    plan = pacing.plan
    yield from _tokens(plan, amount, max(checked.sent.values(), default=0))
    yield from _pilot(plan, amount)
    if pacing.stretched:
        yield (
            f"Rounds are longer than the {_time(plan.measured)} that were asked for: five times an answer, "
            f"which took {_time(pacing.typical)}."
        )
    yield from _too_much(pacing, checked)
    if plan.blocks and len(plan.targets) > 1 and pacing.typical and plan.rounds > 1:
        shown = _rounded(shows(plan.rounds, pacing.typical))
        yield f"That can show differences above about {shown}, where answers vary by {VARIATION:.0%}."


def _too_much(pacing: Pacing, checked: Preflight) -> Iterator[str]:
    """Where a load that was asked for by name is more than a target takes one at a time."""
    rate = pacing.plan.request_rate
    slow = max(checked.visits, key=lambda visit: visit.typical, default=None)
    if rate is None or slow is None or rate * slow.typical <= NANOSECONDS:
        return
    yield (
        f"{slow.target.name} took {_time(slow.typical)} to answer, so about "
        f"{math.ceil(rate * slow.typical / NANOSECONDS):,} requests will be under way at once: "
        "more than it takes one at a time."
    )


def _tokens(plan: Plan, amount: Amount, probes: int) -> Iterator[str]:
    """What answers may come to, where the requests bound them."""
    asking = [
        body
        for request in islice(plan.targets[0].requests, LOOKED_AT)
        if isinstance(body := _json(request), dict) and any(key in body for key in ASKS_A_MODEL)
    ]
    bounds = [next((body[key] for key in TOKENS if isinstance(body.get(key), int)), None) for body in asking]
    known = [bound for bound in bounds if bound is not None]
    if not asking:
        return
    if len(known) < len(asking):
        yield "Nothing bounds the length of an answer: set max_tokens in the body."
        return
    requests = amount.measured + amount.warmup + probes
    tokens = requests * max(known)
    about = "" if amount.exact else "about "
    yield f"at most {about}{tokens:,} tokens of answers{' from each target' if len(plan.targets) > 1 else ''}"


def _json(request: PreparedRequest) -> object:
    try:
        return json.loads(request.body) if request.body else None
    except (ValueError, RecursionError):
        return None


def _sweep(stretches: Sequence[Stretch]) -> str:
    """All levels of a sweep."""
    going = [each for each in stretches if not each.left_out]
    amounts = [each.pacing.amount(range(each.plan.rounds)) for each in going]
    count = len(stretches[0].plan.targets)
    seconds = _rounded(sum(each.seconds for each in amounts))
    targets = f" on each of {count} targets" if count > 1 else ""
    lines = _sent(stretches[0].plan)
    lines += [f"at {len(going)} level{'s' * (len(going) != 1)}{targets}, for about {seconds} in all:"]
    wide = max(len(each.label) for each in stretches)
    for each, amount in zip(going, amounts, strict=True):
        unknown = not each.plan.load.paced
        what = "a load that follows from the probes" if unknown else ", ".join(_load(each.pacing))
        counts = "" if unknown else f"; {_counts(each.pacing, each.checked, amount)}"
        lines.append(f"  {each.label:<{wide}}  {what}{counts}")
    lines += [f"  {each.label:<{wide}}  is left out" for each in stretches if each.left_out]
    return "\n".join(lines)
