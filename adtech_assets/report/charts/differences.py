"""How far the log is from the database, by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text, words
from adtech_assets.report.charts.axes import (
    AXIS_HEIGHT,
    GUTTER,
    PANEL_HEAD,
    Axis,
    head_line,
    nice_top,
)
from adtech_assets.report.svg import (
    Picture,
    group,
    rect,
    rule,
    tag,
)
from adtech_assets.report.svg import text as label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.published import (
        Reconciled,
    )


WARN_SHARE, BREACH_SHARE = 0.01, 0.10
"""Differences between log and database that are told, and that are too large."""

SYMBOLS_UP_TO_DAYS = 31

SYMBOLS = {"ok": "✓", "warn": "!", "breach": "✕", "log_missing": "∅", "db_missing": "∅"}


def reconciliation(rows: Sequence[Reconciled]) -> Picture:
    """How far the log is from the database, by day and type of event."""
    axis = Axis.of([row.event_date for row in rows])
    types = sorted({row.event_type for row in rows}, reverse=True)
    largest = max(
        (abs(r.log_db_discrepancy) for r in rows if r.log_db_discrepancy is not None), default=0
    )
    top = nice_top(min(max(largest, 2 * WARN_SHARE), 2.5 * BREACH_SHARE))
    half, between = 60, 22
    marks = []
    bottom = 0.0
    for number, event_type in enumerate(types):
        head = number * (2 * half + PANEL_HEAD + between)
        zero = head + PANEL_HEAD + half
        bottom = zero + half
        marks += [head_line(head, event_type.capitalize()), *_tolerances(zero, half, top)]
        for row in rows:
            if row.event_type == event_type:
                marks += _difference(axis, row, zero, half, top)
    so_far = [row.event_date for row in rows if row.is_so_far]
    marks.append(axis.labels(bottom, so_far))
    compared = [row for row in rows if not row.is_so_far]
    good = [row for row in compared if row.status == "ok"]
    return Picture(
        key="reconciliation",
        title="Difference between log and database by day, as a share of the database",
        description=(
            f"{text.days(axis.first, axis.last)}: {len(good)} of {len(compared)} "
            "comparisons of full days agree within 1 %."
        ),
        height=int(bottom) + AXIS_HEIGHT,
        marks=group(marks),
        gutter=GUTTER,
    )


def _tolerances(zero: float, half: float, top: float) -> list[Markup]:
    within = half * min(WARN_SHARE / top, 1)
    marks = [
        tag("rect", x=0, width="100%", y=zero - within, height=2 * within, class_="tolerance"),
        rule(zero, "base"),
    ]
    for part in (top, -top):
        y = zero - half * part / top
        marks += [
            rule(y),
            tag(
                "text",
                text.signed_percent(part).replace(".0%", "%"),
                x=-8,
                y=y + 4,
                class_="axis",
                text_anchor="end",
            ),
        ]
    marks.append(tag("text", "0%", x=-8, y=zero + 4, class_="axis", text_anchor="end"))
    if top > BREACH_SHARE * 1.2:
        marks += [rule(zero - half * part / top, "limit") for part in (BREACH_SHARE, -BREACH_SHARE)]
    return marks


def _difference(axis: Axis, row: Reconciled, zero: float, half: float, top: float) -> list[Markup]:
    x, width = axis.bar(row.event_date)
    hint = (
        f"{text.long_day(row.event_date, is_so_far=row.is_so_far)}, {row.event_type}: "
        f"log {row.log_events:,}, database {row.db_events:,}, "
        f"{text.signed_percent(row.log_db_discrepancy)}, {words.discrepancy_words(row.status)}"
    )
    found = row.log_db_discrepancy
    share = 1.0 if found is None else abs(found) / top
    # Nothing on either side has no share, but is no difference.
    size = 0 if row.log_events == row.db_events else half * min(share, 1)
    is_up = found is None or found > 0
    y = zero - size if is_up else zero
    look = f"status-{row.status} so-far" if row.is_so_far else f"status-{row.status}"
    marks = [rect(x, y, width, max(size, 1.5), look, hint)]
    if row.status != "ok" and not row.is_so_far and axis.length <= SYMBOLS_UP_TO_DAYS:
        symbol_y = max(y - 4, zero - half + 10) if is_up else min(y + size + 12, zero + half - 2)
        class_ = "symbol over" if size > half - 14 else "symbol"
        marks.append(
            label(
                x + width / 2, symbol_y, SYMBOLS.get(row.status, "?"), class_, text_anchor="middle"
            )
        )
    return marks
