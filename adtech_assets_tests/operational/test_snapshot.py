from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import psycopg
import pytest

from adtech_assets.contract import Operational, SourceTable
from adtech_assets.errors import TransientError, UserError
from adtech_assets.operational import snapshot, summaries
from adtech_assets.operational.snapshot import EVENT_TABLES, RAW_TABLES, WHOLE_TABLES
from adtech_assets.partitions import DayRange
from adtech_assets_tests.operational.rows import (
    DAY,
    DAYS,
    TWO_CAMPAIGNS,
    at,
    everything,
    extract,
    noted_days,
    versions,
)


def times(warehouse, table="impressions"):
    return [
        str(time) if time else None
        for (time,) in warehouse.execute(
            f"SELECT created_at FROM raw.{table} ORDER BY created_at"
        ).fetchall()
    ]


def always(source, setting):
    """A setting of the database, for every connection to come."""
    with source.connect() as connection:
        [(name,)] = connection.execute("SELECT current_database()").fetchall()
    return f'ALTER DATABASE "{name}" SET {setting}'


def test_a_day_reaches_from_its_first_to_its_last_microsecond(warehouse, source, write):
    write(
        at(
            "2022-05-25 23:59:59.999999",
            "2022-05-26 00:00:00",
            "2022-05-26 23:59:59.999999",
            "2022-05-27 00:00:00",
        )
    )

    extracted = extract(warehouse, source)

    assert extracted["impressions"].rows == {DAY.first: 2, None: 0}
    assert times(warehouse) == ["2022-05-26 00:00:00", "2022-05-26 23:59:59.999999"]


def test_days_extracted_one_by_one_are_the_same_as_together(warehouse, source, write):
    write(
        *TWO_CAMPAIGNS,
        at("2022-05-25 00:00:00", "2022-05-25 23:59:59.999999", "2022-05-27 12:00", None),
        at("2022-05-26 08:00:00.000001", table="clicks"),
    )
    for day in DAYS:
        extract(warehouse, source, DayRange(day, day))
    one_by_one = everything(warehouse)

    extract(warehouse, source, DAYS)

    assert everything(warehouse) == one_by_one


def test_a_day_extracted_three_times_is_there_once(warehouse, source, write):
    write(*TWO_CAMPAIGNS, at("2022-05-26 08:00", "2022-05-26 08:00", None))
    extract(warehouse, source)
    once = everything(warehouse)

    extract(warehouse, source)
    extract(warehouse, source)

    assert everything(warehouse) == once
    assert len(once["impressions"]) == 3


def extraction_times(warehouse):
    """The times of extraction that the tables know of, all tables together."""
    tables = (*WHOLE_TABLES, "extracted_days")
    return {
        time
        for table in tables
        for (time,) in warehouse.execute(f"SELECT extracted_at FROM raw.{table}").fetchall()
    }


def test_all_tables_of_an_extraction_have_its_time(warehouse, source, write):
    write(*TWO_CAMPAIGNS)
    before = datetime.now(UTC).replace(tzinfo=None)

    extract(warehouse, source)

    [time] = extraction_times(warehouse)
    assert before <= time <= datetime.now(UTC).replace(tzinfo=None)


@pytest.mark.parametrize("change", ["UPDATE campaign SET bid = 3", "SELECT 1"])
def test_an_extraction_is_later_than_the_one_before_even_if_the_clock_jumped_back(
    warehouse, source, write, change
):
    write(*TWO_CAMPAIGNS)
    extract(warehouse, source)
    ahead = datetime(2199, 1, 1)  # noqa: DTZ001 - naive UTC, as in the warehouse
    warehouse.execute("UPDATE raw.campaigns SET extracted_at = ?", [ahead])
    write(change)

    extract(warehouse, source)

    assert max(extraction_times(warehouse)) == ahead + timedelta(microseconds=1)


def test_a_warehouse_of_before_extractions_had_times_gets_them(warehouse, source, write):
    write(*TWO_CAMPAIGNS)
    extract(warehouse, source)
    for table in WHOLE_TABLES:
        warehouse.execute(f"ALTER TABLE raw.{table} DROP COLUMN extracted_at")
    warehouse.execute("DROP TABLE state.versions")

    extract(warehouse, source)

    assert None not in extraction_times(warehouse)


def test_other_days_stay_as_they_were_extracted(warehouse, source, write):
    write(at("2022-05-25 08:00", "2022-05-26 08:00"))
    extract(warehouse, source, DAYS)
    write("TRUNCATE impressions")

    extract(warehouse, source, DAY)

    assert times(warehouse) == ["2022-05-25 08:00:00"]


def test_rows_that_vanished_from_the_source_vanish(warehouse, source, write):
    write(*TWO_CAMPAIGNS, at("2022-05-26 08:00", "2022-05-26 09:00", None))
    extract(warehouse, source)
    write(
        "DELETE FROM impressions WHERE created_at IS NULL OR created_at = '2022-05-26 08:00'",
        "DELETE FROM campaign WHERE id = 2",
    )

    extracted = extract(warehouse, source)

    assert times(warehouse) == ["2022-05-26 09:00:00"]
    assert extracted["campaigns"].rows == {None: 1}
    assert warehouse.execute("SELECT id FROM raw.campaigns").fetchall() == [(1,)]


def test_events_without_a_time_are_copied_once_whatever_the_day(warehouse, source, write):
    write(at(None, None), at(None, table="clicks"))

    for day in DAYS:
        extracted = extract(warehouse, source, DayRange(day, day))

    assert extracted["impressions"].rows == {DAYS.last: 0, None: 2}
    assert extracted["clicks"].rows == {DAYS.last: 0, None: 1}
    assert times(warehouse) == [None, None]


NO_DATES = ["infinity", "-infinity", "4713-01-01 BC", "10000-01-01"]
"""What Postgres can store, and neither Python nor a CSV's reader can read."""


@pytest.mark.parametrize("no_date", NO_DATES)
def test_dates_outside_the_calendar_are_unset(warehouse, source, write, no_date):
    write(
        *TWO_CAMPAIGNS,
        f"UPDATE campaign SET (start_date, end_date) = ('{no_date}', '9999-12-31') WHERE id = 1",
        f"UPDATE campaign SET (created_at, updated_at) = ('{no_date}', '0001-01-01') WHERE id = 1",
    )

    extract(warehouse, source)

    columns = "start_date, end_date, created_at, updated_at"
    assert warehouse.execute(f"SELECT {columns} FROM raw.campaigns WHERE id = 1").fetchall() == [
        (None, date(9999, 12, 31), None, datetime(1, 1, 1))  # noqa: DTZ001 - as it is written
    ]


@pytest.mark.parametrize("table", EVENT_TABLES)
def test_events_that_no_day_can_claim_are_undated(warehouse, source, write, table):
    write(at(*NO_DATES, None, "2022-05-26 08:00", table=table))

    for _ in range(2):
        extracted = extract(warehouse, source)

    assert extracted[table].rows == {DAY.first: 1, None: len(NO_DATES) + 1}
    assert times(warehouse, table).count(None) == len(NO_DATES) + 1


def test_advertisers_and_campaigns_are_replaced_whole(warehouse, source, write):
    write(*TWO_CAMPAIGNS)
    extract(warehouse, source)
    write("UPDATE campaign SET name = 'renamed', updated_at = '2022-05-26 10:00' WHERE id = 1")

    extract(warehouse, source)

    assert warehouse.execute(
        "SELECT id, name, updated_at FROM raw.campaigns ORDER BY 1"
    ).fetchall() == [
        (1, "renamed", datetime(2022, 5, 26, 10)),  # noqa: DTZ001 - as the source writes it
        (2, "no flight", None),
    ]


def test_every_column_arrives_as_it_is(warehouse, source, write):
    write(*TWO_CAMPAIGNS)

    extract(warehouse, source)

    noon = datetime(2022, 5, 1, 12)  # noqa: DTZ001 - as the source writes it
    found = everything(warehouse)
    assert found["advertisers"] == [(1, "Ærø A/S", None, noon)]
    assert found["campaigns"] == [
        (
            *(1, "spring", Decimal("0.10"), Decimal("12345678.99")),
            *(date(2022, 5, 1), date(2022, 6, 1), 1, "1", None, noon),
        ),
        (
            2,
            "no flight",
            Decimal("99999999.99"),
            Decimal("0.00"),
            None,
            None,
            None,
            "2",
            None,
            None,
        ),
    ]


def test_money_stays_exact(warehouse, source, write):
    cents = [Decimal(n) / 100 for n in (1, 7, 10, 29, 33, 57, 115, 435, 9_999_999_999)]
    write(
        *(
            f"INSERT INTO campaign (name, bid, budget) VALUES ('c', {amount}, {amount})"
            for amount in cents
        )
    )

    extract(warehouse, source)

    rows = warehouse.execute("SELECT bid, budget FROM raw.campaigns ORDER BY bid").fetchall()
    assert rows == [(amount, amount) for amount in cents]


def test_events_of_unknown_campaigns_are_copied_too(warehouse, source, write):
    write(
        "INSERT INTO clicks (campaign_id, created_at) VALUES (4711, '2022-05-26')",
        "INSERT INTO clicks (campaign_id, created_at) VALUES (NULL, '2022-05-26')",
    )

    extract(warehouse, source)

    assert warehouse.execute("SELECT campaign_id FROM raw.clicks ORDER BY 1").fetchall() == [
        (4711,),
        (None,),
    ]


def test_the_counts_of_the_source_are_noted_for_every_day_events_or_not(warehouse, source, write):
    write(
        at("2022-05-25 08:00", "2022-05-25 09:00", "2022-05-27 23:59:59.999999", None),
        at("2022-05-27 10:00", table="clicks"),
    )

    extract(warehouse, source, DAYS)

    assert noted_days(warehouse) == [
        (date(2022, 5, 25), 2, 0),
        (date(2022, 5, 26), 0, 0),
        (date(2022, 5, 27), 1, 1),
    ]
    [(run_id, noted_at)] = warehouse.execute(
        "SELECT DISTINCT run_id, extracted_at FROM raw.extracted_days"
    ).fetchall()
    assert run_id == "a run"
    now = datetime.now(UTC).replace(tzinfo=None)
    assert now - timedelta(minutes=5) < noted_at <= now


def test_a_day_whose_events_vanished_is_noted_anew(warehouse, source, write):
    write(at("2022-05-26 08:00"))
    extract(warehouse, source, DAYS)
    write("TRUNCATE impressions")

    extract(warehouse, source, DAY)

    assert (DAY.first, 0, 0) in noted_days(warehouse)
    assert len(noted_days(warehouse)) == 3


@pytest.mark.usefixtures("write")
def test_an_empty_source_gives_empty_tables(warehouse, source):
    extracted = extract(warehouse, source)

    assert set(extracted) == set(RAW_TABLES)
    assert {rows for table in extracted.values() for rows in table.rows.values()} == {0}
    assert noted_days(warehouse) == [(DAY.first, 0, 0)]


def test_only_the_tables_that_are_asked_for_change_and_events_only_together(
    warehouse, source, write
):
    write(*TWO_CAMPAIGNS, at("2022-05-26 08:00"), at("2022-05-26 08:00", table="clicks"))

    extracted = extract(warehouse, source, tables=["campaigns", "impressions"])

    assert {name: table.rows for name, table in extracted.items()} == {
        "campaigns": {None: 2},
        "impressions": {DAY.first: 1, None: 0},
        "clicks": {DAY.first: 1, None: 0},
    }
    assert not everything(warehouse)["advertisers"]
    assert noted_days(warehouse) == [(DAY.first, 1, 1)]


def test_without_days_only_the_whole_tables_are_replaced(warehouse, source, write):
    write(*TWO_CAMPAIGNS, at("2022-05-26 08:00"))

    extracted = extract(warehouse, source, days=None)

    assert set(extracted) == {"advertisers", "campaigns"}
    assert not everything(warehouse)["impressions"]


def test_columns_that_the_source_gained_do_not_matter(warehouse, source, write):
    write(*TWO_CAMPAIGNS, at("2022-05-26 08:00"))
    extract(warehouse, source)
    before = everything(warehouse)
    write(
        "ALTER TABLE campaign ADD COLUMN currency text DEFAULT 'DKK'",
        "ALTER TABLE impressions ADD COLUMN placement jsonb",
    )

    extract(warehouse, source)

    assert everything(warehouse) == before


@pytest.mark.parametrize("change", ["varchar(10)", "text"])
def test_another_length_of_text_does_not_matter(warehouse, source, write, change):
    write(*TWO_CAMPAIGNS, f"ALTER TABLE campaign ALTER COLUMN name TYPE {change}")
    extract(warehouse, source)
    assert warehouse.execute("SELECT count(*) FROM raw.campaigns").fetchall() == [(2,)]


def test_wider_numbers_do_not_matter_while_their_values_fit(warehouse, source, write):
    write(
        *TWO_CAMPAIGNS,
        "UPDATE campaign SET bid = 1.25",
        "ALTER TABLE campaign ALTER COLUMN bid TYPE numeric(20, 6)",
        "ALTER TABLE impressions ALTER COLUMN id TYPE bigint",
        "INSERT INTO impressions (id, created_at) VALUES (3000000000, '2022-05-26 08:00')",
    )

    extract(warehouse, source)

    assert warehouse.execute("SELECT id FROM raw.impressions").fetchall() == [(3_000_000_000,)]
    assert warehouse.execute("SELECT DISTINCT bid FROM raw.campaigns").fetchall() == [
        (Decimal("1.25"),)
    ]


CHANGES = {
    "a column is gone": (
        "ALTER TABLE campaign DROP COLUMN bid",
        'column "bid" does not exist',
    ),
    "a table is gone": ("DROP TABLE clicks", 'relation "clicks" does not exist'),
    "a number is text": (
        "ALTER TABLE campaign ALTER COLUMN advertiser_id TYPE text",
        "campaign.advertiser_id is now",
    ),
    "money is text": (
        "ALTER TABLE campaign ALTER COLUMN budget TYPE text",
        "campaign.budget is now",
    ),
    "money is floating": (
        "ALTER TABLE campaign ALTER COLUMN budget TYPE double precision",
        "campaign.budget is now",
    ),
    "a name is JSON": (
        "ALTER TABLE campaign ALTER COLUMN name TYPE jsonb USING to_jsonb(name)",
        "campaign.name is now",
    ),
    "times have a zone": (
        "ALTER TABLE clicks ALTER COLUMN created_at TYPE timestamptz",
        "clicks.created_at is now",
    ),
    "money has parts of a cent": (
        "ALTER TABLE campaign ALTER COLUMN bid TYPE numeric; UPDATE campaign SET bid = 0.125",
        "bid 0.125 is no DECIMAL",
    ),
    "money is too much": (
        "ALTER TABLE campaign ALTER COLUMN bid TYPE numeric; UPDATE campaign SET bid = 1e12",
        "source table campaign holds a value",
    ),
    "money is no number": (
        "UPDATE campaign SET bid = 'NaN'",
        "source table campaign holds a value",
    ),
    "an id is too large": (
        "ALTER TABLE clicks ALTER COLUMN campaign_id TYPE bigint USING 3000000000",
        "source table clicks holds a value",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_source_that_no_longer_fits_is_told_and_changes_nothing(warehouse, source, write, change):
    statement, reason = CHANGES[change]
    write(*TWO_CAMPAIGNS, at("2022-05-26 08:00"), at("2022-05-26 09:00", table="clicks"))
    extract(warehouse, source)
    before = everything(warehouse), versions(warehouse)
    write(at("2022-05-26 10:00"), "DELETE FROM advertiser", statement)

    with pytest.raises(UserError, match=reason) as raised:
        extract(warehouse, source)

    assert "\n" not in str(raised.value)
    assert (everything(warehouse), versions(warehouse)) == before


def test_after_a_failure_the_same_connection_can_extract_again(warehouse, source, write):
    write(*TWO_CAMPAIGNS, "UPDATE campaign SET bid = 'NaN'")
    with pytest.raises(UserError):
        extract(warehouse, source)
    write("UPDATE campaign SET bid = 1")

    assert extract(warehouse, source)["campaigns"].rows == {None: 2}


def test_rows_written_while_the_tables_are_read_are_in_none_of_them(
    warehouse, source, write, monkeypatch
):
    write(*TWO_CAMPAIGNS)
    check_types = snapshot._check_types

    def write_before_the_rows(name, schema):
        check_types(name, schema)
        if name == "advertisers":
            write(
                "INSERT INTO campaign (id, name, bid, budget) VALUES (3, 'late', 1, 1)",
                "INSERT INTO clicks (campaign_id, created_at) VALUES (3, '2022-05-26 08:00')",
            )

    monkeypatch.setattr(snapshot, "_check_types", write_before_the_rows)
    extract(warehouse, source)

    found = everything(warehouse)
    assert len(found["campaigns"]) == 2
    assert found["clicks"] == []
    assert found["days"] == [(DAY.first, 0, 0)]


def test_a_connection_cut_while_rows_arrive_changes_nothing(warehouse, source, write, monkeypatch):
    write(
        *TWO_CAMPAIGNS,
        """
        INSERT INTO impressions (campaign_id, created_at)
        SELECT 1, '2022-05-26 08:00' FROM generate_series(1, 300000)
        """,
    )
    extract(warehouse, source)
    before = everything(warehouse), versions(warehouse)
    write("DELETE FROM campaign WHERE id = 2", "UPDATE impressions SET campaign_id = 2")

    check_types = snapshot._check_types

    def cut_before_the_rows(read, schema):
        check_types(read, schema)
        if read.table == "impressions":
            with psycopg.connect(source.url(), autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    monkeypatch.setattr(snapshot, "_check_types", cut_before_the_rows)
    with pytest.raises(TransientError):
        extract(warehouse, source)
    assert (everything(warehouse), versions(warehouse)) == before

    monkeypatch.undo()
    assert extract(warehouse, source)["campaigns"].rows == {None: 1}


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_the_time_zone_of_the_server_changes_no_row(warehouse, source, write, zone):
    write(
        *TWO_CAMPAIGNS,
        at("2022-05-26 00:00:00", "2022-05-26 23:59:59.999999", "2022-05-27 00:00:00"),
    )
    extract(warehouse, source)
    in_utc = everything(warehouse)
    write(always(source, f"TimeZone = '{zone}'"))

    extract(warehouse, source)

    assert everything(warehouse) == in_utc
    assert in_utc["days"] == [(DAY.first, 2, 0)]


def test_the_date_style_of_the_server_changes_no_row(warehouse, source, write):
    write(*TWO_CAMPAIGNS, at("2022-05-26 08:00"))
    extract(warehouse, source)
    before = everything(warehouse)
    write(always(source, "DateStyle = 'SQL, DMY'"))

    extract(warehouse, source)

    assert everything(warehouse) == before


@pytest.fixture
def many_events(write, source):
    """Half a year of both kinds, and the plans of queries on them."""
    for table in EVENT_TABLES:
        write(
            f"""
            INSERT INTO {table} (created_at)
            SELECT timestamp '2022-01-01' + n * interval '1 minute'
            FROM generate_series(1, 200000) n
            """,
            f"ANALYZE {table}",
        )

    def plan(query):
        with source.connect() as connection:
            return str(connection.execute(f"EXPLAIN {query}").fetchall())

    return plan


@pytest.mark.parametrize("table", EVENT_TABLES)
def test_the_extract_uses_the_index_on_created_at(many_events, table):
    asked = snapshot._Asked.events(DAY)
    for condition in (asked.of_source, summaries.UNDATED):
        plan = many_events(f"SELECT * FROM {table} WHERE {condition}")
        assert f"ix_{table}_created_at" in plan
        assert "Seq Scan" not in plan


def test_a_name_that_the_source_does_not_have_leads_to_the_feed_file(warehouse, source, write):
    write(*TWO_CAMPAIGNS)
    names = Operational(campaign=SourceTable(columns={"log_campaign_id": "reference"}))

    with pytest.raises(UserError) as failed:
        snapshot.extract(warehouse, source, None, ["campaigns"], "run", names)

    told = str(failed.value)
    assert 'column "reference" does not exist. Check ' in told
    assert "the feed file (ADTECH_FEED)" in told
