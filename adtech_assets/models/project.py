"""The graph of the dbt project, as every process reads it: 3 ms, and no import of dbt.

dbt's own manifest is 1.2 MB of which 0.2 MB matter here, and to make sense of it takes 2 s of
imports.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

AssetKey = tuple[str, ...]
Materialized = Literal["view", "table", "incremental", "snapshot"]

DAY_COLUMN = "event_date"


@dataclass(frozen=True)
class Column:
    """A column: its type in DuckDB, and what it means."""

    type: str
    description: str


@dataclass(frozen=True)
class Source:
    """A table of the warehouse that dbt reads and does not build."""

    branch: str
    """Name of the dbt source that it belongs to."""
    asset_key: AssetKey
    columns: Mapping[str, Column]


@dataclass(frozen=True)
class Model:
    """A dbt model or snapshot."""

    unique_id: str
    name: str
    path: str
    """Of its file, in the project."""
    materialized: Materialized
    schema: str
    description: str
    raw_code: str
    """SQL as it is written, with dbt's macros."""
    is_public: bool
    """Whether others may read it: it is published."""
    is_daily: bool
    """Whether it is built by day."""
    key: tuple[str, ...]
    """Columns that tell its rows apart; none of those that are not published."""
    columns: Mapping[str, Column]
    inputs: tuple[str, ...]
    """Names of the models it reads, and of the tables of sources, with their schema."""
    days_around: Mapping[str, int]
    """Inputs of which it reads so many days more, before and after each day that is built."""
    code: str
    """Hash of all that decides its rows and columns, beside its inputs' rows."""
    settings: tuple[str, ...]
    """Names of the settings that decide its rows too."""
    asset_key: AssetKey
    column_lineage: Mapping[str, tuple[tuple[AssetKey, str], ...]]
    """Which columns of which assets each column is made of; empty for snapshots."""

    @property
    def table(self) -> str:
        """Its name with its schema."""
        return f"{self.schema}.{self.name}"

    @property
    def has_every_day(self) -> bool:
        """One row for every day that the warehouse knows.

        A day of the log files may rightly vanish, with the last file that is counted for it.
        """
        return self.is_daily and self.key == (DAY_COLUMN,)


@dataclass(frozen=True)
class Test:
    """A dbt test of rows."""

    unique_id: str
    check_name: str
    """dbt's name of it, and that of the asset check that it is."""
    model: str
    """Name of the model that it is a check of."""
    inputs: tuple[str, ...]
    """Names of the models it reads, and of the tables of sources, with their schema."""
    is_error: bool
    """Whether a failure is an error, not a warning."""
    is_daily: bool
    """Whether it looks at the days that it is asked for, not at all of them."""
    description: str
    code: str
    """Hash of all that decides its verdict, beside its inputs' rows."""
    settings: tuple[str, ...]


@dataclass(frozen=True)
class Project:
    """A dbt project as it was last parsed."""

    dbt_version: str
    """Version of dbt Core that parsed it."""
    digest: str
    """Of the files that it was parsed from."""
    sources: Mapping[str, Source]
    """By table, with its schema."""
    models: Mapping[str, Model]
    """By name; each behind its inputs."""
    tests: Mapping[str, Test]
    """By unique id."""

    def asset_key(self, name: str) -> AssetKey:
        """Of a model, or of the table of a source."""
        return (self.models[name] if name in self.models else self.sources[name]).asset_key


def load(path: Path) -> Project:
    """Read a project that `dump` has written.

    Raises:
        FileNotFoundError: nobody has.
    """
    return from_json(json.loads(path.read_bytes()))


def from_json(content: Mapping[str, Any]) -> Project:
    """A project of what `dump` has written, by this version of the code."""
    return Project(
        dbt_version=content["dbt_version"],
        digest=content["digest"],
        sources={
            name: Source(
                **{
                    **source,
                    "asset_key": tuple(source["asset_key"]),
                    "columns": _columns(source["columns"]),
                }
            )
            for name, source in content["sources"].items()
        },
        models={model["name"]: _model(model) for model in content["models"]},
        tests={
            test["unique_id"]: Test(
                **{
                    **test,
                    "inputs": tuple(test["inputs"]),
                    "settings": tuple(test["settings"]),
                }
            )
            for test in content["tests"]
        },
    )


def dump(project: Project) -> str:
    """A project as JSON, for `load`."""
    return json.dumps(
        {
            "dbt_version": project.dbt_version,
            "digest": project.digest,
            "sources": {
                name: dataclasses.asdict(source) for name, source in project.sources.items()
            },
            "models": [dataclasses.asdict(model) for model in project.models.values()],
            "tests": [dataclasses.asdict(test) for test in project.tests.values()],
        }
    )


def _columns(fields: Mapping[str, dict[str, str]]) -> dict[str, Column]:
    return {name: Column(**column) for name, column in fields.items()}


def _model(fields: dict[str, Any]) -> Model:
    return Model(
        **{
            **fields,
            "key": tuple(fields["key"]),
            "inputs": tuple(fields["inputs"]),
            "settings": tuple(fields["settings"]),
            "asset_key": tuple(fields["asset_key"]),
            "columns": _columns(fields["columns"]),
            "column_lineage": {
                column: tuple((tuple(key), name) for key, name in found)
                for column, found in fields["column_lineage"].items()
            },
        }
    )
