"""The settings without which no figure can be made of a run: files come from other versions, and from editors."""

from __future__ import annotations

from typing import Any

_NUMBER, _MAYBE = (int, float), (int, float, type(None))
NEEDED: dict[str, type | tuple[type, ...]] = {
    "open_loop": bool,
    "rate": _MAYBE,
    "arrivals": (str, type(None)),
    "connections": _MAYBE,
    "rounds": int,
    "duration": _NUMBER,
    "warmup": _NUMBER,
    "confidence": float,
    "timeout": _NUMBER,
    "baseline": str,
    "keep_connections": bool,
    "objectives": list,
    "primary": str,
}


def amiss(settings: Any) -> str:
    """The first that is missing or of another kind, in words; nothing: all is there."""
    if not isinstance(settings, dict):
        return "`settings` is no table"
    for name, kind in NEEDED.items():
        if name not in settings:
            return f"`settings.{name}` is missing"
        if not isinstance(settings[name], kind):
            return f"`settings.{name}` cannot be {settings[name]!r}"
    return ""
