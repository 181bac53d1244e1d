"""The hourly roll-up of the logs, and what its user agents are."""

from datetime import UTC, datetime

import dagster as dg

from adtech_assets.defs.assets.raw import RAW_LOG_KEYS
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import DAILY, OWNERS, SINGLE_RUN, days_of, step, table_metadata
from adtech_assets.logs import rollup
from adtech_assets.logs import user_agents as agents
from adtech_assets.settings import Settings
from adtech_assets.stores.warehouse import transaction


@dg.asset(
    deps=list(RAW_LOG_KEYS.values()),
    description=(
        "Impressions and clicks per date and hour of the file name and user agent. Hours without "
        "events have no row; the missing side of an hour is 0. Hours are local, so the one that "
        "comes twice in autumn is one row."
    ),
    group_name="rollup",
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
)
def hourly_user_agent_rollup(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
) -> dg.MaterializeResult[None]:
    """Rebuild the days' roll-up from all their raw rows."""
    with step(context, settings, notes_failed_days=True), warehouse.get_connection() as connection:
        connection.execute(rollup.SCHEMA)
        with transaction(connection):
            rows = rollup.rebuild(connection, days_of(context))
        return dg.MaterializeResult(
            metadata={
                "rows_of_these_days": rows,
                **table_metadata(connection, "rollup.hourly_user_agent_rollup"),
            }
        )


@dg.asset(
    deps=[hourly_user_agent_rollup],
    description=(
        "One row for each distinct user agent: browser, operating system, device, and why its "
        "traffic is invalid, if it is. Agents are classified once; those of the run's days again "
        "when the classifier has changed."
    ),
    group_name="rollup",
    kinds={"duckdb", "python"},
    owners=OWNERS,
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
)
def user_agents(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
) -> dg.MaterializeResult[None]:
    """Classify what the days' roll-up has of new agents."""
    days = days_of(context)
    with step(context, settings), warehouse.get_connection() as connection:
        connection.execute(rollup.SCHEMA)
        connection.execute(agents.SCHEMA)
        with transaction(connection):
            now = datetime.now(UTC).replace(tzinfo=None)
            classified = agents.classify_days(connection, days, now=now)
        share = agents.crawler_share(connection, days)
        return dg.MaterializeResult(
            metadata={
                "agents_classified_now": classified.new,
                "crawlers": classified.crawlers,
                "crawler_share_of_these_days": 0.0 if share is None else share,
                "classifier_version": agents.classifier_version(),
                **table_metadata(connection, "rollup.user_agents"),
            }
        )


assets = [hourly_user_agent_rollup, user_agents]
