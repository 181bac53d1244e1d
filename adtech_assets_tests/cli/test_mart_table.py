"""What a person sees of a mart."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from rich.console import Console

from adtech_assets.cli import mart_table
from adtech_assets.publish.exports import Page, PublishedMart

KPIS = {
    "campaign_id": 1234,
    "advertiser_id": 7,
    "campaign_name": "Spring Launch",
    "advertiser_name": "Fjord Kitchens",
    "pacing_status": "behind",
    "impressions": 20_000,
    "clicks": 1_600,
    "ctr": 0.08,
    "ctr_low": 0.0689,
    "ctr_high": 0.0927,
    "estimated_spend": Decimal("2368.80"),
    "cpc": 1.4805,
    "budget": Decimal("5000.00"),
    "budget_used_share": 0.47376,
    "on_schedule_indicator": 0.8765,
    "is_current": True,
    "start_date": date(2022, 5, 26),
    "last_event_date": None,
}


@pytest.fixture
def printed(monkeypatch, capsys):
    """Prints rows at a width; gives the lines."""

    def run(rows, width, of=None, name="mart_campaign_kpis"):
        monkeypatch.setattr(mart_table, "screen", Console(width=width, highlight=False))
        frame = pl.DataFrame(rows)
        mart = PublishedMart(name, dict.fromkeys(frame.columns, ""), (frame.columns[0],))
        mart_table.print_mart(Page(mart, frame, of or frame.height))
        lines = capsys.readouterr().out.splitlines()
        assert max(map(len, lines)) <= width
        return lines

    return run


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("ctr", 0.08, "8.00%"),
        ("ctr_low", 0.0689, "6.89%"),
        ("prior_ctr", 1.0, "100.00%"),
        ("ivt_rate", 0.5, "50.00%"),
        ("impression_share", 0.123456, "12.35%"),
        ("budget_used_share", 1.074, "107.40%"),
        ("log_db_discrepancy", -0.01, "-1.00%"),
        ("cpc", 1.4805, "1.48"),
        ("estimated_spend", Decimal("1234567.5"), "1,234,567.50"),
        ("budget", Decimal(0), "0.00"),
        ("on_schedule_indicator", 0.8765, "0.88"),
        ("z_score", -3.14159, "-3.14"),
        ("impressions", 20_000, "20,000"),
        ("campaign_id", 20_000, "20000"),
        ("is_current", True, "yes"),
        ("event_date", date(2022, 5, 26), "2022-05-26"),
        ("ctr", None, "–"),
        ("campaign_name", None, "–"),
        ("campaign_name", "", ""),
        ("user_agent", "a\x1b[2Jb\nc", r"a\x1b[2Jb\nc"),
        ("user_agent", "Ærø 😀", "Ærø 😀"),
    ],
)
def test_values_are_shown_as_people_read_them(column, value, text):
    assert mart_table.shown(column, value) == text


def test_an_endless_text_is_cut_off_visibly():
    text = mart_table.shown("user_agent", "x" * 1_000_000)
    assert len(text) < 1_000
    assert text.endswith("…")


def test_a_mart_that_fits_is_shown_whole_under_its_names(printed):
    lines = printed([{"event_date": date(2022, 5, 26), "impressions": 1_651, "ctr": 0.0812}], 80)
    assert "│ 2022-05-26 │       1,651 │ 8.12% │" in lines
    assert "┃ event_date ┃ impressions ┃   ctr ┃" in lines
    assert not any("Not shown" in line for line in lines)


def test_of_a_wide_mart_the_most_wanted_columns_are_shown_and_the_others_named(printed):
    lines = printed([KPIS], 80)

    (row,) = [line for line in lines if "Spring Launch" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")][:5] == [
        *("1234", "Spring Launch", "20,000", "1,600", "8.00%"),
    ]
    told = " ".join(lines[lines.index(next(line for line in lines if "Not shown" in line)) :])
    assert "ctr_low, ctr_high" in told
    assert "adtech results --mart mart_campaign_kpis --format csv" in " ".join(told.split())
    assert "impressions" not in told.split("Not shown:")[1]


def test_a_wide_screen_shows_more(printed):
    assert any("2,368.80" in line and "Fjord" in line for line in printed([KPIS], 140))


def test_a_very_long_name_is_folded(printed):
    lines = printed([KPIS | {"campaign_name": "Very long name " * 10}], 80)
    assert sum("ong" in line for line in lines) > 3


def test_rows_that_are_not_shown_are_told(printed):
    lines = printed([{"n": 1}, {"n": 2}], 80, of=1_234_567)
    assert "The first 2 of 1,234,567 rows." in " ".join(lines)


def test_an_empty_mart_is_a_header(printed):
    lines = printed(pl.DataFrame(schema={"event_date": pl.Date, "ctr": pl.Float64}), 80)
    assert "┃ event_date ┃ ctr ┃" in lines


def test_days_that_go_on_are_named_below_the_table(monkeypatch, capsys):
    monkeypatch.setattr(mart_table, "screen", Console(width=100, highlight=False))
    frame = pl.DataFrame([{"event_date": date(2022, 6, 24), "clicks": 1}])
    mart = PublishedMart("fct_daily_summary", {"event_date": "", "clicks": ""}, ("event_date",))
    mart_table.print_mart(Page(mart, frame, 1, days_so_far=(date(2022, 6, 24),)))
    assert capsys.readouterr().out.splitlines()[-1] == (
        "So far: 2022-06-24, not over when last read. Compare full days."
    )


def test_clicks_without_impressions_have_no_rate_but_a_flag(printed):
    rows = [
        {"campaign_id": 1, "impressions": 0, "clicks": 5, "ctr": 1.0},
        {"campaign_id": 2, "impressions": 4, "clicks": 5, "ctr": 1.0},
        {"campaign_id": 3, "impressions": 0, "clicks": 0, "ctr": None},
    ]
    lines = printed(rows, 80, name="fct_campaign_ctr")
    cells = [line.split("│")[-2].strip() for line in lines if line.startswith("│")]
    assert cells == ["– !", "100.00%", "–"]
    assert lines[-1] == "– !: clicks without impressions, so no rate."
