"""What people already have, read without being run: it asks for what their own tool would ask for."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import InputError
from benchmark.scenario.convert import convert
from benchmark.scenario.load import LoadedScenario, load_text
from tests.scenario.test_curl_lines import Ear, ours, sent

CHAT = "/api/predict/test/v1/chat/completions"
TOKEN = "NWMyN2UzNjBiZmI2YTE1ZTM1ZDczg5"

GENERAL = f"""
import requests
# <url> 需替换为服务实际的访问地址
url = 'URL/x'
# header信息 <EAS_TOKEN>需替换为实际的Token
headers = {{"Authorization": "{TOKEN}"}}
# 根据具体模型要求的数据格式构造服务请求
data = 'some text'
resp = requests.post(url, data=data, headers=headers)
print(resp)
print(resp.content)
"""
EXAMPLE = f"""
import requests
url = 'URL{CHAT}'
headers = {{
    "Content-Type": "application/json",
    "Authorization": "{TOKEN}",
}}
data = {{
        "model": "DeepSeek-R1-Distill-Qwen-7B",
        "messages": [
        {{
            "role": "system",
            "content": "You are a helpful assistant."
        }},
        {{
            "role": "user",
            "content": "你好, {{{{row.x}}}} ${{HOME}}"
        }}
        ]
    }}
resp = requests.post(url, json=data, headers=headers)
print(resp)
"""
SNIPPETS = {
    "the page's general call": GENERAL,
    "the page's example": EXAMPLE,
    "a form": "import requests\nrequests.post('URL/x', data={'a': 'x y', 'b': ['1', '2']})\n",
    "a query": "import requests\nrequests.get('URL/x', params={'a': 'x y', 'b': 2})\n",
    "a query beside one": "import requests\nrequests.get('URL/x?z=0', {'a': 1})\n",
    "a session": "import requests\nwith requests.Session() as s:\n    s.put('URL/x', data=b'raw', headers=dict(X='y'))\n",
    "credentials": "import requests\nrequests.get('URL/x', auth=('me', 'pass:word'), cookies={'c': 'd'})\n",
    "names of names": "import requests\nH = 'URL'\nbase = H + '/v1'\nrequests.post(f'{base}/x', json={'a': [1, -2.5, None]})",
    "any method": "import json, requests\nrequests.request('PATCH', 'URL/x', data=json.dumps({'ä': 1}).encode())\n",
}


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    server = Ear()
    yield server
    server.close()


def loaded(text: str, file: str, **environ: str) -> LoadedScenario:
    """The scenario that comes out."""
    return load_text(convert(text, file)[0], "converted.yaml", Path(), environ=environ)


def complaint(text: str, file: str) -> str:
    with pytest.raises(InputError) as caught:
        convert(text, file)
    return str(caught.value)


def as_seen(raw: bytes) -> tuple[Any, ...]:
    """A request without what every client calls by its own name, its JSON as data."""
    line, headers, body = sent(raw)
    kept = {
        name: value
        for name, value in headers.items()
        if name not in {"user-agent", "accept-encoding", "connection", "content-length", "accept"}
    }
    return line, kept, json.loads(body) if body[:1] == b"{" else body


@pytest.mark.parametrize("name", SNIPPETS)
def test_python_asks_for_what_it_would_ask_when_run(ear: Ear, name: str) -> None:
    text = SNIPPETS[name].replace("URL", ear.url)
    subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, timeout=60)
    theirs = as_seen(ear.heard[-1])
    known = {"EAS_TOKEN": TOKEN, "COOKIE": "c=d"}
    if name == "credentials":
        known["EAS_TOKEN"] = theirs[1]["authorization"].decode()
    assert as_seen(ours(loaded(text, "x.py", **known))) == theirs


OPENAI = """
import os
from openai import OpenAI

client = OpenAI(base_url=os.environ["BASE_URL"], api_key=os.getenv("API_KEY"))
completion = client.chat.completions.create(
    model="m", messages=[{"role": "user", "content": "hi"}], stream=True, extra_body={"top_k": 5}, timeout=20
)
for chunk in completion:
    print(chunk)
"""


def test_the_openai_client() -> None:
    """Its variables stay variables, under their own names."""
    text, notes = convert(OPENAI, "chat.py")
    assert text.startswith("# Set in the environment: BASE_URL, API_KEY\n")
    assert not notes
    request = ours(load_text(text, "s", Path(), environ={"BASE_URL": "http://h/v1", "API_KEY": "sk-12345"}))
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"Authorization: Bearer sk-12345" in head
    messages = [{"role": "user", "content": "hi"}]
    written = {"model": "m", "messages": messages, "stream": True, "top_k": 5}
    assert json.loads(body) == {**written, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import requests\nrequests.get(make())", "line 2: `make(…)` is not a literal, nor a name for one"),
        ("import requests\nurl = url\nrequests.get(url)", "line 2: `url` is not a literal"),
        ("import requests\nrequests.get('a' + 1)", "line 2: this expression is not a literal"),
        (
            "import requests\nrequests.post('http://h', files={'a': open('x')})",
            "line 2: `open(…)` is not a literal",
        ),
        ("import requests\nrequests.get('http://a')\nrequests.get('http://b')", "the requests go to 2 hosts"),
        ("print('no')", "there is no request in it"),
        ("def", "line 1: this is not Python 3"),
        ("(" * 5000, "this is not Python 3"),
    ],
)
def test_what_is_no_literal_is_told_with_its_line(text: str, said: str) -> None:
    assert said in complaint(text, "x.py")
    assert complaint(text, "x.py").startswith("x.py: ")


def test_nothing_of_a_script_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    complaint(f"import requests\nrequests.get(open({str(mark)!r}, 'w').write('x'))", "x.py")
    assert not mark.exists()


# ── command lines ──


@pytest.mark.parametrize(
    ("line", "load", "request_"),
    [
        (
            "hey -z 10s -c 50 -m POST -T application/json -H 'X: y' -d '{\"a\":1}' http://h/x",
            {"connections": 50, "duration": "10s"},
            b'POST /x {"a":1}',
        ),
        ("hey -z 1m -c 4 -q 25 http://h/x", {"rate": "100/s", "duration": "1m"}, b"GET /x "),
        ("wrk -t2 -c100 -d30s --latency http://h/x", {"connections": 100, "duration": "30s"}, b"GET /x "),
        ("wrk2 -t2 -c100 -d30 -R2000 http://h/x", {"rate": "2000/s", "duration": "30s"}, b"GET /x "),
        (
            "oha -c 8 -z 5s -q 200 --no-tui -m PUT -d abc http://h/x",
            {"rate": "200/s", "duration": "5s"},
            b"PUT /x abc",
        ),
        ("ab -c 10 -t 20 -k http://h/x", {"connections": 10, "duration": "20s"}, b"GET /x "),
        ("hey -z 5s -c 2 \\\n  -H 'A: b' \\\n  http://h/x", {"connections": 2, "duration": "5s"}, b"GET /x "),
        ("curl -d a=1 http://h/x", None, b"POST /x a=1"),
    ],
)
def test_command_lines_of_other_tools(line: str, load: dict[str, Any] | None, request_: bytes) -> None:
    scenario = loaded(line, "notes.txt")
    if load is not None:
        assert scenario.document["load"] == load
    head, _, body = ours(scenario).partition(b"\r\n\r\n")
    assert b" ".join(head.split(b" ")[:2]) + b" " + body == request_


def test_what_a_tool_is_told_beside_is_named() -> None:
    assert convert("wrk -t2 -c1 -d1s --latency http://h", "x")[1] == (
        "-t is left out",
        "--latency is left out",
    )
    assert "hey --nope: this flag is not understood" in complaint("hey --nope http://h", "x")
    assert "hey -n needs a value" in complaint("hey http://h -n", "x")


# ── recordings and lists ──


def har(*requests: dict[str, Any]) -> str:
    return json.dumps({"log": {"version": "1.2", "entries": [{"request": each} for each in requests]}})


def test_a_recording() -> None:
    post = {
        "method": "POST",
        "url": "http://h:81/v1/x?a=b#c",
        "headers": [
            {"name": ":authority", "value": "h"},
            {"name": "Content-Length", "value": "1"},
            {"name": "X", "value": "y"},
        ],
        "postData": {"mimeType": "text/plain", "text": "body"},
    }
    get = {"method": "GET", "url": "http://h:81/v1/y", "headers": []}
    other = {"method": "GET", "url": "https://elsewhere/script.js"}
    text, notes = convert(har(post, get, other, get), "site.har")
    assert notes == ("1 request to https://elsewhere left out",)
    scenario = load_text(text, "s", Path(), environ={})
    assert scenario.scenario.targets["target"].url == "http://h:81"
    assert [(each.weight, each.method, each.path, each.body) for each in scenario.scenario.all_requests] == [
        (1, "POST", "v1/x?a=b", "body"),
        (2, "GET", "v1/y", None),
    ]


def test_targets_of_vegeta(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"abc")
    lines = f"# a comment\nGET http://h/a\nX: y\n\nPOST http://h/b\nAuthorization: {TOKEN}\n@{body}\n\nGET http://h/a\nX: y\n"
    text, _ = convert(lines, "targets.txt")
    assert TOKEN not in text
    first, second = load_text(text, "s", Path(), environ={"AUTHORIZATION": TOKEN}).scenario.all_requests
    assert (first.weight, first.headers, second.body) == (2, {"X": "y"}, "abc")
    lines = '{"method":"POST","url":"http://h/b","header":{"X":["y"]},"body":"YWJj"}\n'
    assert loaded(lines, "targets.json").scenario.all_requests[0].body == "abc"
    assert "line 2: expected a header" in complaint("GET http://h\nnonsense\n", "t")


K6 = """
import http from 'k6/http';
import { check } from 'k6';
export const options = { vus: 10, duration: '30s' }; // load
const BASE = "http://h:8080";
const params = { headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${__ENV.TOKEN}` }, };
export default function () {
  /* both */
  const r = http.get(`${BASE}/a?b=1`);
  http.post(BASE + '/v1', JSON.stringify({ a: 1, 'b': [true, null, 'x\\u00e9'], }), params);
  check(r, { ok: (r) => r.status === 200 });
}
"""


def test_a_script_of_k6() -> None:
    scenario = loaded(K6, "script.js", AUTHORIZATION="Bearer t")
    assert scenario.document["load"] == {"connections": 10, "duration": "30s"}
    first, second = scenario.scenario.all_requests
    assert (first.method, first.path) == ("GET", "a?b=1")
    assert (second.path, second.json_) == ("v1", {"a": 1, "b": [True, None, "xé"]})
    assert "line 2: `body` is not a literal" in complaint(
        "const u = 'http://h';\nhttp.post(u, body);", "x.js"
    )
    assert "line 1" in complaint("http.get(", "x.js")


def test_an_openapi_document() -> None:
    text = """
openapi: 3.0.0
servers: [{url: http://h/v1}]
paths:
  /chat/{id}:
    post:
      parameters: [{name: id, in: path, required: true, example: a b}, {name: q, in: query, schema: {default: 3}}]
      requestBody: {content: {application/json: {example: {model: m}}}}
    get:
      parameters: [{name: id, in: path, required: true}]
"""
    made, notes = convert(text, "api.yaml")
    assert notes == ("GET /chat/{id} left out: there is no example of id",)
    assert ours(load_text(made, "s", Path(), environ={})).startswith(b"POST /v1/chat/a%20b?q=3 HTTP/1.1")


@pytest.mark.parametrize("text", ["", "hello", "{", "[1]", "name: x\n", "\ufeff", "hey", "import x"])
def test_anything_else_is_refused(text: str) -> None:
    assert complaint(text, "some.txt")


@pytest.mark.parametrize("file", ["x.py", "x.har", "x.js", "x.yaml"])
@pytest.mark.parametrize(
    "text", ["{" * 100_000, "[" * 100_000, "\0", '{"log": {"entries": [1]}}', "http.get(" * 2000]
)
def test_hostile_text_is_refused_as_well(file: str, text: str) -> None:
    assert complaint(text, file).startswith(f"{file}: ")
