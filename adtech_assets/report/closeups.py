"""Single campaigns close up: what is published of each, for a page of its own.

Read for the campaigns that have a page only; None: the mart is not published.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime  # noqa: TC003 - fields of rows
from typing import TYPE_CHECKING, Protocol, TypeVar

from adtech_assets.report.published import Day, marked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from decimal import Decimal

    from adtech_assets.report.published import Campaign

MOST_PAGES = 50
"""Campaigns that have a page, those with most impressions: 118 KB each over a quarter (92 days), so
that the file stays below 8 MB, which mail takes and a phone opens."""

R = TypeVar("R", bound="OfCampaign")


@dataclass(frozen=True, kw_only=True)
class OfCampaign:
    """A row that is of one campaign."""

    campaign_id: int


@dataclass(frozen=True, kw_only=True)
class CampaignDay(OfCampaign, Day):
    """A day of `fct_campaign_daily`."""

    estimated_spend: Decimal


@dataclass(frozen=True, kw_only=True)
class PacedDay(OfCampaign):
    """A day of `fct_campaign_pacing_daily`, at its end."""

    event_date: date
    pacing_status: str
    cumulative_estimated_spend: Decimal
    budget: Decimal | None
    budget_used_share: float | None
    elapsed_days: int | None
    flight_days: int | None
    on_schedule_indicator: float | None
    projected_spend: Decimal | None
    required_daily_spend: Decimal | None
    is_full_day: bool | None

    @property
    def flight_elapsed_share(self) -> float | None:
        """Share of the flight's days that is over."""
        if not self.flight_days or self.elapsed_days is None:
            return None
        return self.elapsed_days / self.flight_days


@dataclass(frozen=True, kw_only=True)
class CostDay(OfCampaign):
    """A day of `fct_campaign_cost_daily`: amounts are of the priced impressions."""

    event_date: date
    currency: str | None
    impressions: int
    priced_impressions: int
    clicks: int
    media_cost: Decimal | None
    data_cost: Decimal | None
    brand_safety_cost: Decimal | None
    rich_media_cost: Decimal | None
    trading_desk_fee: Decimal | None
    total_cost: Decimal | None
    invalid_cost: Decimal | None
    total_cost_eur: Decimal | None
    estimated_spend: Decimal
    is_so_far: bool = False


@dataclass(frozen=True, kw_only=True)
class Size(OfCampaign):
    """Valid impressions of a size of banner, from `fct_campaign_viewability_daily`."""

    banner_size: str
    impressions: int
    measurable_impressions: int | None
    viewable_impressions: int | None
    visible_ms: int | None

    @property
    def measurable_rate(self) -> float | None:
        """Share of the impressions that were measured."""
        return (
            None
            if self.measurable_impressions is None
            else (self.measurable_impressions / self.impressions)
        )

    @property
    def viewable_rate(self) -> float | None:
        """Share of the measured impressions that were in view."""
        if not self.measurable_impressions or self.viewable_impressions is None:
            return None
        return self.viewable_impressions / self.measurable_impressions

    @property
    def seconds_in_view(self) -> float | None:
        """Average of the measured impressions."""
        if not self.measurable_impressions or self.visible_ms is None:
            return None
        return self.visible_ms / 1000 / self.measurable_impressions


@dataclass(frozen=True, kw_only=True)
class ReachDay(OfCampaign):
    """A day of `fct_campaign_reach_daily`: browsers reached."""

    event_date: date
    impressions: int
    flagged_impressions: int
    daily_reach: int | None
    new_reach: int | None
    flagged_impressions_to_date: int
    reach_to_date: int | None
    is_so_far: bool = False

    @property
    def daily_frequency(self) -> float | None:
        """Impressions of a browser on the day."""
        return self.flagged_impressions / self.daily_reach if self.daily_reach else None

    @property
    def frequency_to_date(self) -> float | None:
        """Impressions of a browser since the first loaded day."""
        return self.flagged_impressions_to_date / self.reach_to_date if self.reach_to_date else None


@dataclass(frozen=True, kw_only=True)
class ClickQuality(OfCampaign):
    """How soon clicks came after their impressions, from `fct_campaign_click_quality_daily`."""

    clicks: int
    timed_clicks: int
    clicks_before_impression: int | None
    clicks_under_1s: int | None
    clicks_1_to_10s: int | None
    clicks_10_to_60s: int | None
    clicks_over_60s: int | None


@dataclass(frozen=True, kw_only=True)
class LandingPage(OfCampaign):
    """Where clicks led, from `fct_campaign_landing_pages_daily`."""

    landing_page: str
    clicks: int
    timed_clicks: int
    fast_clicks: int

    @property
    def fast_click_share(self) -> float | None:
        """Share of the timed clicks that came within a second."""
        return self.fast_clicks / self.timed_clicks if self.timed_clicks else None


@dataclass(frozen=True, kw_only=True)
class TrafficDay(OfCampaign):
    """A day of `fct_campaign_traffic_daily`: the log's events, and the database's."""

    event_date: date
    impressions_status: str
    clicks_status: str
    gross_impressions: int
    gross_clicks: int
    valid_impressions: int
    valid_clicks: int
    fraud_flag_impressions: int
    fraud_flag_clicks: int
    crawler_impressions: int
    crawler_clicks: int
    missing_user_agent_impressions: int
    missing_user_agent_clicks: int
    non_browser_impressions: int
    non_browser_clicks: int
    db_impressions: int
    db_clicks: int
    impressions_discrepancy: float | None
    clicks_discrepancy: float | None
    is_so_far: bool = False
    """The day was not over yet for one of the sides."""


@dataclass(frozen=True, kw_only=True)
class Placement(OfCampaign):
    """Where it was shown, by one of the columns of `fct_campaign_placement_daily`."""

    column: str
    member: str
    impressions: int
    clicks: int
    invalid_events: int
    measurable_impressions: int | None
    viewable_impressions: int | None
    total_cost_eur: Decimal | None

    @property
    def ivt_rate(self) -> float | None:
        """Share of the invalid events in all."""
        events = self.impressions + self.clicks
        return self.invalid_events / events if events else None

    @property
    def viewable_rate(self) -> float | None:
        """Share of the measured impressions that were in view."""
        if not self.measurable_impressions or self.viewable_impressions is None:
            return None
        return self.viewable_impressions / self.measurable_impressions


@dataclass(frozen=True, kw_only=True)
class Version(OfCampaign):
    """Terms of a campaign, from when to when: `dim_campaign_versions`."""

    campaign_name: str | None
    advertiser_name: str | None
    bid: Decimal | None
    budget: Decimal | None
    start_date: date | None
    end_date: date | None
    is_first: bool
    valid_from: datetime
    valid_until: datetime | None


@dataclass(frozen=True)
class CloseUp:
    """What is published of a campaign. None: the mart is not published; empty: nothing of it is."""

    campaign: Campaign
    days: list[CampaignDay] | None = None
    pacing: list[PacedDay] | None = None
    costs: list[CostDay] | None = None
    sizes: list[Size] | None = None
    reach: list[ReachDay] | None = None
    clicks: list[ClickQuality] | None = None
    landing_pages: list[LandingPage] | None = None
    traffic: list[TrafficDay] | None = None
    placements: list[Placement] | None = None
    versions: list[Version] | None = None


_OF_THESE = "campaign_id = ANY(%(campaigns)s)"
_OF_THEIR_DAYS = f"{_OF_THESE} AND event_date BETWEEN %(first)s AND %(last)s"

_DAYS = f"""
SELECT
    campaign_id, event_date, impressions, clicks, estimated_spend,
    CASE WHEN impressions > 0 THEN ctr END AS ctr
FROM marts.fct_campaign_daily
WHERE {_OF_THEIR_DAYS}
ORDER BY event_date
"""
_PACING = f"""
SELECT
    campaign_id, event_date, pacing_status, cumulative_estimated_spend, budget, budget_used_share,
    elapsed_days, flight_days, on_schedule_indicator, projected_spend, required_daily_spend,
    is_full_day
FROM marts.fct_campaign_pacing_daily
WHERE {_OF_THEIR_DAYS}
ORDER BY event_date
"""
_COSTS = f"""
SELECT
    campaign_id, event_date, currency, impressions, priced_impressions, clicks, media_cost,
    data_cost, brand_safety_cost, rich_media_cost, trading_desk_fee, total_cost, invalid_cost,
    total_cost_eur, estimated_spend
FROM marts.fct_campaign_cost_daily
WHERE {_OF_THEIR_DAYS}
ORDER BY event_date
"""
_SIZES = f"""
SELECT
    campaign_id, banner_size, sum(impressions)::bigint AS impressions,
    sum(measurable_impressions)::bigint AS measurable_impressions,
    sum(viewable_impressions)::bigint AS viewable_impressions,
    sum(visible_ms)::bigint AS visible_ms
FROM marts.fct_campaign_viewability_daily
WHERE {_OF_THEIR_DAYS}
GROUP BY campaign_id, banner_size
ORDER BY impressions DESC, banner_size
"""
_REACH = f"""
SELECT
    campaign_id, event_date, impressions, flagged_impressions, daily_reach, new_reach,
    flagged_impressions_to_date, reach_to_date
FROM marts.fct_campaign_reach_daily
WHERE {_OF_THEIR_DAYS}
ORDER BY event_date
"""
_CLICKS = f"""
SELECT
    campaign_id, sum(clicks)::bigint AS clicks, sum(timed_clicks)::bigint AS timed_clicks,
    sum(clicks_before_impression)::bigint AS clicks_before_impression,
    sum(clicks_under_1s)::bigint AS clicks_under_1s,
    sum(clicks_1_to_10s)::bigint AS clicks_1_to_10s,
    sum(clicks_10_to_60s)::bigint AS clicks_10_to_60s,
    sum(clicks_over_60s)::bigint AS clicks_over_60s
FROM marts.fct_campaign_click_quality_daily
WHERE {_OF_THEIR_DAYS}
GROUP BY campaign_id
"""
_LANDING_PAGES = f"""
SELECT
    campaign_id, landing_page, sum(clicks)::bigint AS clicks,
    sum(timed_clicks)::bigint AS timed_clicks, sum(fast_clicks)::bigint AS fast_clicks
FROM marts.fct_campaign_landing_pages_daily
WHERE {_OF_THEIR_DAYS}
GROUP BY campaign_id, landing_page
ORDER BY clicks DESC, landing_page
"""
_TRAFFIC = f"""
SELECT
    campaign_id, event_date, impressions_status, clicks_status, gross_impressions, gross_clicks,
    valid_impressions, valid_clicks, fraud_flag_impressions, fraud_flag_clicks,
    crawler_impressions, crawler_clicks, missing_user_agent_impressions,
    missing_user_agent_clicks, non_browser_impressions, non_browser_clicks, db_impressions,
    db_clicks, impressions_discrepancy, clicks_discrepancy
FROM marts.fct_campaign_traffic_daily
WHERE {_OF_THEIR_DAYS}
ORDER BY event_date
"""
# Each of the columns by itself. Euros have a sum where all rows that cost have them.
_PLACEMENTS = f"""
SELECT
    campaign_id,
    CASE
        WHEN GROUPING(publisher_domain) = 0 THEN 'publisher_domain'
        WHEN GROUPING(deal) = 0 THEN 'deal'
        ELSE 'device_type_id'
    END AS column,
    CASE
        WHEN GROUPING(publisher_domain) = 0 THEN publisher_domain
        WHEN GROUPING(deal) = 0 THEN deal
        ELSE device_type_id
    END AS member,
    sum(impressions)::bigint AS impressions, sum(clicks)::bigint AS clicks,
    sum(invalid_impressions + invalid_clicks)::bigint AS invalid_events,
    sum(measurable_impressions)::bigint AS measurable_impressions,
    sum(viewable_impressions)::bigint AS viewable_impressions,
    CASE
        WHEN bool_and(priced_impressions = 0 OR total_cost_eur IS NOT NULL)
            THEN sum(total_cost_eur)
    END AS total_cost_eur
FROM marts.fct_campaign_placement_daily
WHERE {_OF_THEIR_DAYS}
GROUP BY GROUPING SETS (
    (campaign_id, publisher_domain), (campaign_id, deal), (campaign_id, device_type_id)
)
ORDER BY impressions DESC, clicks DESC, member
"""
_VERSIONS = f"""
SELECT
    campaign_id, campaign_name, advertiser_name, bid, budget, start_date, end_date, is_first,
    valid_from, valid_until
FROM marts.dim_campaign_versions
LEFT JOIN marts.dim_advertisers USING (advertiser_id)
WHERE {_OF_THESE}
ORDER BY valid_from
"""


class Rows(Protocol):
    """Reads rows of a type by a query of marts; None where one of these is not published."""

    def __call__(  # noqa: D102 - as the class says
        self, row: type[R], query: str, *marts: str, **parameters: object
    ) -> list[R] | None: ...


def read(
    rows: Rows,
    campaigns: Sequence[Campaign],
    in_database: Collection[date],
    in_logs: Collection[date],
) -> dict[int, CloseUp]:
    """Close-ups by campaign, in the order of the campaigns.

    Args:
        rows: reads them.
        campaigns: whose.
        in_database: days that were not over when the database was read last.
        in_logs: days that were not over when log files were loaded last.
    """
    if not campaigns:
        return {}
    ids = [campaign.campaign_id for campaign in campaigns]

    def of_each(row: type[R], query: str, *marts: str) -> Callable[[int], list[R] | None]:
        found = rows(row, query, *marts, campaigns=ids)
        by_campaign: dict[int, list[R]] = {}
        for each in found or ():
            by_campaign.setdefault(each.campaign_id, []).append(each)
        return lambda campaign: None if found is None else by_campaign.get(campaign, [])

    days = of_each(CampaignDay, _DAYS, "fct_campaign_daily")
    pacing = of_each(PacedDay, _PACING, "fct_campaign_pacing_daily")
    costs = of_each(CostDay, _COSTS, "fct_campaign_cost_daily")
    sizes = of_each(Size, _SIZES, "fct_campaign_viewability_daily")
    reach = of_each(ReachDay, _REACH, "fct_campaign_reach_daily")
    clicks = of_each(ClickQuality, _CLICKS, "fct_campaign_click_quality_daily")
    landing_pages = of_each(LandingPage, _LANDING_PAGES, "fct_campaign_landing_pages_daily")
    traffic = of_each(TrafficDay, _TRAFFIC, "fct_campaign_traffic_daily")
    placements = of_each(Placement, _PLACEMENTS, "fct_campaign_placement_daily")
    versions = of_each(Version, _VERSIONS, "dim_campaign_versions", "dim_advertisers")
    in_either = {*in_database, *in_logs}
    return {
        campaign.campaign_id: CloseUp(
            campaign,
            days=marked(days(campaign.campaign_id), in_database),
            pacing=pacing(campaign.campaign_id),
            costs=marked(costs(campaign.campaign_id), in_either),
            sizes=sizes(campaign.campaign_id),
            reach=marked(reach(campaign.campaign_id), in_logs),
            clicks=clicks(campaign.campaign_id),
            landing_pages=landing_pages(campaign.campaign_id),
            traffic=marked(traffic(campaign.campaign_id), in_either),
            placements=placements(campaign.campaign_id),
            versions=versions(campaign.campaign_id),
        )
        for campaign in campaigns
    }
