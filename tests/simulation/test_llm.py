"""The streaming practice model: what it writes, when, and that our own client sees what its log says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest

from benchmark.clock import now
from benchmark.measure.exchange import Exchange, Failure
from benchmark.measure.recording import Recording
from benchmark.measure.stream import StreamRecorder
from benchmark.simulation.behaviour import Behaviour, Path, Streaming
from benchmark.simulation.laws import Constant, Lognormal
from benchmark.simulation.model_server import ModelServer
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import MODEL, Address
from benchmark.transport.base import BELOW_400, Destination, Pool, PreparedRequest
from benchmark.transport.events import fields_of
from benchmark.transport.http1 import Http1Transport

MS = 1_000_000
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "hello there!"}], "stream": True}


def events(below: str, **asked: Any) -> list[dict[str, Any]]:
    """What a stream's chunks say."""
    answer = ModelServer(MODEL).answer("POST", below, "", json.dumps({**CHAT, **asked}).encode())
    assert answer.stream is not None
    body = answer.stream.opening + b"".join(answer.stream.tokens) + answer.stream.closing
    data = [fields_of(event)[1] for event in body.split(b"\n\n") if event]
    assert data.pop() == b"[DONE]"
    return [json.loads(each or b"") for each in data]


def test_a_chat_says_what_the_whole_answer_says() -> None:
    said = events(
        "v1/chat/completions", stream_options={"include_usage": True}, max_tokens=40, ignore_eos=True
    )
    asked = {**CHAT, "stream": False, "max_tokens": 40, "ignore_eos": True}
    whole = json.loads(
        ModelServer(MODEL).answer("POST", "v1/chat/completions", "", json.dumps(asked).encode()).body
    )
    text = "".join(each["choices"][0]["delta"].get("content", "") for each in said[:-1])
    assert text == whole["choices"][0]["message"]["content"]
    assert (said[-1]["choices"], said[-1]["usage"]) == ([], whole["usage"])
    assert said[-2]["choices"][0]["finish_reason"] == "length"
    assert said[0]["choices"][0]["delta"]["role"] == "assistant"
    assert len({each["id"] for each in said}) == 1


def test_completions_stream_text_and_usage_only_where_asked() -> None:
    said = events("v1/completions", prompt="hello", max_tokens=3)
    assert "".join(each["choices"][0]["text"] for each in said) == "Hello! This is"
    assert not any("usage" in each for each in said)


async def ask(url: str, count: int, tokens: int, spacing: float = 0.0) -> tuple[Recording, list[Exchange]]:
    """Ask so many times, spread in time."""
    body = json.dumps(
        {**CHAT, "max_tokens": tokens, "ignore_eos": True, "stream_options": {"include_usage": True}}
    )
    path = url.split("/", 3)[3]
    wire = f"POST /{path}/v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    request = PreparedRequest("POST", "/", (), b"", 20 * 10**9, BELOW_400, wire, stream=True)
    port = int(url.split(":")[2].split("/")[0])
    transport = Http1Transport(Destination("http", "127.0.0.1", port), [request], Pool(count), print, print)
    recorder, seen = StreamRecorder([len(wire)]), list[Exchange]()
    over = asyncio.get_running_loop().create_future()

    def finished(exchange: Exchange) -> None:
        seen.append(exchange)
        recorder.add(exchange)
        if len(seen) == count:
            over.set_result(None)

    transport.finished = finished
    transport.handshake = recorder.add_handshake
    await transport.open(count)
    for _ in range(count):
        transport.send(Exchange(0, now(), now()))
        await asyncio.sleep(spacing)
    await asyncio.wait_for(over, 60)
    await transport.close()
    return recorder.take(), seen


@pytest.mark.verify
def test_every_figure_is_recovered_within_two_percent() -> None:
    """TTFT, gaps, TPOT and E2E against the service's own log, with laws that spread."""
    laws = Streaming(Lognormal(0.04, 0.3), Lognormal(0.008, 0.3), slowdown=0.02)
    with PracticeService(Behaviour(streaming=laws, seed=3)) as service:
        kept, _ = asyncio.run(ask(service.urls[0], 40, 40, spacing=0.02))
        log = service.truth().streams
    assert kept.ok == len(log.tokens) == 40
    assert kept.counters["output_tokens"] == int(log.tokens.sum()) == 1600
    truth = {
        "ttft": log.first - log.received,
        "itl": log.gaps,
        "tpot": (log.last - log.first) / (log.tokens - 1),
        "e2e": log.last - log.received,
    }
    off = {name: kept.histograms[name].mean / float(np.mean(true)) - 1 for name, true in truth.items()}
    off |= {
        f"{name} p50": kept.histograms[name].quantile(0.5) / float(np.median(true)) - 1
        for name, true in truth.items()
    }
    assert all(abs(error) < 0.02 for error in off.values()), off


@pytest.mark.verify
def test_gaps_follow_their_law_and_grow_with_the_crowd() -> None:
    """One stream alone has the law's own gaps; ten together wait half as long again."""
    laws = Streaming(Constant(0.02), Constant(0.005), slowdown=0.05)
    with PracticeService(Behaviour(streaming=laws)) as service:
        for count in (1, 10):
            asyncio.run(ask(service.urls[0], count, 20))
        log = service.truth().streams
    alone = (log.last - log.first)[0] / 19
    crowd = np.median((log.last - log.first)[1:] / 19)
    assert alone == pytest.approx(5 * MS, rel=0.1)
    assert crowd / alone == pytest.approx(1.45, rel=0.1)


@pytest.mark.verify
def test_a_path_delays_every_token_alike() -> None:
    far = Address(path=Path(0.030))
    with PracticeService(Behaviour(streaming=Streaming(Constant(0.02), Constant(0.005))), (far,)) as service:
        kept, _ = asyncio.run(ask(service.urls[0], 3, 10))
    assert kept.histograms["ttft"].minimum >= 49 * MS
    assert kept.histograms["itl"].quantile(0.5) == pytest.approx(5 * MS, rel=0.1)


def test_streams_break_as_often_as_they_should_and_the_connection_lives_on() -> None:
    laws = Streaming(Constant(0.001), Constant(0.001), break_rate=0.5)
    with PracticeService(Behaviour(streaming=laws, seed=1)) as service:
        _, seen = asyncio.run(ask(service.urls[0], 40, 6))
        broken = int(service.truth().streams.broken.sum())
    failed = [each for each in seen if each.failure is Failure.STREAM_ERROR]
    assert len(failed) == broken
    assert 8 < broken < 32
    assert {each.detail for each in failed} == {"the engine died"}
    assert all(each.stream is not None and len(each.stream.arrivals) == 3 for each in failed)


def test_a_caller_that_hangs_up_is_noted() -> None:
    with PracticeService(Behaviour(streaming=Streaming(gap=Constant(0.01)))) as service:
        hung_up = asyncio.run(hang_up(service.urls[0]))
        asyncio.run(ask(service.urls[0], 1, 60))
        log = service.truth()
    assert hung_up
    assert sorted(log.status.tolist()) == [200, 499]
    assert log.streams.broken.tolist().count(1) == 1


async def hang_up(url: str) -> bool:
    """Ask for a long stream, and go after the first token."""
    place = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(place[0], int(place[1]))
    body = json.dumps({**CHAT, "max_tokens": 1000, "ignore_eos": True})
    path = "/" + url.split("/", 3)[3] + "/v1/chat/completions"
    writer.write(f"POST {path} HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    await reader.readuntil(b"Hello!")
    writer.close()
    await writer.wait_closed()
    return True


def test_workers_serve_so_many_streams_and_the_others_wait_or_are_refused() -> None:
    """One worker, half a second and 4 × 5 ms a stream: the second begins when the first is over; past the queue, 450."""
    behaviour = Behaviour(streaming=Streaming(Constant(0.5), Constant(0.005)), workers=1, queue=2)
    with PracticeService(behaviour) as service:
        _, seen = asyncio.run(ask(service.urls[0], 4, 5))
        log = service.truth().streams
    assert sorted(each.status for each in seen) == [200, 200, 200, 450]
    began, ended = np.sort(log.first), np.sort(log.last)
    assert ((began[1:] - ended[:-1]) / MS > 250).all()  # half a second, less what an answer's end was late


def test_the_gateways_patience_ends_streams_midway_and_those_that_have_not_begun_with_408() -> None:
    """2 s a stream, one worker, 1.2 s of patience: the first is cut; the second would only then begin."""
    laws = Streaming(Constant(0.2), Constant(0.2))
    with PracticeService(Behaviour(streaming=laws, workers=1, queue=2, keepalive=1.2)) as service:
        _, seen = asyncio.run(ask(service.urls[0], 2, 10))
        log = service.truth()
    cut, told = sorted(seen, key=lambda each: each.status)
    assert (cut.status, cut.failure) == (200, Failure.TRUNCATED)
    assert cut.stream is not None
    assert len(cut.stream.arrivals) in {4, 5, 6}
    assert (cut.done - cut.sent) / MS > 1000
    assert told.status == 408
    assert log.status.tolist() == [408, 408]


def test_a_path_with_a_bandwidth_refuses_streams() -> None:
    narrow = Address(path=Path(bandwidth=1e6))
    with PracticeService(Behaviour(), (narrow,)) as service:
        _, seen = asyncio.run(ask(service.urls[0], 1, 2))
    assert [each.status for each in seen] == [501]
