"""What Dagster shows of assets whatever a run does."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from adtech_assets.models.project import Column, Project

OWNERS = ["team:maintainers"]

NIGHTLY = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=36), fail_window=timedelta(days=7)
)
"""Of what comes in and what goes out: the schedule renews it every night."""


def table_spec(table: str, columns: Mapping[str, Column]) -> dict[str, Any]:
    """What Dagster shows of a table: its name, with its schema, and its columns."""
    return {
        "dagster/table_name": table,
        "dagster/column_schema": dg.TableSchema(
            [
                dg.TableColumn(name, column.type, column.description)
                for name, column in columns.items()
            ]
        ),
    }


def with_columns(
    assets: Iterable[dg.AssetsDefinition | dg.AssetSpec], project: Project
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets, with the columns of those that dbt reads and others build, as dbt knows them."""
    tables = {
        dg.AssetKey(source.asset_key): table_spec(table, source.columns)
        for table, source in project.sources.items()
    }
    return list(
        dg.map_asset_specs(
            lambda spec: (
                spec.merge_attributes(metadata=tables[spec.key]) if spec.key in tables else spec
            ),
            assets,
        )
    )


def with_code(
    assets: Iterable[dg.AssetsDefinition | dg.AssetSpec],
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets, with links to the code of their steps on this machine."""
    with _beta():
        return list(dg.with_source_code_references(assets))  # type: ignore[arg-type]


def file_of_code(path: Path) -> dict[str, Any]:
    """A link to a file with the code of an asset."""
    with _beta():
        file = dg.LocalFileCodeReference(file_path=str(path))
        return {"dagster/code_references": dg.CodeReferencesMetadataValue(code_references=[file])}


def _beta() -> warnings.catch_warnings[None]:
    """Take what Dagster calls beta without a warning at each start; its version is pinned."""
    return warnings.catch_warnings(action="ignore", category=dg.BetaWarning)
