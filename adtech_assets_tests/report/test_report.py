"""The report as a page: what it says of published marts, and that it needs nothing but itself."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal

import pytest

from adtech_assets import report
from adtech_assets.audit.conditions import Condition
from adtech_assets.errors import UserError
from adtech_assets.report.text import MINUS
from adtech_assets_tests.publish import marts
from adtech_assets_tests.publish.marts import LAST_DAY, LONG_NAMES, Business
from adtech_assets_tests.report.html_page import Page
from adtech_assets_tests.report.published import (
    CHECKS,
    PASSED,
    WARNED,
    add,
    filled,
    page_of,
)

SHAPES = {
    "one day": Business(days=1, campaigns=3),
    "thirty days": Business(days=30, missing_days=(16,)),
    "no campaigns": Business(days=7, campaigns=0),
    "500 campaigns": Business(days=3, campaigns=500),
    "very long names": Business(days=14, campaigns=12, names=LONG_NAMES),
}


@pytest.fixture
def published(target):
    """A month of eight campaigns, with a day missing."""
    filled(target, SHAPES["thirty days"])
    return target


@pytest.fixture
def days(target):
    """Publishes days with these counts, the last one on LAST_DAY."""

    def publish(*counts):
        with target.connect() as connection:
            marts.create(connection)
        first = LAST_DAY - timedelta(len(counts) - 1)
        add(
            target,
            "fct_daily_summary",
            *(
                {
                    "event_date": first + timedelta(n),
                    "impressions": impressions,
                    "clicks": clicks,
                    "ctr": min(clicks / impressions, 1) if impressions else None,
                }
                for n, (impressions, clicks) in enumerate(counts)
            ),
        )
        return page_of(target)

    return publish


# ---- the page itself ----------------------------------------------------------------------------


@pytest.fixture(params=[*SHAPES, "nothing published", "empty marts"])
def any_page(request, target):
    if request.param == "empty marts":
        with target.connect() as connection:
            marts.create(connection)
    elif request.param in SHAPES:
        filled(target, SHAPES[request.param])
    return report.render(report.read(target), CHECKS)


def test_a_page_of_any_data_is_whole_and_fit_for_everybody(any_page):
    page = Page(any_page)
    assert page.all("html")[0].attributes == {"lang": "en"}
    for landmark in ("header", "main", "footer", "nav"):
        assert len(page.all(landmark)) == 1
    # Nothing from elsewhere, nothing that runs.
    assert not {"script", "link", "img", "iframe", "object"} & {e.tag for e in page.elements}
    assert not re.search(r"@import|url\((?!#)|javascript:|https?:", any_page)
    (policy,) = (
        e.attributes["content"]
        for e in page.all("meta")
        if e.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    links = [e.attributes["href"] for e in page.all("a") if "download" not in e.attributes]
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link} <= set(ids)
    assert all(e.text or e.attributes.get("aria-label") for e in page.all("a"))
    # Headings go down one by one.
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    # Every table says what it is, and of what its cells are.
    for table in page.all("table"):
        assert table.children[0].tag == "caption"
        assert table.children[0].text
        assert all(cell.attributes["scope"] in ("col", "row") for cell in table.all("th"))
        assert all(row.children[0].tag == "th" for row in table.all("tr"))
    # Every drawing is said in words, or stands beside the same in words.
    for drawing in page.all("svg"):
        if not drawing.is_within("svg"):
            label, hidden = (drawing.attributes.get(a) for a in ("aria-label", "aria-hidden"))
            assert (drawing.attributes.get("role") == "img" and label) or hidden == "true"
    for e in page.elements:
        if e.attributes.get("tabindex"):
            assert e.attributes["role"] == "region"
            assert e.attributes["aria-labelledby"] in ids
    # No number is the picture of something that has no number.
    assert not re.search(r"\bnan\b|\binf\b|None|Undefined", any_page)


def test_the_same_marts_give_the_same_page(published):
    assert report.render(report.read(published), CHECKS) == report.render(
        report.read(published), CHECKS[::-1]
    )


def test_the_page_is_written_whole_and_in_utf_8(published, tmp_path):
    path = tmp_path / "exports" / "report.html"
    report.write(path, report.read(published), CHECKS)
    assert path.read_text(encoding="utf-8") == report.render(report.read(published), CHECKS)
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_the_page_is_utf_8_whatever_the_machine_prefers(tmp_path):
    program = """
import sys
from pathlib import Path
from adtech_assets import report
from adtech_assets.report.published import Campaign

campaign = Campaign(1, "\\u00c6r\\u00f8", 1, 0, 0.0, 0.0, 0.1)
report.write(Path(sys.argv[1]), report.Published(campaigns=[campaign]))
"""
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "report.html")],
        env=os.environ | ascii_only,
        check=True,
    )
    assert "Ærø" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "exports").write_text("a file")
    with pytest.raises(UserError, match=r"report\.html cannot be written"):
        report.write(tmp_path / "exports" / "report.html", report.Published())


# ---- headline -----------------------------------------------------------------------------------


def test_the_last_week_stands_against_the_week_before(published, ask):
    page = page_of(published)

    section = page.section("headline").text
    assert section.startswith("Last 7 days 18–24 Jun 2022, against the 7 days before: 11–17 Jun")
    week = "SELECT sum(impressions), sum(clicks) FROM marts.fct_daily_summary WHERE event_date "
    [(impressions, clicks)] = ask(week + "BETWEEN '2022-06-18' AND '2022-06-24'")
    [(old_impressions, old_clicks)] = ask(week + "BETWEEN '2022-06-11' AND '2022-06-17'")
    [(spend,)] = ask(
        "SELECT sum(estimated_spend) FROM marts.fct_campaign_daily "
        "WHERE event_date BETWEEN '2022-06-18' AND '2022-06-24'"
    )
    tiles = page.tiles()
    assert tiles["Impressions"][0] == f"{impressions:,}"
    assert tiles["Impressions"][2] == f"{old_impressions:,} before"
    assert tiles["Clicks"][0] == f"{clicks:,}"
    assert tiles["Clicks"][1].endswith(f"{clicks / old_clicks - 1:+.1%}".replace("-", "−"))  # noqa: RUF001
    assert tiles["Click-through rate"][0] == f"{clicks / impressions:.2%}"
    points = 100 * (clicks / impressions - old_clicks / old_impressions)
    assert f"{abs(points):.2f} points" in tiles["Click-through rate"][1]
    assert tiles["Estimated spend"][0] == f"{spend:,.2f}"


@pytest.fixture
def going_on(ask):
    """Says of days that they were not over when one of the sides was read."""

    def mark(*days, database=True, logs=True):
        for day in days:
            ask(f"INSERT INTO marts.dim_dates VALUES ('', 1, false, {database}, {logs}, '{day}')")

    return mark


def test_a_comparison_ends_with_the_last_full_day(days, target, going_on):
    days(*[(100, 10)] * 14, (20, 1))
    going_on(LAST_DAY, database=False)

    page = page_of(target)

    told = page.section("headline").text
    assert told.startswith("Last 7 days 17–23 Jun 2022, against the 7 days before: 10–16 Jun 2022.")
    assert (
        "Not in it: 24 Jun 2022, which was not over when last read "
        "(so far 20 impressions, 1 click)." in told
    )
    assert page.tiles()["Impressions"] == ["700", "unchanged", "700 before"]


def test_while_no_day_is_over_there_is_nothing_to_compare(days, target, going_on):
    days((20, 1))
    going_on(LAST_DAY, database=False)
    page = page_of(target)
    assert page.section("headline").text.startswith(
        "So far 24 Jun 2022, with no earlier day to compare it with."
    )
    assert page.tiles()["Impressions"] == ["20"]


def test_a_day_of_the_past_that_was_read_before_its_end_is_told(days, target, going_on):
    days(*[(100, 10)] * 4)
    going_on("2022-06-22", database=False)
    assert (
        "Compare with care: 1 day of the ones before was not over when last read."
        in page_of(target).section("headline").text
    )


def test_the_running_day_is_drawn_so_far(days, target, going_on):
    days(*[(100, 10)] * 14, (20, 1))
    add(
        target,
        "fct_campaign_daily",
        {"campaign_id": 1, "event_date": LAST_DAY, "estimated_spend": 1},
    )
    going_on(LAST_DAY, database=False)

    page = page_of(target)

    section = page.section("days")
    pale = [e for e in section.all("rect") if "so-far" in e.classes]
    assert [bar.text for bar in pale] == ["24 Jun 2022 so far: 20", "24 Jun 2022 so far: 1"]
    assert "was not over when last read" in section.text
    assert [row[0] for row in page.table("days-table")[1:3]] == [
        "2022-06-24, so far",
        "2022-06-23",
    ]
    assert page.table("spend-days")[1][0] == "2022-06-24, so far"
    assert "24 Jun 2022 so far: 1.00" in page.section("spend").text
    assert dict(page.table("freshness-facts")[1:])["Last day of the database"] == (
        "24 Jun 2022 so far"
    )
    assert "24 Jun 2022 of the database so far" in page.all("header")[0].all("li")[0].text


@pytest.mark.parametrize("side", ["database", "logs"])
def test_log_and_database_are_not_compared_before_both_have_seen_the_day_to_its_end(
    target, going_on, side
):
    filled(target, Business(days=2, campaigns=1))
    with target.connect() as connection:
        connection.execute(
            "UPDATE marts.fct_log_reconciliation_daily SET status = 'breach' WHERE event_date = %s",
            [LAST_DAY],
        )
    going_on(LAST_DAY, **{side: False})

    page = page_of(target)

    signal = page.all("header")[0].all("li")[2]
    assert (signal.classes, "Log and database agree" in signal.text) == (["good"], True)
    section = page.section("reconciliation")
    assert "2 comparisons of full days by day and type, 23–24 Jun 2022: 2 agree." in section.text
    assert "Not among them: 24 Jun 2022" in section.text
    newest = page.table("reconciled-days")[1]
    assert (newest[0], newest[-1]) == (
        "2022-06-24, so far",
        "– differ too much (breach), so far",
    )
    assert len([e for e in section.all("rect") if "so-far" in e.classes]) == 2


def test_where_no_day_is_over_log_and_database_are_not_called_equal(target, going_on):
    filled(target, Business(days=1, campaigns=1))
    going_on(LAST_DAY, logs=False)
    signal = page_of(target).all("header")[0].all("li")[2]
    assert (signal.classes, "not compared" in signal.text) == (["none"], True)


def test_invalid_traffic_of_a_day_whose_files_are_to_come_is_drawn_so_far(target, going_on):
    filled(target, Business(days=2, campaigns=1))
    going_on(LAST_DAY, logs=False)
    page = page_of(target)
    assert [row[0] for row in page.table("invalid-days")[1:]] == [
        "2022-06-24, so far",
        "2022-06-23",
    ]


def test_pacing_is_that_of_the_last_full_day(published, ask):
    ask(
        "INSERT INTO marts.fct_campaign_pacing_daily "
        "(campaign_id, event_date, elapsed_days, flight_days, is_full_day) "
        "SELECT campaign_id, '2022-06-25', elapsed_days + 1, flight_days, false "
        "FROM marts.fct_campaign_pacing_daily"
    )
    ask("UPDATE marts.fct_campaign_pacing_daily SET is_full_day = true WHERE is_full_day IS NULL")
    page = page_of(published)
    assert "50% of the flight over" in page.table("campaigns-caption")[1][1]
    assert "Pacing at the end of 24 Jun 2022:" in page.section("campaigns").text


def test_less_than_two_weeks_are_compared_half_against_half(days):
    page = days(*[(100, 10)] * 4, *[(150, 10)] * 2, (50, 10))
    assert "22–24 Jun 2022, against the 3 days before: 19–21 Jun" in page.section("headline").text
    assert page.tiles()["Impressions"] == ["350", "▲ +16.7%", "300 before"]


def test_a_single_day_is_compared_with_nothing(days):
    page = days((100, 10))
    assert "with no earlier day to compare it with" in page.section("headline").text
    assert page.tiles()["Impressions"] == ["100"]


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ((0, 0), (50, 1), ["50", "▲ up from 0", "0 before"]),
        ((50, 1), (0, 0), ["0", "▼ −100.0%", "50 before"]),  # noqa: RUF001
        ((0, 0), (0, 0), ["0", "unchanged", "0 before"]),
        ((50, 1), (50, 2), ["50", "unchanged", "50 before"]),
        ((1, 0), (1_000_000, 0), ["1,000,000", "▲ +99,999,900.0%", "1 before"]),
    ],
)
def test_a_change_from_zero_has_no_percentage(days, before, now, told):
    assert days(before, now).tiles()["Impressions"] == told


@pytest.mark.parametrize(
    ("day", "rate"),
    [((10, 20), "100.00%"), ((0, 5), "–"), ((0, 0), "–"), ((8, 1), "12.50%")],
)
def test_the_rate_is_cut_off_at_1_and_there_is_none_without_impressions(days, day, rate):
    assert days(day).tiles()["Click-through rate"][0] == rate


def test_clicks_without_impressions_are_flagged_wherever_their_rate_would_stand(days, target):
    days((100, 10), (0, 5))
    for mart in ("mart_campaign_kpis", "fct_campaign_ctr"):
        row = {"campaign_id": 1, "campaign_name": "A", "impressions": 0, "clicks": 5, "ctr": 1}
        add(target, mart, row)
    page = page_of(target)
    flagged = "– (clicks without impressions)"
    assert page.table("days-table")[1][4] == flagged
    assert page.table("campaigns-caption")[1][4] == flagged
    assert page.table("all-campaigns")[1][4] == flagged
    assert "Clicks without impressions have no rate." in page.tiles()["Click-through rate"]
    assert "100.00%" not in page.section("days").text
    assert "No campaign has been shown" in page.section("rates").text


def test_a_budget_of_0_or_less_is_none_to_sum(days, target):
    days((1, 1))
    for number, budget in enumerate((50, 0, -20, None)):
        row = {"campaign_id": number, "impressions": 1, "clicks": 1, "estimated_spend": 5}
        add(target, "mart_campaign_kpis", row | {"budget": budget})
    page = page_of(target)
    assert page.table("campaigns-caption")[-1][-1] == "50.00"
    assert page.table("spend-facts")[2] == ["Budgets of 1 campaign", "50.00"]


def test_a_credit_has_a_bar_of_nothing(days, target):
    days((1, 1))
    row = {"campaign_id": 1, "impressions": 1, "clicks": 1, "estimated_spend": -5, "budget": 10}
    add(target, "mart_campaign_kpis", row | {"budget_used_share": -0.5})
    bar = [e for e in page_of(target).all("rect") if "pace" in e.classes]
    assert [e.attributes["width"] for e in bar] == ["0%"]


def test_delivering_outside_its_flight_is_said_of_a_campaign(days, target):
    days((1, 1))
    row = {"campaign_id": 1, "impressions": 1, "clicks": 1, "pacing_status": "outside_flight"}
    add(target, "mart_campaign_kpis", row)
    page = page_of(target)
    assert page.table("campaigns-caption")[1][1] == "! Outside its flight"
    assert "1 outside its flight" in page.section("campaigns").text


@pytest.mark.parametrize(
    ("clicks", "verdict"),
    [(12, "No more than chance explains."), (60, "More than chance explains.")],
)
def test_a_rate_says_whether_its_change_is_more_than_chance(days, clicks, verdict):
    assert days((1_000, 10), (1_000, clicks)).tiles()["Click-through rate"][2].endswith(verdict)


def test_days_that_are_missing_in_a_compared_period_are_told(target):
    filled(target, Business(days=14, campaigns=1, missing_days=(2, 8, 9)))
    assert (
        "Compare with care: 1 day of the last ones has no data and 2 days of the ones before have"
        in page_of(target).section("headline").text
    )


# ---- numbers ------------------------------------------------------------------------------------


def test_every_day_is_in_the_table_of_days(published, ask):
    rows = page_of(published).table("days-table")
    found = ask(
        "SELECT event_date, impressions, clicks, ctr FROM marts.fct_daily_summary ORDER BY 1 DESC"
    )
    assert [[row[0], *row[2:5]] for row in rows[1:]] == [
        [str(day), f"{impressions:,}", f"{clicks:,}", f"{ctr:.2%}"]
        for day, impressions, clicks, ctr in found
    ]


def test_a_rate_has_the_wilson_interval(days):
    # Newcombe 1998, table I: 81 of 263.
    assert days((263, 81)).table("days-table")[1][5] == "25.53% to 36.62%"


def test_only_the_last_quarter_is_drawn_by_day(target):
    filled(target, Business(days=120, campaigns=1))
    rows = page_of(target).table("days-table")
    assert (len(rows) - 1, rows[-1][0]) == (92, "2022-03-25")


def test_campaigns_are_ranked_and_summed(published, ask):
    page = page_of(published)
    rows = page.table("campaigns-caption")
    found = ask(
        "SELECT campaign_name, impressions, clicks, ctr, estimated_spend, budget "
        "FROM marts.mart_campaign_kpis ORDER BY impressions DESC"
    )
    for row, (name, impressions, clicks, ctr, spend, budget) in zip(rows[1:-1], found, strict=True):
        assert row[0].startswith(name)
        assert row[2:4] == [f"{impressions:,}", f"{clicks:,}"]
        assert row[4].startswith(f"{ctr:.2%}")
        assert row[5].startswith(f"{spend:,.2f}")
        assert row[6] == ("–" if budget is None else f"{budget:,.2f}")
    impressions, clicks = (sum(row[column] for row in found) for column in (1, 2))
    assert rows[-1][:5] == [
        *("All campaigns", "", f"{impressions:,}", f"{clicks:,}"),
        f"{clicks / impressions:.2%}",
    ]
    assert rows[-1][5] == f"{sum(row[4] for row in found):,.2f}"


def test_pacing_is_said_in_words_beside_its_bar(published):
    rows = page_of(published).table("campaigns-caption")
    assert rows[1][1] == "▼ Behind 30% used, 50% of the flight over"
    assert rows[4][1] == "✕ Over budget 120% used, 50% of the flight over"
    assert rows[5][1] == "– No budget"


def test_of_500_campaigns_the_first_stand_out_and_all_are_there(target):
    filled(target, SHAPES["500 campaigns"])
    page = page_of(target)
    short, everything = page.table("campaigns-caption"), page.table("all-campaigns")
    assert len(short) == 1 + 12 + 2
    assert short[-2][0] == "488 other campaigns"
    assert [len(everything), everything[1][2]] == [501, short[1][2]]
    assert page.by_id("all-campaigns").is_within("details")
    shown = [int(row[2].replace(",", "")) for row in everything[1:]]
    assert int(short[-1][2].replace(",", "")) == sum(shown)


def test_of_many_more_campaigns_the_table_says_what_it_leaves_out(target):
    with target.connect() as connection:
        marts.create(connection)
        connection.execute(
            "INSERT INTO marts.mart_campaign_kpis (campaign_id, campaign_name, impressions, clicks)"
            "SELECT n, 'campaign ' || n, 0, 0 FROM generate_series(1, 1500) AS n"
        )
    page = page_of(target)
    assert len(page.table("all-campaigns")) == 1 + 1_000
    assert "500 more are in its CSV and in the published table" in page.by_id("all-campaigns").text


def test_names_are_text_whatever_is_in_them(target):
    filled(target, SHAPES["very long names"])
    page = page_of(target)
    names = [row[0] for row in page.table("all-campaigns")[1:]]
    for name in LONG_NAMES[:7]:
        assert name in names
    assert "line break and control characters, turned around" in names
    assert "unnamed" in names
    # In the short table they are cut by the browser: in full in the hint.
    hints = {e.attributes.get("title") for e in page.all("th")}
    assert set(names) <= hints


def test_spend_stands_against_the_budgets(target):
    with target.connect() as connection:
        marts.create(connection)
    add(
        target,
        "mart_campaign_kpis",
        *(
            {
                "campaign_id": number,
                "impressions": 1,
                "clicks": 1,
                "estimated_spend": spend,
                "budget": budget,
                "pacing_status": status,
            }
            for number, (spend, budget, status) in enumerate(
                [
                    ("30.10", 20, "over_budget"),
                    ("9.90", 80, "behind"),
                    ("5", None, "no_budget"),
                    ("2", 0, "no_budget"),
                ]
            )
        ),
    )
    assert page_of(target).table("spend-facts")[1:] == [
        ["Spent by all campaigns", "47.00"],
        ["Budgets of 2 campaigns", "100.00"],
        ["Of these budgets used", "40.00 (40%)"],
        ["Spent over budget, by 1 campaign", "10.10"],
    ]


def test_hours_devices_and_reasons_total_their_marts(published, ask):
    page = page_of(published)

    hours = page.table("hours-of-the-week")[1:]
    assert len(hours) == 24
    [(total,)] = ask("SELECT sum(impressions) FROM marts.fct_campaign_hour_profiles")
    assert sum(int(n.replace(",", "")) for row in hours for n in row[1:]) == total
    [(sunday,)] = ask(
        "SELECT sum(impressions) FROM marts.fct_campaign_hour_profiles "
        "WHERE iso_weekday = 7 AND hour_of_day = 23"
    )
    assert hours[23][7] == f"{sunday:,}"

    devices = {row[0]: row[1:] for row in page.table("device-classes")[1:]}
    [(mobile, gross)] = ask(
        "SELECT sum(gross_impressions) FILTER (WHERE user_agent_id = 'a2'), "
        "sum(gross_impressions) FROM marts.fct_user_agent_hourly"
    )
    assert devices["Mobile"][:2] == [f"{mobile / gross:.2%}", f"{mobile:,}"]

    reasons = {row[0]: row[1:] for row in page.table("invalid-reasons")[1:]}
    [(crawlers, events)] = ask(
        "SELECT sum(impressions) FILTER (WHERE invalid_reason = 'crawler'), sum(impressions) "
        "FROM marts.fct_traffic_quality_daily"
    )
    assert reasons["Crawler"] == [f"{crawlers / events:.2%}", f"{crawlers:,}", "0"]
    assert [row[0] for row in page.table("invalid-days")[1:]][-1] == "2022-05-26"


def test_log_against_database_names_days_and_statuses(published):
    page = page_of(published)
    rows = {(row[0], row[1]): row for row in page.table("reconciled-days")[1:]}
    assert rows["2022-06-10", "impressions"][-1] == "✕ differ too much (breach)"
    assert rows["2022-06-16", "clicks"][2] == "0"
    assert rows["2022-06-16", "clicks"][-1] == "– without a log (log_missing)"
    assert "differ too much" in page.section("reconciliation").all("p")[0].text


# ---- can it be relied on ------------------------------------------------------------------------


def test_freshness_comes_from_the_tables_not_from_the_clock(published):
    rows = dict(page_of(published).table("freshness-facts")[1:])
    assert rows == {
        "Last day of the database": "24 Jun 2022",
        "Days of the database that are missing": "1 day: 8 Jun 2022",
        "Last day of the log files": "24 Jun 2022",
        "Days of the log files that are missing": "1 day: 8 Jun 2022",
        "Log files last loaded": "25 Jun 2022, 04:00 UTC",
    }


def test_failed_and_warning_checks_stand_in_the_open(published):
    page = page_of(published)
    rows = page.table("checks-that-did-not-pass")
    assert [row[:3] for row in rows[1:]] == [
        ["rollup_totals_rawhourly_user_agent_rollup", "✕ failed", "1 day <differs>"],
        ["no_file_is_quarantinedraw/click_logs", "! warned", "2 files in quarantine"],
    ]
    assert not page.by_id("checks-that-did-not-pass").is_within("details")
    assert page.by_id("all-checks").is_within("details")
    signal = page.all("header")[0].all("li")[1]
    assert (signal.classes, "1 check failed and 1 warned" in signal.text) == (["bad"], True)


def test_no_light_is_green_while_anything_stands(published):
    standing = [
        Condition("difference between counts", "2022-05-26 files: 2 in the ledger, 1 in <it>"),
        Condition("file in quarantine", "clicks.parquet: it is no parquet [not_parquet]"),
        Condition("file in quarantine", "other.parquet: it is no parquet [not_parquet]"),
    ]

    page = Page(report.render(report.read(published), [PASSED], standing))

    signals = page.all("header")[0].all("li")[:4]
    assert [signal.classes for signal in signals[1:]] == [["none"], ["bad"], ["bad"]]
    assert not any("good" in signal.classes for signal in signals)
    assert "Stands: 1 difference between counts, 2 files in quarantine" in signals[3].text
    assert page.table("what-stands")[1:] == [
        ["✕ difference between counts", "2022-05-26 files: 2 in the ledger, 1 in <it>"],
        ["! file in quarantine", "clicks.parquet: it is no parquet [not_parquet]"],
        ["! file in quarantine", "other.parquet: it is no parquet [not_parquet]"],
    ]


@pytest.mark.parametrize(
    ("checks", "look", "told"),
    [
        ([PASSED], "good", "All 1 check passed"),
        ([PASSED, WARNED], "warn", "1 check warned"),
        ([], "none", "No check has been evaluated yet."),
        (None, "none", "The checks were not asked when this page was made."),
    ],
)
def test_checks_are_told_as_they_are(days, target, checks, look, told):
    days((1, 0))
    signal = page_of(target, checks).all("header")[0].all("li")[1]
    assert signal.classes == [look]
    assert told in signal.text


def test_sources_that_end_on_different_days_are_told(published, ask):
    ask("DELETE FROM public.load_audit WHERE day > '2022-06-20'")
    signal = page_of(published).all("header")[0].all("li")[0]
    assert signal.classes == ["warn"]
    assert "database to 24 Jun, log files to 20 Jun" in signal.text


# ---- what is not there --------------------------------------------------------------------------

SAID_OF = {
    "dim_dates": (),
    "fct_daily_summary": ("headline", "days"),
    "fct_campaign_daily": ("spend",),
    "mart_campaign_kpis": ("campaigns", "spend"),
    "fct_campaign_hour_profiles": ("hours",),
    "fct_user_agent_hourly": ("devices",),
    "dim_user_agents": ("devices",),
    "fct_traffic_quality_daily": ("invalid",),
    "fct_log_reconciliation_daily": ("reconciliation",),
    "dim_campaigns": ("movers", "delivered-hours", "deliveries"),
    "fct_weekly_movers": ("movers",),
    "fct_campaign_delivery_hourly": ("delivered-hours",),
    "fct_campaign_cost_daily": ("deliveries",),
    "fct_campaign_viewability_daily": ("deliveries",),
    "fct_campaign_reach_daily": ("deliveries",),
    "fct_campaign_click_quality_daily": ("deliveries",),
}


@pytest.mark.parametrize("mart", SAID_OF)
def test_a_mart_that_is_not_published_is_named_where_it_would_be_shown(published, ask, mart):
    ask(f"DROP TABLE marts.{mart}")
    page = page_of(published)
    for section in SAID_OF[mart]:
        assert f"marts.{mart}" in page.section(section).text
    assert dict(page.table("freshness-facts")[1:])["Marts not published yet"] == mart


def test_a_mart_of_an_older_version_counts_as_not_published(published, ask):
    ask("ALTER TABLE marts.mart_campaign_kpis DROP COLUMN pacing_status")
    page = page_of(published)
    assert "has not been published yet" in page.section("campaigns").text
    assert page.table("campaigns-caption")[0][1] == "Impressions"


def test_without_the_wide_mart_campaigns_come_from_the_narrow_one(published, ask):
    ask("DROP TABLE marts.mart_campaign_kpis")
    rows = page_of(published).table("campaigns-caption")
    found = ask(
        "SELECT campaign_name, impressions FROM marts.fct_campaign_ctr ORDER BY impressions DESC"
    )
    assert [row[:2] for row in rows[1:-1]] == [[name, f"{number:,}"] for name, number in found]


# ---- what moved ----------------------------------------------------------------------------------


def mover(place, now, before, week, **columns):
    return {
        "dimension": "deal",
        "place": place,
        "member": f"deal-{place}",
        "impressions": now,
        "impressions_before": before,
        "impressions_change": now - before,
        "impressions_change_share": (now - before) / before if before else None,
        "week_start": week,
        **columns,
    }


def test_the_largest_changes_of_the_last_week_stand_in_the_open(days, target):
    days(*[(1000, 10)] * 21)
    week = LAST_DAY - timedelta(11)  # a Monday; LAST_DAY is a Friday
    add(target, "dim_campaigns", {"campaign_id": 7, "campaign_name": "Payday"})
    rows = [(1, 1200, 200), (2, 0, 900), (3, 600, 0), (4, 90, 120), (5, 31, 30), (6, 1, 1)]
    add(target, "fct_weekly_movers", *(mover(*row, week) for row in rows))
    add(target, "fct_weekly_movers", mover(1, 9, 8, week, dimension="campaign", member="7"))
    add(target, "fct_weekly_movers", mover(1, 5, 5, week - timedelta(7)))

    page = page_of(target)

    assert "13–19 Jun 2022" in page.section("movers").text
    assert page.table("movers-table")[1:] == [
        ["Payday Campaign", "9", "8", "+1", "+12.5%"],
        ["deal-1 Deal", "1,200", "200", "+1,000", "+500.0%"],
        ["deal-2 Deal", "0", "900", f"{MINUS}900", "gone"],
        ["deal-3 Deal", "600", "0", "+600", "new"],
    ]
    assert len(page.file("movers-table")) == 1 + 7  # and three more deals


def test_a_week_that_is_not_within_the_chosen_days_is_not_told(days, target):
    days(*[(1000, 10)] * 21)
    week = LAST_DAY - timedelta(11)
    add(target, "fct_weekly_movers", mover(1, 2, 1, week), mover(1, 4, 2, week + timedelta(7)))
    of_the_week = report.Period(week, week + timedelta(6))
    assert page_of(target, period=of_the_week).table("movers-table")[1][:2] == ["deal-1 Deal", "2"]
    too_short = report.Period(week + timedelta(1), week + timedelta(6))
    assert "can be compared" in page_of(target, period=too_short).section("movers").text


def test_without_two_full_weeks_the_page_says_so(days, target):
    days(*[(1000, 10)] * 13)
    assert "can be compared" in page_of(target).section("movers").text


def hour(campaign, day, at, status, *projected):
    names = ("projected_impressions", "projected_low", "projected_high")
    return {
        "campaign_id": campaign,
        "event_date": day,
        "hour_at": marts.at_hour(day, at),
        "delivery_status": status,
        **dict(zip(names, projected or (None, None, None), strict=True)),
    }


def test_hours_under_and_over_are_counted_and_the_last_day_has_its_projection(days, target):
    days(*[(1000, 10)] * 8)
    before = LAST_DAY - timedelta(1)
    add(
        target,
        "fct_campaign_delivery_hourly",
        hour(1, before, 5, "under", 70, 60, 80),
        hour(1, LAST_DAY, 0, "under", 90, 70, 110),
        hour(1, LAST_DAY, 1, "over", 1095.4, 1020.6, 1170.2),
        hour(1, LAST_DAY, 2, "usual", 1100.4, 1030.6, 1170.2),
        hour(2, before, 23, "over", 50, 50, 50),
        hour(3, before, 1, "no_history"),
    )
    add(target, "dim_campaigns", {"campaign_id": 1, "campaign_name": "Payday"})

    page = page_of(target)

    assert "23–24 Jun 2022" in page.section("delivered-hours").text
    assert page.table("delivered-hours-table")[1:] == [
        ["Payday", "4", "2", "1", "1,100 (1,031–1,170)"],
        ["unnamed", "1", "0", "1", "–"],
    ]
    assert len(page.file("delivered-hours-table")) == 1 + 3  # and the one without history


def test_hours_without_a_week_before_are_not_called_usual(days, target):
    days((1000, 10))
    add(target, "fct_campaign_delivery_hourly", hour(1, LAST_DAY, 0, "no_history"))
    assert "no hour can be compared" in page_of(target).section("delivered-hours").text


# ---- what the log says of campaigns --------------------------------------------------------------


def delivered(target, **of_days):
    """The row of a campaign in the table of deliveries, of days with this cost and currency."""
    with target.connect() as connection:
        marts.create(connection)
    add(target, "dim_campaigns", {"campaign_id": 1, "campaign_name": "Payday"})
    for number, (currency, cost, euros) in enumerate(of_days["costs"]):
        add(
            target,
            "fct_campaign_cost_daily",
            {
                "campaign_id": 1,
                "event_date": LAST_DAY - timedelta(number),
                "currency": currency,
                "impressions": 1000,
                "priced_impressions": 0 if cost is None and euros is None else 1000,
                "clicks": 10,
                "media_cost": cost and cost / 2,
                "total_cost": cost,
                "total_cost_eur": euros,
            },
        )
    add(
        target,
        "fct_log_reconciliation_daily",
        {"event_date": LAST_DAY, "event_type": "clicks", "status": "ok"}
        | {"log_events": 1, "db_events": 1},
    )
    page = page_of(target)
    head, row = page.table("deliveries-table")
    return dict(zip(head, row, strict=True))


TWO, HALF = Decimal(2), Decimal("0.5")


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        ([("DKK", TWO, HALF), ("DKK", TWO, HALF)], ("4.00 DKK", "1.00", "2.00", "50%")),
        ([("DKK", TWO, HALF), ("EUR", TWO, TWO)], ("–", "2.50", "–", "–")),
        ([("DKK", TWO, HALF), (None, None, TWO)], ("–", "2.50", "–", "–")),
        ([("DKK", TWO, HALF), ("DKK", TWO, None)], ("4.00 DKK", "–", "2.00", "50%")),
        ([("DKK", TWO, HALF), (None, None, None)], ("2.00 DKK", "0.50", "2.00", "50%")),
        ([(None, TWO, None)], ("2.00", "–", "2.00", "50%")),
        ([(None, None, None)], ("–", "–", "–", "–")),
    ],
)
def test_costs_of_two_currencies_are_never_added(target, costs, told):
    row = delivered(target, costs=costs)
    assert tuple(row[name] for name in ("Cost", "Cost (EUR)", "eCPM", "Fees")) == told


def test_what_the_log_does_not_say_of_a_campaign_is_no_number(target):
    row = delivered(target, costs=[(None, None, None)])
    assert row.pop("Campaign") == "Payday"
    assert row.pop("Impressions") == "1,000"
    assert set(row.values()) == {"–"}


def test_views_reach_and_clicks_stand_beside_the_cost(published):
    head, first, *_ = page_of(published).table("deliveries-table")
    row = dict(zip(head, first, strict=True))
    assert (row["Viewable"], row["Seconds in view"], row["Frequency"]) == ("50%", "4.0", "3.0")
    assert row["Fast clicks"] in {"9.9%", "10.0%"}


def test_nothing_at_all_gives_a_page_that_says_so(target):
    page = Page(report.render(report.read(target)))
    assert "No day has been published yet." in page.all("header")[0].text
    assert report.read(target).is_nothing
    for section in page.all("section")[:-1]:
        assert "published yet" in section.text


def test_everything_is_read_at_one_instant(published, ask):
    before = report.read(published)
    ask("DELETE FROM marts.fct_daily_summary")
    assert before.days
    assert report.read(published).days == []


# ---- pictures -----------------------------------------------------------------------------------


def test_each_drawn_mart_has_a_picture_that_stands_alone(published):
    from xml.etree import ElementTree as ET

    pictures = report.pictures(report.read(published))
    assert pictures.keys() == {
        *("fct_daily_summary", "fct_campaign_daily", "fct_campaign_ctr", "mart_campaign_kpis"),
        *("fct_campaign_pacing_daily", "fct_campaign_hour_profiles", "fct_user_agent_hourly"),
        *("fct_traffic_quality_daily", "fct_log_reconciliation_daily"),
    }
    for picture in pictures.values():
        root = ET.fromstring(picture.alone())  # noqa: S314 - our own
        assert root.attrib["role"] == "img"
        assert not re.search(r"(href|src)=|url\((?!#)", picture.alone())
        assert len(picture.markdown()) < 32_000
        assert picture.markdown().startswith(f"![{picture.description[:20]}")


def test_pictures_are_valid_xml_whatever_the_names(target):
    from xml.etree import ElementTree as ET

    filled(target, SHAPES["very long names"])
    for picture in report.pictures(report.read(target)).values():
        ET.fromstring(picture.alone())  # noqa: S314 - our own
        assert "\n" not in picture.markdown()


def test_marts_without_rows_have_no_picture(target):
    assert report.pictures(report.read(target)) == {}
    with target.connect() as connection:
        marts.create(connection)
    assert report.pictures(report.read(target)) == {}


def test_a_bar_is_as_high_as_its_number(days):
    page = days((8_000, 0), (2_000, 0))
    bars = [e for e in page.section("days").all("rect") if e.classes == ["impressions"]]
    assert [float(bar.attributes["height"]) for bar in bars] == [112, 28]
    assert [bar.text for bar in bars] == ["23 Jun 2022: 8,000", "24 Jun 2022: 2,000"]


def test_money_is_exact(days, target):
    days((1, 1))
    add(
        target,
        "fct_campaign_daily",
        {"campaign_id": 1, "event_date": LAST_DAY, "estimated_spend": Decimal("90071992547409.93")},
        {"campaign_id": 2, "event_date": LAST_DAY, "estimated_spend": Decimal("0.01")},
    )
    assert page_of(target).tiles()["Estimated spend"][0] == "90,071,992,547,409.94"


def test_years_are_read_as_quickly_as_days(target):
    filled(target, Business(days=3, campaigns=1))
    with target.connect() as connection:
        connection.execute(
            "INSERT INTO marts.fct_daily_summary SELECT d, 1, 0, 0 FROM generate_series"
            "(date '2012-01-01', date '2022-06-01', interval '1 day') AS d"
        )
    read = report.read(target)
    assert read.days is not None
    assert read.days[0].event_date == date(2022, 3, 25)
