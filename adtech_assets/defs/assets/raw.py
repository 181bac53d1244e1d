"""Raw tables of the warehouse: logged events with their ledger, and the operational tables."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb

from adtech_assets.contract import KINDS, Feed, Kind, Operational
from adtech_assets.defs.assets.landing import LANDING_KEYS, OPERATIONAL_KEYS
from adtech_assets.defs.catalogue import NIGHTLY, OWNERS
from adtech_assets.defs.days import (
    BY_DAY,
    SINGLE_RUN,
    days_of,
    days_told,
    is_rebuild,
    materialized,
    run_days,
    unchanged_since,
)
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import day_step, log_step
from adtech_assets.feed.ledger import LEDGER_TABLE, Ledger
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.models.project import Project
from adtech_assets.operational import snapshot
from adtech_assets.settings import Settings
from adtech_assets.stores import erasures
from adtech_assets.stores.postgres import Postgres
from adtech_assets.versions import Notes

if TYPE_CHECKING:
    from adtech_assets.feed.ingest import Ingested

RAW_LOG_KEYS = {kind: dg.AssetKey(RAW_TABLES[kind].split(".")) for kind in KINDS}
LOG_FILES_KEY = dg.AssetKey(LEDGER_TABLE.split("."))
EXTRACTED_DAYS_KEY = dg.AssetKey(["raw", "extracted_days"])
RAW_OPERATIONAL_KEYS = {table: dg.AssetKey(["raw", table]) for table in snapshot.RAW_TABLES}


def build(feed: Feed) -> list[dg.AssetsDefinition]:
    """The raw tables of a feed."""
    logs = [_build_logs(kind) for kind in KINDS]
    return [*logs, log_files, _build_operational(feed.operational)]


def _build_logs(kind: Kind) -> dg.AssetsDefinition:
    """The raw table of one kind of log file."""

    @dg.asset(
        key=RAW_LOG_KEYS[kind],
        deps=[LANDING_KEYS[kind]],
        description=(
            f"One row per logged {kind.removesuffix('s')}, from every good file of the day. The "
            "file ledger `raw.log_files` is committed in the same transaction; files that break "
            "the contract are in quarantine."
        ),
        group_name="raw",
        kinds={"duckdb", "polars"},
        owners=OWNERS,
        partitions_def=BY_DAY,
        backfill_policy=SINGLE_RUN,
        freshness_policy=NIGHTLY,
    )
    def raw_logs(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
        project: dg.ResourceParam[Project],
    ) -> dg.MaterializeResult[None]:
        # Imported here because its readers take 0.2 s, in which the definitions are loaded.
        from adtech_assets.feed.ingest import Ingest, hash_ahead  # noqa: PLC0415

        days = days_of(context)

        def told(
            connection: duckdb.DuckDBPyConnection, result: "Ingested"
        ) -> dg.MaterializeResult[None]:
            totals = Ledger(connection).day_totals(kind, days)
            by_day = days_told(context, Notes(connection), RAW_TABLES[kind], result.changed_days)
            for day, of_day in by_day.items():
                of_day.update(totals.get(day, {"files": 0, "events": 0}))
                of_day["dagster/partition_row_count"] = of_day["events"]
            return materialized(context, RAW_LOG_KEYS[kind], by_day)

        with log_step(context, settings, project):
            # Where runs count at once, none is to wait for another one's reading.
            hashed = hash_ahead(settings, kind, days) if settings.engine == "spark" else {}
            with warehouse.get_connection() as connection:
                result = Ingest(
                    *(connection, settings, kind, days, context.run_id),
                    again=is_rebuild(context),
                    hashed=hashed,
                ).run()
                _report(context, kind, result)
                if settings.engine == "duckdb":
                    return told(connection, result)
            from adtech_assets.rollup.spark.counting import verify  # noqa: PLC0415 - as above

            verify(warehouse.store, settings, kind, days)
            with warehouse.get_connection() as connection:
                return told(connection, result)

    return raw_logs


def _report(context: dg.AssetExecutionContext, kind: Kind, result: "Ingested") -> None:
    """Say what became of the files; quarantine has a check of its own that warns."""
    for name, rejection in result.quarantined:
        context.log.info(f"Quarantined {name}: {rejection.detail} [{rejection.reason}]")
    for name in result.duplicates:
        context.log.warning(f"Counted once only: {name} repeats the bytes of a loaded file.")
    for name in result.unsettled:
        context.log.warning(f"Left for later: {name} may still be being written.")
    context.log.info(f"{result.loaded} {kind} files with {result.rows} rows loaded.")


# A step of its own, though both raw tables write it, each in the transaction of its events: what
# stands on an asset that nothing materializes is left out of a range from the UI's graph.
@dg.asset(
    key=LOG_FILES_KEY,
    deps=list(RAW_LOG_KEYS.values()),
    description="The file ledger: every log file ever seen, and what became of it.",
    group_name="raw",
    kinds={"duckdb"},
    owners=OWNERS,
    partitions_def=BY_DAY,
    backfill_policy=SINGLE_RUN,
)
def log_files(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[None]:
    """Tell what became of the files of each day."""
    with day_step(context, settings, project), warehouse.get_connection() as connection:
        notes = Notes(connection)
        changed = notes.noted_in(LEDGER_TABLE, context.run_id)
        told = days_told(context, notes, LEDGER_TABLE, changed)
        rows = Ledger(connection).rows_by_day(told)
        for day, of_day in told.items():
            of_day["dagster/partition_row_count"] = rows.get(day, 0)
        return materialized(context, LOG_FILES_KEY, told)


def _whole_table_told(
    days: Iterable[date], notes: Notes, part: str, found: snapshot.Extracted
) -> dict[date, dict[str, Any]]:
    """Each day has the table as it is now; its version is noted under that of the extraction."""
    if found.changed_days:
        return {day: {} for day in days}
    noted = notes.noted_at(part, notes.of(part))
    return {day: unchanged_since(max(noted.values(), default=None)) for day in days}


def _copies(tables: Mapping[snapshot.RawTable, snapshot.Source]) -> list[dg.AssetSpec]:
    copies = [
        dg.AssetSpec(
            key,
            deps=[OPERATIONAL_KEYS[table]],
            description=f"Copy of the operational table `{tables[table].shown_as}`.",
        )
        for table, key in RAW_OPERATIONAL_KEYS.items()
    ]
    counted = dg.AssetSpec(
        EXTRACTED_DAYS_KEY,
        deps=[OPERATIONAL_KEYS[table] for table in snapshot.EVENT_TABLES],
        description="How many events the source itself counts, for each day that was copied.",
    )
    return [
        spec.replace_attributes(
            group_name="raw",
            kinds={"duckdb", "postgres"},
            owners=OWNERS,
            freshness_policy=NIGHTLY,
            # Whole tables too: what is built by day goes by the campaigns as they are known then.
            partitions_def=BY_DAY,
        )
        for spec in (*copies, counted)
    ]


def _begin_embedded(source: Postgres) -> None:
    """The embedded source begins with empty tables, so that log files alone can be loaded."""
    with source.connect() as postgres:
        if not snapshot.is_there(postgres):
            # Imported here, like the readers: SQLAlchemy takes 0.1 s.
            from adtech_assets.operational.schema import create_schema  # noqa: PLC0415

            create_schema(postgres)


def _build_operational(names: Operational) -> dg.AssetsDefinition:
    """Copies of the operational tables, in one step."""

    @dg.multi_asset(
        name="raw_operational",
        specs=_copies(snapshot.sources(names)),
        can_subset=True,
        backfill_policy=SINGLE_RUN,
    )
    def raw_operational(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
        source: dg.ResourceParam[Postgres],
        project: dg.ResourceParam[Project],
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Copy the operational tables as they are at one instant (one repeatable-read snapshot)."""
        selected = context.selected_asset_keys
        tables = [
            table
            for table, key in RAW_OPERATIONAL_KEYS.items()
            if key in selected
            or (EXTRACTED_DAYS_KEY in selected and table in snapshot.EVENT_TABLES)
        ]
        with day_step(context, settings, project), warehouse.get_connection() as connection:
            if settings.source_database_url is None and settings.feed.operational == Operational():
                _begin_embedded(source)
            days = run_days(context.run.tags)
            names = settings.feed.operational
            forgotten = erasures.forgotten_days(settings)
            extracted = snapshot.extract(
                *(connection, source, days, tables, context.run_id, names, forgotten)
            )
            notes = Notes(connection)
            for table, key in RAW_OPERATIONAL_KEYS.items():
                if key in selected and table in extracted:
                    found = extracted[table]
                    told = (
                        _whole_table_told(days or (), notes, f"raw.{table}", found)
                        if found.is_whole
                        else days_told(context, notes, f"raw.{table}", found.changed_days)
                    )
                    for day, of_day in told.items():
                        of_day["dagster/partition_row_count"] = found.rows_of(day)
                    yield materialized(context, key, told)
            if EXTRACTED_DAYS_KEY in selected:
                told = {
                    day: {"dagster/partition_row_count": int(day not in forgotten)}
                    for day in days or ()
                }
                yield materialized(context, EXTRACTED_DAYS_KEY, told)

    return raw_operational
