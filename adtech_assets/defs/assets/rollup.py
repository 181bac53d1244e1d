"""What is counted of the logged events, and what their user agents are."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime

import dagster as dg
import duckdb

from adtech_assets import graph
from adtech_assets.defs.assets.raw import RAW_LOG_KEYS
from adtech_assets.defs.catalogue import OWNERS, table_spec
from adtech_assets.defs.days import BY_DAY, SINGLE_RUN, days_told, materialized, to_build
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import log_step, step
from adtech_assets.feed.ledger import Ledger
from adtech_assets.models.project import Project
from adtech_assets.rollup import counting, facts
from adtech_assets.rollup import user_agents as agents
from adtech_assets.rollup.facts import Facts
from adtech_assets.settings import Settings
from adtech_assets.stores.warehouse import Warehouse, transaction
from adtech_assets.versions import Day, Notes

USER_AGENTS_KEY = dg.AssetKey("user_agents")

Todo = Callable[[duckdb.DuckDBPyConnection], dict[Day, str | None]]
"""Which days are to be counted, with the versions that they will have."""


def _count(
    settings: Settings, store: Warehouse, counted: Facts, todo: Todo, run_id: str
) -> Collection[Day]:
    """With DuckDB, in the warehouse."""
    with store.connect() as connection:
        Ledger.create(connection, settings.feed)
        connection.execute(counted.schema)
        connection.execute(agents.SCHEMA)
        versions = todo(connection)
        if days := [day for day in versions if day is not None]:
            with transaction(connection):
                counting.rebuild(connection, counted, days)
                Notes(connection).note(counted.table, versions, run_id)
        return days


def _count_with_spark(
    settings: Settings, store: Warehouse, counted: Facts, todo: Todo, run_id: str
) -> Collection[Day]:
    # Imported here because its readers take 0.2 s, in which the definitions are loaded.
    from adtech_assets.rollup.spark.counting import rebuild  # noqa: PLC0415

    return rebuild(store, settings, counted, todo, run_id)


def _build(counted: Facts) -> dg.AssetsDefinition:
    """The asset of some facts."""
    agents_read = [USER_AGENTS_KEY] if "invalid_agents" in counted.reads else []

    @dg.asset(
        name=counted.name,
        deps=[*(RAW_LOG_KEYS[kind] for kind in counted.kinds), *agents_read],
        description=counted.description,
        group_name="rollup",
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        partitions_def=BY_DAY,
        backfill_policy=SINGLE_RUN,
        metadata=table_spec(counted.table, counted.columns),
    )
    def count_events(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
        project: dg.ResourceParam[Project],
    ) -> dg.MaterializeResult[None]:
        """Count stale days anew from all their events."""
        is_rollup = counted is facts.ROLLUP

        def todo(connection: duckdb.DuckDBPyConnection) -> dict[Day, str | None]:
            return to_build(context, graph.read(connection, settings, project), counted.table)

        with log_step(context, settings, project) if is_rollup else step(settings):
            if settings.engine == "spark":
                built = _count_with_spark(settings, warehouse.store, counted, todo, context.run_id)
            else:
                built = _count(settings, warehouse.store, counted, todo, context.run_id)
            with warehouse.get_connection() as connection:
                told = days_told(context, Notes(connection), counted.table, built)
                totals = counting.day_totals(connection, counted, told)
            nothing: dict[str, int] = {"rows": 0, **dict.fromkeys(counted.kinds, 0)}
            for day, of_day in told.items():
                of_day.update(totals.get(day, nothing))
                of_day["dagster/partition_row_count"] = of_day.pop("rows")
            return materialized(context, context.asset_key, told)

    return count_events


FACTS_ASSETS = {counted: _build(counted) for counted in facts.ALL}


@dg.asset(
    deps=[FACTS_ASSETS[facts.ROLLUP]],
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
        connection.execute(facts.ROLLUP.schema)
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


ASSETS = [*FACTS_ASSETS.values(), user_agents]
