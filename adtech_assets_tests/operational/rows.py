"""What the tests of this folder write into the source, and how they extract it."""

from datetime import date

from adtech_assets.operational import snapshot
from adtech_assets.operational.snapshot import RAW_TABLES, SOURCES
from adtech_assets.partitions import DayRange

DAY = DayRange(date(2022, 5, 26), date(2022, 5, 26))
DAYS = DayRange(date(2022, 5, 25), date(2022, 5, 27))

TWO_CAMPAIGNS = (
    "INSERT INTO advertiser (id, name, created_at) VALUES (1, 'Ærø A/S', '2022-05-01 12:00')",
    """
    INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id, created_at)
    VALUES
        (1, 'spring', 0.10, 12345678.99, '2022-05-01', '2022-06-01', 1, '2022-05-01 12:00'),
        (2, 'no flight', 99999999.99, 0, NULL, NULL, NULL, NULL)
    """,
)


def at(*times, table="impressions"):
    """Inserts an event of campaign 1 for each time; None for one without."""
    values = ", ".join("(1, NULL)" if time is None else f"(1, '{time}')" for time in times)
    return f"INSERT INTO {table} (campaign_id, created_at) VALUES {values}"


def extract(warehouse, source, days=DAY, tables=RAW_TABLES):
    return snapshot.extract(warehouse, source, days, tables, run_id="a run")


def everything(warehouse):
    """What came of the source, in an order of its own, without the times of extraction."""
    tables = {
        name: sorted(
            warehouse.execute(f"SELECT {SOURCES[name].columns_sql()} FROM raw.{name}").fetchall(),
            key=repr,
        )
        for name in RAW_TABLES
    }
    return tables | {"days": noted_days(warehouse)}


def noted_days(warehouse):
    return warehouse.execute(
        "SELECT event_date, impressions, clicks FROM raw.extracted_days ORDER BY event_date"
    ).fetchall()


def versions(warehouse):
    """All that is noted of the raw tables, with when and by whom."""
    return warehouse.execute(
        "FROM state.versions WHERE part LIKE 'raw.%' ORDER BY part, day NULLS LAST"
    ).fetchall()
