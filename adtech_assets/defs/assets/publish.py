"""What leaves the warehouse: marts published to Postgres, and exports of them."""

from collections.abc import Callable, Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from adtech_assets import graph
from adtech_assets.defs.check_results import MOST_DIFFERENCES, result
from adtech_assets.defs.dbt_project import dbt_project
from adtech_assets.defs.pictures import picture_metadata
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import (
    OWNERS,
    SINGLE_RUN,
    held_back,
    is_rebuild,
    run_days,
    step,
    table_spec,
    unchanged_since,
)
from adtech_assets.publish import notes as published_notes
from adtech_assets.publish.marts import EXPORTS, SCHEMA, Mart
from adtech_assets.settings import Settings
from adtech_assets.stores import outputs
from adtech_assets.stores.postgres import Postgres, retried
from adtech_assets.versions import Notes, digest

project = dbt_project()


def _public_marts() -> dict[dg.AssetKey, Mart]:
    """The dbt models with public access, by the key of their asset."""
    return {
        dg.AssetKey(model.asset_key): Mart(
            name=model.name,
            key=model.key,
            description=model.description,
            column_descriptions={
                name: column.description for name, column in model.columns.items()
            },
            has_every_day=model.has_every_day,
        )
        for _, model in sorted(project.models.items())
        if model.is_public
    }


MARTS = _public_marts()
PUBLISHED_KEYS = {mart.name: dg.AssetKey(["published", mart.name]) for mart in MARTS.values()}
ROWS_EQUAL_MART = "rows_equal_mart"


def _columns(mart: str) -> dict[str, str]:
    return {name: column.type for name, column in project.models[mart].columns.items()}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            PUBLISHED_KEYS[mart.name],
            deps=[key],
            description=f"`{mart.table}` in the target Postgres. {mart.description}",
            group_name="serving",
            kinds={"postgres", "table"},
            owners=OWNERS,
            metadata=table_spec(mart.table, _columns(mart.name)),
            skippable=True,
        )
        for key, mart in MARTS.items()
    ],
    check_specs=[
        dg.AssetCheckSpec(
            ROWS_EQUAL_MART,
            asset=PUBLISHED_KEYS[mart.name],
            description="The published table holds the rows of the mart in the warehouse.",
        )
        for mart in MARTS.values()
    ],
    can_subset=True,
    backfill_policy=SINGLE_RUN,
)
def published(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Renew what BI tools read, all marts in one transaction, and compare what was written."""
    selected = [
        mart for mart in MARTS.values() if PUBLISHED_KEYS[mart.name] in context.selected_asset_keys
    ]
    asked = run_days(context.run.tags)
    with step(context, settings):
        with warehouse.get_connection() as connection:
            Notes.create(connection)
            parts = graph.read(connection, settings, project)
            # Of what nobody has noted (dbt was started by hand), the rows themselves tell.
            versions = {
                mart.name: digest(parts.of(mart.name), mart)
                if parts.noted(mart.name)
                else context.run_id
                for mart in selected
            }
        todo = _outdated(context, target, versions)
        held: dict[str, list[str]] = {}
        written: dict[str, Collection[date] | None] = {}
        if todo:
            # Imported here, as below: these readers take 0.2 s, and most runs find nothing to do.
            from adtech_assets.publish.publication import publish  # noqa: PLC0415

            with warehouse.get_connection() as connection:
                # Another run may have built them; what failed in it does not stop this one.
                parts = graph.read(connection, settings, project)
                held = {mart: audits for mart in todo if (audits := parts.unproven(mart))}
                selected = [mart for mart in selected if mart.name not in held]
                marts = [mart for mart in selected if mart.name in todo]
                done = publish(connection, target, marts, versions, todo)
            for mart in marts:
                of_mart = done[mart.name].written
                written[mart.name] = (
                    None
                    if of_mart is None or asked is None
                    else {*asked, *(day for day in of_mart if day is not None)}
                )
        pictures = picture_metadata(context, target) if todo else {}
        there = publications_of(target)
        for mart in selected:
            yield dg.MaterializeResult(
                asset_key=PUBLISHED_KEYS[mart.name],
                metadata={
                    "dagster/row_count": there[mart.name].rows,
                    **({} if mart.name in written else unchanged_since(there[mart.name].at)),
                    **pictures.get(mart.name, {}),
                },
            )
        unchanged = versions.keys() - written.keys() - held.keys()
        for key in sorted(context.selected_asset_check_keys):
            # What has not been written is as it was when it was compared: its hash says so.
            if key.asset_key.path[-1] in unchanged:
                yield dg.AssetCheckResult(
                    asset_key=key.asset_key,
                    check_name=key.name,
                    passed=True,
                    description="Nothing has changed since the rows were compared.",
                )
        compared = [
            mart
            for mart in MARTS.values()
            if mart.name not in unchanged
            and mart.name not in held
            and dg.AssetCheckKey(PUBLISHED_KEYS[mart.name], ROWS_EQUAL_MART)
            in context.selected_asset_check_keys
        ]
        if compared:
            from adtech_assets.publish import comparison  # noqa: PLC0415

            with warehouse.get_connection() as connection, target.snapshot() as snapshot:
                for mart in compared:
                    days = written.get(mart.name, asked)
                    found = comparison.compare(connection, snapshot, mart, days, MOST_DIFFERENCES)
                    what = f"rows of {mart.table} that only one of the stores has"
                    key = dg.AssetCheckKey(PUBLISHED_KEYS[mart.name], ROWS_EQUAL_MART)
                    yield result(found.examples, what, of=found.rows, check=key)
        if held:
            raise held_back(", ".join(sorted(held)), _checks_of(set().union(*held.values())))


def _checks_of(audits: Collection[str]) -> list[str]:
    """The names of their checks, of those that are tests of dbt."""
    return [project.tests[name].check_name if name in project.tests else name for name in audits]


def _outdated(
    context: dg.AssetExecutionContext, target: Postgres, versions: dict[str, str]
) -> dict[str, set[date | None]]:
    """The marts to be published, with days that are to be written in any case."""
    if not versions:
        return {}
    asked = run_days(context.run.tags)
    outdated = published_notes.outdated(target, versions, asked)
    if not is_rebuild(context):
        return outdated
    return {mart: {*(asked or ()), *outdated.get(mart, ())} for mart in versions}


def _build_export(name: str, mart: str) -> dg.AssetsDefinition:
    key = dg.AssetKey(["exports", name])

    @dg.asset(
        key=key,
        deps=[PUBLISHED_KEYS[mart]],
        description=f"`{SCHEMA}.{mart}` as CSV and parquet, as it was published.",
        group_name="serving",
        kinds={"csv", "parquet"},
        owners=OWNERS,
        backfill_policy=SINGLE_RUN,
        metadata=table_spec(f"exports/{name}", _columns(mart)),
    )
    def export(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
        target: dg.ResourceParam[Postgres],
    ) -> dg.MaterializeResult[None]:
        paths = [settings.exports_dir / f"{name}.{suffix}" for suffix in ("csv", "parquet")]

        def write() -> None:
            from adtech_assets.publish import exports  # noqa: PLC0415 - takes 0.2 s

            exports.export(target, [name], settings.exports_dir, exports.FILE_FORMATS)

        with step(context, settings):
            published = publications_of(target).get(mart)
            # If nothing is noted of it, the export itself says that nothing is published.
            version = f"{published.version} {published.at}" if published else context.run_id
            since = renewed(context, warehouse, paths, version, write)
            return dg.MaterializeResult(
                metadata={
                    **({"dagster/row_count": published.rows} if published else {}),
                    **{path.suffix[1:]: dg.MetadataValue.path(path) for path in paths},
                    **since,
                }
            )

    return export


export_assets = [_build_export(name, mart) for name, mart in EXPORTS.items()]


@retried
def publications_of(target: Postgres) -> dict[str, published_notes.Publication]:
    """What is published, by the name of the mart, as the target notes it."""
    with target.connect(read_only=True) as postgres, postgres.cursor() as cursor:
        return published_notes.publications(cursor)


def renewed(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    paths: list[Path],
    version: str,
    write: Callable[[], None],
) -> dict[str, Any]:
    """Write files of another version than was noted, or that are not as they were left."""
    part = context.asset_key.to_user_string()
    with warehouse.get_connection() as connection:
        Notes.create(connection)
        notes = Notes(connection)
        since = outputs.unchanged_since(notes, part, version, paths)
        if since is not None and not is_rebuild(context):
            return unchanged_since(since)
        notes.forget(part, [None])
    write()
    with warehouse.get_connection() as connection:
        outputs.note(Notes(connection), part, version, paths, context.run_id)
    return {}


assets = [published, *export_assets]
