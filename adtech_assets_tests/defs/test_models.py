"""The dbt models in Dagster: their parts, and the days that they are built for."""

import json

import pytest
from dagster_dbt import DagsterDbtTranslator

from adtech_assets.defs.assets import models
from adtech_assets.defs.days import BY_DAY
from adtech_assets.defs.dbt_project import DBT_DIR, parsed
from adtech_assets_tests.sample_feed import PROJECT, SAMPLE

ASSETS = models.build(PROJECT)
PARTS = {part.node_def.name: part for part in ASSETS}


def test_the_models_are_built_in_parts_of_one_branch_and_one_partitioning():
    assert PARTS.keys() == {
        "operational_daily_models",
        "operational_whole_models",
        "log_daily_models",
        "log_whole_models",
        "joint_daily_models",
        "joint_whole_models",
    }
    for name, part in PARTS.items():
        (partitioning,) = {spec.partitions_def for spec in part.specs}
        assert partitioning == (BY_DAY if "daily" in name else None), name


@pytest.mark.parametrize(("branch", "other"), [("operational", "log"), ("log", "operational")])
def test_what_stands_on_one_branch_waits_for_no_other(branch, other):
    others = {
        key
        for name, part in PARTS.items()
        if name.startswith((other, "joint"))
        for key in part.keys
    }

    for name, part in PARTS.items():
        if name.startswith(branch):
            waits_for = {dep.asset_key for spec in part.specs for dep in spec.deps}
            waits_for |= {
                dep.asset_key for check in part.check_specs for dep in check.additional_deps
            }
            assert not waits_for & others, name


def test_each_test_of_a_model_is_a_check_of_its_part():
    checks = [
        check.metadata["dagster_dbt/unique_id"] for part in ASSETS for check in part.check_specs
    ]

    assert sorted(checks) == sorted(MANIFEST.tests())


def test_assets_are_those_that_dagster_dbt_would_make():
    for part in ASSETS:
        for spec in part.specs:
            made = MANIFEST.spec(spec)
            assert spec.key == made.key
            assert spec.description == made.description, spec.key
            assert assets_of(spec.deps) == assets_of(made.deps)
            assert (spec.kinds, spec.tags) == (made.kinds, made.tags), spec.key
            assert {column.name for column in columns(spec)} == {c.name for c in columns(made)}


def test_checks_are_those_that_dagster_dbt_would_make():
    for part in ASSETS:
        specs = {spec.key: spec for spec in part.specs}
        for check in part.check_specs:
            made = MANIFEST.check_spec(specs[check.asset_key], check)
            assert (check.key, check.blocking) == (made.key, made.blocking)
            assert assets_of(check.additional_deps) == assets_of(made.additional_deps), check.key


def assets_of(deps):
    return {dep.asset_key for dep in deps}


def columns(spec):
    return spec.metadata["dagster/column_schema"].columns


class Manifest:
    """The dbt project as dagster-dbt sees it."""

    def __init__(self):
        self._manifest = json.loads((parsed(DBT_DIR, SAMPLE) / "manifest.json").read_bytes())
        self._translator = DagsterDbtTranslator()

    def tests(self):
        nodes = self._manifest["nodes"].items()
        return [unique_id for unique_id, node in nodes if node["resource_type"] == "test"]

    def spec(self, spec):
        unique_id = spec.metadata["dagster_dbt/unique_id"]
        return self._translator.get_asset_spec(self._manifest, unique_id, None)

    def check_spec(self, spec, check):
        unique_id = check.metadata["dagster_dbt/unique_id"]
        return self._translator.get_asset_check_spec(spec, self._manifest, unique_id, None)


MANIFEST = Manifest()
