"""What the gateway lets through, and what it answers by itself, in which order."""

from __future__ import annotations

import pytest

from benchmark.simulation.behaviour import Behaviour
from benchmark.simulation.gateway import (
    NOT_FOUND,
    RATE_LIMITED,
    UNAUTHORIZED,
    UNAVAILABLE,
    Answer,
    Gateway,
)

ROOT = "/api/predict/test"


def gateway(
    behaviour: Behaviour | None = None, token: str | None = "secret", *, bearer: bool = False
) -> Gateway:
    return Gateway(behaviour or Behaviour(), "test", token, bearer=bearer)


@pytest.mark.parametrize("path", [ROOT, f"{ROOT}/v1/models", f"{ROOT}/anything"])
def test_lets_a_request_through(path: str) -> None:
    assert gateway().refuse(path, "secret", 0) is None
    assert gateway(token=None).refuse(path, None, 0) is None


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/api/predict",
        "/api/predict/other",
        f"{ROOT}2",
        f"{ROOT}/",
        f"{ROOT}/v1/models/",
        "http://h/x",
    ],
)
def test_a_wrong_service_or_a_trailing_slash_is_a_bare_404(path: str) -> None:
    assert gateway().refuse(path, "secret", 0) == NOT_FOUND == Answer(404, b"")


@pytest.mark.parametrize(
    ("authorization", "bearer", "refused"),
    [
        ("secret", False, False),
        ("Bearer secret", False, True),
        ("secret", True, False),
        ("Bearer secret", True, False),
        ("Secret", True, True),
        ("", True, True),
        (None, False, True),
    ],
)
def test_wants_the_raw_token(authorization: str | None, bearer: bool, refused: bool) -> None:
    answer = gateway(bearer=bearer).refuse(ROOT, authorization, 0)
    assert answer == (UNAUTHORIZED if refused else None)


def test_counts_only_authorised_requests_against_the_limit() -> None:
    limited = gateway(Behaviour(rate_limit=1, burst=1))
    assert limited.refuse(ROOT, None, 0) == UNAUTHORIZED
    assert limited.refuse(ROOT + "/", "secret", 0) == NOT_FOUND
    assert limited.refuse(ROOT, "secret", 0) is None
    assert limited.refuse(ROOT, "secret", 0) == RATE_LIMITED


def test_says_that_no_instance_is_ready() -> None:
    assert gateway(Behaviour(available=False)).refuse(ROOT, "secret", 0) == UNAVAILABLE


def test_cuts_the_service_off_the_path() -> None:
    assert gateway().below(ROOT) == ""
    assert gateway().below(f"{ROOT}/v1/models") == "v1/models"
