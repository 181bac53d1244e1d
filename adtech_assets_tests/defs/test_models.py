"""The dbt models in Dagster: their parts, and the days that they are built for."""

import pytest

from adtech_assets.defs.assets import models
from adtech_assets.defs.steps import DAILY

PARTS = {part.node_def.name: part for part in models.assets}


def test_the_models_are_built_in_parts_of_one_branch_and_one_partitioning():
    assert PARTS.keys() == {
        "operational_base_models",
        "operational_daily_models",
        "operational_summary_models",
        "log_base_models",
        "log_daily_models",
        "joint_daily_models",
        "joint_summary_models",
    }
    for name, part in PARTS.items():
        (partitioning,) = {spec.partitions_def for spec in part.specs}
        assert partitioning == (DAILY if "daily" in name else None), name


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
    tests = {
        unique_id
        for unique_id, node in models.dbt.manifest["nodes"].items()
        if node["resource_type"] == "test"
    }

    checks = [
        check.metadata["dagster_dbt/unique_id"]
        for part in models.assets
        for check in part.check_specs
    ]

    assert sorted(checks) == sorted(tests)
