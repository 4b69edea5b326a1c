"""Every word of a report in English. Another language is another module with the same names.

Functions take figures that are text already, so that nothing here computes and no renderer holds a phrase.
"""

from __future__ import annotations

SECTIONS = {
    "capacity": "Capacity",
    "sweep": "Sweep",
    "comparison": "Comparison",
    "streams": "Streamed answers",
    "tokens": "Tokens",
    "breakdown": "Why",
    "cost": "What the traffic costs",
    "latency": "Latency",
    "phases": "Where the time goes",
    "account": "Throughput and account",
    "objectives": "Objectives",
    "method": "How it was measured",
    "environment": "Environment",
    "scenario": "Scenario",
}
ALARMS = {
    "invalid": "This run is not valid: do not quote its figures",
    "interrupted": "The run was interrupted: its figures cover only a part",
    "aborted": "The run was ended early, and its figures cover only a part",
    "failing": "Requests failed",
    "fail": "Objectives missed",
}
CHARTS = {
    "capacity": (
        "Latency against load",
        "round marks p50, triangles p99; the band is the capacity's interval",
    ),
    "saved": ("Milliseconds saved", "with the interval; above zero the candidate answers sooner"),
    "factors": ("Times faster", "with the interval; above one the candidate answers sooner"),
    "swept": (
        "Latency at each level",
        "round marks p50, triangles p99; of streams, the time to the first token",
    ),
    "difference": (
        "Difference with its interval",
        "left of zero: answers sooner; drawn thin: secondary, these share one confidence",
    ),
    "percentiles": ("Response time by percentile", "every further step to the right is ten times rarer"),
    "first_tokens": (
        "Time to first token by percentile",
        "from sent; the unanswered rank as infinitely slow",
    ),
    "gaps": ("Gaps between token chunks by percentile", "pooled over all answers"),
    "rounds": ("Over time", "all rounds in the order they ran; round marks p50, triangles p99"),
    "parts": (
        "What an exchange is made of",
        "the mean one, and those around p99 where there are enough; server: with gateway and queueing",
    ),
    "phases": ("Mean phases of an exchange", "a phase that was not paid counts as zero"),
}
AXES = {
    "first_tokens": "time to first token, ms",
    "gaps": "gap, ms",
    "load": "load",
    "saved": "saved, ms",
    "factors": "times faster",
    "response": "response time, ms",
    "percentile": "percentile",
    "seconds": "seconds since the first request",
    "difference": "difference, ms",
    "phases": "mean, ms",
}
PHASES = {
    "pool": "pool", "dns": "DNS", "connect": "connect", "tls": "TLS", "send": "send", "wait": "wait",
    "transfer": "transfer",
}  # fmt: skip
PARTS = {
    "pool": "wait for a connection", "dns": "DNS", "connect": "connect", "tls": "TLS",
    "send": "upload", "network": "network round trip", "server": "gateway + server + queueing",
    "upload_and_server": "upload + gateway + server", "wait": "network + server",
    "upload_and_wait": "upload + network + server", "transfer": "transfer", "rest": "left over", "response": "response",
}  # fmt: skip
SHORT_PARTS = {
    **PARTS, "pool": "pool", "network": "round trip", "server": "server", "upload_and_server": "upload, server",
    "wait": "wait", "upload_and_wait": "upload, wait",
}  # fmt: skip
TIMES = {
    "response": "response", "success": "successes only", "service": "service", "lateness": "lateness",
}  # fmt: skip
STREAM_TIMES = {
    "ttft": "TTFT",
    "ttft_success": "TTFT, successes only",
    "ttft_from_due": "TTFT from due",
    "first_answer": "first answer",
    "itl": "ITL",
    "tpot": "TPOT",
    "e2e": "E2E",
}
SOURCES = {"usage": "usage", "tokenizer": "tokenizer", "chunks": "chunks", "mixed": "several"}
REMEDIES = {
    "dns": "the name did not resolve: look at its spelling and at DNS",
    "connect-refused": "nobody listens there, or the backlog is full",
    "connect-timeout": "no answer to connecting: a firewall, a wrong network, or an overloaded host",
    "unreachable": "there is no route to the address",
    "tls-verify": "the certificate is not trusted: mend it, or set `verify_tls: false`",
    "tls-handshake": "TLS could not be agreed on: is this an https port?",
    "send": "the connection broke while the request was being sent: look at the service's limit on request bodies",
    "reset": "the server reset the connection midway: look at its log, and at proxies between",
    "stale": "a kept connection had been closed by the server: `resend_stale: true` sends again",
    "closed-early": "the server closed before it answered: look at its log",
    "truncated": "the answer broke off, or came to no end of its kind: look at proxies and their limits",
    "protocol": "the answer was not proper HTTP/1.1: is this an HTTP port, and what stands between?",
    "timeout": "not a byte of an answer within the timeout: lower the load, or allow more time",
    "timeout-midway": "the answer began, but did not end within the timeout: allow more time, or ask for less",
    "body-too-large": "the answer's body was larger than `max_body` allows",
    "status": "an answer, but not the expected status; look at the statuses",
    "expectation": "the expected status, but the body did not hold what `expect` says",
    "no-ports": "no local ports left: use fewer new connections",
    "no-files": "too many open files: raise `ulimit -n`",
    "stream-error": "the service told an error in the middle of its stream: look at its log",
    "stream-aborted": "the service gave a stream up, and says so as its reason for the end: look at its log",
    "no-token": "a streamed answer without a token: does the request reach a model?",
    "not-streamed": "a whole answer where a stream was asked for: `stream: false` measures whole answers",
    "unknown-stream": "a stream of no known kind: name its API (`stream: anthropic`), or take any (`stream: events`)",
    "encoding": "a stream compressed in a way that is not read here: ask for gzip, or for nothing",
    "error-in-answer": "an error, told with a status of success: look at what the requests ask for",
    "lost": "the process that sent them was lost: look for the system's out-of-memory killer",
    "cancelled": "the run was stopped meanwhile",
}

REFUSED = {
    401: "the token is not accepted: look at it, and at how the service takes it",
    403: "the token is not accepted, or may not do this: look at it, and at the service's rules",
    404: "there is nothing at this path: look at the URL",
    405: "the path takes another method: does the request need a body?",
    429: "a limit on the rate: lower the load, or raise the limit",
}

ARRIVALS = {
    "poisson": "Poisson arrivals",
    "constant": "evenly spaced",
    "gamma": "gamma arrivals",
    "replay": "as a trace says",
}

# Small words

FOLD = "Show"
WHOLE_CAPTION = "Tokens of answers that came whole, by the service's usage"
WHOLE = ("target", "answers", "told usage", "tokens in", "cached", "tokens out", "per answer", "out/s")
TARGET, TARGETS = "target", "targets"
METRIC, TIME, OPENED = "metric", "time", "opened"
ACCOUNT = ("scheduled", "ok", "failed", "unsent", "offered", "achieved")
OBJECTIVE = ("objective", "target", "measured", "verdict")
FAILURE = ("target", "failure", "count", "what it means, and what to do")
SIZES = ("mean", "p50", "p90", "p99", "max")
CODE = ("target", "statuses", "sent", "received", "stale reuses")
MET, MISSED, UNDECIDED = "met", "MISSED", "CANNOT TELL"
WITHHELD, NOT_ENOUGH, NOT_MEASURABLE = "withheld", "not enough data", "no measurable difference"
FOOTER = "One file, complete in itself: it asks nothing of the network."
SIMULATED = "The paths are simulated: these figures show the tool, not a network."


def _code(name: str) -> str:
    return f"`{name.replace('`', 'ˋ')}`"


def more(count: int) -> str:
    """What is left out where space is short."""
    return f"… {count} more with --full, and in the report"


def target(name: str, *, start: bool = False) -> str:
    """How a target is called in a sentence."""
    known = {"vpc": "VPC", "public": "public"}.get(name.lower())
    if known is None:
        return _code(name)
    return f"{'The' if start else 'the'} {known} address"


def at(figure: str) -> str:
    """Where on the distribution: `at p50`, `on average`."""
    if figure == "mean":
        return "on average"
    return f"in {figure}" if figure.startswith(tuple(STREAM_TIMES.values())) else f"at {figure}"


def figure_name(metric: str) -> str:
    """`response.p50` → `p50`; `service.p50` → `p50, service`."""
    kind, _, figure = metric.partition(".")
    if kind in STREAM_TIMES:
        return f"{STREAM_TIMES[kind]} {figure}"
    return figure if kind == "response" else f"{figure}, {kind}" if figure else kind


# The answer


def answers(*, sooner: bool, who: str, by: str, figure: str, interval: str, values: str, factor: str) -> str:
    """The headline of a comparison that shows a difference."""
    word = "sooner" if sooner else "later"
    tail = f", {factor}" if factor else ""
    return f"{who} answers {by} ms {word} {at(figure)} ({interval}): {values}{tail}."


def reason(*, part: str, of: str, phase: str) -> str:
    """Where most of a difference comes from."""
    return f"On average, {part} of the {of} ms are {PARTS[phase]}."


def instead_of(candidate: str, baseline: str) -> str:
    """Both values of a difference."""
    return f"{candidate} ms instead of {baseline}"


def interval(*, confidence: str, low: str, high: str) -> str:
    """An interval between distances."""
    return f"{confidence} % CI {low}–{high}"


def signed_interval(*, confidence: str, low: str, high: str) -> str:
    """An interval that may hold zero."""
    return f"{confidence} % CI {low} to {high} ms"


def times(factor: str, *, faster: bool) -> str:
    """`19× faster`."""
    return f"{factor}× {'faster' if faster else 'slower'}"


def percents(percent: str, *, faster: bool) -> str:
    """`4 % faster`."""
    return f"{percent} % {'faster' if faster else 'slower'}"


def no_difference(
    *, figure: str, interval: str, candidate: str, baseline: str, first: str, second: str
) -> str:
    """The headline where the interval holds zero."""
    return (
        f"No measurable difference {at(figure)} ({interval}): "
        f"{candidate} ms on {first} and {baseline} on {second}."
    )


def shorter_trip(*, shorter: bool, who: str, by: str, interval: str, values: str) -> str:
    """What can be seen of the path, where whole answers take too long to show it."""
    word = "shorter" if shorter else "longer"
    return f"{who} has a network round trip that is {by} ms {word} ({interval}): {values}. "


def not_enough(*, candidate: str, baseline: str, figure: str, reason: str) -> str:
    """The headline where the run is too short to tell."""
    return f"Not enough data to compare {candidate} with {baseline} {at(figure)}: {reason}."


def withheld(*, candidate: str, baseline: str, figure: str, reason: str) -> str:
    """The headline where a figure would mislead."""
    return f"No figure for {candidate} against {baseline} {at(figure)}: {reason}."


def alone(*, who: str, p50: str, p99: str, rate: str, lost: str) -> str:
    """The headline of a single target."""
    tail = f"{p99} ms at p99" if p99 else "too few for p99"
    return f"{who} answers in {p50} ms at p50, {tail}; {rate}, {lost}."


def alone_on_average(*, who: str, mean: str, slowest: str, count: int, lost: str) -> str:
    """The headline of a single target that was asked one request at a time."""
    return f"{who} answers in {mean} ms on average, {slowest} ms at most, of {count:,} answers one at a time; {lost}."


def unmeasured(*, who: str, lost: str) -> str:
    """The headline of a single target that gave too little to say how fast it is."""
    return f"Not enough data to say how fast {who} answers: {lost}."


def failures(count: int, *, scheduled: int, unsent: int) -> str:
    """How many requests got no good answer, and how many were never sent."""
    failed = f"{count:,} of {scheduled:,} requests failed" if count else "0 failures"
    return f"{failed}, {unsent:,} not sent" if unsent else failed


# Capacity

GAVE_WAY = {
    "latency": "beyond it answers come too late",
    "failures": "beyond it requests fail",
    "queue": "beyond it the queue is full (450)",
}
UNITS = {"per second": "rate", "connections": "connections"}
LEVEL_VERDICTS = {
    "yes": "held",
    "no": "too much",
    "open": "at the edge",
    "gateway": "the gateway's limit (429)",
    "generator": "the generator was late",
}


def level_header(*, unit: str) -> tuple[str, ...]:
    """Of a table of levels."""
    return (unit, "trials", "achieved", "p50", "p95", "p99", "failed", "verdict")


def stream_level_header(*, unit: str) -> tuple[str, ...]:
    """Of a table of what streams came to at each level."""
    return (unit, "tokens/s", "each", "in flight", "TTFT p50", "p99", "TPOT p50", "p90", "goodput")


def stream_levels_caption(target: str) -> str:
    """Over a table of what streams came to at each level."""
    return f"Tokens at each level, {target}: per second in all and of one answer, times in milliseconds"


def stream_capacity(*, target: str, level: str, tokens: str, each: str, in_flight: str) -> str:
    """What the highest level that held came to in tokens."""
    return (
        f"{target}: at {level}, the highest load tried that held, the service wrote {tokens} tokens/s in all, {each} to each "
        f"caller, with {in_flight} answers on their way at once."
    )


def levels_caption(target: str) -> str:
    """Over a table of levels."""
    return f"Levels tried on {target}; response times in milliseconds"


def connection_count(count: str) -> str:
    """A level of a closed loop."""
    return f"{count} connections"


def holds(*, who: str, level: str, interval: str, cause: str, objective: str) -> str:
    """The answer of a search."""
    return f"{who} holds {level} (95 % CI {interval}) within `{objective}`: {cause}."


def holds_at_least(*, who: str, level: str, generator: bool) -> str:
    """The answer where nothing of the service gave way."""
    why = "the load generator gave way first" if generator else "nothing gave way up to there"
    return f"{who} holds at least {level}: {why}."


def holds_nothing(*, who: str, lowest: str, objective: str) -> str:
    """The answer where no level was seen to hold."""
    return (
        f"{who} was not seen to hold any load within `{objective}`, down to {lowest}: answers may take longer than that "
        "at any load."
    )


def unsearched(*, who: str) -> str:
    """The answer where no trial could be used."""
    return f"Not enough data to tell a capacity ({who}): the load generator was late in every trial."


def gateway_limit(*, who: str, rate: str, held: str) -> str:
    """The answer where the gateway refused first."""
    return (
        f"{who} is limited by the gateway to {rate} (429): that is the gateway's limit, not the service's capacity. "
        f"The service held {held} all the same."
    )


def run_at(*, target: str, level: str, knee: str) -> str:
    """What to do with a capacity."""
    tail = f" The knee of its curve is near {knee}." if knee else ""
    return f"{target}: run it at {level} for 30 % of head-room.{tail}"


def gives_way_first(*, who: str, level: str, by: str) -> str:
    """An address holds less than another one of the same service."""
    return (
        f"{who} gives way before the service does, which holds {level} over {by}: its path, bandwidth or gateway is the "
        "limit, or takes from the time that the objective allows."
    )


def hold_alike(addresses: list[str]) -> str:
    """No address gives way first."""
    return f"No measurable difference between what {' and '.join(addresses)} hold: neither address shows as the limit."


def searched(*, start: str, budget: str) -> str:
    """Under the title of a search."""
    return f"searched from {start} · at most {budget} per target"


def slowed(*, target: str, by: str) -> str:
    """The service is not what it was when the search began."""
    return (
        f"{target}: levels that were tried again answered {by} % slower than at first: the service tires (a leak, a cache "
        "that fills, a neighbour), and a capacity of now is none of later."
    )


def out_of_time(target: str) -> str:
    """The search ended before it was content."""
    return f"{target}: the time budget ended the search; a larger `--budget` narrows the interval."


# Sweeps

NO_FIGURE = "no figure"
SWEPT = ("achieved", "p50", "p95", "p99", "failed", "verdict")
SWEPT_STREAMS = ("achieved", "TTFT p50", "TTFT p99", "ITL p50", "failed", "verdict")
SWEPT_CAPTION = "Every level as it was measured; times in milliseconds"
SWEPT_VERDICTS = {"invalid": "not valid", "interrupted": "interrupted"}


def sweep_answer(*, who: str, figure: str, told: list[tuple[str, str]]) -> str:
    """The headline of a sweep: what was found at its ends."""
    return f"{who} {at(figure)}: {'; '.join(f'{said} with {_code(level)}' for said, level in told)}."


def sooner(*, by: str, sooner: bool, interval: str) -> str:
    """A difference of a level."""
    return f"{by} ms {'sooner' if sooner else 'later'} ({interval})"


def at_levels(labels: list[str], remark: str) -> str:
    """A remark that holds at some levels only."""
    return f"{'; '.join(map(_code, labels))}: {remark}"


def advantage_caption(*, candidate: str, baseline: str, figure: str) -> str:
    """Over a table of what a candidate saves at each level."""
    return f"{candidate} against {baseline} {at(figure)}, in milliseconds"


def parts_caption(*, candidate: str, baseline: str) -> str:
    """Over a table of what a difference is made of at each level."""
    return f"What the mean difference of {candidate} to {baseline} is made of, in milliseconds"


def swept_load(*, count: int, keys: str) -> str:
    """What a sweep's load is, for the line under the title."""
    return f"{count} levels of {keys}"


SWEEP_METHOD = "Each level is a run of its own, with rounds of its own, one after the other in the order they are written."

CAPACITY_METHOD = (
    (
        "Open loop or closed, one level after the other: growing from a low load until one is surely too much, then by "
        "bisection at what all levels together say, with levels near the edge tried again."
    ),
    (
        "Windows of time are the sample, enlarged until neighbours hardly agree. The interval is fitted over all levels: "
        "the odds of breaking the objective rise with the logarithm of the load. A failed request breaks every objective."
    ),
    (
        "A window in which some requests were late while hardly any other waited half as long is noise, for no queue does "
        "that: it is left out of the fit."
    ),
    "Queues drain between levels, which a probe checks.",
)


# Captions and notes


def load(*, rate: str | None, arrivals: str, connections: str, stages: bool, blocks: bool = False) -> str:
    """The load in two words, for the line under the title."""
    if blocks:
        return BLOCKS
    if rate:
        return f"{rate}{' on average, in stages' if stages else ''}, {ARRIVALS.get(arrivals, arrivals)}"
    return f"up to {connections} connections, in stages" if stages else f"{connections} connections"


BLOCKS = "one request at a time"


def in_blocks(count: int) -> str:
    """How the targets took turns, where each exchange was alone."""
    return (
        f"{count} blocks: in each, every target is asked once and then once more in mirrored order, one request at a time, "
        "the same for all targets, and each over a new connection that was opened beforehand. Slow drifts cancel out."
    )


def planned_rounds(*, asked: str, planned: str) -> str:
    """That rounds were longer than was asked."""
    return f"Rounds were measured for {planned} each, not the {asked} that were asked for: five times a first answer."


def done(*, who: str, planned: str, sent: str, rounds: str) -> str:
    """That a target got another number of requests than was announced."""
    return f"{who} got {sent} measured requests{rounds}; {planned} were planned."


def subtitle(*, started: str, load: str, rounds: int, duration: str, blocks: bool = False) -> str:
    """When, and with what load."""
    return f"{started} · {load} · {rounds} {'blocks' if blocks else 'rounds'} · {duration} per target"


def comparison_caption(*, candidate: str, baseline: str, rounds: int) -> str:
    """Over a table of metrics."""
    return (
        f"{candidate} against {baseline}, over {rounds} pairs of rounds, in milliseconds. "
        "▸ was chosen beforehand, and is alone at its confidence; all other rows of the page are secondary, and share one."
    )


def comparison_header(
    *, baseline: str, candidate: str, confidence: str, together: bool = False
) -> tuple[str, ...]:
    """Of a table of metrics; `together`: none is the headline, and all of the page's others share the confidence."""
    shared = ", all together" if together else ""
    return (METRIC, baseline, candidate, f"difference ({confidence} % CI{shared})", "times faster")


FURTHER_CAPTION = "Further figures, in milliseconds; those without a name are response times, from due to the end of the body"
PART = "part"
DIFFERENCE = "difference"


def bar(target: str) -> str:
    """Of the mean exchange, in a chart."""
    return target


def tail_bar(target: str) -> str:
    """Of the exchanges around p99, in a chart."""
    return f"{target}, p99"


def tail_caption(*, baseline: str, candidate: str) -> str:
    """Over the exchanges around p99; each target with how many there are."""
    return f"The exchanges around each target's own p99 ({baseline}, {candidate}): means in milliseconds"


BREAKDOWN_CAPTION = "The mean answered exchange in its parts, in milliseconds: they add up. The network ends at the first proxy."
SERVICE_CAPTION = (
    "Service times: the same, without lateness and the wait for a free connection, in milliseconds"
)
THROUGHPUT_NOTE = "throughput: answers per second, and how many times as many"
LATENCY_CAPTION = "Milliseconds. – stands for not enough data."
PHASES_CAPTION = "Mean per exchange, in milliseconds; means add up, quantiles do not."
HANDSHAKES_CAPTION = "Mean per new connection, in milliseconds; most are opened in warm-ups."
ACCOUNT_CAPTION = "Requests of the measured parts: scheduled = ok + failed + unsent."
SIZES_CAPTION = "Size of a good answer, in HTTP bytes, head and body"
CODES_CAPTION = "Answers by status, and HTTP bytes"
FAILURES_CAPTION = "Failures"
OBJECTIVES_CAPTION = "Over all sound rounds; in windows where an objective says so"
BREACHES_CAPTION = "Windows that break an objective; those that overlap are told by the worst of them"
BREACH = ("objective", "target", "round", "when", "worst window", "measured", "off the limit by", "windows")
BREACH_NOTE = (
    "when: seconds since the run's first request; worst window: seconds of its round's measured part"
)


def breach(*, round_: int, begin: str, end: str, measured: str, over: str, worst: str, windows: int) -> str:
    """A stretch of broken windows, in a line."""
    off = f", off the limit by {over}" if over else ""
    return (
        f"round {round_}, {begin}–{end} s: {measured}{off} in the window of {worst} s "
        f"({windows} broken window{'s' * (windows != 1)})"
    )


def objectives_met(count: int) -> str:
    """All of them."""
    return "The objective is met." if count == 1 else f"All {count} objectives are met."


def not_counted(*, target: str, warmup: int, probes: int) -> str:
    """What a server's own log holds besides the account."""
    probed = f"{probes:,} probe{'s' * (probes != 1)}"
    return f"{target}: {warmup:,} warm-up requests and {probed} came on top, and are in no figure."


STREAM_CAPTION = "Milliseconds. – stands for not enough data."
STREAM_NOTES = (
    "TTFT: request sent until the first chunk that carries a token, be it text, reasoning or a call of a tool.",
    "TTFT from due: the same, from when the request was due, so with the wait for a connection.",
    "ITL: the gap between two chunks that carry tokens, all answers together.",
    "TPOT: from the first token chunk to the last, divided by output tokens − 1; one figure per answer.",
    "E2E: request sent until the last token chunk. First answer: until the first content after reasoning.",
)
TOKENS_CAPTION = "Tokens of the answers that succeeded"
TOKENS = (
    "target", "input", "output", "counted by", "each", "output/s", "own/s", "per 1M",
)  # fmt: skip
TOKEN_NOTES = (
    "each: output tokens of an answer. output/s: of all answers, per second of measured time.",
    "own/s: output tokens of an answer over its E2E, on average. per 1M: HTTP bytes received for a million of them.",
)
TURNS_CAPTION = "TTFT by the turn of its conversation, in milliseconds"
TURNS = ("turn", "answers")
TURNS_NOTES = (
    "A turn is due when the answer before it is complete and the pause after it is over; only then it is scheduled.",
    "Turns after one that failed are not scheduled, nor are those that would begin after a round's end.",
)
INSTANCES_CAPTION = "Instances that were called directly"
INSTANCES = ("target", "instance", "weight", "answered", "failed", "share")
INSTANCES_NOTES = (
    "Requests of the measured parts. Whose turn it is goes by weight, whether or not a connection is free.",
)
JOINED, LEFT, REWEIGHTED = "joined:", "left:", "other weight:"
GOODPUT_CAPTION = "Goodput: answers that meet all limits, per second, and their share of all requests sent"
GOODPUT = ("target", "limits", "good", "share of sent")


def no_longer_listed(address: str) -> str:
    """An instance that had left the list when the run ended."""
    return f"{address} (left)"


def polled(target: str, url: str, every: str, polls: str) -> str:
    """Where the list was asked for."""
    return f"{target}: the list of instances at {url} was asked for every {every}, {polls} times after the first."


def polls_failed(target: str, count: str, problem: str) -> str:
    """Where the list was not to be had now and then."""
    return f"{target}: {count} of these failed, and the last list was kept; the last time, {problem}."


def list_changed(target: str, after: str, what: str) -> str:
    """That the list changed during the run."""
    return f"{target}: after {after} the list was another; {what}."


def more_changes(target: str, count: str) -> str:
    """Where the list changed too often to show."""
    return f"{target}: {count} more changes are in result.json."


def more_instances(target: str, count: str) -> str:
    """Where there are too many to show."""
    return f"{target}: {count} more instances are in result.json."


def chunks_counted(target: str) -> str:
    """Where the service told no usage."""
    return (
        f"{target}: the service did not tell its usage for all answers, so chunks stand for tokens, and TPOT is per "
        "chunk; `stream: true` in the scenario asks for usage, and a `tokenizer` counts where none is told."
    )


def tokenizer_counted(target: str) -> str:
    """Where the scenario's tokenizer took the place of usage."""
    return (
        f"{target}: the service did not tell its usage, so the scenario's tokenizer counted the text of its answers; "
        "what ends an answer is no text, and not counted."
    )


def unbegun(target: str, count: str) -> str:
    """Where conversations ended early."""
    return f"{target}: {count} later turns were not begun, and so not scheduled, because an earlier turn had failed."


def per_chunk(target: str, tokens: str) -> str:
    """Where chunks are no tokens."""
    return f"{target}: {tokens} tokens per chunk, so ITL is a gap between chunks, not between tokens."


def cached(target: str, tokens: str, share: str) -> str:
    """What a cache held of the prompts."""
    return f"{target}: {tokens} of the tokens asked, {share}, were in the service's cache."


def short(target: str, count: str, streams: str) -> str:
    """Where answers ended before the length that was asked for."""
    return (
        f"{target}: {count} of {streams} answers have fewer tokens than were asked for, though `ignore_eos` or `min_tokens` "
        "forbade an earlier end: the service, or a limit of its own, cut them."
    )


def tokenless(target: str, count: str, streams: str) -> str:
    """Where answers had no token at all."""
    return f"{target}: {count} of {streams} answers carried no token, and are in no time of this table."


def unreadable(target: str, count: str) -> str:
    """Where events could not be read."""
    return f"{target}: {count} events were no JSON objects, and count as nothing."


# How it was measured


def open_loop(*, rate: str, arrivals: str, stages: bool) -> str:
    """The kind of load."""
    shape = " on average, in stages" if stages else ""
    return f"Open loop: {rate}{shape}, {ARRIVALS.get(arrivals, arrivals)}, sent on time whatever the service does."


def closed_loop(*, connections: str, stages: bool) -> str:
    """The kind of load."""
    count = f"up to {connections} connections, in stages" if stages else f"{connections} connections"
    return f"Closed loop: {count}, each asking again as soon as it is answered."


def rounds(*, count: int, compared: bool, duration: str, warmup: str) -> str:
    """How the rounds went."""
    turns = (
        " The targets take turns in shuffled order, and get the same requests at the same times."
        if compared
        else ""
    )
    return f"{count} rounds, {duration} measured per target in all, each after at least {warmup} of warm-up.{turns}"


def connections(*, kept: bool) -> str:
    """Whether rounds open connections of their own."""
    if kept:
        return "Connections were kept between rounds: the luck of one path or replica may be in all of them."
    return "Every round resolves names and opens connections anew, so no round inherits another's luck."


def usage(*, asked: bool) -> str:
    """Whether the scenario, and not the body as it was written, asked for the usage of streams."""
    if asked:
        return "Answers are streamed; the body that was sent also asks for usage: `stream_options.include_usage`."
    return "Answers are streamed, as the body asks by itself; it was sent as it was written."


def timeout(duration: str, connecting: str | None = None) -> str:
    """How long a request may take, and a new connection of it."""
    return f"A request may take {duration}" + (f", {connecting} of it to connect." if connecting else ".")


TERMS = (
    ("response", "from when a request was due until its answer was complete; the headline's time"),
    ("service", "from when it was taken up, without the wait for a free connection"),
    ("lateness", "due until taken up: the load generator's own delay"),
    ("loop's delay", "what an answer waited while the generator did something else for more than 0.2 ms"),
    ("send", "of requests over 10 KiB: from their first byte until the last is acknowledged; as the kernel tells, in its ticks"),
    ("wait", "from the request's bytes having left until the answer's first byte"),
    ("transfer", "from the first byte until the last"),
    (
        "failures",
        "timeouts, broken and unsent requests rank as infinitely slow (≥ timeout); quick refusals are only counted",
    ),
    ("mean, p50, p90 …", "where each round holds 10 exchanges beyond it: the mean of rounds, Student's t over pairs"),
    ("… further out", "all rounds pooled, Woodruff's interval from how rounds differ, joined by MOVER"),
    ("times faster", "baseline ÷ candidate: above 1, the candidate is faster; the difference's own test decides (Fieller)"),
    ("secondary", "all rows but the headline share its confidence (Bonferroni): together they are wrong as rarely as it is"),
    ("refusals", "where one side refused more at once, an interval also holds what it would be had these been the slowest"),
    ("clock", "one monotonic clock; histograms of 3 significant digits, sums and maxima exact"),
)  # fmt: skip


def generator(*, processes: int, cpu: str, memory: str, lateness: str, loop: str) -> str:
    """The load generator's own cost."""
    return (
        f"{processes} × process, {cpu} of CPU, {memory}, lateness {lateness} ms and its loop's delay of answers {loop} ms "
        "at p99"
    )


# A precision that was asked for


def precise(*, who: str, figure: str, reached: str, asked: str, rounds: int, interval: str) -> str:
    """It was reached."""
    return f"{who}: {figure} is known to ±{reached} %, and ±{asked} % was asked for{interval}; it took {rounds} rounds."


def imprecise(
    *, who: str, figure: str, reached: str, asked: str, rounds: int, interval: str, why: str
) -> str:
    """It was not."""
    known = f"is known to ±{reached} % after {rounds} rounds{interval}" if reached else "has no interval"
    return f"{who}: precision not reached: {figure} {known}, and ±{asked} % was asked for{why}."


def ratio_to(baseline: str) -> str:
    """What is meant, where it is not a target's own figure."""
    return f", in ratio to {baseline}"


def at_most(*, most: int, needed: int) -> str:
    """Why it was not reached: it takes longer."""
    return f": `max_rounds` allows {most}, and {needed:,} would do"


TOO_THIN = ": not every round has a figure of its own, so their spread is not known; measure longer, or look at the failures"
ENDED_EARLY = ": the run ended before"
VARIED = ": later rounds varied more than the pilot, whose spread said how many there were to be"


# Runs beside runs

DIFF_TITLE = "Runs beside runs"
DIFF_SECTIONS = {"gate": "What must not happen", "runs": "The runs"}
APART = ", different vantage points"
DIFF_OF = {
    "occasions": "runs of one occasion are one sample ({} against {}): Welch's t",
    "turns": "the sides took turns: t over {} pairs of neighbours",
    "pairs of runs": "both in every run: t over the pairs of runs",
    "pairs of rounds": "both in one run: t over its pairs of rounds",
}
DIFF_FURTHER = "Further figures, in milliseconds"
BASE, NEW = "base", "new"
RULING = ("rule", "target", "change", "verdict")
RULINGS = {"breached": "BREACHED", "kept": "kept", "cannot tell": "cannot tell"}
RUN_COLUMNS = ("side", "run", "began", "target", "p50", "p99", "failed")
REGRESSION = "A regression is shown"
FAILURES_NOTE = "failures: share of requests, and the difference in points of it"


def diff_header(confidence: str) -> tuple[str, ...]:
    """Of a table of runs beside runs."""
    return (METRIC, BASE, NEW, f"difference ({confidence} % CI)", f"change ({confidence} % CI)")


def diff_caption(
    *, base: str, new: str, base_runs: int, new_runs: int, sample: str, samples: tuple[int, int]
) -> str:
    """Over a table of runs beside runs."""
    runs = f"{new_runs} against {base_runs} run{'s' * (base_runs != 1)}"
    counted = DIFF_OF[sample].format(samples[1], samples[0])
    return f"{new if base == new else f'{new} against {base}'}, {runs}, in milliseconds; {counted}."


def change(*, value: str, low: str, high: str, confidence: str, spread: str = "") -> str:
    """A change with its interval, and what that assumes."""
    assumed = f"; assumes {spread} % between occasions" if spread else ""
    return f"{value} ({confidence} % CI {low} to {high}{assumed})"


def assumed(*, who: str, figure: str, change: str, values: str, samples: tuple[int, int] | None) -> str:
    """The headline where occasions are too few to tell how much they differ; `samples`, where a verdict was hoped for."""
    verdict = (
        f" Whether it changed cannot be told: a verdict takes 3 occasions a side, and there are {samples[0]} and {samples[1]}."
        if samples
        else ""
    )
    return f"{who}: {figure} {change}: {values}.{verdict}"


def changed(*, who: str, alike: bool, figure: str, change: str, values: str) -> str:
    """The headline where runs differ."""
    return f"{who}: {figure} {'changed' if alike else 'differs'} by {change}: {values}."


def unchanged(*, who: str, figure: str, change: str) -> str:
    """The headline where the interval holds no change."""
    return f"{who}: no measurable difference in {figure}: {change}."


def cannot_tell(*, who: str, figure: str, reason: str) -> str:
    """The headline where nothing can be said."""
    return f"{who}, {figure}: cannot tell: {reason}."


def vantage_points(unlike: str) -> str:
    """Two places, side by side."""
    return f"Different vantage points: the difference is that of the places as well ({unlike})."


def not_alike(what: str) -> str:
    """A mismatch that was allowed."""
    return f"Allowed all the same: {what}."


def breached(*, rule: str, target: str, said: str) -> str:
    """A rule that did not hold."""
    return f"{target} breaches {rule}: {said}"


# What the traffic costs

COST_WIRE = (TARGET, "direction", "bytes", "÷ exchanges", "= each")
COST_WIRE_CAPTION = (
    "Bytes on the wire: IP packets, with headers and acknowledgements, as this host's kernel counted them unless it says "
    "otherwise. Connections that a warm-up opened are not in them."
)
COST_CAPTION = (
    "For a million requests: bytes each × 10⁶ = volume (1 GB = 10⁹ bytes, 1 GiB = 2³⁰), volume × price = cost"
)
COST_TOKENS_CAPTION = "For a million output tokens: cost of a million requests ÷ tokens each"
DIRECTIONS = {"responses": "responses", "requests": "requests"}
TOTAL, FREE, UNKNOWN = "together", "free", "not found"
BILLED_AS = {
    "egress": "egress to the internet",
    "caller": "the caller's egress to the internet",
    "privatelink": "PrivateLink, in both directions",
}
FREE_OF_CHARGE = {
    "ingress": "into the region: ingress is free",
    "intranet": "traffic inside a region is free, across its zones too",
}
ESTIMATED = (
    "estimated, for the kernel did not tell: HTTP bytes in segments of 1,448 with headers of 52 bytes, and an "
    "acknowledgement for two; without handshakes and losses"
)
CARRIED = (
    "a fraction, because answers to warm-up requests that came in the measured part count as far as they did"
)
SHARED_GATEWAY = (
    "No tariff for the public traffic of the shared gateway was found: its responses are reckoned as egress through an "
    "EIP would be charged."
)
DEDICATED_GATEWAY = (
    "The dedicated gateway's public traffic is reckoned as egress through an EIP; your bill says whether it is charged "
    "so."
)
EGRESS = {
    "none": "Requests cost nothing unless the caller's own egress is billed by traffic: `prices: {caller_egress: eip}` or `nat`.",
    "eip": "The caller's egress is declared as billed by traffic (`caller_egress: eip`), so requests cost as well.",
    "nat": "The caller's egress is declared as billed by traffic (`caller_egress: nat`), so requests cost as well; a NAT "
    "gateway's own fees were not looked up, and are not in it.",
}
PREVAILS = "Prices change: the console's buy page prevails, and `prices` in the scenario overrides these."
NO_PRIVATELINK = (
    "a dedicated gateway's VPC address: a fully managed one bills PrivateLink, whose price was not found. Give it as "
    "`prices.privatelink`, or say `prices: {routes: {NAME: intranet}}` if it does not bill it"
)


COST_SWEPT_CAPTION = (
    "What each level's traffic costs; result.json reckons each figure from bytes, prices and quotas"
)


def cost_swept_header(currency: str, monthly: str | None) -> tuple[str, ...]:
    """Of a table of costs over the levels of a sweep."""
    month = (f"{monthly} a month",) if monthly else ()
    return (TARGET, "received each", "sent each", f"10⁶ requests, {currency}", *month)


def cost_header(currency: str, unit: str) -> tuple[str, ...]:
    """Of a table of costs."""
    return (TARGET, "direction", "bytes each", unit, "price", f"cost, {currency}")


def cost_tokens_header(currency: str) -> tuple[str, ...]:
    """Of a table of costs of tokens."""
    return (TARGET, "cost of 10⁶ requests", "tokens each", "bytes per token", f"cost, {currency}")


def cost_month_header(currency: str, unit: str) -> tuple[str, ...]:
    """Of a table of costs of a month."""
    return (TARGET, "direction", unit, "− free", "× price", f"cost, {currency}")


def cost_month_caption(requests: str) -> str:
    """Over a table of costs of a month."""
    return f"For a month, if all {requests} requests went to the one target: (volume − free quota) × price"


def price_source(
    *, what: str, region: str | None, price: str, currency: str, unit: str, date: str, source: str
) -> str:
    """Where a price comes from."""
    where = f" in {region}" if region else ""
    return f"{what}{where}: {price} {currency} per {unit}, as of {date} ({source})"


def no_egress_price(region: str | None) -> str:
    """Where no price is known."""
    where = f"for {region}" if region else "where no region is known"
    return f"no price {where}: give one as `prices.internet`" + (
        "" if region else ", or name the region as `prices.region`"
    )


def short_price(price: str, currency: str, unit: str, date: str) -> str:
    """A price in a sentence."""
    return f"At {price} {currency} per {unit} of egress ({date})"


AT_ALL_PRICES = "At the prices below"


def cost_of_a_month(amount: str, requests: str) -> str:
    """What a month comes to."""
    return f"{amount} a month at {requests} requests"


def saves(*, who: str, amount: str, more: bool, price: str, monthly: str | None) -> str:
    """What a candidate saves."""
    word = "costs" if more else "saves"
    tail = f"; {monthly}" if monthly else ""
    return f"{price}, {who} {word} {amount} {'more ' if more else ''}per million requests{tail}."


# The runs of a scenario over time

HISTORY = "Over time"
PAST_RUN = ("began", "run", "verdict")
LEFT_OUT = "left out of the trend"


TREND_ASSUMES = (
    "A trend is a steady rise or fall; it assumes that runs more than 10 min apart depend on each other through their neighbours "
    "alone. Its interval allows for a look after each of thirty runs."
)


def history_title(*, name: str, target: str) -> str:
    """What a history is of."""
    return f"{name}, {target}"


def past(*, who: str, figure: str, bars: str, first: str, last: str, runs: int, trend: str) -> str:
    """A figure over its runs."""
    return f"{who}: {bars}  {figure} {first} at first, {last} at last, over {runs} run{'s' * (runs != 1)}; {trend}."


def no_history(*, who: str, figure: str) -> str:
    """None of its runs can be used."""
    return f"{who}: no run of which {figure} can be used."


def trend(*, change: str, over: str) -> str:
    """It leads somewhere."""
    return f"{change} in {over}"


def days(count: int) -> str:
    """A long time."""
    return f"{count} days"


def no_trend(why: str) -> str:
    """It does not, as far as can be told."""
    return f"no trend can be told: {why}"
