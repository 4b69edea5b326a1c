"""Traces as they are published, cut out and sped up."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import InputError
from benchmark.execution.plan import Plan, make_plan
from benchmark.scenario.load import load_text
from benchmark.scenario.trace import ReplayOf, Trace, read_trace
from benchmark.units import MILLISECOND, NANOSECONDS
from tests.scenario.test_load import complaints

MOONCAKE = [
    {"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]},
    {"timestamp": 3000, "input_length": 7322, "output_length": 490, "hash_ids": [0]},
    {"timestamp": 3000, "input_length": 12, "output_length": 0, "hash_ids": []},
    {"timestamp": 9000, "input_length": 7, "output_length": 3, "hash_ids": []},
]
AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:51.2225670,879,55
"""


def trace(folder: Path, rows: list[dict[str, Any]] | str, **keys: Any) -> Trace:
    name = "t.csv" if isinstance(rows, str) else "t.jsonl"
    (folder / name).write_text(rows if isinstance(rows, str) else "\n".join(map(json.dumps, rows)))
    return read_trace(ReplayOf.model_validate({"file": name, **keys}), folder)


def test_mooncakes_form(tmp_path: Path) -> None:
    read = trace(tmp_path, MOONCAKE)
    assert read.times == (0, 3 * NANOSECONDS, 3 * NANOSECONDS, 9 * NANOSECONDS)
    assert read.period == 12 * NANOSECONDS  # a gap, as they are on average, after the last
    assert read.lengths == ((6758, 500), (7322, 490), (12, 1), (7, 3))
    assert read.rate == pytest.approx(4 / 12)


def test_azures_form(tmp_path: Path) -> None:
    read = trace(tmp_path, AZURE)
    assert [round(time / MILLISECOND) for time in read.times] == [0, 4315, 4542]
    assert read.lengths == ((374, 44), (396, 109), (879, 55))


def test_speed_and_cut_out(tmp_path: Path) -> None:
    read = trace(tmp_path, MOONCAKE, speed=2, **{"from": "2s", "to": "10s"})
    assert read.times == (NANOSECONDS // 2, NANOSECONDS // 2, 7 * NANOSECONDS // 2)
    assert read.period == 4 * NANOSECONDS
    assert read.lengths[0] == (7322, 490)
    assert trace(tmp_path, MOONCAKE, to="9s").times[-1] == 3 * NANOSECONDS  # the end itself is out


def test_a_trace_without_lengths_and_out_of_order(tmp_path: Path) -> None:
    read = trace(
        tmp_path, [{"timestamp": 1500}, {"timestamp": 500}, {"timestamp": "1000", "input_length": 5}]
    )
    assert (read.times, read.lengths) == ((0, NANOSECONDS // 2, NANOSECONDS), ())


@pytest.mark.parametrize(
    ("rows", "keys", "message"),
    [
        ([{"time": 5}], {}, "t.jsonl:1: there is no timestamp (ms) and no TIMESTAMP; there is time"),
        ([{"timestamp": "soon"}], {}, "t.jsonl:1: timestamp is milliseconds, or a date and time"),
        ([{"timestamp": True}], {}, "t.jsonl:1: timestamp is milliseconds, or a date and time"),
        (
            [{"timestamp": 1, "input_length": -5}],
            {"to": "1s"},
            "t.jsonl:1: input_length is a whole number of tokens",
        ),
        (
            [{"timestamp": 1}],
            {},
            "load.replay.file 't.jsonl': all its requests came at once; say where it ends",
        ),
        (
            MOONCAKE,
            {"from": "10s", "to": "1h"},
            "load.replay.file 't.jsonl': no request came from 10s to 3600s; the last",
        ),
    ],
)
def test_what_is_wrong_with_a_trace(
    tmp_path: Path, rows: list[dict[str, Any]], keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        trace(tmp_path, rows, **keys)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("load", "message"),
    [
        ("{rate: 5/s, replay: {file: t.csv}}", "load.replay: there is a rate already; a trace sets the pace"),
        ("{connections: 5, replay: {file: t.csv}}", "load.connections: there is a trace to replay already"),
        (
            "{replay: {file: t.csv}, arrivals: poisson}",
            "load.arrivals: arrivals goes with rate; a trace has its own",
        ),
        ("{replay: {file: t.csv, from: 5s, to: 5s}}", "load.replay.to: this is not after from"),
        ("{replay: {file: t.csv, sped: 5}}", "load.replay.sped: unknown key; did you mean speed?"),
        ("{replay: {}}", "load.replay.file: this key is missing"),
    ],
)
def test_what_is_wrong_with_a_replay(load: str, message: str) -> None:
    found = complaints("targets: {a: {url: 'http://h/'}}\nload: " + load)
    assert len(found) == 1
    assert found[0].startswith(f"s.yaml:2: {message}")


# ── in a plan ──


def planned(folder: Path, more: str = "", prompts: str = "{synthetic: {}, salt: false}") -> Plan:
    rows = [{**each, "input_length": 5 + at} for at, each in enumerate(MOONCAKE)]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return make_plan(
        load_text(
            f"targets: {{a: {{url: 'http://a/'}}}}\nrequest: {{prompts: {prompts}}}\n"
            f"load: {{replay: {{file: t.jsonl}}, warmup: 1s{more}}}\nrounds: 2",
            "s.yaml",
            folder,
        )
    )


def test_rounds_divide_the_trace_and_each_prompt_goes_with_its_instant(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert plan.open_loop
    assert plan.duration == 12
    assert plan.measured == 6 * NANOSECONDS
    assert plan.rate == pytest.approx(4 / 12)
    order = plan.order(plan.targets[0], 1, warmup=4 * NANOSECONDS, measured=plan.measured, connections=1)
    # the second half, 6 s to 12 s, with 4 s before it: the third and fourth of the trace at its 3rd and 9th second
    dues = [time for chunk in islice(order.schedule.due_times(), 2) for time in chunk.tolist()]
    assert dues[:3] == [1 * NANOSECONDS, 1 * NANOSECONDS, 7 * NANOSECONDS]
    bodies = [json.loads(order.target.requests[at].body) for at in islice(order.mix.indexes(), 3)]
    assert [len(each["messages"][0]["content"].split()) for each in bodies] == [6, 7, 8]
    assert [each["max_tokens"] for each in bodies] == [490, 1, 3]


def test_workers_keep_instants_and_lengths_together(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    order = plan.order(plan.targets[0], 0, warmup=0, measured=plan.measured, connections=2)
    whole = zip(_dues(order.schedule, 12), islice(order.mix.indexes(), 12), strict=True)
    shares = [order.share(at, 2) for at in range(2)]
    parts = [zip(_dues(each.schedule, 6), islice(each.mix.indexes(), 6), strict=True) for each in shares]
    assert sorted(whole) == sorted(pair for part in parts for pair in part)


def _dues(schedule: Any, count: int) -> list[int]:
    return [time for chunk in islice(schedule.due_times(), 20) for time in chunk.tolist()][:count]


def test_a_set_duration_and_other_lengths(tmp_path: Path) -> None:
    assert planned(tmp_path, ", duration: 4s").measured == 2 * NANOSECONDS
    plan = planned(tmp_path, prompts="{synthetic: {input: 9, count: 3}, output: 5}")
    assert len(plan.targets[0].requests) == 3
    assert json.loads(plan.targets[0].requests[0].body)["max_tokens"] == 5


def test_lengths_need_somebody_to_say_them(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"synthetic prompts need input, how long they are"):
        make_plan(
            load_text("targets: {a: {url: 'http://a/'}}\nrequest: {prompts: {synthetic: {}}}", "s", tmp_path)
        )
