"""Everything that can go wrong in a way the user can mend, as one small tree.

VpcbenchError          its message says what was seen, where, and what to do next
├── InputError         a bad scenario, argument or results folder: nothing was sent     (exit 2)
├── TargetError        a target cannot be reached, or refuses the credentials           (exit 4)
└── Bug                whatever else escapes: its message is its traceback, without secrets (exit 70)
"""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the command's exit status says; users script against it."""

    OK = 0
    OBJECTIVES_MISSED = 1
    BAD_INPUT = 2
    INVALID = 3
    TARGET_UNREACHABLE = 4
    BUG = 70  # the sysexits' "internal software error": never taken for a verdict
    INTERRUPTED = 130


class VpcbenchError(Exception):
    """Base of the errors that are told to the user as one message, without a traceback."""

    status = ExitStatus.BAD_INPUT


class InputError(VpcbenchError):
    """The scenario, the arguments or a results folder cannot be used as they are."""

    status = ExitStatus.BAD_INPUT


class TargetError(VpcbenchError):
    """A target did not answer the first request, or did not accept its credentials."""

    status = ExitStatus.TARGET_UNREACHABLE


class Bug(VpcbenchError):  # noqa: N818 - it is one, and says so
    """Something that should not happen, with its traceback."""

    status = ExitStatus.BUG

    def __str__(self) -> str:
        return f"this is a bug in vpcbench; please report it with what follows\n{self.args[0]}"
