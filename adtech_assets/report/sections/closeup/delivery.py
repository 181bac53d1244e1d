"""What was delivered, by day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import charts, text
from adtech_assets.report.sections.closeup.parts import (
    Part,
    by_day,
    count_column,
    day_column,
    money_column,
)
from adtech_assets.report.sections.parts import TableColumn, missing, of, total_of
from adtech_assets.report.statistics import wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.closeups import CampaignDay, CloseUp
    from adtech_assets.report.published import Published


_DELIVERY_COLUMNS: Sequence[TableColumn[CampaignDay]] = (
    day_column(),
    count_column("Impressions", "impressions"),
    count_column("Clicks", "clicks"),
    TableColumn(
        "Click-through rate",
        lambda day: text.rate(day.clicks, day.impressions),
        of("ctr", "ctr_low", "ctr_high"),
        "number",
    ),
    money_column("Est. spend", "estimated_spend"),
)


def delivery(published: Published, closeup: CloseUp) -> Part:
    """Impressions, clicks, their rate and estimated spend by day."""
    key, title, days = "delivery", "Delivery", closeup.days
    if not days:
        absent = missing(published, days, "fct_campaign_daily", "days of this campaign")
        return Part(key=key, title=title, is_broad=True, missing=absent)
    impressions, clicks = sum(d.impressions for d in days), sum(d.clicks for d in days)
    interval = wilson(clicks, impressions)
    rate = text.rate(clicks, impressions)
    if interval:
        rate += f" (95 % interval {text.percent(interval[0])} to {text.percent(interval[1])})"
    is_anything_so_far = any(day.is_so_far for day in days)
    return Part(
        key=key,
        title=title,
        is_broad=True,
        intro=(
            f"{text.counted(impressions, 'impression')}, {text.counted(clicks, 'click')}, "
            f"click-through rate {rate}, estimated spend "
            f"{text.money(total_of(day.estimated_spend for day in days))}."
            f"{text.SO_FAR_DRAWN if is_anything_so_far else ''}"
        ),
        chart=charts.daily(days),
        tables=(by_day("Impressions, clicks and estimated spend", _DELIVERY_COLUMNS, days),),
    )
