"""The CSV of tables: raw values, and nothing that a spreadsheet would run."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from urllib.parse import unquote

import pytest

from adtech_assets.report.spreadsheets import csv_link
from adtech_assets_tests.publish import marts
from adtech_assets_tests.publish.marts import LONG_NAMES, Business
from adtech_assets_tests.report.published import add, filled, page_of


def written(value):
    link = csv_link({"it": itemgetter(0)}, [(value,)])
    return unquote(link.partition(",")[2])


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (1234567, "1234567"),
        (0.1 + 0.2, "0.30000000000000004"),
        (Decimal("91.510000000001"), "91.510000000001"),
        (Decimal("1E-12"), "0.000000000001"),
        (Decimal("-5.50"), "-5.50"),
        (-3, "-3"),
        (date(2026, 10, 1), "2026-10-01"),
        (datetime(2026, 10, 1, 4, 5, 6), "2026-10-01T04:05:06"),  # noqa: DTZ001 - naive UTC
        (True, "true"),
        (None, '""'),
        ("a,b", '"a,b"'),
        ('a "b"', '"a ""b"""'),
        ("a\nb", '"a\nb"'),
        ("Ærø & co #1", "Ærø & co #1"),
    ],
)
def test_values_are_raw(value, line):
    assert written(value) == f"\ufeffit\r\n{line}\r\n"


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "\uff1d1", '=HYPERLINK("x")'],
)
def test_a_name_that_would_be_a_formula_is_text(name):
    (cell,) = written(name).removeprefix("\ufeffit\r\n").removesuffix("\r\n").split("\x00")
    assert cell.strip('"').startswith("'")


@pytest.mark.parametrize("name", ["Summer", "1-2", "a=b", "'quoted", "50 % off", ""])
def test_other_names_stay_as_they_are(name):
    assert f"'{name}" not in written(name)


def test_every_table_has_its_file(target):
    filled(target, Business(days=30, campaigns=3))
    page = page_of(target)
    captions = [e.attributes["id"] for e in page.all("caption")]
    assert len(captions) > 30
    for caption in captions:
        # That of the first campaigns is laid out by hand.
        name = "campaigns" if caption == "campaigns-caption" else caption
        rows = page.file(name or "")
        assert len(rows) > 1, name
        assert len(rows[0]) == len(set(rows[0]))
        assert {len(row) for row in rows} == {len(rows[0])}


def test_the_file_of_a_table_has_the_numbers_that_the_mart_has(target, ask):
    filled(target, Business(days=30, campaigns=3))
    head, *rows = page_of(target).file("days-table")
    found = ask(
        "SELECT event_date, impressions, clicks, ctr FROM marts.fct_daily_summary ORDER BY 1"
    )
    taken = itemgetter(*map(head.index, ("event_date", "impressions", "clicks", "ctr")))
    assert [taken(row) for row in rows[::-1]] == [
        (str(day), str(impressions), str(clicks), repr(ctr))
        for day, impressions, clicks, ctr in found
    ]


def test_the_file_has_the_rows_that_are_not_shown(target):
    with target.connect() as connection:
        marts.create(connection)
        connection.execute(
            "INSERT INTO marts.mart_campaign_kpis (campaign_id, campaign_name, impressions, clicks)"
            "SELECT n, 'campaign ' || n, 0, 0 FROM generate_series(1, 1500) AS n"
        )
    page = page_of(target)
    assert len(page.table("all-campaigns")) == 1 + 1_000
    assert len(page.file("all-campaigns")) == 1 + 1_500


def test_hostile_names_are_whole_and_harmless_in_a_file(target):
    filled(target, Business(days=1, campaigns=len(LONG_NAMES), names=LONG_NAMES))
    add(
        target,
        "mart_campaign_kpis",
        *(
            {"campaign_id": number, "campaign_name": name, "impressions": 0, "clicks": 0}
            for number, name in ((98, "=cmd|' /C calc'!A0"), (99, "x" * 300))
        ),
    )
    head, *rows = page_of(target).file("all-campaigns")
    names = {row[head.index("campaign_id")]: row[head.index("campaign_name")] for row in rows}
    assert names["98"] == "'=cmd|' /C calc'!A0"
    assert names["99"] == "x" * 300
    assert {names[str(number)] for number in range(1, 7)} == set(LONG_NAMES[:6])
