"""What Dagster knows of the dbt models and their tests, before any is built."""

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Sequence

import dagster as dg

from adtech_assets.defs.catalogue import OWNERS, file_of_code, table_spec
from adtech_assets.defs.days import BY_DAY
from adtech_assets.defs.dbt_project import DBT_DIR
from adtech_assets.models.project import AssetKey, Column, Model, Project, Test

BRANCHES = {"operational": "operational", "logs": "log", "rollup": "log", "billing": "joint"}
"""The branch of the graph that a dbt source belongs to; what is billed stands on both."""


def daily_models(project: Project) -> set[str]:
    """Models that are partitioned: built by day, or read by those that are.

    So nothing that is built whole lies between two that have partitions, and a range of days that
    is asked for in the UI is one run up to the last of these, and one more for the rest.
    """
    found: set[str] = set()
    for model in reversed(list(project.models.values())):
        if model.is_daily or model.name in found:
            found |= {model.name, *model.inputs}
    return found & project.models.keys()


def parts(project: Project) -> dict[str, list[Model]]:
    """The models and snapshots that are built, and fail, together; each behind what it reads.

    A part has one branch, so that a failure of the log files does not hold back what stands on
    the operational database, and the other way round. And it has one partitioning.
    """
    daily = daily_models(project)
    found = defaultdict(list)
    for model in project.models.values():
        above = set(_ancestors(project, model))
        branches = {
            BRANCHES[source.branch] for name, source in project.sources.items() if name in above
        }
        branch = branches.pop() if len(branches) == 1 else "joint"
        found[f"{branch}_{'daily' if model.name in daily else 'whole'}_models"].append(model)
    return found


def _ancestors(project: Project, model: Model) -> Iterator[str]:
    """What a model stands on, sources included; some of it more than once."""
    for name in model.inputs:
        yield name
        if name in project.models:
            yield from _ancestors(project, project.models[name])


def asset_spec(project: Project, model: Model, *, by_day: bool) -> dg.AssetSpec:
    """Of a model: its group is its layer."""
    code = textwrap.indent(model.raw_code, "    ")
    return dg.AssetSpec(
        dg.AssetKey(model.asset_key),
        deps=[dg.AssetKey(project.asset_key(name)) for name in model.inputs],
        description=f"{model.description}\n\n#### Raw SQL:\n```sql\n{code}\n```",
        metadata={
            **table_spec(f"warehouse.{model.table}", _columns_with_origin(model)),
            **file_of_code(DBT_DIR / model.path),
            "dagster/storage_kind": "duckdb",
            "dagster-dbt/materialization_type": model.materialized,
            "dagster_dbt/unique_id": model.unique_id,
        },
        skippable=True,
        group_name=model.schema,
        code_version=model.code,
        owners=OWNERS,
        tags={"daily": ""} if model.is_daily else {},
        kinds={"dbt", "duckdb"},
        partitions_def=BY_DAY if by_day else None,
    )


def _columns_with_origin(model: Model) -> dict[str, Column]:
    """Its columns, each with those that it is made of: Dagster's own UI does not draw them."""
    return {
        name: Column(
            column.type,
            "\n\n".join(
                filter(None, [column.description.strip(), _made_of(model.column_lineage.get(name))])
            ),
        )
        for name, column in model.columns.items()
    }


def _made_of(columns: Sequence[tuple[AssetKey, str]] | None) -> str:
    return "From " + ", ".join(f"`{key[-1]}.{name}`" for key, name in columns) if columns else ""


def check_spec(project: Project, test: Test) -> dg.AssetCheckSpec:
    """Of a test: what depends on its model waits for it, unless it only warns."""
    asset = dg.AssetKey(project.models[test.model].asset_key)
    read = {dg.AssetKey(project.asset_key(name)) for name in test.inputs}
    return dg.AssetCheckSpec(
        test.check_name,
        asset=asset,
        description=test.description,
        additional_deps=sorted(read - {asset}),
        metadata={"dagster_dbt/unique_id": test.unique_id},
        blocking=test.is_error,
    )
