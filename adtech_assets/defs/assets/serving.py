"""What leaves the warehouse: marts published to Postgres, exports and the report."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from adtech_assets.defs.assets.load import csv_data_task
from adtech_assets.defs.assets.models import DAILY_TAG, dbt
from adtech_assets.defs.evaluations import latest_evaluations
from adtech_assets.defs.pictures import picture_metadata
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import OWNERS, SINGLE_RUN, run_days, step, table_metadata
from adtech_assets.serving import exports, report
from adtech_assets.serving.marts import DAY_COLUMN, SCHEMA, Mart
from adtech_assets.serving.publish import publish
from adtech_assets.settings import Settings
from adtech_assets.stores.postgres import Postgres


def _public_marts() -> dict[dg.AssetKey, Mart]:
    """The dbt models with public access, by the key of their asset."""
    nodes = sorted(dbt.manifest["nodes"].values(), key=lambda node: str(node["name"]))
    return {
        dbt.translator.get_asset_key(node): Mart(
            name=node["name"],
            key=tuple(node["config"]["meta"]["key"]),
            description=node["description"],
            column_descriptions={
                column["name"]: column["description"] for column in node["columns"].values()
            },
            # A day of the log files may rightly vanish, with the last file that is counted for it.
            has_every_day=DAILY_TAG in node["tags"]
            and node["config"]["meta"]["key"] == [DAY_COLUMN],
        )
        for node in nodes
        if node["resource_type"] == "model" and node["access"] == "public"
    }


MARTS = _public_marts()
PUBLISHED_KEYS = {mart.name: dg.AssetKey(["published", mart.name]) for mart in MARTS.values()}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            PUBLISHED_KEYS[mart.name],
            deps=[key],
            description=f"`{SCHEMA}.{mart.name}` in the target Postgres. {mart.description}",
            group_name="serving",
            kinds={"postgres", "table"},
            owners=OWNERS,
            metadata={"dagster/table_name": f"{SCHEMA}.{mart.name}"},
        )
        for key, mart in MARTS.items()
    ],
    can_subset=True,
    backfill_policy=SINGLE_RUN,
)
def published(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
) -> Iterator[dg.MaterializeResult[None]]:
    """Renew what BI tools read, all marts in one transaction."""
    selected = [
        mart for mart in MARTS.values() if PUBLISHED_KEYS[mart.name] in context.selected_asset_keys
    ]
    with step(context, settings), warehouse.get_connection() as connection:
        rows = publish(connection, target, selected, run_days(context.run.tags))
        pictures = picture_metadata(context, target)
        for mart in selected:
            yield dg.MaterializeResult(
                asset_key=PUBLISHED_KEYS[mart.name],
                metadata={
                    **table_metadata(connection, f"{SCHEMA}.{mart.name}"),
                    "dagster/row_count": rows[mart.name],
                    **pictures.get(mart.name, {}),
                },
            )


def _build_export(name: str, mart: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=["exports", name],
        deps=[PUBLISHED_KEYS[mart]],
        description=f"`{SCHEMA}.{mart}` as CSV and parquet, as it was published.",
        group_name="serving",
        kinds={"csv", "parquet"},
        owners=OWNERS,
        backfill_policy=SINGLE_RUN,
    )
    def export(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        target: dg.ResourceParam[Postgres],
    ) -> dg.MaterializeResult[None]:
        with step(context, settings):
            files = exports.export(target, [name], settings.exports_dir, exports.FILE_FORMATS)
            schema = pl.read_parquet_schema(settings.exports_dir / f"{name}.parquet")
            return dg.MaterializeResult(
                metadata={
                    "dagster/row_count": max(files.values()),
                    "dagster/column_schema": dg.TableSchema(
                        [dg.TableColumn(n, str(t)) for n, t in schema.items()]
                    ),
                    **{path.suffix[1:]: dg.MetadataValue.path(path) for path in files},
                }
            )

    return export


export_assets = [_build_export(name, mart) for name, mart in exports.EXPORTS.items()]


@dg.asset(
    deps=[
        *(["exports", name] for name in exports.EXPORTS),
        *(PUBLISHED_KEYS[mart] for mart in report.MARTS if mart in PUBLISHED_KEYS),
        csv_data_task,
    ],
    description=(
        "One HTML page with the published KPIs, how fresh they are and what the checks say; it "
        "opens offline."
    ),
    group_name="serving",
    kinds={"html", "file"},
    owners=OWNERS,
    backfill_policy=SINGLE_RUN,
)
def kpi_report(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    target: dg.ResourceParam[Postgres],
) -> dg.MaterializeResult[None]:
    """Write the report."""
    path = settings.exports_dir / report.FILE_NAME
    with step(context, settings):
        graph = context.job_def.asset_layer.asset_graph
        checks = latest_evaluations(context.instance, graph.asset_check_keys)
        report.write(path, report.read(target), checks)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(path),
                "checks_that_did_not_pass": sum(not check.passed for check in checks),
            }
        )


assets = [published, *export_assets, kpi_report]
