"""A report of chosen days: added up from these days, against as many before them."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from adtech_assets.report import Period
from adtech_assets_tests.publish.marts import LAST_DAY, Business
from adtech_assets_tests.report.published import add, filled, page_of

CHOSEN = Period(date(2022, 6, 10), date(2022, 6, 14))
DAYS = "event_date BETWEEN '2022-06-10' AND '2022-06-14'"
BEFORE = "event_date BETWEEN '2022-06-05' AND '2022-06-09'"
SAID = "10–14 Jun 2022"


@pytest.fixture
def published(target):
    """A month of eight campaigns."""
    filled(target, Business(days=30))
    return target


def chosen(target, period=CHOSEN):
    return page_of(target, period=period)


def test_the_headline_compares_with_as_many_days_before(published, ask):
    page = chosen(published)

    sums = "SELECT sum(impressions), sum(clicks) FROM marts.fct_daily_summary WHERE"
    [(now, clicks)], [(old, _)] = ask(f"{sums} {DAYS}"), ask(f"{sums} {BEFORE}")
    [(spend,)] = ask(f"SELECT sum(estimated_spend) FROM marts.fct_campaign_daily WHERE {DAYS}")
    told = page.section("headline").text
    assert told.startswith(f"The chosen days {SAID}, against the 5 days before: 5–9 Jun 2022.")
    tiles = page.tiles()
    assert (tiles["Impressions"][0], tiles["Impressions"][2]) == (f"{now:,}", f"{old:,} before")
    assert tiles["Click-through rate"][0] == f"{clicks / now:.2%}"
    assert tiles["Estimated spend"][0] == f"{spend:,.2f}"


def test_campaigns_are_added_up_from_the_days(published, ask):
    head, *rows = chosen(published).file("all-campaigns")
    found = ask(
        "SELECT campaign_id, sum(impressions), sum(clicks), sum(estimated_spend) "
        f"FROM marts.fct_campaign_daily WHERE {DAYS} GROUP BY 1"
    )
    of = {int(row[head.index("campaign_id")]): row for row in rows}
    assert len(of) == len(found) == 8
    for campaign, impressions, clicks, spend in found:
        row = dict(zip(head, of[campaign], strict=True))
        assert (row["impressions"], row["clicks"]) == (str(impressions), str(clicks))
        assert row["estimated_spend"] == str(spend)
        assert float(row["ctr"]) == pytest.approx(float(clicks / impressions))
        assert float(row["ctr_low"]) < float(row["ctr"]) < float(row["ctr_high"])


def test_pacing_is_that_at_the_end_of_the_days(published, ask):
    ask(
        "INSERT INTO marts.fct_campaign_pacing_daily (campaign_id, event_date, pacing_status, "
        "cumulative_estimated_spend, budget, budget_used_share, elapsed_days, flight_days, "
        "is_full_day) VALUES (1, '2022-06-14', 'ahead', 90, 100, 0.9, 6, 10, true)"
    )
    page = chosen(published)
    row = next(r for r in page.table("campaigns-caption") if "90% used" in r[1])
    assert "▲ Ahead 90% used, 60% of the flight over" in row[1]
    assert "to date, at the end of 14 Jun 2022: 1 ahead" in page.section("campaigns").text
    facts = {row[0]: row[1] for row in page.table("spend-facts")[1:]}
    assert facts["Of these budgets used up to 14 Jun 2022"] == "90.00 (90%)"


def test_the_advertiser_is_the_one_of_the_last_of_the_days(published, ask):
    ask("UPDATE marts.fct_campaign_daily SET advertiser_id = 2 WHERE campaign_id = 1")
    ask(
        "UPDATE marts.fct_campaign_daily SET advertiser_id = 1 "
        "WHERE campaign_id = 1 AND event_date = '2022-06-14'"
    )
    head, *rows = chosen(published).file("all-campaigns")
    row = next(row for row in rows if row[head.index("campaign_id")] == "1")
    assert row[head.index("advertiser_name")] == "Fjord Outdoor"


@pytest.mark.parametrize("table", ["days-table", "invalid-days", "reconciled-days", "spend-days"])
def test_tables_by_day_have_the_chosen_days_only(published, table):
    days = [row[0] for row in chosen(published).table(table)[1:]]
    assert sorted(set(days)) == [f"2022-06-{day}" for day in range(10, 15)]


@pytest.mark.parametrize(
    "section",
    ["headline", "days", "campaigns", "rates", "spend", "devices", "deliveries", "invalid"],
)
def test_a_section_says_its_days(published, ask, section):
    ask("UPDATE marts.fct_campaign_cost_daily SET event_date = '2022-06-14'")
    assert SAID in chosen(published).section(section).text


def test_what_is_known_to_date_only_says_so(published, ask):
    ask(
        "UPDATE marts.fct_campaign_cost_daily SET event_date = '2022-06-14'; "
        "UPDATE marts.fct_campaign_reach_daily SET event_date = '2022-06-12'"
    )
    page = chosen(published)
    assert "published to date only" in page.section("hours").text
    assert "it can only be told to date" in page.section("deliveries").text
    reached = [row[8] for row in page.table("deliveries-table")[1:]]
    assert "–" not in reached


def test_days_that_are_missing_are_told_at_the_edges_too(published):
    page = chosen(published, Period(LAST_DAY - timedelta(1), LAST_DAY + timedelta(2)))
    signal = page.all("header")[0].all("li")[0]
    assert signal.classes == ["warn"]
    assert "2 days missing in the database" in signal.text
    told = page.section("headline").text
    assert "23–24 Jun 2022, against the 2 days before: 21–22 Jun 2022" in told
    assert "Nothing has been published of 25–26 Jun 2022" in told
    facts = dict(page.table("freshness-facts")[1:])
    assert facts["Days of the database that are missing"] == "2 days: 25–26 Jun 2022"


def test_the_first_days_are_compared_with_nothing(published):
    page = chosen(published, Period(date(2022, 5, 26), date(2022, 5, 28)))
    assert "with no earlier day to compare it with" in page.section("headline").text
    assert len(page.tiles()["Impressions"]) == 1


def test_a_running_day_is_not_compared(published, ask):
    ask("INSERT INTO marts.dim_dates VALUES ('', 1, false, false, true, '2022-06-14')")
    told = chosen(published).section("headline").text
    assert "10–13 Jun 2022, against the 4 days before: 6–9 Jun 2022." in told
    assert "Not in it: 14 Jun 2022, which was not over when last read" in told


@pytest.mark.parametrize("first", [date(1, 1, 1), date(2031, 10, 1), date(9999, 12, 30)])
def test_days_without_data_give_sentences(published, first):
    page = chosen(published, Period(first, first + timedelta(1)))
    assert "none has been published" in page.all("header")[0].text
    for section in page.all("section"):
        if section.attributes["aria-labelledby"] not in ("hours", "data"):
            assert re.search("Nothing to show|No campaign has", section.text), section.text
    assert not page.all("article")


def test_a_mart_that_is_missing_is_named(published, ask):
    ask("DROP TABLE marts.fct_campaign_ctr_anomalies")
    page = chosen(published)
    assert "marts.fct_campaign_ctr_anomalies has not been" in page.section("campaigns").text
    assert "marts.fct_campaign_ctr_anomalies" not in page_of(published).section("campaigns").text


def test_a_rate_is_of_sums_not_of_rates(target):
    filled(target, Business(days=30, campaigns=0))
    for day, impressions, clicks in (("2022-06-10", 10, 5), ("2022-06-11", 990, 5)):
        row = {"campaign_id": 1, "event_date": day, "impressions": impressions, "clicks": clicks}
        add(target, "fct_campaign_daily", row | {"estimated_spend": 0})
    add(target, "dim_campaigns", {"campaign_id": 1, "campaign_name": "A"})
    assert chosen(target).table("all-campaigns")[1][4] == "1.00%"
