"""Sample log files are as the feed file says, whatever it says."""

from datetime import date

import pytest

from adtech_assets.contract import load
from adtech_assets.errors import UserError
from adtech_assets.feed import checking
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.settings import load_settings
from adtech_assets_tests.other_feed import FEED, write_feed

DAY = date(2022, 5, 26)
PATTERNS = ("**/imp-*.parquet", "**/clk-*.parquet")
HOUR = FEED.split("hour: ")[1].split("\n")[0]

FEEDS = {
    "hours in folders": FEED,
    "the design's": FEED.replace("**/", "").replace(
        HOUR, r"'(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)T(?P<hour>\d\d)'"
    ),
    "folders of their own": FEED.replace("**/", "*/*/").replace(
        HOUR, r"'(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)/(?P<hour>\d\d)'"
    ),
    "as Hive has them": FEED.replace(
        HOUR, r"'year=(?P<year>\d+)/month=(?P<month>\d+)/day=(?P<day>\d+)/hour=(?P<hour>\d+)'"
    ),
    "epochs in seconds": FEED.replace("event_ts, type: timestamp", "at.s, type: epoch, unit: s"),
    "integer campaigns": FEED.replace("campaign, type: string", "campaign.id, type: integer"),
}


@pytest.mark.parametrize("text", FEEDS.values(), ids=FEEDS)
def test_they_would_be_counted_in_their_hours(tmp_path, text):
    feed = load(write_feed(tmp_path, text))
    folder = tmp_path / "raw_data"

    written = generate_log_files(
        folder, [DAY], events_per_day=100, timezone=feed.timezone, feed=feed, files_per_hour=2
    )

    settings = load_settings(
        raw_data_dir=folder, data_dir=tmp_path / "data", feed=tmp_path / "feed.yaml"
    )
    found = list(checking.check(settings, [folder]))
    assert len(found) == len(set(written)) > 20
    assert all(file.is_counted for file in found), [file.rejection for file in found]
    assert {file.parsed.day for file in found} == {DAY}
    assert sum(file.read.rows for file in found if file.kind == "impressions") == 100
    assert {(f.read.events_other_hour, f.read.events_without_time) for f in found} == {(0, 0)}


def test_names_that_cannot_be_made_up_are_told(tmp_path):
    text = FEED.replace("imp-*", "imp-[ab]-?")
    feed = load(write_feed(tmp_path, text))

    with pytest.raises(UserError, match="No name can be made up"):
        generate_log_files(tmp_path / "raw_data", [DAY], events_per_day=10, feed=feed)
