"""Spend against budget and flight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import charts, text, words
from adtech_assets.report.sections.closeup.parts import (
    Part,
    by_day,
    day_column,
    money_column,
    share_column,
)
from adtech_assets.report.sections.parts import Fact, TableColumn, facts, missing, of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.closeups import CloseUp, PacedDay
    from adtech_assets.report.published import Published


_PACING_COLUMNS: Sequence[TableColumn[PacedDay]] = (
    day_column(so_far=False),
    TableColumn(
        "Pacing", lambda day: words.status_words(day.pacing_status), of("pacing_status"), "nowrap"
    ),
    money_column("Spent to date", "cumulative_estimated_spend"),
    money_column("Budget", "budget"),
    share_column("Used", "budget_used_share"),
    share_column("Flight over", "flight_elapsed_share"),
)


def pacing(published: Published, closeup: CloseUp) -> Part:
    """Spend to date against budget and flight, at the end of the last full day."""
    key, title, days = "pacing", "Pacing", closeup.pacing
    if not days:
        absent = missing(published, days, "fct_campaign_pacing_daily", "days of this campaign")
        return Part(key=key, title=title, missing=absent)
    paced = [day for day in days if day.event_date == published.paced_day] or days[-1:]
    now = paced[0]
    flight = (
        text.NOTHING
        if now.flight_days is None
        else f"{now.elapsed_days} of {text.counted(now.flight_days, 'day')}"
    )
    has_course = any(day.budget_used_share is not None for day in days)
    return Part(
        key=key,
        title=title,
        intro=f"To date, up to {text.long_day(now.event_date)}; budget and flight of then.",
        chart=charts.course(days) if has_course else None,
        tables=(
            facts(
                f"Spend against an even course at the end of {text.long_day(now.event_date)}",
                "State",
                (
                    Fact("Pacing", words.status_words(now.pacing_status), now.pacing_status),
                    Fact(
                        "Estimated spend to date",
                        text.money(now.cumulative_estimated_spend),
                        now.cumulative_estimated_spend,
                    ),
                    Fact("Budget", text.money(now.budget), now.budget),
                    Fact(
                        "Budget used",
                        text.rough_percent(now.budget_used_share),
                        now.budget_used_share,
                    ),
                    Fact("Flight over", flight, now.flight_elapsed_share),
                    Fact("Projected spend", text.money(now.projected_spend), now.projected_spend),
                    Fact(
                        "Needed a day from now on",
                        text.money(now.required_daily_spend),
                        now.required_daily_spend,
                    ),
                ),
                "number",
            ),
            by_day("Spend against budget and flight", _PACING_COLUMNS, days),
        ),
    )
