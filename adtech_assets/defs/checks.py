"""Asset checks: at every stage that can go wrong, blocking where a wrong number would be published.

A check of a run looks at the run's days; started by itself it looks at every day. dbt's tests are
checks too, defined beside the models.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from adtech_assets.defs.assets.load import csv_data_task, daily_csv, processed_log_files
from adtech_assets.defs.assets.raw import EXTRACTED_DAYS_KEY, RAW_LOG_KEYS, RAW_OPERATIONAL_KEYS
from adtech_assets.defs.assets.rollup import hourly_user_agent_rollup, user_agents
from adtech_assets.defs.assets.serving import MARTS, PUBLISHED_KEYS
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import days_to_check, run_days, step
from adtech_assets.logs import offsets, rollup
from adtech_assets.logs import user_agents as agents
from adtech_assets.logs.ledger import Ledger
from adtech_assets.logs.names import KINDS, Kind
from adtech_assets.operational.snapshot import EVENT_TABLES, RawTable
from adtech_assets.partitions import DayRange, yesterday
from adtech_assets.serving import conservation, published_check
from adtech_assets.serving.status import read_status
from adtech_assets.settings import Settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import WAIT_SECONDS

MOST_DIFFERENCES = 20
"""Differences that a check lists; it says how many there are in all."""


def result(
    differences: Sequence[object],
    what: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    of: int | None = None,
    check: dg.AssetCheckKey | None = None,
) -> dg.AssetCheckResult:
    """Passed without differences; else the first ones, day and numbers, `of` all there are.

    The check is named by a step that evaluates several.
    """
    shown = [str(difference) for difference in differences[:MOST_DIFFERENCES]]
    count = len(differences) if of is None else of
    if not shown:
        told = f"No {what}"
    elif count == 1:
        told = f"{what[0].upper()}{what[1:]}: {shown[0]}"
    else:
        told = f"{count} {what}, first: {shown[0]}"
    return dg.AssetCheckResult(
        passed=not differences,
        severity=severity,
        description=told,
        metadata={"differences": count, "examples": dg.MetadataValue.json(shown)},
        asset_key=check and check.asset_key,
        check_name=check and check.name,
    )


def switched_off(setting: str) -> dg.AssetCheckResult:
    """Passed, because nobody wants to know."""
    return dg.AssetCheckResult(passed=True, description=f"Switched off by {setting}")


def _build_log_checks(kind: Kind) -> list[dg.AssetChecksDefinition]:
    @dg.asset_check(
        asset=RAW_LOG_KEYS[kind],
        name="files_are_complete",
        blocking=True,
        description="Every counted file has all its rows: ledger = raw table = offsets.",
    )
    def files_are_complete(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> dg.AssetCheckResult:
        with warehouse.get_connection() as connection:
            Ledger.create(connection)
            differences = conservation.ledger_and_raw(connection, kind, days_to_check(context))
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
        told = [f"{name}: {detail} [{reason}]" for name, reason, detail in files]
        return result(told, "files in quarantine", dg.AssetCheckSeverity.WARN)

    @dg.asset_check(
        asset=RAW_LOG_KEYS[kind],
        name="offsets_are_counted_once",
        blocking=True,
        description="No two counted files have delivered the same offsets of a feed partition.",
    )
    def offsets_are_counted_once(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
    ) -> dg.AssetCheckResult:
        if not settings.refuse_offset_overlaps:
            return switched_off("ADTECH_REFUSE_OFFSET_OVERLAPS=false")
        with warehouse.get_connection() as connection:
            Ledger.create(connection)
            found = offsets.overlaps(connection, kind, days_to_check(context))
        return result(found, "stretches of offsets counted twice")

    @dg.asset_check(
        asset=RAW_LOG_KEYS[kind],
        name="offsets_have_no_gaps",
        description="Between the counted files of a feed partition no offsets are missing.",
    )
    def offsets_have_no_gaps(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
    ) -> dg.AssetCheckResult:
        if not settings.report_offset_gaps:
            return switched_off("ADTECH_REPORT_OFFSET_GAPS=false")
        with warehouse.get_connection() as connection:
            Ledger.create(connection)
            found = offsets.gaps(connection, kind, days_to_check(context))
        return result(found, "gaps between the files' offsets", dg.AssetCheckSeverity.WARN)

    return [
        files_are_complete,
        no_file_is_quarantined,
        offsets_are_counted_once,
        offsets_have_no_gaps,
    ]


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
        with warehouse.get_connection() as connection:
            differences = conservation.source_and_raw(connection, table, days_to_check(context))
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
    with warehouse.get_connection() as connection:
        differences = conservation.raw_and_rollup(connection, days_to_check(context))
    return result(differences, "days whose roll-up differs from the raw events")


@dg.asset_check(
    asset=hourly_user_agent_rollup,
    description="No day has more clicks than impressions, as it does where impressions are lost.",
)
def clicks_within_impressions(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """Warn only: what was delivered is counted as it is."""
    with warehouse.get_connection() as connection:
        days = rollup.days_of_excess_clicks(connection, days_to_check(context))
    told = [
        f"{day}: {impressions:,} impressions, {clicks:,} clicks"
        for day, impressions, clicks in days
    ]
    return result(told, "days with more clicks than impressions", dg.AssetCheckSeverity.WARN)


@dg.asset_check(
    asset=user_agents,
    blocking=True,
    description="Every user agent of the roll-up is classified.",
)
def every_agent_is_classified(
    context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
) -> dg.AssetCheckResult:
    """Look the agents up by id."""
    with warehouse.get_connection() as connection:
        missing = agents.unclassified(connection, days_to_check(context))
    return result([repr(agent) for agent in missing], "user agents without a classification")


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
    """Compare hour by hour."""
    with warehouse.get_connection() as connection:
        differences = conservation.rollup_and_csv(connection, settings, days_to_check(context))
    return result(differences, "hours in which CSV and roll-up differ")


@dg.asset_check(
    asset=csv_data_task,
    blocking=True,
    description="The audited table holds the CSV's rows, load_audit their totals and all files.",
)
def table_equals_csv(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
) -> dg.AssetCheckResult:
    """Compare hour by hour, and the totals by day."""
    days = days_to_check(context)
    with (
        step(context, settings),
        warehouse.get_connection() as connection,
        target.connect(read_only=True) as postgres,
    ):
        Ledger.create(connection)
        differences = conservation.csv_and_table(connection, postgres, settings, days)
    return result(differences, "hours or totals in which table, CSV and audit differ")


@dg.asset_check(
    asset=processed_log_files,
    description=(
        "Nothing lost, nothing twice: every file lies where the ledger says, and the counts from "
        "the files' rows to the audited table, and from the source to its copies, are equal."
    ),
)
def counts_are_conserved(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
) -> dg.AssetCheckResult:
    """Compare everything once more, when all steps are done."""
    days = days_to_check(context)
    with (
        step(context, settings),
        warehouse.get_connection() as connection,
        target.connect(read_only=True) as postgres,
    ):
        Ledger.create(connection)
        differences = conservation.all_differences(connection, postgres, settings, days)
    return result(differences, "counts that differ")


@dg.asset_check(
    asset=csv_data_task,
    description=(
        "Yesterday is loaded, from all the files that are there. Asked every morning, whether or "
        "not a run has happened; runs do not ask, for most are about other days."
    ),
)
def yesterday_is_loaded(settings: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
    """Look at the state of yesterday's partition."""
    day = yesterday(settings.zone)
    if day < settings.start_date:
        return dg.AssetCheckResult(passed=True, description=f"{day} is before the first day")
    status = read_status(settings, DayRange(day, day), WAIT_SECONDS).days[day]
    return dg.AssetCheckResult(
        passed=status.state in ("loaded", "empty"),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{day} is {status.state}" + (f": {status.error}" if status.error else ""),
        metadata={"files": status.files, "files_waiting": status.waiting_files},
    )


ROWS_EQUAL_MART = {
    mart.name: dg.AssetCheckSpec(
        "rows_equal_mart",
        asset=PUBLISHED_KEYS[mart.name],
        description="The published table holds the rows of the mart in the warehouse.",
    )
    for mart in MARTS.values()
}


# One step for all marts: a step of its own for each took 0.09 s, most of it to open both stores.
@dg.multi_asset_check(specs=list(ROWS_EQUAL_MART.values()), can_subset=True)
def rows_equal_mart(
    context: dg.AssetCheckExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
) -> Iterator[dg.AssetCheckResult]:
    """Compare the days of the run, or everything, all marts at one instant."""
    selected = context.op_execution_context.selected_asset_check_keys
    days = run_days(context.run.tags)
    with (
        step(context, settings),
        warehouse.get_connection() as connection,
        target.snapshot() as snapshot,
    ):
        for mart in MARTS.values():
            check = ROWS_EQUAL_MART[mart.name].key
            if check not in selected:
                continue
            found = published_check.compare(connection, snapshot, mart, days, MOST_DIFFERENCES)
            what = f"rows of {mart.table} that only one of the stores has"
            yield result(found.examples, what, of=found.rows, check=check)


checks = [
    *(check for kind in KINDS for check in _build_log_checks(kind)),
    *(check for table in EVENT_TABLES for check in _build_source_checks(table)),
    rollup_totals_raw,
    clicks_within_impressions,
    every_agent_is_classified,
    csv_equals_rollup,
    table_equals_csv,
    counts_are_conserved,
    yesterday_is_loaded,
    rows_equal_mart,
]
