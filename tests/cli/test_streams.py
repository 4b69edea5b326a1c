"""Streamed answers from the command line, against the practice model's own log."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.behaviour import Path as NetworkPath
from benchmark.simulation.laws import Constant, Lognormal
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import MODEL, Address
from benchmark.simulation.truth import Truth
from tests.cli.command import measured, metric, result_of, valid, write
from tests.scenario.test_tokens import train

TOKENS = 24


@pytest.mark.verify
def test_the_truth_is_recovered_goodput_and_all(tmp_path: Path) -> None:
    """TTFT, ITL, TPOT and goodput within 2 % of what the service logged of the same requests."""
    laws = Streaming(Lognormal(0.05, 0.4), Lognormal(0.01, 0.4))
    with PracticeService(Behaviour(streaming=laws)) as service:
        scenario = f"""
targets: {{a: {{url: "{service.urls[0]}"}}}}
request:
  path: v1/chat/completions
  stream: true
  json: {{model: {MODEL}, messages: [{{role: user, content: hello}}], max_tokens: {TOKENS}, ignore_eos: true}}
load: {{rate: 40/s, duration: 3s, warmup: 200ms}}
rounds: 1
goodput: ["ttft <= 75ms", "tpot < 1s"]
"""
        valid("run", write(tmp_path, scenario), folder=tmp_path)
        truth = service.truth()
    target = result_of(tmp_path / "out")["targets"]["a"]
    off = errors(target["stream"], truth, target["stream"]["streams"])
    assert all(abs(error) < 0.02 for error in off.values()), off
    assert target["stream"]["tokens"]["source"] == "usage"
    assert target["stream"]["tokens"]["output"] == TOKENS * target["stream"]["streams"]


def errors(seen: dict[str, dict[str, float]], truth: Truth, measured: int) -> dict[str, float]:
    """By how much of the truth figures are off; the last `measured` requests to arrive are in the figures."""
    log = truth.streams
    last = np.argsort(log.received)[-measured:]
    assert not log.broken.any()
    first = (log.first - log.received)[last]
    per_token = ((log.last - log.first) / (log.tokens - 1))[last]
    good = np.mean(
        first <= 75e6
    )  # five of six; at the median there would be several within the time of one wake-up
    figures = [
        ("ttft p50", seen["ttft_ms"]["p50"], np.median(first) / 1e6),
        ("ttft mean", seen["ttft_ms"]["mean"], np.mean(first) / 1e6),
        ("tpot mean", seen["tpot_ms"]["mean"], np.mean(per_token) / 1e6),
        ("itl mean", seen["itl_ms"]["mean"], np.mean(log.gaps) / 1e6),
        ("itl p50", seen["itl_ms"]["p50"], np.median(log.gaps) / 1e6),
        ("goodput", seen["goodput"]["share"], good),
    ]
    return {name: float(value / true - 1) for name, value, true in figures}


def two_addresses(folder: Path, *load: str) -> str:
    """What is said of a stream that is asked for with a body as it was written, at two addresses 20 ms apart."""
    far, near = Address(path=NetworkPath(0.020)), Address("127.0.0.2")
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "hello"}],
        "stream": True,
        "max_tokens": 5,
    }
    with PracticeService(
        Behaviour(streaming=Streaming(Constant(0.02), Constant(0.005))), (far, near)
    ) as service:
        first, second = (f"{url}/v1/chat/completions" for url in service.urls)
        done = measured("curl", first, "-d", json.dumps(body), "--vs", second, *load, folder=folder)
    return " ".join(done.stdout.split())


def test_curl_with_a_stream_in_its_body_compares_two_addresses(tmp_path: Path) -> None:
    """As it was written it asks for no usage: tokens are chunks, and it says so; else usage is asked for, too."""
    load = ("--connections", "2", "--duration", "800ms", "--rounds", "2", "--warmup", "100ms")
    asking = tmp_path / "asking"
    asking.mkdir()
    two_addresses(asking, *load)
    tokens = result_of(asking / "out")["targets"]["first"]["stream"]["tokens"]
    assert (tokens["source"], tokens["per_stream"]) == ("usage", 5)
    said = two_addresses(tmp_path, *load, "--as-is")
    result = result_of(tmp_path / "out")
    assert metric(result, "ttft.p50")["primary"]
    assert "chunks stand for tokens" in said
    for target in result["targets"].values():
        tokens = target["stream"]["tokens"]
        assert (tokens["source"], tokens["input"]) == ("chunks", None)
        assert tokens["output"] == 5 * target["stream"]["streams"]


@pytest.mark.verify
def test_streams_of_two_addresses_differ_by_their_path(tmp_path: Path) -> None:
    load = ("--rate", "40/s", "--duration", "2s", "--rounds", "4", "--warmup", "100ms")
    said = two_addresses(tmp_path, *load)
    result = result_of(tmp_path / "out")
    assert metric(result, "ttft.p50")["difference"]["value"] == pytest.approx(-20, rel=0.05)
    assert "sooner in TTFT p50" in said
    for target in result["targets"].values():
        assert target["stream"]["itl_ms"]["p50"] == pytest.approx(5, rel=0.05)


def test_errors_in_mid_stream_are_failures(tmp_path: Path) -> None:
    laws = Streaming(Constant(0.005), Constant(0.001), break_rate=0.4)
    with PracticeService(Behaviour(streaming=laws)) as service:
        scenario = f"""
targets: {{a: {{url: "{service.urls[0]}"}}}}
request:
  path: v1/completions
  json: {{model: {MODEL}, prompt: hello, stream: true, max_tokens: 6}}
load: {{connections: 4, duration: 1s, warmup: 0s}}
rounds: 1
objectives: ["ttft.p50 < 1s", "failures < 1%"]
"""
        done = measured("run", write(tmp_path, scenario), folder=tmp_path, status=1)
    target = result_of(tmp_path / "out")["targets"]["a"]
    assert target["counts"]["failures"].keys() == {"stream-error"}
    assert target["counts"]["failed"] > 0.1 * target["counts"]["scheduled"]
    assert target["counts"]["ok"] == target["stream"]["streams"] > 0
    assert target["stream"]["e2e_ms"]["at_least"]["p90"] == 30_000
    assert "stream-error" in done.stdout


def test_a_tokenizer_counts_where_no_usage_is_told(tmp_path: Path) -> None:
    """Its count of the very text that was streamed, and TPOT by it; the report says who counted."""
    from benchmark.scenario.tokens import read_tokenizer
    from benchmark.simulation.model_server import _words

    train(tmp_path)
    each = read_tokenizer("tokenizer.json", tmp_path).count(" ".join(_words(TOKENS)))
    assert each > TOKENS
    with PracticeService(Behaviour(streaming=Streaming(Constant(0.01), Constant(0.002)))) as service:
        scenario = f"""
targets: {{a: {{url: "{service.urls[0]}"}}}}
tokenizer: tokenizer.json
request:
  path: v1/chat/completions
  json: {{model: {MODEL}, stream: true, messages: [{{role: user, content: hi}}], max_tokens: {TOKENS}, ignore_eos: true}}
  pin: false
load: {{connections: 3, duration: 1s, warmup: 100ms}}
rounds: 1
"""
        done = measured("run", write(tmp_path, scenario), folder=tmp_path)
    stream = result_of(tmp_path / "out")["targets"]["a"]["stream"]
    assert stream["streams"] > 0
    assert stream["tokens"]["source"] == "tokenizer"
    assert stream["tokens"]["output"] == each * stream["streams"]
    assert stream["tokens"]["per_chunk"] == pytest.approx(each / TOKENS)
    by_chunks = stream["itl_ms"]["mean"] * (TOKENS - 1)
    assert stream["tpot_ms"]["mean"] == pytest.approx(by_chunks / (each - 1), rel=0.01)
    said = " ".join(done.stdout.split())
    assert "the scenario's tokenizer counted the text" in said
    assert "chunks stand for tokens" not in said
