"""Rows 1 to 4: log files into the warehouse, the roll-up, and the whole branch, as functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from adtech_assets.contract import KINDS
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.rollup import facts
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.benchmarks import data, database_data, log_data, product, spark_job
from adtech_assets_tests.benchmarks.measuring import interleaved, work
from adtech_assets_tests.benchmarks.results import Figure, ratio
from adtech_assets_tests.sample_feed import SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets.contract import Kind
    from adtech_assets_tests.benchmarks.measuring import Clock
    from adtech_assets_tests.benchmarks.sizes import Size


def figures(size: Size) -> Iterator[Figure]:
    """Rows 1 to 4."""
    yield from _large(size)
    yield _small(size)
    yield _whole_branch(size)


def _large(size: Size) -> Iterator[Figure]:
    files = log_data.large_files(size.large_events, size.large_hours)
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
        ours=lambda: work(roll_up, warehouse=warehouse, files=files),
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
    files = log_data.small_files(size.small_files)
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
        limit=1.6,
    )


def _whole_branch(size: Size) -> Figure:
    files = log_data.large_files(size.large_events, size.large_hours)
    what = "logs to audited table, the whole branch, without process start"
    baseline = "design A's job in PySpark, without session start"
    if size.name == "small" or not spark_job.is_installed():
        return Figure(
            4,
            what,
            baseline,
            "× faster",
            None,
            20,
            note="not measured: make test-spark installs a server",
        )
    taken = interleaved(
        max(1, size.repeats // 2),
        spark=lambda: work(
            spark_job.run,
            landing=data.link(files.iterdir(), data.fresh("spark") / "raw_data"),
            output=data.WORK / "spark" / "output",
            target_url=database_data.scratch_database("spark"),
            user_agent="some user agent",
        ),
        ours=lambda: work(
            whole_branch,
            folder=data.link(files.iterdir(), data.fresh("branch") / "raw_data").parent,
            target_url=database_data.scratch_database("branch"),
        ),
    )
    if taken["ours"].answer != taken["spark"].answer:
        raise AssertionError("the audited tables differ")
    return ratio(4, what, baseline, taken["ours"], taken["spark"], limit=20, faster=True)


# ---- the work, each in a process of its own ------------------------------------------------------


def ingest(clock: Clock, files: str, folder: str) -> None:
    """Ours: nothing is taken away."""
    settings = data.bench_settings(Path(folder), raw_data_dir=files, processed_files="keep")
    days = log_data.days_of(Path(settings.raw_data_dir))
    with clock, Warehouse.of(settings).connect() as connection:
        product.ingest(connection, settings, days)


def create_table_as(clock: Clock, files: str, folder: str) -> None:
    """Baseline: the same columns of the same files into an empty database."""
    path = Path(folder) / "data" / "warehouse.duckdb"
    path.parent.mkdir(parents=True)
    with clock, duckdb.connect(path) as connection:
        connection.execute("CREATE SCHEMA raw")
        for kind in KINDS:
            connection.execute(
                f"CREATE TABLE {RAW_TABLES[kind]} AS SELECT {_columns(kind)} "
                f"FROM read_parquet('{files}/{kind}*.parquet', hive_partitioning = false)"
            )


def read_with_duckdb(clock: Clock, files: str) -> None:
    """Baseline: the columns as Arrow."""
    with clock, duckdb.connect() as connection:
        for kind in KINDS:
            connection.sql(
                f"SELECT {_columns(kind)} FROM read_parquet('{files}/{kind}*.parquet', "
                "hive_partitioning = false)"
            ).to_arrow_table()


def read_with_polars(clock: Clock, files: str) -> None:
    """Baseline: the columns as a frame."""
    with clock:
        for kind in KINDS:
            pl.scan_parquet(f"{files}/{kind}*.parquet", hive_partitioning=False).select(
                *(_field(c.parts).alias(c.name) for c in SAMPLE.columns_of(kind).values())
            ).collect()


def _columns(kind: Kind) -> str:
    """SQL of the feed's columns, amounts in their parts."""
    return ", ".join(f"{c.path} AS {c.name}" for c in SAMPLE.columns_of(kind).values())


def _field(parts: tuple[str, ...]) -> pl.Expr:
    outer, *inner = parts
    found = pl.col(outer)
    for name in inner:
        found = found.struct.field(name)
    return found


def roll_up(clock: Clock, warehouse: str, files: str) -> Any:
    """Ours: the days' rows are replaced."""
    days = log_data.days_of(Path(files))
    with clock, Warehouse(Path(warehouse)).connect() as connection:
        product.roll_up(connection, days)
    with Warehouse(Path(warehouse)).connect() as connection:
        return _digest(connection, "rollup.hourly_user_agent_rollup")


def aggregate(clock: Clock, warehouse: str) -> Any:
    """Baseline: both kinds counted, in a table of their own."""
    with clock, duckdb.connect(warehouse) as connection:
        query = facts.ROLLUP.query.replace("FROM impressions", "FROM raw.impression_logs")
        query = query.replace("FROM clicks", "FROM raw.click_logs")
        connection.execute(f"CREATE OR REPLACE TABLE bare_rollup AS {query}")
    with duckdb.connect(warehouse) as connection:
        return _digest(connection, "bare_rollup")


def whole_branch(clock: Clock, folder: str, target_url: str) -> Any:
    """Ours: files to ledger and tables, roll-up, CSV, audited table, archive."""
    settings = data.bench_settings(Path(folder), target_database_url=target_url)
    days = log_data.days_of(Path(settings.raw_data_dir))
    with clock, Warehouse.of(settings).connect() as connection:
        product.ingest(connection, settings, days)
        product.roll_up(connection, days)
        product.write_csv(connection, settings, days)
        product.load_csv(connection, settings, days)
        product.archive(connection, settings, days)
    return database_data.audited_rows(target_url)


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


def _digest(connection: duckdb.DuckDBPyConnection, table: str) -> Any:
    return connection.execute(
        f"SELECT count(*), sum(hash(t)::HUGEINT)::VARCHAR, sum(impression_count)::BIGINT, "
        f"sum(click_count)::BIGINT FROM {table} AS t"
    ).fetchone()
