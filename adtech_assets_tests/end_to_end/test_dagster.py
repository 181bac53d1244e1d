"""Dagster's own commands, on the same state as `adtech`."""

import pytest


def test_asset_materialize_with_a_partition_range_leaves_the_same_tables(deployment, loaded):
    done = deployment.run(
        "dagster", "asset", "materialize", "--select", "*", "-m", "adtech_assets.definitions",
        "--partition-range", "2022-05-26...2022-05-27",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert deployment.tables() == loaded.tables()


@pytest.mark.parametrize(
    "command",
    [("dagster", "definitions", "validate"), ("dg", "check", "defs"), ("dg", "list", "defs")],
    ids=" ".join,
)
def test_dagster_finds_the_definitions_clean(loaded, command):
    done = loaded.run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "deprecated" not in done.stdout + done.stderr
