"""Breaks the code in ten ways, and shows that the tests named beside each break go red: deterministic must not mean blind.

    python -m tests.mutations

It works on a copy in a temporary folder. The named tests must be green there before anything is broken. Fails where a
break goes unnoticed, and where the text that it was to change is no longer found: then the break must be written anew.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPIED = ("benchmark", "tests", "scenarios", "pyproject.toml", "README.md", "CHANGELOG.md", "results")
PATIENCE = 600.0  # seconds for the tests of one break: a guard against hanging
RED = 1  # pytest's exit status where tests ran, and some failed


@dataclass(frozen=True)
class Break:
    """One way to break the code: in this file, what stands there once, what is put in its place, and who must notice."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


BREAKS = (
    Break(
        "double-count a failure",
        "benchmark/measure/recorder.py",
        "kept.failures[kind.label] += n",
        "kept.failures[kind.label] += 2 * n",
        ("tests/measure/test_recording.py",),
    ),
    Break(
        "drop an in-flight exchange at the deadline",
        "benchmark/execution/send_loop.py",
        "if not self._in_flight and not self._settled.done():",
        "if not self._settled.done():",
        ("tests/execution/test_talks.py::test_what_is_in_flight_at_the_end_is_waited_for",),
    ),
    Break(
        "shift `sent` by 0.3 ms",
        "benchmark/transport/http1.py",
        "        exchange.sent = at\n",
        "        exchange.sent = at + 300_000\n",
        ("tests/transport/test_contract.py::test_sent_is_the_instant_at_which_the_request_was_written",),
    ),
    Break(
        "swap targets",
        "benchmark/execution/rounds.py",
        "            target=target.name,\n",
        "            target=next((each.name for each in self.plan.targets if each != target), target.name),\n",
        ("tests/execution/test_rounds.py::test_each_target_has_its_own_answers",),
    ),
    Break(
        "truncate a histogram bucket",
        "benchmark/measure/histogram.py",
        "low + inside * (high - low)",
        "low",
        ("tests/measure/test_histogram.py",),
    ),
    Break(
        "skip DNS",
        "benchmark/transport/http1.py",
        "where = (self._destination.name, self._destination.port)",
        'where = ("127.0.0.1", self._destination.port)',
        ("tests/transport/test_contract.py::test_a_name_that_does_not_resolve",),
    ),
    Break(
        "reuse a connection across rounds",
        "benchmark/execution/rounds.py",
        "order = replace(order, number=self.first + number)",
        "order = replace(order, number=self.first + number, keep_connections=True)",
        ("tests/execution/test_rounds.py::test_every_round_opens_connections_unless_they_are_kept",),
    ),
    Break(
        "forget unsent turns",
        "benchmark/execution/send_loop.py",
        "            self.unsent_turns += 1\n",
        "            self.unsent_turns += 0\n",
        ("tests/execution/test_talks.py::test_a_turn_that_was_due_and_never_sent_is_unsent",),
    ),
    Break(
        "use the wall clock",
        "benchmark/clock.py",
        "now = time.monotonic_ns",
        "now = time.time_ns",
        ("tests/test_clock.py::test_every_instant_is_of_the_monotonic_clock",),
    ),
    Break(
        "ignore `steal`",
        "benchmark/execution/strain.py",
        "return int(line[_STEAL]) / _TICK if len(line) > _STEAL else 0.0",
        "return 0.0",
        ("tests/execution/test_flaws.py",),
    ),
)


def copied(folder: Path) -> None:
    """The project, without what was built or measured in it."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd", ".*")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        elif source.exists():
            shutil.copy(source, folder / name)


def tested(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Pytest's exit status in the copy, whose modules come before any that are installed; and the end of what it said."""
    command = (
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-x",
        "-q",
        "--tb=line",
        "-p",
        "no:cacheprovider",
        *tests,
    )
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr)[-2000:]


def tried(each: Break, folder: Path) -> str:
    """What is wrong with a break; empty: its tests go red."""
    path = folder / each.file
    text = path.read_text()
    if text.count(each.before) != 1:
        return f"{each.file} holds {text.count(each.before)} times, not once, what is to be changed: {each.before!r}"
    path.write_text(text.replace(each.before, each.after))
    try:
        status, said = tested(folder, each.tests)
    finally:
        path.write_text(text)
    if status == 0:
        return f"nobody noticed: {', '.join(each.tests)} are green"
    return "" if status == RED else f"the tests did not run (exit status {status}):\n{said}"


def main() -> int:
    """Print a table; the exit status."""
    wrong = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        copied(folder)
        tests = tuple(dict.fromkeys(test for each in BREAKS for test in each.tests))
        status, said = tested(folder, tests)
        if status:
            print(f"The tests are not green before anything is broken:\n{said}")
            return 1
        for each in BREAKS:
            began = time.monotonic()
            problem = tried(each, folder)
            wrong += bool(problem)
            print(f"{each.name:<45} {problem or 'caught'} ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{len(BREAKS) - wrong} of {len(BREAKS)} caught")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
