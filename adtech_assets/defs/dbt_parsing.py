"""Parses the dbt project into what every process reads of it. Import it only to do so: 2 s.

Keys and checks are those of dagster-dbt, and so is the column lineage: it takes the models' SQL
apart in 2.2 s, for what depends on the project alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from functools import cached_property
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

import duckdb
from dagster_dbt import DagsterDbtTranslator
from dagster_dbt.asset_utils import get_asset_check_key_for_test
from dagster_dbt.core.dbt_cli_event import EventHistoryMetadata, _build_column_lineage_metadata

from adtech_assets.defs.dbt_project import GRAPH, digest_of, parsed, sources
from adtech_assets.defs.dbt_sources import create_sources, described
from adtech_assets.defs.dbt_tests import description
from adtech_assets.files import written_whole
from adtech_assets.models.dbt import invoke
from adtech_assets.models.project import AssetKey, Column, Model, Project, Source, Test, dump

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from adtech_assets.contract import Feed

BUILT = ("model", "snapshot")

# Of a model's or test's configuration, what decides its rows or its verdict.
DECISIVE = (
    *("materialized", "schema", "alias"),
    *("unique_key", "strategy", "check_cols", "updated_at", "hard_deletes"),  # snapshots
    *("severity", "where", "limit", "fail_calc", "warn_if", "error_if"),  # tests
    *("pre-hook", "post-hook"),
)
SETTING = re.compile(r"""env_var\(\s*['"]ADTECH_(\w+)['"]""")


def parse(project_dir: Path, feed: Feed) -> None:
    """Parse a project, and write what others read of it.

    Raises:
        UserError: it cannot be parsed, or a model names what is not there.
    """
    # Of before: what is changed while dbt reads is found to have changed.
    digest = digest_of(project_dir, feed)
    target = parsed(project_dir, feed)
    # What dbt leaves of a parse that fails is not what the graph was made of.
    (target / GRAPH).unlink(missing_ok=True)
    with written_whole(project_dir / sources(feed) / "_feed__sources.yml") as partial:
        partial.write_text(described(feed), encoding="utf-8")
    os.environ["ADTECH_DBT_SOURCES"] = sources(feed).as_posix()
    # In full: a partial parse forgets the asset that an integrity test belongs to.
    found = invoke(["parse", "--no-partial-parse"], project_dir=project_dir, target_path=target)
    # With a profile that opens no warehouse: in 1 s.
    invoke(
        ["compile", "--target=lint", "--no-populate-cache", "--no-write-json"],
        project_dir=project_dir,
        target_path=target,
        manifest=found,
    )
    compiled = {unique_id: node.compiled_code for unique_id, node in found.nodes.items()}
    manifest = json.loads((target / "manifest.json").read_bytes())
    graph = _Manifest(manifest, compiled, target, feed).project(digest)
    with written_whole(target / GRAPH) as partial:
        partial.write_text(dump(graph), encoding="utf-8")


class _Manifest:
    """dbt's manifest, and what it says of each node."""

    def __init__(
        self, manifest: Mapping[str, Any], compiled: Mapping[str, str], target: Path, feed: Feed
    ) -> None:
        self._manifest = manifest
        self._compiled = compiled
        self._target = target
        self._feed = feed
        self._nodes: Mapping[str, Any] = manifest["nodes"] | manifest["sources"]
        self._macros: Mapping[str, Any] = manifest["macros"]
        self._translator = DagsterDbtTranslator()

    def project(self, digest: str) -> Project:
        """All that others read of it."""
        models = [self._model(unique_id) for unique_id in self._order]
        by_key = {model.asset_key: model.name for model in models}
        tests = [
            self._test(node, by_key)
            for _, node in sorted(self._nodes.items())
            if node["resource_type"] == "test"
        ]
        return Project(
            dbt_version=self._manifest["metadata"]["dbt_version"],
            digest=digest,
            sources={
                self._name(unique_id): Source(
                    node["source_name"],
                    self._asset_key(unique_id),
                    self._described_columns(unique_id),
                )
                for unique_id, node in sorted(self._manifest["sources"].items())
            },
            models={model.name: model for model in models},
            tests={test.unique_id: test for test in tests if test},
        )

    @cached_property
    def _order(self) -> list[str]:
        """The models and snapshots, each behind those that it reads."""
        reads = {
            unique_id: sorted(self._models_above(unique_id))
            for unique_id, node in sorted(self._nodes.items())
            if node["resource_type"] in BUILT
        }
        return list(TopologicalSorter(reads).static_order())

    def _model(self, unique_id: str) -> Model:
        node = self._nodes[unique_id]
        meta = node["config"]["meta"]
        return Model(
            unique_id=unique_id,
            name=node["name"],
            path=node["original_file_path"],
            materialized=node["config"]["materialized"],
            schema=node["schema"],
            description=node["description"],
            raw_code=node["raw_code"],
            is_public=node.get("access") == "public",
            is_daily="daily" in node["tags"],
            key=tuple(meta.get("key", ())),
            columns=self._described_columns(unique_id),
            inputs=self._inputs(unique_id),
            days_around=meta.get("days_around", {}),
            code=self._code(unique_id),
            settings=self._settings(unique_id),
            asset_key=self._asset_key(unique_id),
            column_lineage=self._column_lineage(unique_id),
        )

    def _test(self, node: Mapping[str, Any], models: Mapping[AssetKey, str]) -> Test | None:
        """None for a test of no model."""
        unique_id = node["unique_id"]
        check = get_asset_check_key_for_test(self._manifest, self._translator, unique_id, None)
        if check is None or tuple(check.asset_key.path) not in models:
            return None
        arguments = (node.get("test_metadata") or {}).get("kwargs")
        return Test(
            unique_id=unique_id,
            check_name=check.name,
            model=models[tuple(check.asset_key.path)],
            inputs=self._inputs(unique_id),
            is_error=node["config"]["severity"].lower() == "error",
            # Those of this project that can look at some days only do so if they are told a day.
            is_daily="macro.adtech.in_day_window" in self._macros_of(unique_id)
            and (arguments is None or bool(arguments.get("day") or arguments.get("by_day"))),
            description=description(node),
            code=self._code(unique_id),
            settings=self._settings(unique_id),
        )

    def _asset_key(self, unique_id: str) -> AssetKey:
        return tuple(self._translator.get_asset_spec(self._manifest, unique_id, None).key.path)

    def _name(self, unique_id: str) -> str:
        node = self._nodes[unique_id]
        if node["resource_type"] == "source":
            return f"{node['schema']}.{node['identifier']}"
        name: str = node["name"]
        return name

    def _inputs(self, unique_id: str) -> tuple[str, ...]:
        return tuple(sorted(map(self._name, self._nodes[unique_id]["depends_on"]["nodes"])))

    def _models_above(self, unique_id: str) -> set[str]:
        return {
            name
            for name in self._nodes[unique_id]["depends_on"]["nodes"]
            if self._nodes[name]["resource_type"] in BUILT
        }

    # ---- what decides rows -----------------------------------------------------------------------

    def _code(self, unique_id: str) -> str:
        node = self._nodes[unique_id]
        decisive = [self._own_code(unique_id)]
        if node["config"]["materialized"] == "view":
            # DuckDB refuses a view when a column below it has changed, until it is made again.
            decisive += map(self._own_code, sorted(self._all_above(unique_id)))
        return hashlib.blake2b("\0".join(decisive).encode(), digest_size=8).hexdigest()

    def _own_code(self, unique_id: str) -> str:
        node = self._nodes[unique_id]
        contract = node["contract"]["enforced"] and [
            [column["name"], column["data_type"], column["constraints"]]
            for column in node["columns"].values()
        ]
        decisive = [
            node["raw_code"],
            node["alias"],
            {name: node["config"].get(name) for name in DECISIVE},
            node["config"]["materialized"] == "incremental"
            and node["config"]["incremental_strategy"],
            contract and [contract, node["constraints"]],
            (node.get("test_metadata") or {}).get("kwargs"),
            {name: macro["macro_sql"] for name, macro in self._macros_of(unique_id).items()},
        ]
        return json.dumps(decisive, sort_keys=True)

    def _all_above(self, unique_id: str) -> set[str]:
        above = self._models_above(unique_id)
        return above.union(*map(self._all_above, above))

    def _macros_of(self, unique_id: str) -> dict[str, Any]:
        """The project's own macros that a node uses, by itself or through others."""
        config = self._nodes[unique_id]["config"]
        asked = set(self._nodes[unique_id]["depends_on"]["macros"])
        if config["materialized"] == "incremental":
            # Found by its name, when the model is built.
            asked.add(f"macro.adtech.get_incremental_{config['incremental_strategy']}_sql")
        found: set[str] = set()
        while asked := asked & self._macros.keys():
            found |= asked
            asked = {
                needed for name in asked for needed in self._macros[name]["depends_on"]["macros"]
            } - found
        return {
            name: self._macros[name]
            for name in sorted(found)
            if self._macros[name]["package_name"] == self._nodes[unique_id]["package_name"]
        }

    def _settings(self, unique_id: str) -> tuple[str, ...]:
        texts = [
            self._nodes[unique_id]["raw_code"],
            *(macro["macro_sql"] for macro in self._macros_of(unique_id).values()),
        ]
        return tuple(sorted({name.lower() for text in texts for name in SETTING.findall(text)}))

    # ---- columns ---------------------------------------------------------------------------------

    @cached_property
    def _columns(self) -> dict[str, dict[str, str]]:
        """DuckDB's types of the columns of all models and sources, from their SQL over no rows."""
        with duckdb.connect() as connection:
            connection.execute("ATTACH ':memory:' AS warehouse")
            connection.execute("USE warehouse")
            create_sources(connection, self._feed)
            for unique_id in self._order:
                node = self._nodes[unique_id]
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {node['schema']}")
                connection.execute(f"CREATE VIEW {node['relation_name']} AS {self._sql(unique_id)}")
            return {
                unique_id: {
                    name: type_
                    for name, type_, *_ in connection.execute(
                        f"DESCRIBE {self._nodes[unique_id]['relation_name']}"
                    ).fetchall()
                }
                for unique_id in (*self._manifest["sources"], *self._order)
            }

    def _described_columns(self, unique_id: str) -> dict[str, Column]:
        described = self._nodes[unique_id]["columns"]
        return {
            name: Column(type_, described.get(name, {}).get("description", ""))
            for name, type_ in self._columns[unique_id].items()
        }

    def _sql(self, unique_id: str) -> str:
        node = self._nodes[unique_id]
        sql = self._compiled[unique_id]
        if node["resource_type"] != "snapshot":
            return sql
        time = node["config"]["updated_at"]
        return (
            f"SELECT *, '' AS dbt_scd_id, {time} AS dbt_updated_at, {time} AS dbt_valid_from, "
            f"{time} AS dbt_valid_to FROM ({sql})"
        )

    def _column_lineage(self, unique_id: str) -> dict[str, tuple[tuple[AssetKey, str], ...]]:
        node = self._nodes[unique_id]
        metadata = _build_column_lineage_metadata(
            event_history_metadata=EventHistoryMetadata(
                columns=_data_types(self._columns[unique_id]),
                parents={
                    self._nodes[name]["relation_name"]: _data_types(self._columns[name])
                    for name in node["depends_on"]["nodes"]
                },
            ),
            dbt_resource_props=node,
            manifest=self._manifest,
            dagster_dbt_translator=self._translator,
            target_path=self._target,
            project=None,
        )
        if not metadata:  # of snapshots, which dbt writes no SQL of
            return {}
        found = metadata["dagster/column_lineage"].deps_by_column
        return {
            column: tuple(
                sorted((tuple(dep.asset_key.path), dep.column_name) for dep in found[column])
            )
            for column in self._columns[unique_id]
            if column in found
        }


def _data_types(columns: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {name: {"data_type": type_} for name, type_ in columns.items()}
