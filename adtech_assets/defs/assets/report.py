"""The report: the published KPIs on a page, with what the checks say of them."""

from collections.abc import Iterator

import dagster as dg

from adtech_assets.audit import status
from adtech_assets.defs.assets.load import csv_data_task
from adtech_assets.defs.assets.publish import public_marts, publications_of, published_key, renewed
from adtech_assets.defs.catalogue import NIGHTLY, OWNERS
from adtech_assets.defs.check_results import result
from adtech_assets.defs.days import SINGLE_RUN
from adtech_assets.defs.evaluations import latest_evaluations
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import DAYS_CHECK, step
from adtech_assets.load import audited_load
from adtech_assets.models.project import Project
from adtech_assets.publish.marts import EXPORTS, REPORTED
from adtech_assets.settings import Settings
from adtech_assets.stores.outputs import REPORT_NAME
from adtech_assets.stores.postgres import Postgres
from adtech_assets.versions import digest


def build(project: Project, report_url: str) -> list[dg.AssetsDefinition]:
    """The page, with a link to where it is served, if it is."""
    published = [mart.name for mart in public_marts(project)]

    @dg.asset(
        deps=[
            *(["exports", name] for name in EXPORTS),
            *(published_key(mart) for mart in published if mart in REPORTED),
            csv_data_task,
        ],
        description=(
            "One HTML page with the published KPIs, how fresh they are and what the checks say; it "
            "opens offline."
        ),
        group_name="serving",
        kinds={"html", "file"},
        owners=OWNERS,
        freshness_policy=NIGHTLY,
        metadata={"report": dg.MetadataValue.url(report_url)} if report_url else {},
        backfill_policy=SINGLE_RUN,
        # Of the last asset: before, a run has days that it is yet to bring up to date.
        check_specs=[
            dg.AssetCheckSpec(
                DAYS_CHECK.name,
                asset=DAYS_CHECK.asset_key,
                description="No day is stale or failed, none is missing between loaded ones.",
            )
        ],
    )
    def kpi_report(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
        target: dg.ResourceParam[Postgres],
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """Write the report, if there is anything new to say."""
        path = settings.exports_dir / REPORT_NAME
        with step(settings):
            with (
                warehouse.get_connection() as connection,
                target.connect(read_only=True) as postgres,
            ):
                found = status.judge(connection, postgres, settings, project=project)
            standing = found.standing
            days = result(
                found.standing_days,
                "stretches of days that are not up to date",
                dg.AssetCheckSeverity.WARN,
                check=DAYS_CHECK,
            )
            keys = context.job_def.asset_layer.asset_graph.asset_check_keys
            checks = latest_evaluations(context.instance, {*keys} - {DAYS_CHECK})
            loads = audited_load.read(target, ()).days
            publications = publications_of(target)
            version = digest(
                *sorted(publications.items()),
                # A mart of which nothing is noted may have changed.
                context.run_id if REPORTED.keys() - publications.keys() else None,
                *sorted((day, load.loaded_at) for day, load in loads.items()),
                *((check.asset, check.name, check.passed, check.description) for check in checks),
                *standing,
            )

            def write() -> None:
                from adtech_assets import report  # noqa: PLC0415 - takes 0.3 s

                report.write(path, report.read(target), checks, standing)

            since = renewed(context, settings, warehouse, [path], version, write)
            yield dg.MaterializeResult(
                metadata={
                    "page": dg.MetadataValue.path(path),
                    "checks_that_did_not_pass": sum(not check.passed for check in checks),
                    **since,
                },
            )
            yield days

    return [kpi_report]
