"""`vpcbench schema`."""

from __future__ import annotations

import json

from benchmark.errors import ExitStatus
from benchmark.scenario.load import json_schema


def schema() -> ExitStatus:
    """Print the scenario's JSON Schema."""
    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return ExitStatus.OK
