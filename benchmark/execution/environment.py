"""What a run was made with: written into every result, because figures from unlike machines must not be mixed."""

from __future__ import annotations

import os
import platform
import ssl
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import getproxies

from benchmark import __version__

_LIBRARIES = ("uvloop", "httptools", "numpy")


def environment() -> dict[str, Any]:
    """The client machine and software, without anything that names the machine or its user."""
    return {
        "vpcbench": __version__,
        "hot_path": hot_path(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": cores(),
        "load_average": os.getloadavg()[0],
        "openssl": ssl.OPENSSL_VERSION,
        "proxies": sorted(getproxies()),  # which are set; requests never use them
        **{name: version(name) for name in _LIBRARIES},
    }


def hot_path() -> str:
    """Whether what sends and records runs compiled or interpreted; both are made of the same source."""
    spec = find_spec("benchmark.transport.http1")
    assert spec
    assert spec.origin
    return "compiled" if spec.origin.endswith(tuple(EXTENSION_SUFFIXES)) else "interpreted"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
