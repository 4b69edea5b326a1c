"""A target whose instances are called directly: where their list is asked for (EAS: VPC direct connection)."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from benchmark.scenario.fields import Duration, Url, expected
from benchmark.scenario.part import Part, given

_SERVICE = re.compile(r"[\w.-]+")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_UID = re.compile(r"[0-9]+")
SHORTEST_POLL = 0.1  # seconds


def _service(name: str) -> str:
    if not _SERVICE.fullmatch(name):
        raise expected("a service's name: letters, digits, '_', '.' and '-'")
    return name


def _region(name: str) -> str:
    if not _REGION.fullmatch(name):
        raise expected("a region, like cn-hangzhou")
    return name


def _uid(value: Any) -> Any:
    """An account's number, in quotes or not."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _UID.fullmatch(text):
        raise expected("the number of an Alibaba Cloud account, like 1234567890123456")
    return text


def _poll(seconds: float) -> float:
    if seconds < SHORTEST_POLL:
        raise ValueError("the list may be asked for every 100ms at the most; EAS advises 5s to 10s")
    return seconds


_UID_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+$|\$\{"}]}


class Direct(Part):
    """A service's instances, each called at its own ip:port, by their weights; the list is asked for again and again."""

    service: Annotated[str, AfterValidator(_service)] = Field(description="The service's name.")
    uid: Annotated[str, BeforeValidator(_uid), WithJsonSchema(_UID_SCHEMA)] | None = Field(
        None, description="The account's number: with region, it says where the list is asked for."
    )
    region: Annotated[str, AfterValidator(_region)] | None = Field(
        None, description="Where the service runs, like cn-hangzhou. Goes with uid."
    )
    url: Url | None = Field(
        None,
        validate_default=True,
        description="Where the list is asked for, in place of uid and region: a host, or with a path the whole URL.",
    )
    poll: Annotated[Duration, AfterValidator(_poll)] = Field(
        "5s", validate_default=True, description="How often the list is asked for during the run."
    )

    @field_validator("region")
    @classmethod
    def _of_an_account(cls, region: str | None, info: ValidationInfo) -> str | None:
        if region is not None and not given(info, "uid"):
            raise ValueError("region goes with uid, the account's number")
        return region

    @field_validator("url")
    @classmethod
    def _one_place(cls, url: str | None, info: ValidationInfo) -> str | None:
        named = given(info, "uid", "region")
        if url is not None and named:
            raise ValueError(f"there is {named[0]} already; the list is asked for at one place")
        if url is None and len(named) < 2:
            raise ValueError(
                "direct needs to know where the list is asked for: uid and region, or a url like "
                "http://1234.vpc.cn-hangzhou.pai-eas.aliyuncs.com"
            )
        return url

    @property
    def address(self) -> str:
        """Where the list is asked for; with a path, that is the whole of it."""
        return self.url or f"http://{self.uid}.vpc.{self.region}.pai-eas.aliyuncs.com"
