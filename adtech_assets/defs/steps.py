"""What every step of the graph shares: its days, its owner, and how it fails."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any

import dagster as dg

from adtech_assets.errors import GaveUpError, TransientError, UserError
from adtech_assets.logs import failures
from adtech_assets.partitions import DayRange, loadable_days, parse_day
from adtech_assets.serving.outputs import check_folders
from adtech_assets.settings import export_settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import duckdb

    from adtech_assets.settings import Settings

settings = load_settings()
"""Read once, when Dagster loads the definitions: the partitions depend on them."""

# dbt and other children must work on the same folders, wherever Dagster was started.
export_settings(settings)

# What a step did to its days is written to Dagster's log at once, not day by day.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")

DAILY = dg.DailyPartitionsDefinition(
    start_date=settings.start_date.isoformat(),
    timezone=settings.timezone,
    end_offset=1,  # today is a partition too: its hourly files already arrive
)
SINGLE_RUN = dg.BackfillPolicy.single_run()
"""A range of days is one run: a year costs little more than a day."""

OWNERS = ["team:data-platform"]

DISK_FAULTS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),  # full
    *(errno.EROFS, errno.EACCES, errno.EPERM),  # read-only
)

STEP_RETRIES = 2
STEP_RETRY_SECONDS = 5


# Dagster keeps the partitions of a run in these tags.
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def run_days(tags: Mapping[str, str]) -> DayRange | None:
    """The days a run is for, from its tags; None for a run without partitions."""
    if RANGE_START_TAG in tags:
        first = tags[RANGE_START_TAG]
        return DayRange(parse_day(first), parse_day(tags[RANGE_END_TAG]))
    if PARTITION_TAG in tags:
        day = parse_day(tags[PARTITION_TAG])
        return DayRange(day, day)
    return None


def range_tags(days: DayRange) -> dict[str, str]:
    """Tags that make a run cover some days."""
    return {
        RANGE_START_TAG: days.first.isoformat(),
        RANGE_END_TAG: days.last.isoformat(),
    }


def days_of(context: dg.AssetExecutionContext) -> DayRange:
    """The days of a step whose asset is partitioned."""
    keys = context.partition_key_range
    return DayRange(parse_day(keys.start), parse_day(keys.end))


def days_to_check(context: dg.AssetCheckExecutionContext) -> DayRange:
    """The days of the run, or every day when a check is started by itself."""
    return run_days(context.run.tags) or loadable_days(settings)


@contextlib.contextmanager
def step(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext,
    settings: Settings,
    *,
    notes_failed_days: bool = False,
) -> Iterator[None]:
    """Begin only where the outputs can be written, and fail in a way that helps.

    What may pass is tried again, the rest says what to do, once. The failed days of a step that
    loads log files are noted, for `adtech status`.
    """
    try:
        check_folders(settings)
        with _disk_faults_told():
            yield
    except Exception as error:
        if notes_failed_days and isinstance(context, dg.AssetExecutionContext):
            _note(context, settings, error)
        if isinstance(error, TransientError) and not isinstance(error, GaveUpError):
            raise dg.RetryRequested(
                max_retries=STEP_RETRIES, seconds_to_wait=STEP_RETRY_SECONDS
            ) from error
        if isinstance(error, (TransientError, UserError)):
            raise dg.Failure(str(error), allow_retries=False) from error
        raise


@contextlib.contextmanager
def _disk_faults_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FAULTS:
            raise
        raise UserError(
            f"{error.filename or 'A file'}: {error.strerror}. Nothing is lost: make room or give "
            "access, then run the days again."
        ) from error


def _note(context: dg.AssetExecutionContext, settings: Settings, error: Exception) -> None:
    # A full disk may refuse the note as well; the error itself says more.
    with contextlib.suppress(OSError):
        failures.note(
            settings,
            days_of(context),
            run_id=context.run_id,
            step=context.op_execution_context.op.name,
            error=str(error),
        )


def table_metadata(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    """Columns and row count of a warehouse table, as Dagster shows them."""
    columns = connection.execute(f"DESCRIBE {table}").fetchall()
    rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return {
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, type_) for name, type_, *_ in columns]
        ),
        "dagster/row_count": rows[0] if rows else 0,
        "dagster/table_name": table,
    }
