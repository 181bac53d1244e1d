"""Pages of single campaigns: how they are reached, and what they tell."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from adtech_assets import report
from adtech_assets.report import Period
from adtech_assets.report.closeups import MOST_PAGES
from adtech_assets_tests.publish import marts
from adtech_assets_tests.publish.marts import EVER, LAST_DAY, LONG_NAMES, Business
from adtech_assets_tests.report.published import add, filled, page_of

PARTS = (
    *("delivery", "pacing", "cost", "viewability", "reach", "clicks", "invalid"),
    *("reconciliation", "supply", "terms"),
)


@pytest.fixture
def published(target):
    """A week of three campaigns."""
    filled(target, Business(days=7, campaigns=3))
    return target


@pytest.fixture
def bare(target):
    """A campaign of which nothing is published but that it is there, on one day."""
    with target.connect() as connection:
        marts.create(connection)
    row = {"campaign_id": 1, "campaign_name": "Payday", "impressions": 9, "clicks": 1}
    add(target, "mart_campaign_kpis", row)
    add(target, "fct_daily_summary", {"event_date": LAST_DAY, "impressions": 9, "clicks": 1})
    return target


def told(page, part, campaign=1):
    return page.section(f"campaign-{campaign}-{part}").text


def facts(page, part):
    return {row[0]: row[1] for row in page.table(f"campaign-1-{part}-1")[1:]}


# ---- how they are reached ------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["campaigns-caption", "all-campaigns", "deliveries-table"])
def test_each_name_leads_to_the_page_of_its_campaign_and_that_back(published, table):
    page = page_of(published)
    links = [
        (e.text, e.attributes["href"])
        for row in page.by_id(table).parent.all("tr")
        for e in row.all("a")
    ]
    assert len(links) == 3
    for name, href in links:
        article = page.article(href[1:])
        assert article.all("h2")[0].text == name
        back = [e.attributes["href"] for e in article.all("a") if "download" not in e.attributes]
        assert back == ["#campaigns", "#campaigns"]


def test_a_page_has_all_its_sections_with_heads(published):
    article = page_of(published).article("campaign-2")
    assert [e.attributes["aria-labelledby"] for e in article.all("section")] == [
        f"campaign-2-{part}" for part in PARTS
    ]
    assert [e.tag for e in article.all("h2") + article.all("h3")] == ["h2"] + ["h3"] * len(PARTS)


def test_of_many_campaigns_the_first_have_a_page_and_of_the_others_it_is_told_where(target):
    filled(target, Business(days=2, campaigns=MOST_PAGES + 30))
    page = page_of(target)
    assert len(page.all("article")) == MOST_PAGES
    section = page.section("campaigns")
    assert f"The names of the first {MOST_PAGES} lead to a page each. 30 campaigns" in section.text
    assert "adtech results --mart fct_campaign_daily" in section.text
    rows = page.by_id("all-campaigns").parent.all("tr")[1:]
    assert [bool(row.all("a")) for row in rows] == [True] * MOST_PAGES + [False] * 30


def test_a_quarter_of_as_many_campaigns_as_have_a_page_is_a_small_file(target):
    filled(target, Business(days=92, campaigns=MOST_PAGES))
    assert len(report.render(report.read(target)).encode()) < 8_000_000


def test_hostile_names_are_text_on_their_pages(target):
    names = (*LONG_NAMES[:7], "=1+1", "x" * 300)
    filled(target, Business(days=1, campaigns=len(names), names=names))
    page = page_of(target)
    for number, name in enumerate(names, 1):
        heading = page.article(f"campaign-{number}").all("h2")[0]
        assert heading.text == name
        assert heading.children[0].tag == "bdi"


# ---- what they tell ------------------------------------------------------------------------------


def test_delivery_is_told_by_day_and_in_all(published, ask):
    page = page_of(published)
    found = ask(
        "SELECT event_date, impressions, clicks, estimated_spend FROM marts.fct_campaign_daily "
        "WHERE campaign_id = 1 ORDER BY 1 DESC"
    )
    rows = page.table("campaign-1-delivery-1")[1:]
    assert [[row[0], row[1], row[2], row[4]] for row in rows] == [
        [str(day), f"{impressions:,}", f"{clicks:,}", f"{spend:,.2f}"]
        for day, impressions, clicks, spend in found
    ]
    impressions, spend = sum(row[1] for row in found), sum(row[3] for row in found)
    assert f"{impressions:,} impressions" in told(page, "delivery")
    assert f"estimated spend {spend:,.2f}" in told(page, "delivery")
    chart = page.section("campaign-1-delivery").all("svg")[0]
    assert f"{impressions:,} impressions" in (chart.attributes["aria-label"] or "")


def test_tables_by_day_show_a_month_and_their_files_have_all(target):
    filled(target, Business(days=40, campaigns=1))
    page = page_of(target)
    assert len(page.table("campaign-1-delivery-1")) == 1 + 31
    assert len(page.file("campaign-1-delivery-1")) == 1 + 40
    assert "the 9 days before are in its CSV" in page.by_id("campaign-1-delivery-1").text


def test_pacing_is_that_of_the_last_full_day(published):
    found = facts(page_of(published), "pacing")
    assert (found["Pacing"], found["Budget used"]) == ("Behind", "30%")
    assert found["Flight over"] == "30 of 60 days"


def test_cost_stands_beside_the_estimate(published, ask):
    [(media, total, euros, invalid, estimate, clicks)] = ask(
        "SELECT media_cost, total_cost, total_cost_eur, invalid_cost, estimated_spend, clicks "
        "FROM marts.fct_campaign_cost_daily WHERE campaign_id = 1"
    )
    found = facts(page_of(published), "cost")
    assert found["Media cost"] == f"{media:,.2f} DKK"
    assert found["Cost with all fees"] == f"{total:,.2f} DKK"
    assert found["Share of the fees"] == f"{(total - media) / total:.0%}"
    assert found["Cost with all fees in EUR"] == f"{euros:,.2f}"
    assert found["Of invalid impressions"] == f"{invalid:,.2f} DKK"
    assert found["Estimated spend"] == f"{estimate:,.2f}"
    assert found["Cost over the estimate"] == f"{total - estimate:,.2f}"
    assert found["Cost of a click"] == f"{total / clicks:,.2f}"
    assert found["Data"] == "–"


def test_costs_of_two_currencies_have_a_sum_in_euros_only(published):
    other = {"campaign_id": 1, "event_date": LAST_DAY - timedelta(1), "currency": "SEK"}
    counts = {"impressions": 10, "priced_impressions": 10, "clicks": 0}
    amounts = {"media_cost": 1, "total_cost": 2, "total_cost_eur": Decimal("0.2")}
    add(published, "fct_campaign_cost_daily", other | counts | amounts)
    page = page_of(published)
    found = facts(page, "cost")
    assert "several currencies" in told(page, "cost")
    assert {found["Cost with all fees"], found["Media cost"], found["eCPM"]} == {"–"}
    assert found["Cost with all fees in EUR"] != "–"


def test_viewability_is_told_by_size(published):
    size = {"campaign_id": 1, "banner_size": "", "event_date": LAST_DAY, "impressions": 5}
    add(published, "fct_campaign_viewability_daily", size)
    rows = page_of(published).table("campaign-1-viewability-1")
    assert [rows[1][0], *rows[1][2:]] == ["300x250", "50%", "50%", "4.0"]
    assert rows[2] == ["not said", "5", "–", "–", "–"]


def test_reach_of_days_has_no_sum_but_that_of_new_browsers(published):
    day = {"campaign_id": 1, "event_date": LAST_DAY - timedelta(1), "impressions": 9}
    reach = {"flagged_impressions": 8, "daily_reach": 4, "new_reach": 3}
    to_date = {"flagged_impressions_to_date": 8, "reach_to_date": 3}
    add(published, "fct_campaign_reach_daily", day | reach | to_date)
    page = page_of(published)
    newest, older = page.table("campaign-1-reach-1")[1:]
    assert older == [str(LAST_DAY - timedelta(1)), "9", "4", "2.0", "3", "3"]
    fresh = int(newest[4].replace(",", "")) + 3
    assert f"{fresh:,} browsers reached for the first time." in told(page, "reach")


def test_clicks_are_told_by_their_time_and_their_pages(published, ask):
    [(clicks, fast)] = ask(
        "SELECT timed_clicks, clicks_under_1s FROM marts.fct_campaign_click_quality_daily "
        "WHERE campaign_id = 1"
    )
    page = page_of(published)
    assert f"of {clicks:,} timed ones were fast" in told(page, "clicks")
    after = {row[0]: row[1:] for row in page.table("campaign-1-clicks-1")[1:]}
    assert after["Within 1 s"] == [f"{fast / clicks:.2%}", f"{fast:,}"]
    assert page.table("campaign-1-clicks-2")[1][:2] == ["shop.example/sale", f"{clicks:,}"]


def test_invalid_events_are_told_by_reason(published, ask):
    [(crawlers, events)] = ask(
        "SELECT crawler_impressions, gross_impressions + gross_clicks "
        "FROM marts.fct_campaign_traffic_daily WHERE campaign_id = 1"
    )
    page = page_of(published)
    share = f"{crawlers / events:.2%}"
    assert f"{share} of {events:,} logged events are invalid" in told(page, "invalid")
    rows = {row[0]: row[1:] for row in page.table("campaign-1-invalid-1")[1:]}
    assert rows["Crawler"] == [share, f"{crawlers:,}", "0"]


def test_log_and_database_are_compared_on_full_days_only(published, ask):
    ask("UPDATE marts.fct_campaign_traffic_daily SET impressions_status = 'breach'")
    page = page_of(published)
    assert "On 1 full day:" in told(page, "reconciliation")
    assert "1 day by more than 1 % apart" in told(page, "reconciliation")
    assert page.table("campaign-1-reconciliation-1")[1][3] == "✕ differ too much"

    ask(f"INSERT INTO marts.dim_dates VALUES ('', 1, false, true, false, '{LAST_DAY}')")
    page = page_of(published)
    assert "No day is over yet for both of them." in told(page, "reconciliation")
    row = page.table("campaign-1-reconciliation-1")[1]
    assert (row[0], row[3]) == (f"{LAST_DAY}, so far", "– differ too much, so far")


def test_supply_is_told_by_domain_deal_and_device(published):
    nowhere = {"campaign_id": 1, "event_date": LAST_DAY, "deal": "D-1", "impressions": 1}
    counts = {"clicks": 1, "invalid_impressions": 1, "invalid_clicks": 0, "priced_impressions": 1}
    add(published, "fct_campaign_placement_daily", nowhere | counts)
    page = page_of(published)
    domains, deals, devices = (page.table(f"campaign-1-supply-{n}") for n in (1, 2, 3))
    assert [row[0] for row in domains[1:]] == ["news.example", "sport.example", "not said"]
    assert domains[1][3:5] == ["0%", "50%"]
    assert domains[3] == ["not said", "1", "1", "50%", "–", "–"]
    assert [row[0] for row in deals[1:]] == ["open market, or not said", "D-1"]
    both = sum(int(row[1].replace(",", "")) for row in domains[1:3])
    assert devices[1][:2] == ["2", f"{both:,}"]


def test_terms_are_told_from_when_to_when_with_what_has_changed(bare):
    for number, name in enumerate("AB", 1):
        add(bare, "dim_advertisers", {"advertiser_id": number, "advertiser_name": name})
    first, second = datetime(2022, 6, 2, 4), datetime(2022, 6, 3, 4)  # noqa: DTZ001 - naive UTC
    terms = {"campaign_id": 1, "campaign_name": "Payday", "advertiser_id": 1, "bid": 1}
    terms |= {"budget": 50, "start_date": date(2022, 6, 1), "end_date": date(2022, 6, 30)}
    moved = {"bid": 2, "budget": None, "advertiser_id": 2, "end_date": date(2022, 7, 9)}
    add(
        bare,
        "dim_campaign_versions",
        terms | {"is_first": True, "valid_from": EVER, "valid_until": first},
        terms | {"bid": 2, "is_first": False, "valid_from": first, "valid_until": second},
        terms | moved | {"is_first": False, "valid_from": second, "valid_until": None},
    )
    page = page_of(bare)
    assert page.table("campaign-1-terms-1")[1:] == [
        [
            *("3 Jun 2022, 04:00 UTC", "further notice", "2.00", "–", "1 Jun 2022", "9 Jul 2022"),
            *("B", "Payday", "advertiser, budget, end"),
        ],
        [
            *("2 Jun 2022, 04:00 UTC", "3 Jun 2022, 04:00 UTC", "2.00", "50.00", "1 Jun 2022"),
            *("30 Jun 2022", "A", "Payday", "bid"),
        ],
        [
            *("the beginning", "2 Jun 2022, 04:00 UTC", "1.00", "50.00", "1 Jun 2022"),
            *("30 Jun 2022", "A", "Payday", "–"),
        ],
    ]
    head, newest, *_ = page.file("campaign-1-terms-1")
    assert newest[head.index("valid_from")] == "2022-06-03T04:00:00"


def test_a_page_of_chosen_days_has_these_only_but_all_terms(published):
    days = Period(LAST_DAY - timedelta(2), LAST_DAY - timedelta(1))
    page = page_of(published, period=days)
    rows = page.table("campaign-1-delivery-1")[1:]
    assert [row[0] for row in rows] == ["2022-06-23", "2022-06-22"]
    assert "22–23 Jun 2022" in page.article("campaign-1").all("p")[1].text
    assert len(page.table("campaign-1-terms-1")) == 1 + 2
    assert "whatever the days above" in told(page, "terms")
    # All else is published of the last day only.
    for part in set(PARTS) - {"delivery", "terms"}:
        assert "of 22–23 Jun 2022" in told(page, part)


# ---- what is not there ---------------------------------------------------------------------------


def test_what_is_not_known_of_a_campaign_is_a_sentence_and_no_number(bare):
    page = page_of(bare)
    for part in PARTS:
        section = page.section(f"campaign-1-{part}")
        assert not section.all("table")
        assert section.all("p")[0].classes == ["missing"]


@pytest.mark.parametrize(
    ("mart", "parts"),
    [
        ("fct_campaign_daily", ["delivery"]),
        ("fct_campaign_pacing_daily", ["pacing"]),
        ("fct_campaign_cost_daily", ["cost"]),
        ("fct_campaign_viewability_daily", ["viewability"]),
        ("fct_campaign_reach_daily", ["reach"]),
        ("fct_campaign_click_quality_daily", ["clicks"]),
        ("fct_campaign_landing_pages_daily", ["clicks"]),
        ("fct_campaign_traffic_daily", ["invalid", "reconciliation"]),
        ("fct_campaign_placement_daily", ["supply"]),
        ("dim_campaign_versions", ["terms"]),
    ],
)
def test_a_mart_that_is_not_published_is_named_on_the_page(published, ask, mart, parts):
    ask(f"DROP TABLE marts.{mart}")
    page = page_of(published)
    for part in parts:
        assert f"marts.{mart} has not been published yet" in told(page, part)


def test_a_cost_that_the_log_does_not_say_is_no_0(published, ask):
    ask(
        "UPDATE marts.fct_campaign_cost_daily SET priced_impressions = 0, media_cost = NULL, "
        "total_cost = NULL, total_cost_eur = NULL"
    )
    assert "says of none of its impressions what it cost" in told(page_of(published), "cost")


def test_clicks_that_are_not_timed_have_no_share(published, ask):
    ask("UPDATE marts.fct_campaign_click_quality_daily SET timed_clicks = 0")
    assert "does not say when their impressions were" in told(page_of(published), "clicks")


def test_impressions_without_flags_have_no_reach(published, ask):
    ask("UPDATE marts.fct_campaign_reach_daily SET reach_to_date = NULL, new_reach = NULL")
    assert "does not flag" in told(page_of(published), "reach")
