"""Real files of the feed, with the counts that are known for them."""

import csv
import os
import shutil
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from adtech_assets.rollup import hourly
from adtech_assets_tests.feed.deliveries import DAY, NEXT_DAY, build_rollup, days, ingest

SAMPLE = Path(os.environ.get("ADTECH_SAMPLE_DIR", "no sample"))
BOTH_DAYS = days(DAY, NEXT_DAY)

pytestmark = pytest.mark.skipif(
    not (SAMPLE / "raw_data").is_dir(), reason="ADTECH_SAMPLE_DIR names no sample of the feed"
)


def sample_files():
    return sorted((SAMPLE / "raw_data").glob("*.parquet"))


def load(warehouse, settings, paths):
    for path in paths:
        shutil.copy(path, settings.raw_data_dir)
    results = [ingest(warehouse, settings, kind, BOTH_DAYS) for kind in ("impressions", "clicks")]
    build_rollup(warehouse, BOTH_DAYS)
    return results


def counts(warehouse):
    """Rows of each day as they are in the CSV files, the header left out."""
    by_day = defaultdict(list)
    for count in hourly.hourly_counts(warehouse, BOTH_DAYS, "some user agent"):
        row = [count.day, count.hour, count.impressions, count.clicks]
        by_day[count.day].append([str(value) for value in row])
    return by_day


def expected():
    return {
        date.fromisoformat(path.stem): list(csv.reader(path.open()))[1:]
        for path in (SAMPLE / "expected").glob("*.csv")
    }


def test_real_files_give_the_known_counts(warehouse, settings):
    results = load(warehouse, settings, sample_files())

    assert sum(result.loaded for result in results) == len(sample_files())
    assert counts(warehouse) == expected()


def test_half_of_a_days_files_first_and_the_rest_later_give_the_same(warehouse, settings):
    paths = sample_files()
    of_second_day = [path for path in paths if "_20220527" in path.name]
    late = of_second_day[::2]

    load(warehouse, settings, [path for path in paths if path not in late])
    load(warehouse, settings, late)

    assert counts(warehouse) == expected()


def test_real_files_are_complete_to_the_last_column(warehouse, settings):
    load(warehouse, settings, sample_files())

    query = "SELECT count(*), sum(events_without_time), count(*) FILTER (missing_columns <> [])"
    assert warehouse.execute(f"{query} FROM raw.log_files").fetchall() == [
        (len(sample_files()), 0, 0)
    ]


def test_real_files_say_what_impressions_cost_and_how_they_were_seen(warehouse, settings):
    load(warehouse, settings, sample_files())

    names = (
        "media_cost, total_cost, data_cost, brand_safety_cost, rich_media_cost, trading_desk_fee, "
        "eur_rate, currency, data_currency, banner_width, banner_height, is_eligible, "
        "visible_percentage, visible_ms, is_viewable, is_campaign_unique, is_campaign_day_unique"
    )
    amounts = ("123.456", "123.456", "34.56", "1.456", "1.23", "1.3456", "1.111")
    assert warehouse.execute(f"SELECT DISTINCT {names} FROM raw.impression_logs").fetchall() == [
        (*map(Decimal, amounts), "DKK", "DKK", 123, 45, True, 70, 5, True, True, True)
    ]


@pytest.mark.parametrize(
    ("table", "domain"),
    [
        ("impression_logs", "some domain"),
        ("click_logs", "some publisher domain normalized"),
    ],
)
def test_real_files_say_where_events_were_shown(warehouse, settings, table, domain):
    load(warehouse, settings, sample_files())

    names = (
        "publisher_domain, publisher_id, site_id, deal, inventory_source_id, slot_position_id, "
        "banner_width, banner_height, device_type_id, country_id"
    )
    masked = 0
    assert warehouse.execute(f"SELECT DISTINCT {names} FROM raw.{table}").fetchall() == [
        (domain, 123, 1234, "some deal", 4022, 12, 123, 45, 1, masked)
    ]


def test_real_clicks_are_older_than_their_impressions_by_milliseconds(warehouse, settings):
    load(warehouse, settings, sample_files())

    query = "SELECT min(event_at - shown_at), max(event_at - shown_at) FROM raw.click_logs"
    ((least, most),) = warehouse.execute(query).fetchall()
    assert timedelta(milliseconds=-100) < least < most < timedelta(milliseconds=100)
