"""Both engines count the same of the same files, and refuse the same."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from adtech_assets.errors import UserError
from adtech_assets.feed import landing, places, quarantine
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets_tests.feed.deliveries import (
    DAY,
    EVENT_MS,
    FIRST,
    NEXT_DAY,
    SECOND,
    days,
    deliver,
    random_bytes,
    rewrite,
)
from adtech_assets_tests.spark.conftest import Pipeline

BOTH_DAYS = days(DAY, NEXT_DAY)


def both(spark, duck):
    """Give DuckDB's pipeline the same files, and let both take and count them."""
    shutil.copytree(spark.settings.raw_data_dir, duck.settings.raw_data_dir, dirs_exist_ok=True)
    for pipeline in (spark, duck):
        pipeline.ingest(BOTH_DAYS)
        pipeline.count(BOTH_DAYS)


def flip_a_bit(path, column):
    """Damage the header of a column's page; the footer stays good."""
    row_group = pq.read_metadata(path).row_group(0)
    chunks = map(row_group.column, range(row_group.num_columns))
    chunk = next(chunk for chunk in chunks if chunk.path_in_schema == column)
    content = bytearray(path.read_bytes())
    content[chunk.dictionary_page_offset or chunk.data_page_offset] ^= 0b1000
    path.write_bytes(content)


@pytest.fixture
def generated(spark):
    """Two days of the sample's own files, all columns filled."""
    generate_log_files(
        spark.settings.raw_data_dir, [DAY, NEXT_DAY], events_per_day=1000, ctr=0.3, seed=7
    )
    return spark


def test_generated_days_are_counted_alike_and_by_every_executor(generated, duck, server):
    before = server.tasks_by_executor()

    both(generated, duck)

    counted = generated.facts()
    assert counted == duck.facts()
    assert all(len(rows) > 40 for rows in counted.values())
    assert generated.ledger() == duck.ledger()
    did = {name: tasks - before.get(name, 0) for name, tasks in server.tasks_by_executor().items()}
    assert len(did) == 2
    assert min(did.values()) > 0


HOSTILE_NAMES = [
    "impressions_2022052611'; DROP TABLE x; --.parquet",
    "impressions_2022052611 a%20b%.parquet",
    "impressions_2022052611 [1]{2}*?.parquet",
    "impressions_2022052611 \u00e9\u20ac\U0001f600+&=#.parquet",
]


def test_files_are_found_whatever_their_names_are(spark, duck):
    for number, name in enumerate(HOSTILE_NAMES):
        deliver(spark.settings, name, "agent", f"file {number}")

    both(spark, duck)

    assert spark.facts() == duck.facts()
    assert sum(row[3] for row in spark.facts()["hourly_user_agent_rollup"]) == 8


AGENTS = [None, "", "-", "agent", "caf\u00e9", "cafe\u0301", "Agent", "\U0001f600" * 300]


def test_agents_and_times_of_every_sort_are_counted_alike(spark, duck):
    chosen = random.Random(3)  # noqa: S311
    moments = [
        None, 0, -1, EVENT_MS, EVENT_MS - 86_400_000, EVENT_MS + 3 * 86_400_000, 2**62,
        946_684_800_000, 946_684_799_999, 4_102_444_800_000, 4_102_444_800_001,
    ]  # fmt: skip
    for name in (FIRST, SECOND, "clicks_2022052611.parquet", "clicks_2022052700.parquet"):
        agents = [*AGENTS, *chosen.choices(AGENTS, k=30), name]
        deliver(spark.settings, name, *agents, times=chosen.choices(moments, k=len(agents)))

    both(spark, duck)

    assert spark.facts() == duck.facts()
    assert spark.ledger() == duck.ledger()


def decimals(*parts):
    """Amounts as the feed writes them: low and high word, and sign and scale."""
    return pa.StructArray.from_arrays(
        [
            pa.array([lo for lo, _, _ in parts], pa.int64()),
            pa.array([hi for _, hi, _ in parts], pa.int32()),
            pa.array([sign_scale for _, _, sign_scale in parts], pa.int32()),
        ],
        names=["lo", "hi", "signScale"],
    )


AMOUNTS = [
    (7400, 0, 12), (7400, 0, 13), (0, 0, 0), (1, 0, 24), (-1, 0, 12), (5, 1, 20), (9, -1, 8),
    (10**15, 0, 26), (2**63 - 1, 0, 0), (123_456_789_012_345, 0, 19), (None, 0, 12), (3, None, 4),
    (3, 0, None), (0, 0, 56), (10**12, 0, 8), (999_999_999_999, 0, 4),
]  # fmt: skip


@pytest.mark.parametrize("amounts", [AMOUNTS, [(1, 0, 26)], [(1, 0, 58)]])
def test_amounts_in_parts_are_taken_apart_alike_or_refused_by_both(spark, duck, amounts):
    path = deliver(spark.settings, FIRST, *(["agent"] * len(amounts)))
    cost = pa.StructArray.from_arrays(
        [decimals(*amounts)], names=["in_campaign_currency_with_all_fees"]
    )
    rewrite(path, columns={"rtb_vars": cost})

    both(spark, duck)

    assert spark.facts() == duck.facts()
    assert spark.ledger() == duck.ledger()
    [(_, status, *_)] = spark.ledger()
    assert status == ("loaded" if amounts is AMOUNTS else "quarantined")


MOMENT = datetime(2022, 5, 26, 9, 32, 10, 942_123, UTC)


@pytest.mark.parametrize("unit", ["ms", "us", "ns", "int96"])
@pytest.mark.parametrize("zone", ["UTC", None])
def test_timestamps_of_every_unit_are_the_same_moment(server, tmp_path, unit, zone):
    feed = tmp_path / "feed.yaml"
    feed.write_text(
        "kinds: {impressions: {files: 'imp-*.parquet'}, clicks: {files: 'clk-*.parquet'}}\n"
        "hour: '(?P<year>\\d{4})-(?P<month>\\d\\d)-(?P<day>\\d\\d)T(?P<hour>\\d\\d)'\n"
        "timezone: UTC\n"
        "columns:\n"
        "  user_agent: {path: ua, type: string, required: true}\n"
        "  creation_time: {path: ts, type: timestamp}\n"
    )
    moments = pa.array([MOMENT, None, MOMENT - timedelta(days=1)], pa.timestamp("us", zone))
    stored = pa.timestamp("us" if unit == "int96" else unit, zone)
    times = moments.cast(stored, safe=False)
    pipelines = []
    for engine in ("spark", "duckdb"):
        pipeline = Pipeline(tmp_path / engine, engine, SecretStr(server.remote), feed=feed)
        pq.write_table(
            pa.table({"ua": ["a", "b", None], "ts": times}),
            Path(pipeline.settings.raw_data_dir) / "imp-2022-05-26T09.parquet",
            use_deprecated_int96_timestamps=unit == "int96",
        )
        pipeline.ingest()
        pipeline.count()
        pipelines.append(pipeline)

    ours, theirs = pipelines
    assert ours.facts() == theirs.facts()
    assert len(ours.facts()["hourly_impressions"]) == 3
    assert ours.ledger() == theirs.ledger()


def test_files_of_different_columns_are_one_day(spark, duck):
    deliver(spark.settings, FIRST, "agent")
    rewrite(deliver(spark.settings, SECOND, "other"), without=["banner"])
    third = deliver(spark.settings, "impressions_2022052613.parquet", "third")
    rewrite(third, columns={"is_eligible": pa.array([True])})

    both(spark, duck)

    assert spark.facts() == duck.facts()
    assert len(spark.facts()["hourly_impressions"]) == 3


# ---- bad files -----------------------------------------------------------------------------------


def broken_footer(path):
    random_bytes(path)


def broken_agents(path):
    flip_a_bit(path, "device_settings.user_agent")


def agents_that_are_no_text(path):
    column = pa.StructArray.from_arrays(
        [pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())], names=["user_agent"]
    )
    rewrite(path, columns={"device_settings": column})


@pytest.mark.parametrize("damage", [broken_footer, broken_agents, agents_that_are_no_text])
def test_a_bad_file_is_refused_for_the_same_reason_and_the_others_are_counted(spark, duck, damage):
    deliver(spark.settings, SECOND, "agent", "agent")
    damage(deliver(spark.settings, FIRST, *["agent" if damage is broken_agents else "x"]))

    both(spark, duck)

    assert spark.facts() == duck.facts()
    assert spark.ledger() == duck.ledger()
    assert [status for _, status, *_ in spark.ledger()] == ["quarantined", "loaded"]
    assert len(quarantine.quarantined_files(spark.settings)) == 1
    assert not (spark.settings.raw_data_dir / FIRST).exists()


def test_offsets_that_promise_other_rows_are_refused_by_both(spark, duck):
    name = "impressions_processed_dk_20220526113212045_172845633-172845636_1.parquet"
    deliver(spark.settings, name, "one alone")

    both(spark, duck)

    assert spark.ledger() == duck.ledger()
    assert spark.ledger()[0][1:3] == ("quarantined", "incomplete")


def test_a_late_file_a_repeated_and_another_one_of_the_same_name_are_as_with_duckdb(spark, duck):
    deliver(spark.settings, FIRST, "agent")
    both(spark, duck)
    for pipeline in (spark, duck):
        [first] = landing.scan(places.landing(pipeline.settings), pipeline.settings.feed)
        landing.archive(pipeline.settings, first, DAY)
        archived = pipeline.settings.data_dir / "archive" / "impressions" / str(DAY) / FIRST
        deliver(pipeline.settings, SECOND, "late")
        repeated = pipeline.settings.raw_data_dir / "impressions_2022052614.parquet"
        shutil.copy(archived, repeated)
        deliver(pipeline.settings, FIRST, "another")
        pipeline.ingest()
        pipeline.count()

    assert spark.facts() == duck.facts()
    assert spark.ledger() == duck.ledger()
    assert [(row[0], row[1]) for row in spark.ledger()] == [
        (FIRST, "loaded"), (FIRST, "quarantined"), (SECOND, "loaded"),
        ("impressions_2022052614.parquet", "duplicate"),
    ]  # fmt: skip


def test_a_file_that_takes_the_place_of_another_is_counted_in_its_place(spark, duck):
    deliver(spark.settings, FIRST, "agent")
    both(spark, duck)
    for pipeline in (spark, duck):
        deliver(pipeline.settings, FIRST, "another")
        pipeline.ingest()
        quarantine.replace(pipeline.settings, FIRST)
        pipeline.ingest()
        pipeline.count()

    assert spark.facts() == duck.facts()
    assert [row[2] for row in spark.facts()["hourly_user_agent_rollup"]] == ["another"]


def test_a_counted_file_that_is_gone_is_an_error_that_says_so(spark):
    path = deliver(spark.settings, FIRST, "agent")
    spark.ingest()
    path.unlink()

    with pytest.raises(UserError, match=rf"{FIRST} of 2022-05-26 is counted, and neither in"):
        spark.count()


def test_duckdb_reads_what_spark_has_counted_before_it_counts_itself(spark, duck):
    deliver(spark.settings, FIRST, "agent")
    both(spark, duck)
    changed = spark.settings.model_copy(update={"engine": "duckdb"})
    deliver(spark.settings, SECOND, "late")
    deliver(duck.settings, SECOND, "late")
    spark.settings = changed

    for pipeline in (spark, duck):
        pipeline.ingest()
        pipeline.count()

    assert spark.facts() == duck.facts()
    events = "SELECT file_hour, user_agent FROM raw.impression_logs ORDER BY ALL"
    assert spark.rows(events) == [(11, "agent"), (12, "late")]


def test_duckdb_counts_no_day_of_which_it_has_not_all_events(spark):
    path = deliver(spark.settings, FIRST, "agent")
    spark.ingest()
    spark.settings = spark.settings.model_copy(update={"engine": "duckdb"})
    path.unlink()

    with pytest.raises(UserError, match=rf"{FIRST} of 2022-05-26 is counted, its events are not"):
        spark.count()
