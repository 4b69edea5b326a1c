"""`vpcbench report`: from what a results folder keeps to any of the formats, without measuring."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from benchmark.analysis.summary import summarise
from benchmark.cli.output import whole
from benchmark.errors import ExitStatus, InputError
from benchmark.report.document import describe
from benchmark.report.render import DATA, FORMATS, render, render_data
from benchmark.report.terminal import render_terminal
from benchmark.result.store import load_run, making_figures

TERMINAL = "terminal"


def report(folder: Path, format_: str | None, out: Path | None, *, full: bool) -> ExitStatus:
    """Render the run in a folder: where no format is named, for a terminal if that is where it goes, else as Markdown."""
    format_ = format_ or (TERMINAL if out is None and (full or sys.stdout.isatty()) else "markdown")
    known = [TERMINAL, *FORMATS, *DATA]
    if format_ not in known:
        raise InputError(f"--format {format_}: not a format; choose one of {', '.join(known)}")
    run = load_run(folder)
    with making_figures(folder, run):
        result = summarise(run)
        told = describe(result, run)
        if format_ == TERMINAL:
            if out is not None:
                raise InputError("-o FILE: a file takes another format than terminal, as markdown")
            render_terminal(told, Console(soft_wrap=False), full=whole(full=full))
            return ExitStatus.OK
        made = render(format_, told, result) if format_ in FORMATS else render_data(format_, told, run)
    content = made.encode() if isinstance(made, str) else made
    if out is None:
        if isinstance(made, bytes) and sys.stdout.isatty():
            raise InputError(f"--format {format_} is no text: write it to a file with -o FILE")
        sys.stdout.buffer.write(content)
        return ExitStatus.OK
    try:
        out.write_bytes(content)
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    return ExitStatus.OK
