"""A scenario file, checked to the last key before anything is sent.

Whatever is wrong is told at once, one line each: where (file and line, or the option on the command line),
which key, what was found and what was expected. No message, and nothing that is kept, holds a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.errors import InputError
from benchmark.redaction import Redactor
from benchmark.scenario.body import check_body, read_body
from benchmark.scenario.certificates import check_certificates
from benchmark.scenario.complaints import problems_of
from benchmark.scenario.credentials import secrets_in, without_credentials
from benchmark.scenario.data import MOST_ROWS, MOST_TEXT, Row, read_rows
from benchmark.scenario.document import (
    BROKEN,
    LARGEST_TEXT,
    Document,
    Location,
    NotYaml,
    Problem,
    is_broken,
    read_document,
    texts,
)
from benchmark.scenario.fingerprints import fingerprints
from benchmark.scenario.model import Request, Scenario
from benchmark.scenario.origins import Origins
from benchmark.scenario.overrides import apply_overrides, only_targets
from benchmark.scenario.schema import json_schema
from benchmark.scenario.spread import Spread
from benchmark.scenario.sweep import LevelData, levels_of, name_of, number_at, value_at
from benchmark.scenario.template import problems_of_placeholders
from benchmark.scenario.tokens import Measure, Words, read_tokenizer
from benchmark.scenario.trace import Trace, read_trace
from benchmark.scenario.variables import fill

__all__ = ["LoadedScenario", "json_schema", "load_data", "load_scenario", "load_text", "read_body"]


@dataclass(frozen=True)
class LoadedScenario:
    """A scenario that can be run, and what may be told of it."""

    scenario: Scenario = field(repr=False)  # with secrets
    document: dict[str, Any]  # as written, overrides applied, without secrets: to keep and to print
    secrets: frozenset[str] = field(repr=False)  # every value that must never be shown
    folder: Path  # where the files it names are
    trusted_files: bool = False  # whether they were named on the command line, and so may be anywhere
    levels: tuple[Level, ...] = ()  # of a sweep: whole scenarios, of which this is the first
    origins: Origins = field(default_factory=lambda: Origins("scenario"), repr=False)

    def complaint(self, location: Location, message: str) -> InputError:
        """What to raise where the scenario is sound, but not for what is asked of it: with file and line."""
        return InputError(self.origins.report([Problem(location, message)]))

    def read_body(self, request: Request) -> bytes:
        """The request's body, as it is sent.

        Raises:
            InputError: its file cannot be read.
        """
        return read_body(request, self.folder, trusted=self.trusted_files)

    def read_rows(self) -> Spread[Row]:
        """The rows of its data file, as many as are held; none where it names no file.

        Raises:
            InputError: the file cannot be used.
        """
        data = self.scenario.data
        if data is None:
            return Spread(MOST_ROWS, MOST_TEXT)
        return read_rows("data.file", data.file, self.folder, trusted=self.trusted_files)

    def fingerprints(self) -> dict[str, str]:
        """A digest of each file that it names, by key.

        Raises:
            InputError: a file cannot be read.
        """
        return fingerprints(self.scenario, self.folder, trusted=self.trusted_files)

    def read_trace(self) -> Trace | None:
        """The trace that is replayed; None where the load is none.

        Raises:
            InputError: its file cannot be used.
        """
        replay = self.scenario.load.replay
        return read_trace(replay, self.folder) if replay else None

    def measure(self) -> Measure:
        """What lengths are counted in: tokens where the scenario names a tokenizer, else words.

        Raises:
            InputError: the tokenizer cannot be used.
        """
        name = self.scenario.tokenizer
        return read_tokenizer(name, self.folder) if name else Words()

    def count_tokens(self) -> Callable[[str], int] | None:
        """What counts the tokens of a text; None where the scenario names no tokenizer.

        Raises:
            InputError: the tokenizer cannot be used.
        """
        return self.measure().count if self.scenario.tokenizer else None


@dataclass(frozen=True)
class Level:
    """One level of a sweep."""

    names: dict[str, str]  # of its values, by key, as reports call them
    numbers: dict[str, float | None]  # the same in base units; None where a value is no number
    loaded: LoadedScenario


def load_scenario(
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    only: Sequence[str] = (),
) -> LoadedScenario:
    """Read the scenario in a file, with overrides like `load.rate=500/s`, and with some of its targets alone.

    Raises:
        InputError: it cannot be used; says everything that is wrong with it.
    """
    path = Path(path)
    return load_text(_read_file(path), str(path), path.parent, overrides, environ, only, name=_name_of(path))


def load_text(
    text: str,
    origin: str,
    folder: Path,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    only: Sequence[str] = (),
    *,
    name: str = "scenario",
) -> LoadedScenario:
    """Read a scenario's text; `origin` is what messages call it, `name` its name where it gives itself none.

    Raises:
        InputError: it cannot be used; says everything that is wrong with it.
    """
    document = _read_document(text, origin)
    data, options = apply_overrides(document.data, overrides)
    origins = Origins(origin, document.lines, options)
    data, numbers = only_targets(data, only)
    data = {"name": name} | data
    origins = origins.keeping(("objectives",), numbers)
    swept = list(levels_of(data, origins))
    if not swept:
        return load_data(data, origins, folder, environ, problems=document.problems)
    return _load_levels(data, swept, folder, environ, document.problems)


def _load_levels(
    data: dict[str, Any],
    swept: Sequence[LevelData],
    folder: Path,
    environ: Mapping[str, str],
    problems: Sequence[Problem],
) -> LoadedScenario:
    """The first level's scenario, which knows all levels.

    Raises:
        InputError: a level cannot be used; says what is wrong with any of them.
    """
    levels: list[Level] = []
    told: dict[str, None] = {}
    for each in swept:
        try:
            loaded = load_data(each.data, each.origins, folder, environ, problems=problems)
        except InputError as error:
            told |= dict.fromkeys(str(error).splitlines())
            continue
        names = {key: name_of(value_at(loaded.document, place)) for key, place in each.at.items()}
        numbers = {key: number_at(loaded.scenario, place) for key, place in each.at.items()}
        levels.append(Level(names, numbers, loaded))
    if told:
        raise InputError("\n".join(told))
    secrets = frozenset().union(*(level.loaded.secrets for level in levels))
    document = without_credentials(data)
    return replace(levels[0].loaded, document=document, secrets=secrets, levels=tuple(levels))


def load_data(
    data: dict[str, Any],
    origins: Origins,
    folder: Path,
    environ: Mapping[str, str],
    *,
    problems: Sequence[Problem] = (),
    trusted_files: bool = False,
) -> LoadedScenario:
    """Make a scenario of plain data, whichever way it came; `problems` were found while it was read.

    Raises:
        InputError: it cannot be used; says everything that is wrong with it, and where that came from.
    """
    filled = fill(data, environ)
    shown = without_credentials(data)
    secrets = secrets_in(filled.data, filled.used)
    problems = [*problems, *filled.problems]
    problems += [
        Problem(at, f"there is {BROKEN} in this text") for at, text in texts(filled.data) if is_broken(text)
    ]
    asked = {key: value for key, value in filled.data.items() if key != "sweep"}
    problems += problems_of_placeholders(asked, rows="data" in asked)
    unfilled = {problem.location for problem in filled.problems}
    try:
        names = {
            "targets": filled.data.get("targets")
        }  # so that a name is checked where targets are wrong, too
        scenario = Scenario.model_validate(filled.data, context=names)
    except ValidationError as error:
        problems += [problem for problem in problems_of(error, shown) if problem.location not in unfilled]
    else:
        problems += _file_problems(scenario, folder, trusted=trusted_files)
    if problems:
        raise InputError(Redactor(secrets).text(origins.report(problems)))
    return LoadedScenario(scenario, shown, secrets, folder, trusted_files, origins=origins)


def _file_problems(scenario: Scenario, folder: Path, *, trusted: bool) -> Iterator[Problem]:
    """Files that cannot be had: told with all else that is wrong, and before anything is sent."""
    for name, target in scenario.targets.items():
        try:
            check_certificates(target, folder, trusted=trusted)
        except InputError as error:
            key, _, message = str(error).partition(" ")
            yield Problem(("targets", name, key), message)
    for at, request in enumerate(scenario.all_requests):
        place: Location = ("requests", at) if scenario.requests else ("request",)
        try:
            check_body(request, folder, trusted=trusted)
        except InputError as error:
            yield Problem((*place, "body_file"), str(error).removeprefix("body_file "))


def _read_file(path: Path) -> str:
    """The file's text, or what keeps it from being one."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_TEXT + 1)  # what is too large is refused by its reader
    except IsADirectoryError:
        raise InputError(f"{path}: this is a folder; name the scenario file in it") from None
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) > LARGEST_TEXT:
            return content.decode("utf-8-sig", "replace")
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: this is not UTF-8 text; save the file as UTF-8") from None


def _read_document(text: str, origin: str) -> Document:
    """A document that is a mapping."""
    try:
        document = read_document(text)
    except NotYaml as error:
        place = f"{origin}:{error.line}" if error.line else origin
        raise InputError(f"{place}: {error}") from None
    if document.data is None:
        raise InputError(f"{origin}: the scenario is empty; it needs at least targets, each with its url")
    if not isinstance(document.data, dict):
        place = f"{origin}:{document.lines[()]}"
        raise InputError(f"{place}: a scenario is a mapping, like 'targets: {{…}}'; this is something else")
    return document


def _name_of(path: Path) -> str:
    """A scenario's name when it gives itself none: its file's, fit for the name of a folder."""
    return re.sub(r"[^\w.-]+", "-", path.stem).strip("-.")[:100] or "scenario"
