"""A service's addresses and token from Alibaba Cloud's API: the one file that knows its SDK (extra `eas`)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from benchmark.errors import InputError, TargetError

DEFAULT_GATEWAY = "DefaultGateway"
_GONE = ("TEA_MISSING", "NotFound", "NotExist")
_FORBIDDEN = ("Forbidden", "NoPermission", "AccessDenied")
_PATIENCE = 10_000  # milliseconds


@dataclass(frozen=True)
class Gateway:
    """One way in: the urls of a gateway, by where they can be called from."""

    kind: str  # as the API names it: DefaultGateway, PrivateGateway, Nlb, Nacos
    public: tuple[str, ...]
    vpc: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What the API says of a service."""

    gateways: tuple[Gateway, ...]
    token: str = field(repr=False)


def discover(service: str, region: str, endpoint: str | None = None, protocol: str = "https") -> Found:
    """Ask for every gateway of the service; credentials come from the SDK's own chain.

    Raises:
        InputError: the extra is not installed, there are no credentials, or no such service.
        TargetError: the API cannot be reached, or refuses.
    """
    try:
        from alibabacloud_credentials.client import Client as Credentials
        from alibabacloud_eas20210701 import models
        from alibabacloud_eas20210701.client import Client
        from alibabacloud_tea_openapi.models import Config
    except ImportError as error:
        raise InputError(
            f"discover needs Alibaba Cloud's SDK ({error.name} is missing): pip install 'vpcbench[eas]'"
        ) from error
    host = endpoint or f"pai-eas.{region}.aliyuncs.com"
    try:
        with _quiet():
            credentials = Credentials()
            credentials.get_credential()
    except Exception as error:  # the chain raises whatever its last link does
        raise InputError(
            "there are no credentials for Alibaba Cloud: set ALIBABA_CLOUD_ACCESS_KEY_ID and "
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET, or configure the aliyun CLI, or run on an ECS instance with a RAM role"
        ) from error
    client = Client(
        Config(
            credential=credentials, endpoint=host, protocol=protocol,
            connect_timeout=_PATIENCE, read_timeout=_PATIENCE,
        )
    )  # fmt: skip
    try:
        told = client.describe_service_endpoints(
            region, service, models.DescribeServiceEndpointsRequest()
        ).body
        gateways = tuple(map(_gateway, told.endpoints or ()))
        if gateways:
            return Found(gateways, told.access_token or "")
    except Exception as error:
        if not _unsupported(error):
            raise _told(error, service, region, host) from error
    try:
        one = client.describe_service(region, service, models.DescribeServiceRequest()).body
    except Exception as error:
        raise _told(error, service, region, host) from error
    return Found(
        (Gateway(DEFAULT_GATEWAY, _some(one.internet_endpoint), _some(one.intranet_endpoint)),),
        one.access_token or "",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """What the SDK logs of each place where it found no credentials, tracebacks and all, is not for users."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _gateway(endpoint: Any) -> Gateway:
    return Gateway(
        endpoint.endpoint_type or DEFAULT_GATEWAY,
        tuple(map(_url, endpoint.internet_endpoints or ())),
        tuple(map(_url, endpoint.intranet_endpoints or ())),
    )


def _some(url: str | None) -> tuple[str, ...]:
    return (_url(url),) if url else ()


def _url(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _unsupported(error: Exception) -> bool:
    """Whether it is the operation that is unknown or not allowed, so that the older one may still serve."""
    code = str(getattr(error, "code", "") or "")
    return "InvalidAction" in code or any(word in code for word in _FORBIDDEN)


def _told(error: Exception, service: str, region: str, host: str) -> InputError | TargetError:
    """What the SDK raised, as one of our messages; never with what was signed."""
    code = str(getattr(error, "code", "") or "")
    status = getattr(error, "statusCode", None) or getattr(error, "status_code", None)
    if status is None:
        return TargetError(
            f"{host} cannot be reached: is the region {region} right, and may this machine go there?"
        )
    if status == 404 or any(word in code for word in _GONE):
        return InputError(
            f"{region} has no service {service} ({code}): look at its name and region in the console"
        )
    if status in {401, 403} and not any(word in code for word in _FORBIDDEN):
        return TargetError(f"{host} refuses the credentials ({code}): is the access key right, and active?")
    if any(word in code for word in _FORBIDDEN):
        return TargetError(
            f"these credentials may not see {service} ({code}): they need eas:DescribeService and "
            "eas:DescribeServiceEndpoints"
        )
    return TargetError(f"{host} answered {status} ({code})")
