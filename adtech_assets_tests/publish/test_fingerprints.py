from datetime import date

import pytest

from adtech_assets.publish import fingerprints

COLUMNS = {"event_date": "DATE", "n": "INTEGER", "text": "VARCHAR"}
ROWS = "('2022-05-01', 1, 'a'), ('2022-05-01', 2, 'b'), ('2022-05-02', 1, NULL)"


@pytest.fixture
def of(warehouse):
    """Fingerprints of rows that are written as SQL."""

    def by_day(rows):
        query = f"SELECT d::DATE AS event_date, n, text FROM (VALUES {rows}) AS t (d, n, text)"
        return fingerprints.by_day(warehouse, query, COLUMNS)

    return by_day


def test_rows_are_counted_by_day(of):
    assert {day: rows.rows for day, rows in of(ROWS).items()} == {
        date(2022, 5, 1): 2,
        date(2022, 5, 2): 1,
    }


def test_the_order_of_rows_makes_no_difference(of):
    other = "('2022-05-02', 1, NULL), ('2022-05-01', 2, 'b'), ('2022-05-01', 1, 'a')"
    assert of(other) == of(ROWS)


@pytest.mark.parametrize(
    "changed",
    [
        "('2022-05-01', 1, 'b'), ('2022-05-01', 2, 'a')",
        "('2022-05-01', 1, 'a'), ('2022-05-01', 2, 'B')",
        "('2022-05-01', 1, 'a'), ('2022-05-01', 1, 'a')",
        "('2022-05-01', 1, 'a'), ('2022-05-01', 2, 'b'), ('2022-05-01', 2, 'b')",
        "('2022-05-01', 1, 'a'), ('2022-05-01', 2, '')",
        "('2022-05-01', 1, 'a'), ('2022-05-01', 2, NULL)",
        "('2022-05-01', 1, 'a'), ('2022-05-01', NULL, 'b')",
    ],
)
def test_any_change_of_a_day_changes_its_fingerprint_alone(of, changed):
    before, after = of(ROWS), of(f"{changed}, ('2022-05-02', 1, NULL)")
    assert before[date(2022, 5, 1)] != after[date(2022, 5, 1)]
    assert before[date(2022, 5, 2)] == after[date(2022, 5, 2)]


def test_pairs_of_equal_rows_do_not_cancel_each_other(of):
    twice = "('2022-05-01', {0}, 'a'), ('2022-05-01', {0}, 'a')"
    assert of(twice.format(1)) != of(twice.format(2))


def test_rows_without_a_day_are_a_group_and_so_is_a_mart_without_days(warehouse, of):
    assert {day: rows.rows for day, rows in of("(NULL, 1, 'a'), (NULL, 2, 'a')").items()} == {
        None: 2
    }
    assert {
        day: rows.rows
        for day, rows in fingerprints.by_day(
            warehouse, "SELECT 1 AS n FROM range(3)", {"n": "INTEGER"}
        ).items()
    } == {None: 3}


def test_no_rows_are_no_day(warehouse):
    assert fingerprints.by_day(warehouse, "SELECT 1 AS n LIMIT 0", {"n": "INTEGER"}) == {}
