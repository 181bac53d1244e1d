"""The hourly roll-up of the logs, and what its user agents are."""

from datetime import UTC, datetime

import dagster as dg

from adtech_assets import graph
from adtech_assets.defs.assets.raw import RAW_LOG_KEYS
from adtech_assets.defs.catalogue import OWNERS, table_spec
from adtech_assets.defs.days import BY_DAY, SINGLE_RUN, days_told, materialized, to_build
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import log_step, step
from adtech_assets.feed.ledger import Ledger
from adtech_assets.models.project import Project
from adtech_assets.rollup import hourly
from adtech_assets.rollup import user_agents as agents
from adtech_assets.settings import Settings
from adtech_assets.stores.warehouse import transaction
from adtech_assets.versions import Notes


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
    partitions_def=BY_DAY,
    backfill_policy=SINGLE_RUN,
    metadata=table_spec(graph.ROLLUP, hourly.COLUMNS),
)
def hourly_user_agent_rollup(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[None]:
    """Rebuild the roll-up of stale days from all their raw rows."""
    with log_step(context, settings, project), warehouse.get_connection() as connection:
        Ledger.create(connection, settings.feed)
        connection.execute(hourly.SCHEMA)
        notes = Notes(connection)
        versions = to_build(context, graph.read(connection, settings, project), graph.ROLLUP)
        days = [day for day in versions if day is not None]
        if days:
            with transaction(connection):
                hourly.rebuild(connection, days)
                notes.note(graph.ROLLUP, versions, context.run_id)
        told = days_told(context, notes, graph.ROLLUP, days)
        totals = hourly.day_totals(connection, told)
        for day, of_day in told.items():
            rows, impressions, clicks = totals.get(day, (0, 0, 0))
            of_day.update(
                {
                    "dagster/partition_row_count": rows,
                    "impressions": impressions,
                    "clicks": clicks,
                }
            )
        return materialized(context, context.asset_key, told)


@dg.asset(
    deps=[hourly_user_agent_rollup],
    description=(
        "One row for each distinct user agent: browser, operating system, device, and why its "
        "traffic is invalid, if it is. Each agent is classified once, and all again when the "
        "classifier has changed."
    ),
    group_name="rollup",
    kinds={"duckdb", "python"},
    owners=OWNERS,
    partitions_def=BY_DAY,
    backfill_policy=SINGLE_RUN,
    metadata=table_spec(graph.USER_AGENTS, agents.COLUMNS),
)
def user_agents(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[None]:
    """Classify what the roll-up of stale days has of agents that are not known yet."""
    with step(settings), warehouse.get_connection() as connection:
        Ledger.create(connection, settings.feed)
        connection.execute(hourly.SCHEMA)
        connection.execute(agents.SCHEMA)
        notes = Notes(connection)
        versions = to_build(context, graph.read(connection, settings, project), graph.USER_AGENTS)
        days = [day for day in versions if day is not None]
        metadata: dict[str, object] = {"classifier_version": agents.classifier_version()}
        if days:
            with transaction(connection):
                now = datetime.now(UTC).replace(tzinfo=None)
                classified = agents.classify_days(connection, days, now=now)
                notes.note(graph.USER_AGENTS, versions, context.run_id)
            context.log.info(f"{classified.new} of {classified.agents} agents classified now.")
        told = days_told(context, notes, graph.USER_AGENTS, days)
        totals = agents.day_totals(connection, told)
        for day, of_day in told.items():
            of_day["agents"], of_day["crawler_share"] = totals.get(day, (0, 0.0))
        return materialized(context, context.asset_key, told, metadata)


ASSETS = [hourly_user_agent_rollup, user_agents]
