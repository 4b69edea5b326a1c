"""Tests that measure real time have three outcomes: they hold, they fail, or they are *inconclusive*.

A test marked `verify` that fails is inconclusive only on evidence of a disturbance from outside the figure under test:
cores that other programs had, time that the hypervisor took, or what the test noted of its own witness's error. The
figure's being wrong is no evidence. What is inconclusive is repeated, a bounded number of times, each after a calm
moment if one comes; what is inconclusive every time is listed by name, and more than a tenth of them fail the command.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

ATTEMPTS = 5  # of one test
BUDGET = 420.0  # seconds for the whole command, after which nothing is repeated any more
FOREIGN = 0.03  # of one core, used by other programs meanwhile
STOLEN = 0.02  # of one core, taken by the hypervisor meanwhile
UNTOLD = 0.1  # of the tests, that may be inconclusive
CALM, PATIENCE = 0.5, 15.0  # seconds to look whether it is calm; at most waited for that

_TICK = os.sysconf("SC_CLK_TCK")
_BUSY = (1, 2, 3)  # columns of /proc/stat: user, nice, system; what interrupts take is nobody's
_STEAL = 8
_SPENT = slice(11, 15)  # of /proc/PID/stat behind the name: own and reaped children's user and system time
_PARENT = 1


@dataclass(frozen=True)
class Machine:
    """Seconds, since the machine or this process started."""

    at: float
    busy: float  # on all cores, by every program
    own: float  # of them, by this process and all that it started
    stolen: float

    @classmethod
    def now(cls) -> Machine:
        """As the kernel tells it; where it does not, nothing is ever evidence."""
        try:
            line = Path("/proc/stat").read_text().partition("\n")[0].split()
        except OSError:
            return cls(time.monotonic(), 0.0, 0.0, 0.0)
        busy = sum(int(line[column]) for column in _BUSY)
        return cls(time.monotonic(), busy / _TICK, _own() / _TICK, int(line[_STEAL]) / _TICK)


def _own() -> int:
    """Ticks that this process, its descendants and those of them that have ended have spent."""
    parents, spent = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            columns = path.read_text().rpartition(") ")[2].split()
        except (OSError, ValueError):
            continue  # it has just ended
        number = int(path.parent.name)
        parents[number] = int(columns[_PARENT])
        spent[number] = sum(map(int, columns[_SPENT]))
    mine, fresh = {os.getpid()}, {os.getpid()}
    while fresh:
        fresh = {number for number, parent in parents.items() if parent in fresh} - mine
        mine |= fresh
    return sum(spent.get(number, 0) for number in mine)


def disturbances(before: Machine, after: Machine) -> list[str]:
    """What other programs and the hypervisor did between two looks at the machine, where it is enough to be evidence."""
    seconds = max(after.at - before.at, 2 / _TICK)
    foreign = (after.busy - before.busy) - (after.own - before.own)
    stolen = after.stolen - before.stolen
    found = []
    if foreign > FOREIGN * seconds + 2 / _TICK:
        found.append(f"other programs used {foreign / seconds:.0%} of a core")
    if stolen > STOLEN * seconds + 2 / _TICK:
        found.append(f"the hypervisor took {stolen / seconds:.0%} of a core")
    return found


@dataclass
class Evidence:
    """What a test itself notes of a disturbance: its witness's error, or how long a process waited for its core."""

    notes: list[str] = field(default_factory=list)

    def note(self, said: str) -> None:
        """Remember it; it counts if the test fails."""
        self.notes.append(said)


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """For a test that knows how far its witness can be believed."""
    found = Evidence()
    request.node.stash[_NOTED] = found
    return found


_NOTED = pytest.StashKey[Evidence]()


@dataclass
class Tally:
    """How the tests of one session went."""

    began: float = field(default_factory=time.monotonic)
    held: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    repeated: dict[str, int] = field(default_factory=dict)  # attempts, of those that needed several
    inconclusive: dict[str, str] = field(default_factory=dict)  # the last evidence, by test

    @property
    def too_vague(self) -> bool:
        """Whether so many are inconclusive that nothing is verified."""
        whole = len(self.held) + len(self.failed) + len(self.inconclusive)
        return len(self.inconclusive) > UNTOLD * whole


_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TALLY] = Tally()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a `verify` test until it is conclusive."""
    if item.get_closest_marker("verify") is None:
        return None
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in _conclusive(item, nextitem, item.config.stash[_TALLY]):
        hook.pytest_runtest_logreport(report=report)
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _conclusive(item: pytest.Item, nextitem: pytest.Item | None, tally: Tally) -> list[pytest.TestReport]:
    """The reports of the last attempt."""
    for attempt in range(1, ATTEMPTS + 1):
        item.stash[_NOTED] = Evidence()
        before = Machine.now()
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        broken = [each for each in reports if each.failed]
        if not broken:
            if any(each.when == "call" and each.passed for each in reports):
                tally.held.append(item.nodeid)
            return reports
        found = disturbances(before, Machine.now()) + item.stash[_NOTED].notes
        if not found:
            tally.failed.append(item.nodeid)
            return reports
        tally.repeated[item.nodeid] = attempt
        if time.monotonic() - tally.began > BUDGET:
            break
        item.session._setupstate.teardown_exact(None)  # so that what a module's tests share is measured again
        _calm_down()
    tally.inconclusive[item.nodeid] = "; ".join(found)
    for each in broken:
        each.outcome = "skipped"
        each.longrepr = (str(item.path), item.location[1], f"inconclusive: {'; '.join(found)}")  # type: ignore[assignment]
        each.inconclusive = True  # type: ignore[attr-defined]
    return reports


def _calm_down() -> None:
    """Wait until other programs rest, for a while."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        before = Machine.now()
        time.sleep(CALM)
        if not disturbances(before, Machine.now()):
            return


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Inconclusive is neither passed nor skipped."""
    return ("inconclusive", "I", "INCONCLUSIVE") if getattr(report, "inconclusive", False) else None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Too many that are inconclusive are a failure: nothing was verified."""
    if session.config.stash[_TALLY].too_vague and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """How many hold, and by name what could not be told."""
    tally = config.stash[_TALLY]
    if not tally.held and not tally.failed and not tally.inconclusive:
        return
    terminalreporter.section("verify")
    for lines in _summary(tally):
        terminalreporter.write_line(lines)


def _summary(tally: Tally) -> Iterator[str]:
    for name, why in tally.inconclusive.items():
        yield f"INCONCLUSIVE {name}: {why}"
    for name, attempts in tally.repeated.items():
        if name in tally.held:
            yield f"held at attempt {attempts + 1}: {name}"
    yield f"{len(tally.held)} hold, {len(tally.failed)} fail, {len(tally.inconclusive)} inconclusive"
    if tally.too_vague:
        yield f"more than {UNTOLD:.0%} are inconclusive: nothing is verified; run it on a machine that is left alone"
