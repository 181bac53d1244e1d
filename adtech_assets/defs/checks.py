"""Asset checks: at every stage that can go wrong, blocking where a wrong number would be published.

A check of a run looks at the run's days; started by itself it looks at every day. dbt's tests are
checks too, defined beside the models.
"""

from collections.abc import Sequence

import dagster as dg

from adtech_assets.defs.assets.load import csv_data_task, daily_csv
from adtech_assets.defs.assets.raw import EXTRACTED_DAYS_KEY, RAW_LOG_KEYS, RAW_OPERATIONAL_KEYS
from adtech_assets.defs.assets.rollup import hourly_user_agent_rollup
from adtech_assets.defs.assets.serving import MARTS, PUBLISHED_KEYS
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import days_to_check
from adtech_assets.logs import rollup
from adtech_assets.logs.ledger import Ledger
from adtech_assets.logs.names import KINDS, Kind
from adtech_assets.logs.reader import RAW_TABLES
from adtech_assets.operational.snapshot import EVENT_TABLES, RawTable
from adtech_assets.serving import audited_load
from adtech_assets.serving import daily_csv as csv_files
from adtech_assets.serving.publish import SCHEMA, Mart
from adtech_assets.settings import Settings
from adtech_assets.stores.postgres import Postgres

MOST_DIFFERENCES = 20
"""Differences that a check lists; it says how many there are in all."""


def result(
    differences: Sequence[object],
    what: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    """Passed without differences; else the first ones, day and numbers."""
    shown = [str(difference) for difference in differences[:MOST_DIFFERENCES]]
    return dg.AssetCheckResult(
        passed=not differences,
        severity=severity,
        description=what if not differences else f"{len(differences)} of: {what} {shown[0]}",
        metadata={"differences": len(differences), "examples": dg.MetadataValue.json(shown)},
    )


def _build_log_checks(kind: Kind) -> list[dg.AssetChecksDefinition]:
    table = RAW_TABLES[kind]

    @dg.asset_check(
        asset=RAW_LOG_KEYS[kind],
        name="files_are_complete",
        blocking=True,
        description="Every counted file has all its rows: ledger = raw table = offsets.",
    )
    def files_are_complete(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        days = days_to_check(context)
        with warehouse.get_connection() as connection:
            Ledger.create(connection)
            differences = connection.execute(
                f"""
                SELECT
                    coalesce(files.file_date, events.file_date)::VARCHAR AS day,
                    files.file_name,
                    files.rows AS ledger_rows,
                    events.rows AS raw_rows,
                    files.last_offset - files.first_offset + 1 AS offset_rows
                FROM (
                    FROM raw.log_files
                    WHERE kind = $kind AND status = 'loaded'
                    AND file_date BETWEEN $first AND $last
                ) AS files
                FULL JOIN (
                    SELECT file_id, file_date, count(*) AS rows FROM {table}
                    WHERE file_date BETWEEN $first AND $last
                    GROUP BY ALL
                ) AS events ON files.file_id = events.file_id
                WHERE
                    files.rows IS DISTINCT FROM coalesce(events.rows, 0)
                    OR files.rows <> files.last_offset - files.first_offset + 1
                ORDER BY ALL
                """,
                {"kind": kind, "first": days.first, "last": days.last},
            ).fetchall()
        return result(differences, "files whose rows in the ledger and the table differ")

    @dg.asset_check(
        asset=RAW_LOG_KEYS[kind],
        name="no_file_is_quarantined",
        description="No file of these days, and none without a day, waits in quarantine.",
    )
    def no_file_is_quarantined(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        days = days_to_check(context)
        with warehouse.get_connection() as connection:
            Ledger.create(connection)
            files = connection.execute(
                """
                SELECT file_name, reason, detail FROM raw.log_files
                WHERE kind = ? AND status = 'quarantined'
                AND (file_date IS NULL OR file_date BETWEEN ? AND ?)
                ORDER BY ALL
                """,
                [kind, days.first, days.last],
            ).fetchall()
        return result(files, "files in quarantine", dg.AssetCheckSeverity.WARN)

    return [files_are_complete, no_file_is_quarantined]


def _build_source_checks(table: RawTable) -> list[dg.AssetChecksDefinition]:
    @dg.asset_check(
        asset=RAW_OPERATIONAL_KEYS[table],
        name="rows_equal_source",
        additional_deps=[EXTRACTED_DAYS_KEY],
        blocking=True,
        description="Each day has as many rows as the source counted in the same snapshot.",
    )
    def rows_equal_source(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        days = days_to_check(context)
        with warehouse.get_connection() as connection:
            differences = connection.execute(
                f"""
                SELECT
                    source.event_date::VARCHAR,
                    source.{table} AS source_rows,
                    coalesce(copied.rows, 0) AS raw_rows
                FROM raw.extracted_days AS source
                LEFT JOIN (
                    SELECT created_at::DATE AS event_date, count(*) AS rows FROM raw.{table}
                    WHERE created_at >= $first AND created_at < $end
                    GROUP BY ALL
                ) AS copied ON source.event_date = copied.event_date
                WHERE source.event_date >= $first AND source.event_date < $end
                AND source.{table} <> coalesce(copied.rows, 0)
                ORDER BY ALL
                """,
                {"first": days.first, "end": days.end},
            ).fetchall()
        return result(differences, f"days whose {table} differ from the source's")

    @dg.asset_check(
        asset=RAW_OPERATIONAL_KEYS[table],
        name="rows_have_a_day",
        description="No row is undated. Undated rows count for their campaign, but for no day.",
    )
    def rows_have_a_day(warehouse: WarehouseResource) -> dg.AssetCheckResult:
        with warehouse.get_connection() as connection:
            undated = connection.execute(
                f"SELECT id FROM raw.{table} WHERE created_at IS NULL ORDER BY id"
            ).fetchall()
        return result(undated, "undated rows", dg.AssetCheckSeverity.WARN)

    return [rows_equal_source, rows_have_a_day]


@dg.asset_check(
    asset=hourly_user_agent_rollup,
    blocking=True,
    description="The roll-up of each day totals its raw events, impressions and clicks apart.",
)
def rollup_totals_raw(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """Compare sums by day."""
    days = days_to_check(context)
    with warehouse.get_connection() as connection:
        differences = connection.execute(
            """
            SELECT
                day::VARCHAR,
                sum(raw_impressions), sum(impressions), sum(raw_clicks), sum(clicks)
            FROM (
                SELECT file_date AS day, count(*) AS raw_impressions, 0 AS impressions,
                    0 AS raw_clicks, 0 AS clicks
                FROM raw.impression_logs GROUP BY ALL
                UNION ALL
                SELECT file_date, 0, 0, count(*), 0 FROM raw.click_logs GROUP BY ALL
                UNION ALL
                SELECT event_date, 0, sum(impression_count), 0, sum(click_count)
                FROM rollup.hourly_user_agent_rollup GROUP BY ALL
            ) AS totals
            WHERE day BETWEEN ? AND ?
            GROUP BY day
            HAVING sum(raw_impressions) <> sum(impressions) OR sum(raw_clicks) <> sum(clicks)
            ORDER BY day
            """,
            [days.first, days.last],
        ).fetchall()
    return result(differences, "days whose roll-up differs from the raw events")


@dg.asset_check(
    asset=daily_csv,
    blocking=True,
    description="The CSV of each day holds the roll-up of the configured user agent, row for row.",
)
def csv_equals_rollup(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
) -> dg.AssetCheckResult:
    """Compare row by row."""
    days = days_to_check(context)
    with warehouse.get_connection() as connection:
        counted_days = Ledger(connection).day_files(days)
        expected = set(rollup.hourly_counts(connection, days, settings.user_agent))
    found = {row for day in counted_days for row in csv_files.read(settings.output_dir, day)}
    return result(_ordered(expected ^ found), "rows that only the CSV or only the roll-up has")


@dg.asset_check(
    asset=csv_data_task,
    blocking=True,
    description="The audited table holds the CSV's rows, and load_audit their totals.",
)
def table_equals_csv(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    target: dg.ResourceParam[Postgres],
) -> dg.AssetCheckResult:
    """Compare row by row, and the totals by day."""
    days = days_to_check(context)
    with target.connect(read_only=True) as connection:
        found = audited_load.loaded_counts(connection, days)
        audited = audited_load.audits(connection, days)
    expected = {row for day in audited for row in csv_files.read(settings.output_dir, day)}
    differences: list[object] = _ordered(expected ^ set(found))
    for day, audit in audited.items():
        rows = [row for row in found if row.day == day]
        totals = (len(rows), sum(r.impressions for r in rows), sum(r.clicks for r in rows))
        if totals != (audit.row_count, audit.impression_count, audit.click_count):
            differences.append((day, totals, audit))
    return result(differences, "rows or totals in which table, CSV and audit differ")


def _ordered(rows: set[rollup.HourCount]) -> list[object]:
    return [*sorted(rows, key=lambda row: (row.day, row.hour, row.impressions, row.clicks))]


def _build_published_check(mart: Mart) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=PUBLISHED_KEYS[mart.name],
        name="rows_equal_mart",
        description="The published table holds the rows of the mart in the warehouse.",
    )
    def rows_equal_mart(
        warehouse: WarehouseResource, target: dg.ResourceParam[Postgres]
    ) -> dg.AssetCheckResult:
        table = f"{SCHEMA}.{mart.name}"
        with target.snapshot() as snapshot, warehouse.get_connection() as connection:
            columns = connection.execute(f"DESCRIBE {table}").fetchall()
            names = ", ".join(name for name, *_ in columns)
            casts = ", ".join(f"CAST({name} AS {type_}) AS {name}" for name, type_, *_ in columns)
            connection.register("in_postgres", snapshot.table(f"SELECT {names} FROM {table}"))
            differences = connection.execute(
                f"""
                (SELECT 'only in the warehouse', * FROM (FROM {table} EXCEPT ALL
                    SELECT {casts} FROM in_postgres))
                UNION ALL
                (SELECT 'only in Postgres', * FROM (SELECT {casts} FROM in_postgres
                    EXCEPT ALL FROM {table}))
                """
            ).fetchall()
        return result(differences, f"rows of {table} that only one of the stores has")

    return rows_equal_mart


checks = [
    *(check for kind in KINDS for check in _build_log_checks(kind)),
    *(check for table in EVENT_TABLES for check in _build_source_checks(table)),
    rollup_totals_raw,
    csv_equals_rollup,
    table_equals_csv,
    *(_build_published_check(mart) for mart in MARTS.values()),
]
