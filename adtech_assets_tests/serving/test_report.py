import os
import subprocess
import sys
from datetime import date
from html.parser import HTMLParser

import polars as pl
import pytest

from adtech_assets.errors import UserError
from adtech_assets.serving import report
from adtech_assets.serving.report import percent

DAYS = pl.DataFrame(
    {
        "event_date": [date(2022, 5, 26), date(2022, 5, 27)],
        "impressions": [12_000, 3_000],
        "clicks": [120, 30],
        "ctr": [0.01, 0.01],
    }
)
CAMPAIGNS = pl.DataFrame(
    {
        "campaign_id": [1, 2, 3],
        "campaign_name": ["small", "large", "unseen"],
        "impressions": [5_000, 10_000, 0],
        "clicks": [0, 150, 0],
        "ctr": [0.0, 0.015, None],
    }
)


class Page(HTMLParser):
    """The texts of a page's table cells, row by row, and its tags."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self.texts, self.in_cell = [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.in_cell = False

    def handle_data(self, data):
        self.texts.append(data)
        if self.in_cell:
            self.rows[-1][-1] += data


def written(tmp_path, days=DAYS, campaigns=CAMPAIGNS):
    path = tmp_path / "exports" / "report.html"
    report.write(path, days, campaigns)
    return path.read_text(encoding="utf-8")


def test_the_page_tells_totals_campaigns_and_days(tmp_path):
    page = Page(written(tmp_path))

    for text in ("2022-05-26 to 2022-05-27", "15,000", "150", "1.00%"):
        assert text in page.texts
    assert page.rows == [
        ["Campaign", "Name", "Impressions", "Clicks", "CTR"],
        ["2", "large", "10,000", "150", "1.50%"],
        ["1", "small", "5,000", "0", "0.00%"],
        ["3", "unseen", "0", "0", "\N{EN DASH}"],
        ["Day", "Impressions", "Clicks", "CTR"],
        ["2022-05-27", "3,000", "30", "1.00%"],
        ["2022-05-26", "12,000", "120", "1.00%"],
    ]


def test_the_columns_may_come_in_any_order_and_with_others(tmp_path):
    shuffled = CAMPAIGNS.select("ctr", "clicks", "campaign_name", "campaign_id", "impressions")
    more = DAYS.with_columns(more=1).select("more", "clicks", "ctr", "impressions", "event_date")
    assert written(tmp_path, more, shuffled) == written(tmp_path)


def test_names_are_text_never_markup(tmp_path):
    hostile = "<script>alert(1)</script>&<img src=x onerror=alert(1)>{format}"
    page = Page(written(tmp_path, campaigns=CAMPAIGNS.with_columns(campaign_name=pl.lit(hostile))))

    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert [row[1] for row in page.rows[1:4]] == [hostile] * 3


def test_the_page_needs_nothing_but_itself(tmp_path):
    page = Page(written(tmp_path))
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not any({"src", "href"} & set(attributes) for _, attributes in page.tags)


def test_there_is_a_bar_a_day(tmp_path):
    bars = [attributes for tag, attributes in Page(written(tmp_path)).tags if tag == "rect"]
    assert [float(bar["height"]) for bar in bars] == [160, 40]


def test_nothing_published_yet_gives_a_page_that_says_so(tmp_path):
    page = Page(written(tmp_path, DAYS.clear(), CAMPAIGNS.clear()))
    assert "No day has been published yet." in page.texts
    assert "\N{EN DASH}" in page.texts
    assert len(page.rows) == 2


def test_days_without_impressions_have_no_bar_height(tmp_path):
    idle = DAYS.with_columns(impressions=pl.lit(0), clicks=pl.lit(0), ctr=pl.lit(None))
    bars = [attributes for tag, attributes in Page(written(tmp_path, idle)).tags if tag == "rect"]
    assert [float(bar["height"]) for bar in bars] == [0, 0]


@pytest.mark.parametrize(
    ("impressions", "clicks", "ctr"),
    [(10, 20, "100.00%"), (0, 5, "100.00%"), (0, 0, "\N{EN DASH}"), (8, 1, "12.50%")],
)
def test_the_overall_ctr_follows_the_rules_of_the_marts(tmp_path, impressions, clicks, ctr):
    day = DAYS.head(1).with_columns(
        impressions=pl.lit(impressions), clicks=pl.lit(clicks), ctr=pl.lit(0.5)
    )
    texts = Page(written(tmp_path, day, CAMPAIGNS.clear())).texts
    assert texts[texts.index("CTR") + 1] == ctr


def test_the_same_marts_give_the_same_bytes(tmp_path):
    ties = CAMPAIGNS.with_columns(impressions=pl.lit(7))
    assert written(tmp_path, DAYS, ties) == written(tmp_path, DAYS, ties.reverse())


def test_the_page_is_utf_8_whatever_the_machine_prefers(tmp_path):
    program = """
import sys
from pathlib import Path
import polars as pl
from adtech_assets.serving import report

days = pl.DataFrame(schema=["event_date", "impressions", "clicks", "ctr"])
names = ["campaign_id", "campaign_name", "impressions", "clicks", "ctr"]
campaigns = pl.DataFrame([[1, "\\u00c6r\\u00f8", 1, 0, 0.0]], schema=names, orient="row")
report.write(Path(sys.argv[1]), days, campaigns)
"""
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "report.html")],
        env=os.environ | ascii_only,
        check=True,
    )
    assert "<td>\u00c6r\u00f8</td>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "exports").write_text("a file")
    with pytest.raises(UserError, match=r"report\.html cannot be written"):
        written(tmp_path)


@pytest.mark.parametrize(
    ("share", "text"), [(None, "\N{EN DASH}"), (0, "0.00%"), (1, "100.00%"), (0.12345, "12.35%")]
)
def test_shares_are_shown_in_percent(share, text):
    assert percent(share) == text
