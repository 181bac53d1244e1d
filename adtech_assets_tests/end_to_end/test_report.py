"""`adtech report`: the page of what is published now."""

from __future__ import annotations

import pytest

from adtech_assets_tests.end_to_end.conftest import Deployment
from adtech_assets_tests.report.html_page import Page


@pytest.fixture(scope="module")
def page(loaded):
    """The page of the run, and the one that the command has put in its place."""
    path = loaded.data / "exports" / "kpi_report.html"
    by_the_run = path.read_text(encoding="utf-8")
    assert loaded.adtech("report") == f"{path}\n"
    return by_the_run, path.read_text(encoding="utf-8")


def test_it_is_the_page_that_the_run_has_written(page):
    # The run went on after it had written its page: checks of the last steps are new.
    by_the_run, by_the_command = (
        [
            section.text
            for section in Page(text).all("main")[0].all("section")
            if section.attributes["aria-labelledby"] != "data"
        ]
        for text in page
    )
    assert by_the_run == by_the_command


def test_it_tells_what_the_checks_said(page):
    told = Page(page[1])
    evaluated = {row[0] for row in told.table("all-checks")[1:]}
    assert "rows_equal_martpublished/fct_daily_summary" in evaluated
    # One impression of the sample has no day.
    warned = [row for row in told.table("checks-that-did-not-pass") if "rows_have_a_day" in row[0]]
    assert [row[1] for row in warned] == ["! warned"]


def test_it_writes_the_page_where_it_is_asked_to_and_opens_it(loaded, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    path = tmp_path / "a folder" / "page.html"
    path.parent.mkdir()
    said = loaded.adtech("report", "--open", "--output", str(path), BROWSER=f"{browser} %s")
    assert said == f"{path}\n"
    assert (tmp_path / "opened").read_text() == f"{path.as_uri()}\n"
    page = Page(path.read_text(encoding="utf-8"))
    assert {"Spring", "Nothing yet"} <= {row[0] for row in page.table("all-campaigns")}
    assert [row[0] for row in page.table("days-table")[1:]] == ["2022-05-27", "2022-05-26"]


def test_it_is_not_written_into_a_folder_that_is_not_there(loaded, tmp_path):
    done = loaded.run("adtech", "report", "--output", str(tmp_path / "typo" / "page.html"))
    assert done.returncode == 1
    assert f"There is no folder {tmp_path / 'typo'}" in done.stderr
    assert not (tmp_path / "typo").exists()


def test_a_report_of_chosen_days_leaves_the_one_of_all_days_alone(loaded, page):
    said = loaded.adtech("report", "--from", "2022-05-27", "--to", "2022-05-27")
    path = loaded.data / "exports" / "kpi_report_2022-05-27_2022-05-27.html"
    assert said == f"{path}\n"
    chosen = Page(path.read_text(encoding="utf-8"))
    assert [row[0] for row in chosen.table("days-table")[1:]] == ["2022-05-27"]
    assert "27 May 2022, against the day before: 26 May 2022" in chosen.section("headline").text
    whole = loaded.data / "exports" / "kpi_report.html"
    assert whole.read_text(encoding="utf-8") == page[1]


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (("--from", "2022-05-27"), "A report of some days needs the first and the last"),
        (("--to", "2022-05-27"), "A report of some days needs the first and the last"),
        (("--from", "2022-05-27", "--to", "2022-05-26"), "The range is reversed"),
        (("--from", "2022-05-32", "--to", "2022-06-01"), "'2022-05-32' is not a day"),
        (("--from", "2022-01-01", "--to", "2023-01-02"), "are 367 days; a report tells of 366"),
    ],
)
def test_impossible_days_are_told_in_a_line(loaded, days, told):
    done = loaded.run("adtech", "report", *days)
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_browser_it_says_where_the_page_is(loaded, tmp_path):
    path = tmp_path / "page.html"
    nothing = {"PATH": str(tmp_path), "DISPLAY": "", "WAYLAND_DISPLAY": "", "BROWSER": ""}
    done = loaded.run("adtech", "report", "--open", "--output", str(path), **nothing)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: There is no browser here")
    assert str(path) in done.stderr
    assert path.exists()


def test_before_anything_is_published_it_says_what_to_do(tmp_path_factory):
    empty = Deployment(tmp_path_factory.mktemp("empty"))
    done = empty.run("adtech", "report")
    assert done.returncode == 1
    assert done.stderr == (
        "Error: No mart has been published yet, so there is nothing to report. "
        "Run the pipeline first: adtech backfill --help\n"
    )
    assert not (empty.data / "exports" / "kpi_report.html").exists()


def test_a_place_that_cannot_be_written_is_told(loaded, tmp_path):
    (tmp_path / "file").write_text("")
    done = loaded.run("adtech", "report", "--output", str(tmp_path / "file" / "page.html"))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
