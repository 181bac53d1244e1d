"""The dbt models: staging, intermediate and marts, in one dbt process for all of them."""

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from filelock import FileLock
from packaging.version import Version

from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import DAILY, OWNERS, SINGLE_RUN, run_days, step
from adtech_assets.settings import PROJECT_DIR, Settings

DAILY_TAG = "daily"
"""dbt tag of models that are partitioned by day: they replace the days of the run."""


class Translator(DagsterDbtTranslator):
    """Names, groups and partitions of the dbt models in Dagster."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Group by layer; partition by day what dbt builds by day."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] != "model":
            return spec
        return spec.replace_attributes(
            group_name=node["schema"],
            owners=OWNERS,
            partitions_def=DAILY if DAILY_TAG in node["tags"] else None,
        )


class Dbt(DbtCliResource):
    """dbt Core of this environment."""

    @cached_property
    def _cli_version(self) -> Version:
        """Read from the installed package: asking `dbt --version` takes 2.4 s, once a run."""
        return Version(version("dbt-core"))


def _build_dbt() -> DbtCliResource:
    """The dbt of this environment, with a manifest not older than any file of the project."""
    dbt = Dbt(
        project_dir=str(project.project_dir),
        profiles_dir=str(project.profiles_dir),
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
    )
    with FileLock(project.project_dir / "target.lock"):
        manifest = project.manifest_path
        if not manifest.exists() or manifest.stat().st_mtime < _last_change(project.project_dir):
            dbt.cli(["parse", "--quiet"], target_path=project.target_path).wait()
    return dbt


def _last_change(folder: Path) -> float:
    watched = [folder / "dbt_project.yml"]
    for part in ("models", "macros", "tests", "snapshots", "seeds"):
        watched += [path for path in (folder / part).rglob("*") if path.is_file()]
    return max(path.stat().st_mtime for path in watched)


project = DbtProject(PROJECT_DIR / "adtech_dbt", profiles_dir=PROJECT_DIR / "adtech_dbt")
dbt = _build_dbt()


@dbt_assets(
    manifest=project.manifest_path,
    project=project,
    name="dbt_models",
    dagster_dbt_translator=Translator(),
    backfill_policy=SINGLE_RUN,
)
def dbt_models(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    dbt: DbtCliResource,
) -> Iterator[Any]:
    """Build and test the models; those partitioned by day for the days of the run."""
    # Imported here: dbt's adapters take 1 s, and loading the definitions does not need them.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager  # noqa: PLC0415

    days = run_days(context.run.tags)
    window = (
        ["--event-time-start", str(days.first), "--event-time-end", str(days.end)] if days else []
    )
    with step(context), warehouse.store.reserved():
        warehouse.store.wait_until_free()
        # Unit tests are about the code, not about the data: `make test` runs them.
        command = ["build", "--exclude-resource-type", "unit_test", *window]
        build = dbt.cli(command, context=context, target_path=settings.dbt_target_dir)
        try:
            yield from build.stream().fetch_row_counts().fetch_column_metadata()
        finally:
            # The metadata is read through a DuckDB connection of dbt's adapter in this process,
            # which nobody closes; DuckDB refuses others with different settings as long.
            if build.adapter is not None:
                build.adapter.cleanup_connections()
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


assets = [dbt_models]
