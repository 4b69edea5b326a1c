"""Results folders that someone else sent: real ones, and what can be done to them."""

from __future__ import annotations

import base64
import copy
import json
import random
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmark import __version__
from benchmark.measure.histogram import Histogram
from benchmark.measure.series import Series
from benchmark.result.journal import JOURNAL, MAGIC, Journal, Part
from benchmark.result.run import Run
from benchmark.result.store import RECORDINGS, save_run
from benchmark.units import MILLISECOND, NANOSECONDS
from tests.analysis.runs import a_recording, a_run

STEERING = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e</script><script>window.ran=1</script>|`[x](javascript:x)\r\n<b>&amp;"
BOMB = base64.b85encode(zlib.compress(b"\0" * 2**28)).decode()  # 256 MiB in 300 KB
NASTY: tuple[Any, ...] = (
    None, True, -1, 0, 1, 7.5, 1e30, -1e308, float("nan"), float("inf"), 2**63, 10**40, "", "7", "x" * 10_000, STEERING,
    "\ud800", [], {}, [[]], {"": None}, BOMB, "2026-01-01", "p99 < 1ms in every 1ms", ["p99 < 1ms in every 1ms"] * 3,
)  # fmt: skip


def a_foreign_run() -> Run:
    """Two targets over four rounds, with series, bands, handshakes and an objective that looks at windows."""
    generator = np.random.default_rng(7)

    def recording(scale: float) -> Any:
        times = generator.lognormal(np.log(scale), 0.4, 100)
        new = a_recording(times, failures={"status": 2, "timeout": 1}, unanswered=1, unsent=1)
        nanoseconds = (times * MILLISECOND).astype(np.int64)
        new.statuses.update({200: 100, 500: 2})
        new.handshakes["connect"] = Histogram.of(nanoseconds // 9)
        new.counters["watched"] = 2 * NANOSECONDS
        new.series = Series(NANOSECONDS // 4)
        due = np.linspace(0, 1.99 * NANOSECONDS, 100).astype(np.int64)
        every = np.ones(100, np.bool_)
        new.series.record(due, nanoseconds, nanoseconds // 99, every, ~every)
        zero = np.zeros(100, np.int64)
        phases = dict.fromkeys(("pool", "dns", "connect", "tls", "send", "transfer"), zero) | {
            "wait": nanoseconds
        }
        new.bands.record(nanoseconds, phases)
        return new

    sides = {name: [recording(scale) for _ in range(4)] for name, scale in (("one", 20), ("two", 30))}
    run = a_run(sides, rounds=4, objectives=["p99 < 800ms", "failures < 5%", "p95 < 500ms in every 1s"])
    run.environment = {"vpcbench": __version__, "hostname": "there", "cores": 2}
    run.generator = {"processes": 1, "cpu_seconds": 1.0, "max_rss_bytes": 10**8}
    run.probes, run.notes = {"one": 1, "two": 1}, ["a note"]
    return run


def save(folder: Path) -> Path:
    """A whole results folder."""
    folder.mkdir()
    save_run(folder, a_foreign_run())
    return folder


def save_journal(folder: Path) -> Path:
    """One whose run broke off in a round."""
    folder.mkdir()
    run = a_foreign_run()
    rounds, run.rounds = run.rounds, []
    broken: list[str] = []
    with Journal(folder, run, broken.append) as journal:
        for round_ in rounds[:2]:
            journal.add(round_)
        journal.see(Part("one", 1, 1.0, 2.0, 1.0, 50, 104, rounds[2].recording))
    assert not broken
    return folder


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a document stands."""
    if place:
        yield place
    for key in (
        list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    ):
        yield from places(value[key], (*place, key))


def _some_place(data: Any, chance: random.Random) -> tuple[Any, ...]:
    """Any value of the document; as often one near its top, for most are deep down."""
    if chance.randrange(2):
        every = list(places(data))
        return chance.choice(every) if every else ()
    place: tuple[Any, ...] = ()
    while isinstance(data, dict | list) and data and (not place or chance.randrange(3)):
        key = chance.choice(list(data) if isinstance(data, dict) else range(len(data)))
        place, data = (*place, key), data[key]
    return place


def tampered(data: Any, chance: random.Random) -> Any:
    """The document with one to three of its values replaced, dropped, doubled, renamed or nested."""
    data = copy.deepcopy(data)
    for _ in range(chance.randint(1, 3)):
        path = _some_place(data, chance)
        if not path:
            return data
        *way, key = path
        holder = data
        for step in way:
            holder = holder[step]
        match chance.randrange(8):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[chance.choice(["", "surplus", STEERING, "-1", "9" * 30])] = holder.pop(key)
            case 2 if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[key]))
            case 3:
                for _ in range(chance.choice([1, 60, 200])):
                    holder[key] = [holder[key]]
            case 4 if isinstance(holder[key], int | float):
                holder[key] = holder[key] * chance.choice([-1, 0, 2, 1000, 1e-9])
            case _:
                holder[key] = copy.deepcopy(chance.choice(NASTY))
    return data


def tampered_file(folder: Path, content: bytes, chance: random.Random) -> None:
    """Write one mutation of a folder's file over it: of its values, else of its bytes."""
    if (folder / JOURNAL).exists():
        (folder / JOURNAL).write_bytes(_tampered_journal(content, chance))
    elif chance.randrange(5):
        (folder / RECORDINGS).write_text(json.dumps(tampered(json.loads(content), chance)), "utf-8")
    else:
        (folder / RECORDINGS).write_bytes(_tampered_bytes(content, chance))


def _tampered_bytes(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    match chance.randrange(4):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
        case 2:
            return (
                content[:at]
                + chance.choice([b"[" * 5000, b"1" * 5000, b"\0", b"\xff\xfe", b"NaN"])
                + content[at:]
            )
    return content[:at] + content[chance.randrange(len(content)) :]


def _tampered_journal(content: bytes, chance: random.Random) -> bytes:
    """With one record changed, and its checksum right; or with its bytes changed, and its checksum wrong."""
    if not chance.randrange(4):
        return _tampered_bytes(content, chance)
    records, at = [], len(MAGIC)
    while at < len(content):
        length = struct.unpack_from("<II", content, at)[0]
        records.append(json.loads(content[at + 8 : at + 8 + length]))
        at += 8 + length
    which = chance.randrange(len(records))
    records[which] = tampered(records[which], chance)
    if not chance.randrange(4):
        chance.shuffle(records)
    payloads = [json.dumps(record).encode() for record in records]
    return MAGIC + b"".join(struct.pack("<II", len(each), zlib.crc32(each)) + each for each in payloads)
