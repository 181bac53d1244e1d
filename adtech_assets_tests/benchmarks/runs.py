"""Rows 7 to 9: a long range of realistic days, from files and source to what is published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from adtech_assets.partitions import DayRange
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.benchmarks import data, database_data, deployment, log_data, product
from adtech_assets_tests.benchmarks.deployment import SOURCE_ROWS_A_DAY
from adtech_assets_tests.benchmarks.measuring import interleaved, work
from adtech_assets_tests.benchmarks.results import Figure, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets_tests.benchmarks.deployment import Deployment
    from adtech_assets_tests.benchmarks.measuring import Clock, Measured
    from adtech_assets_tests.benchmarks.sizes import Size

DAEMON_PATIENCE_SECONDS = 600


def figures(size: Size) -> Iterator[Figure]:
    """Rows 7 to 9."""
    taken, loaded = _backfills(size)
    yield from _range(taken, loaded)
    yield _by_daemon(size, taken["ours"])
    yield _dbt(size, loaded)


def _backfills(size: Size) -> tuple[dict[str, Measured], Deployment]:
    """The command and the functions, on the same files; and the deployment that is loaded then."""
    made = deployment.made(size.range_days)
    target_url = database_data.scratch_database("functions")

    def functions() -> Measured:
        folder = data.fresh("functions")
        data.link((made.folder / "raw_data").iterdir(), folder / "raw_data")
        return work(log_branch, folder=folder, target_url=target_url)

    def command() -> Measured:
        delivered = deployment.delivered("range", size.range_days)
        return delivered.backfill_with_timed_event_log(delivered.days)

    taken = interleaved(max(1, size.repeats // 2), functions=functions, ours=command)
    loaded = replace(made, folder=data.WORK / "range")
    _compare(loaded, data.WORK / "functions", target_url)
    return taken, loaded


def _range(taken: dict[str, Measured], loaded: Deployment) -> Iterator[Figure]:
    days = len(loaded.days)
    rows = sum(SOURCE_ROWS_A_DAY.values())
    ours = taken["ours"]
    yield ratio(
        7,
        f"adtech backfill of {days} days of 48 files and {rows} source rows",
        "ingest, roll-up, CSV and load of the same files, as functions",
        ours,
        taken["functions"],
        limit=2.5,
    )
    share = 100 * ours.answer["event_log_share"]
    yield Figure(7, "of it spent on writing Dagster's event log", "all of it", "%", share, 15)
    written = ours.answer["state_bytes"] / 2**20 / days
    yield Figure(7, "Dagster's state written a day of it", "–", "MB", written, 0.08)


def _by_daemon(size: Size, ours: Measured) -> Figure:
    one_by_one = deployment.delivered("daemon", size.range_days)
    few = one_by_one.backfill_by_daemon(
        one_by_one.first_days(size.daemon_days), DAEMON_PATIENCE_SECONDS
    )
    extrapolated = replace(few, seconds=few.seconds / size.daemon_days * size.range_days)
    return ratio(
        8,
        f"adtech backfill of {size.range_days} days",
        f"a run a day through the daemon, from {size.daemon_days}",
        ours,
        extrapolated,
        limit=100,
        faster=True,
    )


def _dbt(size: Size, loaded: Deployment) -> Figure:
    last = DayRange(loaded.days.last, loaded.days.last)
    taken = interleaved(
        size.repeats,
        day=lambda: loaded.dbt_build(last),
        range=lambda: loaded.dbt_build(loaded.days),
    )
    return ratio(
        9,
        f"dbt part of {size.range_days} days",
        "the same for 1 day",
        taken["range"],
        taken["day"],
        limit=2,
    )


def log_branch(clock: Clock, folder: str, target_url: str) -> None:
    """Baseline: what must be done with the files, without Dagster, in one process."""
    settings = data.bench_settings(Path(folder), target_database_url=target_url)
    days = log_data.days_of(Path(settings.raw_data_dir))
    with clock, Warehouse.of(settings).connect() as connection:
        product.ingest(connection, settings, days)
        product.roll_up(connection, days)
        product.write_csv(connection, settings, days)
        product.load_csv(connection, settings, days)


# ---- helpers -------------------------------------------------------------------------------------


def _compare(loaded: Deployment, functions: Path, target_url: str) -> None:
    """Command and functions have left the same roll-up, CSV files and audited table.

    Raises:
        AssertionError: they have not.
    """
    rolled_up = [_rollup(folder / "data") for folder in (loaded.folder, functions)]
    files = [_files(folder / "output") for folder in (loaded.folder, functions)]
    with loaded.databases() as urls:
        audited = [database_data.audited_rows(url) for url in (urls["target"], target_url)]
    for name, (ours, theirs) in {"roll-up": rolled_up, "CSV": files, "table": audited}.items():
        if ours != theirs:
            raise AssertionError(f"the {name} differs from what the functions make")


def _rollup(data_dir: Path) -> Any:
    with duckdb.connect(data_dir / "warehouse.duckdb", read_only=True) as connection:
        return connection.execute(
            "SELECT count(*), sum(hash(t)::HUGEINT)::VARCHAR "
            "FROM rollup.hourly_user_agent_rollup AS t"
        ).fetchone()


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
