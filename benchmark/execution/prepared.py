"""Every request of a scenario, prepared for every target: each in as many variants as it has rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from benchmark.errors import InputError
from benchmark.scenario.template import SALT, asks_for_rows, fill_body, fill_request
from benchmark.schedule.mix import Share
from benchmark.transport.base import PreparedRequest
from benchmark.transport.prepare import prepare
from benchmark.transport.salted import salted
from benchmark.units import format_size

if TYPE_CHECKING:
    from benchmark.scenario.load import LoadedScenario
    from benchmark.scenario.model import Request, Target

LARGEST = 256 * 1024**2  # bytes of all prepared requests; they are held in memory, twice


class Variant(NamedTuple):
    """A request with its placeholders filled, and its body."""

    request: Request
    body: bytes


def variants_of(loaded: LoadedScenario) -> list[list[Variant]]:
    """The variants of every request, the same for all targets.

    Raises:
        InputError: a file cannot be used, or a row does not have what a request asks for.
    """
    rows = loaded.read_rows()
    every = []
    for request in loaded.scenario.all_requests:
        body = loaded.read_body(request) if request.body_file or request.bytes_ else b""
        chosen = rows if asks_for_rows(request) else [None]
        filled = (fill_request(request, row) for row in chosen)
        every.append([Variant(each, fill_body(each, body)) for each in filled])
    return every


def shares_of(loaded: LoadedScenario, variants: Sequence[Sequence[Variant]]) -> tuple[Share, ...]:
    """How the requests and their variants take turns."""
    data = loaded.scenario.data
    shuffled = data is not None and data.order == "shuffled"
    return tuple(
        Share(float(request.weight), len(each), shuffled=shuffled and len(each) > 1)
        for request, each in zip(loaded.scenario.all_requests, variants, strict=True)
    )


def prepare_all(target: Target, variants: Sequence[Sequence[Variant]]) -> Sequence[PreparedRequest]:
    """The requests as this target gets them, in the order of `Share`'s places.

    Raises:
        InputError: they are too many, or too large, to be held in memory, or expect what cannot be seen.
    """
    prepared, size = [], 0
    for variant in (variant for each in variants for variant in each):
        prepared.append(prepare(target, variant.request, variant.body))
        size += len(prepared[-1].wire)
        if size > LARGEST and len(prepared) > 1:
            raise InputError(
                f"the requests with their rows take more than {format_size(LARGEST)} of memory for each target; "
                "use fewer rows, or smaller ones"
            )
    if any(each.stream for each in prepared) and any(each.contains for each in prepared):
        raise InputError(
            "`body_contains` cannot be held against streamed answers: their text comes in pieces"
        )
    return salted(tuple(prepared), SALT)
