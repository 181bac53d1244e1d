"""Disks, locks, memory, the clock and the models fail."""

from __future__ import annotations

import subprocess
from datetime import date

import psycopg
import pytest

from adtech_assets.logs import failures
from adtech_assets.settings import load_settings
from adtech_assets_tests.hostile import loader_process
from adtech_assets_tests.hostile.conftest import Pipeline
from adtech_assets_tests.hostile.graph import LOG_BRANCH, RAW_OPERATIONAL
from adtech_assets_tests.logs.feed import (
    DAY,
    FIRST,
    SECOND,
    days,
    names_in,
    random_bytes,
)

EXPORTS = ("exports/campaign_ctr", "exports/daily_summary", "kpi_report")


# ---- 59: the disk is full ----------------------------------------------------------------------


class Disk:
    """A small disk of its own, mounted on a folder."""

    def __init__(self, folder, options="size=4m"):
        folder.mkdir(parents=True, exist_ok=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
            check=False,
            capture_output=True,
            text=True,
        )
        if mounted.returncode != 0:
            pytest.skip(f"no disk may be mounted here: {mounted.stderr.strip()}")
        self.folder = folder
        self.filler = folder / "filler"

    def fill(self):
        with self.filler.open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(4096)):
                    pass
            except OSError:
                return

    def make_room(self):
        self.filler.unlink()

    def make_read_only(self):
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)

    def make_writable(self):
        subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)

    def contents(self):
        return {name for name in names_in(self.folder) if name != self.filler.name}


@pytest.fixture
def mount():
    """Mounts small disks on folders, until the test is over."""
    disks = []

    def make(folder):
        disks.append(Disk(folder))
        return disks[-1]

    yield make
    for disk in disks:
        subprocess.run(["umount", "--lazy", disk.folder], check=True)


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


def test_h59_exports_and_report_that_find_no_room_stay_as_they_were(graph, pipeline, mount):
    disk = mount(pipeline.settings.exports_dir)
    with pipeline.target.connect() as connection:
        connection.execute(MARTS)
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
