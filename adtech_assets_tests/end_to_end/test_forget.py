"""Days that are forgotten: what is published is what the other days make of it."""

from __future__ import annotations

from adtech_assets.audit import erasure
from adtech_assets.audit.status import read_status
from adtech_assets.partitions import DayRange
from adtech_assets.stores import compaction
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end.changing import DAY
from adtech_assets_tests.sample_feed import PROJECT


def test_marts_are_built_and_published_without_forgotten_days(story, run):
    gone = DayRange(story.days.first, story.days.first)

    account = erasure.erase(story.settings, PROJECT, gone, "anna")
    compaction.compact(Warehouse.of(story.settings))
    run(gone)
    erasure.finish(story.settings, account)

    for path in list(story.counted.glob(f"*_{gone.first:%Y%m%d}*")):
        path.unlink()
    story.days = DayRange(gone.first + DAY, story.days.last)
    story.extracted()
    story.assert_published()
    story.assert_loaded()

    # And they stay so, whatever is delivered of them.
    story.deliver(gone.first, 9, "again", 3, counts=False)
    run(gone)
    story.extracted()
    story.assert_published()
    story.assert_loaded()
    found = read_status(story.settings, project=PROJECT)
    assert found.days[gone.first].state == "forgotten"
    assert {each.reason for each in found.quarantine} == {"conflict", "forgotten_day"}
    assert found.differences == []
    assert found.standing_days == []
