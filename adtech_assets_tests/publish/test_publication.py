import threading
from datetime import date, datetime
from decimal import Decimal

import psycopg
import pytest

from adtech_assets.errors import UserError
from adtech_assets.partitions import DayRange
from adtech_assets.publish import fingerprints, notes
from adtech_assets.publish import publication as publish_module
from adtech_assets.publish.marts import columns_of
from adtech_assets.publish.publication import Mart, Published, publish
from adtech_assets.stores.postgres import Postgres

DAYS = Mart("days", ("day",), "A row a day.", {"day": "The day.", "events": "How many."})
DATED = Mart("dated", ("event_date", "n"), "", {})
HOURS = Mart("hours", ("day", "hour"), "A row an hour.", {"hour": "0 to 23; the feed's."})


def published_rows(done):
    return {name: mart.rows for name, mart in done.items()}


def build(warehouse, name, query):
    """Build a mart in the warehouse, as dbt does."""
    warehouse.execute("CREATE SCHEMA IF NOT EXISTS marts")
    warehouse.execute(f"CREATE OR REPLACE TABLE marts.{name} AS {query}")


def build_days(warehouse, days=3, events=10):
    build(
        warehouse,
        "days",
        f"SELECT DATE '2022-05-01' + range::INTEGER AS day, {events}::BIGINT AS events "
        f"FROM range({days})",
    )


def rows(ask, mart="days"):
    return ask(f"SELECT * FROM marts.{mart} ORDER BY 1")


def columns(ask, mart):
    return dict(
        ask(
            f"""
            SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = 'marts.{mart}'::regclass AND attnum > 0 AND NOT attisdropped
            ORDER BY attnum
            """
        )
    )


def comments(ask, mart):
    return dict(
        ask(
            f"""
            SELECT objsubid, description FROM pg_description
            WHERE objoid = 'marts.{mart}'::regclass
            """
        )
    )


def test_a_mart_is_published_row_for_row(warehouse, target, ask):
    build_days(warehouse)

    assert published_rows(publish(warehouse, target, [DAYS])) == {"days": 3}

    assert rows(ask) == [(date(2022, 5, day), 10) for day in (1, 2, 3)]


def test_every_type_of_a_mart_has_its_type_in_postgres(warehouse, target, ask):
    build(
        warehouse,
        "days",
        """
        SELECT
            DATE '2022-05-01' AS day, 1::INTEGER AS n, 2::BIGINT AS many, 0.1::DOUBLE AS share,
            1234567890123456.78::DECIMAL(18, 2) AS money, 'Ærø, "x"\t\\N\n' AS name,
            true AS is_known, TIMESTAMP '2022-05-01 23:59:59.999999' AS at, NULL::DOUBLE AS nothing
        """,
    )

    publish(warehouse, target, [DAYS])

    assert columns(ask, "days") == {
        "day": "date",
        "n": "integer",
        "many": "bigint",
        "share": "double precision",
        "money": "numeric(18,2)",
        "name": "text",
        "is_known": "boolean",
        "at": "timestamp without time zone",
        "nothing": "double precision",
    }
    assert rows(ask) == [
        (
            *(date(2022, 5, 1), 1, 2, 0.1, Decimal("1234567890123456.78"), 'Ærø, "x"\t\\N\n', True),
            *(datetime(2022, 5, 1, 23, 59, 59, 999999), None),  # noqa: DTZ001 - as in the mart
        )
    ]


def test_less_usual_types_have_theirs_too(warehouse, target, ask):
    build(
        warehouse,
        "days",
        """
        SELECT 1::TINYINT AS day, 2::SMALLINT AS small, 3::HUGEINT AS huge, 0.1::FLOAT AS share,
            1::DECIMAL(38, 2) AS money, TIMESTAMPTZ '2022-05-01 12:00:00+02' AS at,
            '422fa353-0f43-d5d2-22be-1cd07bba048c'::UUID AS id
        """,
    )

    publish(warehouse, target, [DAYS])

    assert list(columns(ask, "days").values()) == [
        *("smallint", "smallint", "numeric(39,0)", "real", "numeric(38,2)"),
        *("timestamp with time zone", "uuid"),
    ]
    assert ask(
        "SELECT at = '2022-05-01 10:00+00', share = 0.1::real, id::text FROM marts.days"
    ) == [(True, True, "422fa353-0f43-d5d2-22be-1cd07bba048c")]


TEXTS = [
    *(None, "", " ", '"', '""', "a,b", "a\nb\r\nc", "\\.", "\\N", "NULL", "Ærø", "\N{PILE OF POO}"),
    *("x" * 1_000_000, "\x01\x1b[2J"),
]


def test_text_arrives_as_it_is(warehouse, target, ask):
    build(warehouse, "days", "SELECT 0 AS day, NULL::VARCHAR AS text LIMIT 0")
    warehouse.executemany("INSERT INTO marts.days VALUES (?, ?)", list(enumerate(TEXTS)))

    publish(warehouse, target, [DAYS])

    assert rows(ask) == list(enumerate(TEXTS))


def test_a_zero_byte_which_postgres_cannot_hold_is_replaced(warehouse, target, ask):
    build(warehouse, "days", "SELECT 1 AS day, 'a' || chr(0) || 'b' AS user_agent")
    publish(warehouse, target, [DAYS])
    assert rows(ask) == [(1, "a\N{REPLACEMENT CHARACTER}b")]


def test_infinite_values_arrive(warehouse, target, ask):
    build(
        warehouse,
        "days",
        """
        SELECT 1 AS day, 'infinity'::DATE AS last_day, '-infinity'::TIMESTAMP AS at,
            'inf'::DOUBLE AS most, '-inf'::DOUBLE AS least, 'nan'::DOUBLE AS none
        """,
    )
    publish(warehouse, target, [DAYS])
    assert ask("SELECT last_day::text, at::text, most, least, none::text FROM marts.days") == [
        ("infinity", "-infinity", float("inf"), float("-inf"), "NaN")
    ]


def test_floating_numbers_keep_every_bit(warehouse, target, ask):
    numbers = [0.1 + 0.2, 1 / 3, 5e-324, 1.7976931348623157e308]
    values = ", ".join(f"({n}, {number!r}::DOUBLE)" for n, number in enumerate(numbers))
    build(warehouse, "days", f"FROM (VALUES {values}) AS t (day, share)")

    publish(warehouse, target, [DAYS])

    assert [share for _, share in rows(ask)] == numbers


def test_a_type_that_has_no_counterpart_is_told(warehouse, target, ask):
    build(warehouse, "days", "SELECT 1 AS day, [1, 2] AS events")
    with pytest.raises(UserError, match=r"marts\.days\.events is of type INTEGER\[\].*Cast it"):
        publish(warehouse, target, [DAYS])
    assert ask("SELECT to_regnamespace('marts')") == [(None,)]


def test_the_key_of_a_mart_is_its_primary_key(warehouse, target, ask):
    build_days(warehouse)
    build(warehouse, "hours", "SELECT DATE '2022-05-01' AS day, 7 AS hour")

    publish(warehouse, target, [DAYS, HOURS])

    keys = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p' AND conrelid = "
    assert ask(keys + "'marts.days'::regclass") == [("PRIMARY KEY (day)",)]
    assert ask(keys + "'marts.hours'::regclass") == [("PRIMARY KEY (day, hour)",)]


def indexed(ask, mart):
    return {
        name
        for (name,) in ask(
            f"""
            SELECT attname FROM pg_index
            JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]
            WHERE indrelid = 'marts.{mart}'::regclass
            """
        )
    }


def test_days_hours_and_ids_are_indexed_once(warehouse, target, ask):
    build(
        warehouse,
        "hours",
        """
        SELECT 1 AS campaign_id, 2 AS advertiser_id, TIMESTAMP '2022-05-01' AS hour_at,
            DATE '2022-05-01' AS event_date, 'x' AS campaign_name
        """,
    )
    mart = Mart("hours", ("campaign_id", "hour_at"), "", {})
    publish(warehouse, target, [mart])
    expected = {"campaign_id", "advertiser_id", "hour_at", "event_date"}
    assert indexed(ask, "hours") == expected
    ask("DROP INDEX marts.hours_event_date_idx")

    publish(warehouse, target, [mart])

    assert indexed(ask, "hours") == expected
    assert ask("SELECT count(*) FROM pg_index WHERE indrelid = 'marts.hours'::regclass") == [(4,)]


FACTS = Mart("facts", ("campaign_id", "event_date"), "", {})
DIM_CAMPAIGNS = Mart("dim_campaigns", ("campaign_id",), "", {})


def build_star(warehouse, names=""):
    build(warehouse, "facts", "SELECT 1 AS campaign_id, DATE '2022-05-01' AS event_date")
    build(warehouse, "dim_campaigns", f"SELECT 2 AS campaign_id {names}")


def foreign_keys(ask):
    return ask(
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'f' ORDER BY 1, 2"
    )


def test_a_fact_refers_to_its_dimension_and_is_published_all_the_same_if_that_lacks_it(
    warehouse, target, ask
):
    build_star(warehouse)

    publish(warehouse, target, [FACTS])
    publish(warehouse, target, [DIM_CAMPAIGNS])

    reference = "FOREIGN KEY (campaign_id) REFERENCES marts.dim_campaigns(campaign_id) NOT ENFORCED"
    assert foreign_keys(ask) == [("marts.facts", reference)]
    assert ask("SELECT campaign_id FROM marts.facts") == [(1,)]


def test_a_dimension_with_other_columns_is_made_anew_under_the_facts_that_refer_to_it(
    warehouse, target, ask
):
    build_star(warehouse)
    publish(warehouse, target, [FACTS, DIM_CAMPAIGNS])
    before = foreign_keys(ask)
    build_star(warehouse, ", 'x' AS campaign_name")

    publish(warehouse, target, [DIM_CAMPAIGNS])

    assert ask("SELECT * FROM marts.dim_campaigns") == [(2, "x")]
    assert foreign_keys(ask) == before


def test_a_dimension_that_somebody_elses_table_refers_to_is_not_made_anew(warehouse, target, ask):
    build_star(warehouse)
    publish(warehouse, target, [DIM_CAMPAIGNS])
    ask("CREATE TABLE notes (campaign_id integer REFERENCES marts.dim_campaigns)")
    build_star(warehouse, ", 'x' AS campaign_name")

    with pytest.raises(UserError, match="constraint notes_campaign_id_fkey"):
        publish(warehouse, target, [DIM_CAMPAIGNS])

    assert ask("SELECT * FROM marts.dim_campaigns") == [(2,)]


def test_descriptions_are_published_and_kept_up_to_date(warehouse, target, ask):
    build_days(warehouse)
    publish(warehouse, target, [DAYS])
    assert comments(ask, "days") == {0: "A row a day.", 1: "The day.", 2: "How many."}

    described_anew = Mart("days", ("day",), "It's a row a day.", {"events": "100 % of {them}."})
    publish(warehouse, target, [described_anew])

    assert comments(ask, "days") == {
        0: "It's a row a day.",
        1: "The day.",
        2: "100 % of {them}.",
    }


def test_publishing_again_replaces_the_rows(warehouse, target, ask):
    build_days(warehouse, days=3)
    publish(warehouse, target, [DAYS])
    build_days(warehouse, days=2, events=11)

    assert published_rows(publish(warehouse, target, [DAYS])) == {"days": 2}

    assert rows(ask) == [(date(2022, 5, 1), 11), (date(2022, 5, 2), 11)]


def test_an_empty_mart_is_published_empty(warehouse, target, ask):
    build_days(warehouse, days=0)
    assert published_rows(publish(warehouse, target, [DAYS])) == {"days": 0}
    assert rows(ask) == []


def test_more_rows_than_a_batch_are_published(warehouse, target, ask):
    many = publish_module._BATCH_ROWS * 2 + 1
    build_days(warehouse, days=many)
    assert published_rows(publish(warehouse, target, [DAYS])) == {"days": many}
    assert ask("SELECT count(*), sum(events) FROM marts.days") == [(many, many * 10)]


def test_all_marts_are_published_in_one_transaction(warehouse, target, ask):
    build_days(warehouse)
    build(warehouse, "hours", "SELECT DATE '2022-05-01' AS day, 7 AS hour")
    publish(warehouse, target, [DAYS, HOURS])
    written_by = "SELECT DISTINCT xmin::text FROM marts."
    assert ask(written_by + "days") == ask(written_by + "hours")


# ---- day by day --------------------------------------------------------------------------------


def may(day):
    return date(2022, 5, day)


def of_may(first, last):
    return DayRange(may(first), may(last))


def build_dated(warehouse, days=5, changed=()):
    """100 rows a day; of a changed day one value differs."""
    build(
        warehouse,
        "dated",
        f"""
        SELECT DATE '2022-05-01' + day::INTEGER AS event_date, n::INTEGER AS n,
            CASE WHEN n = 50 AND day + 1 IN ({", ".join(map(str, changed)) or "NULL"})
                THEN 'changed' ELSE 'text ' || n END AS text
        FROM range({days}) AS days (day), range(100) AS rows (n)
        """,
    )


@pytest.fixture
def written_days(ask):
    """Days of May whose rows have been written since the last call."""
    transactions = {}

    def new():
        found = dict(ask("SELECT event_date, min(xmin::text) FROM marts.dated GROUP BY 1"))
        written = {day.day for day, number in found.items() if transactions.get(day) != number}
        transactions.clear()
        transactions.update(found)
        return written

    return new


def run(warehouse, target, marts, days):
    """Publish as a run does: what has another version than was published, or was edited since."""
    versions = {
        mart.name: repr(
            fingerprints.by_day(warehouse, f"FROM {mart.table}", columns_of(warehouse, mart))
        )
        for mart in marts
    }
    todo = notes.outdated(target, versions, days)
    return publish(warehouse, target, [m for m in marts if m.name in todo], versions, todo)


def is_published(warehouse, ask):
    def plain(rows):
        return sorted(rows, key=repr)

    return plain(ask("SELECT * FROM marts.dated")) == plain(
        warehouse.execute("FROM marts.dated").fetchall()
    )


def test_a_run_writes_the_days_that_differ_and_no_others(warehouse, target, ask, written_days):
    build_dated(warehouse)
    run(warehouse, target, [DATED], of_may(1, 1))
    assert written_days() == {1, 2, 3, 4, 5}, "nothing was published"

    build_dated(warehouse, changed=[2])
    (dated,) = run(warehouse, target, [DATED], of_may(4, 4)).values()

    assert dated == Published(500, frozenset({may(2)}))
    assert written_days() == {2}
    assert is_published(warehouse, ask)


def test_a_run_of_other_days_adds_new_days_and_removes_those_that_are_gone(
    warehouse, target, ask, written_days
):
    build_dated(warehouse, days=4)
    publish(warehouse, target, [DATED])
    written_days()

    build_dated(warehouse, days=6)
    run(warehouse, target, [DATED], of_may(20, 20))
    assert written_days() == {5, 6}

    build_dated(warehouse, days=2)
    run(warehouse, target, [DATED], of_may(20, 20))
    assert written_days() == set()
    assert is_published(warehouse, ask)
    assert ask("SELECT count(*) FROM published_days") == [(2,)]


def test_days_are_written_again_when_somebody_says_so(warehouse, target, written_days):
    build_dated(warehouse)
    publish(warehouse, target, [DATED])
    written_days()
    publish(warehouse, target, [DATED], edited={"dated": {may(2), may(3)}})
    assert written_days() == {2, 3}


def test_a_mart_that_is_published_as_it_is_is_not_looked_at(warehouse, target, written_days):
    build_dated(warehouse)
    run(warehouse, target, [DATED], of_may(1, 1))
    written_days()
    assert run(warehouse, target, [DATED], of_may(1, 5)) == {}
    assert written_days() == set()


@pytest.mark.parametrize(
    ("damage", "of"),
    [
        ("TRUNCATE marts.dated", of_may(20, 20)),
        ("DELETE FROM marts.dated WHERE event_date = '2022-05-02' AND n = 7", of_may(20, 20)),
        ("INSERT INTO marts.dated VALUES ('2022-05-02', 100, 'x')", of_may(20, 20)),
        ("INSERT INTO marts.dated VALUES ('2022-05-09', 0, 'x')", of_may(20, 20)),
        ("UPDATE marts.dated SET text = 'x' WHERE event_date = '2022-05-02'", of_may(2, 2)),
        ("UPDATE marts.dated SET text = 'x'", None),
        ("DROP TABLE marts.dated", of_may(2, 2)),
        ("DROP TABLE published_days", of_may(2, 2)),
        ("TRUNCATE published_days", of_may(2, 2)),
        ("UPDATE published_days SET fingerprint = 'x'", of_may(2, 2)),
    ],
)
def test_what_somebody_has_done_to_the_tables_is_repaired(warehouse, target, ask, damage, of):
    """Other numbers of rows on any day; other values on the days of the run."""
    build_dated(warehouse)
    publish(warehouse, target, [DATED])
    ask(damage)

    run(warehouse, target, [DATED], of)

    assert is_published(warehouse, ask)


def test_rows_without_a_day_are_looked_at_in_every_run(warehouse, target, ask):
    build(
        warehouse,
        "dated",
        "SELECT DATE '2022-05-01' AS event_date, 1 AS n UNION ALL SELECT NULL, 2 FROM range(2)",
    )
    undated = Mart("dated", ("n",), "", {})
    warehouse.execute("UPDATE marts.dated SET n = 3 WHERE event_date IS NULL AND rowid = 2")
    publish(warehouse, target, [undated])
    ask("UPDATE marts.dated SET n = 9 WHERE n = 2")

    run(warehouse, target, [undated], of_may(20, 20))
    assert is_published(warehouse, ask)

    warehouse.execute("DELETE FROM marts.dated WHERE event_date IS NULL")
    run(warehouse, target, [undated], of_may(20, 20))
    assert is_published(warehouse, ask)


def test_a_mart_of_no_days_that_was_edited_is_written_whole(warehouse, target, ask):
    build_days(warehouse)
    run(warehouse, target, [DAYS], of_may(1, 1))
    ask("UPDATE marts.days SET events = 0")
    run(warehouse, target, [DAYS], of_may(20, 20))
    assert rows(ask) == [(may(day), 10) for day in (1, 2, 3)]


def test_a_mart_with_other_columns_is_written_whole(warehouse, target, ask):
    build_dated(warehouse)
    publish(warehouse, target, [DATED])
    warehouse.execute("ALTER TABLE marts.dated ADD COLUMN more INTEGER DEFAULT 1")
    run(warehouse, target, [DATED], of_may(1, 1))
    assert is_published(warehouse, ask)


def test_what_is_noted_of_the_days_is_of_the_same_transaction(warehouse, target, ask):
    build_dated(warehouse)
    publish(warehouse, target, [DATED])
    build_dated(warehouse, changed=[2])
    build(warehouse, "hours", "SELECT DATE '2022-05-01' AS day, 7 AS hour FROM range(2)")
    with pytest.raises(UserError, match="duplicate key|could not create unique index"):
        run(warehouse, target, [DATED, HOURS], of_may(4, 4))
    run(warehouse, target, [DATED], of_may(4, 4))

    assert is_published(warehouse, ask)


def test_a_target_all_of_whose_tables_are_published_to_others_is_published_again(
    warehouse, target, ask
):
    ask("CREATE PUBLICATION everything FOR ALL TABLES")
    build_dated(warehouse)
    publish(warehouse, target, [DATED])
    build_dated(warehouse, changed=[2])
    publish(warehouse, target, [DATED])
    assert is_published(warehouse, ask)


def test_when_one_mart_fails_none_is_published(warehouse, target, ask):
    build_days(warehouse)
    build(warehouse, "hours", "SELECT DATE '2022-05-01' AS day, 7 AS hour")
    publish(warehouse, target, [DAYS, HOURS])
    before = rows(ask), rows(ask, "hours")
    build_days(warehouse, events=99)
    build(warehouse, "hours", "SELECT DATE '2022-05-01' AS day, 7 AS hour FROM range(2)")

    with pytest.raises(UserError, match="duplicate key|could not create unique index"):
        publish(warehouse, target, [DAYS, HOURS])

    assert (rows(ask), rows(ask, "hours")) == before


def test_a_mart_that_has_not_been_built_is_told(warehouse, target, ask):
    build_days(warehouse)
    with pytest.raises(UserError, match=r"marts\.hours is not in the warehouse"):
        publish(warehouse, target, [DAYS, HOURS])
    assert ask("SELECT to_regclass('marts.days')") == [(None,)]


@pytest.mark.parametrize(
    ("anew", "days"),
    [(False, None), (True, None), (False, of_may(1, 2))],
    ids=["same columns", "new columns", "days of a run"],
)
def test_a_reader_never_sees_a_mart_missing_empty_half_or_of_another_time(
    warehouse, target, ask, anew, days
):
    """Both marts hold 5,000 rows of one number, which grows with each publication."""

    def build_both(number):
        more = ", 1 AS another" if anew and number % 2 else ""
        for name, key in (("days", "day"), ("hours", "hour")):
            build(
                warehouse,
                name,
                f"SELECT range::INTEGER AS {key}, {number}::BIGINT AS number{more}, "
                "DATE '2022-05-01' + (range % 3)::INTEGER AS event_date FROM range(5000)",
            )

    marts = [Mart("days", ("day",), "", {}), Mart("hours", ("hour",), "", {})]
    build_both(0)
    publish(warehouse, target, marts)
    seen, problems, done = [], [], threading.Event()

    def read():
        query = """
            SELECT count(*), min(number), max(number)
            FROM (SELECT number FROM marts.days UNION ALL SELECT number FROM marts.hours) AS rows
        """
        with psycopg.connect(target.url(), autocommit=True) as connection:
            while not done.is_set():
                try:
                    seen.append(connection.execute(query).fetchone())
                except psycopg.Error as error:
                    problems.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(1, 11):
            build_both(number)
            run(warehouse, target, marts, days)
    finally:
        done.set()
        reader.join()

    assert problems == []
    assert {(rows, lowest == highest) for rows, lowest, highest in seen} == {(10_000, True)}
    assert [lowest for _, lowest, _ in seen] == sorted(lowest for _, lowest, _ in seen)
    assert ask("SELECT DISTINCT number FROM marts.days") == [(10,)]


def test_a_reader_in_a_transaction_goes_on_seeing_what_it_saw(warehouse, target):
    build_days(warehouse, events=1)
    publish(warehouse, target, [DAYS])
    query = "SELECT sum(events) FROM marts.days"
    with psycopg.connect(target.url()) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        before = reader.execute(query).fetchall()
        build_days(warehouse, events=2)
        publish(warehouse, target, [DAYS])

        assert reader.execute(query).fetchall() == before == [(3,)]


def test_grants_and_views_of_others_survive_a_publication(warehouse, target, ask, reader_role):
    build_days(warehouse)
    publish(warehouse, target, [DAYS])
    ask(f"GRANT USAGE ON SCHEMA marts TO {reader_role}")
    ask(f"GRANT SELECT ON marts.days TO {reader_role}")
    ask("CREATE VIEW total AS SELECT sum(events) AS events FROM marts.days")
    build_days(warehouse, events=20)

    publish(warehouse, target, [DAYS])

    assert ask("SELECT events FROM total") == [(60,)]
    assert ask(f"SELECT has_table_privilege('{reader_role}', 'marts.days', 'SELECT')") == [(True,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT DATE '2022-05-01' AS day, 10::BIGINT AS events, 0.5 AS share",
        "SELECT DATE '2022-05-01' AS day",
        "SELECT DATE '2022-05-01' AS day, 10::DOUBLE AS events",
        "SELECT 10::BIGINT AS events, DATE '2022-05-01' AS day",
    ],
    ids=["added", "dropped", "of another type", "in another order"],
)
def test_a_mart_with_other_columns_is_made_anew_with_its_grants(
    warehouse, target, ask, reader_role, query
):
    build_days(warehouse)
    publish(warehouse, target, [DAYS])
    ask(f"GRANT SELECT ON marts.days TO {reader_role} WITH GRANT OPTION")
    ask("GRANT SELECT ON marts.days TO PUBLIC")
    privileges = "SELECT relacl FROM pg_class WHERE oid = 'marts.days'::regclass"
    before = ask(privileges)
    build(warehouse, "days", query)

    publish(warehouse, target, [DAYS])

    [row] = warehouse.execute("FROM marts.days").fetchall()
    assert rows(ask) == [row]
    assert list(columns(ask, "days")) == [name for name, *_ in warehouse.description]
    assert ask(privileges) == before
    assert comments(ask, "days")[0] == "A row a day."


def test_a_mart_with_another_key_is_made_anew(warehouse, target, ask):
    build_days(warehouse)
    publish(warehouse, target, [DAYS])

    publish(warehouse, target, [Mart("days", ("day", "events"), "", {})])

    assert ask(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'p' AND conrelid = 'marts.days'::regclass"
    ) == [("PRIMARY KEY (day, events)",)]


def test_new_columns_under_the_view_of_somebody_else_are_told_and_change_nothing(
    warehouse, target, ask
):
    build_days(warehouse)
    build(warehouse, "hours", "SELECT DATE '2022-05-01' AS day, 7 AS hour")
    publish(warehouse, target, [DAYS, HOURS])
    ask("CREATE VIEW total AS SELECT sum(events) AS events FROM marts.days")
    before = rows(ask), rows(ask, "hours")
    build(warehouse, "days", "SELECT DATE '2022-05-01' AS day, 1.5 AS events")
    build(warehouse, "hours", "SELECT DATE '2022-05-01' AS day, 8 AS hour")

    with pytest.raises(UserError, match=r"marts\.days.*view total.*Nothing was published"):
        publish(warehouse, target, [HOURS, DAYS])
    assert (rows(ask), rows(ask, "hours")) == before

    ask("DROP VIEW total")
    assert published_rows(publish(warehouse, target, [HOURS, DAYS])) == {"hours": 1, "days": 1}


def test_a_user_who_may_only_write_rows_can_publish(warehouse, target, ask, reader_role):
    build_days(warehouse)
    publish(warehouse, target, [DAYS])
    ask(f"GRANT USAGE ON SCHEMA marts TO {reader_role}")
    ask(
        "GRANT SELECT, INSERT, DELETE ON marts.days, published_days, published_marts "
        f"TO {reader_role}"
    )
    ask(f"GRANT SELECT ON target_owner TO {reader_role}")
    url = target.url().replace("postgres@", f"{reader_role}@")
    build_days(warehouse, events=5)

    publish(warehouse, Postgres(lambda: url, "target"), [DAYS])

    assert ask("SELECT sum(events) FROM marts.days") == [(15,)]


def test_runs_that_publish_at_once_take_turns(warehouse, target, ask):
    build_days(warehouse)
    cursors = [warehouse.cursor() for _ in range(3)]
    published = []

    def run(cursor):
        published.append(publish(cursor, target, [DAYS]))

    threads = [threading.Thread(target=run, args=(cursor,)) for cursor in cursors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [published_rows(done) for done in published] == [{"days": 3}] * 3
    assert len(rows(ask)) == 3


# ---- closed months -------------------------------------------------------------------------------

MONTHS = Mart("months", ("billing_month", "campaign_id"), "", {})


def build_months(warehouse, *closed):
    """A closed campaign a month, each month with the time of its closing; and an open month."""
    rows = "".join(f", (DATE '{month}', 1, TIMESTAMP '{at}')" for month, at in closed)
    build(
        warehouse,
        "months",
        f"SELECT * FROM (VALUES (DATE '2022-07-01', 1, NULL::TIMESTAMP){rows}) "
        "AS t (billing_month, campaign_id, closed_at)",
    )


MAY, JUNE = ("2022-05-01", "2022-06-02 09:00:00.5"), ("2022-06-01", "2022-07-02 09:00:00")


def test_closed_months_are_published_like_any_rows(warehouse, target, ask):
    build_months(warehouse)
    publish(warehouse, target, [MONTHS])
    build_months(warehouse, MAY)
    publish(warehouse, target, [MONTHS])
    build_months(warehouse, MAY, JUNE)

    publish(warehouse, target, [MONTHS])

    assert [month.month for month, *_ in rows(ask, "months")] == [5, 6, 7]


@pytest.mark.parametrize("left", [[JUNE], [("2022-05-01", "2022-08-01 09:00:00"), JUNE]])
def test_a_closed_month_that_is_gone_or_was_closed_anew_is_not_published_over(
    warehouse, target, ask, left
):
    build_months(warehouse, MAY, JUNE)
    build_days(warehouse)
    publish(warehouse, target, [MONTHS, DAYS])
    before = rows(ask, "months"), rows(ask)
    build_months(warehouse, *left)
    build_days(warehouse, events=11)

    with pytest.raises(UserError, match=r"closed months \(2022-05\).*adtech restore"):
        publish(warehouse, target, [DAYS, MONTHS])

    assert (rows(ask, "months"), rows(ask)) == before


def test_a_row_of_a_closed_month_that_was_edited_is_mended(warehouse, target, ask):
    build_months(warehouse, MAY)
    publish(warehouse, target, [MONTHS])
    before = rows(ask, "months")
    ask("UPDATE marts.months SET campaign_id = 2 WHERE closed_at IS NOT NULL")

    publish(warehouse, target, [MONTHS])

    assert rows(ask, "months") == before
