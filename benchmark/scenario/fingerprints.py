"""What the files that a scenario names hold, as digests: a run of other rows, prompts or bodies is another run."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path

from benchmark.errors import InputError
from benchmark.scenario.data import LARGEST_FILE
from benchmark.scenario.document import Location
from benchmark.scenario.fields import LARGEST_BODY
from benchmark.scenario.files import find_file
from benchmark.scenario.model import Scenario
from benchmark.scenario.origins import spell
from benchmark.scenario.tokens import LARGEST_TOKENIZER

DIGITS = 16  # of a digest: enough to tell files apart


def fingerprints(scenario: Scenario, folder: Path, *, trusted: bool = False) -> dict[str, str]:
    """A digest of each file, by the key that names it.

    Raises:
        InputError: a file cannot be read.
    """
    return {
        key: f"sha256 {_digest(find_file(key, name, folder, most=most, trusted=trusted))[:DIGITS]}"
        for key, name, most in _files(scenario)
    }


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _files(scenario: Scenario) -> Iterator[tuple[str, str, int]]:
    """Keys, the names that stand there, and how large such a file may be."""
    if scenario.data is not None:
        yield "data.file", scenario.data.file, LARGEST_FILE
    if scenario.load.replay is not None:
        yield "load.replay.file", scenario.load.replay.file, LARGEST_FILE
    if scenario.tokenizer is not None:
        yield "tokenizer", scenario.tokenizer, LARGEST_TOKENIZER
    for at, request in enumerate(scenario.all_requests):
        place: Location = ("requests", at) if scenario.requests else ("request",)
        if request.body_file is not None:
            yield spell((*place, "body_file")), request.body_file, LARGEST_BODY
        if request.prompts is not None and request.prompts.file is not None:
            yield spell((*place, "prompts", "file")), request.prompts.file, LARGEST_FILE
