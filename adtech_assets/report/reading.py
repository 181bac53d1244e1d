"""How the report reads what is published: marts and `load_audit`, at one instant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date  # noqa: TC003 - a field of rows
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from adtech_assets.publish.marts import REPORTED, SCHEMA
from adtech_assets.report import closeups
from adtech_assets.report.published import (
    CAMPAIGNS_OF_DAYS,
    DELIVERED,
    Campaign,
    Day,
    DaySpend,
    DeliveredHours,
    Delivery,
    Device,
    Earlier,
    Hour,
    Load,
    Mover,
    Published,
    Quality,
    Reconciled,
    marked,
)
from adtech_assets.report.statistics import Period, last_days, period_before, wilson
from adtech_assets.stores.postgres import retried

if TYPE_CHECKING:
    from adtech_assets.stores.postgres import Postgres

MOST_DAYS = 92
"""Days that charts and tables by day show: a quarter, three pixels a day on a phone."""

R = TypeVar("R")


@dataclass(frozen=True)
class Elapsed:
    """How much of a campaign's flight was over on the day that is paced, the last full one."""

    campaign_id: int
    event_date: date
    elapsed_days: int | None
    flight_days: int | None


@dataclass(frozen=True)
class _SoFar:
    """A day that one of the sides has not seen to its end."""

    date_day: date
    in_database: bool
    in_logs: bool


# Of the chosen period; else the last days, counted from the newest of any mart, so that all charts
# by day agree.
_SHOWN = "event_date BETWEEN %(first)s AND %(last)s"

# Clicks without impressions are 1 in the marts, but no rate that anybody could look at.
_RATE = "CASE WHEN impressions > 0 THEN ctr END AS ctr"
_DAYS = f"""
SELECT event_date, impressions::bigint, clicks::bigint, {_RATE}
FROM marts.fct_daily_summary
WHERE {_SHOWN}
ORDER BY event_date
"""
_SPEND = f"""
SELECT event_date, sum(estimated_spend)::numeric(38, 2) AS estimated_spend
FROM marts.fct_campaign_daily
WHERE {_SHOWN}
GROUP BY event_date
ORDER BY event_date
"""
_CAMPAIGNS = f"""
SELECT
    campaign_id, campaign_name, impressions, clicks, {_RATE}, ctr_low, ctr_high, advertiser_name,
    pacing_status, estimated_spend, budget, budget_used_share, on_schedule_indicator,
    projected_spend, anomalous_days, is_current, estimated_spend AS spend_to_date
FROM marts.mart_campaign_kpis
ORDER BY impressions DESC, clicks DESC, campaign_id
"""
_RATES = f"""
SELECT
    campaign_id, campaign_name, impressions, clicks, {_RATE},
    NULL::float8 AS ctr_low, NULL::float8 AS ctr_high
FROM marts.fct_campaign_ctr
ORDER BY impressions DESC, clicks DESC, campaign_id
"""
_PACED_DAY = """(
    SELECT coalesce(max(event_date) FILTER (WHERE is_full_day), max(event_date))
    FROM marts.fct_campaign_pacing_daily
    WHERE NOT %(is_chosen)s OR event_date BETWEEN %(first)s AND %(last)s
)"""
_ELAPSED = f"""
SELECT campaign_id, event_date, elapsed_days, flight_days
FROM marts.fct_campaign_pacing_daily
WHERE event_date = {_PACED_DAY}
"""
# Counts and spend of the period, added up from its days; pacing, budget and advertiser as they were
# at its end.
_CAMPAIGNS_OF_DAYS = f"""
WITH counted AS (
    SELECT
        campaign_id, sum(impressions)::bigint AS impressions, sum(clicks)::bigint AS clicks,
        sum(estimated_spend)::numeric(38, 2) AS estimated_spend,
        (array_agg(advertiser_id ORDER BY event_date DESC))[1] AS advertiser_id
    FROM marts.fct_campaign_daily
    WHERE {_SHOWN}
    GROUP BY campaign_id
), unusual AS (
    SELECT campaign_id, count(*) AS anomalous_days
    FROM marts.fct_campaign_ctr_anomalies
    WHERE is_anomaly AND {_SHOWN}
    GROUP BY campaign_id
), paced AS (
    SELECT
        campaign_id, pacing_status, budget, budget_used_share, on_schedule_indicator,
        projected_spend, cumulative_estimated_spend AS spend_to_date
    FROM marts.fct_campaign_pacing_daily
    WHERE event_date = {_PACED_DAY}
)
SELECT
    campaign_id, campaign_name, impressions, clicks,
    CASE WHEN impressions > 0 THEN least(clicks::float8 / impressions, 1) END AS ctr,
    NULL::float8 AS ctr_low, NULL::float8 AS ctr_high, advertiser_name, pacing_status,
    estimated_spend, paced.budget, budget_used_share, on_schedule_indicator, projected_spend,
    coalesce(anomalous_days, 0) AS anomalous_days, dim_campaigns.is_current, spend_to_date
FROM counted
LEFT JOIN paced USING (campaign_id)
LEFT JOIN unusual USING (campaign_id)
LEFT JOIN marts.dim_campaigns USING (campaign_id)
LEFT JOIN marts.dim_advertisers ON dim_advertisers.advertiser_id = counted.advertiser_id
ORDER BY impressions DESC, clicks DESC, campaign_id
"""
# Days that one of the sides has not seen to their end. What is not known to go on is taken as over.
_SO_FAR = """
SELECT
    date_day, is_full_in_database IS FALSE AS in_database, is_full_in_logs IS FALSE AS in_logs
FROM marts.dim_dates
WHERE is_full_in_database IS FALSE OR is_full_in_logs IS FALSE
"""
_HOURS = """
SELECT
    iso_weekday, hour_of_day,
    sum(impressions)::bigint AS impressions, sum(clicks)::bigint AS clicks
FROM marts.fct_campaign_hour_profiles
GROUP BY iso_weekday, hour_of_day
ORDER BY iso_weekday, hour_of_day
"""
_DEVICES = f"""
SELECT
    coalesce(agents.device_class, 'unknown') AS device_class,
    sum(hours.gross_impressions)::bigint AS gross_impressions,
    sum(hours.gross_clicks)::bigint AS gross_clicks,
    sum(hours.valid_impressions)::bigint AS valid_impressions,
    sum(hours.valid_clicks)::bigint AS valid_clicks
FROM marts.fct_user_agent_hourly AS hours
LEFT JOIN marts.dim_user_agents AS agents USING (user_agent_id)
WHERE hours.{_SHOWN}
GROUP BY 1
ORDER BY gross_impressions DESC, gross_clicks DESC, device_class
"""
_QUALITY = f"""
SELECT event_date, invalid_reason, impressions, clicks
FROM marts.fct_traffic_quality_daily
WHERE {_SHOWN}
ORDER BY event_date, invalid_reason
"""
_RECONCILIATION = f"""
SELECT event_date, event_type, status, log_events, db_events, log_db_discrepancy
FROM marts.fct_log_reconciliation_daily
WHERE {_SHOWN}
ORDER BY event_date, event_type DESC
"""
# Amounts have a sum where all days that have any have one currency, euros where all have them.
_DELIVERIES = f"""
WITH cost AS (
    SELECT
        campaign_id, sum(impressions)::bigint AS impressions,
        max(currency) FILTER (WHERE priced_impressions > 0) AS currency,
        count(DISTINCT coalesce(currency, '')) FILTER (WHERE priced_impressions > 0) <= 1
            AND count(*) FILTER (WHERE priced_impressions > 0 AND total_cost IS NULL) = 0
            AS has_one_currency,
        count(*) FILTER (WHERE priced_impressions > 0 AND total_cost_eur IS NULL) = 0
            AS is_in_euros,
        sum(priced_impressions) AS priced, sum(media_cost) AS media_cost,
        sum(total_cost) AS total_cost, sum(total_cost_eur) AS total_cost_eur
    FROM marts.fct_campaign_cost_daily
    WHERE {_SHOWN}
    GROUP BY campaign_id
), views AS (
    SELECT
        campaign_id, sum(measurable_impressions) AS measurable,
        sum(viewable_impressions) AS viewable, sum(visible_ms) AS visible_ms
    FROM marts.fct_campaign_viewability_daily
    WHERE {_SHOWN}
    GROUP BY campaign_id
), clicks AS (
    SELECT
        campaign_id, sum(timed_clicks) AS timed,
        sum(clicks_before_impression + clicks_under_1s) AS fast
    FROM marts.fct_campaign_click_quality_daily
    WHERE {_SHOWN}
    GROUP BY campaign_id
), reach AS (
    SELECT DISTINCT ON (campaign_id) campaign_id, reach_to_date, flagged_impressions_to_date
    FROM marts.fct_campaign_reach_daily
    WHERE event_date <= %(last)s
    ORDER BY campaign_id, event_date DESC
)
SELECT
    campaign_id, campaign_name, cost.impressions,
    CASE WHEN has_one_currency THEN currency END AS currency,
    CASE WHEN has_one_currency THEN total_cost END AS total_cost,
    CASE WHEN is_in_euros THEN total_cost_eur END AS total_cost_eur,
    CASE WHEN has_one_currency THEN 1000 * total_cost::float8 / nullif(priced, 0) END AS ecpm,
    CASE WHEN has_one_currency
        THEN (total_cost - media_cost)::float8 / nullif(total_cost, 0)::float8 END AS fee_share,
    viewable::float8 / nullif(measurable, 0) AS viewable_rate,
    visible_ms::float8 / 1000 / nullif(measurable, 0) AS seconds_in_view,
    reach_to_date AS reach,
    flagged_impressions_to_date::float8 / nullif(reach_to_date, 0) AS frequency,
    fast::float8 / nullif(timed, 0) AS fast_click_share
FROM cost
LEFT JOIN views USING (campaign_id)
LEFT JOIN clicks USING (campaign_id)
LEFT JOIN reach USING (campaign_id)
LEFT JOIN marts.dim_campaigns USING (campaign_id)
WHERE cost.impressions > 0
ORDER BY cost.impressions DESC, campaign_id
"""
# Of the last week that is over by the last of the days, and within them if they are chosen.
_MOVERS = """
SELECT
    dimension, place, member, campaign_name, impressions, impressions_before, impressions_change,
    impressions_change_share, week_start
FROM marts.fct_weekly_movers
LEFT JOIN marts.dim_campaigns ON dimension = 'campaign' AND campaign_id::text = member
WHERE week_start = (
    SELECT max(week_start) FROM marts.fct_weekly_movers
    WHERE week_start + 6 <= %(last)s AND (NOT %(is_chosen)s OR week_start >= %(first)s)
)
ORDER BY dimension = 'deal', dimension = 'publisher_domain', place
"""
_DELIVERED_HOURS = f"""
WITH hours AS (
    SELECT *, min(event_date) OVER () AS first_day, max(event_date) OVER () AS last_day
    FROM marts.fct_campaign_delivery_hourly
    WHERE {_SHOWN}
), ends AS (
    SELECT DISTINCT ON (campaign_id)
        campaign_id, projected_impressions, projected_low, projected_high
    FROM hours
    WHERE event_date = last_day
    ORDER BY campaign_id, hour_at DESC
), counted AS (
    SELECT
        campaign_id, count(*) AS hours, first_day, last_day,
        count(*) FILTER (WHERE delivery_status = 'under') AS under,
        count(*) FILTER (WHERE delivery_status = 'over') AS over
    FROM hours
    GROUP BY campaign_id, first_day, last_day
)
SELECT
    campaign_id, campaign_name, counted.hours, under, over, projected_impressions, projected_low,
    projected_high, first_day, last_day
FROM counted
LEFT JOIN ends USING (campaign_id)
LEFT JOIN marts.dim_campaigns USING (campaign_id)
ORDER BY under + over DESC, projected_impressions DESC NULLS LAST, campaign_id
"""
_LOADS = """
SELECT day, loaded_at FROM public.load_audit
WHERE NOT %(is_chosen)s OR day BETWEEN %(first)s AND %(last)s
ORDER BY day
"""

_DATED = ("fct_daily_summary", "fct_traffic_quality_daily", "fct_log_reconciliation_daily")


@retried
def read(target: Postgres, period: Period | None = None) -> Published:
    """Read what is published now, all of it at one instant.

    Args:
        target: where it is published.
        period: of these days only, and of as many before them; else of all.

    Raises:
        TransientError: the database did not come back within the retries.
        UserError: the database cannot be used.
    """
    with target.connect(read_only=True, one_instant=True) as connection:
        return _Reader(connection, period).read()


class _Reader:
    def __init__(self, connection: psycopg.Connection, period: Period | None) -> None:
        self._connection = connection
        self._there = self._published_marts()
        self._period = period
        known = self._known()
        recent = known and last_days(known.last, MOST_DAYS)
        self._shown = self._bounds(period or recent)
        self._told = period or (
            known and recent and Period(max(known.first, recent.first), known.last)
        )

    def read(self) -> Published:
        so_far = self._rows(_SoFar, _SO_FAR, "dim_dates") or []
        in_database = {row.date_day for row in so_far if row.in_database}
        in_logs = {row.date_day for row in so_far if row.in_logs}
        elapsed = self._rows(Elapsed, _ELAPSED, "fct_campaign_pacing_daily") or []

        def days() -> list[Day] | None:
            return marked(self._rows(Day, _DAYS, "fct_daily_summary"), in_database)

        def spend() -> list[DaySpend] | None:
            return marked(self._rows(DaySpend, _SPEND, "fct_campaign_daily"), in_database)

        def quality() -> list[Quality] | None:
            return marked(self._rows(Quality, _QUALITY, "fct_traffic_quality_daily"), in_logs)

        campaigns = self._campaigns(elapsed)
        published = Published(
            period=self._period,
            shown=self._told,
            days=days(),
            spend=spend(),
            campaigns=campaigns,
            closeups=closeups.read(
                self._rows, (campaigns or [])[: closeups.MOST_PAGES], in_database, in_logs
            ),
            hours=self._rows(Hour, _HOURS, "fct_campaign_hour_profiles"),
            devices=self._rows(Device, _DEVICES, "fct_user_agent_hourly", "dim_user_agents"),
            quality=quality(),
            reconciliation=marked(
                self._rows(Reconciled, _RECONCILIATION, "fct_log_reconciliation_daily"),
                in_database | in_logs,
            ),
            deliveries=self._rows(Delivery, _DELIVERIES, *DELIVERED),
            movers=self._rows(Mover, _MOVERS, "fct_weekly_movers", "dim_campaigns"),
            delivered_hours=self._rows(
                DeliveredHours, _DELIVERED_HOURS, "fct_campaign_delivery_hourly", "dim_campaigns"
            ),
            loads=self._loads(),
            paced_day=elapsed[0].event_date if elapsed else None,
            has_money=self._there.issuperset(
                CAMPAIGNS_OF_DAYS if self._period else ("mart_campaign_kpis",)
            ),
            unpublished=[mart for mart in REPORTED if mart not in self._there],
        )
        before = self._period and period_before(self._period)
        if before is None:
            return published
        self._shown = self._bounds(before)
        return replace(published, earlier=Earlier(days(), spend(), quality()))

    def _published_marts(self) -> set[str]:
        """The marts with every column that the report reads."""
        found: dict[str, set[str]] = {}
        rows = self._connection.execute(
            "SELECT relname::text, attname::text FROM pg_attribute "
            "JOIN pg_class ON pg_class.oid = attrelid "
            "WHERE relnamespace = to_regnamespace(%s) AND attnum > 0 AND NOT attisdropped",
            [SCHEMA],
        )
        for mart, column in rows:
            found.setdefault(mart, set()).add(column)
        return {mart for mart, columns in REPORTED.items() if found.get(mart, set()) >= {*columns}}

    def _known(self) -> Period | None:
        """From the first published day to the last."""
        ends = [
            self._connection.execute(
                sql.SQL("SELECT min(event_date), max(event_date) FROM {}").format(
                    sql.Identifier(SCHEMA, mart)
                )
            ).fetchone()
            for mart in _DATED
            if mart in self._there
        ]
        found = [end for end in ends if end and end[0] is not None]
        if not found:
            return None
        return Period(min(end[0] for end in found), max(end[1] for end in found))

    def _bounds(self, days: Period | None) -> dict[str, Any]:
        return {
            "first": days and days.first,
            "last": days and days.last,
            "is_chosen": self._period is not None,
        }

    def _rows(self, row: type[R], query: str, *marts: str, **parameters: object) -> list[R] | None:
        if not self._there.issuperset(marts):
            return None
        with self._connection.cursor(row_factory=class_row(row)) as cursor:
            return cursor.execute(query.encode(), self._shown | parameters).fetchall()

    def _campaigns(self, elapsed: list[Elapsed]) -> list[Campaign] | None:
        if self._period:
            found = self._rows(Campaign, _CAMPAIGNS_OF_DAYS, *CAMPAIGNS_OF_DAYS)
            campaigns = found and [_with_interval(campaign) for campaign in found]
        else:
            campaigns = self._rows(Campaign, _CAMPAIGNS, "mart_campaign_kpis")
            if campaigns is None:
                rates = self._rows(Campaign, _RATES, "fct_campaign_ctr")
                return rates and [_with_interval(campaign) for campaign in rates]
        shares = {
            row.campaign_id: row.elapsed_days / row.flight_days
            for row in elapsed
            if row.flight_days and row.elapsed_days is not None
        }
        return campaigns and [
            replace(campaign, flight_elapsed_share=shares.get(campaign.campaign_id))
            for campaign in campaigns
        ]

    def _loads(self) -> list[Load] | None:
        found: Any = self._connection.execute("SELECT to_regclass('public.load_audit')").fetchone()
        if found[0] is None:
            return None
        with self._connection.cursor(row_factory=class_row(Load)) as cursor:
            return cursor.execute(_LOADS, self._shown).fetchall()


def _with_interval(campaign: Campaign) -> Campaign:
    low, high = wilson(campaign.clicks, campaign.impressions) or (None, None)
    return replace(campaign, ctr_low=low, ctr_high=high)
