"""The kinds of values that a scenario's fields take, and what is said of those that are none.

A check raises either `expected(…)`, which is told as *found X, expected …*, or a `ValueError`, whose
sentence is told as it stands. Neither ever quotes the value: it may be a secret, or have come out of the
environment.
"""

from __future__ import annotations

import functools
import ipaddress
import math
import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, InstanceOf, WithJsonSchema
from pydantic_core import PydanticCustomError

from benchmark.laws import LENGTH, Law, parse_law
from benchmark.redaction import REDACTED
from benchmark.units import parse_duration, parse_rate, parse_size

EXPECTED = "expected"  # the type that tells `expected` from other errors

A_DURATION = "a duration with its unit, like 250ms, 30s or 1h30m"
A_RATE = "a rate with its unit, like 200/s, 2k/s or 90/min"
A_LENGTH = "a length, like 200, uniform(50, 200), normal(200, 50) or lognormal(200, 0.5)"
A_SIZE = "a size with its unit, like 512B, 64KiB or 10MiB"

LARGEST_BODY = 1024**3

_TOKEN_CHARACTERS = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110's `token`, no credential
_HOST = re.compile(r"(?!.*\.\.)(?!.{254})(?!.*[^.]{64})[0-9A-Za-z_]([0-9A-Za-z._-]*[0-9A-Za-z_.])?")
_UNFIT_FOR_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_UNFIT_FOR_URL = re.compile(r"[\x00-\x20\x7f]")
_WORKED_OUT = {"content-length", "transfer-encoding"}
_NAME = re.compile(r"\w[\w.-]*")
_TARGET_NAME = re.compile(r"[\w-]+")


def expected(what: str) -> PydanticCustomError:
    """The error of a value that is not `what`."""
    return PydanticCustomError(EXPECTED, what)


def _quantity(
    parse: Callable[[str], float],
    what: str,
    unit: str,
    *,
    zero: bool = False,
    most: float = math.inf,
    bound: str = "",
) -> BeforeValidator:
    """Reads text like `250ms` with `parse`; refuses bare numbers, and all that is not positive, finite and at `most`."""

    def read(value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise expected(f"{what}; write {value:g}{unit}" if 0 < value < math.inf else what)
        if not isinstance(value, str):
            raise expected(what)
        try:
            quantity = parse(value.strip().removeprefix("-"))
        except ValueError:
            raise expected(what) from None
        if value.strip().startswith("-") or quantity < 0 or (quantity == 0 and not zero):
            raise expected(f"{what}, {'zero or more' if zero else 'more than zero'}")
        if not math.isfinite(quantity):
            raise expected(f"{what}, and finite")
        if quantity > most:
            raise expected(f"{what}, {bound}")
        return quantity

    return BeforeValidator(read)


def _as_written(pattern: str, *examples: str) -> WithJsonSchema:
    """How editors see a quantity: text, which may also be left to the environment."""
    return WithJsonSchema(
        {"type": "string", "pattern": rf"^\s*({pattern})\s*$|\$\{{", "examples": list(examples)}
    )


_NUMBER = r"([0-9]+(\.[0-9]+)?|\.[0-9]+)"
_DURATION_SCHEMA = _as_written(rf"({_NUMBER}\s*(ns|us|µs|μs|ms|s|min|m|h)\s*)+", "250ms", "30s", "1h30m")
_RATE_SCHEMA = _as_written(rf"{_NUMBER}\s*[kM]?\s*(/|per )\s*(s|sec|min|m|h)", "200/s", "2k/s", "90/min")
_SIZE_SCHEMA = _as_written(rf"{_NUMBER}\s*(B|[kK]B|MB|GB|KiB|MiB|GiB)", "512B", "64KiB", "10MiB")

_YEAR, _A_YEAR = 8760 * 3600.0, "at most a year (8760h)"
_LINE_RATE = 10e6  # requests per second: 10 GbE carries 14.9 million frames
_duration = functools.partial(_quantity, parse_duration, A_DURATION, "s", most=_YEAR, bound=_A_YEAR)
_rate = _quantity(parse_rate, A_RATE, "/s", most=_LINE_RATE, bound="at most 10M/s: no machine sends more")
Duration = Annotated[float, _duration(), _DURATION_SCHEMA]
DurationOrZero = Annotated[float, _duration(zero=True), _DURATION_SCHEMA]
Rate = Annotated[float, _rate, _RATE_SCHEMA]

# What a machine can hold, and a result can tell: more is a slip of the keyboard.
MOST_CONNECTIONS = 1_000_000  # an address has 64,512 ports, and so many addresses no client has
MOST_ROUNDS = 10_000
MOST_PROCESSES = 1024
LARGEST_WHOLE = 2**62  # what results keep


def _fits_in_memory(size: int) -> int:
    if size > LARGEST_BODY:
        raise expected("a size of at most 1GiB")
    return size


Size = Annotated[int, _quantity(parse_size, A_SIZE, "B"), AfterValidator(_fits_in_memory), _SIZE_SCHEMA]


def _finite(number: float) -> float:
    if not 0 < number < math.inf:
        raise expected("a number, more than zero and finite")
    return number


def _confidence(number: float) -> float:
    if not 0.5 < number < 1:
        raise expected("a number between 0.5 and 1, like 0.95")
    return number


Confidence = Annotated[
    float,
    AfterValidator(_confidence),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1}),
]


def _precision(value: Any) -> float:
    match = (
        re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*%\s*", value) if isinstance(value, str) else None
    )
    if not match or not 0.1 <= float(match[1]) <= 50:
        raise expected("a share from 0.1% to 50%, like 5%")
    return float(match[1]) / 100


Precision = Annotated[float, BeforeValidator(_precision), _as_written(rf"{_NUMBER}\s*%", "5%")]  # a share
Weight = Annotated[float, AfterValidator(_finite), WithJsonSchema({"type": "number", "exclusiveMinimum": 0})]


def _burstiness(number: float) -> float:
    if not 0.01 <= number <= 1000:
        raise expected("a number from 0.01 to 1000, like 0.5")
    return number


Burstiness = Annotated[
    float, AfterValidator(_burstiness), WithJsonSchema({"type": "number", "minimum": 0.01, "maximum": 1000})
]


def _lengths(value: Any) -> Law:
    """A law of lengths from a whole number, or from text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise expected(A_LENGTH)
    try:
        law = parse_law(str(value), LENGTH)
    except ValueError:
        raise expected(A_LENGTH) from None
    if law.mean < 1:
        raise expected(f"{A_LENGTH}, of at least 1 on average")
    return law


_LENGTH_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {
            "type": "string",
            "pattern": r"^\s*[A-Za-z]+\s*\(.*\)\s*$|^\s*[0-9]+\s*$|\$\{",
            "examples": ["lognormal(200, 0.5)"],
        },
    ]
}
Lengths = Annotated[InstanceOf[Law], BeforeValidator(_lengths), WithJsonSchema(_LENGTH_SCHEMA)]


def _fraction(number: float) -> float:
    if not 0 <= number <= 1:
        raise expected("a share from 0 to 1, like 0.5")
    return number


Fraction = Annotated[
    float, AfterValidator(_fraction), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1})
]


def _url(url: str) -> str:
    if _UNFIT_FOR_URL.search(url):
        raise ValueError("a URL has no spaces or line breaks in it (a space is written %20)")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise expected(
            "a URL like http://host/path (an IPv6 address stands in brackets: http://[::1]:8000/)"
        ) from None
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise expected("a URL that begins with http:// or https://, then a host")
    _check_authority(parts)
    if "#" in url:
        raise ValueError("a URL's #fragment is never sent; leave it out")
    return url


def _check_authority(parts: SplitResult) -> None:
    """Host, port, and nothing before them."""
    if "@" in parts.netloc:
        raise ValueError(
            "user information in a URL is not sent; write the credentials as token, or as a header"
        )
    host = parts.hostname
    if not host:
        raise expected("a URL with a host, like http://host/path")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise expected("a URL whose port is a number from 1 to 65535")
    if not _is_host(host):
        raise expected("a URL with a host name or address (is a placeholder left in it?)")


def _is_host(host: str) -> bool:
    if ":" in host:  # only brackets let one through, and urlsplit has looked inside them
        return _is_address(host)
    try:
        return bool(_HOST.fullmatch(host if host.isascii() else host.encode("idna").decode()))
    except UnicodeError:
        return False


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


Url = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": r"^https?://|\$\{"})]


def _address(text: str) -> str:
    if not _is_address(text):
        raise expected("an IP address, like 10.0.0.1")
    return text


Address = Annotated[str, AfterValidator(_address)]


def path_problem(path: str) -> str | None:
    """What keeps text from being a path, in words; None when nothing does."""
    if _UNFIT_FOR_URL.search(path):
        return "a path has no spaces or line breaks in it (a space is written %20)"
    return "a path's #fragment is never sent; leave it out" if "#" in path else None


def _path(path: str) -> str:
    if problem := path_problem(path):
        raise ValueError(problem)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", path):
        raise expected("a path, like v1/chat/completions; it is appended to the target's url")
    return path


Path = Annotated[str, AfterValidator(_path)]


def _method(method: str) -> str:
    if not re.fullmatch(r"[A-Z][A-Z-]*", method):
        raise expected("a method in capitals, like GET or POST")
    if method == "CONNECT":
        raise ValueError("CONNECT opens a tunnel, which is no request to measure")
    return method


Method = Annotated[str, AfterValidator(_method)]


def _header_name(name: str) -> str:
    if not re.fullmatch(_TOKEN_CHARACTERS, name):
        raise ValueError("a header's name is letters, digits and hyphens")
    if name.lower() in _WORKED_OUT:
        raise ValueError(f"{name} is worked out from the body; leave it out")
    return name


def header_problem(value: str) -> str | None:
    """What keeps text from being a header's value, in words; None when nothing does."""
    if _UNFIT_FOR_HEADER.search(value):
        return "a header's value cannot hold line breaks or control characters"
    return None


def _header_value(value: str) -> str:
    if problem := header_problem(value):
        raise ValueError(problem)
    return value


def _no_header_twice(headers: dict[str, str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    for name in headers:
        first = seen.setdefault(name.lower(), name)
        if first != name:
            raise ValueError(f"{first} and {name} are the same header; keep one")
    return headers


HeaderValue = Annotated[str, AfterValidator(_header_value)]
Headers = Annotated[
    dict[Annotated[str, AfterValidator(_header_name)], HeaderValue], AfterValidator(_no_header_twice)
]


def _credential(token: str) -> str:
    if token == REDACTED:
        raise ValueError("this token was redacted when the scenario was kept; write ${NAME}, and set NAME")
    if not token.strip():
        raise ValueError("the token is empty")
    if token != token.strip() or _UNFIT_FOR_HEADER.search(token):
        raise ValueError("the token has a space or line break around it, or a control character in it")
    if not token.isascii():
        raise ValueError(
            "the token has a character in it that is not ASCII (a typographic quote or dash, perhaps)"
        )
    return token


Token = Annotated[str, AfterValidator(_credential)]


def _name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise expected("a name of letters, digits, '.', '_' and '-' (results are kept under it)")
    return name


def _target_name(name: str) -> str:
    if not _TARGET_NAME.fullmatch(name) or len(name) > 100:
        raise ValueError("a target's name is letters, digits, '_' and '-'")
    return name


Name = Annotated[str, AfterValidator(_name)]
TargetName = Annotated[str, AfterValidator(_target_name)]


def json_problem(value: Any) -> str | None:
    """What keeps plain data from being JSON, in words; None when nothing does."""
    if isinstance(value, float) and not math.isfinite(value):
        return "JSON has no infinite numbers and no NaN"
    if isinstance(value, dict):
        return next(filter(None, map(json_problem, value.values())), None)
    if isinstance(value, list):
        return next(filter(None, map(json_problem, value)), None)
    if not isinstance(value, str | int | float | bool | None):
        return f"JSON has no {type(value).__name__}"
    return None
