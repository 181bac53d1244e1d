"""The versions that an extraction notes: what a change of the source changes, and what not."""

import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from adtech_assets.errors import UserError
from adtech_assets.operational import snapshot, summaries
from adtech_assets.operational.snapshot import EVENT_TABLES, RAW_TABLES, WHOLE_TABLES
from adtech_assets.partitions import DayRange
from adtech_assets.versions import Day
from adtech_assets_tests.operational.rows import (
    DAY,
    DAYS,
    TWO_CAMPAIGNS,
    at,
    everything,
    extract,
    versions,
)

BEFORE, MIDDLE, AFTER = DAYS

SOME_EVENTS = (
    *TWO_CAMPAIGNS,
    at("2022-05-25 08:00", "2022-05-25 09:00", "2022-05-26 08:00", "2022-05-26 09:00", None),
    at("2022-05-26 08:30", table="clicks"),
)


def noted(warehouse, table):
    """The versions of a raw table by day."""
    return dict(
        warehouse.execute(
            "SELECT day, version FROM state.versions WHERE part = ?", [f"raw.{table}"]
        ).fetchall()
    )


def written(warehouse, table):
    """The raw rows by day, each with its place in the warehouse, which rewriting changes."""
    day = "created_at::DATE" if table in EVENT_TABLES else "NULL::DATE"
    return dict(
        warehouse.execute(
            f"SELECT {day} AS day, list((rowid, rows) ORDER BY rowid) "
            f"FROM raw.{table} AS rows GROUP BY ALL"
        ).fetchall()
    )


def extraction_time(warehouse, table):
    [(time,)] = warehouse.execute(f"SELECT max(extracted_at) FROM raw.{table}").fetchall()
    return time


def today():
    return datetime.now(UTC).date()


def changed_days(extracted):
    return {name: table.changed_days for name, table in extracted.items() if table.changed_days}


@pytest.fixture(params=["digested by the source", "too many to digest", "without an index"])
def any_way(request, write, monkeypatch):
    """The ways in which the source and the warehouse are compared."""
    if request.param == "too many to digest":
        monkeypatch.setattr(summaries, "DIGESTED_ROWS", -1)
    if request.param == "without an index":
        write(*(f"DROP INDEX ix_{table}_created_at" for table in EVENT_TABLES))


# ---- events --------------------------------------------------------------------------------------


def test_days_with_events_and_the_undated_ones_have_versions(warehouse, source, write):
    write(*SOME_EVENTS)

    extracted = extract(warehouse, source, DAYS)

    assert set(noted(warehouse, "impressions")) == {BEFORE, MIDDLE, None}
    assert set(noted(warehouse, "clicks")) == {MIDDLE}
    assert extracted["impressions"].changed_days == {BEFORE, MIDDLE, None}
    assert extracted["clicks"].changed_days == {MIDDLE}


def test_an_extraction_tells_the_rows_of_each_day(warehouse, source, write):
    write(*SOME_EVENTS)

    for _ in range(2):
        extracted = extract(warehouse, source, DAYS)

        assert extracted["impressions"].rows == {BEFORE: 2, MIDDLE: 2, AFTER: 0, None: 1}
        assert extracted["clicks"].rows == {BEFORE: 0, MIDDLE: 1, AFTER: 0, None: 0}
        assert extracted["campaigns"].rows == {None: 2}
        assert [extracted["impressions"].rows_of(day) for day in DAYS] == [2, 2, 0]
        assert [extracted["campaigns"].rows_of(day) for day in DAYS] == [2, 2, 2]
        assert (extracted["impressions"].undated, extracted["campaigns"].undated) == (1, 0)


@pytest.mark.usefixtures("any_way")
def test_an_extraction_that_changes_nothing_changes_no_version_and_writes_no_raw_row(
    warehouse, source, write
):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before = versions(warehouse), [written(warehouse, table) for table in RAW_TABLES]

    extracted = extract(warehouse, source, DAYS)

    assert changed_days(extracted) == {}
    assert (versions(warehouse), [written(warehouse, table) for table in RAW_TABLES]) == before


def update(values, time):
    """Changes the impression of a time."""
    which = "IS NULL" if time is None else f"= '{time}'"
    return f"UPDATE impressions SET {values} WHERE created_at {which}"


EXCHANGE = """
UPDATE impressions SET created_at = CASE extract(hour FROM created_at)
    WHEN 8 THEN timestamp '2022-05-26 09:00' ELSE '2022-05-26 08:00' END
WHERE created_at::date = '2022-05-26'
"""
CHANGES: dict[str, tuple[str, set[Day]]] = {
    "a late row": (at("2022-05-26 23:00"), {MIDDLE}),
    "another campaign": (update("campaign_id = 2", "2022-05-26 08:00"), {MIDDLE}),
    "no campaign": (update("campaign_id = NULL", "2022-05-26 08:00"), {MIDDLE}),
    "another id": (update("id = 4711", "2022-05-26 08:00"), {MIDDLE}),
    "another time of the day": (
        update("created_at = '2022-05-26 08:00:00.000001'", "2022-05-26 08:00"),
        {MIDDLE},
    ),
    "times that two rows exchange": (EXCHANGE, {MIDDLE}),
    "a deleted row": ("DELETE FROM impressions WHERE created_at = '2022-05-26 08:00'", {MIDDLE}),
    "all rows of a day": ("DELETE FROM impressions WHERE created_at < '2022-05-26'", {BEFORE}),
    "the first row of a day": (at("2022-05-27 00:00"), {AFTER}),
    "a row that moves to another day": (
        update("created_at = '2022-05-27 08:00'", "2022-05-25 08:00"),
        {BEFORE, AFTER},
    ),
    "a row that moves to a day not extracted": (
        update("created_at = '2022-06-27 08:00'", "2022-05-25 08:00"),
        {BEFORE},
    ),
    "another undated row": (at(None), {None}),
    "an undated row that gets its time": (
        update("created_at = '2022-05-26 12:00'", None),
        {MIDDLE, None},
    ),
    "a row that loses its time": (
        update("created_at = NULL", "2022-05-25 08:00"),
        {BEFORE, None},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_on_its_days_and_on_no_others(warehouse, source, write, change):
    statement, days = CHANGES[change]
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before, rows_before = noted(warehouse, "impressions"), written(warehouse, "impressions")
    write(statement)

    extracted = extract(warehouse, source, DAYS)

    found, rows = noted(warehouse, "impressions"), written(warehouse, "impressions")
    assert changed_days(extracted) == {"impressions": days}
    for day in (*DAYS, None):
        assert (found.get(day) != before.get(day)) == (day in days)
        assert (rows.get(day) != rows_before.get(day)) == (day in days)


@pytest.mark.usefixtures("any_way")
def test_a_change_is_seen_in_any_way(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before = written(warehouse, "impressions")
    write(EXCHANGE)

    extracted = extract(warehouse, source, DAYS)

    rows = written(warehouse, "impressions")
    assert changed_days(extracted) == {"impressions": {MIDDLE}}
    assert {day for day in rows if rows[day] != before[day]} == {MIDDLE}


def test_what_changed_has_the_version_of_the_same_rows_elsewhere(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    write("DELETE FROM impressions WHERE created_at = '2022-05-26 08:00'", at("2022-05-25 10:00"))
    extract(warehouse, source, DAYS)
    step_by_step = noted(warehouse, "impressions")
    warehouse.execute("DROP SCHEMA raw CASCADE; DROP SCHEMA state CASCADE")

    extract(warehouse, source, DAYS)

    assert noted(warehouse, "impressions") == step_by_step


def test_a_day_whose_rows_have_gone_has_no_version(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    write("TRUNCATE impressions")

    extract(warehouse, source, DAYS)

    assert noted(warehouse, "impressions") == {}


@pytest.mark.usefixtures("any_way")
def test_rows_that_are_deleted_and_entered_again_are_no_change(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before = versions(warehouse)
    write(
        "CREATE TABLE kept AS SELECT * FROM impressions ORDER BY id DESC",
        "DELETE FROM impressions",
        "INSERT INTO impressions SELECT * FROM kept",
    )

    extracted = extract(warehouse, source, DAYS)

    assert changed_days(extracted) == {}
    assert versions(warehouse) == before


def test_a_change_that_is_undone_brings_the_version_back(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source)
    before = noted(warehouse, "clicks")
    write("UPDATE clicks SET campaign_id = 2")
    extract(warehouse, source)
    write("UPDATE clicks SET campaign_id = 1")

    extracted = extract(warehouse, source)

    assert extracted["clicks"].changed_days == {MIDDLE}
    assert noted(warehouse, "clicks") == before


def test_versions_do_not_depend_on_the_days_that_are_extracted_together(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    together = [noted(warehouse, table) for table in EVENT_TABLES]
    warehouse.execute("DROP SCHEMA raw CASCADE; DROP SCHEMA state CASCADE")

    for day in DAYS:
        extract(warehouse, source, DayRange(day, day))

    assert [noted(warehouse, table) for table in EVENT_TABLES] == together


def test_days_that_are_not_extracted_keep_their_version_until_they_are(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    write(at("2022-05-25 23:00"))

    assert changed_days(extract(warehouse, source, DAY)) == {}
    assert changed_days(extract(warehouse, source, DAYS)) == {"impressions": {BEFORE}}


def test_two_undated_values_are_the_same_to_the_warehouse(warehouse, source, write):
    write(at("infinity"))
    extract(warehouse, source)
    write("UPDATE impressions SET created_at = '-infinity'")

    assert changed_days(extract(warehouse, source)) == {}


def test_a_wider_type_of_the_same_values_is_no_change(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before = versions(warehouse), written(warehouse, "campaigns")
    write(
        "ALTER TABLE impressions ALTER COLUMN campaign_id TYPE bigint",
        "ALTER TABLE campaign ALTER COLUMN bid TYPE numeric(20, 6)",
    )

    extracted = extract(warehouse, source, DAYS)

    assert changed_days(extracted) == {}
    assert (versions(warehouse), written(warehouse, "campaigns")) == before


OTHER_TYPES = {
    "impressions.campaign_id": "text",
    "clicks.created_at": "timestamptz",
    "advertiser.name": "json USING to_json(name)",
    "advertiser.updated_at": "interval USING NULL",
    "campaign.end_date": "daterange USING NULL",
}


@pytest.mark.parametrize("column", OTHER_TYPES)
def test_another_type_is_told_even_where_no_row_has_changed(warehouse, source, write, column):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before = everything(warehouse), versions(warehouse)
    table, name = column.split(".")
    write(f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {OTHER_TYPES[column]}")

    with pytest.raises(UserError, match=f"{column} is now"):
        extract(warehouse, source, DayRange(AFTER, AFTER))
    assert (everything(warehouse), versions(warehouse)) == before


def test_names_of_a_fixed_list_are_text(warehouse, source, write):
    write(
        *TWO_CAMPAIGNS,
        "CREATE TYPE known AS ENUM ('Ærø A/S')",
        "ALTER TABLE advertiser ALTER COLUMN name TYPE known USING name::known",
    )

    extract(warehouse, source)

    assert warehouse.execute("SELECT name FROM raw.advertisers").fetchall() == [("Ærø A/S",)]


# ---- what the source counts ----------------------------------------------------------------------


def test_every_extracted_day_has_a_version_of_its_counts(warehouse, source, write):
    write(*SOME_EVENTS)

    extract(warehouse, source, DAYS)

    found = noted(warehouse, "extracted_days")
    assert set(found) == {BEFORE, MIDDLE, AFTER}
    assert len(set(found.values())) == 3


@pytest.mark.parametrize(
    ("change", "days"),
    [
        (at("2022-05-26 10:00"), {MIDDLE}),
        (at("2022-05-27 10:00", table="clicks"), {AFTER}),
        ("UPDATE impressions SET campaign_id = 2", set()),
        (at(None), set()),
    ],
)
def test_a_version_of_counts_changes_with_them(warehouse, source, write, change, days):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before = noted(warehouse, "extracted_days")
    write(change)

    extract(warehouse, source, DAYS)

    found = noted(warehouse, "extracted_days")
    assert {day for day in DAYS if found[day] != before[day]} == days


@pytest.fixture
def version_at(warehouse, source, write, monkeypatch):
    """The version of the counts of a day, if they are extracted at a time."""
    write(*TWO_CAMPAIGNS)

    def of_counts(*time):
        at = datetime(*time)  # noqa: DTZ001 - naive UTC
        monkeypatch.setattr(snapshot, "_time_of_extraction", lambda _warehouse: at)
        extract(warehouse, source)
        return noted(warehouse, "extracted_days")[DAY.first]

    return of_counts


def test_a_day_that_is_over_is_another_one_though_its_counts_are_the_same(version_at):
    going_on = version_at(2022, 5, 26, 23, 59, 59, 999_999)
    over = version_at(2022, 5, 27)
    assert over != going_on
    assert version_at(2022, 5, 30) == over


def test_a_day_with_one_more_hour_over_is_another_one_though_its_counts_are_the_same(version_at):
    going_on = version_at(2022, 5, 26, 15)
    assert version_at(2022, 5, 26, 15, 59, 59, 999_999) == going_on
    assert version_at(2022, 5, 26, 16) != going_on


def test_a_day_to_come_is_the_same_until_its_first_hour_is_over(version_at):
    to_come = version_at(2022, 5, 24, 23)
    assert version_at(2022, 5, 26, 0, 59) == to_come
    assert version_at(2022, 5, 26, 1) != to_come


def test_a_day_is_marked_as_extracted_each_time(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source)
    before = extraction_time(warehouse, "extracted_days")

    extract(warehouse, source)

    assert extraction_time(warehouse, "extracted_days") > before


@pytest.mark.usefixtures("any_way")
def test_the_counts_are_the_sources_own(warehouse, source, write, monkeypatch):
    insert = snapshot._Extraction._insert

    def lose_a_row(extraction, name, asked, into):
        insert(extraction, name, asked, into)
        warehouse.execute(f"DELETE FROM {into} WHERE rowid = 0")

    monkeypatch.setattr(snapshot._Extraction, "_insert", lose_a_row)
    write(*SOME_EVENTS)

    extract(warehouse, source)

    assert warehouse.execute("SELECT impressions, clicks FROM raw.extracted_days").fetchall() == [
        (2, 1)
    ]


# ---- whole tables --------------------------------------------------------------------------------


def test_a_whole_table_has_a_version_of_the_day_that_first_saw_it(warehouse, source, write):
    write(*TWO_CAMPAIGNS)

    extracted = extract(warehouse, source)

    for table in WHOLE_TABLES:
        assert set(noted(warehouse, table)) == {today()}
        assert extracted[table].changed_days == {today()}
        assert extraction_time(warehouse, table).date() == today()


@pytest.mark.usefixtures("write")
def test_an_empty_table_has_a_version_too(warehouse, source):
    extract(warehouse, source, days=None)

    assert set(noted(warehouse, "campaigns")) == {today()}


def long_ago(warehouse):
    """As if all that is noted had been noted in 2022."""
    warehouse.execute("UPDATE state.versions SET day = DATE '2022-05-30' WHERE day > '2023-01-01'")
    for table in WHOLE_TABLES:
        warehouse.execute(f"UPDATE raw.{table} SET extracted_at = '2022-05-30 12:00'")


WHOLE_CHANGES = {
    "another bid": "UPDATE campaign SET bid = 0.11 WHERE id = 1",
    "no end": "UPDATE campaign SET end_date = NULL WHERE id = 1",
    "another name": "UPDATE campaign SET name = 'Spring' WHERE id = 1",
    "a new campaign": "INSERT INTO campaign (id, name, bid, budget) VALUES (3, 'new', 1, 1)",
    "a deleted one": "DELETE FROM campaign WHERE id = 2",
    "none left": "DELETE FROM campaign",
}


@pytest.mark.parametrize("change", WHOLE_CHANGES.values(), ids=list(WHOLE_CHANGES))
def test_a_changed_table_has_another_version_from_the_day_of_its_extraction(
    warehouse, source, write, change
):
    write(*TWO_CAMPAIGNS)
    extract(warehouse, source)
    long_ago(warehouse)
    [first] = noted(warehouse, "campaigns").values()
    write(change)

    extracted = extract(warehouse, source)

    found = noted(warehouse, "campaigns")
    assert set(found) == {date(2022, 5, 30), today()}
    assert found[date(2022, 5, 30)] == first != found[today()]
    assert changed_days(extracted) == {"campaigns": {today()}}


def test_a_table_that_has_not_changed_keeps_version_and_time(warehouse, source, write):
    write(*TWO_CAMPAIGNS)
    extract(warehouse, source)
    long_ago(warehouse)
    before = versions(warehouse), written(warehouse, "advertisers")
    write("UPDATE campaign SET bid = 1")

    extract(warehouse, source, tables=["campaigns", "advertisers"])

    assert set(noted(warehouse, "advertisers")) == {date(2022, 5, 30)}
    assert written(warehouse, "advertisers") == before[1]
    assert extraction_time(warehouse, "campaigns").date() == today()


def test_a_table_that_changes_twice_on_a_day_has_its_last_version(warehouse, source, write):
    write(*TWO_CAMPAIGNS)
    extract(warehouse, source)
    first = noted(warehouse, "campaigns")
    write("UPDATE campaign SET bid = 1")
    extract(warehouse, source)
    second = noted(warehouse, "campaigns")

    assert set(first) == set(second) == {today()}
    assert first != second


def test_a_table_that_is_what_it_once_was_has_changed_again(warehouse, source, write):
    write(*TWO_CAMPAIGNS)
    extract(warehouse, source)
    write("UPDATE campaign SET name = name || '!'")
    long_ago(warehouse)
    warehouse.execute("UPDATE state.versions SET day = '2022-05-29' WHERE day = '2022-05-30'")
    extract(warehouse, source)
    long_ago(warehouse)
    write("UPDATE campaign SET name = rtrim(name, '!')")

    extract(warehouse, source)

    found = noted(warehouse, "campaigns")
    assert set(found) == {date(2022, 5, 29), date(2022, 5, 30), today()}
    assert found[today()] == found[date(2022, 5, 29)] != found[date(2022, 5, 30)]


def test_a_table_that_became_empty_has_the_time_of_its_days(warehouse, source, write):
    write(*TWO_CAMPAIGNS)
    extract(warehouse, source)
    before = extraction_time(warehouse, "campaigns")
    write("DELETE FROM campaign")

    extract(warehouse, source)

    assert extraction_time(warehouse, "campaigns") is None
    assert extraction_time(warehouse, "extracted_days") > before


# ---- what the warehouse holds --------------------------------------------------------------------


def test_a_warehouse_without_versions_gets_them_with_its_rows(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    long_ago(warehouse)
    before = everything(warehouse)
    warehouse.execute("DROP SCHEMA state CASCADE")
    warehouse.execute("INSERT INTO raw.impressions VALUES (4711, 1, '2022-05-26 10:00')")

    extracted = extract(warehouse, source, DAYS)

    assert everything(warehouse) == before
    assert extracted["impressions"].changed_days == {BEFORE, MIDDLE, None}
    assert extracted["campaigns"].changed_days == {today()}
    assert extraction_time(warehouse, "campaigns").date() == today()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM raw.impressions WHERE created_at::DATE = '2022-05-26'",
        "UPDATE raw.impressions SET campaign_id = 2",
        "TRUNCATE raw.campaigns",
        "UPDATE raw.campaigns SET bid = 1",
        "DROP TABLE raw.clicks",
    ],
)
def test_rows_that_the_warehouse_lost_come_back_without_another_version(
    warehouse, source, write, damage
):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before = everything(warehouse), versions(warehouse)
    warehouse.execute(damage)

    extract(warehouse, source, DAYS)

    assert (everything(warehouse), versions(warehouse)) == before


def test_a_failed_extraction_notes_nothing(warehouse, source, write):
    write(*SOME_EVENTS)
    extract(warehouse, source, DAYS)
    before = versions(warehouse)
    write(at("2022-05-26 10:00"), "ALTER TABLE clicks ALTER COLUMN campaign_id TYPE text")

    with pytest.raises(UserError):
        extract(warehouse, source, DAYS)

    assert versions(warehouse) == before


def test_only_what_is_extracted_gets_versions(warehouse, source, write):
    write(*SOME_EVENTS)

    extract(warehouse, source, tables=["impressions"])

    for table in ("impressions", "clicks", "extracted_days"):
        assert noted(warehouse, table)
    for table in ("advertisers", "campaigns"):
        assert noted(warehouse, table) == {}


COMPARED = """
import sys
from datetime import date
from adtech_assets.operational import snapshot
from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

settings = load_settings(data_dir=sys.argv[1], source_database_url=sys.argv[2])
day = DayRange.parse("2022-05-26", "2022-05-26")
with Warehouse.of(settings).connect() as warehouse:
    source = Postgres.of(settings, "source")
    snapshot.extract(warehouse, source, day, snapshot.RAW_TABLES, "a run")
print([name for name in ("pyarrow", "polars", "adbc_driver_postgresql") if name in sys.modules])
"""


def test_where_nothing_has_changed_no_rows_are_sent(source, write, tmp_path):
    write(*SOME_EVENTS)

    def modules():
        command = [sys.executable, "-c", COMPARED, tmp_path / "data", source.url()]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert modules() == "['pyarrow', 'adbc_driver_postgresql']"
    assert modules() == "[]"
