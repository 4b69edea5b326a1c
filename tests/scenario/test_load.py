"""What is wrong with a scenario: every line of every message, and that no secret is in any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import ExitStatus, InputError
from benchmark.redaction import REDACTED
from benchmark.scenario.load import LoadedScenario, load_scenario, load_text
from benchmark.scenario.model import Scenario

CHAT = """\
name: chat-public-vs-vpc
targets:
  public: {url: "http://1234.cn-hangzhou.pai-eas.aliyuncs.com/api/predict/test", token: "${EAS_TOKEN}"}
  vpc:    {url: "http://1234.vpc.cn-hangzhou.pai-eas.aliyuncs.com/api/predict/test", token: "${EAS_TOKEN}"}
request:
  method: POST
  path: v1/chat/completions          # appended to the target's url
  headers: {Content-Type: application/json}
  json: {model: DeepSeek-R1-Distill-Qwen-7B, messages: [{role: user, content: "hello!"}]}
  expect: {status: 200}
  timeout: 30s
load: {rate: 50/s, arrivals: poisson, duration: 20s, warmup: 3s}     # or {connections: 64, duration: 20s}
rounds: 10
objectives: ["p99 < 800ms", "failures < 0.1%"]
"""
CANARY = "canary-9f8e7d6c5b4a"
TARGETS = 'targets: {a: {url: "http://h/"}}\n'


def load(text: str, *overrides: str, environ: Mapping[str, str] | None = None) -> LoadedScenario:
    return load_text(text, "s.yaml", Path(), overrides, environ or {})


def complaints(text: str, *overrides: str, environ: Mapping[str, str] | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        load(text, *overrides, environ=environ)
    assert caught.value.status == ExitStatus.BAD_INPUT
    return str(caught.value).split("\n")


def test_the_scenario_of_the_documentation() -> None:
    loaded = load(CHAT, environ={"EAS_TOKEN": CANARY})
    scenario = loaded.scenario
    assert scenario.name == "chat-public-vs-vpc"
    assert [target.token for target in scenario.targets.values()] == [CANARY, CANARY]
    assert (scenario.load.rate, scenario.load.arrivals, scenario.load.warmup) == (50.0, "poisson", 3.0)
    request = scenario.all_requests[0]
    assert (request.method, request.timeout, request.expect.accepted) == ("POST", 30.0, frozenset({200}))
    assert loaded.read_body(request) == (
        b'{"model":"DeepSeek-R1-Distill-Qwen-7B","messages":[{"role":"user","content":"hello!"}]}'
    )
    assert loaded.document["targets"]["vpc"]["token"] == "${EAS_TOKEN}"
    assert loaded.secrets == {CANARY}


def test_everything_that_is_wrong_is_told_at_once() -> None:
    text = """\
name: a b
target: {x: 1}
targets:
  vpc: {url: "http://h:99999/", bearer: 1, tokn: x}
  p: "http://h"
  q: {url: "${NOPE}", headers: {X-Api-Key: 5, Content-Length: "5"}}
request:
  body: x
  json: {a: 1}
  bytes: 5
  expect: {status: [200, ok]}
  timeout: 0s
load:
  rate: 200
  connections: on
  think: 1s
  conections: 5
rounds: 0
allow: [anything]
allow: []
objectives: [p99, "x.p50 < 1ms"]
baseline: zz
"""
    assert complaints(text) == [
        "s.yaml:1: name: found 'a b', expected a name of letters, digits, '.', '_' and '-' (results are kept under it)",
        "s.yaml:2: target: unknown key; did you mean targets?",
        "s.yaml:4: targets.vpc.bearer: found 1, expected true or false",
        "s.yaml:4: targets.vpc.tokn: unknown key; did you mean token?",
        "s.yaml:4: targets.vpc.url: found 'http://h:99999/', expected a URL whose port is a number from 1 to 65535",
        "s.yaml:5: targets.p: found text, expected a mapping (key: value)",
        "s.yaml:6: targets.q.headers.Content-Length: Content-Length is worked out from the body; leave it out",
        "s.yaml:6: targets.q.headers.X-Api-Key: found <redacted>, expected text",
        "s.yaml:6: targets.q.url: the environment variable NOPE is not set; set it with: export NOPE=…",
        "s.yaml:9: request.json: there is body already; a request has one body",
        "s.yaml:10: request.bytes: found 5, expected a size with its unit, like 512B, 64KiB or 10MiB; write 5B",
        "s.yaml:11: request.expect.status[1]: found 'ok', expected a whole number",
        (
            "s.yaml:12: request.timeout: found '0s', expected a duration with its unit, like 250ms, 30s or 1h30m, "
            "more than zero"
        ),
        "s.yaml:14: load.rate: found 200, expected a rate with its unit, like 200/s, 2k/s or 90/min; write 200/s",
        "s.yaml:15: load.connections: found 'on', expected a whole number",
        "s.yaml:17: load.conections: unknown key; did you mean connections?",
        "s.yaml:18: rounds: found 0, expected 1 or more",
        "s.yaml:19: allow[0]: found 'anything', expected 'different-schemes', 'same-address' or 'different-payloads'",
        "s.yaml:20: allow: this key was given on line 19 already",
        (
            "s.yaml:21: objectives[0]: an objective is a metric, a comparison and a limit, "
            "like 'p99 < 800ms' or 'failures < 0.1%'"
        ),
        "s.yaml:21: objectives[1]: there is no target of this name; there is vpc, p, q",
        "s.yaml:22: baseline: there is no target of this name; there is vpc, p, q",
    ]


BROKEN = "half a character (a lone surrogate, or bytes that are not UTF-8)"
A_DURATION = "a duration with its unit, like 250ms, 30s or 1h30m"
A_RATE = "a rate with its unit, like 200/s, 2k/s or 90/min"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        # numbers that are none
        ("load: {rate: 0/s}", f"load.rate: found '0/s', expected {A_RATE}, more than zero"),
        ("load: {rate: -5/s}", f"load.rate: found '-5/s', expected {A_RATE}, more than zero"),
        ("load: {rate: -5}", f"load.rate: found -5, expected {A_RATE}"),
        ("load: {rate: .inf}", f"load.rate: found inf, expected {A_RATE}"),
        ("load: {rate: .nan}", f"load.rate: found nan, expected {A_RATE}"),
        ("load: {rate: inf/s}", f"load.rate: found 'inf/s', expected {A_RATE}"),
        ("load: {rate: true}", f"load.rate: found true, expected {A_RATE}"),
        ("load: {rate: 1.5}", f"load.rate: found 1.5, expected {A_RATE}; write 1.5/s"),
        ("load: {rate: [5/s]}", f"load.rate: found a list, expected {A_RATE}"),
        (f"load: {{rate: {'9' * 400}/s}}", f"load.rate: found '{'9' * 60}…', expected {A_RATE}, and finite"),
        ("load: {connections: 0}", "load.connections: found 0, expected 1 or more"),
        ("load: {connections: 1.5}", "load.connections: found 1.5, expected a whole number"),
        ("load: {connections: true}", "load.connections: found true, expected a whole number"),
        ('load: {connections: "5"}', "load.connections: found '5', expected a whole number"),
        ("load: {rate: 5/s, duration: 20}", f"load.duration: found 20, expected {A_DURATION}; write 20s"),
        ("load: {rate: 5/s, duration: 1:30}", f"load.duration: found '1:30', expected {A_DURATION}"),
        (
            "load: {rate: 5/s, duration: 2024-01-01}",
            f"load.duration: found '2024-01-01', expected {A_DURATION}",
        ),
        ("load: {rate: 5/s, duration: null}", f"load.duration: found nothing, expected {A_DURATION}"),
        ("load: {rate: 5/s, warmup: -1s}", f"load.warmup: found '-1s', expected {A_DURATION}, zero or more"),
        ("rounds: 2.0", "rounds: found 2.0, expected a whole number"),
        ("seed: -1", "seed: found -1, expected 0 or more"),
        ("confidence: 95", "confidence: found 95, expected a number between 0.5 and 1, like 0.95"),
        ("confidence: 95%", "confidence: found '95%', expected a number"),
        ("keep_connections: yes", "keep_connections: found 'yes', expected true or false"),
        ("request: {weight: 0}", "request.weight: found 0, expected a number, more than zero and finite"),
        ("request: {bytes: 2GiB}", "request.bytes: found '2GiB', expected a size of at most 1GiB"),
        ("request: {expect: {status: 99}}", "request.expect.status: found 99, expected 200 or more"),
        (
            "request: {expect: {status: []}}",
            "request.expect.status: found an empty list, expected at least one",
        ),
        (
            "request: {expect: {status: ok}}",
            "request.expect.status: found 'ok', expected a status, like 200, or a list of them",
        ),
        # one of several
        (
            "load: {requests: 9, duration: 9s}",
            "load: there is a duration already; a load ends after a time or a number of requests",
        ),
        (
            "load: {rate: 5/s, requests: 9, stages: [{hold: 9s}]}",
            "load: requests goes with rate or connections; stages and a trace say how many there are",
        ),
        ("load: {requests: 0}", "load.requests: found 0, expected 1 or more"),
        (
            "load: {rate: 5/s, connections: 5}",
            "load.connections: there is a rate already; a load has either rate or connections",
        ),
        (
            "load: {connections: 5, arrivals: poisson}",
            "load.arrivals: arrivals goes with rate, not with connections; leave it out",
        ),
        (
            "load: {connections: 5, max_connections: 5}",
            "load.max_connections: max_connections goes with rate, not with connections; leave it out",
        ),
        (
            "load: {rate: 5/s, think: 5ms}",
            "load.think: think goes with connections, not with rate; leave it out",
        ),
        (
            "load: {rate: 5/s, arrivals: random}",
            "load.arrivals: found 'random', expected 'constant', 'poisson' or 'gamma'",
        ),
        (
            "load: {rate: 5/s, arrivals: gamma}",
            "load: gamma arrivals need their burstiness, like burstiness: 0.5",
        ),
        (
            "load: {rate: 5/s, burstiness: 0.5}",
            "load.burstiness: burstiness goes with arrivals: gamma",
        ),
        (
            "load: {rate: 5/s, arrivals: gamma, burstiness: 0}",
            "load.burstiness: found 0, expected a number from 0.01 to 1000, like 0.5",
        ),
        (
            "request: {}\nrequests: [{}]",
            "requests: there is a request already; write either request or requests",
        ),
        ("requests: []", "requests: found an empty list, expected at least one"),
        ("requests: {}", "requests: found an empty mapping, expected a list"),
        ("request: []", "request: found an empty list, expected a mapping (key: value)"),
        (
            "request: {body_file: x, bytes: 1B}",
            "request.bytes: there is body_file already; a request has one body",
        ),
        (
            "request: {json: null}",
            "request.json: nothing would be sent; for the JSON text null write body: 'null'",
        ),
        ("request: {json: [.nan]}", "request.json: JSON has no infinite numbers and no NaN"),
        (r'request: {json: {"\ud800": 1}}', f"request.json: a key holds {BROKEN}"),
        (r'request: {json: ["\ud800"]}', f"request.json[0]: there is {BROKEN} in this text"),
        (r'request: {body_file: "\ud800"}', f"request.body_file: there is {BROKEN} in this text"),
        # what would not be HTTP
        (
            "request: {method: post}",
            "request.method: found 'post', expected a method in capitals, like GET or POST",
        ),
        (
            "request: {path: a b}",
            "request.path: a path has no spaces or line breaks in it (a space is written %20)",
        ),
        (
            "request: {path: 'http://h/x'}",
            (
                "request.path: found 'http://h/x', expected a path, like v1/chat/completions; "
                "it is appended to the target's url"
            ),
        ),
        (
            "request: {headers: {a b: c}}",
            "request.headers['a b']: a header's name is letters, digits and hyphens",
        ),
        (
            r'request: {headers: {A: "x\r\nB: y"}}',
            "request.headers.A: a header's value cannot hold line breaks or control characters",
        ),
        ("request: {headers: {a: x, A: y}}", "request.headers: a and A are the same header; keep one"),
        ("request: {headers: {A: 5}}", 'request.headers.A: found 5, expected text; write "5"'),
        ("request: {headers: 'A: b'}", "request.headers: found text, expected a mapping (key: value)"),
        ("request: {query: {n: true}}", 'request.query.n: found true, expected text; write "true"'),
        (
            "request: {headers: {Transfer-Encoding: chunked}}",
            "request.headers.Transfer-Encoding: Transfer-Encoding is worked out from the body; leave it out",
        ),
        # names
        ("baseline: b", "baseline: there is no target of this name; there is a"),
        ("objectives: ['b.p99 < 1s']", "objectives[0]: there is no target of this name; there is a"),
        ("objectives: [5]", "objectives[0]: found 5, expected text, like 'p99 < 800ms'"),
        ("objectives: p99 < 1s", "objectives: found text, expected a list"),
        (
            "load: {rate: 5/s, stages: [{hold: 12s}], duration: 5s}",
            "load: stages say how long a round is measured; leave duration out",
        ),
        (
            "load: {connections: 5, stages: [{to: 5/s, over: 3s}]}",
            "load.stages: the load is one of connections, and so are its stages, like {connections: 50, over: 30s}",
        ),
        (
            "load: {rate: 5/s, stages: [{connections: 5, over: 3s}]}",
            "load.stages: the load has a rate, so its stages go to one, like {to: 500/s, over: 1m}",
        ),
        (
            "load: {connections: 5, stages: [{connections: 5, to: 5/s}]}",
            "load.stages[0].connections: a stage goes either to a rate or to a number of connections",
        ),
        (
            "load: {rate: 5/s, stages: [{to: 5/s, ower: 5s}]}",
            "load.stages[0].ower: unknown key; did you mean over?",
        ),
        (
            "load: {replay: {file: t.csv}, stages: [{hold: 5s}]}",
            "load.stages: there is a trace to replay, which sets the pace; leave stages out",
        ),
        ("objectives: ['a.p50 < b.p50']", "objectives[0]: there is no target of this name; there is a"),
        (
            "objectives: ['goodput > 95%']",
            'objectives: goodput needs to know what a good answer is: goodput: ["ttft < 500ms", "tpot < 40ms"]',
        ),
        (
            "objectives: [{check: p99 < 1s, grase: 5s}]",
            "objectives[0].grase: unknown key; did you mean grace?",
        ),
        ("objectives: [{grace: 5s}]", "objectives[0].check: this key is missing"),
        (
            "objectives: [{check: p99 < 1s, grace: 5s}]",
            "objectives[0].grace: grace goes with windows, as in 'p99 < 800ms in every 10s'",
        ),
        (
            "objectives: [{check: p99 < 1s in every 1s, min_sample: 0}]",
            "objectives[0].min_sample: found 0, expected 1 or more",
        ),
        (
            "objectives: [{check: mean < 1s, abort: true}]",
            (
                "objectives[0].abort: a run is aborted by failures, by quantiles of the response time and by what breaks in "
                "a window: whether this one is met shows only at the end"
            ),
        ),
        (
            "load: {connections: 5}\nobjectives: [{check: p99 < 1s, abort: true}]",
            (
                "objectives[0]: with connections nobody knows how many requests are to come, so abort goes with windows "
                "there, as in 'p99 < 800ms in every 10s'"
            ),
        ),
        (
            "objectives: [p99 < 1s in every 10s]",
            "objectives[0]: a window of 10 s does not fit into a round of 2 s: set rounds: 1, or measure for longer",
        ),
        (
            "load: {rate: 5/s, stages: [{hold: 12s}]}\nobjectives: [{check: p99 < 1s in every 10s, grace: 5s}]",
            (
                "objectives[0]: a window of 10 s does not fit into a round of 12 s after its grace: set rounds: 1, or measure "
                "for longer"
            ),
        ),
        (
            "load: {rate: 5/s, duration: 24h}\nrounds: 1\nobjectives: [p99 < 1s in every 10s]",
            (
                "objectives[0]: a round of 24 h holds 8,640 windows of 10 s, and 1,024 are kept: divide it into more rounds, "
                "or write longer windows"
            ),
        ),
        (
            "load: {connections: 5}\nobjectives: ['rate > 95% of offered']",
            "objectives[0]: with connections there is no offered rate; write the limit per second, as in 'rate > 450/s'",
        ),
        (
            "name: ../x",
            "name: found '../x', expected a name of letters, digits, '.', '_' and '-' (results are kept under it)",
        ),
        (
            "latency: 5",
            f"latency: unknown key; expected one of {', '.join(Scenario.model_fields)}",
        ),
        ("request: {json_: 5}", "request.json_: unknown key; did you mean json?"),
        # variables
        ("name: ${A", "name: '${' begins a variable, like ${NAME}; write '$${' for the text itself"),
        (
            "request: {body: '${A:-x}'}",
            "request.body: '${' begins a variable, like ${NAME}; write '$${' for the text itself",
        ),
        ("name: ${A}", "name: the environment variable A is not set; set it with: export A=…"),
    ],
)
def test_one_thing_wrong(lines: str, message: str) -> None:
    count = lines.count("\n")
    assert complaints(TARGETS + lines) == [f"s.yaml:{2 + count}: {message}"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("{}", "targets.a.url: this key is missing"),
        ("{url: }", "targets.a.url: found nothing, expected text"),
        (
            "{url: h/x}",
            "targets.a.url: found 'h/x', expected a URL that begins with http:// or https://, then a host",
        ),
        (
            "{url: 'http://[::1'}",
            (
                "targets.a.url: found 'http://[::1', expected a URL like http://host/path "
                "(an IPv6 address stands in brackets: http://[::1]:8000/)"
            ),
        ),
        (
            "{url: 'http://:80'}",
            "targets.a.url: found 'http://:80', expected a URL with a host, like http://host/path",
        ),
        (
            "{url: 'http://<host>/'}",
            (
                "targets.a.url: found 'http://<host>/', expected a URL with a host name or address "
                "(is a placeholder left in it?)"
            ),
        ),
        (
            "{url: 'http://1234.vpc..pai-eas.aliyuncs.com/'}",
            (
                "targets.a.url: found 'http://1234.vpc..pai-eas.aliyuncs.com/', expected a URL with a host name or address "
                "(is a placeholder left in it?)"
            ),
        ),
        ("{url: 'http://h/#x'}", "targets.a.url: a URL's #fragment is never sent; leave it out"),
        (
            "{url: 'http://u:pw@h/'}",
            "targets.a.url: user information in a URL is not sent; write the credentials as token, or as a header",
        ),
        (
            "{url: 'http://h', resolve: h2}",
            "targets.a.resolve: found 'h2', expected an IP address, like 10.0.0.1",
        ),
        ("{url: 'http://h', token: ''}", "targets.a.token: the token is empty"),
        ("{url: 'http://h', token: 123456}", "targets.a.token: found <redacted>, expected text"),
        (
            '{url: "http://h", token: "abcd\\n"}',
            "targets.a.token: the token has a space or line break around it, or a control character in it",
        ),
        (
            "{url: 'http://h', token: “abcd”}",
            "targets.a.token: the token has a character in it that is not ASCII (a typographic quote or dash, perhaps)",
        ),
        (
            "{url: 'http://h', token: <redacted>}",
            "targets.a.token: this token was redacted when the scenario was kept; write ${NAME}, and set NAME",
        ),
        ("{url: 'http://h', bearer: true}", "targets.a.bearer: there is no token to send as Bearer; add one"),
        (
            "{url: 'http://h', token: Bearer abcd, bearer: true}",
            "targets.a.bearer: the token already begins with Bearer; set one of the two",
        ),
        (
            "{url: 'http://h', token: abcd, headers: {authorization: efgh}}",
            "targets.a.headers: both token and an Authorization header are given; keep one",
        ),
    ],
)
def test_wrong_targets(target: str, message: str) -> None:
    assert complaints(f"targets:\n  a: {target}") == [f"s.yaml:2: {message}"]


def test_a_target_needs_a_plain_name() -> None:
    assert complaints('targets:\n  a/b: {url: "http://h"}') == [
        "s.yaml:2: targets['a/b']: a target's name is letters, digits, '_' and '-'"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.yaml: the scenario is empty; it needs at least targets, each with its url"),
        ("# nothing\n", "s.yaml: the scenario is empty; it needs at least targets, each with its url"),
        ("\n- a", "s.yaml:2: a scenario is a mapping, like 'targets: {…}'; this is something else"),
        ("hello", "s.yaml:1: a scenario is a mapping, like 'targets: {…}'; this is something else"),
        ("{}", "s.yaml:1: targets: this key is missing"),
        ("targets:", "s.yaml:1: targets: found nothing, expected a mapping (key: value)"),
        ("targets: {}", "s.yaml:1: targets: found an empty mapping, expected at least one"),
        (
            "a: [",
            "s.yaml:1: this is not YAML: it cannot be read from here on; look at indents, colons and quotes",
        ),
        ("8080: x\n" + TARGETS, 's.yaml:1: a key is text; write "8080"'),
    ],
)
def test_text_that_is_no_scenario(text: str, message: str) -> None:
    assert complaints(text) == [message]


# ── Files ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_named_in_messages_and_names_the_scenario(tmp_path: Path) -> None:
    path = tmp_path / "my first test.yaml"
    path.write_text("\ufeff" + TARGETS, encoding="utf-8")
    loaded = load_scenario(path, environ={})
    assert loaded.scenario.name == loaded.document["name"] == "my-first-test"
    assert loaded.folder == tmp_path
    path.write_text("x: 1\n" + TARGETS)
    with pytest.raises(InputError, match=f"^{path}:1: x: unknown key"):
        load_scenario(path, environ={})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "{path}: no such file"),
        ("folder", "{path}: this is a folder; name the scenario file in it"),
        (b"a: 1\nb: \xff", "{path}:2: this is not UTF-8 text; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), "{path}:1: this is not UTF-8 text; save the file as UTF-8"),
        (
            b"a" * (1024**2 + 1),
            "{path}: the text is larger than 1 MiB; keep a large body in a file of its own (body_file)",
        ),
    ],
)
def test_files_that_cannot_be_read(content: bytes | str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    with pytest.raises(InputError) as caught:
        load_scenario(path)
    assert str(caught.value) == message.format(path=path)


@pytest.mark.parametrize(
    ("requests", "place"),
    [
        ("request: {headers: {authorization: x}}", "request"),
        ("requests: [{}, {headers: {Authorization: x}}]", "requests"),
    ],
)
def test_a_token_and_an_authorization_header_are_one_too_many(requests: str, place: str) -> None:
    both = "targets: {a: {url: 'http://h'}, b: {url: 'http://i', token: t}}\n"
    assert complaints(both + requests) == [
        f"s.yaml:2: {place}: there is an Authorization header, and the target b has a token; keep one of them"
    ]
    load(f"targets: {{a: {{url: 'http://h'}}}}\n{requests}")


def test_body_files_are_looked_for_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    text = TARGETS + "requests:\n  - body_file: there\n  - body_file: gone\n  - body_file: ../out\n"
    with pytest.raises(InputError) as caught:
        load_text(text, "s.yaml", tmp_path, environ={})
    assert str(caught.value).splitlines() == [
        f"s.yaml:4: requests[1].body_file: 'gone': no such file ({tmp_path}/gone)",
        f"s.yaml:5: requests[2].body_file: '../out' leads out of the scenario's folder, {tmp_path}; move the file into it",
    ]


# ── The environment ────────────────────────────────────────────────────────────────────────────────────────


def test_variables_are_filled_from_the_environment_alone() -> None:
    text = 'targets: {a: {url: "http://${HOST}:${PORT}/"}}\nrequest: {body: "${A}$${A}{{row.x}}$A", method: "${M}"}'
    text += "\ndata: {file: rows.jsonl}"
    loaded = load(text, environ={"HOST": "h", "PORT": "80", "A": "${B}", "M": "PUT"})
    assert loaded.scenario.targets["a"].url == "http://h:80/"
    assert loaded.scenario.all_requests[0].body == "${B}${A}{{row.x}}$A"
    assert loaded.scenario.all_requests[0].method == "PUT"
    assert loaded.document["request"]["body"] == "${A}$${A}{{row.x}}$A"


def test_a_wrong_value_from_the_environment_is_shown_as_it_was_written() -> None:
    assert complaints(TARGETS + "load: {rate: '${RATE}'}", environ={"RATE": CANARY}) == [
        f"s.yaml:2: load.rate: found '${{RATE}}', expected {A_RATE}"
    ]


def test_what_is_secret_of_what_the_environment_gives() -> None:
    text = """\
name: ${NAME}
targets:
  a:
    url: http://${HOST}/?token=${URL_TOKEN}
    token: Bearer ${TOKEN}
    headers: {X-Team: "${HEADER}"}
    query: {q: "${QUERY}"}
requests:
  - {path: "${PATH_}", body: "${BODY}"}
  - {json: {a: ["${JSON}"]}}
"""
    environ = {
        name: f"value-of-{name}"
        for name in ("TOKEN", "HEADER", "QUERY", "BODY", "JSON", "URL_TOKEN", "PATH_")
    }
    loaded = load(text, environ={**environ, "NAME": "visible", "HOST": "visible.example"})
    assert loaded.secrets == {
        "value-of-TOKEN",
        "Bearer value-of-TOKEN",
        "value-of-HEADER",
        "value-of-QUERY",
        "value-of-BODY",
        "value-of-JSON",
        "value-of-URL_TOKEN",
    }


# ── Overrides ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "overrides", "load_"),
    [
        ("load: {rate: 5/s, duration: 9s}", ["load.rate=500/s"], {"rate": "500/s", "duration": "9s"}),
        (
            "load: {rate: 5/s, arrivals: poisson, max_connections: 9, duration: 9s}",
            ["load.connections=64"],
            {"connections": 64, "duration": "9s"},
        ),
        ("load: {connections: 5, think: 5ms}", ["load.rate=5/s"], {"rate": "5/s"}),
        (
            "load: {connections: 5}",
            ["load.rate=5/s", "load.arrivals=poisson"],
            {"rate": "5/s", "arrivals": "poisson"},
        ),
        ("load: {rate: 5/s}", ["load={connections: 5, think: 1ms}"], {"connections": 5, "think": "1ms"}),
        ("", ["load.connections=5"], {"connections": 5}),
        ("", ["load.duration=5s"], {"duration": "5s"}),
        ("load: {duration: 5s}", ["load.requests=50", "load.rate=7"], {"requests": 50, "rate": "7/s"}),
    ],
)
def test_overrides_of_the_load(text: str, overrides: Sequence[str], load_: dict[str, Any]) -> None:
    assert load(TARGETS + text, *overrides).document["load"] == load_


def test_overrides_anywhere() -> None:
    loaded = load(
        TARGETS + "requests: [{path: x}, {path: y}]",
        "targets.b-2.url=http://other:80/x",
        "requests.1.weight=3",
        "requests.1.expect.status=[200, 404]",
        "name=by-hand",
        "objectives=['p99 < 1s']",
        "targets.a.token=${T}",
        environ={"T": CANARY},
    )
    scenario = loaded.scenario
    assert scenario.targets["b-2"].url == "http://other:80/x"
    assert [request.weight for request in scenario.all_requests] == [1, 3]
    assert scenario.all_requests[1].expect.status == (200, 404)
    assert (scenario.name, scenario.targets["a"].token) == ("by-hand", CANARY)
    assert loaded.document["targets"]["a"]["token"] == "${T}"


def test_an_override_leaves_a_repeated_value_alone() -> None:
    text = 'targets: {a: &a {url: "http://h"}, b: *a}'
    assert load(text, "targets.b.path=x").scenario.targets["a"].path is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("load.rate=200/x", f"--set load.rate=…: load.rate: found '200/x', expected {A_RATE}"),
        (
            "load.connections=0",
            "--set load.connections=…: load.connections: found 0, expected 1 or more",
        ),
        (
            "load.conections=5",
            "--set load.conections=…: load.conections: unknown key; did you mean connections?",
        ),
        ("load={rate: 5}", f"--set load=…: load.rate: found 5, expected {A_RATE}; write 5/s"),
        (
            "targets.a.token=${X}",
            (
                "--set targets.a.token=…: targets.a.token: the environment variable X is not set; "
                "set it with: export X=…"
            ),
        ),
        ("requests.0.weight=1", "--set requests.0.weight=…: requests: found a mapping, expected a list"),
        ("objectives.3=x", "--set objectives.3=…: objectives is a list of 1, counted from 0; it has no 3"),
        ("objectives.x=x", "--set objectives.x=…: objectives is a list of 1, counted from 0; it has no x"),
        ("rounds.x.y=1", "--set rounds.x.y=…: rounds is a single value; there is nothing inside it to set"),
        (
            "name=[",
            "--set name=…: this is not YAML: it cannot be read from here on; look at indents, colons and quotes",
        ),
        ("rounds", "--set: expected key=value, like --set load.rate=500/s"),
        ("=5", "--set: expected key=value, like --set load.rate=500/s"),
        ("load..rate=5", "--set: expected key=value, like --set load.rate=500/s"),
    ],
)
def test_wrong_overrides(override: str, message: str) -> None:
    assert complaints(TARGETS + "load: {rate: 5/s}\nrounds: 5\nobjectives: [p99 < 1s]", override) == [message]


def test_overrides_are_told_after_the_file() -> None:
    assert complaints(TARGETS + "rounds: 0\nload: {rate: 1/s}", "load.rate=fast", "seed=-1") == [
        "s.yaml:2: rounds: found 0, expected 1 or more",
        f"--set load.rate=…: load.rate: found 'fast', expected {A_RATE}",
        "--set seed=…: seed: found -1, expected 0 or more",
    ]


# ── Secrets ────────────────────────────────────────────────────────────────────────────────────────────────

PLACES = [
    f"targets: {{a: {{url: 'http://h/', token: {CANARY}}}}}",
    f"targets: {{a: {{url: 'http://h/', token: Bearer {CANARY}}}}}",
    f"targets: {{a: {{url: 'http://h/?x=1&access_token={CANARY}'}}}}",
    f"targets: {{a: {{url: 'http://h/', headers: {{Authorization: Basic {CANARY}}}}}}}",
    f"targets: {{a: {{url: 'http://h/', headers: {{X-Api-Key: {CANARY}}}}}}}",
    f"targets: {{a: {{url: 'http://h/', query: {{sig: {CANARY}}}}}}}",
    TARGETS + f"request: {{headers: {{Cookie: {CANARY}}}}}",
    TARGETS + f"request: {{query: {{key: {CANARY}}}}}",
    TARGETS + f"request: {{path: 'x?token={CANARY}'}}",
    TARGETS + f"requests: [{{headers: {{Cookie: {CANARY}}}}}]",
    f"targets: {{a: {{url: 'http://h/', token: {CANARY}}}}}\nrequest: {{body: 'my {CANARY}', json: {{a: {CANARY}}}}}",
]
WRONG = "\nrounds: x\nname: 'a b'\nload: {rate: 5}"


@pytest.mark.parametrize("text", PLACES[:-1])
def test_no_literal_secret_is_kept(text: str) -> None:
    loaded = load(text)
    assert CANARY not in repr(loaded)
    assert CANARY not in str(loaded.document)
    assert REDACTED in str(loaded.document)
    assert CANARY in loaded.secrets


@pytest.mark.parametrize("text", PLACES)
def test_no_literal_secret_is_told(text: str) -> None:
    assert CANARY not in "\n".join(complaints(text + WRONG))


@pytest.mark.parametrize(
    "text",
    [
        f"targets: {{a: {{url: 'http://u:{CANARY}@h/'}}}}",
        f"targets: {{a: {{url: 'u:{CANARY}@h/'}}}}",
        f"targets: {{a: {{url: 'http://u:{CANARY}@h:port/'}}}}",
        f"targets: {{a: {{url: 'http://[h/?token={CANARY}'}}}}",
        f"targets: {{a: 'http://u:{CANARY}@h/'}}",
        f"targets: {{a: {{url: 'http://h/', token: ['{CANARY}']}}}}",
        f"targets: {{a: {{url: 'http://h/', token: {{x: {CANARY}}}}}}}",
        f'targets: {{a: {{url: "http://h/", token: "{CANARY}\\n"}}}}',
        f"targets: {{a: {{url: 'http://h/', token: é{CANARY}}}}}",
        f"targets: {{a: {{url: 'http://h/', tokens: {CANARY}}}}}",
        f"targets: {{a: {{url: 'http://h/', token: x, token: {CANARY}}}}}",
        f"targets: {{a: {{url: 'http://h/', headers: 'Authorization: {CANARY}'}}}}",
        f"targets: {{a: {{url: 'http://h/', headers: ['Authorization: {CANARY}']}}}}",
        f'targets: {{a: {{url: "http://h/", headers: {{X-Api-Key: "{CANARY}\\n"}}}}}}',
        f"targets: {{a: {{url: 'http://h/', token: *{CANARY}}}}}",
        f"targets: {{a: {{url: 'http://h/', token: !{CANARY} x}}}}",
        f"targets: {{a: {{url: 'http://h/', token: @{CANARY}}}}}",
        f"targets: {{a: {{url: 'http://h/', token: '{CANARY}}}}}",
    ],
)
def test_no_secret_is_told_of_what_is_wrong_itself(text: str) -> None:
    assert CANARY not in "\n".join(complaints(text))


@pytest.mark.parametrize(
    "key",
    [
        "url: ",
        "url: 'http://h/', token: ",
        "url: 'http://h/', path: ",
        "url: 'http://h/', resolve: ",
        "url: 'http://h/', bearer: ",
    ],
)
def test_no_value_of_the_environment_is_told(key: str) -> None:
    text = f"targets: {{a: {{{key}'${{X}}'}}}}\nrounds: 0"
    assert CANARY not in "\n".join(complaints(text, environ={"X": f"{CANARY}\n {CANARY}"}))


def test_no_override_is_told() -> None:
    for override in (
        f"targets.a.token=[{CANARY}",
        f"targets.a.token=[{CANARY}]",
        f"{CANARY}",
        f"targets.a.tokn={CANARY}",
    ):
        assert CANARY not in "\n".join(complaints(TARGETS, override))


def test_a_secret_is_taken_out_wherever_it_stands() -> None:
    loaded = load(f"targets: {{a: {{url: 'http://h/', token: {CANARY}}}}}\nrequest: {{body: 'my {CANARY}'}}")
    assert loaded.document["request"]["body"] == f"my {REDACTED}"
    assert loaded.scenario.all_requests[0].body == f"my {CANARY}"


def test_with_some_targets_alone_messages_name_the_lines_of_what_is_left() -> None:
    text = """
targets: {public: {url: "http://p/"}, vpc: {url: "http://v/"}}
objectives:
- public.p99 < 1s
- p99 < 1s
- vpc.p98 < 1s
- public.p50 < 1s
- {check: p99 < 1s, grace: 1s}
"""
    with pytest.raises(InputError) as told:
        load_text(text, "s.yaml", Path(), (), {}, ["vpc"])
    lines = str(told.value).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["s.yaml:6:", "s.yaml:8:"]
    with pytest.raises(InputError, match=r"^--set objectives.4=…: objectives\[2\]"):
        load_text(text.replace("p98", "p99"), "s.yaml", Path(), ["objectives.4=nonsense"], {}, ["vpc"])


def test_some_targets_alone_where_the_others_cannot_be_reached() -> None:
    """What the others need, their variables too, is not asked for; what is said of them goes."""
    text = """
targets: {public: {url: "${PUBLIC}"}, vpc: {url: "${VPC}"}, old-vpc: {url: "${OLD}"}}
baseline: public
objectives: ["p99 < 1s", "vpc.p99 < 100ms", "public.p99 < 1s", "vpc.p50 < 0.5 * public.p50"]
prices: {routes: {public: internet, vpc: intranet}}
sweep: {load.rate: [10/s, 20/s], targets.public.path: [one, two]}
"""
    loaded = load_text(text, "s.yaml", Path(), (), {"VPC": "http://v/"}, ["vpc"])
    assert list(loaded.scenario.targets) == ["vpc"]
    assert loaded.scenario.baseline_name == "vpc"
    assert [each.text for each in loaded.scenario.objectives] == ["p99 < 1s", "vpc.p99 < 100ms"]
    assert loaded.scenario.prices
    assert loaded.scenario.prices.routes == {"vpc": "intranet"}
    assert [each.names for each in loaded.levels] == [{"load.rate": "10/s"}, {"load.rate": "20/s"}]
    alone = text.replace("load.rate: [10/s, 20/s], ", "")
    assert not load_text(alone, "s.yaml", Path(), (), {"VPC": "http://v/"}, ["vpc"]).levels
    with pytest.raises(InputError, match=r"--only third: .* there is public, vpc, old-vpc"):
        load_text(text, "s.yaml", Path(), (), {}, ["third"])
    with pytest.raises(InputError, match="PUBLIC"):
        load_text(text, "s.yaml", Path(), (), {"VPC": "http://v/"})
