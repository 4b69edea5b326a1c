"""Where a failure of the analysis ends: one row stands as *withheld*, with the reason, and the report is written.

What was measured is worth more than a figure that cannot be made of it. It is a bug all the same, so it warns: standard
error has it, and a test, which takes warnings for errors, fails.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import TypeVar

Row = TypeVar("Row")


class AnalysisBug(RuntimeWarning):
    """A figure could not be made, for a fault of ours."""


def contained(what: str, make: Callable[[], Row], withheld: Callable[[str], Row]) -> Row:
    """What `make` makes; where it fails, what stands in its place, given the reason."""
    try:
        return make()
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{at.filename.rpartition('benchmark/')[2]}:{at.lineno}"
        reason = f"a bug in vpcbench, please report it: {type(error).__name__} at {place}: {error}"
        warnings.warn(AnalysisBug(f"{what}: {reason}"), stacklevel=2)
        return withheld(reason)
