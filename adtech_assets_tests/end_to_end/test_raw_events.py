"""Runs over days whose single events have left the warehouse: every number stays as it is."""

from __future__ import annotations

from adtech_assets.audit.status import read_status
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.partitions import DayRange, today
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end.changing import DAY
from adtech_assets_tests.sample_feed import PROJECT

KEPT_DAYS = 1


def days_with_events(story):
    with Warehouse.of(story.settings).connect() as warehouse:
        return {
            day
            for table in RAW_TABLES.values()
            for (day,) in warehouse.execute(f"SELECT DISTINCT file_date FROM {table}").fetchall()
        }


def standing(story):
    return [
        each
        for each in read_status(story.settings, project=PROJECT).standing
        if each.what != "file in quarantine"  # which the story has from its beginning
    ]


def test_old_events_leave_while_marts_stay_and_late_files_have_their_days_counted_again(story, run):
    run(raw_event_days=KEPT_DAYS)

    before = today(story.settings.zone) - KEPT_DAYS * DAY
    young = {day for day in story.days if day >= before}
    assert days_with_events(story) == young
    assert standing(story) == []
    story.extracted()
    story.assert_published()

    story.change()
    # Of another day: what is stale is built wherever it lies, from the archive.
    run(raw_event_days=KEPT_DAYS)

    assert days_with_events(story) == young
    assert standing(story) == []
    story.extracted()
    story.assert_published()
    story.assert_loaded()


def test_days_whose_events_have_left_are_built_again_if_somebody_wants_them(story, run):
    run(raw_event_days=KEPT_DAYS)
    first = DayRange(story.days.first, story.days.first)

    result = run(first, rebuild=True, raw_event_days=KEPT_DAYS)

    [counted] = run.materializations(result, "hourly_impressions").values()
    assert "unchanged_since" not in counted
    story.extracted()
    story.assert_published()
