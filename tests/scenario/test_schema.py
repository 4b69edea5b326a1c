"""The schema accepts what the loader accepts, and marks in an editor what the loader would refuse."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from benchmark.scenario.document import read_document
from benchmark.scenario.schema import json_schema
from tests.scenario.test_load import CHAT

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["title"] == "vpcbench scenario"


@pytest.mark.parametrize(
    "text",
    [
        CHAT,
        "targets: {a: {url: 'http://h'}}",
        "targets: {a: {url: '${URL}'}}\nload: {rate: '${RATE}', duration: 1h 30m, warmup: 0s}",
        "targets: {a: {url: 'http://h'}}\nload: {replay: {file: t.csv, from: 0s, to: 5s}, max_connections: 9}",
        "targets: {a: {url: 'http://h'}}\nrequest: {prompts: {synthetic: {input: 'normal(9, 2)'}, output: 8}}",
        "targets: {a: {url: 'http://h'}}\nrequest: {prompts: {file: p.csv}}\ndata: {file: r.csv, order: sequential}",
        "targets: {a: {url: 'http://h'}}\nprecision: 2.5%\nmax_rounds: 40",
        "targets: {a: {url: 'http://h'}}\nload: {connections: 4, think: 5ms}\nallow: [same-address]",
        "targets: {a: {url: 'http://h'}}\nrequests: [{bytes: 64KiB, weight: 2, expect: {status: [200, 404]}}, {json: 5}]",
        "targets: {a: {url: 'http://h'}}\nobjectives: [p99 < 1s, {check: p99 < 1s in every 1s, grace: 5s, min_sample: 9}]",
        "targets: {a: {url: 'http://h'}}\nobjectives: [{check: p99 < 1s in every 1s, abort: true}]",
        "targets: {a: {url: 'http://h', resolve: 10.0.0.1, bearer: true}}\nload: {rate: 2k/s, max_connections: 9}",
    ],
)
def test_scenarios(text: str) -> None:
    VALIDATOR.validate(read_document(text).data)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "targets: {}",
        "targets: {a: {}}",
        "targets: {a: {url: 5}}",
        "targets: {a: {url: ftp://h}}",
        "targets: {a: {url: 'http://h', tokn: x}}",
        "targets: {a: {url: 'http://h'}}\nload: {rate: 200}",
        "targets: {a: {url: 'http://h'}}\nload: {rate: -2/s}",
        "targets: {a: {url: 'http://h'}}\nload: {think: 1s}",
        "targets: {a: {url: 'http://h'}}\nload: {rate: 2/s, connections: 5}",
        "targets: {a: {url: 'http://h'}}\nload: {rate: 2/s, think: 5s}",
        "targets: {a: {url: 'http://h'}}\nload: {connections: 5, arrivals: poisson}",
        "targets: {a: {url: 'http://h'}}\nload: {connections: 0}",
        "targets: {a: {url: 'http://h'}}\nload: {connections: true}",
        "targets: {a: {url: 'http://h'}}\nobjectives: [{grace: 5s}]",
        "targets: {a: {url: 'http://h'}}\nobjectives: [{check: p99 < 1s, abort: 5}]",
        "targets: {a: {url: 'http://h'}}\nrounds: 0",
        "targets: {a: {url: 'http://h'}}\nconfidence: 95",
        "targets: {a: {url: 'http://h'}}\nrequest: {}\nrequests: [{}]",
        "targets: {a: {url: 'http://h'}}\nrequests: []",
        "targets: {a: {url: 'http://h'}}\nrequest: {body: x, json: y}",
        "targets: {a: {url: 'http://h'}}\nrequest: {json_: y}",
        "targets: {a: {url: 'http://h'}}\nrequest: {timeout: 30}",
        "targets: {a: {url: 'http://h'}}\nrequest: {expect: {status: ok}}",
        "targets: {a: {url: 'http://h'}}\nallow: [anything]",
        "targets: {a: {url: 'http://h'}}\nprecision: 0.05",
        "targets: {a: {url: 'http://h'}}\nmax_rounds: 5",
    ],
)
def test_wrong_scenarios(text: str) -> None:
    assert not VALIDATOR.is_valid(read_document(text).data)


def properties(schema: dict[str, Any]) -> dict[str, Any]:
    parts = {"Scenario": schema, **schema["$defs"]}
    return {
        f"{name}.{key}": field for name, part in parts.items() for key, field in part["properties"].items()
    }


def test_every_key_is_described() -> None:
    assert [key for key, field in properties(SCHEMA).items() if not field.get("description")] == []


def test_defaults_are_written_as_people_write_them() -> None:
    fields = properties(SCHEMA)
    assert fields["Load.duration"]["default"] == "20s"
    assert "default" not in fields["Load.warmup"]
    assert fields["Request.timeout"]["default"] == "30s"
    assert "default" not in fields["Scenario.load"]
    assert "default" not in fields["Load.rate"]
