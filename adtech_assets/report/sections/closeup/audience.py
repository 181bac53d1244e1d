"""How it was seen, and whom it reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.sections.closeup.parts import (
    Part,
    by_day,
    count_column,
    day_column,
    measure_column,
)
from adtech_assets.report.sections.parts import Table, TableColumn, missing, of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.closeups import CloseUp, ReachDay, Size
    from adtech_assets.report.published import Published


_SIZE_COLUMNS: Sequence[TableColumn[Size]] = (
    TableColumn(
        "Banner", lambda size: text.name(size.banner_size or "not said"), of("banner_size")
    ),
    count_column("Impressions (net)", "impressions"),
    TableColumn(
        "Measured",
        lambda size: text.rough_percent(size.measurable_rate),
        of("measurable_impressions", "measurable_rate"),
        "number",
    ),
    TableColumn(
        "Viewable",
        lambda size: text.rough_percent(size.viewable_rate),
        of("viewable_impressions", "viewable_rate"),
        "number",
    ),
    measure_column("Seconds in view", "seconds_in_view", 1),
)


def viewability(published: Published, closeup: CloseUp) -> Part:
    """How its banners were seen, by size."""
    key, title, sizes = "viewability", "Viewability", closeup.sizes
    if not sizes:
        absent = missing(
            published, sizes, "fct_campaign_viewability_daily", "valid impressions of this campaign"
        )
        return Part(key=key, title=title, missing=absent)
    return Part(
        key=key,
        title=title,
        intro=(
            "Of valid logged impressions. Viewable and seconds are of the measured ones; – is what "
            "the log does not say."
        ),
        tables=(Table("How its banners were seen, by size", _SIZE_COLUMNS, sizes),),
    )


_REACH_COLUMNS: Sequence[TableColumn[ReachDay]] = (
    day_column(),
    count_column("Impressions (net)", "impressions"),
    count_column("Browsers", "daily_reach"),
    measure_column("Frequency", "daily_frequency", 1),
    count_column("New browsers", "new_reach"),
    count_column("Browsers to date", "reach_to_date"),
)


def reach(published: Published, closeup: CloseUp) -> Part:
    """Browsers reached, by day and to date."""
    key, title, days = "reach", "Reach", closeup.reach
    if not days:
        absent = missing(
            published, days, "fct_campaign_reach_daily", "valid impressions of this campaign"
        )
        return Part(key=key, title=title, missing=absent)
    last = days[-1]
    if last.reach_to_date is None:
        return Part(
            key=key,
            title=title,
            missing="The log does not flag which impressions are the first of their browser.",
        )
    fresh = [day.new_reach for day in days if day.new_reach is not None]
    return Part(
        key=key,
        title=title,
        intro=(
            f"{text.counted(sum(fresh), 'browser')} reached for the first time. To date, from the "
            f"first loaded day to {text.long_day(last.event_date)}: "
            f"{text.counted(last.reach_to_date, 'browser')}, "
            f"{text.number(last.frequency_to_date, 1)} impressions each. Browsers of several days "
            "have no sum: many are the same."
        ),
        tables=(by_day("Browsers reached", _REACH_COLUMNS, days),),
    )
