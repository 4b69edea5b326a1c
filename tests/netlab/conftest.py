"""Where the lab cannot be made its tests say why; in CI they fail, for there it must be."""

from __future__ import annotations

import pytest

from tests.conftest import IN_CI
from tests.netlab.lab import missing


@pytest.fixture(autouse=True)
def _lab_can_be_made() -> None:
    if reason := missing():
        (pytest.fail if IN_CI else pytest.skip)(reason)
