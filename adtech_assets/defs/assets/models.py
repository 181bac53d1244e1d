"""The dbt models: staging, intermediate and marts, in parts that are built and fail apart."""

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtProject
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from dbt.adapters.base.impl import BaseAdapter

from adtech_assets.defs.column_lineage import ColumnLineage
from adtech_assets.defs.dbt import Dbt
from adtech_assets.defs.model_metadata import MetadataAdapter
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import DAILY, OWNERS, SINGLE_RUN, run_days, step
from adtech_assets.errors import UserError
from adtech_assets.logs import rollup, user_agents
from adtech_assets.logs.ledger import Ledger
from adtech_assets.operational import history
from adtech_assets.operational.snapshot import create_tables
from adtech_assets.settings import PROJECT_DIR, Settings

MOST_TOLD = 500
"""Characters of an error that are told; the rest is in the log."""

DAILY_TAG = "daily"
"""dbt tag of models that are partitioned by day: they replace the days of the run."""

BRANCHES = {"operational": "operational", "logs": "log", "rollup": "log"}
"""The branch of the graph that a dbt source belongs to."""


class Translator(DagsterDbtTranslator):
    """Names, groups and partitions of the dbt models in Dagster."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Group by layer; partition by day what dbt builds by day."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] not in ("model", "snapshot"):
            return spec
        return spec.replace_attributes(
            group_name=node["schema"],
            owners=OWNERS,
            partitions_def=DAILY if DAILY_TAG in node["tags"] else None,
        )


dbt = Dbt(
    DbtProject(
        PROJECT_DIR / "adtech_dbt",
        # Not where dbt by hand leaves its manifest: that may be of a partial parse.
        target_path=Path("target", "dagster"),
        profiles_dir=PROJECT_DIR / "adtech_dbt",
    ),
    Translator(),
)


@contextlib.contextmanager
def _told_in_a_line(settings: Settings) -> Iterator[None]:
    """What dbt says of a failed model or test, without the command line around it."""
    try:
        yield
    except DagsterDbtCliRuntimeError as error:
        _, _, errors = str(error).partition("Errors parsed from dbt logs:")
        told = " ".join((errors or str(error)).split())[:MOST_TOLD]
        raise UserError(f"dbt: {told} (log: {settings.dbt_target_dir / 'dbt.log'})") from error


def _create_sources(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that the models read, as far as nobody has loaded them: empty ones."""
    Ledger.create(connection)
    connection.execute(rollup.SCHEMA)
    connection.execute(user_agents.SCHEMA)
    create_tables(connection)


def _parts() -> dict[str, list[str]]:
    """The models and snapshots of each part, by its name."""
    parts = defaultdict(list)
    for unique_id, node in sorted(dbt.manifest["nodes"].items()):
        if node["resource_type"] in ("model", "snapshot"):
            parts[_part(unique_id)].append(unique_id)
    return parts


def _part(unique_id: str) -> str:
    """The part of a model: what is in one is built, and fails, together.

    It has one branch, so that a failure of the log files does not hold back what stands on the
    operational database, and the other way round. And it has one partitioning: whole models are in
    `base` before the daily ones, and in `summary` behind them.
    """
    nodes, sources = dbt.manifest["nodes"], dbt.manifest["sources"]
    above = set(_ancestors(unique_id))
    branches = {BRANCHES[sources[source]["source_name"]] for source in above & sources.keys()}
    if DAILY_TAG in nodes[unique_id]["tags"]:
        kind = "daily"
    elif any(DAILY_TAG in nodes[ancestor]["tags"] for ancestor in above & nodes.keys()):
        kind = "summary"
    else:
        kind = "base"
    return f"{branches.pop() if len(branches) == 1 else 'joint'}_{kind}_models"


def _ancestors(unique_id: str) -> Iterator[str]:
    """What a node stands on, sources included; some of it more than once."""
    for parent in dbt.manifest["parent_map"][unique_id]:
        yield parent
        yield from _ancestors(parent)


def _build_assets(name: str, unique_ids: list[str]) -> dg.AssetsDefinition:
    specs = {
        unique_id: dbt.translator.get_asset_spec(dbt.manifest, unique_id, dbt.project)
        for unique_id in unique_ids
    }
    check_specs = [
        check
        for unique_id, spec in specs.items()
        for test in dbt.manifest["child_map"][unique_id]
        if test.startswith("test.")
        and (check := dbt.translator.get_asset_check_spec(spec, dbt.manifest, test, dbt.project))
    ]
    nodes = {spec.key: unique_id for unique_id, spec in specs.items()} | {
        check.key: check.metadata["dagster_dbt/unique_id"] for check in check_specs
    }

    @dg.multi_asset(
        name=name,
        specs=list(specs.values()),
        check_specs=check_specs,
        can_subset=True,
        backfill_policy=SINGLE_RUN,
    )
    def models(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
    ) -> Iterator[Any]:
        """Build and test the models; those partitioned by day for the days of the run."""
        days = run_days(context.run.tags)
        window = (
            [f"--event-time-start={days.first}", f"--event-time-end={days.end}"] if days else []
        )
        selected = [
            nodes[key] for key in (*context.selected_asset_keys, *context.selected_asset_check_keys)
        ]
        has_history = any(node.startswith("snapshot.") for node in selected)
        with step(context, settings), _told_in_a_line(settings), warehouse.store.reserved():
            # Also waits for whoever looks at the file with DuckDB's own client: they hold DuckDB's
            # lock, not ours.
            with warehouse.get_connection() as connection:
                _create_sources(connection)
                restored = history.restore(connection, settings.history_dir) if has_history else []
            for snapshot in restored:
                context.log.info(f"Restored {snapshot} from {settings.history_dir}.")
            build = dbt.build(context, selected, settings.dbt_target_dir, window)
            with warehouse.get_connection() as connection:
                if has_history:
                    history.keep(connection, settings.history_dir)
                build.adapter = cast("BaseAdapter", MetadataAdapter(connection))
                lineage = ColumnLineage(settings.dbt_target_dir, dbt.project.manifest_path)
                yield from lineage.attached(
                    build.stream()
                    .fetch_row_counts()
                    .fetch_column_metadata(with_column_lineage=not lineage.is_known(selected))
                )
                lineage.keep()

    return models


assets = [_build_assets(name, unique_ids) for name, unique_ids in _parts().items()]
