"""The dbt models: staging, intermediate and marts, in one dbt process for all of them."""

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from dbt.adapters.base.impl import BaseAdapter
from filelock import FileLock
from packaging.version import Version

from adtech_assets.defs.column_lineage import ColumnLineage
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


class Dbt(DbtCliResource):
    """dbt Core of this environment."""

    @cached_property
    def _cli_version(self) -> Version:
        """Read from the installed package: asking `dbt --version` takes 2.4 s, once a run."""
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, _args: Sequence[str]) -> None:  # type: ignore[override]
        """No adapter of dbt's: see `model_metadata`."""


def _build_dbt() -> DbtCliResource:
    """The dbt of this environment, with a manifest not older than any file of the project."""
    dbt = Dbt(
        project_dir=str(project.project_dir),
        profiles_dir=str(project.profiles_dir),
        dbt_executable=str(Path(sys.executable).with_name("dbt")),
    )
    # Looked at before the lock too: an image's project folder may be read-only, and is fresh.
    if not _is_fresh(project.manifest_path):
        with FileLock(project.project_dir / "target.lock"):
            if not _is_fresh(project.manifest_path):
                # In full: a partial parse forgets the asset that an integrity test belongs to.
                parse = ["parse", "--quiet", "--no-partial-parse"]
                dbt.cli(parse, target_path=project.target_path).wait()
    return dbt


def _is_fresh(manifest: Path) -> bool:
    return manifest.exists() and manifest.stat().st_mtime >= _last_change(project.project_dir)


def _last_change(folder: Path) -> float:
    watched = [folder / "dbt_project.yml"]
    for part in ("models", "macros", "tests", "snapshots", "seeds"):
        watched += [path for path in (folder / part).rglob("*") if path.is_file()]
    return max(path.stat().st_mtime for path in watched)


project = DbtProject(PROJECT_DIR / "adtech_dbt", profiles_dir=PROJECT_DIR / "adtech_dbt")
dbt = _build_dbt()


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
    days = run_days(context.run.tags)
    window = (
        ["--event-time-start", str(days.first), "--event-time-end", str(days.end)] if days else []
    )
    with step(context, settings), _told_in_a_line(settings), warehouse.store.reserved():
        # Also waits for a dbt process that outlives a parent killed with -9, and for whoever looks
        # at the file with DuckDB's own client: they hold DuckDB's lock, not ours.
        with warehouse.get_connection() as connection:
            _create_sources(connection)
            for snapshot in history.restore(connection, settings.history_dir):
                context.log.info(f"Restored {snapshot} from {settings.history_dir}.")
        # Unit tests are about the code, not about the data: `make test` runs them.
        command = ["build", "--exclude-resource-type", "unit_test", *window]
        build = dbt.cli(command, context=context, target_path=settings.dbt_target_dir)
        # Collects dbt's events before the metadata is fetched for them: `fetch_*` would wait for
        # each in a busy loop, which took 10 s of processor time a run.
        build.is_successful()
        with warehouse.get_connection() as connection:
            history.keep(connection, settings.history_dir)
            build.adapter = cast("BaseAdapter", MetadataAdapter(connection))
            lineage = ColumnLineage(settings.dbt_target_dir, project.manifest_path)
            yield from lineage.attached(
                build.stream()
                .fetch_row_counts()
                .fetch_column_metadata(with_column_lineage=not lineage.is_known)
            )
            if not context.is_subset:
                lineage.keep()


assets = [dbt_models]
