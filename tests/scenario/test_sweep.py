from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.scenario.load import LoadedScenario, load_text

BASE = """
targets:
  a: {url: "http://a.test/", token: "${TOKEN}"}
request: {body: hello}
"""


def loaded(sweep: str, *overrides: str, base: str = BASE, **environ: str) -> LoadedScenario:
    return load_text(base + sweep, "s.yaml", Path(), overrides, {"TOKEN": "s3cret-token", **environ})


def told(sweep: str, *overrides: str, base: str = BASE) -> str:
    with pytest.raises(InputError) as raised:
        loaded(sweep, *overrides, base=base)
    return str(raised.value)


def test_each_value_is_a_whole_scenario() -> None:
    scenario = loaded("load: {duration: 5s}\nsweep: {load.rate: [100/s, 1k/s]}")
    assert [level.loaded.scenario.load.rate for level in scenario.levels] == [100, 1000]
    assert [level.loaded.scenario.load.duration for level in scenario.levels] == [5, 5]
    assert [level.names for level in scenario.levels] == [{"load.rate": "100/s"}, {"load.rate": "1k/s"}]
    assert [level.numbers for level in scenario.levels] == [{"load.rate": 100.0}, {"load.rate": 1000.0}]
    assert scenario.scenario is scenario.levels[0].loaded.scenario
    assert scenario.document["sweep"] == {"load.rate": ["100/s", "1k/s"]}


def test_any_key_can_be_swept() -> None:
    sizes = loaded(
        "sweep: {request.bytes: [1KiB, 1MiB]}", base='targets: {a: {url: "http://a.test/"}}\nrequest: {}\n'
    )
    assert [level.loaded.scenario.all_requests[0].bytes_ for level in sizes.levels] == [1024, 1024**2]
    assert [level.numbers["request.bytes"] for level in sizes.levels] == [1024, 1024**2]
    paths = loaded("sweep: {targets.a.path: [one, two]}")
    assert [level.loaded.scenario.targets["a"].path for level in paths.levels] == ["one", "two"]
    assert paths.levels[0].numbers == {"targets.a.path": None}


def test_a_swept_pace_takes_the_place_of_another() -> None:
    scenario = loaded("load: {rate: 5/s, arrivals: poisson}\nsweep: {load.connections: [1, 8]}")
    assert [level.loaded.scenario.load.connections for level in scenario.levels] == [1, 8]


def test_several_keys_are_every_combination() -> None:
    scenario = loaded("sweep: {load.rate: [1/s, 2/s], request.timeout: [1s, 2s]}")
    assert [tuple(level.names.values()) for level in scenario.levels] == [
        ("1/s", "1s"), ("1/s", "2s"), ("2/s", "1s"), ("2/s", "2s"),
    ]  # fmt: skip


def test_an_option_can_set_a_sweep_or_a_key_beside_it() -> None:
    scenario = loaded("sweep: {load.rate: [1/s, 2/s]}", "load.duration=3s", "load.rate=7/s")
    assert [level.loaded.scenario.load.rate for level in scenario.levels] == [1, 2]
    assert {level.loaded.scenario.load.duration for level in scenario.levels} == {3}
    assert len(loaded("", "sweep={rounds: [2, 3, 4]}").levels) == 3


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("sweep: {load.rate: [100/s, 4x]}", "s.yaml:5: load.rate: found '4x', expected a rate"),
        ("sweep: {load.ratte: [100/s]}", "load.ratte: unknown key; did you mean rate?"),
        ("sweep: {load.rate: 100/s}", "s.yaml:5: sweep: load.rate needs a list of values"),
        ("sweep: [1]", "s.yaml:5: sweep: a sweep is a mapping"),
        ("sweep: {name: [a, b]}", "name is the same at all levels"),
        ("sweep: {load.: [a, b]}", "a sweep's keys are spelled with dots"),
        ("sweep: {rounds: [1, 1]}", "a value of rounds is given twice"),
        ("sweep: {request.body.x: [1]}", "request.body is a single value"),
        ("sweep: {requests.9.path: [a]}", "requests"),
        (f"sweep: {{rounds: {list(range(1, 102))}}}", "these are 101 levels; at most 100 are swept"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(sweep: str, message: str) -> None:
    assert message in told(sweep)


def test_every_level_that_is_wrong_is_told() -> None:
    lines = told("sweep:\n  load.rate:\n    - fast\n    - 5/s\n    - slow\n").splitlines()
    assert [line.split(": ")[0] for line in lines] == ["s.yaml:7", "s.yaml:9"]


def test_nothing_secret_is_kept_of_a_sweep() -> None:
    scenario = loaded(
        "sweep: {targets.a.token: [first-s3cret, '${OTHER}'], request.headers.X-Api-Key: [key-s3cret]}",
        OTHER="other-s3cret",
        base='targets: {a: {url: "http://a.test/"}}\nrequest: {headers: {}}\n',
    )
    assert "s3cret" not in str(scenario.document)
    assert "s3cret" not in str([level.names for level in scenario.levels])
    assert {"first-s3cret", "other-s3cret", "key-s3cret"} <= scenario.secrets
