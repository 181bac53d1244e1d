"""Which files are counted, how often, and for what."""

import contextlib
import hashlib
import json
import os
import time
from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adtech_assets.errors import UserError
from adtech_assets.feed import conformance, landing, reader
from adtech_assets.feed import ingest as ingest_module
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.reader import Reader
from adtech_assets.load.processed import clear_landing
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.stores import warehouse as warehouse_module
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.feed.deliveries import (
    DAY,
    EVENT_MS,
    FIRST,
    SECOND,
    agents,
    build_rollup,
    days,
    deliver,
    fingerprints,
    group,
    ingest,
    ledger,
    names_in,
    random_bytes,
    reasons,
    rewrite,
    rolled_up,
    statuses,
)

FULL_FIRST = "impressions_processed_dk_20220526113212045_100-103_1.parquet"
"""Four events."""


class KilledError(BaseException):
    """Stands for kill -9: nothing after it happens."""


@pytest.fixture(params=["small files", "large files"])
def size(request, monkeypatch):
    """Small files go through Polars, large ones through DuckDB."""
    if request.param == "large files":
        monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)


both_ways = pytest.mark.usefixtures("size")


def age(path, seconds):
    changed_at = time.time() - seconds
    os.utime(path, (changed_at, changed_at))


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


# ---- good files --------------------------------------------------------------------------------


@both_ways
def test_what_impressions_cost_and_how_they_were_seen_arrives_exactly(warehouse, settings):
    paths = generate_log_files(settings.raw_data_dir, [DAY], events_per_day=40, ctr=0)
    expected = Counter(
        (
            Decimal(row["rtb_vars"]["in_campaign_currency_with_all_fees"]["lo"]).scaleb(-6),
            row["rtb_vars"]["campaign_currency"],
            row["unload"]["visibility"]["max_visibility_percentage"],
            row["unload"]["payload"]["is_visible_by_campaign_settings"],
            row["payload"]["uniqueness"]["is_campaign_unique_day"],
        )
        for path in paths
        for row in pq.read_table(path).to_pylist()
    )

    ingest(warehouse, settings)

    columns = "total_cost, currency, visible_percentage, is_viewable, is_campaign_day_unique"
    found = warehouse.execute(f"SELECT {columns} FROM raw.impression_logs").fetchall()
    assert Counter(found) == expected


def test_generated_files_are_all_loaded(warehouse, settings):
    paths = generate_log_files(settings.raw_data_dir, [DAY], events_per_day=300, ctr=0.2)

    impressions = ingest(warehouse, settings)
    clicks = ingest(warehouse, settings, "clicks")

    assert impressions.loaded + clicks.loaded == len(paths)
    assert (impressions.rows, clicks.rows) == (300, 60)


@both_ways
def test_an_event_arrives_with_the_hour_of_its_file_and_its_own_time(warehouse, settings):
    deliver(settings, "impressions_2022052613.parquet", "agent")

    ingest(warehouse, settings)

    columns = "file_id, file_date, file_hour, event_at, user_agent, campaign_id, is_fraud"
    assert warehouse.execute(f"SELECT {columns} FROM raw.impression_logs").fetchall() == [
        (1, DAY, 13, datetime(2022, 5, 26, 9, 32, 10, 942000), "agent", 731193, False)  # noqa: DTZ001
    ]


def test_files_of_other_days_are_left_alone(warehouse, settings):
    deliver(settings, "impressions_2022052711.parquet")
    deliver(settings, "impressions_2022052511.parquet")

    result = ingest(warehouse, settings)

    assert (result.loaded, result.outside) == (0, 0)
    assert ledger(warehouse, "file_name") == []


def test_files_before_the_start_date_are_reported(warehouse, settings):
    deliver(settings, "impressions_2022010111.parquet")

    assert ingest(warehouse, settings).outside == 1


def test_files_of_the_other_kind_are_left_alone(warehouse, settings):
    deliver(settings, "clicks_2022052611.parquet")

    ingest(warehouse, settings, "impressions")

    assert ledger(warehouse, "file_name") == []


def test_a_missing_landing_folder_is_explained(warehouse, settings):
    settings.raw_data_dir.rmdir()

    with pytest.raises(UserError, match="There is no landing folder"):
        ingest(warehouse, settings)


def test_large_files_give_the_same_rows_as_small_ones(warehouse, settings, monkeypatch):
    generate_log_files(settings.raw_data_dir, [DAY], events_per_day=500, files_per_hour=2)
    ingest(warehouse, settings)
    query = "SELECT * EXCLUDE file_id FROM raw.impression_logs ORDER BY ALL"
    small = warehouse.execute(query).fetchall()

    warehouse.execute("DROP SCHEMA raw CASCADE")
    monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)
    ingest(warehouse, settings)

    assert warehouse.execute(query).fetchall() == small


def test_files_beyond_one_batch_are_all_loaded(warehouse, settings, monkeypatch):
    monkeypatch.setattr(reader, "BATCH_FILES", 3)
    for number in range(10):
        deliver(settings, f"impressions_2022052611_{number}.parquet", f"agent {number}")

    assert ingest(warehouse, settings).rows == 10


def test_what_batches_wrote_does_not_stay_in_memory(settings, monkeypatch):
    monkeypatch.setattr(reader, "BATCH_BYTES", 1)
    monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)
    for hour in range(6):
        many = [f"{hour} {number} {'x' * 100}" for number in range(130_000)]
        deliver(settings, f"impressions_20220526{hour:02}.parquet", *many)

    with Warehouse.of(settings).connect() as warehouse:
        monkeypatch.setattr(warehouse_module, "CACHE_BYTES", 2**20)
        ingest(warehouse, settings)
        query = "SELECT sum(memory_usage_bytes)::BIGINT FROM duckdb_memory()"
        ((used,),) = warehouse.execute(query).fetchall()
        assert used <= 2**20


# ---- the contract ------------------------------------------------------------------------------


@both_ways
def test_a_column_that_is_there_twice_is_refused(warehouse, settings):
    other = {"Device_Settings": group(pa.array(["another agent"]))}
    rewrite(deliver(settings, FIRST), columns=other, note=None)

    assert reasons(ingest(warehouse, settings)) == {FIRST: "ambiguous_column"}
    assert agents(warehouse) == {}


def test_a_bad_file_leaves_nothing_open(warehouse, settings):
    ingest(warehouse, settings)
    for number in range(50):
        random_bytes(settings.raw_data_dir / f"impressions_2022052611_{number}.parquet")
    before = open_files()

    result = ingest(warehouse, settings)

    assert len(result.quarantined) == 50
    assert open_files() < before + 25


@both_ways
def test_rows_that_match_the_offsets_are_loaded(warehouse, settings):
    deliver(settings, FULL_FIRST, *["agent"] * 4)

    assert ingest(warehouse, settings).rows == 4


def test_a_refused_file_keeps_no_offsets_from_others(warehouse, settings):
    random_bytes(settings.raw_data_dir / FULL_FIRST)
    again = "impressions_processed_dk_20220526123212045_100-103_1.parquet"
    deliver(settings, again, *"abcd")

    result = ingest(warehouse, settings)

    assert reasons(result) == {FULL_FIRST: "not_parquet"}
    assert agents(warehouse) == Counter("abcd")


# ---- names and entries that are no files -------------------------------------------------------


def test_offsets_that_run_backwards_are_refused_by_any_run(warehouse, settings):
    name = "impressions_2022052611_9-3_0.parquet"
    deliver(settings, name)

    result = ingest(warehouse, settings, of=days(date(2022, 5, 31)))

    assert reasons(result) == {name: "impossible_offsets"}
    assert names_in(settings.quarantine_dir) == {"00000001/reason.json", f"00000001/{name}"}


def folder(path):
    path.mkdir()


def fifo(path):
    os.mkfifo(path)


def link_outside(path):
    path.symlink_to("/etc/hostname")


def test_a_refusal_is_written_beside_the_file(warehouse, settings):
    path = settings.raw_data_dir / FIRST
    path.write_bytes(b"no parquet")

    ingest(warehouse, settings)

    (reason,) = noted_reasons(settings)
    assert not path.exists()
    assert (settings.quarantine_dir / "00000001" / FIRST).read_bytes() == b"no parquet"
    assert reason["file"] == FIRST
    assert reason["reason"] == "not_parquet"


def noted_reasons(settings):
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(settings.quarantine_dir.glob("*/reason.json"))
    ]


def test_files_of_one_name_lie_apart_in_quarantine(warehouse, settings):
    path = settings.raw_data_dir / FIRST
    for content in (b"first", b"second", b"second"):
        path.write_bytes(content)
        ingest(warehouse, settings)

    kept = [found.read_bytes() for found in sorted(settings.quarantine_dir.glob(f"*/{FIRST}"))]
    assert kept == [b"first", b"second", b"second"]


def test_files_lie_apart_in_quarantine_when_the_warehouse_was_lost(warehouse, settings):
    (settings.raw_data_dir / FIRST).write_bytes(b"before")
    ingest(warehouse, settings)
    warehouse.execute("DROP SCHEMA raw CASCADE")
    for name in (FIRST, SECOND):
        (settings.raw_data_dir / name).write_bytes(b"after")

    ingest(warehouse, settings)

    assert len(list(settings.quarantine_dir.iterdir())) == 3
    assert (settings.quarantine_dir / "00000001" / FIRST).read_bytes() == b"before"


@pytest.fixture
def on_another_file_system(settings):
    """Settings whose landing folder is not on the file system of the quarantine."""
    landing_dir = Path("/dev/shm") / settings.data_dir.parent.name / str(os.getpid())  # noqa: S108
    landing_dir.mkdir(parents=True)
    yield settings.model_copy(update={"raw_data_dir": landing_dir})
    for path in landing_dir.iterdir():
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
    landing_dir.rmdir()
    with contextlib.suppress(OSError):
        landing_dir.parent.rmdir()


needs_two_file_systems = pytest.mark.skipif(
    not Path("/dev/shm").is_dir(),  # noqa: S108
    reason="no second file system to move files from",
)


@needs_two_file_systems
def test_a_refused_file_moves_to_another_file_system_whatever_the_length_of_its_name(
    warehouse, on_another_file_system
):
    name = "impressions_2022052611" + "x" * 225 + ".parquet"
    (on_another_file_system.raw_data_dir / name).write_bytes(b"no parquet")

    ingest(warehouse, on_another_file_system)

    kept = on_another_file_system.quarantine_dir / "00000001" / name
    assert kept.read_bytes() == b"no parquet"
    assert list(on_another_file_system.raw_data_dir.iterdir()) == []


@needs_two_file_systems
@pytest.mark.parametrize("make", [folder, fifo, link_outside])
def test_what_cannot_be_moved_stays_and_is_reported_by_every_run(
    warehouse, on_another_file_system, make
):
    path = on_another_file_system.raw_data_dir / FIRST
    make(path)
    deliver(on_another_file_system, SECOND, "agent")

    ingest(warehouse, on_another_file_system)
    again = ingest(warehouse, on_another_file_system)

    assert os.path.lexists(path)
    assert reasons(again) == {FIRST: "not_a_file"}
    assert statuses(warehouse) == {FIRST: "quarantined", SECOND: "loaded"}


# ---- content -----------------------------------------------------------------------------------


@both_ways
def test_events_of_another_hour_are_counted_not_moved(warehouse, settings):
    hour = 3_600_000
    starts = EVENT_MS - EVENT_MS % hour
    times = [starts - 1, starts, starts + hour - 1, starts + hour]
    deliver(settings, FIRST, *"abcd", times=times)

    ingest(warehouse, settings)

    assert ledger(warehouse, "rows", "events_other_hour") == [(4, 2)]
    assert warehouse.execute(
        "SELECT DISTINCT file_date, file_hour FROM raw.impression_logs"
    ).fetchall() == [(DAY, 11)]


# ---- counted once ------------------------------------------------------------------------------


def test_a_duplicate_delivered_again_is_known(warehouse, settings):
    deliver(settings, FIRST)
    deliver(settings, SECOND)
    ingest(warehouse, settings)

    assert ingest(warehouse, settings).known == 2


def test_a_copy_is_loaded_when_the_first_is_refused_for_its_name(warehouse, settings):
    wrong = "impressions_20220526110000000_1-9_0.parquet"
    right = "impressions_20220526120000000_1-4_0.parquet"
    deliver(settings, wrong, *"abcd")
    deliver(settings, right, *"abcd")

    result = ingest(warehouse, settings)

    assert reasons(result) == {wrong: "incomplete"}
    assert statuses(warehouse)[right] == "loaded"


def test_copies_of_a_bad_file_are_all_refused(warehouse, settings):
    names = [f"impressions_2022052611_{number}.parquet" for number in range(5)]
    for name in names:
        (settings.raw_data_dir / name).write_bytes(b"no parquet")

    assert reasons(ingest(warehouse, settings)) == dict.fromkeys(names, "not_parquet")


def test_the_way_out_of_a_conflict_can_be_pasted_into_a_shell(warehouse, settings):
    name = "impressions_2022052611; reboot.parquet"
    deliver(settings, name, "first")
    ingest(warehouse, settings)
    deliver(settings, name, "second")

    ((_, rejection),) = ingest(warehouse, settings).quarantined

    assert rejection.detail.endswith(f"adtech logs replace '{name}'")


def test_a_late_file_adds(warehouse, settings):
    deliver(settings, FIRST, "early")
    ingest(warehouse, settings)
    deliver(settings, SECOND, "late")

    ingest(warehouse, settings)

    assert agents(warehouse) == {"early": 1, "late": 1}


def test_a_file_whose_date_the_clock_falls_behind_stays_counted(warehouse, settings, monkeypatch):
    deliver(settings, FIRST)
    ingest(warehouse, settings)
    monkeypatch.setattr(ingest_module, "today", lambda _: DAY - timedelta(days=1))

    result = ingest(warehouse, settings)

    assert (result.known, result.quarantined) == (1, [])
    assert statuses(warehouse) == {FIRST: "loaded"}


# ---- files still being written -----------------------------------------------------------------


def test_a_file_from_a_clock_far_ahead_is_taken(warehouse, settings):
    patient = settings.model_copy(update={"settle_seconds": 60})
    age(deliver(settings, FIRST), -3600)

    assert ingest(warehouse, patient).loaded == 1


def test_a_warehouse_without_memory_is_not_blamed_on_the_file(warehouse, settings, monkeypatch):
    monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)
    deliver(settings, FIRST, *(f"{number:02}" * 2**19 for number in range(60)))
    warehouse.execute("SET memory_limit = '20MB'; SET max_temp_directory_size = '0B'")

    with pytest.raises(duckdb.Error, match="Out of Memory"):
        ingest(warehouse, settings)

    assert (settings.raw_data_dir / FIRST).exists()
    assert ledger(warehouse, "file_name") == []


# ---- the ledger --------------------------------------------------------------------------------


def test_a_loaded_file_is_described_in_full(warehouse, settings):
    path = deliver(settings, FULL_FIRST, *"abcd", times=[EVENT_MS, EVENT_MS, 0, 10 * EVENT_MS])
    content = path.read_bytes()

    ingest(warehouse, settings)

    columns = warehouse.execute("FROM raw.log_files")
    names = [name for name, *_ in columns.description]
    ((*values,),) = columns.fetchall()
    row = dict(zip(names, values, strict=True))
    assert row.pop("first_seen_at") == row.pop("loaded_at")
    assert len(row.pop("schema_fingerprint")) == 16
    assert row == {
        "file_id": 1,
        "kind": "impressions",
        "file_name": FULL_FIRST,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "modified_ns": path.stat().st_mtime_ns,
        "object_key": None,
        "object_etag": None,
        "object_version": None,
        "rows": 4,
        "file_date": DAY,
        "file_hour": 11,
        "first_offset": 100,
        "last_offset": 103,
        "feed_partition": 1,
        "status": "loaded",
        "reason": None,
        "detail": None,
        "events_other_hour": 0,
        "events_without_time": 2,
        "missing_columns": [],
        "feed_columns": list(settings.feed.columns_of("impressions")),
        "events_kept": True,
        "deleted_at": None,
        "run_id": "run",
    }


def test_a_refused_file_is_described_as_far_as_it_is_known(warehouse, settings):
    (settings.raw_data_dir / FULL_FIRST).write_bytes(b"no parquet")

    ingest(warehouse, settings)

    columns = ("file_date", "file_hour", "first_offset", "bytes", "rows", "status", "reason")
    assert ledger(warehouse, *columns, "loaded_at") == [
        (DAY, 11, 100, 10, None, "quarantined", "not_parquet", None)
    ]


def test_a_file_judged_again_keeps_when_it_was_first_seen(warehouse, settings):
    path = settings.raw_data_dir / FIRST
    path.write_bytes(b"no parquet")
    ingest(warehouse, settings)
    ((seen, first_id),) = ledger(warehouse, "first_seen_at", "file_id")
    path.write_bytes(b"no parquet")

    ingest(warehouse, settings)

    ((seen_again, second_id),) = ledger(warehouse, "first_seen_at", "file_id")
    assert seen_again == seen
    assert second_id > first_id


def test_every_event_is_loaded_refused_or_a_duplicate(warehouse, settings):
    delivered = {}
    for number in range(4):
        name = f"impressions_20220526{10 + number}0000000_{number * 10}-{number * 10 + number}_0"
        delivered[f"{name}.parquet"] = number + 1
        deliver(settings, f"{name}.parquet", *(f"{number}" for _ in range(number + 1)))
    for name, copied in (("impressions_2022052620", "1"), ("impressions_2022052621", "3")):
        delivered[f"{name}.parquet"] = int(copied) + 1
        deliver(settings, f"{name}.parquet", *(copied for _ in range(int(copied) + 1)))
    for name in ("impressions_2022052624", "impressions_20220526220000000_5-9_1"):
        delivered[f"{name}.parquet"] = 2
        deliver(settings, f"{name}.parquet", "x", "y")

    ingest(warehouse, settings)

    totals = Counter[str]()
    for name, status in ledger(warehouse, "file_name", "status"):
        totals[status] += delivered.pop(name)
    assert delivered == {}
    assert totals == {"loaded": 10, "duplicate": 6, "quarantined": 4}
    assert agents(warehouse).total() == totals["loaded"]


# ---- kills -------------------------------------------------------------------------------------


def test_a_kill_before_the_move_to_quarantine_is_mended_by_the_next_run(
    warehouse, settings, monkeypatch
):
    (settings.raw_data_dir / FIRST).write_bytes(b"no parquet")

    def killed(*_):
        raise KilledError

    with monkeypatch.context() as fault:
        fault.setattr(landing, "quarantine", killed)
        with pytest.raises(KilledError):
            ingest(warehouse, settings)
    ingest(warehouse, settings)

    assert names_in(settings.raw_data_dir) == set()
    assert ledger(warehouse, "file_name", "status") == [(FIRST, "quarantined")]
    assert len(list(settings.quarantine_dir.glob(f"*/{FIRST}"))) == 1


def test_a_kill_before_the_commit_leaves_neither_rows_nor_ledger(warehouse, settings, monkeypatch):
    deliver(settings, FIRST)

    def killed(*_, **__):
        raise KilledError

    with monkeypatch.context() as fault:
        fault.setattr(Ledger, "record", killed)
        with pytest.raises(KilledError):
            ingest(warehouse, settings)

    assert agents(warehouse) == {}
    assert ingest(warehouse, settings).loaded == 1


def test_a_kill_between_batches_is_made_up_for_by_the_next_run(warehouse, settings, monkeypatch):
    monkeypatch.setattr(reader, "BATCH_FILES", 1)
    for number in range(3):
        deliver(settings, f"impressions_2022052611_{number}.parquet", f"agent {number}")
    append = Reader.append_batch

    def killed_at_the_second(self, batch, *arguments):
        if batch[0].path.name.endswith("_1.parquet"):
            raise KilledError
        return append(self, batch, *arguments)

    with monkeypatch.context() as fault:
        fault.setattr(Reader, "append_batch", killed_at_the_second)
        with pytest.raises(KilledError):
            ingest(warehouse, settings)
    result = ingest(warehouse, settings)

    assert (result.known, result.loaded) == (1, 2)
    assert agents(warehouse) == {f"agent {number}": 1 for number in range(3)}


# ---- a lost warehouse --------------------------------------------------------------------------


def archive_all(warehouse, settings):
    clear_landing(warehouse, settings, fingerprints(warehouse))


def test_a_lost_warehouse_comes_back_from_the_archive(warehouse, settings):
    generate_log_files(settings.raw_data_dir, [DAY], events_per_day=200, ctr=0.5)
    for kind in ("impressions", "clicks"):
        ingest(warehouse, settings, kind)
    before = build_rollup(warehouse)
    archive_all(warehouse, settings)
    warehouse.execute("DROP SCHEMA raw CASCADE; DROP SCHEMA rollup CASCADE")

    for kind in ("impressions", "clicks"):
        ingest(warehouse, settings, kind)

    assert names_in(settings.raw_data_dir) == set()
    assert build_rollup(warehouse) == before == rolled_up(warehouse)


def test_an_archived_file_that_is_delivered_again_counts_once_after_a_loss(warehouse, settings):
    deliver(settings, FIRST)
    ingest(warehouse, settings)
    archive_all(warehouse, settings)
    warehouse.execute("DROP SCHEMA raw CASCADE")
    deliver(settings, FIRST)

    ingest(warehouse, settings)

    assert agents(warehouse) == {"agent": 1}


def test_an_archived_file_wins_over_other_bytes_of_its_name_after_a_loss(warehouse, settings):
    deliver(settings, FIRST, "archived")
    ingest(warehouse, settings)
    archive_all(warehouse, settings)
    warehouse.execute("DROP SCHEMA raw CASCADE")
    deliver(settings, FIRST, "delivered")

    result = ingest(warehouse, settings)

    assert agents(warehouse) == {"archived": 1}
    assert reasons(result) == {FIRST: "conflict"}


def test_an_archive_that_has_rotted_is_refused(warehouse, settings):
    deliver(settings, FIRST)
    ingest(warehouse, settings)
    archive_all(warehouse, settings)
    warehouse.execute("DROP SCHEMA raw CASCADE")
    random_bytes(settings.archive_dir / "impressions" / "2022-05-26" / FIRST)

    assert reasons(ingest(warehouse, settings)) == {FIRST: "not_parquet"}
