from datetime import date

import pytest

from adtech_assets.partitions import DayRange
from adtech_assets.publish import comparison
from adtech_assets.publish.publication import Mart, publish

DATED = Mart("dated", ("event_date", "n"), "", {})
WHOLE = Mart("whole", ("n",), "", {})
MAY_1 = DayRange(date(2022, 5, 1), date(2022, 5, 1))


@pytest.fixture
def compare(warehouse, target):
    """Publishes both marts; then compares one of them for some days, as often as asked."""
    warehouse.execute("CREATE SCHEMA marts")
    warehouse.execute(
        """
        CREATE TABLE marts.dated AS
        SELECT DATE '2022-05-01' + day::INTEGER AS event_date, n::INTEGER AS n,
            'text ' || n || chr(0) AS text, (n / 3)::DECIMAL(38, 2) AS money, n / 7 AS share,
            TIMESTAMP '2022-05-01 23:59:59.999999' AS at, NULL::DOUBLE AS nothing, n > 5 AS is_big
        FROM range(3) AS days (day), range(100) AS rows (n)
        """
    )
    warehouse.execute("CREATE TABLE marts.whole AS SELECT DISTINCT n, text, money FROM marts.dated")
    publish(warehouse, target, [DATED, WHOLE])

    def run(mart=DATED, days=None, most=20):
        with target.snapshot() as snapshot:
            return comparison.compare(warehouse, snapshot, mart, days, most)

    return run


@pytest.mark.parametrize("mart", [DATED, WHOLE])
@pytest.mark.parametrize("days", [None, MAY_1])
def test_what_has_been_published_is_equal(compare, mart, days):
    assert compare(mart, days) == comparison.Differences(0, [])


@pytest.mark.parametrize(
    ("damage", "rows"),
    [
        ("UPDATE marts.dated SET money = money + 0.01 WHERE event_date = '2022-05-01'", 200),
        ("UPDATE marts.dated SET text = '' WHERE event_date = '2022-05-01' AND n = 7", 2),
        ("UPDATE marts.dated SET nothing = 0 WHERE event_date = '2022-05-01' AND n = 7", 2),
        ("DELETE FROM marts.dated WHERE event_date = '2022-05-01' AND n < 3", 3),
        ("INSERT INTO marts.dated (event_date, n) VALUES ('2022-05-01', 100)", 1),
        ("TRUNCATE marts.dated", 300),
    ],
)
def test_every_difference_is_counted(compare, ask, damage, rows):
    ask(damage)
    assert compare().rows == rows


def test_differences_name_the_store_and_the_row(compare, ask):
    ask("UPDATE marts.whole SET money = 9.99 WHERE n = 7")

    found = compare(WHOLE)

    assert found.rows == 2
    in_warehouse, in_postgres = found.examples
    assert in_warehouse.startswith("('only in the warehouse', 7,")
    assert in_postgres.startswith("('only in Postgres', 7,")
    assert "Decimal('9.99')" in in_postgres


def test_only_some_differences_are_shown(compare, ask):
    ask("TRUNCATE marts.dated")
    found = compare(most=5)
    assert found.rows == 300
    assert len(found.examples) == 5


def test_a_run_looks_at_its_days(compare, ask):
    ask("DELETE FROM marts.dated WHERE event_date = '2022-05-02'")
    assert compare(days=MAY_1).rows == 0
    assert compare().rows == 100

    ask("DELETE FROM marts.dated WHERE event_date = '2022-05-01'")
    assert compare(days=MAY_1).rows == 100
    assert compare().rows == 200


def test_rows_of_no_day_are_always_looked_at(warehouse, target, ask):
    warehouse.execute("CREATE SCHEMA marts")
    warehouse.execute("CREATE TABLE marts.dated AS SELECT NULL::DATE AS event_date, 1 AS n")
    undated = Mart("dated", ("n",), "", {})
    publish(warehouse, target, [undated])
    ask("UPDATE marts.dated SET n = 2")
    with target.snapshot() as snapshot:
        assert comparison.compare(warehouse, snapshot, undated, MAY_1, 20).rows == 2


def test_a_table_that_is_gone_is_told(compare, ask):
    ask("DROP TABLE marts.dated")
    assert compare().examples == ["marts.dated is not in Postgres"]


def test_nothing_is_left_in_the_warehouse(compare, warehouse, ask):
    ask("TRUNCATE marts.dated")
    compare()
    assert {name for (name,) in warehouse.execute("SHOW TABLES").fetchall()} == set()
