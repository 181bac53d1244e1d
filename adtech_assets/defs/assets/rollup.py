"""What is counted of the logged events, and what their user agents are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import duckdb

from adtech_assets import graph
from adtech_assets.defs.assets.raw import RAW_LOG_KEYS
from adtech_assets.defs.catalogue import OWNERS
from adtech_assets.defs.days import BY_DAY, SINGLE_RUN, days_told, materialized, to_build
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import day_step, log_step
from adtech_assets.models.project import Project
from adtech_assets.rollup import counting, events, facts
from adtech_assets.rollup import user_agents as agents
from adtech_assets.rollup.facts import Facts
from adtech_assets.settings import Settings
from adtech_assets.stores.warehouse import transaction
from adtech_assets.versions import Day, Notes, Parts

USER_AGENTS_KEY = dg.AssetKey("user_agents")


def _build(name: str, group: Sequence[Facts]) -> dg.AssetsDefinition:
    """A step that counts facts."""
    by_key = {dg.AssetKey(counted.name): counted for counted in group}

    @dg.multi_asset(
        name=name,
        specs=[_spec(counted) for counted in group],
        can_subset=True,
        backfill_policy=SINGLE_RUN,
    )
    def count_events(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
        project: dg.ResourceParam[Project],
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Count stale days anew from all their events."""
        selected = {key: by_key[key] for key in by_key if key in context.selected_asset_keys}

        def stale(connection: duckdb.DuckDBPyConnection) -> dict[Facts, dict[Day, str | None]]:
            parts = graph.read(connection, settings, project)
            return {each: to_build(context, parts, each.table) for each in selected.values()}

        begun = log_step if facts.ROLLUP in group else day_step
        with begun(context, settings, project):
            built: Mapping[Facts, Collection[Day]] = {}
            if settings.engine == "spark":
                # Imported here because its readers take 0.2 s, in which definitions are loaded.
                from adtech_assets.rollup.spark.counting import count  # noqa: PLC0415

                built = count(warehouse.store, settings, stale, context.run_id)
            with warehouse.get_connection() as connection:
                counting.create(connection, settings.feed)
                if settings.engine == "duckdb":
                    wanted = stale(connection)
                    days = {day for versions in wanted.values() for day in versions if day}
                    if events.bring_back(connection, settings, days, context.run_id):
                        wanted = stale(connection)
                    built = counting.count(connection, wanted, context.run_id)
                if settings.raw_event_days:
                    parts = graph.read(connection, settings, project)
                    left = events.let_go(connection, settings, _counted(parts))
                    context.log.info(f"The single events of {len(left)} days have left.")
                told = {
                    key: _told(context, connection, counted, built.get(counted, ()))
                    for key, counted in selected.items()
                }
            for key, by_day in told.items():
                yield materialized(context, key, by_day)

    return count_events


def _counted(parts: Parts) -> set[date]:
    """Days of which all facts are counted, from the files that there are."""
    counted = [set(parts.noted(each.table)) - set(parts.stale(each.table)) for each in facts.ALL]
    return {day for day in set.intersection(*counted) if day is not None}


def _spec(counted: Facts) -> dg.AssetSpec:
    agents_read = [USER_AGENTS_KEY] if "invalid_agents" in counted.reads else []
    return dg.AssetSpec(
        counted.name,
        deps=[*(RAW_LOG_KEYS[kind] for kind in counted.kinds), *agents_read],
        description=counted.description,
        group_name="rollup",
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        partitions_def=BY_DAY,
    )


def _told(
    context: dg.AssetExecutionContext,
    connection: duckdb.DuckDBPyConnection,
    counted: Facts,
    built: Collection[Day],
) -> dict[date, dict[str, Any]]:
    """What there is to say of each day that was counted or asked for."""
    told = days_told(context, Notes(connection), counted.table, built)
    totals = counting.day_totals(connection, counted, told)
    nothing: dict[str, int] = {"rows": 0, **dict.fromkeys(counted.kinds, 0)}
    for day, of_day in told.items():
        of_day.update(totals.get(day, nothing))
        of_day["dagster/partition_row_count"] = of_day.pop("rows")
    return told


hourly_user_agent_rollup = _build(facts.ROLLUP.name, [facts.ROLLUP])
event_facts = _build("event_facts", facts.FOR_MODELS)


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
)
def user_agents(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    project: dg.ResourceParam[Project],
) -> dg.MaterializeResult[None]:
    """Classify what the roll-up of stale days has of agents that are not known yet."""
    with day_step(context, settings, project), warehouse.get_connection() as connection:
        counting.create(connection, settings.feed)
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


ASSETS = [hourly_user_agent_rollup, user_agents, event_facts]
