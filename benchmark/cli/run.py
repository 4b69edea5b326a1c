"""`vpcbench run`: from a scenario to a verdict. `curl` and `demo` join it once they have their scenario."""

from __future__ import annotations

import textwrap
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmark.analysis.summary import summarise
from benchmark.cli.announcing import announce, announce_asked
from benchmark.cli.output import complain, whole
from benchmark.cli.progress import Progress
from benchmark.cli.stopping import Stopping
from benchmark.errors import Bug, ExitStatus, VpcbenchError
from benchmark.execution.local import Interrupted
from benchmark.execution.plan import Plan
from benchmark.execution.session import Session
from benchmark.execution.stretches import Stretch, stretches_of
from benchmark.redaction import Redactor
from benchmark.report.document import Report, describe
from benchmark.report.neutral import harmless
from benchmark.report.render import render
from benchmark.report.terminal import render_terminal
from benchmark.result.rescue import elsewhere, telling_where, where_they_are, with_notes
from benchmark.result.run import Run
from benchmark.result.store import make_folder, save_run, save_scenario, write_file
from benchmark.scenario.load import LoadedScenario, load_scenario

if TYPE_CHECKING:
    from benchmark.result.model import Result

WRITTEN = {"report.html": "html", "report.md": "markdown", "result.json": "json"}


class Unwritten(VpcbenchError):  # noqa: N818  # what was measured was told, but not all of it is kept
    """The disk did not take the results where they belong."""


def run(
    path: Path,
    out: Path | None,
    *,
    overrides: Sequence[str],
    processes: str | None = None,
    dry_run: bool,
    quiet: bool,
    full: bool = False,
    check: bool,
    repeat: int = 1,
    only: Sequence[str] = (),
) -> ExitStatus:
    """Run the scenario in a file, once or several times."""
    if processes is not None:
        overrides = [*overrides, f"processes={processes}"]
    loaded = load_scenario(path, overrides, only=only)
    if repeat > 1 and not dry_run:
        return _repeated(loaded, out, repeat, quiet=quiet, full=full, check=check)
    if repeat > 1:
        print(f"{repeat} runs, each of them:")
    return measure(loaded, out, dry_run=dry_run, quiet=quiet, full=full, check=check)


def _repeated(
    loaded: LoadedScenario, out: Path | None, repeat: int, *, quiet: bool, full: bool, check: bool
) -> ExitStatus:
    """Whole runs one after another, in folders 1 … N of one; those that are over stay, whatever ends the rest."""
    parent = make_folder(loaded.scenario.name, out)
    statuses: list[ExitStatus] = []
    try:
        with Stopping() as stopping:
            while len(statuses) < repeat and not stopping.signalled:
                number = len(statuses) + 1
                stopping.rest()
                print(f"\nRun {number} of {repeat}", flush=True)
                statuses.append(
                    measure(
                        loaded, parent / str(number), quiet=quiet, full=full, check=check, stopping=stopping
                    )
                )
    finally:
        if statuses:
            told = f"{len(statuses)} of {repeat} runs are kept in {parent}"
            print(f"\n{told}: `vpcbench diff` takes that folder as one side.", flush=True)
        else:
            parent.rmdir()
    return max([*statuses, *([ExitStatus.INTERRUPTED] if len(statuses) < repeat else [])])


def measure(
    loaded: LoadedScenario,
    out: Path | None,
    *,
    dry_run: bool = False,
    quiet: bool = False,
    full: bool = False,
    check: bool = True,
    simulated: bool = False,
    stopping: Stopping | None = None,
) -> ExitStatus:
    """Plan, send, keep, analyse, tell. `stopping` is that of who runs several, and has entered it."""
    redactor = Redactor(loaded.secrets)
    console = Console(soft_wrap=False)
    with telling_secretless(redactor):
        stretches = stretches_of(loaded)
        if dry_run:
            _say(console, redactor.text(announce_asked(stretches)))
            return ExitStatus.OK
        with nullcontext(stopping) if stopping is not None else Stopping() as asked:

            def tell(settled: Sequence[Stretch]) -> None:
                for doubt in settled[0].doubts:
                    complain(redactor.text(doubt))
                _say(console, redactor.text(announce(settled)))

            def display(plans: Sequence[Plan]) -> Progress:
                return Progress(plans, quiet=quiet)

            session = Session(loaded, redactor, asked, tell, display, check=check, simulated=simulated)
            return _measure(session, stretches, out, console, quiet=quiet, full=full)


def _say(console: Console, text: str) -> None:
    """Print lines, between whose words a terminal's width breaks them; addresses stay whole, to be copied."""
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        fitting = textwrap.fill(
            line,
            console.width,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        said = fitting if console.is_terminal else line
        console.print(harmless(said), highlight=False, markup=False, soft_wrap=True)


@contextmanager
def telling_secretless(redactor: Redactor) -> Iterator[None]:
    """Errors leave this block without secrets, bugs too."""
    try:
        yield
    except VpcbenchError as error:
        raise type(error)(redactor.text(with_notes(error))) from None
    except KeyboardInterrupt as interrupt:
        raise Interrupted(f"interrupted{redactor.text(with_notes(interrupt))}") from None
    except Exception:
        raise Bug(redactor.text(traceback.format_exc())) from None


def _measure(
    session: Session,
    stretches: Sequence[Stretch],
    out: Path | None,
    console: Console,
    *,
    quiet: bool,
    full: bool,
) -> ExitStatus:
    kept, folder = session.run(stretches, out)
    with telling_where(folder):
        result = summarise(kept)
        report = describe(result, kept)
        unwritten = write(kept, result, report, folder)
        render_terminal(report, console, quiet=quiet, full=whole(full=full))
    if unwritten:
        raise unwritten
    _say(console, f"\nReport: {folder / 'report.html'}")
    return exit_status(result)


def write(run: Run, result: Result, report: Report, folder: Path) -> VpcbenchError | None:
    """Every file; or what to tell where the folder does not take them: then they go elsewhere, if anywhere."""
    texts = {name: render(format_, report, result) for name, format_ in WRITTEN.items()}
    try:
        _write_all(run, texts, folder)
    except OSError as error:

        def rescue(other: Path) -> None:
            save_scenario(other, run)
            _write_all(run, texts, other)

        said = f"{folder}: the results could not all be written there: {error.strerror}"
        found = elsewhere(rescue)
        return Unwritten(f"{said}. {where_they_are(found, folder)}")
    return None


def _write_all(run: Run, texts: Mapping[str, str], folder: Path) -> None:
    save_run(folder, run)
    for name, text in texts.items():
        write_file(folder / name, text)


def exit_status(result: Result) -> ExitStatus:
    """The verdict as an exit status."""
    if "unreachable" in result.verdict.codes:
        return ExitStatus.TARGET_UNREACHABLE
    return {
        "pass": ExitStatus.OK,
        "fail": ExitStatus.OBJECTIVES_MISSED,
        "invalid": ExitStatus.INVALID,
        "interrupted": ExitStatus.INTERRUPTED,
    }[result.verdict.status]
