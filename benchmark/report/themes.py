"""How charts look, light and dark: Vega-Lite configurations around two palettes after Okabe and Ito, which are told
apart with any colour vision.
"""

from __future__ import annotations

from typing import Any

FONT = "Inter, system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif"


def theme(*, targets: list[str], phases: list[str], ink: str, soft: str, line: str) -> dict[str, Any]:
    """A configuration; marks without a colour of their own take the soft one."""
    return {
        "background": "transparent",
        "font": FONT,
        "padding": 4,
        "view": {"stroke": None},
        "range": {"category": targets, "ordinal": phases},
        "rule": {"color": soft},
        "axis": {
            "labelColor": soft, "titleColor": soft, "gridColor": line, "domainColor": line, "tickColor": line,
            "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 400, "titlePadding": 8, "labelPadding": 5,
            "labelFlush": False,
        },
        "legend": {
            "labelColor": ink, "orient": "top", "labelFontSize": 13, "symbolSize": 90,
            "columnPadding": 18, "offset": 12, "columns": 3, "symbolOpacity": 1,
        },
    }  # fmt: skip


THEMES = {
    "light": theme(
        targets=["#b5530f", "#0b6bb0", "#12806a", "#a2528a", "#8a7200", "#5a6470"],
        phases=[
            "#9aa4ad",
            "#d9b44a",
            "#8a6fb0",
            "#c45b8a",
            "#c8702a",
            "#2e8577",
            "#9bc8b5",
            "#56606b",
            "#cfd6db",
        ],
        ink="#1b2127",
        soft="#5a6570",
        line="#e1e5e8",
    ),
    "dark": theme(
        targets=["#f0a35e", "#62b6f0", "#43c9a8", "#d99ac6", "#e0cb5c", "#a9b3bd"],
        phases=[
            "#7d8893",
            "#e0cb5c",
            "#a893d6",
            "#e58ab3",
            "#f0a35e",
            "#3fae9b",
            "#b4e2d1",
            "#aab4be",
            "#4b565f",
        ],
        ink="#e8ebee",
        soft="#9da8b2",
        line="#2f373e",
    ),
}
