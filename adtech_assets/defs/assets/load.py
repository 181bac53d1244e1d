"""The audited load: a CSV a day, the table in Postgres, and only then the files' archive."""

import dagster as dg

from adtech_assets.defs.assets.raw import RAW_LOG_KEYS
from adtech_assets.defs.assets.rollup import hourly_user_agent_rollup
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import DAILY, OWNERS, SINGLE_RUN, days_of, step
from adtech_assets.logs import failures, rollup
from adtech_assets.logs.ledger import Ledger
from adtech_assets.logs.processed import clear_landing
from adtech_assets.serving import audited_load
from adtech_assets.serving import daily_csv as csv_files
from adtech_assets.settings import Settings
from adtech_assets.stores.postgres import Postgres


@dg.asset(
    deps=[hourly_user_agent_rollup],
    description=(
        "`output/YYYY-MM-DD.csv`: date, hour, impression_count, click_count of the configured user "
        "agent. A day without files has none; a day without events has only the header."
    ),
    group_name="load",
    kinds={"csv", "file"},
    owners=OWNERS,
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
)
def daily_csv(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
) -> dg.MaterializeResult[None]:
    """Write the days' CSV files."""
    days = days_of(context)
    with step(context, settings, notes_failed_days=True):
        with warehouse.get_connection() as connection:
            files = Ledger(connection).day_files(days)
            counts = rollup.hourly_counts(connection, days, settings.user_agent)
        for day in days:
            if day in files:
                rows = [count for count in counts if count.day == day]
                csv_files.write(settings.output_dir, day, rows)
        return dg.MaterializeResult(
            metadata={
                "user_agent": settings.user_agent,
                "folder": dg.MetadataValue.path(settings.output_dir),
                "files": len(files),
                "dagster/row_count": len(counts),
                "impressions": sum(count.impressions for count in counts),
                "clicks": sum(count.clicks for count in counts),
                "dagster/column_schema": dg.TableSchema(
                    [
                        dg.TableColumn(name, "date" if name == "date" else "int")
                        for name in csv_files.HEADER
                    ]
                ),
            }
        )


@dg.asset(
    deps=[daily_csv],
    description=(
        "The audited table in the target Postgres: one row per hour with events. A day is replaced "
        "in one transaction together with its row in `load_audit`."
    ),
    group_name="load",
    kinds={"postgres", "table"},
    owners=OWNERS,
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    metadata={
        "dagster/table_name": "public.csv_data_task",
        "dagster/column_schema": dg.TableSchema(
            [
                dg.TableColumn(name, type_.split()[0])
                for name, type_ in audited_load.CSV_DATA_TASK.items()
            ]
        ),
    },
)
def csv_data_task(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
) -> dg.MaterializeResult[None]:
    """Load the days' CSV files."""
    days = days_of(context)
    with step(context, settings, notes_failed_days=True):
        with warehouse.get_connection() as connection:
            files = Ledger(connection).day_files(days)
        loads = [
            audited_load.DayLoad(
                day,
                csv_files.read(settings.output_dir, day) if day in files else [],
                files.get(day),
            )
            for day in days
        ]
        audited_load.replace_days(
            target, days, loads, user_agent=settings.user_agent, run_id=context.run_id
        )
        failures.clear(settings, days)
        return dg.MaterializeResult(
            metadata={
                "user_agent": settings.user_agent,
                "days_with_files": len(files),
                "dagster/row_count": sum(len(load.counts) for load in loads),
            }
        )


@dg.asset(
    deps=[csv_data_task, *RAW_LOG_KEYS.values()],
    description=(
        "Loaded files leave the landing folder, by default for the archive, and only after the "
        "load that counts them has been committed."
    ),
    group_name="load",
    kinds={"parquet", "file"},
    owners=OWNERS,
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
)
def processed_log_files(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
) -> dg.MaterializeResult[None]:
    """Clear the landing folder of what is safely loaded."""
    days = days_of(context)
    with step(context, settings, notes_failed_days=True):
        with target.connect(read_only=True) as postgres:
            loaded = audited_load.audits(postgres, days)
        fingerprints = {day: audit.files_fingerprint for day, audit in loaded.items()}
        with warehouse.get_connection() as connection:
            cleared = clear_landing(connection, settings, days, fingerprints)
        return dg.MaterializeResult(
            metadata={**vars(cleared), "archive": dg.MetadataValue.path(settings.archive_dir)}
        )


assets = [daily_csv, csv_data_task, processed_log_files]
