"""The audited load: a CSV a day, the table in Postgres, and only then the files' archive."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from adtech_assets import graph
from adtech_assets.audit import failures
from adtech_assets.defs.assets.raw import RAW_LOG_KEYS
from adtech_assets.defs.assets.rollup import hourly_user_agent_rollup
from adtech_assets.defs.catalogue import NIGHTLY, OWNERS, table_spec
from adtech_assets.defs.days import BY_DAY, SINGLE_RUN, days_told, materialized, run_days, to_build
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import held_back, log_step
from adtech_assets.errors import UserError
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load
from adtech_assets.load import daily_csv as csv_files
from adtech_assets.load.processed import clear_landing
from adtech_assets.models.project import Column, Project
from adtech_assets.rollup import hourly
from adtech_assets.rollup.facts import ROLLUP
from adtech_assets.rollup.hourly import HourCount
from adtech_assets.settings import Settings
from adtech_assets.stores import identity
from adtech_assets.stores.postgres import Postgres
from adtech_assets.versions import Day, Notes

DESCRIPTIONS = {
    "date": "Day in the name of the files, local time of the feed.",
    "hour": "Hour in the name of the files, local time of the feed.",
    "datetime": "Key; day and hour in the name of the files, local time of the feed.",
    "impression_count": "Impressions of the configured user agent, 0 where there are only clicks.",
    "click_count": "Clicks of the configured user agent, 0 where there are only impressions.",
    "audit_loaded_datetime": "When the day was loaded (UTC); the same for all its hours.",
}
"""Of the columns of the CSV and of the audited table."""


def _described(columns: Mapping[str, str]) -> dict[str, Column]:
    return {name: Column(type_.split()[0], DESCRIPTIONS[name]) for name, type_ in columns.items()}


@dg.asset(
    deps=[hourly_user_agent_rollup],
    description=(
        "`output/YYYY-MM-DD.csv`: date, hour, impression_count, click_count of the configured user "
        "agent. A day without files has none; a day without events has only the header."
    ),
    group_name="load",
    kinds={"csv", "file"},
    owners=OWNERS,
    partitions_def=BY_DAY,
    backfill_policy=SINGLE_RUN,
    metadata=table_spec("output/YYYY-MM-DD.csv", _described(csv_files.COLUMNS)),
)
def daily_csv(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[None]:
    """Write the CSV files of stale days, and those of other days that are gone or were edited."""
    with log_step(context, settings, project), warehouse.get_connection() as connection:
        Ledger.create(connection, settings.feed)
        connection.execute(ROLLUP.schema)
        notes, folder = Notes(connection), settings.output_dir
        parts = graph.read(connection, settings, project)
        wanted = parts.wanted(graph.DAILY_CSV)
        versions = to_build(context, parts, graph.DAILY_CSV)
        gone = {day for day in wanted if day and not csv_files.path_of(folder, day).exists()}
        asked = set(run_days(context.run.tags) or ())
        counts = _counts(connection, asked | gone | _dates(versions), settings.user_agent)
        edited = {
            day
            for day in asked & wanted.keys() - gone
            if not csv_files.holds(folder, day, counts[day])
        }
        versions |= {day: wanted[day] for day in gone | edited}
        notes.forget(graph.DAILY_CSV, versions)
        for day in _dates(versions) & wanted.keys():
            # Of a day without files an earlier CSV stays: the load says what is to become of it.
            csv_files.write(folder, day, counts[day])
        notes.note(graph.DAILY_CSV, versions, context.run_id)
        told = days_told(context, notes, graph.DAILY_CSV, versions)
        for day, of_day in told.items():
            of_day.update(_totals(counts[day]))
        return materialized(context, context.asset_key, told)


@dg.asset(
    deps=[daily_csv],
    description=(
        "The audited table in the target Postgres: one row per hour with events. A day is replaced "
        "in one transaction together with its row in `load_audit`."
    ),
    group_name="load",
    kinds={"postgres", "table"},
    owners=OWNERS,
    partitions_def=BY_DAY,
    backfill_policy=SINGLE_RUN,
    metadata=table_spec("public.csv_data_task", _described(audited_load.CSV_DATA_TASK)),
    freshness_policy=NIGHTLY,
)
def csv_data_task(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[None]:
    """Load the CSV files of stale days, and those of the run's days whose rows were edited."""
    with log_step(context, settings, project):
        asked = set(run_days(context.run.tags) or ())
        found = audited_load.read(target, asked)
        loaded = found.days
        with warehouse.get_connection() as connection:
            Ledger.create(connection, settings.feed)
            notes = Notes(connection)
            ledger = Ledger(connection)
            files = ledger.day_files(asked | set(ledger.loaded_days()))
            parts = graph.read(connection, settings, project)
            versions = to_build(context, parts, graph.CSV_DATA_TASK)
            # Of another target, or of one that was restored, the warehouse has noted nothing.
            unlike = {
                day
                for day in files
                if not audited_load.is_of(loaded.get(day), files[day], settings.user_agent)
            }
            csvs = {
                day: csv_files.read(settings.output_dir, day) if day in files else []
                for day in asked | found.edited | unlike | _dates(versions)
            }
            edited = found.edited | {day for day in asked if csvs[day] != found.counts[day]}
            counted = _counts(connection, csvs.keys() & files.keys(), settings.user_agent)
            loads = {
                day: audited_load.DayLoad(day, csvs[day], files.get(day))
                for day in sorted(edited | unlike | _dates(versions))
                # What another day's run cannot load either is told by `adtech status`.
                if day in asked
                or not (
                    audited_load.loses_files(files.get(day), loaded.get(day))
                    or csvs[day] != counted[day]
                )
            }
            if loads:
                _refuse_edited(settings.output_dir, loads, counted)
                if audits := parts.unproven(graph.DAILY_CSV, loads):
                    raise held_back("csv_data_task", audits)
                notes.forget(graph.CSV_DATA_TASK, loads)
                audited_load.replace_days(
                    target,
                    list(loads.values()),
                    warehouse=identity.of(connection),
                    user_agent=settings.user_agent,
                    run_id=context.run_id,
                )
                wanted = graph.read(connection, settings, project).wanted(graph.CSV_DATA_TASK)
                notes.note(
                    graph.CSV_DATA_TASK, {day: wanted.get(day) for day in loads}, context.run_id
                )
            failures.clear(settings, asked | loads.keys())
            told = days_told(context, notes, graph.CSV_DATA_TASK, loads)
        for day, of_day in told.items():
            of_day.update(_totals(csvs[day]))
        return materialized(context, context.asset_key, told)


@dg.asset(
    deps=[csv_data_task, *RAW_LOG_KEYS.values()],
    description=(
        "Loaded files leave the landing folder, by default for the archive, and only after the "
        "load that counts them has been committed."
    ),
    group_name="load",
    kinds={"parquet", "file"},
    owners=OWNERS,
    partitions_def=BY_DAY,
    backfill_policy=SINGLE_RUN,
)
def processed_log_files(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[None]:
    """Clear the landing folder of what is safely loaded."""
    with log_step(context, settings, project):
        loaded = audited_load.read(target, ()).days
        fingerprints = {day: audit.files_fingerprint for day, audit in loaded.items()}
        with warehouse.get_connection() as connection:
            Notes.create(connection)
            parts = graph.read(connection, settings, project)
            if audits := parts.unproven(graph.CSV_DATA_TASK):
                raise held_back("processed_log_files", audits)
            cleared = clear_landing(connection, settings, fingerprints)
        told: dict[date, dict[str, object]] = {day: {} for day in run_days(context.run.tags) or ()}
        for became, files_of_days in vars(cleared).items():
            for day, files in files_of_days.items():
                told.setdefault(day, {})[f"files_{became}"] = files
        return materialized(context, context.asset_key, told)


def _refuse_edited(
    folder: Path,
    loads: Mapping[date, audited_load.DayLoad],
    counted: Mapping[date, list[HourCount]],
) -> None:
    """Load no CSV that somebody has changed since it was written."""
    for day, load in loads.items():
        if load.files and load.counts != counted[day]:
            raise UserError(
                f"{csv_files.path_of(folder, day)} is not what the roll-up has, so it is not "
                f"loaded. Write it anew: adtech backfill --from {day} --to {day}"
            )


def _dates(days: Iterable[Day]) -> set[date]:
    return {day for day in days if day is not None}


def _counts(
    connection: duckdb.DuckDBPyConnection, days: set[date], user_agent: str
) -> defaultdict[date, list[HourCount]]:
    return _by_day(hourly.hourly_counts(connection, days, user_agent))


def _by_day(counts: Iterable[HourCount]) -> defaultdict[date, list[HourCount]]:
    by_day: defaultdict[date, list[HourCount]] = defaultdict(list)
    for count in counts:
        by_day[count.day].append(count)
    return by_day


def _totals(counts: list[HourCount]) -> dict[str, int]:
    return {
        "dagster/partition_row_count": len(counts),
        "impressions": sum(count.impressions for count in counts),
        "clicks": sum(count.clicks for count in counts),
    }


ASSETS = [daily_csv, csv_data_task, processed_log_files]
