"""Rows 1 to 4 and 13: log files into the warehouse, the roll-up, and the whole branch."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from adtech_assets.logs import contract, rollup
from adtech_assets.logs.ingest import Ingest
from adtech_assets.logs.ledger import RAW_TABLES, Ledger
from adtech_assets.logs.names import KINDS, kind_of
from adtech_assets.logs.processed import clear_landing
from adtech_assets.partitions import DayRange
from adtech_assets.serving import audited_load, daily_csv
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse, transaction
from adtech_assets_tests.benchmarks import data, spark_job
from adtech_assets_tests.benchmarks.measuring import interleaved, work
from adtech_assets_tests.benchmarks.results import Figure, memory, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets.settings import Settings
    from adtech_assets_tests.benchmarks.measuring import Clock, Measured
    from adtech_assets_tests.benchmarks.sizes import Size

RUN_ID = "benchmark"
COLUMNS = ", ".join(f"{c.group}.{c.field} AS {c.name}" for c in contract.COLUMNS)


def figures(size: Size) -> Iterator[Figure]:
    """Rows 1 to 4 and 13."""
    yield from _large(size)
    yield _small(size)
    yield _whole_branch(size)
    yield from _memory(size)


def _large(size: Size) -> Iterator[Figure]:
    files = data.large_files(size.large_events, size.large_hours)
    taken = interleaved(
        size.repeats,
        bare=lambda: work(create_table_as, files=files, folder=data.fresh("bare")),
        ours=lambda: work(ingest, files=files, folder=data.fresh("ours")),
    )
    compare(data.WORK / "ours", data.WORK / "bare")
    yield ratio(
        1,
        f"{size.large_events:,} impressions, {2 * size.large_hours} large files, to the warehouse",
        "bare DuckDB create table as select",
        taken["ours"],
        taken["bare"],
        limit=1.3,
    )
    warehouse = data.WORK / "ours" / "data" / "warehouse.duckdb"
    taken = interleaved(
        size.repeats,
        bare=lambda: work(aggregate, warehouse=warehouse),
        ours=lambda: work(roll_up, warehouse=warehouse),
    )
    if taken["ours"].answer != taken["bare"].answer:
        raise AssertionError(f"the roll-up differs: {taken['ours'].answer} {taken['bare'].answer}")
    yield ratio(
        3,
        "hourly_user_agent_rollup of them",
        "the same aggregate, straight on the table",
        taken["ours"],
        taken["bare"],
        limit=1.1,
    )


def _small(size: Size) -> Figure:
    files = data.small_files(size.small_files)
    taken = interleaved(
        size.repeats,
        duckdb=lambda: work(read_with_duckdb, files=files),
        polars=lambda: work(read_with_polars, files=files),
        ours=lambda: work(ingest, files=files, folder=data.fresh("small")),
    )
    work(create_table_as, files=files, folder=data.fresh("small-bare"))
    compare(data.WORK / "small", data.WORK / "small-bare")
    fastest = min(("duckdb", "polars"), key=lambda name: taken[name].seconds)
    return ratio(
        2,
        f"{size.small_files:,} small files of 700 columns, contract and ledger included",
        f"fastest bare read of the columns ({fastest})",
        taken["ours"],
        taken[fastest],
        limit=1.5,
    )


def _whole_branch(size: Size) -> Figure:
    files = data.large_files(size.large_events, size.large_hours)
    what = "logs to audited table, the whole branch, without process start"
    baseline = "design A's job in PySpark, without session start"
    if not spark_job.is_installed():
        return Figure(
            4, what, baseline, "× faster", None, 20, note="not measured: install the extra `spark`"
        )
    taken = interleaved(
        max(1, size.repeats // 2),
        spark=lambda: work(
            spark_job.run,
            landing=data.linked(files, data.fresh("spark") / "raw_data"),
            output=data.WORK / "spark" / "output",
            target_url=data.scratch_database("spark"),
            user_agent="some user agent",
        ),
        ours=lambda: work(
            whole_branch,
            folder=data.linked(files, data.fresh("branch") / "raw_data").parent,
            target_url=data.scratch_database("branch"),
        ),
    )
    if taken["ours"].answer != taken["spark"].answer:
        raise AssertionError("the audited tables differ")
    return ratio(4, what, baseline, taken["ours"], taken["spark"], limit=20, faster=True)


def _memory(size: Size) -> Iterator[Figure]:
    biggest = max(size.scaled_events)
    hours = max(size.large_hours, round(size.large_hours * biggest / size.large_events))
    files = data.large_files(round(hours * size.large_events / size.large_hours), hours)
    peaks: list[Measured] = []
    for events in size.scaled_events:
        landing = data.fresh("scaled") / "raw_data"
        data.linked(files, landing, round(2 * hours * events / biggest))
        peaks.append(work(ingest_and_roll_up, folder=landing.parent))
        yield memory(13, f"peak memory, {events:,} impressions", peaks[-1], 1536)
    yield Figure(
        13,
        f"peak memory, growth from {min(size.scaled_events):,} to {biggest:,} impressions",
        "the smallest of them",
        "×",
        max(peak.peak_bytes for peak in peaks) / peaks[0].peak_bytes,
        1.2,
    )


# ---- the work, each in a process of its own ------------------------------------------------------


def ingest(clock: Clock, files: str, folder: str) -> None:
    """Ours: both kinds, hashed, checked, noted in the ledger; nothing is taken away."""
    settings = data.bench_settings(Path(folder), raw_data_dir=files, processed_files="keep")
    days = _days(files)
    with clock, Warehouse.of(settings).connect() as connection:
        for kind in KINDS:
            result = Ingest(connection, settings, kind, days, RUN_ID).run()
            if result.quarantined or result.duplicates:
                raise AssertionError(f"{result.quarantined[:3]} {result.duplicates[:3]}")


def create_table_as(clock: Clock, files: str, folder: str) -> None:
    """Baseline: the same columns of the same files into an empty database."""
    path = Path(folder) / "data" / "warehouse.duckdb"
    path.parent.mkdir(parents=True)
    with clock, duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA raw")
        for kind in KINDS:
            connection.execute(
                f"CREATE TABLE {RAW_TABLES[kind]} AS SELECT {COLUMNS} "
                f"FROM read_parquet('{files}/{kind}*.parquet', hive_partitioning = false)"
            )


def read_with_duckdb(clock: Clock, files: str) -> None:
    """Baseline: the columns as Arrow."""
    with clock, duckdb.connect() as connection:
        for kind in KINDS:
            connection.sql(
                f"SELECT {COLUMNS} FROM read_parquet('{files}/{kind}*.parquet', "
                "hive_partitioning = false)"
            ).to_arrow_table()


def read_with_polars(clock: Clock, files: str) -> None:
    """Baseline: the columns as a frame."""
    with clock:
        for kind in KINDS:
            pl.scan_parquet(f"{files}/{kind}*.parquet", hive_partitioning=False).select(
                *(pl.col(c.group).struct.field(c.field).alias(c.name) for c in contract.COLUMNS)
            ).collect()


def roll_up(clock: Clock, warehouse: str) -> Any:
    """Ours: the days' rows are replaced."""
    with clock, Warehouse(Path(warehouse)).connect() as connection:
        connection.execute(rollup.SCHEMA)
        with transaction(connection):
            rollup.rebuild(connection, _all_days(connection))
    with Warehouse(Path(warehouse)).connect() as connection:
        return _digest(connection, "rollup.hourly_user_agent_rollup")


def aggregate(clock: Clock, warehouse: str) -> Any:
    """Baseline: both kinds counted, in a table of their own."""
    with clock, duckdb.connect(warehouse) as connection:
        query = rollup.ROLLUP.partition("WHERE")[0] + "GROUP BY file_date, file_hour, user_agent"
        query = query.format(impressions="raw.impression_logs", clicks="raw.click_logs")
        connection.execute(f"CREATE OR REPLACE TABLE bare_rollup AS {query}")
    with duckdb.connect(warehouse) as connection:
        return _digest(connection, "bare_rollup")


def whole_branch(clock: Clock, folder: str, target_url: str) -> Any:
    """Ours: files to ledger and tables, roll-up, CSV, audited table, archive."""
    settings = data.bench_settings(Path(folder), target_database_url=target_url)
    target = Postgres.of(settings, "target")
    days = _days(settings.raw_data_dir)
    with clock:
        with Warehouse.of(settings).connect() as connection:
            _count(connection, settings, days)
            files = Ledger(connection).day_files(days)
            counts = rollup.hourly_counts(connection, days, settings.user_agent)
        for day in files:
            rows = [count for count in counts if count.day == day]
            daily_csv.write(settings.output_dir, day, rows)
        loads = [
            audited_load.DayLoad(day, daily_csv.read(settings.output_dir, day), files[day])
            for day in days
        ]
        audited_load.replace_days(
            target, days, loads, user_agent=settings.user_agent, run_id=RUN_ID
        )
        fingerprints = {day: counted.fingerprint for day, counted in files.items()}
        with Warehouse.of(settings).connect() as connection:
            clear_landing(connection, settings, days, fingerprints)
    with target.connect(read_only=True) as postgres:
        return spark_job.loaded_rows(postgres)


def ingest_and_roll_up(clock: Clock, folder: str) -> None:
    """Ours: as far as the number of events matters."""
    settings = data.bench_settings(Path(folder), processed_files="keep")
    with clock, Warehouse.of(settings).connect() as connection:
        _count(connection, settings, _days(settings.raw_data_dir))


def _count(connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange) -> None:
    for kind in KINDS:
        Ingest(connection, settings, kind, days, RUN_ID).run()
    connection.execute(rollup.SCHEMA)
    with transaction(connection):
        rollup.rebuild(connection, days)


# ---- helpers -------------------------------------------------------------------------------------


def compare(ours: Path, bare: Path) -> None:
    """Both warehouses hold the same events, as a multiset.

    Raises:
        AssertionError: they do not.
    """
    ours_path, bare_path = (folder / "data" / "warehouse.duckdb" for folder in (ours, bare))
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{ours_path}' AS ours (READ_ONLY)")
        connection.execute(f"ATTACH '{bare_path}' AS bare (READ_ONLY)")
        for table in RAW_TABLES.values():
            found = [
                connection.execute(
                    f"SELECT count(*), sum(hash({time}, user_agent, campaign_id::BIGINT, is_fraud)"
                    f"::HUGEINT)::VARCHAR FROM {side}.{table}"
                ).fetchone()
                for side, time in (("ours", "epoch_ms(event_at)"), ("bare", "creation_time"))
            ]
            if found[0] != found[1]:
                raise AssertionError(f"{table} differs from the baseline's: {found}")


def _days(files: str | Path) -> DayRange:
    """The days that the benchmark's files are of, by the newest."""
    names = [path.name for path in Path(files).iterdir() if kind_of(path.name)]
    stamps = [name.split("_dk_")[1][:8] for name in names]
    first, last = (f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:]}" for stamp in (min(stamps), max(stamps)))
    return DayRange.parse(first, last)


def _all_days(connection: duckdb.DuckDBPyConnection) -> DayRange:
    row = connection.execute("SELECT min(file_date), max(file_date) FROM raw.log_files").fetchone()
    first, last = row or (data.FIRST_DAY, data.FIRST_DAY + timedelta(2))
    return DayRange(first, last)


def _digest(connection: duckdb.DuckDBPyConnection, table: str) -> Any:
    return connection.execute(
        f"SELECT count(*), sum(hash(t)::HUGEINT)::VARCHAR, sum(impression_count)::BIGINT, "
        f"sum(click_count)::BIGINT FROM {table} AS t"
    ).fetchone()
