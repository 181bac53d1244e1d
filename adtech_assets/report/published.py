"""What the report is made of: the published marts and `load_audit`, read at one instant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime  # noqa: TC003 - fields of rows
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from adtech_assets.publish.marts import REPORTED, SCHEMA
from adtech_assets.report.statistics import wilson
from adtech_assets.stores.postgres import retried

if TYPE_CHECKING:
    from collections.abc import Collection
    from decimal import Decimal

    from adtech_assets.stores.postgres import Postgres

MOST_DAYS = 92
"""Days that charts and tables by day show: a quarter, three pixels a day on a phone."""

R = TypeVar("R")


@dataclass(frozen=True)
class Day:
    """A day of `fct_daily_summary`."""

    event_date: date
    impressions: int
    clicks: int
    ctr: float | None
    is_so_far: bool = False
    """It was still going on when it was extracted last."""


@dataclass(frozen=True)
class DaySpend:
    """Estimated spend of a day, all campaigns."""

    event_date: date
    estimated_spend: Decimal
    is_so_far: bool = False


@dataclass(frozen=True)
class Campaign:
    """A campaign over all its days; money is None where only the click-through rates are known."""

    campaign_id: int
    campaign_name: str | None
    impressions: int
    clicks: int
    ctr: float | None
    ctr_low: float | None
    ctr_high: float | None
    advertiser_name: str | None = None
    pacing_status: str | None = None
    estimated_spend: Decimal | None = None
    budget: Decimal | None = None
    budget_used_share: float | None = None
    on_schedule_indicator: float | None = None
    projected_spend: Decimal | None = None
    anomalous_days: int | None = None
    is_current: bool | None = None
    flight_elapsed_share: float | None = None
    """Share of the flight's days that is over, which is the share of the budget to be spent."""


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


@dataclass(frozen=True)
class Hour:
    """An hour of the week in the feed's time zone, all campaigns and all days."""

    iso_weekday: int
    hour_of_day: int
    impressions: int
    clicks: int


@dataclass(frozen=True)
class Device:
    """Logged traffic of a class of devices."""

    device_class: str
    gross_impressions: int
    gross_clicks: int
    valid_impressions: int
    valid_clicks: int


@dataclass(frozen=True)
class Quality:
    """Logged events of a day by the reason that makes them invalid; `none` are the valid ones."""

    event_date: date
    invalid_reason: str
    impressions: int
    clicks: int
    is_so_far: bool = False
    """The log files of its last hours are not loaded."""


@dataclass(frozen=True)
class Reconciled:
    """Log against database, by day and type of event."""

    event_date: date
    event_type: str
    status: str
    log_events: int
    db_events: int
    log_db_discrepancy: float | None
    is_so_far: bool = False
    """The day was not over yet for one of the sides."""


@dataclass(frozen=True)
class Delivery:
    """A campaign in the log: what it cost, how it was seen, whom it reached. None: not known."""

    campaign_id: int
    campaign_name: str | None
    impressions: int
    currency: str | None
    total_cost: Decimal | None
    """None too where its days have several currencies."""
    total_cost_eur: Decimal | None
    ecpm: float | None
    fee_share: float | None
    viewable_rate: float | None
    seconds_in_view: float | None
    reach: int | None
    frequency: float | None
    fast_click_share: float | None


@dataclass(frozen=True)
class Load:
    """A day of log files in the audited table."""

    day: date
    loaded_at: datetime


@dataclass(frozen=True)
class Published:
    """Everything the page tells. None: the mart is not published; empty: it has no rows."""

    days: list[Day] | None = None
    spend: list[DaySpend] | None = None
    campaigns: list[Campaign] | None = None
    hours: list[Hour] | None = None
    devices: list[Device] | None = None
    quality: list[Quality] | None = None
    reconciliation: list[Reconciled] | None = None
    deliveries: list[Delivery] | None = None
    loads: list[Load] | None = None
    paced_day: date | None = None
    """At the end of which the campaigns' pacing is."""
    unpublished: list[str] = field(default_factory=list)
    """Marts that the report would like to have, and that are not there."""

    @property
    def is_nothing(self) -> bool:
        """Not one of the marts is there."""
        return all(
            part is None
            for part in (self.days, self.campaigns, self.hours, self.quality, self.reconciliation)
        )


# The last days only, counted from the newest of any mart, so that all charts by day agree.
_RECENT = "event_date > %(last)s::date - %(most)s::int"

# Clicks without impressions are 1 in the marts, but no rate that anybody could look at.
_RATE = "CASE WHEN impressions > 0 THEN ctr END AS ctr"
_DAYS = f"""
SELECT event_date, impressions::bigint, clicks::bigint, {_RATE}
FROM marts.fct_daily_summary
WHERE {_RECENT}
ORDER BY event_date
"""
_SPEND = f"""
SELECT event_date, sum(estimated_spend)::numeric(38, 2) AS estimated_spend
FROM marts.fct_campaign_daily
WHERE {_RECENT}
GROUP BY event_date
ORDER BY event_date
"""
_CAMPAIGNS = f"""
SELECT
    campaign_id, campaign_name, impressions, clicks, {_RATE}, ctr_low, ctr_high, advertiser_name,
    pacing_status, estimated_spend, budget, budget_used_share, on_schedule_indicator,
    projected_spend, anomalous_days, is_current
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
_ELAPSED = """
SELECT campaign_id, event_date, elapsed_days, flight_days
FROM marts.fct_campaign_pacing_daily
WHERE event_date = (
    SELECT coalesce(max(event_date) FILTER (WHERE is_full_day), max(event_date))
    FROM marts.fct_campaign_pacing_daily
)
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
WHERE hours.{_RECENT}
GROUP BY 1
ORDER BY gross_impressions DESC, gross_clicks DESC, device_class
"""
_QUALITY = f"""
SELECT event_date, invalid_reason, impressions, clicks
FROM marts.fct_traffic_quality_daily
WHERE {_RECENT}
ORDER BY event_date, invalid_reason
"""
_RECONCILIATION = f"""
SELECT event_date, event_type, status, log_events, db_events, log_db_discrepancy
FROM marts.fct_log_reconciliation_daily
WHERE {_RECENT}
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
    WHERE {_RECENT}
    GROUP BY campaign_id
), views AS (
    SELECT
        campaign_id, sum(measurable_impressions) AS measurable,
        sum(viewable_impressions) AS viewable, sum(visible_ms) AS visible_ms
    FROM marts.fct_campaign_viewability_daily
    WHERE {_RECENT}
    GROUP BY campaign_id
), clicks AS (
    SELECT
        campaign_id, sum(timed_clicks) AS timed,
        sum(clicks_before_impression + clicks_under_1s) AS fast
    FROM marts.fct_campaign_click_quality_daily
    WHERE {_RECENT}
    GROUP BY campaign_id
), reach AS (
    SELECT DISTINCT ON (campaign_id) campaign_id, reach_to_date, flagged_impressions_to_date
    FROM marts.fct_campaign_reach_daily
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
_LOADS = "SELECT day, loaded_at FROM public.load_audit ORDER BY day"

DELIVERED = (
    *("fct_campaign_cost_daily", "fct_campaign_viewability_daily", "fct_campaign_reach_daily"),
    *("fct_campaign_click_quality_daily", "dim_campaigns"),
)
"""The marts of what the log has of campaigns."""

_DATED = ("fct_daily_summary", "fct_traffic_quality_daily", "fct_log_reconciliation_daily")


@retried
def read(target: Postgres) -> Published:
    """Read what is published now, all of it at one instant.

    Raises:
        TransientError: the database did not come back within the retries.
        UserError: the database cannot be used.
    """
    with target.connect(read_only=True, one_instant=True) as connection:
        return _Reader(connection).read()


class _Reader:
    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._there = self._published_marts()
        self._recent = {"last": self._last_day(), "most": MOST_DAYS}

    def read(self) -> Published:
        so_far = self._rows(_SoFar, _SO_FAR, "dim_dates") or []
        in_database = {row.date_day for row in so_far if row.in_database}
        in_logs = {row.date_day for row in so_far if row.in_logs}
        elapsed = self._rows(Elapsed, _ELAPSED, "fct_campaign_pacing_daily") or []
        return Published(
            days=_marked(self._rows(Day, _DAYS, "fct_daily_summary"), in_database),
            spend=_marked(self._rows(DaySpend, _SPEND, "fct_campaign_daily"), in_database),
            campaigns=self._campaigns(elapsed),
            hours=self._rows(Hour, _HOURS, "fct_campaign_hour_profiles"),
            devices=self._rows(Device, _DEVICES, "fct_user_agent_hourly", "dim_user_agents"),
            quality=_marked(self._rows(Quality, _QUALITY, "fct_traffic_quality_daily"), in_logs),
            reconciliation=_marked(
                self._rows(Reconciled, _RECONCILIATION, "fct_log_reconciliation_daily"),
                in_database | in_logs,
            ),
            deliveries=self._rows(Delivery, _DELIVERIES, *DELIVERED),
            loads=self._loads(),
            paced_day=elapsed[0].event_date if elapsed else None,
            unpublished=[mart for mart in REPORTED if mart not in self._there],
        )

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

    def _last_day(self) -> date | None:
        ends = [
            self._connection.execute(
                sql.SQL("SELECT max(event_date) FROM {}").format(sql.Identifier(SCHEMA, mart))
            ).fetchone()
            for mart in _DATED
            if mart in self._there
        ]
        return max((end[0] for end in ends if end and end[0] is not None), default=None)

    def _rows(self, row: type[R], query: str, *marts: str) -> list[R] | None:
        if not self._there.issuperset(marts):
            return None
        with self._connection.cursor(row_factory=class_row(row)) as cursor:
            return cursor.execute(query.encode(), self._recent).fetchall()

    def _campaigns(self, elapsed: list[Elapsed]) -> list[Campaign] | None:
        campaigns = self._rows(Campaign, _CAMPAIGNS, "mart_campaign_kpis")
        if campaigns is None:
            rates = self._rows(Campaign, _RATES, "fct_campaign_ctr")
            return rates and [_with_interval(campaign) for campaign in rates]
        shares = {
            row.campaign_id: row.elapsed_days / row.flight_days
            for row in elapsed
            if row.flight_days and row.elapsed_days is not None
        }
        return [
            replace(campaign, flight_elapsed_share=shares.get(campaign.campaign_id))
            for campaign in campaigns
        ]

    def _loads(self) -> list[Load] | None:
        found: Any = self._connection.execute("SELECT to_regclass('public.load_audit')").fetchone()
        if found[0] is None:
            return None
        with self._connection.cursor(row_factory=class_row(Load)) as cursor:
            return cursor.execute(_LOADS).fetchall()


D = TypeVar("D", Day, DaySpend, Quality, Reconciled)


def _marked(rows: list[D] | None, so_far: Collection[date]) -> list[D] | None:
    return rows and [replace(row, is_so_far=row.event_date in so_far) for row in rows]


def _with_interval(campaign: Campaign) -> Campaign:
    low, high = wilson(campaign.clicks, campaign.impressions) or (None, None)
    return replace(campaign, ctr_low=low, ctr_high=high)
