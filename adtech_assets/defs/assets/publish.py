"""What leaves the warehouse: marts published to Postgres, and exports of them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from adtech_assets import graph
from adtech_assets.defs.catalogue import NIGHTLY, OWNERS, table_spec
from adtech_assets.defs.check_results import MOST_DIFFERENCES, result
from adtech_assets.defs.days import SINGLE_RUN, is_rebuild, run_days, unchanged_since
from adtech_assets.defs.pictures import picture_metadata
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import held_back, step
from adtech_assets.models.project import Model, Project
from adtech_assets.publish import notes as published_notes
from adtech_assets.publish.marts import EXPORTS, SCHEMA, Mart
from adtech_assets.settings import Settings
from adtech_assets.stores import outputs
from adtech_assets.stores.postgres import Postgres, retried
from adtech_assets.versions import Notes, digest

ROWS_EQUAL_MART = "rows_equal_mart"


def published_key(mart: str) -> dg.AssetKey:
    """Of what is published of a mart."""
    return dg.AssetKey(["published", mart])


def public_marts(project: Project) -> list[Mart]:
    """The dbt models with public access."""
    return [
        Mart(
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
    ]


def build(project: Project) -> list[dg.AssetsDefinition]:
    """All public marts, in one step, and the exports."""
    exports = [_build_export(name, project.models[mart]) for name, mart in EXPORTS.items()]
    return [_build_published(project, public_marts(project)), *exports]


def _build_published(project: Project, marts: list[Mart]) -> dg.AssetsDefinition:
    @dg.multi_asset(
        specs=[
            dg.AssetSpec(
                published_key(mart.name),
                deps=[dg.AssetKey(project.models[mart.name].asset_key)],
                description=f"`{mart.table}` in the target Postgres. {mart.description}",
                group_name="serving",
                kinds={"postgres", "table"},
                owners=OWNERS,
                metadata=table_spec(mart.table, project.models[mart.name].columns),
                freshness_policy=NIGHTLY,
                skippable=True,
            )
            for mart in marts
        ],
        check_specs=[
            dg.AssetCheckSpec(
                ROWS_EQUAL_MART,
                asset=published_key(mart.name),
                description="The published table holds the rows of the mart in the warehouse.",
            )
            for mart in marts
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
        asked = [mart for mart in marts if published_key(mart.name) in context.selected_asset_keys]
        with step(settings):
            done = _publish(context, settings, project, warehouse, target, asked)
            pictures = picture_metadata(context, target) if done.written else {}
            there = publications_of(target)
            for mart in asked:
                if mart.name not in done.held:
                    of_mart = there[mart.name]
                    is_new = mart.name in done.written
                    yield dg.MaterializeResult(
                        asset_key=published_key(mart.name),
                        metadata={
                            "dagster/row_count": of_mart.rows,
                            **({} if is_new else unchanged_since(of_mart.at)),
                            **pictures.get(mart.name, {}),
                        },
                    )
            yield from _compare(context, warehouse, target, marts, done)
            if done.held:
                audits = set().union(*done.held.values())
                names = [
                    project.tests[name].check_name if name in project.tests else name
                    for name in audits
                ]
                raise held_back(", ".join(sorted(done.held)), names)

    return published


@dataclass(frozen=True)
class _Published:
    """What became of the marts that were asked for; what is in neither has not changed."""

    asked: frozenset[str]
    written: Mapping[str, Collection[date] | None]
    """Days to compare with the warehouse; None: every row."""
    held: dict[str, list[str]]
    """Marts that are not handed on, with the audits that have not passed."""

    @property
    def unchanged(self) -> frozenset[str]:
        """Of what has not been written, the hash says that it is as it was when compared."""
        return self.asked - self.written.keys() - self.held.keys()


def _publish(  # noqa: PLR0913, PLR0917 - all stores take part
    context: dg.AssetExecutionContext,
    settings: Settings,
    project: Project,
    warehouse: WarehouseResource,
    target: Postgres,
    asked: list[Mart],
) -> _Published:
    """Write those marts that are not published as they are now, but for those held back."""
    names = frozenset(mart.name for mart in asked)
    with warehouse.get_connection() as connection:
        Notes.create(connection)
        parts = graph.read(connection, settings, project)
        # Of what nobody has noted (dbt was started by hand), the rows themselves tell.
        versions = {
            mart.name: digest(parts.of(mart.name), mart)
            if parts.noted(mart.name)
            else context.run_id
            for mart in asked
        }
    todo = _outdated(context, target, versions)
    if not todo:
        return _Published(names, {}, {})
    # Imported here, as below: these readers take 0.2 s, and most runs find nothing to do.
    from adtech_assets.publish.publication import publish  # noqa: PLC0415

    with warehouse.get_connection() as connection:
        # Another run may have built them; what failed in it does not stop this one.
        parts = graph.read(connection, settings, project)
        held = {mart: audits for mart in todo if (audits := parts.unproven(mart))}
        marts = [mart for mart in asked if mart.name in todo and mart.name not in held]
        done = publish(connection, target, marts, versions, todo)
    days = run_days(context.run.tags)
    written = {
        mart.name: None
        if days is None or (of_mart := done[mart.name].written) is None
        else {*days, *(day for day in of_mart if day is not None)}
        for mart in marts
    }
    return _Published(names, written, held)


def _compare(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    target: Postgres,
    marts: list[Mart],
    done: _Published,
) -> Iterator[dg.AssetCheckResult]:
    """Say of each mart whether what is published are the rows of the warehouse."""
    wanted = {key.asset_key.path[-1]: key for key in context.selected_asset_check_keys}
    for name in sorted(done.unchanged & wanted.keys()):
        yield dg.AssetCheckResult(
            asset_key=wanted[name].asset_key,
            check_name=wanted[name].name,
            passed=True,
            description="Nothing has changed since the rows were compared.",
        )
    compared = [
        mart for mart in marts if mart.name in wanted.keys() - done.unchanged - done.held.keys()
    ]
    if not compared:
        return
    from adtech_assets.publish import comparison  # noqa: PLC0415

    asked = run_days(context.run.tags)
    with warehouse.get_connection() as connection, target.snapshot() as snapshot:
        for mart in compared:
            days = done.written.get(mart.name, asked)
            found = comparison.compare(connection, snapshot, mart, days, MOST_DIFFERENCES)
            what = f"rows of {mart.table} that only one of the stores has"
            yield result(found.examples, what, of=found.rows, check=wanted[mart.name])


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


def _build_export(name: str, model: Model) -> dg.AssetsDefinition:
    key = dg.AssetKey(["exports", name])

    @dg.asset(
        key=key,
        deps=[published_key(model.name)],
        description=f"`{SCHEMA}.{model.name}` as CSV and parquet, as it was published.",
        group_name="serving",
        kinds={"csv", "parquet"},
        owners=OWNERS,
        backfill_policy=SINGLE_RUN,
        metadata=table_spec(f"exports/{name}", model.columns),
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

        with step(settings):
            published = publications_of(target).get(model.name)
            # If nothing is noted of it, the export itself says that nothing is published.
            version = f"{published.version} {published.at}" if published else context.run_id
            since = renewed(context, settings, warehouse, paths, version, write)
            return dg.MaterializeResult(
                metadata={
                    **({"dagster/row_count": published.rows} if published else {}),
                    **{path.suffix[1:]: dg.MetadataValue.path(path) for path in paths},
                    **since,
                }
            )

    return export


@retried
def publications_of(target: Postgres) -> dict[str, published_notes.Publication]:
    """What is published, by the name of the mart, as the target notes it."""
    with target.connect(read_only=True) as postgres, postgres.cursor() as cursor:
        return published_notes.publications(cursor)


def renewed(  # noqa: PLR0913, PLR0917 - files depend on no less
    context: dg.AssetExecutionContext,
    settings: Settings,
    warehouse: WarehouseResource,
    paths: list[Path],
    version: str,
    write: Callable[[], None],
) -> dict[str, Any]:
    """Write files of another version than was noted, or that are not as they were left."""
    part = context.asset_key.to_user_string()
    if settings.exports_bucket:
        version = f"{version} {settings.exports_bucket}"
    with warehouse.get_connection() as connection:
        Notes.create(connection)
        notes = Notes(connection)
        since = outputs.unchanged_since(notes, part, version, paths)
        if since is not None and not is_rebuild(context):
            return unchanged_since(since)
        notes.forget(part, [None])
    write()
    outputs.put_into_bucket(settings, paths)
    with warehouse.get_connection() as connection:
        outputs.note(Notes(connection), part, version, paths, context.run_id)
    return {}
