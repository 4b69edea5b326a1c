"""What every part of a scenario has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationInfo


class Part(BaseModel):
    """Strict: text is no number, a boolean is no number, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def given(info: ValidationInfo, *fields: str) -> list[str]:
    """Which of these earlier fields were set; one that was set wrong (and so is missing) was set, too."""
    return [field for field in fields if field not in info.data or info.data[field] is not None]
