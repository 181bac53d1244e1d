"""What a public mart is, and the rows of it that are published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from adtech_assets.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = "marts"
DAY_COLUMN = "event_date"
"""A mart that has it is published day by day."""

DIMENSIONS = {
    "campaign_id": "dim_campaigns",
    "advertiser_id": "dim_advertisers",
    "user_agent_id": "dim_user_agents",
    DAY_COLUMN: "dim_dates",
}
"""Columns that are the key of a dimension wherever they occur."""

CLOSED_COLUMN = "closed_at"
"""Of a mart of months: when somebody closed the row's month, after which it stays as it is."""

KPI_TABLES = {"campaign_ctr": "fct_campaign_ctr", "daily_summary": "fct_daily_summary"}
"""What `adtech results` prints."""

EXPORTS = {**KPI_TABLES, "campaign_billing": "fct_campaign_billing_monthly"}
"""Exports that have a name of their own, with their marts. Other marts are exported as they are."""

IN_DATABASE, IN_LOGS = "is_full_in_database", "is_full_in_logs"
"""Columns of `dim_dates`: whether a side was read to the end of the day."""

SIDES = {
    "fct_user_agent_hourly": (IN_LOGS,),
    "fct_traffic_quality_daily": (IN_LOGS,),
    "fct_campaign_traffic_daily": (IN_DATABASE, IN_LOGS),
    "fct_campaign_cost_daily": (IN_DATABASE, IN_LOGS),
    "fct_campaign_viewability_daily": (IN_LOGS,),
    "fct_campaign_reach_daily": (IN_LOGS,),
    "fct_campaign_click_quality_daily": (IN_LOGS,),
    "fct_campaign_landing_pages_daily": (IN_LOGS,),
    "fct_campaign_placement_daily": (IN_LOGS,),
    "mart_campaign_daily": (IN_DATABASE, IN_LOGS),
    "fct_weekly_movers": (IN_LOGS,),
    "fct_log_reconciliation_hourly": (IN_DATABASE, IN_LOGS),
    "fct_log_reconciliation_daily": (IN_DATABASE, IN_LOGS),
}
"""What decides whether a day of a mart is full, where it is not the database alone."""

REPORTED = {
    "dim_dates": ("date_day", IN_DATABASE, IN_LOGS),
    "dim_advertisers": ("advertiser_id", "advertiser_name"),
    "dim_campaigns": ("campaign_id", "campaign_name", "is_current"),
    "dim_campaign_versions": (
        *("campaign_id", "advertiser_id", "campaign_name", "bid", "budget", "is_first"),
        *("start_date", "end_date", "valid_from", "valid_until"),
    ),
    "fct_daily_summary": ("event_date", "impressions", "clicks", "ctr"),
    "fct_campaign_daily": (
        *("campaign_id", "advertiser_id", "event_date", "impressions", "clicks", "ctr"),
        "estimated_spend",
    ),
    "mart_campaign_kpis": (
        *("campaign_id", "campaign_name", "advertiser_name", "pacing_status", "impressions"),
        *("clicks", "ctr", "ctr_low", "ctr_high", "estimated_spend", "budget"),
        *("budget_used_share", "on_schedule_indicator", "projected_spend", "anomalous_days"),
        "is_current",
    ),
    "fct_campaign_ctr": ("campaign_id", "campaign_name", "impressions", "clicks", "ctr"),
    "fct_campaign_ctr_anomalies": ("campaign_id", "event_date", "is_anomaly"),
    "fct_campaign_pacing_daily": (
        *("campaign_id", "event_date", "pacing_status", "cumulative_estimated_spend", "budget"),
        *("budget_used_share", "elapsed_days", "flight_days", "on_schedule_indicator"),
        *("projected_spend", "required_daily_spend", "is_full_day"),
    ),
    "fct_campaign_delivery_hourly": (
        *("campaign_id", "event_date", "hour_at", "delivery_status", "projected_impressions"),
        *("projected_low", "projected_high"),
    ),
    "fct_campaign_hour_profiles": ("iso_weekday", "hour_of_day", "impressions", "clicks"),
    "fct_user_agent_hourly": (
        *("user_agent_id", "event_date", "gross_impressions", "gross_clicks"),
        *("valid_impressions", "valid_clicks"),
    ),
    "dim_user_agents": ("user_agent_id", "device_class"),
    "fct_traffic_quality_daily": ("event_date", "invalid_reason", "impressions", "clicks"),
    "fct_campaign_traffic_daily": (
        *("campaign_id", "event_date", "impressions_status", "clicks_status"),
        *("gross_impressions", "gross_clicks", "valid_impressions", "valid_clicks"),
        *("fraud_flag_impressions", "fraud_flag_clicks", "crawler_impressions", "crawler_clicks"),
        *("missing_user_agent_impressions", "missing_user_agent_clicks"),
        *("non_browser_impressions", "non_browser_clicks", "db_impressions", "db_clicks"),
        *("impressions_discrepancy", "clicks_discrepancy"),
    ),
    "fct_campaign_cost_daily": (
        *("campaign_id", "event_date", "currency", "impressions", "priced_impressions", "clicks"),
        *("media_cost", "data_cost", "brand_safety_cost", "rich_media_cost", "trading_desk_fee"),
        *("total_cost", "invalid_cost", "total_cost_eur", "estimated_spend"),
    ),
    "fct_campaign_viewability_daily": (
        *("campaign_id", "banner_size", "event_date", "impressions", "eligible_impressions"),
        *("measurable_impressions", "viewable_impressions", "visible_ms"),
    ),
    "fct_campaign_reach_daily": (
        *("campaign_id", "event_date", "impressions", "flagged_impressions", "daily_reach"),
        *("new_reach", "flagged_impressions_to_date", "reach_to_date"),
    ),
    "fct_campaign_click_quality_daily": (
        *("campaign_id", "event_date", "clicks", "timed_clicks", "clicks_before_impression"),
        *("clicks_under_1s", "clicks_1_to_10s", "clicks_10_to_60s", "clicks_over_60s"),
    ),
    "fct_campaign_landing_pages_daily": (
        *("campaign_id", "landing_page", "event_date", "clicks", "timed_clicks", "fast_clicks"),
    ),
    "fct_campaign_placement_daily": (
        *("campaign_id", "publisher_domain", "deal", "device_type_id", "event_date"),
        *("impressions", "clicks", "invalid_impressions", "invalid_clicks"),
        *("measurable_impressions", "viewable_impressions", "priced_impressions"),
        "total_cost_eur",
    ),
    "fct_weekly_movers": (
        *("dimension", "place", "member", "impressions", "impressions_before"),
        *("impressions_change", "impressions_change_share", "week_start"),
    ),
    "fct_log_reconciliation_daily": (
        *("event_date", "event_type", "status", "log_events", "db_events"),
        "log_db_discrepancy",
    ),
}
"""The columns of each mart that the report reads."""


@dataclass(frozen=True)
class Mart:
    """A public mart: its name in both stores, its key, and its description."""

    name: str
    key: tuple[str, ...]
    description: str
    column_descriptions: dict[str, str]
    has_every_day: bool = False
    """One row, by `event_date`, for every day that the warehouse knows."""

    @property
    def table(self) -> str:
        """Its name with its schema, in both stores."""
        return f"{SCHEMA}.{self.name}"


def columns_of(connection: duckdb.DuckDBPyConnection, mart: Mart) -> dict[str, str]:
    """DuckDB's type of each column, in order.

    Raises:
        UserError: the mart is not in the warehouse.
    """
    try:
        described = connection.execute(f"DESCRIBE {mart.table}").fetchall()
    except duckdb.CatalogException as error:
        raise UserError(
            f"{mart.table} is not in the warehouse. Build the models first: adtech backfill --help"
        ) from error
    return {name: type_ for name, type_, *_ in described}


def is_dated(columns: Mapping[str, str]) -> bool:
    """Whether a mart's rows are of days."""
    return columns.get(DAY_COLUMN) == "DATE"


def published_rows(mart: Mart, columns: Mapping[str, str]) -> str:
    """The query of a mart's rows as they are published: Postgres' text cannot hold a zero byte.

    A user agent can. One such event in a log file would keep every mart from being published.
    """
    values = ", ".join(
        f"replace({quoted(name)}, chr(0), '\N{REPLACEMENT CHARACTER}') AS {quoted(name)}"
        if type_ == "VARCHAR"
        else quoted(name)
        for name, type_ in columns.items()
    )
    return f"SELECT {values} FROM {mart.table}"


def quoted(name: str) -> str:
    """A name for DuckDB, whatever it contains."""
    return '"' + name.replace('"', '""') + '"'
