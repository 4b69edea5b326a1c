"""curl's command line does here what it does in curl, and shows no credential."""

from __future__ import annotations

import base64
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.scenario.curl import as_scenario, curl_scenario, parse_curl
from benchmark.scenario.load import LoadedScenario, load_text

HOST = "1234.cn-hangzhou.pai-eas.aliyuncs.com"
PATH = "/api/predict/test/v1/chat/completions"
PUBLIC, VPC = f"http://{HOST}{PATH}", f"http://{HOST.replace('.', '.vpc.', 1)}{PATH}"
CANARY = "canary-9f8e7d6c5b4a"

DOCUMENTED = """\
http://1234.cn-hangzhou.pai-eas.aliyuncs.com/api/predict/test/v1/chat/completions
-H "Content-Type: application/json" \\
-H "Authorization: canary-9f8e7d6c5b4a" \\
-X POST \\
-d '{
    "model": "DeepSeek-R1-Distill-Qwen-7B",
    "messages": [
    {
        "role": "user",
        "content": "hello!"
    }
    ]
}'
"""


def scenario(*arguments: str, vs: Sequence[str] = (), **load: object) -> LoadedScenario:
    return curl_scenario(parse_curl(arguments), vs, load)


def printed(*arguments: str, vs: Sequence[str] = (), **load: object) -> str:
    return as_scenario(parse_curl(arguments), vs, load)


def complaint(*arguments: str, vs: Sequence[str] = (), **load: object) -> str:
    with pytest.raises(InputError) as caught:
        scenario(*arguments, vs=vs, **load)
    return str(caught.value)


def test_the_command_of_the_documentation() -> None:
    arguments = shlex.split(DOCUMENTED)
    assert as_scenario(
        parse_curl(arguments), [VPC], {"rate": "200/s", "duration": "20s"}, {"rounds": "5"}
    ) == (
        "# Set in the environment: EAS_TOKEN\n"
        "name: curl\n"
        "targets:\n"
        "  public:\n"
        f"    url: {PUBLIC}\n"
        '    token: "${EAS_TOKEN}"\n'
        "  vpc:\n"
        f"    url: {VPC}\n"
        '    token: "${EAS_TOKEN}"\n'
        "request:\n"
        "  method: POST\n"
        "  headers:\n"
        "    Content-Type: application/json\n"
        "  body: |-\n"
        "    {\n"
        '        "model": "DeepSeek-R1-Distill-Qwen-7B",\n'
        '        "messages": [\n'
        "        {\n"
        '            "role": "user",\n'
        '            "content": "hello!"\n'
        "        }\n"
        "        ]\n"
        "    }\n"
        "load:\n"
        "  rate: 200/s\n"
        "  duration: 20s\n"
        "rounds: 5\n"
    )


@pytest.mark.parametrize("stray", ["\n", "\\", "\\\n", " ", "", "\r\n"])
def test_what_is_left_of_a_broken_line_is_dropped(stray: str) -> None:
    arguments = shlex.split(DOCUMENTED)
    torn = [stray, arguments[0], stray, *arguments[1:], stray]
    assert parse_curl(torn) == parse_curl(arguments)
    assert parse_curl([f"{arguments[0]}\n", *arguments[1:]]) == parse_curl(arguments)


# ── What is sent ───────────────────────────────────────────────────────────────────────────────────────────


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80))
def test_any_body_survives_being_printed(text: str) -> None:
    flags = [PUBLIC, "--data-raw", text, "-H", "Content-Type: application/json"]
    again = load_text(printed(*flags), "printed.yaml", Path(), environ={})
    assert again.read_body(again.scenario.all_requests[0]) == text.encode()


def test_json_that_would_be_sent_alike_is_printed_as_data() -> None:
    compact = scenario(PUBLIC, "-d", '{"a":["b",1]}', "-H", "Content-Type: application/json")
    assert compact.document["request"] == {"json": {"a": ["b", 1]}}
    spaced = scenario(PUBLIC, "-d", '{"a": 1}', "-H", "Content-Type: application/json")
    assert spaced.document["request"]["body"] == '{"a": 1}'
    form = scenario(PUBLIC, "-d", '{"a":1}')
    assert form.document["request"] == {
        "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        "body": '{"a":1}',
    }


def test_a_value_may_stand_behind_an_equals_sign() -> None:
    assert parse_curl(["--max-time=5", "--data=a=b", "a"]) == parse_curl(["-m5", "-d", "a=b", "a"])


def test_head() -> None:
    assert scenario("-I", PUBLIC).scenario.all_requests[0].method == "HEAD"


ORDINALS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]


# ── Where it is sent ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "vs", "names"),
    [
        (PUBLIC, [], ["target"]),
        (PUBLIC, [VPC], ["public", "vpc"]),
        (
            "http://gw-1.cn-x.pai-eas.aliyuncs.com",
            ["http://gw-1-vpc.cn-x.pai-eas.aliyuncs.com"],
            ["public", "vpc"],
        ),
        (VPC, [PUBLIC], ["first", "second"]),
        (VPC, [VPC], ["first", "second"]),
        ("http://a", ["http://b/x.vpc.y"], ["first", "second"]),
        (PUBLIC, [VPC, VPC], ["first", "second", "third"]),
        (
            "http://a",
            ["http://b"] * 10,
            [
                *ORDINALS,
                "target11",
            ],
        ),
    ],
)
def test_names_of_targets(url: str, vs: list[str], names: list[str]) -> None:
    assert list(scenario(url, vs=vs).scenario.targets) == names


@pytest.mark.parametrize(
    ("given_", "called"),
    [
        ("host", "http://host"),
        ("localhost:8000/x", "http://localhost:8000/x"),
        ("https://host/x#top", "https://host/x"),
        (" http://host/ \n", "http://host/"),
    ],
)
def test_urls_as_curl_takes_them(given_: str, called: str) -> None:
    loaded = scenario("--url", given_, vs=[given_])
    assert [target.url for target in loaded.scenario.targets.values()] == [called, called]


def test_what_holds_for_every_target() -> None:
    loaded = scenario("-k", "-m", "2.5", "-H", "Authorization: Bearer abcd", PUBLIC, vs=[VPC])
    for target in loaded.scenario.targets.values():
        assert (target.token, target.bearer, target.verify_tls) == ("abcd", True, False)
    assert loaded.scenario.all_requests[0].timeout == 2.5


def test_resolve_is_for_its_host_and_port() -> None:
    loaded = scenario(
        "--resolve", "a:80:10.0.0.1", "--resolve", "b:443:[::1]", "http://a/", vs=["https://b", "http://c"]
    )
    assert [target.resolve for target in loaded.scenario.targets.values()] == ["10.0.0.1", "::1", None]
    assert scenario("--resolve", "*:80:10.0.0.1", "a").scenario.targets["target"].resolve == "10.0.0.1"


def test_connecting_has_a_timeout_of_its_own() -> None:
    request = scenario(PUBLIC, "--connect-timeout", "1.5", "-m", "9").scenario.all_requests[0]
    assert (request.connect_timeout, request.timeout) == (1.5, 9.0)
    assert scenario(PUBLIC).scenario.all_requests[0].connect_timeout is None


@pytest.mark.parametrize(
    ("given_", "proxy"),
    [
        ("http://p.example:3128", "http://p.example:3128"),
        ("p.example:3128", "http://p.example:3128"),
        ("p.example", "http://p.example:1080"),
        ("https://p.example", "https://p.example:1080"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("", None),
    ],
)
def test_proxies_as_curl_takes_them(given_: str, proxy: str | None) -> None:
    loaded = scenario("-x", given_, PUBLIC, vs=[VPC])
    assert [target.proxy for target in loaded.scenario.targets.values()] == [proxy, proxy]
    assert loaded.scenario.transport == ("aiohttp" if proxy else "http1")


def test_redirects_are_followed_where_curl_would() -> None:
    loaded = scenario("-sL", PUBLIC)
    assert loaded.scenario.all_requests[0].follow_redirects
    assert loaded.scenario.transport == "aiohttp"
    assert not scenario(PUBLIC).scenario.all_requests[0].follow_redirects


def test_the_load() -> None:
    assert "load" not in scenario(PUBLIC).document
    assert scenario(PUBLIC, duration="5s").document["load"] == {"duration": "5s"}
    assert scenario(PUBLIC, rate="50", duration="10").document["load"] == {"rate": "50/s", "duration": "10s"}
    assert scenario(PUBLIC, requests="40").scenario.load.requests == 40
    assert scenario(PUBLIC, connections="64").document["load"] == {"connections": 64}
    assert curl_scenario(parse_curl([PUBLIC]), run={"rounds": 3}).scenario.rounds == 3


# ── What is refused ────────────────────────────────────────────────────────────────────────────────────────

NO_PROXY_SETTINGS = (
    "a proxy is used without credentials or settings of its own here; choose one that asks for none"
)
ONE_OF_THEM = "write one of them, or -g to send it as it is"
WINDOWS = "this is a command for Windows' cmd (^ at its lines' ends); copy it as cURL (bash)"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "there is no URL; write it as for curl, like http://host/path"),
        ("-s", "there is no URL; write it as for curl, like http://host/path"),
        (
            "http://a -H Authorization: abcd",
            "-H: Authorization has no value (a variable that is not set?)",
        ),
        (
            "http://a http://b",
            "there are 2 URLs; a second address goes to --vs (and a header or body with a space in it needs quotes)",
        ),
        ("http://a -U user:pass", f"-U: {NO_PROXY_SETTINGS}"),
        ("http://a -sUuser:pass", f"-U: {NO_PROXY_SETTINGS}"),
        ("http://a --proxy-user=user:pass", f"--proxy-user: {NO_PROXY_SETTINGS}"),
        ("http://a -s,", "-, is neither an option of curl nor of vpcbench"),
        (
            "http://a --tls",
            "--tls is neither an option of curl nor of vpcbench; did you mean --tls-earlydata, --tlsv1, --tlsv1.0, --tlsv1.1?",
        ),
        ("http://a/[1-3]", f"the URL asks curl for several by […]; {ONE_OF_THEM}"),
        ("http://{a,b}/", f"the URL asks curl for several by {{…}}; {ONE_OF_THEM}"),
        ('curl ^"http://a^" ^', WINDOWS),
        ("curl 'http://a' ^", WINDOWS),
        (
            "http://a -b jar.txt",
            "-b: files of cookies are not read; give the cookies themselves, like -b 'name=value'",
        ),
        ("http://a -d x -F a=b", "-d and -F are two bodies; leave one of them out"),
        ("http://a -F x", "--form: expected name=value, name=@file or name=<file"),
        (
            "http://a -F x=@a,b",
            "--form: several files in one part are not built here; give each a part of its own",
        ),
        (
            "http://a -d x -H 'Transfer-Encoding: chunked'",
            "-H: Transfer-Encoding is not for you to set here: a body is sent whole, with its length",
        ),
        ("http://a -n 200", "200 is no URL; for a number of requests write --requests 200"),
        ("http://a -n200", "-n is curl's --netrc; for a number of requests write --requests 200"),
        ("http://a -c 64", "-c is curl's --cookie-jar; for connections write --connections 64"),
        ("http://a --http2", "--http2: only HTTP/1.1 is spoken here; leave it out"),
        (
            "http://a -x http://user:pass@p:1",
            "-x: a proxy is used without credentials here; choose one that asks for none",
        ),
        (
            "http://a -x socks5://p:1",
            "-x: only proxies of HTTP are used, like http://proxy.example:3128",
        ),
        ("http://a -x p:x", "-x: expected a proxy, like proxy.example:3128"),
        ("http://a --connect-timeout soon", "--connect-timeout: expected seconds, like 5 or 0.5"),
        ("http://a -X", "-X needs a value"),
        ("http://a --data", "--data needs a value"),
        ("http://a -I -d x", "-I asks for the head alone, and -d sends a body; leave one of them out"),
        ("http://a -H Authorization", "-H: expected 'Name: value', in quotes"),
        ("http://a -H 'A b: c'", "-H: expected 'Name: value', in quotes"),
        ("http://a -H 'Host: b' -H 'host: c'", "-H: host is given twice; keep one"),
        (
            "http://a -H 'Content-Length: 5' -d abc",
            "-H: Content-Length is 5, and the body has 3 bytes; leave it out",
        ),
        ("http://a -H Accept:", "-H: Accept is always sent; it can be set to another value, but not removed"),
        ("http://a -d @/nowhere/x", "-d @/nowhere/x: cannot be read: No such file or directory"),
        ("http://a -d @-", "--data @-: a body is not read from standard input; put it in a file"),
        ("http://a -m soon", "--max-time: expected seconds, like 5 or 0.5"),
        (
            "http://a --resolve a:80",
            "--resolve: expected host:port:address, with one address, like example.com:80:127.0.0.1",
        ),
        ("http://a --resolve b:80:10.0.0.1", "--resolve: no URL leads to host b, port 80"),
        (
            "http://a --resolve a:80:1.2.3",
            "--resolve: targets.target.resolve: found '1.2.3', expected an IP address, like 10.0.0.1",
        ),
        (
            "http://a:0",
            "URL: targets.target.url: found 'http://a:0', expected a URL whose port is a number from 1 to 65535",
        ),
        (
            "http://a -m 0",
            (
                "--max-time: request.timeout: found '0s', expected a duration with its unit, like 250ms, 30s or 1h30m, "
                "more than zero"
            ),
        ),
        (
            "http://a --connect-timeout 0",
            (
                "--connect-timeout: request.connect_timeout: found '0s', expected a duration with its unit, like 250ms, "
                "30s or 1h30m, more than zero"
            ),
        ),
        (
            "http://a -X post",
            "-X: request.method: found 'post', expected a method in capitals, like GET or POST",
        ),
        (
            "http://a -H 'Content-Length: 5'",
            "-H: Content-Length is 5, and the body has 0 bytes; leave it out",
        ),
    ],
)
def test_wrong_commands(command: str, message: str) -> None:
    assert complaint(*shlex.split(command)) == message


def test_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    assert (
        complaint("a", "-d", "\udcff")
        == "-d holds bytes that are not UTF-8; send them with --data-binary @FILE"
    )
    assert (
        complaint("a", "-Gd", "\udcff")
        == "-d holds bytes that are not UTF-8; send them with --data-binary @FILE"
    )
    (tmp_path / "file").write_bytes(b"\xff\n")
    assert "not UTF-8" in complaint("a", "-d", f"@{tmp_path}/file")
    assert complaint("a", "-H", "X: \udcff").startswith("-H: request.headers.X: there is half a character")


def test_wrong_loads_and_addresses_name_their_flag() -> None:
    assert complaint(PUBLIC, vs=["http://a b"], rate="200q", arrivals="poison", duration="[").split("\n") == [
        "--duration: this value is not understood"
    ]
    assert complaint(PUBLIC, vs=["http://a b"], rate="200q", arrivals="poison").split("\n") == [
        "--arrivals: load.arrivals: found 'poison', expected 'constant', 'poisson' or 'gamma'",
        "--rate: load.rate: found '200q', expected a rate with its unit, like 200/s, 2k/s or 90/min",
        "--vs: targets.second.url: a URL has no spaces or line breaks in it (a space is written %20)",
    ]


# ── Secrets ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("flags", "variables"),
    [
        (["-H", f"Authorization: {CANARY}"], ["EAS_TOKEN"]),
        (["-H", f"Authorization: Bearer {CANARY}"], ["EAS_TOKEN"]),
        (["-H", f"authorization: Basic {CANARY}"], ["EAS_TOKEN"]),
        (["-H", f"X-Api-Key: {CANARY}"], ["X_API_KEY"]),
        (["-H", f"Cookie: a={CANARY}"], ["COOKIE"]),
        (["-H", f"Authorization: {CANARY}", "-d", f'{{"t": "{CANARY}"}}'], ["EAS_TOKEN"]),
        (["-H", f"Authorization: {CANARY}", "-H", f"X-Other: {CANARY}"], ["EAS_TOKEN"]),
        (["-G", "-d", f"x=1&access_token={CANARY}"], ["ACCESS_TOKEN"]),
    ],
)
def test_no_credential_is_shown(flags: list[str], variables: list[str]) -> None:
    loaded = scenario(PUBLIC, *flags, vs=[VPC])
    text = printed(PUBLIC, *flags, vs=[VPC])
    for shown in (text, str(loaded.document), repr(loaded), repr(parse_curl([PUBLIC, *flags]))):
        assert CANARY not in shown
    assert text.startswith(f"# Set in the environment: {', '.join(variables)}\n")
    assert any(CANARY in secret for secret in loaded.secrets)
    assert CANARY not in complaint(PUBLIC, *flags, vs=[VPC], rate="0/s")


def test_credentials_of_unlike_addresses_stay_apart() -> None:
    text = printed("http://a?key=1234", vs=["http://b?key=5678", "http://c?key=1234"])
    assert "http://a?key=${KEY}" in text
    assert "http://b?key=${KEY_2}" in text
    assert "http://c?key=${KEY}" in text


def test_a_token_named_like_its_variable() -> None:
    loaded = scenario(PUBLIC, "-H", "Authorization: TOKEN", "-d", "TOKEN ${TOKEN}")
    assert loaded.document["request"]["body"] == "${EAS_TOKEN} $${TOKEN}"
    assert loaded.read_body(loaded.scenario.all_requests[0]) == b"TOKEN ${TOKEN}"


@pytest.mark.parametrize(
    "flags",
    [
        ["-H", "Authorization:", CANARY],
        ["-H", f"Authorization {CANARY}"],
        ["-H", f"Authorization: {CANARY}\nX: y"],
        ["-H", f"Authorization: é{CANARY}"],
        ["-H", f"X-Api-Key: {CANARY}", "-H", f"x-api-key: {CANARY}"],
        ["-u", CANARY],
        [f"-u{CANARY}"],
        [f"--oauth2-bearr={CANARY}"],
        ["--max-time", CANARY],
        ["--resolve", CANARY],
        [CANARY],
    ],
)
def test_no_credential_is_told(flags: list[str]) -> None:
    assert CANARY not in complaint(PUBLIC, *flags)


def test_user_information_is_a_credential() -> None:
    for url in (f"http://user:{CANARY}@host/", f"user:{CANARY}@host/"):
        assert CANARY not in printed(url)
        target = scenario(url).scenario.targets["target"]
        assert target.url == "http://host/"
        assert target.token == f"Basic {base64.b64encode(f'user:{CANARY}'.encode()).decode()}"


def test_what_other_flags_stand_for() -> None:
    command = parse_curl([PUBLIC, "-u", "me:pass:word", "-A", "mine/1", "--compressed"])
    assert command.headers == {
        "Authorization": "Basic bWU6cGFzczp3b3Jk",
        "User-Agent": "mine/1",
        "Accept-Encoding": "deflate, gzip",
    }
    own = ["-H", "authorization: mine", "-H", "User-Agent: other", "-H", "Accept-Encoding;"]
    assert parse_curl([PUBLIC, "-u", "a:b", "-A", "x", "--compressed", *own]).headers == {
        "authorization": "mine",
        "User-Agent": "other",
        "Accept-Encoding": "",
    }


def test_a_users_password_is_kept_out() -> None:
    shown = printed(PUBLIC, "-u", f"me:{CANARY}")
    assert CANARY not in shown
    assert "Basic" not in shown
    assert scenario(PUBLIC, "-u", f"me:{CANARY}").secrets


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-F", "file=@x"], "--form @x: cannot be read"),
        (["-F", f"file=@{sys.executable}"], "--data-binary @FILE"),
        (["-u", "me"], "expected user:password"),
        (["-A", ""], "always sent"),
    ],
)
def test_flags_that_are_refused_say_what_to_do(arguments: list[str], said: str) -> None:
    assert said in complaint(PUBLIC, *arguments)
