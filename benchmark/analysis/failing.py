"""Whether a target failed so often that the run has: what an objective on failures would say, where nobody wrote one."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.measure.exchange import Failure
from benchmark.measure.recording import Recording
from benchmark.result.model import VerdictCode
from benchmark.result.run import Run
from benchmark.scenario.objective import read_objective

MOST = 0.01  # of the requests that were sent
UNREACHABLE = (
    Failure.DNS,
    Failure.CONNECT_REFUSED,
    Failure.CONNECT_TIMEOUT,
    Failure.UNREACHABLE,
    Failure.TLS_VERIFY,
    Failure.TLS_HANDSHAKE,
)
NO_ANSWERS: frozenset[VerdictCode] = frozenset({"unreachable", "no-good-answer"})
FAILING: frozenset[VerdictCode] = NO_ANSWERS | {"failures"}
REFUSED = {401, 403}  # statuses: the credentials are not accepted
OUR_OWN = (Failure.NO_PORTS, Failure.NO_FILES, Failure.LOST, Failure.CANCELLED)  # no answers of a target


def failing(run: Run) -> Iterator[tuple[VerdictCode, str]]:
    """Why the run has failed, for each target that gave no good answer, or failed more often than may be."""
    objectives = [read_objective(each) for each in run.settings["objectives"]]
    for name in run.targets:
        account = run.account(name)
        failed = account.failed - sum(account.failures[kind.label] for kind in OUR_OWN)
        if not failed:
            continue
        judged = any(each.metric == "failures" and each.target in {None, name} for each in objectives)
        sent = account.ok + failed
        said = f"{name}: {_percent(failed / sent)} of {sent:,} requests failed, most as `{_kind(account)}`"
        if not account.ok:
            yield ("unreachable" if _unreachable(account) else "no-good-answer"), said
        elif not judged and failed > MOST * sent:
            yield "failures", said


def _kind(account: Recording) -> str:
    """The failure that came most often; a status by its number."""
    kind = account.failures.most_common(1)[0][0]
    if kind != Failure.STATUS.label:
        return kind
    return f"status {_commonest(account)}"


def _commonest(account: Recording) -> int:
    return max(account.statuses, key=lambda status: (status >= 400, account.statuses[status]), default=0)


def _unreachable(account: Recording) -> bool:
    kind = account.failures.most_common(1)[0][0]
    if kind == Failure.STATUS.label:
        return _commonest(account) in REFUSED
    return kind in {each.label for each in UNREACHABLE}


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
