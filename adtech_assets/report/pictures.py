"""The charts of each mart, to be shown where the mart is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from adtech_assets.report import charts
from adtech_assets.report.published import Quality, Reconciled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.published import Published
    from adtech_assets.report.svg import Picture


MOST_DAYS = 31
"""Days of a chart by day: a picture is kept for every run, so it should be small."""


def pictures(published: Published) -> dict[str, Picture]:
    """The chart of each mart that has rows to draw, by the mart's name."""
    campaigns = published.campaigns or []
    found: dict[str, Picture] = {}
    if published.days:
        found["fct_daily_summary"] = charts.daily(published.days[-MOST_DAYS:])
    if published.spend:
        found["fct_campaign_daily"] = charts.spend(published.spend[-MOST_DAYS:])
    if any(campaign.ctr is not None for campaign in campaigns):
        found["fct_campaign_ctr"] = charts.rates(campaigns)
    if any(campaign.budget_used_share is not None for campaign in campaigns):
        found["mart_campaign_kpis"] = charts.pacing(campaigns)
        found["fct_campaign_pacing_daily"] = found["mart_campaign_kpis"]
    if published.hours:
        found["fct_campaign_hour_profiles"] = charts.heat_map(published.hours)
    if published.devices:
        found["fct_user_agent_hourly"] = charts.devices(published.devices)
    if published.quality:
        found["fct_traffic_quality_daily"] = charts.quality(_recent(published.quality))
    if published.reconciliation:
        found["fct_log_reconciliation_daily"] = charts.reconciliation(
            _recent(published.reconciliation)
        )
    return found


R = TypeVar("R", Quality, Reconciled)


def _recent(rows: Sequence[R]) -> list[R]:
    last = max(row.event_date for row in rows)
    return [row for row in rows if (last - row.event_date).days < MOST_DAYS]
