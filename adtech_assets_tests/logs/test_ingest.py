"""Which files are counted, how often, and for what."""

import contextlib
import hashlib
import json
import os
import time
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adtech_assets.errors import TransientError, UserError
from adtech_assets.logs import contract, landing, reader
from adtech_assets.logs import ingest as ingest_module
from adtech_assets.logs.ledger import Ledger
from adtech_assets.logs.processed import clear_landing
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets_tests.logs.feed import (
    DAY,
    EVENT_MS,
    FIRST,
    NEXT_DAY,
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
    reasons,
    rewrite,
    rolled_up,
    statuses,
    write,
)

FULL_FIRST = "impressions_processed_dk_20220526113212045_100-103_1.parquet"
"""Four events."""


class KilledError(BaseException):
    """Stands for kill -9: nothing after it happens."""


@pytest.fixture(params=["small files", "large files"])
def size(request, monkeypatch):
    """Small files go through Polars, large ones through DuckDB."""
    if request.param == "large files":
        monkeypatch.setattr(reader, "SMALL_FILE_BYTES", 1)


both_ways = pytest.mark.usefixtures("size")


def age(path, seconds):
    changed_at = time.time() - seconds
    os.utime(path, (changed_at, changed_at))


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


# ---- good files --------------------------------------------------------------------------------


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

    assert warehouse.execute("FROM raw.impression_logs").fetchall() == [
        (1, DAY, 13, datetime(2022, 5, 26, 9, 32, 10, 942000), "agent", 731193, False)  # noqa: DTZ001
    ]


@both_ways
def test_a_file_without_events_is_loaded(warehouse, settings):
    write(settings.raw_data_dir / FIRST)

    assert ingest(warehouse, settings).loaded == 1
    assert ledger(warehouse, "status", "rows") == [("loaded", 0)]


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


def test_what_is_no_log_file_is_ignored(warehouse, settings):
    for name in ("impressions_2022052611.PARQUET", f".{FIRST}.partial", f"{FIRST}_tmp", "notes"):
        (settings.raw_data_dir / name).write_bytes(b"anything")

    ingest(warehouse, settings)

    assert ledger(warehouse, "file_name") == []


def test_the_folders_above_a_file_say_nothing(warehouse, settings, tmp_path):
    folder = tmp_path / "clicks_2021010100" / "day=2020-01-01"
    folder.mkdir(parents=True)
    elsewhere = settings.model_copy(update={"raw_data_dir": folder})
    deliver(elsewhere, FIRST)

    ingest(warehouse, elsewhere)

    assert ledger(warehouse, "kind", "file_date", "file_hour") == [("impressions", DAY, 11)]


def test_an_old_modification_time_hides_no_file(warehouse, settings):
    os.utime(deliver(settings, FIRST), (0, 0))

    assert ingest(warehouse, settings).loaded == 1


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
    monkeypatch.setattr(reader, "SMALL_FILE_BYTES", 1)
    ingest(warehouse, settings)

    assert warehouse.execute(query).fetchall() == small


def test_files_beyond_one_batch_are_all_loaded(warehouse, settings, monkeypatch):
    monkeypatch.setattr(reader, "BATCH_FILES", 3)
    for number in range(10):
        deliver(settings, f"impressions_2022052611_{number}.parquet", f"agent {number}")

    assert ingest(warehouse, settings).rows == 10


# ---- the contract ------------------------------------------------------------------------------


def random_bytes(path):
    path.write_bytes(os.urandom(2000))


def no_bytes(path):
    path.write_bytes(b"")


def truncated_footer(path):
    path.write_bytes(write(path, "agent").read_bytes()[:-20])


def only_half(path):
    content = write(path, "agent").read_bytes()
    path.write_bytes(content[: len(content) // 2])


def broken_column_name(path):
    content = write(path, "agent").read_bytes()
    path.write_bytes(content.replace(b"device_type_id", b"\xffevice_type_id"))


def no_device_settings(path):
    rewrite(write(path, "agent"), without=["device_settings"])


def no_user_agent(path):
    rewrite(write(path, "agent"), columns={"device_settings": group(pa.array([1]), name="os_id")})


def user_agent_of_another_type(path):
    rewrite(write(path, "agent"), columns={"device_settings": group(pa.array([7]))})


def user_agent_of_bytes(path):
    rewrite(write(path, "agent"), columns={"device_settings": group(pa.array([b"agent"]))})


def device_settings_flat(path):
    rewrite(write(path, "agent"), columns={"device_settings": pa.array(["agent"])})


def campaign_id_of_another_type(path):
    campaigns = group(pa.array(["731193"]), name="campaign_id")
    rewrite(write(path, "agent"), columns={"banner": campaigns})


def clicks_under_the_other_name(path):
    write(path.with_name("clicks.parquet"), "agent").rename(path)


def clicks_without_a_note_under_the_other_name(path):
    clicks_under_the_other_name(path)
    rewrite(path, note=None)


def two_device_settings(path):
    other = {"Device_Settings": group(pa.array(["another agent"]))}
    rewrite(write(path, "agent"), columns=other, note=None)


def invalid_utf8(path):
    content = write(path, "agent 123").read_bytes()
    path.write_bytes(content.replace(b"agent 123", b"agent \xff\xfe\xfd"))


REFUSED = [
    (random_bytes, "not_parquet"),
    (no_bytes, "empty_file"),
    (truncated_footer, "not_parquet"),
    (only_half, "not_parquet"),
    (broken_column_name, "not_parquet"),
    (no_device_settings, "missing_column"),
    (no_user_agent, "missing_column"),
    (user_agent_of_another_type, "wrong_type"),
    (user_agent_of_bytes, "wrong_type"),
    (device_settings_flat, "wrong_type"),
    (campaign_id_of_another_type, "wrong_type"),
    (clicks_under_the_other_name, "wrong_kind"),
    (clicks_without_a_note_under_the_other_name, "wrong_kind"),
    (two_device_settings, "ambiguous_column"),
    (invalid_utf8, "invalid_utf8"),
]


@both_ways
@pytest.mark.parametrize(("spoil", "reason"), REFUSED)
def test_a_file_against_the_contract_is_refused(warehouse, settings, spoil, reason):
    spoil(settings.raw_data_dir / FIRST)

    result = ingest(warehouse, settings)

    assert reasons(result) == {FIRST: reason}
    assert agents(warehouse) == {}


@both_ways
@pytest.mark.parametrize(("spoil", "reason"), REFUSED)
def test_a_bad_file_never_stops_the_others(warehouse, settings, spoil, reason):
    spoil(settings.raw_data_dir / FIRST)
    deliver(settings, "impressions_2022052610.parquet", "before")
    deliver(settings, SECOND, "after", "after")

    result = ingest(warehouse, settings)

    assert reasons(result) == {FIRST: reason}
    assert agents(warehouse) == {"before": 1, "after": 2}


# The feed's files carry no checksums, so a flipped bit inside a value (another letter of a user
# agent, another millisecond) gives another valid file that nothing can tell from the right one.
# What breaks the encoding is found, because every column that is counted is decoded.
@both_ways
@pytest.mark.parametrize("column", contract.COLUMNS, ids=lambda column: column.name)
def test_a_flipped_bit_that_breaks_a_column_that_is_read_is_found(warehouse, settings, column):
    path = deliver(settings, FIRST, "agent", "another agent")
    row_group = pq.read_metadata(path).row_group(0)
    chunks = map(row_group.column, range(row_group.num_columns))
    chunk = next(c for c in chunks if c.path_in_schema == f"{column.group}.{column.field}")
    content = bytearray(path.read_bytes())
    content[chunk.dictionary_page_offset or chunk.data_page_offset] ^= 0b1000  # of a page header
    path.write_bytes(content)

    result = ingest(warehouse, settings)

    assert reasons(result) == {FIRST: "corrupt_data"}
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
def test_rows_that_do_not_match_the_offsets_are_refused(warehouse, settings):
    deliver(settings, FULL_FIRST, *["agent"] * 3)

    assert reasons(ingest(warehouse, settings)) == {FULL_FIRST: "incomplete"}
    assert agents(warehouse) == {}


@both_ways
def test_rows_that_match_the_offsets_are_loaded(warehouse, settings):
    deliver(settings, FULL_FIRST, *["agent"] * 4)

    assert ingest(warehouse, settings).rows == 4


def test_offsets_that_a_loaded_file_has_delivered_are_refused(warehouse, settings):
    deliver(settings, FULL_FIRST, *"abcd")
    ingest(warehouse, settings)
    overlapping = "impressions_processed_dk_20220526123212045_103-104_1.parquet"
    deliver(settings, overlapping, *"de")

    result = ingest(warehouse, settings)

    assert reasons(result) == {overlapping: "offset_overlap"}
    assert agents(warehouse) == Counter("abcd")


def test_offsets_that_two_files_of_one_run_deliver_are_counted_once(warehouse, settings):
    deliver(settings, FULL_FIRST, *"abcd")
    overlapping = "impressions_processed_dk_20220526123212045_99-104_1.parquet"
    deliver(settings, overlapping, *"zabcde")

    result = ingest(warehouse, settings)

    assert reasons(result) == {overlapping: "offset_overlap"}
    assert agents(warehouse) == Counter("abcd")


def test_a_refused_file_keeps_no_offsets_from_others(warehouse, settings):
    random_bytes(settings.raw_data_dir / FULL_FIRST)
    again = "impressions_processed_dk_20220526123212045_100-103_1.parquet"
    deliver(settings, again, *"abcd")

    result = ingest(warehouse, settings)

    assert reasons(result) == {FULL_FIRST: "not_parquet"}
    assert agents(warehouse) == Counter("abcd")


@pytest.mark.parametrize(
    "name",
    [
        "impressions_processed_dk_20220526123212045_104-104_1.parquet",
        "impressions_processed_dk_20220526123212045_99-99_1.parquet",
        "impressions_processed_dk_20220526123212045_100-100_2.parquet",
    ],
)
def test_neighbouring_offsets_and_those_of_another_partition_do_not_overlap(
    warehouse, settings, name
):
    deliver(settings, FULL_FIRST, *"abcd")
    deliver(settings, name, "e")

    assert ingest(warehouse, settings).rows == 5


@both_ways
def test_extra_columns_are_accepted(warehouse, settings):
    extra = {
        name: pa.array(["anything"]) for name in ("path", "filename", "file_row_number", "events")
    }
    rewrite(deliver(settings, FIRST), columns={**extra, "nested": group(pa.array([[1, 2]]))})

    assert ingest(warehouse, settings).rows == 1


@both_ways
def test_each_file_is_read_by_its_own_schema(warehouse, settings):
    rewrite(deliver(settings, FIRST, "a"), columns={"new": pa.array([1])}, without=["banner"])
    rewrite(deliver(settings, SECOND, "b"), columns={"new": pa.array(["text"])})
    wide = group(pa.array([2**40]), name="campaign_id")
    rewrite(
        deliver(settings, "impressions_2022052613.parquet", "c"),
        columns={"banner": wide, "later": pa.array([1.5])},
    )

    ingest(warehouse, settings)

    query = "SELECT user_agent, campaign_id FROM raw.impression_logs ORDER BY ALL"
    assert warehouse.execute(query).fetchall() == [("a", None), ("b", 731193), ("c", 2**40)]


@both_ways
def test_missing_optional_columns_are_null_and_noted(warehouse, settings):
    without = ["transaction_header", "banner", "fraud_detection"]
    rewrite(deliver(settings, FIRST), without=without)

    ingest(warehouse, settings)

    query = "SELECT event_at, user_agent, campaign_id, is_fraud FROM raw.impression_logs"
    assert warehouse.execute(query).fetchall() == [(None, "agent", None, None)]
    assert ledger(warehouse, "missing_columns") == [(["creation_time", "campaign_id", "is_fraud"],)]


# ---- names and entries that are no files -------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("impressions.parquet", "no_date"),
        ("impressions_2022023011.parquet", "impossible_date"),
        ("impressions_2022052624.parquet", "impossible_hour"),
        ("impressions_2999010100.parquet", "future_date"),
        ("impressions_2022052611_9-3_0.parquet", "impossible_offsets"),
        ("impressions_2022052611\n.parquet", "unusable_name"),
        ("impressions_2022052611\x1b[2J.parquet", "unusable_name"),
    ],
)
def test_a_name_that_no_day_can_claim_is_refused_by_any_run(warehouse, settings, name, reason):
    deliver(settings, name)

    result = ingest(warehouse, settings, of=days(date(2022, 5, 31)))

    assert [refusal.reason for _, refusal in result.quarantined] == [reason]
    assert names_in(settings.quarantine_dir) == {"00000001/reason.json", f"00000001/{name}"}


def test_a_name_that_is_no_text_is_refused_and_shown_escaped(warehouse, settings):
    path = settings.raw_data_dir / os.fsdecode(b"impressions_2022052611_\xff.parquet")
    write(settings.raw_data_dir / FIRST, "agent").rename(path)

    result = ingest(warehouse, settings)

    assert reasons(result) == {r"impressions_2022052611_\xff.parquet": "unusable_name"}
    assert not os.path.lexists(path)


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
def test_any_character_in_a_name_is_taken_literally(warehouse, settings, ending):
    name = f"impressions_2022052611{ending}.parquet"
    deliver(settings, name, "right")
    deliver(settings, "impressions_2022052611ab.parquet", "other")

    ingest(warehouse, settings)

    assert agents(warehouse) == {"right": 1, "other": 1}
    assert statuses(warehouse)[name] == "loaded"


def test_a_backslash_before_a_wildcard_costs_no_event(warehouse, settings, monkeypatch):
    monkeypatch.setattr(reader, "SMALL_FILE_BYTES", 1)
    name = "impressions_2022052611\\*.parquet"
    deliver(settings, name)

    ingest(warehouse, settings)

    assert names_in(settings.quarantine_dir) == {"00000001/reason.json", f"00000001/{name}"}


def folder(path):
    path.mkdir()


def fifo(path):
    os.mkfifo(path)


def link_inside(path):
    target = path.with_name(SECOND)
    path.symlink_to(write(target.with_name("target"), "agent"))


def link_outside(path):
    path.symlink_to("/etc/hostname")


def link_to_nothing(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [folder, fifo, link_inside, link_outside, link_to_nothing])
def test_only_regular_files_are_taken(warehouse, settings, make):
    make(settings.raw_data_dir / FIRST)

    result = ingest(warehouse, settings)

    assert reasons(result) == {FIRST: "not_a_file"}
    assert os.path.lexists(settings.quarantine_dir / "00000001" / FIRST)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(warehouse, settings):
    deliver(settings, FIRST).chmod(0)

    assert reasons(ingest(warehouse, settings)) == {FIRST: "unreadable"}


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
@pytest.mark.parametrize(
    "agent",
    [
        None,
        "",
        "x" * 2**20,
        "caf\u00e9",
        "cafe\u0301",
        "\N{GRINNING FACE}",
        "'; DROP TABLE csv_data_task; --",
        '=HYPERLINK("x"),\n',
        "with a \0 inside",
        "*",
    ],
    ids=lambda agent: repr(agent)[:20],
)
def test_a_user_agent_arrives_as_it_is(warehouse, settings, agent):
    deliver(settings, FIRST, agent, "agent", agent)

    ingest(warehouse, settings)

    assert agents(warehouse) == Counter([agent, "agent", agent])


@both_ways
@pytest.mark.parametrize("unset", [None, 0, EVENT_MS // 1000, EVENT_MS * 1000, -1, 2**62])
def test_an_implausible_time_is_flagged_and_its_event_counted(warehouse, settings, unset):
    deliver(settings, FIRST, "a", "b", times=[unset, EVENT_MS])

    ingest(warehouse, settings)

    query = "SELECT user_agent FROM raw.impression_logs WHERE event_at IS NULL"
    assert warehouse.execute(query).fetchall() == [("a",)]
    assert ledger(warehouse, "rows", "events_without_time") == [(2, 1)]
    assert build_rollup(warehouse) == {(DAY, 11, "a"): [1, 0], (DAY, 11, "b"): [1, 0]}


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


def test_the_same_file_again_changes_nothing(warehouse, settings):
    deliver(settings, FIRST)
    ingest(warehouse, settings)
    before = warehouse.execute("FROM raw.log_files").fetchall()
    deliver(settings, FIRST)

    result = ingest(warehouse, settings)

    assert (result.known, result.loaded) == (1, 0)
    assert warehouse.execute("FROM raw.log_files").fetchall() == before
    assert agents(warehouse) == {"agent": 1}


def test_the_same_bytes_under_another_name_are_a_duplicate(warehouse, settings):
    deliver(settings, FIRST)
    ingest(warehouse, settings)
    deliver(settings, SECOND)

    result = ingest(warehouse, settings)

    assert result.duplicates == [SECOND]
    assert statuses(warehouse) == {FIRST: "loaded", SECOND: "duplicate"}
    assert agents(warehouse) == {"agent": 1}


def test_the_same_bytes_under_another_name_of_the_same_run_are_a_duplicate(warehouse, settings):
    for number in range(3):
        deliver(settings, f"impressions_2022052611_{number}.parquet")

    result = ingest(warehouse, settings)

    assert (result.loaded, len(result.duplicates)) == (1, 2)


def test_the_same_bytes_under_the_name_of_another_day_are_a_duplicate(warehouse, settings):
    deliver(settings, FIRST)
    ingest(warehouse, settings)
    deliver(settings, "impressions_2022052711.parquet")

    assert ingest(warehouse, settings, of=days(NEXT_DAY)).loaded == 0
    assert agents(warehouse) == {"agent": 1}


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


def test_the_same_name_with_other_bytes_is_a_conflict(warehouse, settings):
    deliver(settings, FIRST, "first")
    ingest(warehouse, settings)
    deliver(settings, FIRST, "second")

    result = ingest(warehouse, settings)

    assert reasons(result) == {FIRST: "conflict"}
    assert agents(warehouse) == {"first": 1}


def test_the_way_out_of_a_conflict_can_be_pasted_into_a_shell(warehouse, settings):
    name = "impressions_2022052611; reboot.parquet"
    deliver(settings, name, "first")
    ingest(warehouse, settings)
    deliver(settings, name, "second")

    ((_, refusal),) = ingest(warehouse, settings).quarantined

    assert refusal.detail.endswith(f"adtech logs replace '{name}'")


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


def test_a_young_file_is_left_for_later(warehouse, settings):
    patient = settings.model_copy(update={"settle_seconds": 60})
    age(deliver(settings, FIRST), 61)
    age(deliver(settings, SECOND, "young"), 30)

    result = ingest(warehouse, patient)

    assert (result.loaded, result.unsettled) == (1, [SECOND])


@pytest.mark.parametrize("name", ["impressions_unknown.parquet", FIRST])
def test_a_young_bad_file_is_not_touched_either(warehouse, settings, name):
    patient = settings.model_copy(update={"settle_seconds": 60})
    no_bytes(settings.raw_data_dir / name)

    result = ingest(warehouse, patient)

    assert (result.quarantined, result.unsettled) == ([], [name])
    assert ledger(warehouse, "file_name") == []


def test_a_file_that_settles_soon_is_waited_for(warehouse, settings):
    patient = settings.model_copy(update={"settle_seconds": 0.2})
    deliver(settings, FIRST)

    assert ingest(warehouse, patient).loaded == 1


def test_a_file_from_a_clock_far_ahead_is_taken(warehouse, settings):
    patient = settings.model_copy(update={"settle_seconds": 60})
    age(deliver(settings, FIRST), -3600)

    assert ingest(warehouse, patient).loaded == 1


def test_an_empty_file_that_is_filled_later_counts(warehouse, settings):
    no_bytes(settings.raw_data_dir / FIRST)
    ingest(warehouse, settings)
    deliver(settings, FIRST)

    ingest(warehouse, settings)

    assert ledger(warehouse, "file_name", "status") == [(FIRST, "loaded")]


def change_after_the_hash(monkeypatch, change):
    """Let something happen to the files between their fingerprint and their reading."""
    batches = reader.batches

    def changed(files):
        for file in files:
            change(file.path)
        return batches(files)

    monkeypatch.setattr(reader, "batches", changed)


@both_ways
def test_a_file_that_changes_before_it_is_read_is_not_counted(warehouse, settings, monkeypatch):
    deliver(settings, FIRST, "before")
    change_after_the_hash(monkeypatch, lambda path: write(path, "after", "after"))

    with pytest.raises(TransientError, match="changed while it was read"):
        ingest(warehouse, settings)

    assert agents(warehouse) == {}
    assert ledger(warehouse, "file_name") == []


@both_ways
def test_a_file_that_disappears_fails_the_run(warehouse, settings, monkeypatch):
    deliver(settings, FIRST)
    change_after_the_hash(monkeypatch, Path.unlink)

    with pytest.raises(UserError, match=f"{FIRST} disappeared"):
        ingest(warehouse, settings)

    assert agents(warehouse) == {}
    assert ledger(warehouse, "file_name") == []


def test_a_warehouse_without_memory_is_not_blamed_on_the_file(warehouse, settings, monkeypatch):
    monkeypatch.setattr(reader, "SMALL_FILE_BYTES", 1)
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
    assert row == {
        "file_id": 1,
        "kind": "impressions",
        "file_name": FULL_FIRST,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "modified_ns": path.stat().st_mtime_ns,
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
    append = reader.append_batch

    def killed_at_the_second(connection, batch, zone):
        if batch[0].path.name.endswith("_1.parquet"):
            raise KilledError
        return append(connection, batch, zone)

    with monkeypatch.context() as fault:
        fault.setattr(reader, "append_batch", killed_at_the_second)
        with pytest.raises(KilledError):
            ingest(warehouse, settings)
    result = ingest(warehouse, settings)

    assert (result.known, result.loaded) == (1, 2)
    assert agents(warehouse) == {f"agent {number}": 1 for number in range(3)}


# ---- a lost warehouse --------------------------------------------------------------------------


def archive_all(warehouse, settings):
    clear_landing(warehouse, settings, days(), fingerprints(warehouse))


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
