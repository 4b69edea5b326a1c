"""`vpcbench report`: from what a results folder keeps to any of the formats, without measuring."""

from __future__ import annotations

from pathlib import Path

from benchmark.analysis.summary import summarise
from benchmark.errors import ExitStatus, InputError
from benchmark.report.document import describe
from benchmark.report.render import FORMATS, render
from benchmark.result.store import load_run


def report(folder: Path, format_: str, out: Path | None) -> ExitStatus:
    """Render the run in a folder."""
    if format_ not in FORMATS:
        raise InputError(f"--format {format_}: not a format; choose one of {', '.join(FORMATS)}")
    run = load_run(folder)
    result = summarise(run)
    text = render(format_, describe(result, run), result)
    if out is None:
        print(text, end="")
        return ExitStatus.OK
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out}: cannot be written: {error.strerror}") from error
    return ExitStatus.OK
