"""Disks, locks, memory, the clock and the models fail."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import date

import duckdb
import psycopg
import pytest
from typer.testing import CliRunner

from adtech_assets.audit import failures
from adtech_assets.cli.app import app
from adtech_assets.defs.assets import models
from adtech_assets.errors import UserError
from adtech_assets.feed import conformance
from adtech_assets.operational.schema import create_schema
from adtech_assets.rollup import facts
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.query import read_only_query
from adtech_assets_tests.defs.test_automation import Sensor
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    NEXT_DAY,
    SECOND,
    days,
    ledger,
    names_in,
    random_bytes,
)
from adtech_assets_tests.hostile import loader_process
from adtech_assets_tests.hostile.conftest import Pipeline
from adtech_assets_tests.hostile.disks import mount
from adtech_assets_tests.hostile.graph import LOG_BRANCH, PUBLISHED, RAW_OPERATIONAL, prove
from adtech_assets_tests.sample_feed import PROJECT

__all__ = ["mount"]  # a fixture

TWO_DAYS = days(DAY, NEXT_DAY)
EXPORTS = ("exports/campaign_ctr", "exports/daily_summary", "kpi_report")


# ---- 59: the disk is full ----------------------------------------------------------------------


def test_h59_a_warehouse_that_finds_no_room_at_first_is_made_later(graph, pipeline, mount):
    disk = mount(pipeline.settings.data_dir)
    disk.fill()
    pipeline.deliver(FIRST, "agent")

    run = graph.run()

    assert "_logs: There is no room for the warehouse" in run.failure
    assert "make room, then run the days again" in run.failure
    assert not pipeline.settings.warehouse_path.exists()
    disk.make_room()
    pipeline.run()
    assert pipeline.served() == [(11, 1, 0)]


def test_h59_rows_that_find_no_room_are_in_no_table_and_read_again_later(graph, pipeline, mount):
    disk = mount(pipeline.settings.data_dir)
    pipeline.deliver(FIRST, "agent")
    pipeline.run()
    pipeline.deliver(SECOND, *map(str, range(2000)))
    before = pipeline.tables()
    disk.fill()

    run = graph.run()

    assert "_logs: There is no room for the warehouse" in run.failure
    disk.make_room()
    assert pipeline.tables() == before
    pipeline.run()
    assert pipeline.served() == [(11, 1, 0), (12, 2000, 0)]


def test_h59_a_csv_that_finds_no_room_stays_as_it_was(graph, pipeline, mount):
    disk = mount(pipeline.settings.output_dir)
    pipeline.deliver(FIRST, "agent")
    pipeline.run()
    csv = (pipeline.settings.output_dir / f"{DAY}.csv").read_text()
    pipeline.deliver(SECOND, "another")
    disk.fill()

    run = graph.run()

    assert run.failure.startswith("daily_csv: ")
    assert f"{DAY}.csv cannot be written: No space left on device" in run.failure
    assert disk.contents() == {f"{DAY}.csv"}
    assert (disk.folder / f"{DAY}.csv").read_text() == csv
    assert set(failures.noted(pipeline.settings)) == {DAY}
    disk.make_room()
    pipeline.run()
    assert pipeline.served() == [(11, 1, 0), (12, 1, 0)]


def test_h59_a_file_that_finds_no_room_in_the_archive_stays_in_the_landing_folder(
    graph, pipeline, mount
):
    disk = mount(pipeline.settings.archive_dir)
    disk.fill()
    pipeline.deliver(FIRST, "agent")

    run = graph.run()

    assert run.failure.startswith("processed_log_files: ")
    assert "No space left on device. Nothing is lost: make room" in run.failure
    assert names_in(pipeline.settings.raw_data_dir) == {FIRST}
    assert disk.contents() == set()
    assert pipeline.served() == [(11, 1, 0)], "it is loaded"
    disk.make_room()
    pipeline.run()
    assert names_in(pipeline.settings.raw_data_dir) == set()
    assert disk.contents() == {f"impressions/{DAY}/{FIRST}"}
    assert pipeline.served() == [(11, 1, 0)]


def test_h59_a_refused_file_that_finds_no_room_in_quarantine_stays_in_the_landing_folder(
    graph, pipeline, mount
):
    disk = mount(pipeline.settings.quarantine_dir)
    disk.fill()
    random_bytes(pipeline.settings.raw_data_dir / FIRST)

    run = graph.run()

    assert "reason.json: No space left on device. Nothing is lost: make room" in run.failure
    assert names_in(pipeline.settings.raw_data_dir) == {FIRST}
    assert disk.contents() == set()
    disk.make_room()
    pipeline.run()
    pipeline.assert_quarantined(FIRST, "not_parquet")
    assert len(list(disk.folder.iterdir())) == 1


MARTS = """
CREATE SCHEMA marts;
CREATE TABLE marts.fct_campaign_ctr AS
SELECT 1 AS campaign_id, 'Spring' AS campaign_name, 7 AS impressions, 1 AS clicks,
    0.1::float8 AS ctr;
CREATE TABLE marts.fct_daily_summary AS
SELECT date '2022-05-26' AS event_date, 7 AS impressions, 1 AS clicks, 0.1::float8 AS ctr;
"""


def publish_marts(pipeline):
    with pipeline.target.connect() as connection:
        connection.execute(MARTS)


def test_h59_exports_and_report_that_find_no_room_stay_as_they_were(graph, pipeline, mount):
    disk = mount(pipeline.settings.exports_dir)
    publish_marts(pipeline)
    assert graph.run(*EXPORTS).success
    before = {path: path.read_bytes() for path in disk.folder.iterdir()}
    with pipeline.target.connect() as connection:
        connection.execute("UPDATE marts.fct_campaign_ctr SET campaign_name = 'Summer'")
    disk.fill()

    for asset in EXPORTS:
        assert "cannot be written: No space left on device" in graph.run(asset).failure

    disk.make_room()
    assert {path: path.read_bytes() for path in disk.folder.iterdir()} == before
    assert graph.run(*EXPORTS).success
    assert "Summer" in (disk.folder / "kpi_report.html").read_text()


# Where no disk may be mounted: files that may not grow beyond some bytes.
WRITE_LITTLE = """
import json, os, resource, sys
from datetime import date
from pathlib import Path

import polars as pl

from adtech_assets.errors import UserError
from adtech_assets.feed import places
from adtech_assets.feed.landing import quarantine, scan
from adtech_assets.feed.rejections import Rejection
from adtech_assets.rollup.hourly import HourCount
from adtech_assets import report
from adtech_assets.load import daily_csv
from adtech_assets.publish import exports
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

settings = load_settings()
day = date(2022, 5, 26)
frame = pl.DataFrame({"campaign_id": range(100), "ctr": [0.1] * 100})
[file] = scan(places.landing(settings), settings.feed)

def warehouse():
    with Warehouse.of(settings).connect() as connection:
        connection.execute("CREATE TABLE half AS SELECT range FROM range(100000)")

def export(name):
    with exports._writer(settings.exports_dir / name) as write:
        write(frame.to_arrow())

writes = {
    "warehouse": warehouse,
    "csv": lambda: daily_csv.write(settings.output_dir, day, [HourCount(day, 1, 1, 1)]),
    "export as csv": lambda: export("ctr.csv"),
    "export as parquet": lambda: export("ctr.parquet"),
    "quarantine": lambda: quarantine(settings, file, Rejection("not_parquet", "x" * 100), 1),
}
resource.setrlimit(resource.RLIMIT_FSIZE, (20, resource.RLIM_INFINITY))
for name, write in writes.items():
    try:
        write()
    except (UserError, OSError) as error:
        print(json.dumps([name, type(error).__name__, str(error)]), flush=True)
"""


def test_h59_a_write_that_is_cut_short_leaves_no_file_behind(pipeline):
    settings = pipeline.settings
    pipeline.deliver(FIRST, "agent")
    pipeline.look(lambda warehouse: warehouse.execute("CREATE TABLE whole AS SELECT 1"))

    done = subprocess.run(
        [sys.executable, "-c", WRITE_LITTLE],
        env=os.environ | loader_process.environment(settings),
        check=True,
        capture_output=True,
        text=True,
    )

    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(name, kind) for name, kind, _ in told] == [
        ("warehouse", "UserError"),
        ("csv", "UserError"),
        ("export as csv", "UserError"),
        ("export as parquet", "UserError"),
        ("quarantine", "OSError"),
    ]
    assert all("File too large" in text for _, _, text in told)
    assert names_in(settings.raw_data_dir) == {FIRST}
    folders = (settings.output_dir, settings.exports_dir, settings.quarantine_dir)
    assert [names_in(folder) for folder in folders] == [set()] * 3
    tables = pipeline.look(lambda warehouse: warehouse.execute("SHOW TABLES").fetchall())
    assert tables == [("whole",)]


# ---- 60: the output cannot be written ----------------------------------------------------------


FOLDERS = ("output", "data/archive", "data/quarantine", "data/exports")


def assert_fails_before_anything_changes(graph, pipeline, folder):
    pipeline.deliver(FIRST, "agent")
    random_bytes(pipeline.settings.raw_data_dir / SECOND)
    landed = names_in(pipeline.settings.raw_data_dir)

    run = graph.run(*LOG_BRANCH, *RAW_OPERATIONAL)

    assert len(run.told.failures) == 3, "no branch begins"
    for line in run.told.failures:
        assert f"{folder} cannot be written to: " in line
        assert "Nothing has been changed. Give access to it or set ADTECH_" in line
    assert names_in(pipeline.settings.raw_data_dir) == landed
    assert not pipeline.settings.warehouse_path.exists()
    with pipeline.target.connect() as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchall() == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_h60_a_file_in_the_place_of_a_folder_ends_the_run_before_it_begins(graph, pipeline, folder):
    path = pipeline.settings.data_dir.parent / folder
    path.parent.mkdir(exist_ok=True)
    path.write_text("not a folder")

    assert_fails_before_anything_changes(graph, pipeline, path)

    path.unlink()
    pipeline.run()
    assert pipeline.served() == [(11, 1, 0)]


@pytest.mark.parametrize("folder", ["output", "data/archive"])
def test_h60_a_read_only_disk_ends_the_run_before_it_begins(graph, pipeline, mount, folder):
    disk = mount(pipeline.settings.data_dir.parent / folder)
    disk.make_read_only()

    assert_fails_before_anything_changes(graph, pipeline, disk.folder)

    disk.make_writable()
    pipeline.run()
    assert pipeline.served() == [(11, 1, 0)]


def test_h60_the_command_tells_it_before_a_run_is_begun(pipeline, monkeypatch):
    for name, value in loader_process.environment(pipeline.settings).items():
        monkeypatch.setenv(name, value)
    pipeline.settings.output_dir.write_text("not a folder")

    done = CliRunner().invoke(app, ["backfill", "--from", str(DAY), "--to", str(DAY)])

    assert isinstance(done.exception, UserError)
    assert f"{pipeline.settings.output_dir} cannot be written to: it is not a folder" in str(
        done.exception
    )
    assert not pipeline.settings.dagster_dir.exists()


# ---- 62: what a kill leaves lying about --------------------------------------------------------


LEAVE_HALF_A_FILE = """
import os, signal, sys
from pathlib import Path
from adtech_assets.files import written_whole

begun = [written_whole(Path(path)) for path in sys.argv[1:]]
for file in begun:
    file.__enter__().write_text("half of it")
os.kill(os.getpid(), signal.SIGKILL)
"""

LEAVE_WHAT_WAS_SWAPPED = """
import os, signal, sys, threading, time
from pathlib import Path
import duckdb

def kill_once_it_swaps():
    while not list(Path(sys.argv[1] + ".tmp").glob("*.tmp")):
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=kill_once_it_swaps, daemon=True).start()
with duckdb.connect(sys.argv[1], config={"memory_limit": "50MB"}) as connection:
    connection.execute("FROM range(3000000) SELECT DISTINCT md5(range::VARCHAR)").fetchone()
"""


def run_until_killed(program, *arguments):
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_h62_half_written_files_are_gone_after_the_next_run(graph, pipeline):
    settings = pipeline.settings
    run_until_killed(
        LEAVE_HALF_A_FILE,
        settings.output_dir / f"{DAY}.csv",
        settings.archive_dir / "impressions" / str(DAY) / FIRST,
        settings.quarantine_dir / "00000001" / "reason.json",
        settings.data_dir / "failed_days" / f"{DAY}.json",
        settings.exports_dir / "campaign_ctr.csv",
        settings.warehouse_path,
    )
    leftovers = [path for path in settings.data_dir.parent.rglob(".*") if path.is_file()]
    assert len(leftovers) == 6
    pipeline.deliver(FIRST, "agent")
    publish_marts(pipeline)

    assert graph.run(*LOG_BRANCH, "exports/campaign_ctr").success

    assert [path for path in settings.data_dir.parent.rglob(".*") if path.is_file()] == []
    assert list(settings.quarantine_dir.iterdir()) == []
    assert pipeline.served() == [(11, 1, 0)]


def test_h62_what_duckdb_had_swapped_to_disk_is_gone_once_the_warehouse_is_opened(pipeline):
    pipeline.run()
    run_until_killed(LEAVE_WHAT_WAS_SWAPPED, pipeline.settings.warehouse_path)
    swapped = pipeline.settings.data_dir / "warehouse.duckdb.tmp"
    assert list(swapped.iterdir())

    pipeline.look(lambda warehouse: warehouse.execute("SELECT 1"))

    assert not swapped.exists()


# ---- 63, 64: runs at once ----------------------------------------------------------------------


BOTH, ONLY_FIRST, ONLY_SECOND = (date(2022, 5, day) for day in (26, 27, 28))


@pytest.fixture(scope="module")
def at_once(tmp_path_factory, postgres_server):
    """Two processes that load one day both at once, then each a day of its own; what they say."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE at_once")
    folder = tmp_path_factory.mktemp("at_once")
    url = postgres_server.replace("/analytics?", "/at_once?")
    settings = load_settings(
        raw_data_dir=folder / "raw_data",
        output_dir=folder / "output",
        data_dir=folder / "data",
        source_database_url=url,
        target_database_url=url,
        settle_seconds=0,
        user_agent="*",
    )
    settings.raw_data_dir.mkdir()
    pipeline = Pipeline(settings)
    for day in (BOTH, ONLY_FIRST, ONLY_SECOND):
        for hour in range(12):
            pipeline.deliver(f"impressions_{day:%Y%m%d}{hour:02}.parquet", f"{day} {hour}", "all")
            pipeline.deliver(f"clicks_{day:%Y%m%d}{hour:02}.parquet", f"{day} {hour}")
    processes = [
        loader_process.start(settings, [BOTH, BOTH, own, own]) for own in (ONLY_FIRST, ONLY_SECOND)
    ]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    return pipeline, said


@pytest.mark.parametrize("day", [BOTH, ONLY_FIRST, ONLY_SECOND])
def test_h63_runs_at_once_leave_what_one_run_leaves(at_once, day):
    pipeline, _ = at_once
    assert pipeline.served(days(day)) == [(hour, 2, 1) for hour in range(12)]
    tables = pipeline.tables()
    assert {row[5] for row in tables["log_files"]} == {"loaded"}
    assert [len(tables[name]) for name in ("log_files", "archive", "landing")] == [72, 72, 0]

    pipeline.run(days(day))

    assert pipeline.tables() == tables


def test_h64_runs_of_different_days_take_turns_and_no_lock_error_is_seen(at_once):
    _, said = at_once
    for text in said:
        assert text.replace("Another run is using the warehouse; waiting", "").count("lock") == 0


# ---- 65: the warehouse is gone or damaged ------------------------------------------------------


@pytest.fixture
def loaded(pipeline):
    """Two days of good files, with one that came late, one that came twice and a broken one."""
    pipeline.deliver(SECOND, "agent", "other")
    pipeline.deliver("clicks_2022052612.parquet", "agent")
    pipeline.deliver("impressions_2022052700.parquet", "the next day")
    random_bytes(pipeline.settings.raw_data_dir / "clicks_2022052700.parquet")
    pipeline.run(TWO_DAYS)
    pipeline.deliver(FIRST, "late")
    pipeline.deliver("impressions_2022052613.parquet", "late")
    pipeline.run(TWO_DAYS)
    return pipeline


def without_ids(pipeline):
    """All tables; the ids of files are given anew."""
    tables = pipeline.tables()
    tables["log_files"] = sorted(row[1:] for row in tables["log_files"] if row[5] == "loaded")
    for table in ("impression_logs", "click_logs"):
        tables[table] = sorted(row[1:] for row in tables[table])
    return tables


def test_h65_a_deleted_warehouse_is_rebuilt_from_the_archive_by_loading_the_days(graph, loaded):
    before = without_ids(loaded)
    loaded.settings.warehouse_path.unlink()
    with pytest.raises(
        UserError, match="There is no warehouse yet. Fill it first: adtech backfill"
    ):
        read_only_query(loaded.settings, "warehouse", "SELECT 1")

    assert graph.run(of=TWO_DAYS).success

    assert without_ids(loaded) == before


LEAVE_A_LOG = """
import os, signal, sys
import duckdb

connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE only_in_the_log (i INTEGER)")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_h65_a_damaged_warehouse_is_told_and_rebuilt_once_it_is_moved_away(graph, loaded):
    before = without_ids(loaded)
    path = loaded.settings.warehouse_path
    run_until_killed(LEAVE_A_LOG, path)
    path.write_bytes(os.urandom(path.stat().st_size))

    failure = graph.run(of=TWO_DAYS).failure

    assert re.search(
        f"The warehouse {path} is damaged or no DuckDB file .*Move it away and run "
        "`adtech backfill` over your days",
        failure,
    )
    path.rename(path.with_name("damaged.duckdb"))
    assert path.with_name("warehouse.duckdb.wal").exists(), "its log is easily overlooked"
    assert graph.run(of=TWO_DAYS).success
    assert without_ids(loaded) == before


MARTS_OF_DAYS = """
CREATE SCHEMA IF NOT EXISTS marts;
CREATE OR REPLACE TABLE marts.fct_campaign_ctr AS
SELECT 1 AS campaign_id, 'Spring' AS campaign_name, {days}::BIGINT AS impressions,
    0::BIGINT AS clicks, 0::DOUBLE AS ctr;
CREATE OR REPLACE TABLE marts.fct_daily_summary AS
SELECT DATE '2022-05-25' + range::INTEGER AS event_date, 1::BIGINT AS impressions,
    0::BIGINT AS clicks, 0::DOUBLE AS ctr
FROM range({days});
"""


def test_h65_a_warehouse_that_has_begun_anew_does_not_replace_the_published_history(
    graph, pipeline
):
    def build_marts(days):
        pipeline.look(lambda warehouse: warehouse.execute(MARTS_OF_DAYS.format(days=days)))
        pipeline.look(lambda warehouse: prove(warehouse, pipeline.settings))

    def published():
        with pipeline.target.connect() as connection:
            return connection.execute("SELECT impressions FROM marts.fct_campaign_ctr").fetchall()

    build_marts(days=30)
    assert graph.run(*PUBLISHED).success
    pipeline.settings.warehouse_path.unlink()
    build_marts(days=2)

    failure = graph.run(*PUBLISHED).failure

    assert "28 days that the warehouse does not have" in failure
    assert "adtech backfill --from 2022-05-27 --to 2022-06-23" in failure
    assert published() == [(30,)]
    build_marts(days=31)
    assert graph.run(*PUBLISHED).success
    assert published() == [(31,)]


# ---- 69: a day larger than memory --------------------------------------------------------------


MEMORY_MB = 100
LOAD_IN_LITTLE_MEMORY = f"""
import threading, time
from pathlib import Path

import psutil

from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.hostile import loader_process

class Small(Warehouse):
    def _open(self, *, read_only):
        connection = super()._open(read_only=read_only)
        connection.execute("SET memory_limit = '{MEMORY_MB}MB'")
        return connection

def watch(swap):
    process = psutil.Process()
    before = process.memory_info().rss
    while True:
        peaks["used"] = max(peaks["used"], process.memory_info().rss - before)
        swapped = sum(path.stat().st_size for path in swap.glob("*.tmp"))
        peaks["swapped"] = max(peaks["swapped"], swapped)
        time.sleep(0.01)

settings = load_settings()
peaks = dict(used=0, swapped=0)
swap = Path(f"{{settings.warehouse_path}}.tmp")
threading.Thread(target=watch, args=[swap], daemon=True).start()
loader_process.run(settings, DayRange.parse("2022-05-26", "2022-05-26"), Small.of(settings))
print(peaks["used"] // 2**20, peaks["swapped"] // 2**20)
"""


def load_in_little_memory(settings):
    """Megabytes of memory that loading the day takes, and megabytes swapped to the data folder."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD_IN_LITTLE_MEMORY],
        env=os.environ | loader_process.environment(settings),
        check=True,
        capture_output=True,
        text=True,
    )
    used, swapped = done.stdout.splitlines()[-1].split()  # after DuckDB's bars of progress
    return int(used), int(swapped)


def deliver_many(settings, hours, rows, agent, compression):
    """Files of many rows whose user agents are an SQL expression of the row's number, i."""
    with duckdb.connect() as connection:
        for hour in range(hours):
            connection.execute(
                f"""
                COPY (
                    SELECT
                        {{'creation_time': 1653557530942 + i}} AS transaction_header,
                        {{'user_agent': {agent}}} AS device_settings,
                        {{'campaign_id': 731193::INTEGER}} AS banner,
                        {{'is_fraud': false}} AS fraud_detection
                    FROM range({hour * rows}, {(hour + 1) * rows}) AS t (i)
                )
                TO '{settings.raw_data_dir}/impressions_20220526{hour:02}.parquet'
                (
                    COMPRESSION {compression},
                    ROW_GROUP_SIZE 20480,
                    KV_METADATA {{'parquet.proto.class': 'feed$Impression'}}
                )
                """
            )


def test_h69_more_user_agents_than_memory_are_counted_on_disk(pipeline):
    agent = "md5(i::VARCHAR) || repeat('x', 700)"
    deliver_many(pipeline.settings, 2, 100_000, agent, "uncompressed")

    used, swapped = load_in_little_memory(pipeline.settings)

    assert pipeline.served() == [(0, 100_000, 0), (1, 100_000, 0)]
    assert swapped > 0, "the roll-up has a group for each agent, 146 MB in all"
    assert used < 3 * MEMORY_MB


def test_h69_small_files_of_many_rows_are_never_in_memory_as_a_whole(pipeline):
    deliver_many(pipeline.settings, 8, 300_000, "'agent ' || hash(i) % 5000", "zstd")
    sizes = [path.stat().st_size for path in pipeline.settings.raw_data_dir.iterdir()]
    assert max(sizes) < conformance.SMALL_FILE_BYTES

    used, _ = load_in_little_memory(pipeline.settings)

    assert pipeline.served() == [(hour, 300_000, 0) for hour in range(8)]
    assert used < 3 * MEMORY_MB, "read as a whole they took 550 MB"


# ---- 70: the clock jumps back ------------------------------------------------------------------


@pytest.mark.parametrize("earlier", ["2022-05-27 00:00", "2022-05-26 04:00", "2022-05-19 12:00"])
def test_h70_a_day_loaded_again_by_an_earlier_clock_stays_the_same(pipeline, set_clock, earlier):
    keeping = Pipeline(pipeline.settings.model_copy(update={"processed_files": "keep"}))
    set_clock("2022-05-27 12:00")
    keeping.deliver(FIRST, "agent", "other")
    keeping.deliver("clicks_2022052611.parquet", "agent")
    keeping.run()
    before = keeping.tables()

    set_clock(earlier)
    keeping.run()

    assert keeping.tables() == before
    assert keeping.served() == [(11, 2, 1)]


def test_h70_files_that_come_after_the_jump_get_ids_of_their_own(pipeline, set_clock):
    set_clock("2022-05-27 12:00")
    pipeline.deliver(FIRST, "agent")
    random_bytes(pipeline.settings.raw_data_dir / "clicks_2022052611.parquet")
    pipeline.run()

    set_clock("2022-05-26 12:00")
    pipeline.deliver(SECOND, "late")
    pipeline.run()

    ids = pipeline.look(lambda warehouse: ledger(warehouse, "file_id", "status"))
    assert ids == [(1, "loaded"), (2, "quarantined"), (3, "loaded")]
    assert pipeline.served() == [(11, 1, 0), (12, 1, 0)]


def test_h70_the_sensor_asks_once_for_what_it_has_asked_for_before_the_jump(
    pipeline, set_clock, dagster_instance
):
    sensor = Sensor(pipeline.settings, dagster_instance)
    sensor.deliver(FIRST)
    set_clock("2022-05-27 12:00")
    assert sensor.tick() == ["2022-05-26"]
    set_clock("2022-05-26 12:00")
    assert sensor.tick() == []
    sensor.finish(success=True)
    assert sensor.tick() == []


def test_h70_the_sensor_asks_again_for_a_run_that_failed_before_the_jump(
    pipeline, set_clock, dagster_instance
):
    sensor = Sensor(pipeline.settings, dagster_instance)
    sensor.deliver(SECOND)
    set_clock("2022-05-28 12:00")
    for _ in range(2):
        sensor.tick()
        sensor.finish(success=False)
    assert sensor.tick() == [], "it pauses"
    keys = {request.run_key for request in sensor.requests}

    set_clock("2022-05-27 12:00")
    assert sensor.tick() == [], "it goes on pausing"
    set_clock("2022-05-27 12:02")
    assert sensor.tick() == ["2022-05-26"]

    assert keys.isdisjoint(request.run_key for request in sensor.requests)


# ---- 71: a model or a blocking test fails ------------------------------------------------------


MODELS = (
    "staging/stg_operational__advertisers",
    "staging/stg_operational__campaigns",
    "staging/stg_operational__impressions",
    "staging/stg_operational__clicks",
    "staging/stg_operational__extracted_days",
    "intermediate/int_campaign_events_hourly",
    "marts/fct_daily_summary",
    "marts/fct_campaign_ctr",
)
DAMAGE = """
INSERT INTO raw.campaigns SELECT * FROM raw.campaigns;
ALTER TABLE raw.clicks DROP campaign_id;
"""


def test_h71_when_a_model_and_a_test_fail_what_was_published_stays_and_the_run_is_red(
    graph, pipeline, monkeypatch
):
    """Both in one run, because dbt takes seconds."""
    monkeypatch.setenv("ADTECH_DATA_DIR", str(pipeline.settings.data_dir))
    with Postgres.of(pipeline.settings, "source").connect() as connection:
        create_schema(connection)
        connection.execute("INSERT INTO campaign (name, bid, budget) VALUES ('Summer', 1, 1)")
    publish_marts(pipeline)
    assert graph.run(*RAW_OPERATIONAL).success
    pipeline.look(lambda warehouse: warehouse.execute(DAMAGE))

    run = graph.run(*MODELS, *PUBLISHED, *EXPORTS)

    assert not run.success
    told = "; ".join(run.told.failures)
    assert "check unique_stg_operational__campaigns_campaign_id failed" in told
    assert "operational_daily_models: dbt: " in told
    assert "in model stg_operational__clicks" in told
    log = pipeline.settings.dbt_target_dir / "dbt.log"
    assert str(log) in told
    assert "in model stg_operational__clicks" in log.read_text()
    with pipeline.target.connect() as connection:
        names = connection.execute("SELECT campaign_name FROM marts.fct_campaign_ctr").fetchall()
    assert names == [("Spring",)], "as it was"
    assert names_in(pipeline.settings.exports_dir) == set()


def test_h71_a_model_of_the_log_files_that_fails_holds_back_no_operational_mart(
    graph, pipeline, monkeypatch
):
    monkeypatch.setenv("ADTECH_DATA_DIR", str(pipeline.settings.data_dir))
    pipeline.deliver(FIRST)
    with Postgres.of(pipeline.settings, "source").connect() as connection:
        create_schema(connection)
        connection.execute("INSERT INTO campaign (name, bid, budget) VALUES ('Summer', 1, 1)")
    publish_marts(pipeline)
    assert graph.run(*RAW_OPERATIONAL, *LOG_BRANCH).success
    pipeline.look(facts.create)
    pipeline.look(lambda w: w.execute("ALTER TABLE rollup.hourly_clicks DROP timed_clicks"))

    run = graph.run(
        *(key.to_user_string() for part in models.build(PROJECT) for key in part.keys), *PUBLISHED
    )

    assert not run.success
    assert "log_daily_models: dbt: " in run.failure
    with pipeline.target.connect() as connection:
        names = connection.execute("SELECT campaign_name FROM marts.fct_campaign_ctr").fetchall()
    assert names == [("Summer",)]
