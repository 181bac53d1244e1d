"""Charts by day: impressions, clicks and their rate; spend."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.charts.axes import (
    AXIS_HEIGHT,
    GUTTER,
    PANEL_HEAD,
    Axis,
    DayValue,
    bars,
    head_line,
    nice_top,
    scale,
)
from adtech_assets.report.statistics import Period, ctr, wilson
from adtech_assets.report.svg import (
    Picture,
    dot,
    group,
    path,
    stretched,
    upright,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from markupsafe import Markup

    from adtech_assets.report.closeups import PacedDay
    from adtech_assets.report.published import (
        Day,
        DaySpend,
    )


DOTS_UP_TO_DAYS = 45


def daily(days: Sequence[Day], now: Period | None = None) -> Picture:
    """Impressions, clicks and click-through rate with its interval, one above the other."""
    axis = Axis.of([day.event_date for day in days])
    tall, low = 112, 72
    y_impressions = PANEL_HEAD
    y_clicks = y_impressions + tall + 22 + PANEL_HEAD
    y_ctr = y_clicks + low + 22 + PANEL_HEAD
    bottom = y_ctr + tall
    marks = [
        axis.span(now, 0, bottom, "now") if now else group([]),
        head_line(0, "Impressions"),
        bars(
            axis,
            [
                DayValue(d.event_date, d.impressions, f"{d.impressions:,}", d.is_so_far)
                for d in days
            ],
            y_impressions,
            tall,
            "impressions",
        ),
        head_line(y_clicks - PANEL_HEAD, "Clicks"),
        bars(
            axis,
            [DayValue(d.event_date, d.clicks, f"{d.clicks:,}", d.is_so_far) for d in days],
            y_clicks,
            low,
            "clicks",
        ),
        head_line(y_ctr - PANEL_HEAD, "Click-through rate and its 95 % interval"),
        _rate_panel(axis, days, y_ctr, tall),
        axis.labels(bottom, so_far=[d.event_date for d in days if d.is_so_far]),
    ]
    impressions, clicks = sum(d.impressions for d in days), sum(d.clicks for d in days)
    return Picture(
        key="daily",
        title="Impressions, clicks and click-through rate by day",
        description=(
            f"{text.days(axis.first, axis.last)}: {impressions:,} impressions, {clicks:,} clicks, "
            f"{text.percent(ctr(clicks, impressions))} clicked."
        ),
        height=bottom + AXIS_HEIGHT,
        marks=group(marks),
        gutter=GUTTER,
    )


def _rate_panel(axis: Axis, days: Sequence[Day], y: float, height: float) -> Markup:
    found = [
        (day, day.ctr, wilson(day.clicks, day.impressions) or (day.ctr, day.ctr))
        for day in days
        if day.ctr is not None
    ]
    # A day of few impressions has an interval up to 100 %, which would flatten all the others.
    highest = max((rate for _, rate, _ in found), default=0.0)
    top = nice_top(max(highest * 1.25, min(max((i[1] for *_, i in found), default=0), 2 * highest)))

    def at(rate: float) -> float:
        return height * (1 - min(rate / top, 1) if top else 1)

    runs: list[list[tuple[Day, float, tuple[float, float]]]] = []
    for one in found:
        last = runs[-1][-1][0] if runs else None
        if (
            last is not None
            and one[0].event_date - last.event_date == timedelta(1)
            and one[0].is_so_far == last.is_so_far
        ):
            runs[-1].append(one)
        else:
            runs.append([one])
    paths, marks = [], [scale(top, y, height, lambda rate: f"{100 * rate:.3g}%")]
    for run in runs:
        line = [(axis.middle(day.event_date), at(rate)) for day, rate, _ in run]
        if len(run) > 1:
            upper = [(axis.middle(day.event_date), at(high)) for day, _, (_, high) in run]
            lower = [(axis.middle(day.event_date), at(bottom)) for day, _, (bottom, _) in run]
            paths += [path(upper + lower[::-1], "band", closed=True), path(line, "rate line")]
        else:
            (x, _), (_, _, (bottom, high)) = line[0], run[0]
            marks.append(upright(x, y + at(high), y + at(bottom), "rate line"))
    marks.append(stretched(y, height, paths))
    radius = 3.0 if axis.length <= DOTS_UP_TO_DAYS else 1.5
    marks += [
        dot(
            axis.middle(day.event_date),
            y + at(rate),
            radius,
            "rate dot so-far" if day.is_so_far else "rate dot",
            f"{text.long_day(day.event_date, is_so_far=day.is_so_far)}: "
            f"{text.percent(rate)} ({text.percent(bottom)} to {text.percent(high)})",
        )
        for day, rate, (bottom, high) in found
    ]
    return group(marks)


def spend(days: Sequence[DaySpend], now: Period | None = None) -> Picture:
    """Estimated spend by day."""
    axis = Axis.of([day.event_date for day in days])
    height = 150
    total = sum((day.estimated_spend for day in days), start=_zero(days))
    return Picture(
        key="spend",
        title="Estimated spend by day",
        description=f"{text.days(axis.first, axis.last)}: {text.money(total)} in all.",
        height=8 + height + AXIS_HEIGHT,
        marks=group(
            [
                axis.span(now, 0, 8 + height, "now") if now else group([]),
                bars(
                    axis,
                    [
                        DayValue(
                            day.event_date,
                            float(day.estimated_spend),
                            text.money(day.estimated_spend),
                            day.is_so_far,
                        )
                        for day in days
                    ],
                    8,
                    height,
                    "spend",
                ),
                axis.labels(8 + height, so_far=[day.event_date for day in days if day.is_so_far]),
            ]
        ),
        gutter=GUTTER,
    )


def _zero(days: Sequence[DaySpend]) -> Decimal:
    return days[0].estimated_spend * 0


def course(days: Sequence[PacedDay]) -> Picture:
    """Share of the budget that is used at the end of each day, against an even course."""
    axis = Axis.of([day.event_date for day in days])
    height = 120
    used = [(day, day.budget_used_share) for day in days if day.budget_used_share is not None]
    even = [(day, day.flight_elapsed_share) for day in days if day.flight_elapsed_share is not None]
    top = nice_top(max([share for _, share in [*used, *even]] + [1.0]))

    def line(found: Sequence[tuple[PacedDay, float]], class_: str) -> Markup:
        points = [
            (axis.middle(day.event_date), height * (1 - max(share, 0) / top))
            for day, share in found
        ]
        return path(points, class_)

    last = used[-1] if used else None
    return Picture(
        key="course",
        title="Share of the budget used by day; dashed: an even course",
        description=(
            f"{text.long_day(last[0].event_date)}: {text.rough_percent(last[1])} used"
            f"{_told_flight(last[0])}."
            if last
            else "No budget is used."
        ),
        height=8 + height + AXIS_HEIGHT,
        marks=group(
            [
                scale(top, 8, height, lambda part: f"{100 * part:.3g}%"),
                stretched(8, height, [line(even, "average line"), line(used, "spend line")]),
                *(
                    dot(
                        axis.middle(day.event_date),
                        8 + height * (1 - max(share, 0) / top),
                        3,
                        "spend dot",
                    )
                    for day, share in used[-1:]
                ),
                axis.labels(8 + height),
            ]
        ),
        gutter=GUTTER,
    )


def _told_flight(day: PacedDay) -> str:
    share = day.flight_elapsed_share
    return "" if share is None else f", {text.rough_percent(share)} of the flight over"
