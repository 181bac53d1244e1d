from datetime import date, datetime
from decimal import Decimal

import psycopg
import pytest

from adtech_assets.operational.schema import create_schema

COLUMNS = """
    SELECT column_name, data_type || coalesce('(' || character_maximum_length || ')', '')
               || CASE WHEN data_type = 'numeric'
                  THEN '(' || numeric_precision || ',' || numeric_scale || ')' ELSE '' END,
           is_nullable = 'YES', column_default
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position
"""
TIME = "timestamp without time zone"


def columns(connection, table):
    return connection.execute(COLUMNS, [table]).fetchall()


def test_advertiser_has_the_columns_of_the_source(database):
    assert columns(database, "advertiser") == [
        ("id", "integer", False, "nextval('advertiser_id_seq'::regclass)"),
        ("name", "character varying(255)", False, None),
        ("updated_at", TIME, True, None),
        ("created_at", TIME, True, "now()"),
    ]


def test_campaign_has_the_columns_of_the_source(database):
    assert columns(database, "campaign") == [
        ("id", "integer", False, "nextval('campaign_id_seq'::regclass)"),
        ("name", "character varying(255)", False, None),
        ("bid", "numeric(10,2)", False, None),
        ("budget", "numeric(10,2)", False, None),
        ("start_date", "date", True, None),
        ("end_date", "date", True, None),
        ("advertiser_id", "integer", True, None),
        ("updated_at", TIME, True, None),
        ("created_at", TIME, True, "now()"),
    ]


@pytest.mark.parametrize("table", ["impressions", "clicks"])
def test_events_have_the_columns_of_the_source(database, table):
    assert columns(database, table) == [
        ("id", "integer", False, f"nextval('{table}_id_seq'::regclass)"),
        ("campaign_id", "integer", True, None),
        ("created_at", TIME, True, "now()"),
    ]


@pytest.mark.parametrize("table", ["impressions", "clicks"])
def test_events_are_indexed_by_time(database, table):
    definitions = database.execute(
        "SELECT indexdef FROM pg_indexes WHERE tablename = %s", [table]
    ).fetchall()

    assert any(definition.endswith("(created_at)") for (definition,) in definitions)


def test_creating_again_keeps_the_rows(database):
    database.execute("INSERT INTO advertiser (name) VALUES ('Otter Toys')")

    create_schema(database)

    assert database.execute("SELECT name FROM advertiser").fetchall() == [("Otter Toys",)]


def test_only_what_is_missing_is_created(database):
    database.execute("INSERT INTO advertiser (name) VALUES ('Otter Toys')")
    database.execute("DROP TABLE clicks")
    database.execute("DROP INDEX ix_impressions_created_at")

    create_schema(database)

    for name in ("clicks", "ix_impressions_created_at", "ix_clicks_created_at"):
        assert database.execute("SELECT to_regclass(%s)", [name]).fetchone() != (None,)
    assert database.execute("SELECT count(*) FROM advertiser").fetchone() == (1,)


def test_a_complete_schema_needs_no_right_to_write(database):
    database.execute("SAVEPOINT complete")
    database.execute("SET TRANSACTION READ ONLY")

    create_schema(database)

    database.execute("ROLLBACK TO complete")


def test_orphans_are_accepted(database):
    database.execute(
        "INSERT INTO campaign (name, bid, budget, start_date, advertiser_id)"
        " VALUES (%s, %s, %s, %s, %s)",
        ["Spring Sale", Decimal("1.25"), Decimal(100), date(2022, 5, 1), 4711],
    )
    for table in ("impressions", "clicks"):
        database.execute(f"INSERT INTO {table} (campaign_id) VALUES (NULL), (4711)")

    assert database.execute("SELECT count(*) FROM impressions").fetchone() == (2,)


def test_created_at_fills_itself(database):
    [(created_at,)] = database.execute(
        "INSERT INTO impressions (campaign_id) VALUES (1) RETURNING created_at"
    ).fetchall()

    assert isinstance(created_at, datetime)
    assert created_at.tzinfo is None


def test_a_campaign_needs_a_bid_and_a_budget(database):
    with pytest.raises(psycopg.errors.NotNullViolation):
        database.execute("INSERT INTO campaign (name) VALUES ('Spring Sale')")
