"""Closed months: the rows that were billed, kept as they were.

They are input, like what is delivered: nothing can count them again, so no run writes to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from adtech_assets.stores.warehouse import transaction
from adtech_assets.versions import Notes, digest

if TYPE_CHECKING:
    from datetime import date, datetime

    from adtech_assets.partitions import DayRange

MART = "fct_campaign_billing_monthly"
"""What is closed, month by month."""
DIFFERENCES = "fct_campaign_billing_differences"
"""What the days of closed months say since."""

CLOSED_MONTHS = "billing.closed_campaign_months"

COLUMNS = {
    "campaign_id": "INTEGER NOT NULL",
    "advertiser_id": "INTEGER NOT NULL",
    "campaign_name": "VARCHAR",
    "advertiser_name": "VARCHAR",
    "currency": "VARCHAR",
    "days": "BIGINT NOT NULL",
    "full_days": "BIGINT NOT NULL",
    "gross_impressions": "BIGINT NOT NULL",
    "gross_clicks": "BIGINT NOT NULL",
    "valid_impressions": "BIGINT NOT NULL",
    "valid_clicks": "BIGINT NOT NULL",
    "db_impressions": "BIGINT NOT NULL",
    "db_clicks": "BIGINT NOT NULL",
    "priced_impressions": "BIGINT NOT NULL",
    "impressions_discrepancy": "DOUBLE",
    "clicks_discrepancy": "DOUBLE",
    "estimated_spend": "DECIMAL(38, 2) NOT NULL",
    "estimated_spend_capped": "DECIMAL(38, 2) NOT NULL",
    "net_spend": "DECIMAL(38, 2) NOT NULL",
    "media_cost": "DECIMAL(38, 12)",
    "total_cost": "DECIMAL(38, 12)",
    "total_cost_eur": "DECIMAL(38, 12)",
    "cost_over_estimate": "DECIMAL(38, 12)",
    "billing_month": "DATE NOT NULL",
}
"""Of the mart, as they are frozen."""

SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS billing;
CREATE TABLE IF NOT EXISTS {CLOSED_MONTHS} (
    {", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())},
    closed_at TIMESTAMP NOT NULL,
    closed_by VARCHAR NOT NULL,
    closed_with VARCHAR NOT NULL,
    PRIMARY KEY (billing_month, campaign_id, advertiser_id)
);
"""

_FINISHED = "close-month"
"""The part whose versions note of which months everything that reads them has been renewed."""


@dataclass(frozen=True)
class Closing:
    """When a month was closed, by whom, and with what."""

    at: datetime
    """Naive UTC."""
    by: str
    """Login of a person."""
    version: str
    """Of adtech-assets."""


@dataclass(frozen=True)
class ClosedMonth:
    """A month that is closed."""

    month: date
    """Its first day."""
    closed_at: datetime
    """Naive UTC."""
    differences: int
    """Rows of the mart of differences, as it was last built."""


@dataclass(frozen=True)
class AdvertiserTotal:
    """What of a closed month is one advertiser's."""

    advertiser: str | None
    campaigns: int
    gross_impressions: int
    gross_clicks: int
    estimated_spend: str
    estimated_spend_capped: str
    net_spend: str
    total_cost_eur: str | None
    """To the cent; None if the cost of a campaign is not known in euros."""


def freeze(connection: duckdb.DuckDBPyConnection, month: DayRange, closing: Closing) -> int:
    """Copy a month's rows of the mart, in one transaction with the version of what is closed.

    Returns:
        The number of rows; 0, and nothing is noted, if the mart has none of the month.
    """
    names = ", ".join(COLUMNS)
    with transaction(connection):
        connection.execute(
            f"INSERT INTO {CLOSED_MONTHS} BY NAME "
            f"SELECT {names}, $at AS closed_at, $by AS closed_by, $version AS closed_with "
            f"FROM marts.{MART} WHERE billing_month = $month",
            {"month": month.first, **vars(closing)},
        )
        rows = connection.execute(
            f"SELECT * FROM {CLOSED_MONTHS} WHERE billing_month = ? ORDER BY ALL", [month.first]
        ).fetchall()
        if rows:
            _note(connection, CLOSED_MONTHS, month, digest(*rows))
    return len(rows)


def closed_months(connection: duckdb.DuckDBPyConnection) -> list[ClosedMonth]:
    """The months that are closed, in order, with what has become different since."""
    try:
        closed = connection.execute(
            f"SELECT billing_month, min(closed_at) FROM {CLOSED_MONTHS} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    except duckdb.CatalogException:
        return []
    try:
        found = connection.execute(
            f"SELECT billing_month, count(*) FROM marts.{DIFFERENCES} GROUP BY ALL"
        ).fetchall()
    except duckdb.CatalogException:
        found = []
    differences = dict(found)
    return [ClosedMonth(month, at, differences.get(month, 0)) for month, at in closed]


def is_finished(connection: duckdb.DuckDBPyConnection, month: DayRange) -> bool:
    """Whether all that reads a closed month has been renewed since it was closed."""
    return month.first in Notes(connection).of(_FINISHED)


def note_finished(connection: duckdb.DuckDBPyConnection, month: DayRange) -> None:
    """Note that all that reads a closed month has been renewed."""
    version = Notes(connection).of(CLOSED_MONTHS)[month.first]
    _note(connection, _FINISHED, month, version)


def _note(connection: duckdb.DuckDBPyConnection, part: str, month: DayRange, version: str) -> None:
    Notes(connection).note(part, {month.first: version}, f"{_FINISHED} {month.first:%Y-%m}")


def totals(connection: duckdb.DuckDBPyConnection, month: DayRange) -> list[AdvertiserTotal]:
    """What was frozen of a month, by advertiser."""
    found = connection.execute(
        f"""
        SELECT
            advertiser_name,
            count(*),
            sum(gross_impressions)::BIGINT,
            sum(gross_clicks)::BIGINT,
            sum(estimated_spend)::VARCHAR,
            sum(estimated_spend_capped)::VARCHAR,
            sum(net_spend)::VARCHAR,
            CASE
                WHEN count(*) FILTER (priced_impressions > 0 AND total_cost_eur IS NULL) = 0
                THEN sum(total_cost_eur)::DECIMAL(38, 2)::VARCHAR
            END
        FROM {CLOSED_MONTHS} WHERE billing_month = ?
        GROUP BY advertiser_id, advertiser_name ORDER BY advertiser_id = -1, advertiser_id
        """,
        [month.first],
    ).fetchall()
    return [AdvertiserTotal(*row) for row in found]
