"""JUnit XML: what CI is told."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import pytest

from benchmark.report.junit import render_junit
from benchmark.result.model import Figures, Generator, ObjectiveResult, Result, Verdict


def result(status: str, *met: bool) -> Result:
    return Result(
        name="a <run>", started_at="2026-01-01T00:00:00+00:00", finished_at="", scenario={}, settings={},
        environment={}, verdict=Verdict(status=status, reasons=["why"]), targets={},
        objectives=[
            ObjectiveResult(objective=f"p{at} < 1ms", target="vpc", met=each, measured=2.0, said="2 ms")
            for at, each in enumerate(met)
        ],
        generator=Generator(
            processes=1, cpu_seconds=0, max_rss_bytes=0, lateness_ms=Figures(), saturated=False
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "met", "failures", "errors"),
    [("pass", (True,), 0, 0), ("fail", (True, False), 1, 0), ("fail", (), 1, 0), ("invalid", (True,), 0, 1)],
)
def test_cases(status: str, met: tuple[bool, ...], failures: int, errors: int) -> None:
    suite = Xml.fromstring(render_junit(result(status, *met)))
    assert suite.get("name") == "a <run>"
    assert (suite.get("tests"), suite.get("failures")) == (str(1 + len(met)), str(failures))
    assert suite.get("errors") == str(errors)
