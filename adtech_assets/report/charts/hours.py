"""The heat map of the hours of the week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.svg import (
    Picture,
    group,
    rect,
    tag,
)
from adtech_assets.report.svg import text as label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.published import (
        Hour,
    )


def heat_map(hours: Sequence[Hour]) -> Picture:
    """Impressions by weekday and hour."""
    gutter, row, head = 36, 24, 20
    counts = {(hour.iso_weekday, hour.hour_of_day): hour for hour in hours}
    total = sum(hour.impressions for hour in hours)
    most = max(hours, key=lambda h: (h.impressions, -h.iso_weekday, -h.hour_of_day), default=None)
    highest = most.impressions if most else 0
    marks = [
        label((hour + 0.5) / 24, 13, f"{hour:02}", "axis", text_anchor="middle")
        for hour in range(0, 24, 3)
    ]
    for weekday, name in enumerate(text.WEEKDAYS, start=1):
        y = head + row * (weekday - 1)
        marks.append(
            tag("text", name[:3], x=-8, y=y + row / 2 + 4, class_="axis", text_anchor="end")
        )
        for hour in range(24):
            found = counts.get((weekday, hour))
            shown = found.impressions if found else 0
            clicks = found.clicks if found else 0
            part = shown / highest if highest else 0
            marks.append(
                rect(
                    hour / 24,
                    y,
                    1 / 24,
                    row,
                    "cell" if shown else "cell none",
                    f"{name} {hour:02}:00: {shown:,} impressions, {clicks:,} clicks",
                    fill_opacity=round(0.08 + 0.92 * part, 3) if shown else None,
                )
            )
    bottom = head + 7 * row
    marks += _steps(bottom + 12, highest)
    peak = (
        f"Busiest: {text.WEEKDAYS[most.iso_weekday - 1]} {most.hour_of_day:02}:00 with "
        f"{most.impressions:,} of {total:,} impressions."
        if most and total
        else "No impressions."
    )
    return Picture(
        key="heat-map",
        title="Impressions by weekday and hour, in the feed's time zone",
        description=peak,
        height=bottom + 32,
        marks=group(marks),
        gutter=gutter,
    )


def _steps(y: float, highest: int) -> list[Markup]:
    """What the shades of the heat map mean."""
    parts = (0.0, 0.25, 0.5, 0.75, 1.0)
    return [
        tag("text", "0", x=0, y=y + 10, class_="axis"),
        *(
            tag(
                "rect",
                x=14 + 22 * number,
                y=y,
                width=20,
                height=12,
                rx=2,
                class_="cell",
                fill_opacity=0.08 + 0.92 * part,
            )
            for number, part in enumerate(parts)
        ),
        tag(
            "text",
            f"{highest:,} in an hour of the week",
            x=130,
            y=y + 10,
            class_="axis",
        ),
    ]
