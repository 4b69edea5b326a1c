"""Rows, salts and a trace, from the scenario's folder to the wire."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmark.clock import now
from benchmark.measure.histogram import BYTE
from benchmark.result.store import load_run
from tests.cli.command import measured, pairs, result_of, vpcbench, write
from tests.servers import ScriptedServer, read_request

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ROWS = 30
SCENARIO = """
targets: {{one: {{url: "http://127.0.0.1:{port}/s"}}}}
request: {{path: "items/{{{{row.id}}}}", headers: {{X-Name: "{{{{row.name}}}}", X-Salt: "{{{{salt}}}}"}}}}
data: {{file: rows.csv, order: sequential}}
load: {{replay: {{file: trace.jsonl, speed: 2}}, warmup: 0s}}
rounds: 1
"""


def replay(scripted: ScriptedServer, folder: Path) -> tuple[list[float], list[tuple[int, bytes]]]:
    """When the trace says that requests are due (ms), and all that came, with its instants."""
    seen: list[tuple[int, bytes]] = []

    def script(connection: socket.socket, number: int) -> None:
        while asked := read_request(connection):
            seen.append((now(), asked))
            connection.sendall(ANSWER)

    scripted.script = script
    gaps = np.random.default_rng(3).exponential(0.1, ROWS)
    instants = np.cumsum(gaps) - gaps[0]
    lines = [json.dumps({"timestamp": round(1000 * at)}) for at in instants]
    (folder / "trace.jsonl").write_text("\n".join(lines))
    rows = "".join(f"{number},name {number}\n" for number in range(ROWS))
    (folder / "rows.csv").write_text("id,name\n" + rows)
    measured("run", write(folder, SCENARIO.format(port=scripted.port)), folder=folder)
    return [round(1000 * at) for at in instants], sorted(seen, key=lambda each: each[0])


def test_a_trace_of_rows_arrives_as_it_was_recorded(scripted: ScriptedServer, tmp_path: Path) -> None:
    """Every row once in a round; every salt only once."""
    _, seen = replay(scripted, tmp_path)
    target = result_of(tmp_path / "out")["targets"]["one"]
    assert target["counts"]["scheduled"] == target["counts"]["ok"] == ROWS * pairs(tmp_path / "out")
    (first, *_) = load_run(tmp_path / "out").rounds
    assert first.recording.histograms["size"].quantile(1) == len(ANSWER) * BYTE
    last = seen[-ROWS:]  # before them: a probe, and the warm-up
    assert Counter(_row(asked) for _, asked in last) == Counter(range(ROWS))
    salts = [re.findall(rb"X-Salt: (\d{18})\r", asked) for _, asked in seen]
    assert len({salt for (salt,) in salts}) == len(seen)


@pytest.mark.verify
def test_a_trace_is_replayed_at_its_speed(scripted: ScriptedServer, tmp_path: Path) -> None:
    said, seen = replay(scripted, tmp_path)
    arrived = {_row(asked): at for at, asked in seen[-ROWS:]}
    came = [(arrived[number] - arrived[0]) / 1e6 for number in range(ROWS)]
    assert came == pytest.approx([at / 2 for at in said], rel=0.02, abs=5)  # twice as fast


def _row(asked: bytes) -> int:
    match = re.match(rb"GET /s/items/(\d+) HTTP/1.1\r\n.*\r\nX-Name: name (\d+)\r\n", asked, re.DOTALL)
    assert match is not None, asked
    assert match[1] == match[2]
    return int(match[1])


def test_a_row_that_lacks_a_field_sends_nothing(scripted: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "trace.jsonl").write_text('{"timestamp": 0}\n{"timestamp": 5}')
    (tmp_path / "rows.csv").write_text("id,nome\n1,x\n")
    done = vpcbench("run", write(tmp_path, SCENARIO.format(port=scripted.port)), folder=tmp_path)
    assert done.returncode == 2
    expected = (
        "rows.csv:2: there is no field 'name', which request.headers.X-Name asks for; there is id, nome"
    )
    assert expected in " ".join(done.stderr.split())
    assert scripted.connections == 0
