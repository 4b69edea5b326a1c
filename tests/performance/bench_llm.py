"""What measuring a streamed model service costs, and how true it is: vpcbench beside its peers, in one run.

    make bench-llm                      everyone, three times in turn
    make bench-llm ONLY="vpcbench aiperf" TURNS=1

All ask one local streaming server, a process of its own on the last core, which logs what it did; every client runs on
the first core. A client's cost is the CPU time of all its processes in a long run less that of a short one, divided by
how many more requests the server saw: what it takes to start and to report is not in it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.simulation.behaviour import Behaviour, Streaming
from benchmark.simulation.laws import Constant, Uniform
from benchmark.simulation.process import PracticeService
from benchmark.simulation.setup import MODEL

STREAMS = 64
TOKENS = 32
SHORT, LONG = 640, 1920  # requests
RUNNING = 240
FIRST, LAST = "0", str((os.cpu_count() or 1) - 1)
BODY = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "hello " * TOKENS}],
    "max_tokens": TOKENS,
    "ignore_eos": True,
    "stream": True,
    "stream_options": {"include_usage": True},
}


@dataclass(frozen=True)
class Told:
    """What a client reported, in milliseconds; None where it does not tell."""

    ttft_p50: float
    ttft_p99: float | None
    itl_p50: float | None
    itl_p99: float | None


Client = Callable[[str, int, Path], Told]  # asks the service so many times, keeping its files in a folder


def pinned(command: list[str], folder: Path, **environ: str) -> str:
    """What a command on the first core printed; it must end well."""
    done = subprocess.run(
        ["taskset", "-c", FIRST, *command],
        capture_output=True,
        text=True,
        timeout=RUNNING,
        cwd=folder,
        check=False,
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "HOME": str(folder),
            **environ,
        },
    )
    if done.returncode:
        raise RuntimeError(
            f"{command[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-800:]}"
        )
    return done.stdout


# ── the clients ──


def vpcbench(url: str, count: int, folder: Path, *load: str, tokens: int = TOKENS) -> Told:
    """Ours: one round, which lasts as long as that many requests do."""
    seconds = count / STREAMS * 0.36
    load = load or ("--connections", str(STREAMS), "--duration", f"{seconds:.1f}s", "--warmup", "0s")
    command = [sys.executable, "-m", "benchmark", "curl", f"{url}/v1/chat/completions"]
    options = [
        "-d",
        json.dumps({**BODY, "max_tokens": tokens}),
        "--rounds",
        "1",
        "--processes",
        "1",
        "--quiet",
    ]
    shutil.rmtree(folder / "out", ignore_errors=True)
    pinned([*command, *options, *load, "-o", "out"], folder)
    stream = json.loads((folder / "out" / "result.json").read_text())["targets"]["target"]["stream"]
    ttft, itl = stream["ttft_ms"], stream["itl_ms"]
    return Told(ttft["p50"], ttft["p99"], itl["p50"], itl["p99"])


AIOHTTP = f"""
import asyncio, json, sys, time, aiohttp, numpy, uvloop
url, count, body = sys.argv[1], int(sys.argv[2]), {json.dumps(BODY).encode()!r}
ttft, itl = [], []
async def main():
    left = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def ask():
            for _ in left:
                began, last = time.monotonic(), 0.0
                async with session.post(url, data=body, headers={{"Content-Type": "application/json"}}) as answer:
                    async for line in answer.content:
                        if line.startswith(b"data: ") and line != b"data: [DONE]\\n":
                            choices = json.loads(line[6:])["choices"]
                            if choices and choices[0]["delta"].get("content"):
                                at = time.monotonic()
                                itl.append(at - last) if last else ttft.append(at - began)
                                last = at
        await asyncio.gather(*(ask() for _ in range({STREAMS})))
    print(json.dumps([float(1e3 * numpy.percentile(x, q)) for x in (ttft, itl) for q in (50, 99)]))
uvloop.run(main())
"""


def aiohttp(url: str, count: int, folder: Path) -> Told:
    """The bare loop that one would write: aiohttp on uvloop, a JSON parser for every chunk."""
    return Told(
        *json.loads(pinned([sys.executable, "-c", AIOHTTP, f"{url}/v1/chat/completions", str(count)], folder))
    )


def vllm(url: str, count: int, folder: Path) -> Told:
    """`vllm bench serve`."""
    command = ["vllm", "bench", "serve", "--backend", "openai-chat"]
    command += ["--base-url", url, "--endpoint", "/v1/chat/completions", "--model", MODEL]
    command += ["--tokenizer", str(tokenizer(folder)), "--dataset-name", "random", "--ignore-eos"]
    command += ["--random-input-len", str(TOKENS), "--random-output-len", str(TOKENS)]
    command += ["--num-prompts", str(count), "--max-concurrency", str(STREAMS), "--disable-tqdm"]
    command += ["--percentile-metrics", "ttft,itl", "--metric-percentiles", "50,99"]
    command += ["--save-result", "--result-filename", "vllm.json"]
    pinned(command, folder)
    found = json.loads((folder / "vllm.json").read_text())
    return Told(*(found[f"{which}_{metric}_ms"] for metric in ("ttft", "itl") for which in ("median", "p99")))


def evalscope(url: str, count: int, folder: Path) -> Told:
    """`evalscope perf`."""
    command = ["evalscope", "perf", "--api", "openai", "--model", MODEL]
    command += ["--url", f"{url}/v1/chat/completions", "--parallel", str(STREAMS), "--number", str(count)]
    command += ["--dataset", "random", "--tokenizer-path", str(tokenizer(folder)), "--stream"]
    for end in ("min", "max"):
        command += [f"--{end}-prompt-length", str(TOKENS), f"--{end}-tokens", str(TOKENS)]
    command += ["--extra-args", '{"ignore_eos": true}', "--outputs-dir", "evalscope"]
    shutil.rmtree(folder / "evalscope", ignore_errors=True)
    pinned(command, folder)
    (path,) = (folder / "evalscope").rglob("*percentile*.json")
    rows = {str(row["Percentiles"]).rstrip("%"): row for row in json.loads(path.read_text())}

    def figure(name: str, percent: str) -> float:
        key = next(key for key in rows[percent] if key.startswith(name))
        value = float(rows[percent][key])
        return value if "(ms)" in key else 1e3 * value

    return Told(*(figure(name, percent) for name in ("TTFT", "ITL") for percent in ("50", "99")))


def aiperf(url: str, count: int, folder: Path) -> Told:
    """`aiperf profile`."""
    command = ["aiperf", "profile", "--model", MODEL, "--url", url]
    command += ["--endpoint-type", "chat", "--streaming", "--concurrency", str(STREAMS)]
    command += ["--request-count", str(count), "--tokenizer", str(tokenizer(folder)), "--ui", "none"]
    command += ["--synthetic-input-tokens-mean", str(TOKENS), "--output-tokens-mean", str(TOKENS)]
    command += [
        "--extra-inputs",
        "ignore_eos:true",
        "--use-server-token-count",
        "--output-artifact-dir",
        "aiperf",
    ]
    shutil.rmtree(folder / "aiperf", ignore_errors=True)
    pinned(command, folder, HF_HUB_OFFLINE="", TRANSFORMERS_OFFLINE="")  # offline, it takes no folder
    (path,) = (folder / "aiperf").rglob("profile_export_aiperf.json")
    found = json.loads(path.read_text())
    times = (found["time_to_first_token"], found["inter_token_latency"])
    return Told(*(metric[which] for metric in times for which in ("p50", "p99")))


def guidellm(url: str, count: int, folder: Path) -> Told:
    """`guidellm run`."""
    (folder / "p.csv").write_text("prompt,output_tokens_count\n" + f"{'hello ' * TOKENS},{TOKENS}\n" * count)
    command = ["guidellm", "run", "--backend"]
    command += [
        f"kind=openai_http,target={url},model={MODEL},validate_backend=false",
        "--profile",
        f"kind=concurrent,streams={STREAMS}",
    ]
    command += ["--constraint", f"kind=max_requests,count={count}", "--data", "kind=csv_file,path=p.csv"]
    command += ["--output", "kind=json,path=guidellm.json", "--disable-console-interactive"]
    pinned(command, folder)
    (found,) = json.loads((folder / "guidellm.json").read_text())["benchmarks"]
    times = [
        found["metrics"][name]["successful"]["percentiles"]
        for name in ("time_to_first_token_ms", "inter_token_latency_ms")
    ]
    return Told(*(metric[which] for metric in times for which in ("p50", "p99")))


CLIENTS: dict[str, Client] = {
    "vpcbench": vpcbench,
    "bare aiohttp": aiohttp,
    "vLLM": vllm,
    "EvalScope": evalscope,
    "aiperf": aiperf,
    "guidellm": guidellm,
}


def tokenizer(folder: Path) -> Path:
    """A tiny tokenizer, as peers demand one; made on the spot."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    where = folder / "tokenizer"
    if where.exists():
        return where
    where.mkdir()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, show_progress=False, initial_alphabet=alphabet, special_tokens=special
    )
    tokenizer.train_from_iterator(["hello there, this is the practice service"] * 9, trainer)
    tokenizer.save(str(where / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    config["chat_template"] = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    (where / "tokenizer_config.json").write_text(json.dumps(config))
    (where / "config.json").write_text(json.dumps({"model_type": "gpt2", "vocab_size": 400}))
    return where


# ── one turn of a client ──


@contextmanager
def serving(law: Streaming) -> Iterator[PracticeService]:
    """The server, on the last core."""
    with PracticeService(Behaviour(streaming=law, seed=1)) as service:
        assert service.pid
        os.sched_setaffinity(service.pid, {int(LAST)})
        yield service


@dataclass(frozen=True)
class Turn:
    """What became of a client's long run."""

    cpu_ms: float  # per request
    told: Told
    truth: Told
    rate: float  # requests per second, as the server saw them


def turn_of(client: Client, service: PracticeService, folder: Path) -> Turn:
    """A short run and a long one."""
    used, seen, told = [], [len(service.truth().streams.first)], None
    for count in (SHORT, LONG):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = client(service.urls[0], count, folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
        seen.append(len(service.truth().streams.first))
    assert told is not None
    more = (seen[2] - seen[1]) - (seen[1] - seen[0])
    streams = service.truth().streams
    first, last = streams.received[seen[1] :].min(), streams.last[seen[1] :].max()
    rate = (seen[2] - seen[1]) / (last - first) * 1e9
    return Turn(1e3 * (used[1] - used[0]) / more, told, truth_of(service, seen[1]), float(rate))


def truth_of(service: PracticeService, since: int) -> Told:
    """What the server did since that many streams."""
    streams = service.truth().streams
    first = (streams.first - streams.received)[since:] / 1e6
    gaps = streams.gaps[-int((streams.tokens[since:] - 1).sum()) :] / 1e6
    return Told(*(float(np.percentile(times, q)) for times in (first, gaps) for q in (50, 99)))


def beside_peers(names: list[str], turns: int) -> Iterator[str]:
    """The table, and who is not in it."""
    from tests.performance.peers import STREAMING, missing

    absent = missing({name: STREAMING[name] for name in names if name in STREAMING})
    seen: dict[str, list[Turn]] = {name: [] for name in names if name not in absent}
    law = Streaming(Constant(0.05), Constant(0.01))
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(turns):
            for name in list(seen):
                with serving(law) as service:
                    try:
                        seen[name].append(turn_of(CLIENTS[name], service, Path(folder)))
                    except (
                        RuntimeError,
                        subprocess.TimeoutExpired,
                        KeyError,
                        ValueError,
                        StopIteration,
                    ) as error:
                        absent[name] = f"{type(error).__name__}: {' '.join(str(error).split())[-300:]}"
                        del seen[name]
    yield "| client | CPU ms per request | requests/s | TTFT p50: told − true, ms | p99 | ITL p50: told − true, ms | p99 |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, made in seen.items():
        cells = [f"{statistics.median(turn.cpu_ms for turn in made):.2f}"]
        cells.append(f"{statistics.median(turn.rate for turn in made):.0f}")
        for figure in ("ttft_p50", "ttft_p99", "itl_p50", "itl_p99"):
            errors = [off for turn in made if (off := _error(turn, figure)) is not None]
            cells.append(f"{statistics.median(errors):+.2f}" if errors else "–")
        yield f"| {name} | {' | '.join(cells)} |"
    for name, why in absent.items():
        yield f"\n{name} is missing: {why}"


def _error(turn: Turn, figure: str) -> float | None:
    told, true = getattr(turn.told, figure), getattr(turn.truth, figure)
    return None if told is None else told - true


def a_thousand() -> Iterator[str]:
    """1,000 streams at once, of 50 tokens a second each, by one process on one core."""
    tokens, rate = 100, 485
    law = Streaming(Constant(0.05), Uniform(0.015, 0.025))
    with tempfile.TemporaryDirectory() as name, serving(law) as service:
        folder = Path(name)
        load = ("--rate", f"{rate}/s", "--duration", "8s", "--warmup", "3s")
        told = vpcbench(service.urls[0], 0, folder, *load, tokens=tokens)
        result: dict[str, Any] = json.loads((folder / "out" / "result.json").read_text())
        target, generator = result["targets"]["target"], result["generator"]
        truth = truth_of(service, len(service.truth().streams.first) - target["stream"]["streams"])
    speed = target["stream"]["output_tokens_per_second"]
    cpu = generator["cpu_seconds"] / 8
    yield f"\n1,000 streams at once of 50 tokens/s ({speed:,.0f} tokens/s) on {cpu:.0%} of a core:"
    assert told.itl_p99
    assert truth.itl_p99
    yield f"ITL p99 {told.itl_p99:.2f} ms, the server's own {truth.itl_p99:.2f} ms ({told.itl_p99 / truth.itl_p99 - 1:+.1%});"
    yield f"TTFT p50 {told.ttft_p50:.2f} ms, the server's own {truth.ttft_p50:.2f} ms; verdict {result['verdict']['status']}."


def main() -> None:
    """Print every table."""
    from tests.performance.bench import machine

    names = os.environ.get("ONLY", "").split() or list(CLIENTS)
    names = ["bare aiohttp" if name == "aiohttp" else name for name in names]
    turns = int(os.environ.get("TURNS", "3"))
    print(f"{machine()}; {STREAMS} streams of {TOKENS} tokens, medians of {turns} turns.\n")
    for part in (beside_peers(names, turns), a_thousand()):
        for line in part:
            print(line, flush=True)


if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[2]))  # last, so that vpcbench is the one that was installed
    main()
