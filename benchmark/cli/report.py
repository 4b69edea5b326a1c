"""`vpcbench report`: from what a results folder keeps to any of the formats, without measuring."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmark.analysis.summary import summarise
from benchmark.errors import ExitStatus, InputError
from benchmark.report.document import describe
from benchmark.report.render import DATA, FORMATS, render, render_data
from benchmark.result.store import load_run, making_figures


def report(folder: Path, format_: str, out: Path | None) -> ExitStatus:
    """Render the run in a folder."""
    if format_ not in {*FORMATS, *DATA}:
        raise InputError(f"--format {format_}: not a format; choose one of {', '.join([*FORMATS, *DATA])}")
    run = load_run(folder)
    with making_figures(folder, run):
        result = summarise(run)
        told = describe(result, run)
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
