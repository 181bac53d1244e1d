"""Charts of logged traffic: devices, and what is invalid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date  # noqa: TC003 - a field
from typing import TYPE_CHECKING

from adtech_assets.report import text, words
from adtech_assets.report.charts.axes import (
    AXIS_HEIGHT,
    GUTTER,
    Axis,
    named,
    nice_top,
    scale,
)
from adtech_assets.report.svg import (
    Picture,
    group,
    rect,
    share,
    tag,
)
from adtech_assets.report.svg import text as label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.published import (
        Device,
        Quality,
    )


def devices(found: Sequence[Device]) -> Picture:
    """Logged impressions by class of device."""
    total = sum(device.gross_impressions for device in found)
    row = 36
    marks = []
    for number, device in enumerate(found):
        part = device.gross_impressions / total if total else 0
        y = row * number
        marks += [
            named(text.name(device.device_class), y + 14),
            label(1, y + 14, text.rough_percent(part), "value", text_anchor="end"),
            rect(0, y + 20, 1, 8, "track", rx=3),
            rect(0, y + 20, part, 8, "impressions", rx=3),
        ]
    return Picture(
        key="devices",
        title="Logged impressions by device",
        description=" ".join(
            f"{text.name(d.device_class)}: {d.gross_impressions:,}." for d in found
        )
        or "No events.",
        height=max(row * len(found), 24),
        marks=group(marks),
    )


@dataclass(frozen=True)
class InvalidDay:
    """Logged events of a day, in all and by the reason that makes them invalid."""

    day: date
    events: int
    by_reason: dict[str, int]
    is_so_far: bool = False

    @property
    def ivt_rate(self) -> float | None:
        """Share of the invalid events in all; none without events."""
        return sum(self.by_reason.values()) / self.events if self.events else None

    def share(self, reason: str) -> float:
        """Of all events of the day."""
        return self.by_reason.get(reason, 0) / self.events if self.events else 0.0


def invalid_days(quality: Sequence[Quality]) -> list[InvalidDay]:
    """One for each day."""
    found: dict[date, dict[str, int]] = {}
    so_far = {row.event_date for row in quality if row.is_so_far}
    for row in quality:
        reasons = found.setdefault(row.event_date, {})
        reasons[row.invalid_reason] = (
            reasons.get(row.invalid_reason, 0) + row.impressions + row.clicks
        )
    return [
        InvalidDay(
            day,
            sum(reasons.values()),
            {r: n for r, n in reasons.items() if r != words.VALID and n},
            day in so_far,
        )
        for day, reasons in sorted(found.items())
    ]


def reasons_of(days: Sequence[InvalidDay]) -> list[str]:
    """The known reasons, and any other that the data has."""
    others = {reason for day in days for reason in day.by_reason} - words.REASONS.keys()
    return [*words.REASONS, *sorted(others)]


def reason_class(reason: str) -> str:
    """Of swatches and bars."""
    return f"reason-{reason}" if reason in words.REASONS else "reason-other"


def patterns(key: str) -> Markup:
    """Textures of the reasons: colours alone would not tell them apart."""
    stripes = tag(
        "pattern",
        tag("rect", width=6, height=6, class_="reason-crawler"),
        tag("path", d="M-1 1 L1 -1 M0 6 L6 0 M5 7 L7 5", class_="texture"),
        id=f"{key}-stripes",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
    )
    dots = tag(
        "pattern",
        tag("rect", width=6, height=6, class_="reason-missing_user_agent"),
        tag("circle", cx=3, cy=3, r=1.2, class_="texture-dot"),
        id=f"{key}-dots",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
    )
    return tag("defs", stripes, dots)


def _texture(key: str, reason: str) -> str | None:
    texture = {"crawler": "stripes", "missing_user_agent": "dots"}.get(reason)
    return f"fill:url(#{key}-{texture})" if texture else None


def swatch(key: str, reason: str) -> Markup:
    """The look of a reason, beside its name."""
    return tag(
        "svg",
        tag(
            "rect",
            width=12,
            height=12,
            rx=2,
            class_=reason_class(reason),
            style=_texture(key, reason),
        ),
        width=12,
        height=12,
        class_="swatch",
        aria_hidden="true",
    )


def quality(rows: Sequence[Quality]) -> Picture:
    """Share of invalid events by day, by reason."""
    key = "quality"
    days = invalid_days(rows)
    reasons = reasons_of(days)
    axis = Axis.of([day.day for day in days])
    head, height = 20 * math.ceil(len(reasons) / 2) + 16, 150
    top = nice_top(max(sum(day.share(reason) for reason in reasons) for day in days))
    marks = [patterns(key)]
    for number, reason in enumerate(reasons):
        x, y = 0.5 * (number % 2), 20 * (number // 2)
        marks += [
            tag(
                "svg",
                tag(
                    "rect",
                    y=2,
                    width=12,
                    height=12,
                    rx=2,
                    class_=reason_class(reason),
                    style=_texture(key, reason),
                ),
                tag("text", words.reason_words(reason), x=18, y=12, class_="legend"),
                x=share(x),
                y=y,
                overflow="visible",
            )
        ]
    marks.append(scale(top, head, height, lambda part: f"{100 * part:.3g}%"))
    for day in days:
        x, width = axis.bar(day.day)
        at: float = head + height
        for reason in reasons:
            size = height * day.share(reason) / top if top else 0
            if size:
                at -= size
                hint = (
                    f"{text.long_day(day.day, is_so_far=day.is_so_far)}, "
                    f"{words.reason_words(reason)}: "
                    f"{day.by_reason[reason]:,} of {day.events:,} events "
                    f"({text.percent(day.share(reason))})"
                )
                marks.append(
                    rect(
                        x,
                        at,
                        width,
                        size,
                        f"part {reason_class(reason)}{' so-far' if day.is_so_far else ''}",
                        hint,
                        style=_texture(key, reason),
                    )
                )
    marks.append(axis.labels(head + height, [day.day for day in days if day.is_so_far]))
    events = sum(day.events for day in days)
    invalid = sum(sum(day.by_reason.values()) for day in days)
    return Picture(
        key=key,
        title="Invalid events by day, as a share of all logged events",
        description=(
            f"{text.days(axis.first, axis.last)}: {invalid:,} of {events:,} events "
            f"({text.percent(invalid / events if events else None)})."
        ),
        height=head + height + AXIS_HEIGHT,
        marks=group(marks),
        gutter=GUTTER,
    )
