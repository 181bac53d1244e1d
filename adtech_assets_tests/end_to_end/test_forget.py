"""Days that are forgotten: what is published is what the other days make of it."""

from __future__ import annotations

import json

from adtech_assets.audit import erasure
from adtech_assets.audit.status import read_status
from adtech_assets.partitions import DayRange
from adtech_assets.stores import compaction, erasures
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end.changing import DAY
from adtech_assets_tests.sample_feed import PROJECT


def test_marts_are_built_and_published_without_forgotten_days(story, run):
    gone = DayRange(story.days.first, story.days.first)

    account = erasure.erase(story.settings, PROJECT, gone, "anna")
    compaction.compact(Warehouse.of(story.settings))
    run(gone)
    erasures.finish(story.settings, account)

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


def test_the_command_asks_erases_tells_and_leaves_the_other_days(deployment, tmp_path):
    both = ("--from", "2022-05-26", "--to", "2022-05-27")
    first = ("--from", "2022-05-26", "--to", "2022-05-26")
    deployment.adtech("backfill", *both)
    deployment.adtech("backup", str(tmp_path / "backup"))
    counts = "SELECT * FROM csv_data_task WHERE datetime >= '2022-05-27' ORDER BY 1"
    before = deployment.query("target", counts)
    assert deployment.run("adtech", "forget", *first).returncode != 0  # nobody has said yes

    told = deployment.adtech("forget", *first, "--yes")

    assert "rows of raw.impression_logs" in told
    assert f"backup {tmp_path / 'backup'}" in told
    assert deployment.query("target", counts) == before
    status = json.loads(deployment.adtech("status", "--json"))
    assert status["days"]["2022-05-26"]["state"] == "forgotten"
    assert status["days"]["2022-05-27"]["state"] == "loaded"
    assert status["differences"] == []
    days = "SELECT DISTINCT event_date::text AS day FROM marts.fct_daily_summary"
    assert deployment.query("target", days) == [{"day": "2022-05-27"}]
    assert not (deployment.output / "2022-05-26.csv").exists()
    assert not any(
        "20220526" in path.name
        for path in deployment.folder.rglob("*.parquet")
        if "backup" not in path.parts
    )
