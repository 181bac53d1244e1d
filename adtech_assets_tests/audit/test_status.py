import json
from datetime import date, timedelta

import pytest

from adtech_assets.audit import failures
from adtech_assets.audit.conditions import told
from adtech_assets.audit.status import read_status
from adtech_assets.errors import TransientError
from adtech_assets.feed.ingest import Ingest
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.load.audited_load import DayLoad
from adtech_assets.load.processed import clear_landing
from adtech_assets.partitions import DayRange, today
from adtech_assets.rollup import counting, facts, hourly
from adtech_assets.sample.log_files import write_log_file
from adtech_assets.settings import load_settings
from adtech_assets.stores import identity
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.sample_feed import SAMPLE

DAY = date(2022, 5, 26)
NEXT_DAY = date(2022, 5, 27)
DAYS = DayRange(DAY, NEXT_DAY)
AGENT = "some user agent"


def deliver(settings, name, events=1, agent=AGENT):
    write_log_file(
        settings.raw_data_dir / name,
        "clicks" if name.startswith("clicks") else "impressions",
        user_agents=[agent] * events,
        creation_times_ms=[1653557530942] * events,
        campaign_ids=[731193] * events,
        is_fraud=[False] * events,
    )


def ingest(settings, days=DAYS):
    """Take the landing folder's files into the warehouse."""
    with Warehouse.of(settings).connect() as warehouse:
        Ledger.create(warehouse, SAMPLE)
        for kind in ("impressions", "clicks"):
            Ingest(warehouse, settings, kind, days, "run").run()


def load(settings, days=DAYS):
    """Load what the warehouse has into CSV and audited table, and archive the files."""
    target = Postgres.of(settings, "target")
    with Warehouse.of(settings).connect() as warehouse:
        warehouse.execute(facts.ROLLUP.schema)
        counting.rebuild(warehouse, facts.ROLLUP, days)
        files = Ledger(warehouse).day_files(days)
        counts = hourly.hourly_counts(warehouse, days, settings.user_agent)
        loads = [
            DayLoad(day, [count for count in counts if count.day == day], files.get(day))
            for day in days
        ]
        for made in loads:
            if made.files:
                daily_csv.write(settings.output_dir, made.day, made.counts)
        audited_load.replace_days(
            target,
            loads,
            warehouse=identity.of(warehouse),
            user_agent=settings.user_agent,
            run_id="run",
        )
        fingerprints = {day: counted.fingerprint for day, counted in files.items()}
        clear_landing(warehouse, settings, fingerprints)


def run(settings, days=DAYS):
    ingest(settings, days)
    load(settings, days)


def state(settings, day=DAY):
    return read_status(settings).days[day].state


def test_before_anything_every_day_to_today_is_missing(settings):
    status = read_status(settings)

    assert list(status.days) == list(DayRange(date(2022, 5, 25), today(settings.zone)))
    assert {day.state for day in status.days.values()} == {"missing"}
    assert status.files == {"loaded": 0, "duplicate": 0, "quarantined": 0}
    assert status.quarantine == []
    assert not settings.warehouse_path.exists()


def test_a_look_makes_no_warehouse_and_no_folders(settings, tmp_path):
    read_status(settings)
    assert {path.name for path in tmp_path.iterdir()} <= {"raw_data"}


def test_a_loaded_day_tells_its_files_events_and_counts(settings):
    deliver(settings, "impressions_2022052611.parquet", events=4)
    deliver(settings, "impressions_2022052612.parquet", events=3, agent="another")
    deliver(settings, "clicks_2022052611.parquet", events=2)
    run(settings)

    day = read_status(settings).days[DAY]

    assert (day.state, day.files, day.events, day.waiting_files) == ("loaded", 3, 9, 0)
    assert (day.impressions, day.clicks) == (4, 2)
    assert day.loaded_at.startswith("20")
    assert day.error is None
    assert state(settings, NEXT_DAY) == "missing"
    assert read_status(settings).differences == []


def test_a_day_whose_files_hold_no_events_is_empty(settings):
    deliver(settings, "impressions_2022052611.parquet", events=0)
    run(settings)
    day = read_status(settings).days[DAY]
    assert (day.state, day.files, day.events) == ("empty", 1, 0)


def test_a_day_without_the_configured_user_agent_is_loaded_all_the_same(settings):
    deliver(settings, "impressions_2022052611.parquet", agent="another")
    run(settings)
    day = read_status(settings).days[DAY]
    assert (day.state, day.events, day.impressions) == ("loaded", 1, 0)


def test_files_that_wait_for_a_first_load_are_counted(settings):
    deliver(settings, "impressions_2022052611.parquet")
    deliver(settings, "clicks_2022052611.parquet")
    day = read_status(settings).days[DAY]
    assert (day.state, day.waiting_files) == ("missing", 2)


def test_a_day_is_stale_when_another_file_has_arrived(settings):
    deliver(settings, "impressions_2022052611.parquet")
    run(settings)
    deliver(settings, "impressions_2022052612.parquet")

    day = read_status(settings).days[DAY]
    assert (day.state, day.waiting_files) == ("stale", 1)

    run(settings)
    assert state(settings) == "loaded"


def test_a_day_is_stale_between_its_ingest_and_its_load(settings):
    deliver(settings, "impressions_2022052611.parquet")
    ingest(settings)
    assert state(settings) == "stale"
    load(settings)
    assert state(settings) == "loaded"


def test_a_loaded_day_is_stale_once_the_warehouse_is_lost(settings):
    deliver(settings, "impressions_2022052611.parquet")
    run(settings)
    settings.warehouse_path.unlink()
    assert state(settings) == "stale"


def test_a_day_is_stale_when_it_was_loaded_for_another_user_agent(settings):
    deliver(settings, "impressions_2022052611.parquet")
    run(settings)
    all_agents = settings.model_copy(update={"user_agent": "*"})

    assert state(all_agents) == "stale"

    run(all_agents)
    assert state(all_agents) == "loaded"


def test_files_that_are_kept_do_not_make_their_day_stale(settings):
    keeping = settings.model_copy(update={"processed_files": "keep"})
    deliver(keeping, "impressions_2022052611.parquet")
    run(keeping)
    day = read_status(keeping).days[DAY]
    assert (day.state, day.waiting_files) == ("loaded", 0)


def test_a_failed_day_tells_why_until_it_is_loaded(settings):
    deliver(settings, "impressions_2022052611.parquet")
    run(settings)
    failures.note(settings, DayRange(DAY, DAY), run_id="r", step="load", error="it broke")

    day = read_status(settings).days[DAY]
    assert (day.state, day.error, day.impressions) == ("failed", "it broke", 1)

    failures.clear(settings, DAYS)
    assert state(settings) == "loaded"


def test_files_are_counted_by_what_became_of_them(settings):
    deliver(settings, "impressions_2022052611.parquet")
    deliver(settings, "impressions_2022052712.parquet", events=2)
    run(settings)
    deliver(settings, "impressions_2022052611.parquet")  # the same bytes again
    deliver(settings, "impressions_2022052712.parquet", events=3)  # other bytes: a conflict
    (settings.raw_data_dir / "clicks_2022052611.parquet").write_bytes(b"no parquet")
    run(settings)

    status = read_status(settings)

    assert status.files["loaded"] == 2
    assert status.files["quarantined"] == 2
    assert {(file.file, file.reason) for file in status.quarantine} == {
        ("impressions_2022052712.parquet", "conflict"),
        ("clicks_2022052611.parquet", "not_parquet"),
    }
    assert all(file.detail for file in status.quarantine)


def test_files_that_no_day_can_claim_wait_for_no_day(settings):
    deliver(settings, "impressions_without_a_date.parquet")
    deliver(settings, "impressions_2999010100.parquet")
    assert not any(day.waiting_files for day in read_status(settings).days.values())


def test_a_landing_folder_that_is_gone_does_not_hide_the_rest(settings):
    deliver(settings, "impressions_2022052611.parquet")
    run(settings)
    settings.raw_data_dir.rmdir()
    assert state(settings) == "loaded"


def test_a_gap_between_offsets_is_told_unless_nobody_wants_to_know(settings):
    deliver(settings, "impressions_20220526111500000_10-11_0.parquet", events=2)
    deliver(settings, "impressions_20220526121500000_14-16_0.parquet", events=3)
    run(settings)

    [gap] = read_status(settings).gaps
    assert "offsets 12 to 13 (2 events)" in gap
    assert read_status(settings.model_copy(update={"report_offset_gaps": False})).gaps == []


def test_what_stands_is_told_worst_first(settings):
    for name in ("impressions_2022052511.parquet", "impressions_2022053011.parquet"):
        deliver(settings, name, events=int(name[18:20]))
    run(settings, DayRange(date(2022, 5, 25), date(2022, 5, 30)))
    (settings.raw_data_dir / "clicks_2022052511.parquet").write_bytes(b"no parquet")
    run(settings, DayRange(date(2022, 5, 25), date(2022, 5, 25)))
    deliver(settings, "impressions_2022053012.parquet", events=3)
    failures.note(settings, DAYS, run_id="r", step="load", error="it broke")

    standing = read_status(settings).standing

    assert [str(condition) for condition in standing[:3]] == [
        "failed day: 2022-05-26..2022-05-27: it broke",
        "stale day: 2022-05-30, 1 file waiting",
        "missing day: 2022-05-28..2022-05-29",
    ]
    [quarantined] = standing[3:]
    assert str(quarantined).startswith("file in quarantine: clicks_2022052511.parquet: ")
    assert told(standing) == "1 failed day, 1 stale day, 1 missing day, 1 file in quarantine"


def test_days_before_the_first_and_after_the_last_are_not_missed_unless_files_wait(settings):
    deliver(settings, "impressions_2022052711.parquet")
    run(settings)
    assert read_status(settings).standing == []

    deliver(settings, "impressions_2022053011.parquet")
    assert list(map(str, read_status(settings).standing)) == [
        "missing day: 2022-05-30, 1 file waiting"
    ]


def test_the_json_form_is_the_documented_one(settings):
    deliver(settings, "impressions_2022052611.parquet", events=4)
    (settings.raw_data_dir / "clicks_2022052611.parquet").write_bytes(b"no parquet")
    run(settings)

    written = json.loads(json.dumps(read_status(settings).as_json()))

    assert set(written) == {
        *("days", "files", "quarantine", "differences", "gaps", "early", "unread"),
        "closed_months",
    }
    day = written["days"]["2022-05-26"]
    assert day.pop("loaded_at")
    assert day == {
        "state": "loaded",
        "files": 1,
        "events": 4,
        "waiting_files": 0,
        "impressions": 4,
        "clicks": 0,
        "error": None,
    }
    assert written["files"] == {"loaded": 1, "duplicate": 0, "quarantined": 1}
    [quarantined] = written["quarantine"]
    assert set(quarantined) == {"file", "reason", "detail"}


def test_a_difference_of_a_loaded_day_is_told_with_day_table_and_numbers(settings, target):
    deliver(settings, "impressions_2022052611.parquet", events=4)
    run(settings)
    (original,) = settings.archive_dir.rglob("*.parquet")
    size = original.stat().st_size
    original.unlink()
    with target.connect() as connection:
        connection.execute("UPDATE csv_data_task SET impression_count = 5")

    assert read_status(settings).differences == [
        f"2022-05-26 bytes of {original.name}: {size:,} in the ledger, 0 in the archive",
        "2022-05-26 hour 11 impressions: 4 in the CSV, 5 in csv_data_task",
        "2022-05-26 impressions: 4 in load_audit, 5 in csv_data_task",
    ]


def test_a_stale_day_has_no_differences_yet(settings):
    deliver(settings, "impressions_2022052611.parquet")
    run(settings)
    deliver(settings, "impressions_2022052612.parquet", events=2)
    ingest(settings)

    assert state(settings) == "stale"
    assert read_status(settings).differences == []


def test_a_look_at_some_days_tells_of_these_only(settings):
    assert list(read_status(settings, DAYS).days) == list(DAYS)


def test_days_begin_at_the_start_date(settings):
    start = today(settings.zone) - timedelta(days=2)
    late = settings.model_copy(update={"start_date": start})
    assert list(read_status(late).days) == [start + timedelta(days=n) for n in range(3)]


def test_a_target_that_is_away_is_told(tmp_path):
    settings = load_settings(
        data_dir=tmp_path, target_database_url="postgresql://u:secret@127.0.0.1:1/db"
    )
    with pytest.raises(TransientError, match="Connection refused"):
        read_status(settings)
