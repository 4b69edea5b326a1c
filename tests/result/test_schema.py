"""The schema of results folders holds what is kept of a run: no field more, none less."""

from __future__ import annotations

from dataclasses import fields
from typing import get_type_hints

import pytest

from benchmark.measure.recording import Recording
from benchmark.measure.series import Series
from benchmark.result import schema
from benchmark.result.journal import Part
from benchmark.result.run import Round, Run, TargetInfo
from tests.hostile.folders import a_foreign_run


@pytest.mark.parametrize(
    ("kept", "of"),
    [(Run, schema._Run), (Round, schema._Round), (TargetInfo, schema._Target), (Part, schema._Part)],
)
def test_every_field_that_is_kept_is_known(kept: type, of: type) -> None:
    assert {each.name for each in fields(kept)} == get_type_hints(of).keys()


def test_every_field_of_a_recording_is_known() -> None:
    recording = a_foreign_run().rounds[0].recording
    assert recording.to_dict().keys() == get_type_hints(schema._Recording).keys()
    assert Recording().to_dict().keys() == get_type_hints(schema._Recording).keys()
    assert Series().to_dict().keys() == get_type_hints(schema._Series).keys()
    points = recording.to_dict()["series"]["points"].values()
    assert {key for point in points for key in point} <= get_type_hints(schema._Point).keys()


def test_what_is_written_can_be_read() -> None:
    """Also where the CPU's clock and the polling's differ."""
    run = a_foreign_run()
    run.generator["cpu_seconds"] = -0.01
    data = run.to_dict()
    data["rounds"][0]["cpu_seconds"] = -0.0115
    schema.check_run(data)
