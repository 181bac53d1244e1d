"""What every step of the graph shares: its days, its owner, and how it fails."""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.execution.context.metadata_logging import (
    AssetMetadataHandle,
    OutputMetadataAccumulator,
)

from adtech_assets.audit import failures
from adtech_assets.errors import GaveUpError, TransientError, UserError
from adtech_assets.files import DISK_FAULTS
from adtech_assets.partitions import DayRange, loadable_days, parse_day
from adtech_assets.settings import export_settings, load_settings
from adtech_assets.stores.outputs import check_folders
from adtech_assets.versions import Notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from adtech_assets.settings import Settings
    from adtech_assets.versions import Day, Parts

settings = load_settings()
"""Read once, when Dagster loads the definitions: the partitions depend on them."""

# dbt and other children must work on the same folders, wherever Dagster was started.
export_settings(settings)

# What a step did to its days is written to Dagster's log at once, not day by day.
os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")


def _with_keys_listed_once(
    partitions: dg.DailyPartitionsDefinition,
) -> dg.DailyPartitionsDefinition:
    """The same, which lists its keys once a day: Dagster asks 32 times a run, for 25 ms each.

    As an attribute of the object, not in a class of its own: others read what Dagster writes of it.
    """
    listed = lru_cache(1)(lambda _last: type(partitions).get_partition_keys(partitions))

    def get_partition_keys(
        current_time: datetime | None = None, dynamic_partitions_store: object = None
    ) -> Sequence[str]:
        del dynamic_partitions_store
        if current_time is not None:
            return type(partitions).get_partition_keys(partitions, current_time)
        return listed(partitions.get_last_partition_key())

    object.__setattr__(partitions, "get_partition_keys", get_partition_keys)
    return partitions


DAILY = _with_keys_listed_once(
    dg.DailyPartitionsDefinition(
        start_date=settings.start_date.isoformat(),
        timezone=settings.timezone,
        end_offset=1,  # today is a partition too: its hourly files already arrive
    )
)
SINGLE_RUN = dg.BackfillPolicy.single_run()
"""A range of days is one run: a year costs little more than a day."""

OWNERS = ["team:data-platform"]

STEP_RETRIES = 2
STEP_RETRY_SECONDS = 5


# Dagster keeps the partitions of a run in these tags.
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

REBUILD_TAG = "adtech/rebuild"
"""Of a run that builds its days again whatever the versions say; its value is `true`."""

DAYS_CHECK = dg.AssetCheckKey(dg.AssetKey("kpi_report"), "every_day_is_up_to_date")
"""Asked at the end of each run that writes the report; a failed day is told of at once."""

MOST_TOLD = 5
"""Stretches of days that a light names."""

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


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


def days_to_check(
    context: dg.AssetCheckExecutionContext, parts: Parts, audits: Iterable[str]
) -> DayRange:
    """The days of the run, and those on which an audit has not passed yet; all without a run's."""
    asked = run_days(context.run.tags)
    if asked is None:
        return loadable_days(settings)
    unproven = {day for audit in audits for day in parts.stale(audit) if day is not None}
    days = unproven | {asked.first, asked.last}
    return DayRange(min(days), max(days))


def held_back(what: str, audits: Iterable[str]) -> UserError:
    """Why something is not handed on: audits have not passed on what the warehouse holds."""
    names = ", ".join(sorted(audits))
    return UserError(
        f"{what}: held back, for what the warehouse holds has not passed {names}. See what that "
        "says, mend the cause, then run the whole pipeline for any day."
    )


def to_build(context: Context, parts: Parts, name: str) -> dict[Day, str | None]:
    """The days of a part that the run has to build, with the versions that they will have.

    These are the stale ones, wherever they lie, and all days of the run where somebody wants them
    built again whatever the versions say.
    """
    versions = parts.stale(name)
    if is_rebuild(context):
        wanted = parts.wanted(name)
        by_day = parts[name].by == "day" and not parts[name].is_view
        days = list(run_days(context.run.tags) or wanted) if by_day else [None]
        versions |= {day: wanted.get(day) for day in days}
    return versions


def materialized(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    by_day: Mapping[date, Mapping[str, Any]],
    metadata: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[None]:
    """The result of an asset with what there is to say of each day.

    Days that the run was not asked for have been built too; Dagster hears of them by events of
    their own.
    """
    asked = run_days(context.run.tags) or ()
    _add_metadata(context, key, {day: by_day[day] for day in by_day if day in asked})
    for day in sorted(by_day.keys() - set(asked)):
        context.log_event(
            dg.AssetMaterialization(key, partition=str(day), metadata=dict(by_day[day]))
        )
    return dg.MaterializeResult(asset_key=key, metadata=metadata)


def _add_metadata(
    context: dg.AssetExecutionContext, key: dg.AssetKey, by_day: Mapping[date, Mapping[str, Any]]
) -> None:
    """As `context.add_asset_metadata` for each day, but at once.

    That copies and checks what it has of all days and assets each time: 76 of 214 s of a year that
    is built again, in cProfile.
    """
    step = context.get_step_execution_context()
    metadata = dict(step._metadata_accumulator.per_output_metadata)  # noqa: SLF001
    for day, of_day in by_day.items():
        metadata[AssetMetadataHandle(asset_key=key, partition_key=str(day))] = of_day
    step._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata=metadata)  # noqa: SLF001


def days_told(
    context: dg.AssetExecutionContext, notes: Notes, name: str, built: Iterable[Day]
) -> dict[date, dict[str, Any]]:
    """The days that were asked for or built; those not built, with the time of their version."""
    days = {day for day in built if day is not None}
    asked = set(run_days(context.run.tags) or ())
    since = notes.noted_at(name, asked - days)
    return {
        day: {} if day in days else unchanged_since(since.get(day)) for day in sorted(asked | days)
    }


def unchanged_since(at: datetime | None) -> dict[str, Any]:
    """Metadata of what was not built because there was nothing new (naive UTC)."""
    return {"unchanged_since": "ever" if at is None else at.isoformat(" ", timespec="seconds")}


def is_rebuild(context: Context) -> bool:
    """Whether somebody wants the run's days built again whatever the versions say."""
    return context.run.tags.get(REBUILD_TAG) == "true"


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
        if notes_failed_days and isinstance(context, dg.AssetExecutionContext):
            _tell_days(context, settings)
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


def _tell_days(context: dg.AssetExecutionContext, settings: Settings) -> None:
    """Ask what stands of the days, in a run that leaves out the report, which asks at the end."""
    selection = context.run.asset_selection
    if selection is None or DAYS_CHECK.asset_key in selection:
        return
    from adtech_assets.audit.status import read_status  # noqa: PLC0415
    from adtech_assets.defs.dbt_project import dbt_project  # noqa: PLC0415 - as few runs do

    standing = read_status(settings, project=dbt_project()).standing_days
    _evaluate_days(context, "; ".join(map(str, standing[:MOST_TOLD])))


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
    # The run ends before it would be asked, and what it said last may be that all is well.
    _evaluate_days(context, f"Failed: {days_of(context)}: {error}")


def _evaluate_days(context: dg.AssetExecutionContext, told: str) -> None:
    """Say whether every day is up to date: it is where there is nothing to tell."""
    context.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=DAYS_CHECK.asset_key,
            check_name=DAYS_CHECK.name,
            passed=not told,
            metadata={},
            severity=dg.AssetCheckSeverity.WARN,
            description=told or "No stretches of days that are not up to date.",
        )
    )


def table_spec(table: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """What Dagster shows of a table whatever a run does: its name, and its columns' types."""
    return {
        "dagster/table_name": table,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, type_.split()[0]) for name, type_ in columns.items()]
        ),
    }
