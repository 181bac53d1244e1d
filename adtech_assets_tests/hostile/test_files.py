"""Hostile files: broken, unfinished, misnamed, delivered twice, or no files at all."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed import conformance, landing, names, quarantine, reader
from adtech_assets.feed.folders import Folder
from adtech_assets.partitions import loadable_days
from adtech_assets_tests.feed.deliveries import (
    DAY,
    EVENT_MS,
    FIRST,
    NEXT_DAY,
    SECOND,
    agents,
    days,
    ledger,
    names_in,
    random_bytes,
    reasons,
    statuses,
    write,
)
from adtech_assets_tests.hostile.conftest import Pipeline
from adtech_assets_tests.sample_feed import PROJECT, SAMPLE

both_ways = pytest.mark.usefixtures("size")

NEIGHBOURS = [(10, 1, 0), (12, 2, 0)]
"""Hours, impressions and clicks of the good files of the day."""

FULL = "impressions_processed_dk_20220526113212045_100-103_1.parquet"
"""Its name promises four events."""


@pytest.fixture
def neighbours(pipeline):
    """Good files of the day, before and after `FIRST`."""
    pipeline.deliver("impressions_2022052610.parquet", "before")
    pipeline.deliver(SECOND, "after", "after")


def assert_refused_alone(pipeline, name, reason):
    """A run quarantines the file, and serves what its neighbours hold."""
    result = pipeline.run()
    assert reasons(result["impressions"]) == {landing.shown_name(name): reason}
    pipeline.assert_quarantined(name, reason)
    assert pipeline.served() == NEIGHBOURS
    assert pipeline.status().days[DAY].state == "loaded"


def age(path, seconds):
    changed_at = time.time() - seconds
    os.utime(path, (changed_at, changed_at))


def materialize(settings, instance):
    """Materialize the day's raw impressions as Dagster does, retries included."""
    from adtech_assets.defs.assets import raw
    from adtech_assets.defs.days import daily, with_days
    from adtech_assets.defs.resources import build_resources

    return dg.materialize(
        with_days(raw.build(settings.feed), daily(settings)),
        selection=[raw.RAW_LOG_KEYS["impressions"]],
        partition_key=str(DAY),
        resources=build_resources(settings, PROJECT),
        instance=instance,
        raise_on_error=False,
    )


@pytest.fixture
def instance(monkeypatch):
    """Dagster without a home, and without the pause before a retry."""
    from adtech_assets.defs import steps

    monkeypatch.setattr(steps, "STEP_RETRY_SECONDS", 0)
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


# ---- 01 to 05: what is in the file -------------------------------------------------------------


@both_ways
@pytest.mark.usefixtures("neighbours")
def test_h01_random_bytes_are_refused_and_the_other_files_load(pipeline):
    random_bytes(pipeline.settings.raw_data_dir / FIRST)

    assert_refused_alone(pipeline, FIRST, "not_parquet")


@pytest.mark.usefixtures("neighbours")
def test_h01_a_check_warns_of_the_quarantine(pipeline):
    random_bytes(pipeline.settings.raw_data_dir / FIRST)
    pipeline.run()

    (warning,) = pipeline.warnings()

    assert FIRST in warning


def truncated_footer(path):
    path.write_bytes(write(path, "agent").read_bytes()[:-20])


def only_half(path):
    content = write(path, "agent").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def broken_column_name(path):
    content = write(path, "agent").read_bytes()
    path.write_bytes(content.replace(b"device_type_id", b"\xffevice_type_id"))


@both_ways
@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("spoil", [truncated_footer, only_half, broken_column_name])
def test_h02_a_file_without_a_whole_footer_is_refused(pipeline, spoil):
    spoil(pipeline.settings.raw_data_dir / FIRST)

    assert_refused_alone(pipeline, FIRST, "not_parquet")


@pytest.mark.usefixtures("neighbours")
def test_h03_an_empty_file_is_left_alone_until_it_has_settled(pipeline):
    path = pipeline.settings.raw_data_dir / FIRST
    path.touch()
    for neighbour in pipeline.settings.raw_data_dir.iterdir():
        age(neighbour, 61)
    age(path, 30)
    patient = Pipeline(pipeline.settings.model_copy(update={"settle_seconds": 60.0}))

    result = patient.run()["impressions"]

    assert (result.quarantined, result.unsettled) == ([], [FIRST])
    assert path.exists()

    age(path, 61)
    assert_refused_alone(patient, FIRST, "empty_file")


def test_h03_an_empty_file_that_is_filled_later_counts(pipeline):
    (pipeline.settings.raw_data_dir / FIRST).touch()
    pipeline.run()
    pipeline.deliver(FIRST, "agent")

    pipeline.run()

    assert pipeline.look(lambda w: ledger(w, "file_name", "status")) == [(FIRST, "loaded")]
    assert pipeline.served() == [(11, 1, 0)]


@both_ways
def test_h04_a_file_without_rows_is_loaded_and_counts_nothing(pipeline):
    write(pipeline.settings.raw_data_dir / FIRST)

    assert pipeline.run()["impressions"].loaded == 1

    assert pipeline.look(lambda w: ledger(w, "status", "rows")) == [("loaded", 0)]
    assert pipeline.served() == []
    day = pipeline.status().days[DAY]
    assert (day.state, day.files, day.events) == ("empty", 1, 0)


# The feed's files carry no checksums, so a flipped bit inside a value (another letter of a user
# agent, another millisecond) gives another valid file that nothing can tell from the right one.
# What breaks the encoding is found, because every column that is counted is decoded.
@both_ways
@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    "column", SAMPLE.columns_of("impressions").values(), ids=lambda column: column.name
)
def test_h05_a_flipped_bit_that_breaks_a_column_that_is_read_is_found(pipeline, column):
    # At several times, for events of one time are alike: so each column has a value.
    times = range(EVENT_MS, EVENT_MS + 30)
    path = write(pipeline.settings.raw_data_dir / FIRST, *["agent"] * len(times), times=times)
    row_group = pq.read_metadata(path).row_group(0)
    chunks = map(row_group.column, range(row_group.num_columns))
    paths = (column.path, f"{column.path}.lo")  # an amount is in parts
    chunk = next(c for c in chunks if c.path_in_schema in paths)
    content = bytearray(path.read_bytes())
    content[chunk.dictionary_page_offset or chunk.data_page_offset] ^= 0b1000  # of a page header
    path.write_bytes(content)

    assert_refused_alone(pipeline, FIRST, "corrupt_data")


@both_ways
@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("rows", [3, 5])
def test_h05_other_rows_than_the_offsets_promise_are_refused(pipeline, rows):
    pipeline.deliver(FULL, *["agent"] * rows)

    assert_refused_alone(pipeline, FULL, "incomplete")


# ---- 06 to 08: files that change ---------------------------------------------------------------


@pytest.mark.parametrize(
    "unfinished", [f".{FIRST}", f".{FIRST}.partial", f"{FIRST}.partial", f"{FIRST}_tmp"]
)
def test_h06_an_unfinished_name_is_ignored_until_it_is_the_files_own(pipeline, unfinished):
    partial = pipeline.deliver(FIRST, "agent").rename(pipeline.settings.raw_data_dir / unfinished)

    pipeline.run()

    assert partial.exists()
    assert pipeline.look(lambda w: ledger(w, "file_name")) == []

    partial.rename(pipeline.settings.raw_data_dir / FIRST)
    pipeline.run()
    assert pipeline.served() == [(11, 1, 0)]


@pytest.mark.parametrize("name", [SECOND, "impressions_unknown.parquet"])
def test_h06_a_young_file_is_taken_at_a_later_tick(pipeline, name):
    patient = Pipeline(pipeline.settings.model_copy(update={"settle_seconds": 60.0}))
    age(pipeline.deliver(FIRST, "agent"), 61)
    young = pipeline.deliver(name, "young")
    age(young, 30)

    result = patient.run()["impressions"]

    assert (result.loaded, result.quarantined, result.unsettled) == (1, [], [name])
    assert young.exists()

    age(young, 61)
    later = patient.run()["impressions"]
    assert later.loaded + len(later.quarantined) == 1


def test_h06_a_file_that_settles_soon_is_waited_for(pipeline):
    patient = Pipeline(pipeline.settings.model_copy(update={"settle_seconds": 0.2}))
    pipeline.deliver(FIRST, "agent")

    assert patient.run()["impressions"].loaded == 1


def test_h06_a_file_that_grows_is_taken_at_a_later_tick(pipeline):
    patient = Pipeline(pipeline.settings.model_copy(update={"settle_seconds": 0.2}))
    whole = pipeline.deliver(FIRST, "agent").read_bytes()
    path = pipeline.settings.raw_data_dir / FIRST
    path.write_bytes(b"")
    written = threading.Event()

    def grow():
        with path.open("ab", buffering=0) as growing:
            while not written.is_set():
                growing.write(b"x")

    writer = threading.Thread(target=grow)
    writer.start()
    result = patient.run()["impressions"]
    written.set()
    writer.join()

    assert (result.quarantined, result.unsettled) == ([], [FIRST])

    path.write_bytes(whole)
    assert patient.run()["impressions"].loaded == 1
    assert pipeline.served() == [(11, 1, 0)]


def test_h06_the_sensor_leaves_a_young_file_for_a_later_tick(pipeline, monkeypatch):
    from adtech_assets.feed.deliveries import settled_days

    settings = pipeline.settings.model_copy(update={"settle_seconds": 60.0})
    changed_at = pipeline.deliver(FIRST, "agent").stat().st_mtime

    monkeypatch.setattr(time, "time", lambda: changed_at + 59)
    assert settled_days(settings, days()) == ({}, 1)

    monkeypatch.setattr(time, "time", lambda: changed_at + 61)
    assert list(settled_days(settings, days())[0]) == [str(DAY)]


def between_hash_and_read(monkeypatch, happens):
    """Let something happen to a file between its fingerprint and its first reading."""
    batches = reader.batches

    def changed(files):
        monkeypatch.setattr(reader, "batches", batches)
        files = list(files)
        for file in files:
            happens(file.path)
        return batches(files)

    monkeypatch.setattr(reader, "batches", changed)


@both_ways
def test_h07_a_file_that_changes_before_it_is_read_is_not_counted(pipeline, monkeypatch):
    pipeline.deliver(FIRST, "before")
    between_hash_and_read(monkeypatch, lambda path: write(path, "after", "after"))

    with pytest.raises(TransientError, match="changed while it was read"):
        pipeline.run()

    assert pipeline.look(agents) == {}
    assert pipeline.look(lambda w: ledger(w, "file_name")) == []


def test_h07_the_step_is_tried_again_and_counts_the_changed_file(pipeline, monkeypatch, instance):
    pipeline.deliver(FIRST, "before")
    between_hash_and_read(monkeypatch, lambda path: write(path, "after", "after"))

    run = materialize(pipeline.settings, instance)

    assert run.success
    assert "STEP_UP_FOR_RETRY" in {event.event_type_value for event in run.all_events}
    assert pipeline.look(agents) == {"after": 2}


@both_ways
def test_h08_a_file_that_disappears_fails_the_run_and_leaves_nothing(pipeline, monkeypatch):
    pipeline.deliver(FIRST, "agent")
    pipeline.deliver(SECOND, "other")
    between_hash_and_read(monkeypatch, lambda path: path.unlink() if path.name == FIRST else None)

    with pytest.raises(UserError, match=f"{FIRST} disappeared"):
        pipeline.run()

    assert pipeline.look(agents) == {}
    assert pipeline.look(lambda w: ledger(w, "file_name")) == []
    assert pipeline.served() == []


def test_h08_the_step_fails_with_one_clear_line_and_is_not_tried_again(
    pipeline, monkeypatch, instance
):
    pipeline.deliver(FIRST, "agent")
    between_hash_and_read(monkeypatch, Path.unlink)

    run = materialize(pipeline.settings, instance)

    assert not run.success
    assert "STEP_UP_FOR_RETRY" not in {event.event_type_value for event in run.all_events}
    day = pipeline.status().days[DAY]
    assert (day.state, day.loaded_at) == ("failed", None)
    assert f"{FIRST} disappeared" in str(day.error)


# ---- 09 to 13: names ---------------------------------------------------------------------------


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    "name",
    ["impressions.parquet", "impressions_202205261.parquet", "impressions-2022052611.parquet"],
)
def test_h09_a_name_without_a_date_is_refused(pipeline, name):
    pipeline.deliver(name, "agent")

    assert_refused_alone(pipeline, name, "no_date")


def test_h09_a_name_without_a_date_takes_none_from_the_path(pipeline, tmp_path):
    folder = tmp_path / "impressions_2022052611.parquet" / "day=2022-05-26" / "hour=11"
    folder.mkdir(parents=True)
    elsewhere = Pipeline(pipeline.settings.model_copy(update={"raw_data_dir": folder}))
    elsewhere.deliver("impressions.parquet", "agent")

    elsewhere.run()

    elsewhere.assert_quarantined("impressions.parquet", "no_date")
    assert elsewhere.served() == []


@pytest.mark.parametrize("other_day", [date(2022, 5, 31), NEXT_DAY])
def test_h09_a_name_that_no_day_can_claim_is_refused_by_any_run(pipeline, other_day):
    pipeline.deliver("impressions.parquet", "agent")

    pipeline.run(days(other_day))

    pipeline.assert_quarantined("impressions.parquet", "no_date")


@pytest.mark.parametrize("parent", ["_2022052611", "clicks_2021010100", "day=2020-01-01"])
def test_h10_the_folders_above_a_file_say_nothing(pipeline, tmp_path, parent):
    folder = tmp_path / parent / "raw_data"
    folder.mkdir(parents=True)
    elsewhere = Pipeline(pipeline.settings.model_copy(update={"raw_data_dir": folder}))
    elsewhere.deliver("impressions_2022052713.parquet", "agent")

    elsewhere.run(days(NEXT_DAY))

    columns = ("kind", "file_date", "file_hour")
    assert elsewhere.look(lambda w: ledger(w, *columns)) == [("impressions", NEXT_DAY, 13)]
    assert elsewhere.served(days(NEXT_DAY)) == [(13, 1, 0)]


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("hour", [24, 99])
def test_h11_an_hour_that_no_day_has_is_refused(pipeline, hour):
    name = f"impressions_20220526{hour}.parquet"
    pipeline.deliver(name, "agent")

    assert_refused_alone(pipeline, name, "impossible_hour")


def test_h11_an_impossible_hour_is_not_the_next_day(pipeline):
    pipeline.deliver("impressions_2022052624.parquet", "agent")

    pipeline.run(days(DAY, NEXT_DAY))

    assert pipeline.served(days(DAY, NEXT_DAY)) == []
    assert pipeline.status().days[NEXT_DAY].state == "missing"


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("day", ["20220230", "20210229", "20221301", "20220500"])
def test_h12_a_day_that_no_calendar_has_is_refused(pipeline, day):
    name = f"impressions_{day}11.parquet"
    pipeline.deliver(name, "agent")

    assert_refused_alone(pipeline, name, "impossible_date")


@pytest.mark.parametrize("ahead", [1, 7])
def test_h13_a_file_of_a_day_to_come_waits_for_it(pipeline, set_clock, ahead):
    set_clock("2022-05-26 12:00")
    day = DAY + timedelta(ahead)
    name = f"impressions_{day:%Y%m%d}11.parquet"
    pipeline.deliver(FIRST, "agent")
    pipeline.deliver(name, "agent", "agent")

    pipeline.run()

    assert names_in(pipeline.settings.raw_data_dir) == {name}
    found = pipeline.status()
    assert (found.early, found.quarantine) == ([f"{name} waits for {day}"], [])

    set_clock(f"{day} 12:00")
    pipeline.run(days(day))

    assert pipeline.served(days(day)) == [(11, 2, 0)]
    assert pipeline.status().early == []


@pytest.mark.usefixtures("neighbours")
def test_h13_a_date_in_the_far_future_is_refused(pipeline):
    name = "impressions_2999010100.parquet"
    pipeline.deliver(name, "agent")

    assert_refused_alone(pipeline, name, "future_date")


@pytest.mark.parametrize("name", ["impressions_2999010100.parquet", None])
def test_h13_a_date_in_the_future_does_not_move_the_sensor(pipeline, name):
    from adtech_assets.feed.deliveries import Deliveries

    def tick(cursor):
        deliveries = Deliveries.from_cursor(cursor)
        asked = deliveries.next_requests(
            pipeline.settings, loadable_days(pipeline.settings), lambda _: None
        )
        return len(asked), deliveries.to_cursor()

    pipeline.deliver(FIRST, "agent")
    asked_before, before = tick(None)
    tomorrow = loadable_days(pipeline.settings).last + timedelta(1)
    pipeline.deliver(name or f"impressions_{tomorrow:%Y%m%d}00.parquet", "agent")

    assert (asked_before, *tick(before)) == (1, 0, before)


# ---- 14 to 18: delivered again -----------------------------------------------------------------


def test_h14_the_same_file_again_changes_nothing(pipeline):
    pipeline.deliver(FIRST, "agent")
    pipeline.run()
    before = pipeline.look(lambda w: w.execute("FROM raw.log_files").fetchall())
    pipeline.deliver(FIRST, "agent")

    result = pipeline.run()["impressions"]

    assert (result.known, result.loaded, result.quarantined) == (1, 0, [])
    assert pipeline.look(lambda w: w.execute("FROM raw.log_files").fetchall()) == before
    assert pipeline.served() == [(11, 1, 0)]
    assert pipeline.status().files == {"loaded": 1, "duplicate": 0, "quarantined": 0}
    assert names_in(pipeline.settings.raw_data_dir) == set()


def test_h15_the_same_bytes_under_another_name_are_counted_once_and_reported(pipeline):
    pipeline.deliver(FIRST, "agent")
    pipeline.run()
    pipeline.deliver(SECOND, "agent")

    result = pipeline.run()["impressions"]

    assert result.duplicates == [SECOND]
    assert pipeline.look(lambda w: ledger(w, "file_name", "status", "detail")) == [
        (FIRST, "loaded", None),
        (SECOND, "duplicate", f"same bytes as {FIRST}"),
    ]
    assert pipeline.served() == [(11, 1, 0)]
    assert pipeline.status().files == {"loaded": 1, "duplicate": 1, "quarantined": 0}


def test_h15_the_same_bytes_under_another_name_of_the_same_run_are_a_duplicate(pipeline):
    for number in range(3):
        pipeline.deliver(f"impressions_2022052611_{number}.parquet", "agent")

    result = pipeline.run()["impressions"]

    assert (result.loaded, len(result.duplicates)) == (1, 2)
    assert pipeline.served() == [(11, 1, 0)]


def test_h15_the_same_bytes_under_the_name_of_another_day_are_a_duplicate(pipeline):
    pipeline.deliver(FIRST, "agent")
    pipeline.run()
    pipeline.deliver("impressions_2022052711.parquet", "agent")

    pipeline.run(days(NEXT_DAY))

    assert pipeline.served(days(DAY, NEXT_DAY)) == [(11, 1, 0)]
    assert pipeline.status().files["duplicate"] == 1


@pytest.fixture
def conflict(pipeline):
    """`FIRST` and `SECOND` are loaded; another `FIRST` has been delivered since."""
    pipeline.deliver(FIRST, "old")
    pipeline.deliver(SECOND, "other")
    pipeline.run()
    pipeline.deliver(FIRST, "new", "new")
    assert reasons(pipeline.run()["impressions"]) == {FIRST: "conflict"}


@pytest.mark.usefixtures("conflict")
def test_h16_the_same_name_with_other_bytes_is_a_conflict(pipeline):
    pipeline.assert_quarantined(FIRST, "conflict")
    assert pipeline.look(agents) == {"old": 1, "other": 1}
    assert pipeline.served() == [(11, 1, 0), (12, 1, 0)]


@pytest.mark.usefixtures("conflict")
def test_h16_a_replacement_rebuilds_the_day_with_the_new_file(pipeline):
    settings = pipeline.settings
    old = (settings.archive_dir / "impressions" / str(DAY) / FIRST).read_bytes()

    assert quarantine.replace(settings, FIRST) == days()
    pipeline.run()

    assert pipeline.look(agents) == {"new": 2, "other": 1}
    assert pipeline.served() == [(11, 2, 0), (12, 1, 0)]
    assert (settings.archive_dir / "replaced" / "00000001" / FIRST).read_bytes() == old
    assert names_in(settings.quarantine_dir) == set()
    assert pipeline.status().files == {"loaded": 2, "duplicate": 0, "quarantined": 0}
    assert pipeline.status().days[DAY].state == "loaded"


def test_h17_offsets_that_a_loaded_file_has_delivered_are_refused(pipeline):
    pipeline.deliver(FULL, *"abcd")
    pipeline.run()
    overlapping = "impressions_processed_dk_20220526123212045_103-104_1.parquet"
    pipeline.deliver(overlapping, *"de")

    pipeline.run()

    pipeline.assert_quarantined(overlapping, "offset_overlap")
    assert pipeline.served() == [(11, 4, 0)]


def test_h17_offsets_that_two_files_of_one_run_deliver_are_counted_once(pipeline):
    pipeline.deliver(FULL, *"abcd")
    overlapping = "impressions_processed_dk_20220526123212045_99-104_1.parquet"
    pipeline.deliver(overlapping, *"zabcde")

    pipeline.run()

    pipeline.assert_quarantined(overlapping, "offset_overlap")
    assert pipeline.served() == [(11, 4, 0)]


@pytest.mark.parametrize(
    "name",
    [
        "impressions_processed_dk_20220526123212045_104-104_1.parquet",
        "impressions_processed_dk_20220526123212045_99-99_1.parquet",
        "impressions_processed_dk_20220526123212045_100-100_2.parquet",
        "clicks_processed_dk_20220526123212045_100-100_1.parquet",
    ],
)
def test_h17_neighbouring_offsets_and_those_of_another_partition_or_kind_load(pipeline, name):
    pipeline.deliver(FULL, *"abcd")
    pipeline.deliver(name, "e")

    pipeline.run()

    assert pipeline.status().files == {"loaded": 2, "duplicate": 0, "quarantined": 0}


def test_h17_the_check_can_be_switched_off(pipeline):
    trusting = Pipeline(pipeline.settings.model_copy(update={"refuse_offset_overlaps": False}))
    trusting.deliver(FULL, *"abcd")
    trusting.deliver("impressions_processed_dk_20220526123212045_103-104_1.parquet", *"de")

    trusting.run()

    assert trusting.served() == [(11, 4, 0), (12, 2, 0)]


def test_h18_an_old_modification_time_hides_no_file(pipeline):
    os.utime(pipeline.deliver(FIRST, "agent"), (0, 0))

    pipeline.run()

    assert pipeline.served() == [(11, 1, 0)]


# ---- 19 to 21: no files, strange names, no permission ------------------------------------------


def folder(path):
    path.mkdir()


def fifo(path):
    os.mkfifo(path)


def device(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only root may make a device")


def link_inside(path):
    path.symlink_to(write(path.with_name("target"), "agent"))


def link_outside(path):
    path.symlink_to("/etc/hostname")


def link_to_a_log_file_outside(path):
    path.symlink_to(write(path.parent.parent / FIRST, "agent"))


def link_to_nothing(path):
    path.symlink_to("nowhere")


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    "make",
    [folder, fifo, device, link_inside, link_outside, link_to_a_log_file_outside, link_to_nothing],
)
def test_h19_only_regular_files_are_taken(pipeline, make):
    make(pipeline.settings.raw_data_dir / FIRST)

    assert_refused_alone(pipeline, FIRST, "not_a_file")


@both_ways
@pytest.mark.parametrize(
    "ending",
    [
        "*",
        "?",
        "[a]",
        "{a,b}",
        "\\",
        "%41#?",
        "$HOME",
        "..",
        "\N{GRINNING FACE} e\u0301",
        "'; DROP TABLE raw.impression_logs; --",
        '"; DROP TABLE raw.log_files; --',
        "x" * 225,
    ],
)
def test_h20_any_character_in_a_name_is_taken_literally(pipeline, ending):
    name = f"impressions_2022052611{ending}.parquet"
    pipeline.deliver(name, "right")
    pipeline.deliver("impressions_2022052611ab.parquet", "other")

    pipeline.run()

    assert pipeline.look(agents) == {"right": 1, "other": 1}
    assert pipeline.look(statuses)[name] == "loaded"
    assert pipeline.served() == [(11, 2, 0)]
    assert (pipeline.settings.archive_dir / "impressions" / str(DAY) / name).exists()


def test_h20_a_backslash_before_a_wildcard_costs_no_event(pipeline, monkeypatch):
    monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)
    name = "impressions_2022052611\\*.parquet"
    pipeline.deliver(name, "agent")

    pipeline.run()

    assert pipeline.served() == [(11, 1, 0)]
    assert names_in(pipeline.settings.quarantine_dir) == set()


@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    "name",
    [
        "impressions_2022052611\n.parquet",
        "impressions_2022052611\x1b[2J.parquet",
        os.fsdecode(b"impressions_2022052611_\xff.parquet"),
    ],
    ids=["newline", "escape sequence", "no text"],
)
def test_h20_a_name_that_cannot_be_printed_is_refused_and_shown_escaped(pipeline, name):
    write(pipeline.settings.raw_data_dir / FIRST, "agent").rename(
        pipeline.settings.raw_data_dir / name
    )

    assert_refused_alone(pipeline, name, "unusable_name")
    assert landing.shown_name(name).isprintable()


# Run by a user who may move the file, but not read it.
LOAD_AS_NOBODY = """
import os, sys
from adtech_assets.contract import KINDS
from adtech_assets.settings import load_settings
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.feed.deliveries import ingest
import duckdb, polars, pyarrow.parquet

raw_data, data = sys.argv[1:]
settings = load_settings(raw_data_dir=raw_data, data_dir=data, settle_seconds=0)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
with Warehouse.of(settings).connect() as warehouse:
    ingest(warehouse, settings)
"""


@pytest.fixture
def folders_of_nobody():
    """A folder that any user reaches, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path in (root, root / "raw_data", root / "data"):
            path.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                os.chown(path, 65534, 65534)
        yield root


def test_h21_an_unreadable_file_is_reported_and_a_check_warns(pipeline, folders_of_nobody):
    pipeline.settings = pipeline.settings.model_copy(
        update={
            "raw_data_dir": folders_of_nobody / "raw_data",
            "data_dir": folders_of_nobody / "data",
        }
    )
    pipeline.deliver(SECOND, "readable").chmod(0o644)
    pipeline.deliver(FIRST, "secret").chmod(0)

    settings = pipeline.settings
    subprocess.run(
        [sys.executable, "-c", LOAD_AS_NOBODY, settings.raw_data_dir, settings.data_dir], check=True
    )

    pipeline.assert_quarantined(FIRST, "unreadable")
    assert pipeline.look(agents) == {"readable": 1}
    (warning,) = pipeline.warnings()
    assert FIRST in warning


# ---- 22 to 24: too many, and formats -----------------------------------------------------------


def test_h22_a_hundred_thousand_files_are_listed_in_bounded_memory(tmp_path):
    for number in range(100_000):
        os.close(os.open(tmp_path / f"impressions_2022052611_{number}.parquet", os.O_CREAT))

    tracemalloc.start()
    found = landing.scan(Folder(tmp_path), SAMPLE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    shutil.rmtree(tmp_path)

    assert len(found) == 100_000
    assert peak < 100 * 2**20


def test_h22_many_files_are_read_in_batches_with_progress(pipeline, monkeypatch, caplog):
    monkeypatch.setattr(reader, "BATCH_FILES", 100)
    content = pipeline.deliver("impressions_template.parquet", "agent 0000").read_bytes()
    (pipeline.settings.raw_data_dir / "impressions_template.parquet").unlink()
    for number in range(1000):
        name = f"impressions_2022052611_{number}.parquet"
        own = content.replace(b"agent 0000", b"agent %04d" % number)
        (pipeline.settings.raw_data_dir / name).write_bytes(own)
    batches = []
    append = reader.Reader.append_batch

    def watched(self, batch, *arguments):
        batches.append(len(batch))
        return append(self, batch, *arguments)

    monkeypatch.setattr(reader.Reader, "append_batch", watched)

    with caplog.at_level(logging.INFO):
        pipeline.run()

    assert batches == [100] * 10
    assert pipeline.served() == [(11, 1000, 0)]
    assert [line for line in caplog.messages if "impressions files read" in line] == [
        f"{done:,} of 1,000 impressions files read" for done in range(100, 1001, 100)
    ]


@pytest.mark.parametrize("ending", [".PARQUET", ".Parquet"])
def test_h23_another_spelling_of_parquet_is_no_log_file(pipeline, ending):
    path = pipeline.settings.raw_data_dir / f"impressions_2022052611{ending}"
    write(pipeline.settings.raw_data_dir / FIRST, "agent").rename(path)

    pipeline.run()

    assert names.kind_of(SAMPLE, path.name) is None
    assert path.exists()
    assert pipeline.look(lambda w: ledger(w, "file_name")) == []
    assert pipeline.status().files == {"loaded": 0, "duplicate": 0, "quarantined": 0}


class Keys(pe.KmsClient):
    """Keeps no secrets: the key that encrypts is all that a test needs."""

    def __init__(self, _config):
        super().__init__()

    def wrap_key(self, key_bytes, _name):
        return b"wrapped " + key_bytes

    def unwrap_key(self, wrapped_key, _name):
        return wrapped_key.removeprefix(b"wrapped ")


def encrypted(path, *, plaintext_footer):
    table = pq.read_table(write(path, "agent"))
    properties = pe.CryptoFactory(Keys).file_encryption_properties(
        pe.KmsConnectionConfig(),
        pe.EncryptionConfiguration(
            footer_key="footer",
            column_keys={"columns": ["device_settings.user_agent"]},
            plaintext_footer=plaintext_footer,
        ),
    )
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)


def encrypted_whole(path):
    encrypted(path, plaintext_footer=False)


def encrypted_column(path):
    encrypted(path, plaintext_footer=True)


def with_codec(path, codec):
    """Another number where the footer names the codec of a column chunk: 1 is Snappy."""
    content = write(path, "agent").read_bytes()
    size = int.from_bytes(content[-8:-4], "little")
    body, footer = content[: -8 - size], content[-8 - size :]
    # Path of the column, then the codec (field 4, an int: its zigzag number).
    column = b"device_settings\x0auser_agent\x15"
    assert column + b"\x02" in footer
    path.write_bytes(body + footer.replace(column + b"\x02", column + bytes([2 * codec])))


def lzo(path):
    with_codec(path, 3)


def unknown_codec(path):
    with_codec(path, 42)


@both_ways
@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (encrypted_whole, "not_parquet"),
        (encrypted_column, "corrupt_data"),
        (lzo, "corrupt_data"),
        (unknown_codec, "corrupt_data"),
    ],
)
def test_h24_what_cannot_be_decoded_is_refused(pipeline, make, reason):
    make(pipeline.settings.raw_data_dir / FIRST)

    assert_refused_alone(pipeline, FIRST, reason)
