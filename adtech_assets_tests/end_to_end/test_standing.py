"""What stands on a day keeps the lights of other days' runs from being green, whoever is asked."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from adtech_assets.audit import failures
from adtech_assets.audit.conditions import STANDING_DAYS, told
from adtech_assets.audit.status import read_status
from adtech_assets.cli.report import _standing
from adtech_assets.definitions import build_definitions
from adtech_assets.defs.evaluations import latest_evaluations
from adtech_assets.defs.steps import DAYS_CHECK
from adtech_assets.feed import quarantine
from adtech_assets.partitions import DayRange, loadable_days
from adtech_assets.report import read, render
from adtech_assets.sample.log_files import write_log_file
from adtech_assets.stores.outputs import REPORT_NAME
from adtech_assets_tests.report.html_page import Page
from adtech_assets_tests.sample_feed import PROJECT

pytestmark = pytest.mark.usefixtures("changing_loaded")


class Lights:
    """All that says whether all is well."""

    def __init__(self, story, run):
        self.story, self.run = story, run
        self.first, self.last = story.days.first, story.days.last

    def load(self, day):
        """Run for a day; keeps what the checks say."""
        done = self.run(DayRange(day, day))
        self.checks = {
            (each.asset_key.to_user_string(), each.check_name): each
            for each in done.get_asset_check_evaluations()
        }

    def status(self):
        return read_status(self.story.settings, project=PROJECT)

    def not_passed(self):
        return {name for (_, name), each in self.checks.items() if not each.passed}

    def days_check(self):
        [record] = self.run.instance.event_log_storage.get_asset_check_execution_history(
            DAYS_CHECK, limit=1
        )
        return record.evaluation

    def checks_of_the_graph(self):
        return build_definitions(self.story.settings).resolve_asset_graph().asset_check_keys

    def page(self):
        path = self.story.settings.exports_dir / REPORT_NAME
        return Page(path.read_text(encoding="utf-8"))

    def signals(self):
        return self.page().all("header")[0].all("li")[:4]

    def deliver(self, name, events=1, content=None):
        path = self.story.settings.raw_data_dir / name
        if content is not None:
            path.write_bytes(content)
            return
        write_log_file(
            path,
            "clicks" if name.startswith("clicks") else "impressions",
            user_agents=[name] * events,  # no two files are the same
            creation_times_ms=[None] * events,
            campaign_ids=[1] * events,
            is_fraud=[False] * events,
        )


def praises(page, standing):
    """What a page has to say for itself in spite of what stands."""
    days = "|[Nn]o day missing" if {each.what for each in standing} & {*STANDING_DAYS} else ""
    return re.findall(rf"All [0-9]+ checks passed{days}", page.root.text)


@pytest.fixture
def lights(story, run):
    """Of a deployment in which all is well."""
    for file in quarantine.quarantined_files(story.settings):
        quarantine.discard(story.settings, file.name)
    found = Lights(story, run)
    found.load(found.last)
    return found


def quarantined_file(lights):
    lights.deliver(f"clicks_broken_{lights.first:%Y%m%d}09.parquet", content=b"no parquet")
    lights.load(lights.first)


def gap(lights):
    for hour, offsets in (("09", "10-11"), ("10", "14-15")):
        name = f"impressions_x_{lights.first:%Y%m%d}{hour}1500000_{offsets}_7.parquet"
        lights.deliver(name, events=2)
    lights.load(lights.first)


def early_file(lights):
    tomorrow = loadable_days(lights.story.settings).last + timedelta(1)
    lights.deliver(f"clicks_early_{tomorrow:%Y%m%d}00.parquet")


def failed_day(lights):
    days = DayRange(lights.first, lights.first)
    failures.note(lights.story.settings, days, run_id="r", step="load", error="it broke")


def stale_day(lights):
    lights.deliver(f"clicks_late_{lights.first:%Y%m%d}09.parquet")


def missing_day(lights):
    lights.deliver(f"clicks_old_{lights.first - timedelta(2):%Y%m%d}09.parquet")


def unequal_counts(lights):
    with (lights.story.settings.output_dir / f"{lights.first}.csv").open("a") as file:
        file.write(f"{lights.first},23,7,7\n")


STANDING = {
    quarantined_file: ("file in quarantine", {"no_file_is_quarantined"}),
    gap: ("gap between offsets", {"offsets_have_no_gaps"}),
    early_file: ("file of a day to come", {"no_file_is_early"}),
    failed_day: ("failed day", {"every_day_is_up_to_date"}),
    stale_day: ("stale day", {"every_day_is_up_to_date"}),
    missing_day: ("missing day", {"every_day_is_up_to_date"}),
    unequal_counts: ("difference between counts", {"counts_are_conserved"}),
}


def test_where_nothing_stands_lights_are_green(lights):
    assert lights.status().standing == []
    standing = {name for _, names in STANDING.values() for name in names}
    assert standing <= {name for _, name in lights.checks}
    assert not standing & lights.not_passed()
    assert "good" in {name for signal in lights.signals() for name in signal.classes}


@pytest.mark.parametrize("happens", STANDING, ids=lambda happens: happens.__name__)
def test_a_condition_stands_whatever_other_days_are_loaded(lights, happens):
    what, names = STANDING[happens]
    happens(lights)
    lights.load(lights.last)

    standing = lights.status().standing
    assert {condition.what for condition in standing} == {what}
    assert names <= lights.not_passed()
    # The page that the run has written, and the one that is written now.
    page = lights.page()
    assert [row[1] for row in page.table("what-stands")[1:]] == [each.told for each in standing]
    looks = [name for signal in lights.signals() for name in signal.classes]
    assert looks[3] == standing[0].look
    assert "good" not in looks
    assert f"Stands: {told(standing)}" in lights.signals()[3].text
    assert praises(lights.page(), standing) == []
    assert _standing(lights.story.settings) == standing


@pytest.mark.parametrize("happens", STANDING, ids=lambda happens: happens.__name__)
def test_a_page_made_later_shows_no_check_as_passed_that_would_not_pass_now(lights, happens):
    happens(lights)
    standing = lights.status().standing
    evaluated = latest_evaluations(lights.run.instance, lights.checks_of_the_graph())

    page = Page(render(read(lights.story.target), evaluated, standing))

    assert praises(page, standing) == []
    for condition in standing:
        rows = [row.text for row in page.all("tr") if condition.check in row.text]
        assert rows
        assert not any("passed" in row for row in rows)


def test_a_run_without_the_report_says_which_days_it_leaves_behind(lights):
    lights.deliver(f"clicks_late_{lights.first:%Y%m%d}09.parquet")

    lights.run(DayRange(lights.first, lights.first), select="raw/click_logs")

    assert not lights.days_check().passed
    assert f"stale day: {lights.first}" in lights.days_check().description
    lights.run(
        DayRange(lights.first, lights.first),
        select="not key:kpi_report",
    )
    assert lights.days_check().passed == (lights.status().standing_days == [])


def test_counts_of_a_day_that_a_run_is_not_for_warn_and_fail_nothing(lights):
    unequal_counts(lights)
    lights.load(lights.last)
    check = lights.checks["processed_log_files", "counts_are_conserved"]
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert str(lights.first) in check.description


def test_a_day_that_fails_is_told_of_before_any_other_run(lights):
    lights.deliver(f"clicks_late_{lights.first:%Y%m%d}09.parquet")
    lights.story.settings.output_dir.rename(lights.story.settings.output_dir.with_name("away"))
    lights.story.settings.output_dir.write_text("a file")

    lights.run(DayRange(lights.first, lights.first), succeeds=False)

    assert lights.status().days[lights.first].state == "failed"
    assert not lights.days_check().passed
    assert f"Failed: {lights.first}" in lights.days_check().description
