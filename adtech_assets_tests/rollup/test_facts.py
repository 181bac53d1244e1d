"""What is counted of single events, and how far they are believed; the same on every engine."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from adtech_assets.rollup import facts

A, B = "0cc175b9c0f1b6a831c399e269772661", "92eb5ffee6ae2fec3ad71c777531578f"
NOBODY = "0" * 32
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"

FILE = {"file_date": date(2022, 5, 26), "file_hour": 11}
NEXT_FILE = {"file_date": date(2022, 5, 27), "file_hour": 12}


def at(text):
    return datetime.fromisoformat(text)


def some(rows, *columns):
    """These columns of rows, in an order of their own."""
    return sorted((tuple(row[column] for column in columns) for row in rows), key=repr)


def test_events_are_in_the_hour_that_they_happened_if_it_is_near_that_of_their_file(count):
    impressions = [
        {**FILE, "user_agent": "a", "event_at": at("2022-05-26 09:32:10.942")},
        {**FILE, "user_agent": "a", "event_at": at("2022-05-26 08:59:59.999")},
        {**FILE, "user_agent": "a", "event_at": at("2022-05-26 08:00:00"), "is_fraud": True},
        # The first and the last moment whose own hour counts, and one beyond each.
        {**NEXT_FILE, "user_agent": "b", "event_at": at("2022-05-26 00:00:00")},
        {**NEXT_FILE, "user_agent": "b", "event_at": at("2022-05-28 23:59:59.999")},
        {**NEXT_FILE, "user_agent": "b", "event_at": at("2022-05-25 23:59:59.999")},
        {**NEXT_FILE, "user_agent": "b", "event_at": at("2022-05-29 00:00:00")},
        {**NEXT_FILE, "user_agent": "b", "event_at": None},
    ]

    found = count(facts.HOURLY_IMPRESSIONS, impressions=impressions)

    wanted = ("user_agent_id", "file_hour", "occurred_hour_at", "is_fraud", "impressions")
    assert some(found, *wanted) == sorted(
        [
            (A, 11, at("2022-05-26 09:00:00"), False, 1),
            (A, 11, at("2022-05-26 08:00:00"), False, 1),
            (A, 11, at("2022-05-26 08:00:00"), True, 1),
            (B, 12, at("2022-05-26 00:00:00"), False, 1),
            (B, 12, at("2022-05-28 23:00:00"), False, 1),
            (B, 12, None, False, 3),
        ],
        key=repr,
    )


def test_no_agent_an_empty_one_and_any_other_are_three(count):
    clicks = [{**FILE, "user_agent": agent} for agent in (None, "", "a", "a")]

    found = count(facts.HOURLY_CLICKS, clicks=clicks)

    assert some(found, "user_agent_id", "clicks") == [(NOBODY, 1), (A, 2), (EMPTY, 1)]


def test_the_roll_up_counts_both_kinds_by_hour_of_the_file_and_agent(count):
    impressions = [{**FILE, "user_agent": agent} for agent in ("a", "a", None)]
    clicks = [{**FILE, "user_agent": "a"}, {**NEXT_FILE, "user_agent": ""}]

    found = count(facts.ROLLUP, impressions=impressions, clicks=clicks)

    wanted = ("event_date", "event_hour", "user_agent", "impression_count", "click_count")
    assert some(found, *wanted) == [
        (date(2022, 5, 26), 11, "a", 2, 1),
        (date(2022, 5, 26), 11, None, 1, 0),
        (date(2022, 5, 27), 12, "", 0, 1),
    ]


SHOWN = {
    **FILE,
    "user_agent": "a",
    "campaign_id": 7,
    "currency": " dkk",
    "data_currency": "DKK",
    "eur_rate": Decimal("0.134409"),
    "total_cost": Decimal("0.5"),
    "data_cost": Decimal("0.1"),
    "banner_width": 300,
    "banner_height": 250,
    "visible_percentage": 50,
    "visible_ms": 1000,
}


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ({}, {"currency": "DKK", "banner_size": "300x250", "viewable_impressions": 1}),
        ({"visible_percentage": 49}, {"measurable_impressions": 1, "viewable_impressions": 0}),
        ({"visible_ms": 999}, {"measurable_impressions": 1, "viewable_impressions": 0}),
        # A large banner needs 30 % of itself in view.
        ({"banner_width": 970, "visible_percentage": 30}, {"viewable_impressions": 1}),
        ({"banner_width": 969, "visible_percentage": 30}, {"viewable_impressions": 0}),
        *(
            (unmeasured, {"measurable_impressions": None, "viewable_impressions": None})
            for unmeasured in (
                *({"visible_percentage": None}, {"visible_ms": None}),
                *({"visible_percentage": 101}, {"visible_ms": 86_400_001}, {"visible_ms": -1}),
            )
        ),
        # Data in another currency has no known cost.
        ({"data_currency": "USD"}, {"data_cost": None, "total_cost": Decimal("0.5")}),
        ({"data_currency": None}, {"data_cost": Decimal("0.1")}),
        # A euro is a euro.
        ({"currency": "EUR", "eur_rate": None}, {"eur_rate": 1}),
        ({"currency": None, "eur_rate": Decimal(-1)}, {"currency": "", "eur_rate": None}),
        ({"eur_rate": Decimal(1000)}, {"eur_rate": None}),
        ({"total_cost": Decimal(1_000_000)}, {"total_cost": None, "priced_impressions": None}),
        ({"total_cost": Decimal("-0.000000000001")}, {"total_cost": Decimal("-0.000000000001")}),
        ({"banner_width": 2**63 - 1}, {"banner_size": ""}),
        ({"banner_width": 0}, {"banner_size": ""}),
        ({"campaign_id": None}, {"log_campaign_id": ""}),
        ({"campaign_id": -5}, {"log_campaign_id": "-5"}),
        ({"is_fraud": None}, {"is_fraud": False}),
    ],
)
def test_an_impression_is_taken_as_far_as_it_can_be_believed(count, said, believed):
    (found,) = count(facts.HOURLY_IMPRESSIONS, impressions=[SHOWN | said])

    assert {column: found[column] for column in believed} == believed


def test_what_is_known_is_added_up_and_what_is_known_of_none_is_null(count):
    flags = {"is_eligible": True, "is_viewable": False, "is_campaign_unique": True}
    impressions = [
        SHOWN | flags | {"visible_ms": 1500},
        SHOWN | {"total_cost": None, "is_campaign_unique": False},
        SHOWN | {"is_eligible": False, "visible_percentage": None},
        SHOWN | {"currency": "SEK", "total_cost": None, "data_currency": "SEK"},
    ]

    rows = count(facts.HOURLY_IMPRESSIONS, impressions=impressions)
    found = {row["currency"]: row for row in rows}

    known = found["DKK"]
    assert known["impressions"] == 3
    assert (known["priced_impressions"], known["total_cost"]) == (2, Decimal("1.0"))
    assert (known["eligible_impressions"], known["measurable_impressions"]) == (1, 2)
    assert (known["viewable_impressions"], known["visible_ms"]) == (2, 2500)
    assert known["feed_viewable_impressions"] == 0
    assert (known["flagged_impressions"], known["campaign_unique_impressions"]) == (2, 1)
    assert known["campaign_day_unique_impressions"] is None
    assert known["media_cost"] is None
    unknown = found["SEK"]
    assert (unknown["priced_impressions"], unknown["total_cost"]) == (None, None)
    assert unknown["eligible_impressions"] is None


def test_two_rates_are_two_rows(count):
    impressions = [SHOWN, SHOWN | {"eur_rate": Decimal("0.135")}]

    found = count(facts.HOURLY_IMPRESSIONS, impressions=impressions)

    assert some(found, "eur_rate", "impressions") == [
        (Decimal("0.134409000000"), 1),
        (Decimal("0.135000000000"), 1),
    ]


def test_clicks_are_told_apart_by_how_soon_they_came(count):
    clicks = [
        {**FILE, "user_agent": "a", "latency_ms": latency}
        for latency in (-7, 0, 999, 1000, 9999, 10_000, 59_999, 60_000, None)
    ]

    (found,) = count(facts.HOURLY_CLICKS, clicks=clicks)

    assert found["clicks"] == 9
    assert found["timed_clicks"] == 8
    told = ("before_impression", "under_1s", "1_to_10s", "10_to_60s", "over_60s")
    assert [found[f"clicks_{when}"] for when in told] == [1, 2, 2, 2, 1]


def test_clicks_without_times_have_no_latency(count):
    (found,) = count(facts.HOURLY_CLICKS, clicks=[{**FILE, "user_agent": "a"}])

    assert found["timed_clicks"] is None
    assert found["clicks_under_1s"] is None


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("https://shop.example/a/b?utm=x#top", "shop.example/a/b"),
        ("shop.example/#a?b", "shop.example"),
        ("shop.example/a?b\n#c", "shop.example/a"),
        (" https://shop.example ", "https://shop.example"),
        ("?x", ""),
        (None, ""),
        ("a\0", "a\ufffd"),
        ("\U0001f600" * 9000, "\U0001f600" * 500),
    ],
)
def test_a_landing_page_is_host_and_path_as_a_key_can_have_them(count, url, page):
    (found,) = count(facts.DAILY_LANDING_PAGES, clicks=[{**FILE, "landing_url": url}])

    assert found["landing_page"] == page


def test_pages_are_counted_by_day_and_undated_clicks_by_the_hour_of_their_file(count):
    clicks = [
        {**FILE, "event_at": at("2022-05-26 09:00:00"), "latency_ms": 999},
        {**FILE, "file_hour": 12, "event_at": at("2022-05-26 23:59:59"), "latency_ms": 1000},
        {**FILE, "event_at": at("2022-05-27 00:00:00")},
        {**FILE, "event_at": None},
        {**FILE, "event_at": at("2022-06-26 00:00:00")},
    ]

    found = count(facts.DAILY_LANDING_PAGES, clicks=clicks)

    wanted = ("occurred_on", "undated_hour", "clicks", "timed_clicks", "fast_clicks")
    assert some(found, *wanted) == [
        (None, 11, 2, 0, 0),
        (date(2022, 5, 26), None, 2, 2, 1),
        (date(2022, 5, 27), None, 1, 0, 0),
    ]


def test_an_event_is_invalid_by_its_mark_or_by_its_agent(count):
    viewable = {"visible_percentage": 100, "visible_ms": 1000, "banner_width": 1}
    said: dict[str, dict[str, object]] = {
        "a": {"user_agent": "person"},
        "b": {"user_agent": "person", "is_fraud": True},
        "c": {"user_agent": "bot"},
        "d": {"user_agent": None},
        "e": {"user_agent": ""},
        "f": {"user_agent": "new"},
    }
    impressions = [
        {**FILE, **viewable, **agent, "publisher_domain": domain} for domain, agent in said.items()
    ]
    clicks = [
        {**FILE, "user_agent": "person", "publisher_domain": "g"},
        {**FILE, "user_agent": "bot", "publisher_domain": "h"},
    ]

    found = count(
        facts.DAILY_PLACEMENTS, impressions=impressions, clicks=clicks, agents=["bot", None, ""]
    )

    wanted = ("publisher_domain", "impressions", "clicks", "invalid_impressions", "invalid_clicks")
    assert some(found, *wanted, "measurable_impressions", "viewable_impressions") == [
        ("a", 1, 0, 0, 0, 1, 1),
        ("b", 1, 0, 1, 0, 0, 0),
        ("c", 1, 0, 1, 0, 0, 0),
        ("d", 1, 0, 1, 0, 0, 0),
        ("e", 1, 0, 1, 0, 0, 0),
        ("f", 1, 0, 0, 0, 1, 1),
        ("g", 0, 1, 0, 0, 0, 0),
        ("h", 0, 1, 0, 1, 0, 0),
    ]


def test_placements_keep_ids_and_texts_as_the_log_has_them(count):
    told = {"publisher_id": 7, "site_id": 0, "deal": " d ", "country_id": None}

    (found,) = count(facts.DAILY_PLACEMENTS, impressions=[SHOWN | told], agents=[])

    assert {name: found[name] for name in told} == told | {"publisher_id": "7", "site_id": "0"}
    assert (found["priced_impressions"], found["total_cost"]) == (1, Decimal("0.5"))
    assert (found["banner_size"], found["currency"]) == ("300x250", "DKK")


@pytest.mark.parametrize("counted", facts.ALL, ids=lambda counted: counted.name)
def test_nothing_gives_nothing(count, counted):
    assert count(counted, impressions=[], clicks=[], agents=[]) == []
