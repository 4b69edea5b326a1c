"""What an EAS address says about itself: public or VPC, and which region. Addresses are parsed, regions not listed."""

from __future__ import annotations

import ipaddress
import re

_REGION = re.compile(r"(?:^|\.)(?P<region>[a-z]{2}-[a-z0-9-]+)\.pai-eas\.aliyuncs\.com$")
_VPC = re.compile(r"\.vpc\.|-vpc\.")
_DEDICATED = re.compile(r"gw-[^.]+\.")


def is_eas(host: str) -> bool:
    """Whether a host is one of PAI-EAS."""
    return region_of(host) is not None


def is_dedicated(host: str) -> bool:
    """Whether a host is named as a dedicated gateway: its private access is enabled for one VPC at a time."""
    return is_eas(host) and bool(_DEDICATED.match(host))


def is_vpc(host: str) -> bool:
    """Whether a host is named as a VPC (intranet) address."""
    return bool(_VPC.search(host))


def region_of(host: str) -> str | None:
    """The region in an EAS host name, like `cn-hangzhou`; None for other hosts."""
    match = _REGION.search(host)
    return match["region"] if match else None


def address_class(address: str) -> str:
    """`loopback`, `public`, `private`, or `neither` (such as 100.64/10) for an IP address."""
    ip = ipaddress.ip_address(address)
    if ip.is_loopback:
        return "loopback"
    if ip.is_global:
        return "public"
    return "private" if ip.is_private else "neither"
