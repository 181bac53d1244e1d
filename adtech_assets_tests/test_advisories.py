"""The part of the dependency audit that works offline."""

from __future__ import annotations

import pytest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets_tests import advisories

HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize("name", advisories.LOCKS)
def test_every_requirement_has_one_version_and_its_hashes(name):
    lock = (PROJECT_DIR / name).read_text()
    assert len(list(advisories.requirements(lock))) > 50
    assert advisories.problems_of(lock) == []


@pytest.mark.parametrize(
    "line",
    [
        f"duckdb>=2 {HASH}",
        "duckdb==2.0.0",
        "--index-url https://example.org/simple",
        f"duckdb @ https://example.org/duckdb.whl {HASH}",
    ],
)
def test_a_loose_requirement_is_found(line):
    assert len(advisories.problems_of(line)) == 1


def test_a_package_of_another_version_is_found():
    lock = (PROJECT_DIR / "requirements-dev.lock").read_text()
    version = advisories.locked(lock)["polars"]
    other = lock.replace(f"polars=={version}", "polars==0.0.1")
    assert advisories.differences(other) == [f"polars: {version} is installed, 0.0.1 is locked"]


def test_a_package_that_is_not_locked_is_found():
    assert any(line.startswith("polars: ") for line in advisories.differences(""))
