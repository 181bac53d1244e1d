"""What is counted of single events, by hour or day: one SQL text each, whichever engine runs it.

An engine supplies the relations `logged_impressions` and `logged_clicks`, with the columns of the
raw log tables (of clicks also `latency_ms`, whole milliseconds from the impression), and
`invalid_agents` (user_agent, is_invalid). The views `impressions` and `clicks` stand over them.
Everything behind the facts, all of dbt's models, is the same for every engine.

The texts are in the SQL that DuckDB and Spark share, and say the same on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from adtech_assets.contract import KINDS
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.versions import digest

if TYPE_CHECKING:
    import duckdb

    from adtech_assets.contract import Kind

Relation = Literal["impressions", "clicks", "invalid_agents"]

AMOUNT = "DECIMAL(38, 12)"

_HOUR = {"file_date": "DATE NOT NULL", "file_hour": "TINYINT NOT NULL"}
_DAY = {"file_date": "DATE NOT NULL", "undated_hour": "TINYINT", "occurred_on": "DATE"}


@dataclass(frozen=True, eq=False)
class Facts:
    """A table of counts of events, replaced by the day in the name of their files."""

    name: str
    """Of the asset, and of the table in schema `rollup`."""
    description: str
    reads: tuple[Relation, ...]
    columns: dict[str, str]
    """With their types in DuckDB."""
    day: str = "file_date"
    """The column with the day in the name of the file."""

    @property
    def check(self) -> str:
        """Name of the check that every event is counted."""
        return "rollup_totals_raw" if self.day == "event_date" else "events_are_counted_once"

    @property
    def table(self) -> str:
        """Its name with its schema."""
        return f"rollup.{self.name}"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The events that are counted."""
        return tuple(kind for kind in KINDS if kind in self.reads)

    @property
    def raw_tables(self) -> tuple[str, ...]:
        """The raw tables of these events."""
        return tuple(RAW_TABLES[kind] for kind in self.kinds)

    @property
    def schema(self) -> str:
        """SQL that makes the table."""
        columns = ", ".join(f"{name} {type_}" for name, type_ in self.columns.items())
        return (
            "CREATE SCHEMA IF NOT EXISTS rollup; "
            f"CREATE TABLE IF NOT EXISTS {self.table} ({columns});"
        )

    @property
    def query(self) -> str:
        """What counts, over the views and `invalid_agents`."""
        return text(self.name)

    @property
    def code(self) -> str:
        """Digest of what decides the rows."""
        return digest(self.query, *map(text, self.kinds), *self.columns.values())

    def total_of(self, kind: Kind) -> str:
        """The column that counts the events of a kind."""
        return kind if kind in self.columns else f"{kind.removesuffix('s')}_count"


@cache
def text(name: str) -> str:
    """The SQL of facts, or of the view of a kind of events."""
    return files("adtech_assets.rollup").joinpath("sql", f"{name}.sql").read_text("utf-8")


ROLLUP = Facts(
    "hourly_user_agent_rollup",
    "Impressions and clicks per date and hour of the file name and user agent. Hours without "
    "events have no row; the missing side of an hour is 0. Hours are local, so the one that comes "
    "twice in autumn is one row.",
    ("impressions", "clicks"),
    {
        "event_date": "DATE NOT NULL",
        "event_hour": "TINYINT NOT NULL",
        "user_agent": "VARCHAR",
        "impression_count": "BIGINT NOT NULL",
        "click_count": "BIGINT NOT NULL",
    },
    day="event_date",
)

_EVENTS = {
    **_HOUR,
    "occurred_hour_at": "TIMESTAMP",
    "log_campaign_id": "VARCHAR NOT NULL",
    "user_agent_id": "VARCHAR NOT NULL",
    "is_fraud": "BOOLEAN NOT NULL",
}

HOURLY_IMPRESSIONS = Facts(
    "hourly_impressions",
    "Logged impressions per hour of the file name and of the event (UTC), campaign, user agent, "
    "currency, rate and size of the banner: what they cost and how they were seen.",
    ("impressions",),
    {
        **_EVENTS,
        "currency": "VARCHAR NOT NULL",
        "banner_size": "VARCHAR NOT NULL",
        "eur_rate": "DECIMAL(15, 12)",
        "impressions": "BIGINT NOT NULL",
        **dict.fromkeys(
            (
                *("priced_impressions", "eligible_impressions", "measurable_impressions"),
                *("viewable_impressions", "feed_viewable_impressions", "visible_ms"),
                *("flagged_impressions", "campaign_unique_impressions"),
                "campaign_day_unique_impressions",
            ),
            "BIGINT",
        ),
        **dict.fromkeys(
            (
                *("media_cost", "total_cost", "data_cost", "brand_safety_cost"),
                *("rich_media_cost", "trading_desk_fee"),
            ),
            AMOUNT,
        ),
    },
)

HOURLY_CLICKS = Facts(
    "hourly_clicks",
    "Logged clicks per hour of the file name and of the event (UTC), campaign and user agent, and "
    "how soon after the impression they came.",
    ("clicks",),
    {
        **_EVENTS,
        "clicks": "BIGINT NOT NULL",
        **dict.fromkeys(
            (
                *("timed_clicks", "clicks_before_impression", "clicks_under_1s"),
                *("clicks_1_to_10s", "clicks_10_to_60s", "clicks_over_60s"),
            ),
            "BIGINT",
        ),
    },
)

DAILY_PLACEMENTS = Facts(
    "daily_placements",
    "Logged impressions and clicks per day of the file name and of the event (UTC), campaign, and "
    "all that says where they were shown; those of invalid traffic apart.",
    ("impressions", "clicks", "invalid_agents"),
    {
        **_DAY,
        "log_campaign_id": "VARCHAR NOT NULL",
        **dict.fromkeys(
            (
                *("publisher_domain", "publisher_id", "site_id", "deal", "inventory_source_id"),
                *("slot_position_id", "banner_size", "device_type_id", "country_id"),
            ),
            "VARCHAR",
        ),
        "currency": "VARCHAR NOT NULL",
        "eur_rate": "DECIMAL(15, 12)",
        **dict.fromkeys(
            (
                *("impressions", "clicks", "invalid_impressions", "invalid_clicks"),
                *("measurable_impressions", "viewable_impressions", "priced_impressions"),
            ),
            "BIGINT NOT NULL",
        ),
        "total_cost": AMOUNT,
    },
)

DAILY_LANDING_PAGES = Facts(
    "daily_landing_pages",
    "Logged clicks per day of the file name and of the event (UTC), campaign and page that they "
    "led to.",
    ("clicks",),
    {
        **_DAY,
        "log_campaign_id": "VARCHAR NOT NULL",
        "landing_page": "VARCHAR NOT NULL",
        "clicks": "BIGINT NOT NULL",
        "timed_clicks": "BIGINT NOT NULL",
        "fast_clicks": "BIGINT NOT NULL",
    },
)

FOR_MODELS = (HOURLY_IMPRESSIONS, HOURLY_CLICKS, DAILY_PLACEMENTS, DAILY_LANDING_PAGES)
"""What dbt's models of the logs begin at; counted in one step."""

ALL = (ROLLUP, *FOR_MODELS)


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that are not there."""
    for facts in ALL:
        connection.execute(facts.schema)
