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


def lengths(read: Trace) -> list[tuple[int, int]]:
    return list(zip(read.asked, read.answered, strict=True))


def test_mooncakes_form(tmp_path: Path) -> None:
    read = trace(tmp_path, MOONCAKE)
    assert list(read.times) == [0, 3 * NANOSECONDS, 3 * NANOSECONDS, 9 * NANOSECONDS]
    assert read.period == 12 * NANOSECONDS  # a gap, as they are on average, after the last
    assert lengths(read) == [(6758, 500), (7322, 490), (12, 1), (7, 3)]
    assert [list(each) for each in read.blocks] == [[0, 1], [0], [], []]
    assert read.block == 512
    assert read.rate == pytest.approx(4 / 12)


def test_azures_form(tmp_path: Path) -> None:
    read = trace(tmp_path, AZURE)
    assert [round(time / MILLISECOND) for time in read.times] == [0, 4315, 4542]
    assert lengths(read) == [(374, 44), (396, 109), (879, 55)]


BAILIAN = [
    {"chat_id": 159, "parent_chat_id": -1, "timestamp": 61.114, "input_length": 41, "output_length": 336, "type": "text",
     "turn": 1, "hash_ids": [3, 4, 5]},
    {"chat_id": 160, "parent_chat_id": -1, "timestamp": 62, "input_length": 20, "output_length": 8, "type": "text",
     "turn": 1, "hash_ids": [3, 6]},
]  # fmt: skip
BURST = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,230,1317,Conversation log
118,GPT-4,417,276,693,API log
"""


def test_bailians_form(tmp_path: Path) -> None:
    """It counts seconds: taken for Mooncake's, it would replay a thousand times too fast."""
    read = trace(tmp_path, BAILIAN)
    assert [round(time / MILLISECOND) for time in read.times] == [0, 886]
    assert (read.block, [list(each) for each in read.blocks]) == (16, [[3, 4, 5], [3, 6]])
    assert read.remark == "a trace of 886 ms with 2 requests (timestamps in seconds)"


def test_burst_gpts_form(tmp_path: Path) -> None:
    read = trace(tmp_path, BURST)
    assert [time // NANOSECONDS for time in read.times] == [0, 40, 113]
    assert lengths(read) == [(472, 18), (1087, 230), (417, 276)]


@pytest.mark.parametrize(
    ("stamps", "keys", "seconds", "said"),
    [
        ([0, 7380000], {}, 7380, "a trace of 2 h 3 min with 2 requests (timestamps read as milliseconds; `unit: s` says other"),
        ([0, 7380], {"unit": "s"}, 7380, "a trace of 2 h 3 min with 2 requests (timestamps in seconds)"),
        ([0.5, 1.5], {}, 1, "(timestamps read as seconds; `unit: ms` says otherwise)"),
        ([1732000000, 1732000001], {}, 1, "(timestamps read as seconds; `unit: ms` says otherwise)"),
        ([1732000000000, 1732000001000], {}, 1, "(timestamps read as milliseconds;"),
        ([1732000000000000, 1732000001000000], {}, 1, "(timestamps read as microseconds;"),
        ([1732000000000000000, 1732000001000000000], {}, 1, "(timestamps read as nanoseconds;"),
        (["0", "2000"], {"unit": "us"}, 0.002, "(timestamps in microseconds)"),
    ],
)  # fmt: skip
def test_what_timestamps_count(
    tmp_path: Path, stamps: list[Any], keys: dict[str, Any], seconds: float, said: str
) -> None:
    read = trace(tmp_path, [{"timestamp": stamp} for stamp in stamps], **keys)
    assert read.times[-1] == pytest.approx(seconds * NANOSECONDS, rel=1e-6)
    assert said in read.remark


def test_speed_and_cut_out(tmp_path: Path) -> None:
    read = trace(tmp_path, MOONCAKE, speed=2, **{"from": "2s", "to": "10s"})
    assert list(read.times) == [NANOSECONDS // 2, NANOSECONDS // 2, 7 * NANOSECONDS // 2]
    assert read.period == 4 * NANOSECONDS
    assert lengths(read)[0] == (7322, 490)
    assert trace(tmp_path, MOONCAKE, to="9s").times[-1] == 3 * NANOSECONDS  # the end itself is out


def test_a_trace_without_lengths_and_out_of_order(tmp_path: Path) -> None:
    read = trace(
        tmp_path, [{"timestamp": 1500}, {"timestamp": 500}, {"timestamp": "1000", "input_length": 5}]
    )
    assert (list(read.times), lengths(read)) == ([0, NANOSECONDS // 2, NANOSECONDS], [])


@pytest.mark.parametrize(
    ("rows", "keys", "message"),
    [
        ([{"time": 5}], {}, "t.jsonl:1: there is no timestamp, TIMESTAMP or Timestamp; there is time"),
        ([{"timestamp": "soon"}], {}, "t.jsonl:1: timestamp is a number, or a date and time"),
        ([{"timestamp": True}], {}, "t.jsonl:1: timestamp is a number, or a date and time"),
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
