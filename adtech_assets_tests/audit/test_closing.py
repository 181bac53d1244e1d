"""Which days of a month stand in the way of closing it."""

from datetime import date, datetime

import pytest

from adtech_assets.audit.closing import gaps, refuse_unfinished
from adtech_assets.errors import UserError
from adtech_assets.partitions import parse_month

JUNE = parse_month("2022-06")
IN_DATABASE, IN_LOGS = "not full in the database", "not full in the logs"
UNLOGGED = "without log files, though the database has events"


def june(day):
    return date(2022, 6, day)


@pytest.fixture
def full(warehouse):
    """A warehouse in which all of June is full on both sides, with events on both."""
    warehouse.execute(
        """
        CREATE SCHEMA marts; CREATE SCHEMA raw;
        CREATE TABLE marts.dim_dates AS
        SELECT DATE '2022-06-01' + range::INTEGER AS date_day,
            true AS is_full_in_database, true AS is_full_in_logs FROM range(30);
        CREATE TABLE marts.fct_campaign_traffic_daily AS
        SELECT campaign_id, date_day AS event_date, 2 AS gross_impressions, 1 AS gross_clicks,
            2 AS db_impressions, 1 AS db_clicks
        FROM marts.dim_dates, range(2) AS campaigns (campaign_id);
        CREATE TABLE raw.log_files AS
        SELECT date_day AS file_date, 'loaded' AS status FROM marts.dim_dates;
        """
    )
    return warehouse


def found(warehouse):
    return {what: days for what, days in gaps(warehouse, JUNE).items() if days}


def test_a_month_that_is_full_on_both_sides_has_no_gaps(full):
    assert found(full) == {}


def test_a_day_that_was_never_extracted_is_missing(full):
    full.execute("UPDATE marts.dim_dates SET is_full_in_database = NULL WHERE day(date_day) = 3")
    full.execute("DELETE FROM marts.dim_dates WHERE day(date_day) = 30")

    assert found(full) == {"missing": {june(3), june(30)}, IN_LOGS: {june(30)}}


def test_a_day_that_was_extracted_before_its_end_is_not_full(full):
    full.execute("UPDATE marts.dim_dates SET is_full_in_database = false WHERE day(date_day) = 3")

    assert found(full) == {IN_DATABASE: {june(3)}}


@pytest.mark.parametrize("known", ["false", "NULL"])
def test_a_day_whose_last_files_may_be_to_come_is_not_full(full, known):
    full.execute(f"UPDATE marts.dim_dates SET is_full_in_logs = {known} WHERE day(date_day) = 30")

    assert found(full) == {IN_LOGS: {june(30)}}


def test_a_day_that_only_the_database_has_is_missing_in_the_log(full):
    full.execute(
        "UPDATE marts.fct_campaign_traffic_daily SET gross_impressions = 0, gross_clicks = 0 "
        "WHERE day(event_date) = 3"
    )
    assert found(full) == {}  # its files are there, and without events

    full.execute("UPDATE raw.log_files SET status = 'quarantined' WHERE day(file_date) = 3")

    assert found(full) == {UNLOGGED: {june(3)}}


def test_a_day_on_which_nothing_happened_needs_no_log_file(full):
    full.execute("DELETE FROM marts.fct_campaign_traffic_daily WHERE day(event_date) = 3")
    full.execute("DELETE FROM raw.log_files WHERE day(file_date) = 3")

    assert found(full) == {}


def test_a_month_is_over_at_midnight_utc():
    with pytest.raises(UserError, match="2022-06 is not over.*2022-07-01"):
        refuse_unfinished(JUNE, datetime(2022, 6, 30, 23, 59, 59))  # noqa: DTZ001 - UTC

    refuse_unfinished(JUNE, datetime(2022, 7, 1))  # noqa: DTZ001
