"""The charts of each mart, to be shown where the mart is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.serving.report import charts

if TYPE_CHECKING:
    from adtech_assets.serving.report.published import Published
    from adtech_assets.serving.report.svg import Picture


def pictures(published: Published) -> dict[str, Picture]:
    """The chart of each mart that has rows to draw, by the mart's name."""
    campaigns = published.campaigns or []
    found: dict[str, Picture] = {}
    if published.days:
        found["fct_daily_summary"] = charts.daily(published.days)
    if published.spend:
        found["fct_campaign_daily"] = charts.spend(published.spend)
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
        found["fct_traffic_quality_daily"] = charts.quality(published.quality)
    if published.reconciliation:
        found["fct_log_reconciliation_daily"] = charts.reconciliation(published.reconciliation)
    return found
