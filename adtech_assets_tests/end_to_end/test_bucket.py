"""`adtech` with a landing folder and an archive in a bucket: the same files, the same tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from adtech_assets.operational.schema import create_schema
from adtech_assets.settings import Settings, load_settings
from adtech_assets_tests.buckets import Bucket, s3, s3_server, versioned
from adtech_assets_tests.end_to_end.conftest import SOURCE_ROWS, Deployment

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["s3", "s3_server", "versioned"]  # fixtures

BOTH_DAYS = ("--from", "2022-05-26", "--to", "2022-05-27")


class InBucket(Deployment):
    """A deployment whose log files lie in a bucket."""

    bucket: Bucket

    @property
    def places(self) -> dict[str, str]:
        return {
            "raw_data_dir": f"{self.bucket.url}/landing",
            "archive_dir": f"{self.bucket.url}/archive",
            "exports_bucket": f"{self.bucket.url}/exports",
        }

    @property
    def environment(self) -> dict[str, str]:
        places = {f"ADTECH_{name.upper()}": place for name, place in self.places.items()}
        return super().environment | places

    @property
    def settings(self) -> Settings:
        return load_settings(**{**dict(super().settings), **self.places})


def facts(deployment: Deployment) -> dict[str, list[str]]:
    """Every published mart of facts, its rows in any order. Dimensions tell when they were read."""
    names = deployment.query(
        "target",
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'marts' AND table_name LIKE 'fct%' ORDER BY table_name",
    )
    return {
        str(row["table_name"]): sorted(
            map(str, deployment.query("target", f'SELECT * FROM marts."{row["table_name"]}"'))
        )
        for row in names
    }


@pytest.fixture
def deployment(tmp_path: Path, log_files: Path, versioned: Bucket) -> InBucket:
    """Log files delivered to the bucket and source rows entered, nothing loaded yet."""
    deployment = InBucket(tmp_path)
    deployment.bucket = versioned
    deployment.raw_data.mkdir()
    for path in log_files.iterdir():
        versioned.put(f"landing/{path.name}", path.read_bytes())
    with deployment.source() as connection:
        create_schema(connection)
        connection.execute(SOURCE_ROWS)
    return deployment


def test_a_bucket_is_loaded_like_a_folder(deployment, loaded, log_files):
    bucket, broken = deployment.bucket, "clicks_2022052705.parquet"
    bucket.put(f"landing/{broken}", b"no parquet")

    deployment.adtech("backfill", *BOTH_DAYS)

    tables, expected = deployment.tables(), loaded.tables()
    refused = [row for row in tables["ledger"] if row["status"] == "quarantined"]
    assert [(row["file_name"], row["reason"]) for row in refused] == [(broken, "not_parquet")]
    assert tables | {"ledger": [row for row in tables["ledger"] if row not in refused]} == expected
    assert facts(deployment) == facts(loaded)
    assert bucket.names("landing/") == set()
    archived = {key.rpartition("/")[2]: key for key in bucket.names("archive/") if "/20" in key}
    assert archived.keys() == {path.name for path in log_files.iterdir()}
    for path in log_files.iterdir():
        assert bucket.get(f"archive/{archived[path.name]}") == path.read_bytes()

    exported = sorted(path.name for path in deployment.settings.exports_dir.iterdir())
    assert "campaign_ctr.csv" in exported
    for name in exported:
        path = deployment.settings.exports_dir / name
        assert bucket.get(f"exports/{name}") == path.read_bytes()

    status = json.loads(deployment.adtech("status", "--json"))
    assert {day["state"] for day in status["days"].values()} <= {"loaded", "missing"}
    assert [file["file"] for file in status["quarantine"]] == [broken]
    assert status.get("differences", []) == []


def test_a_bucket_that_is_not_there_is_told_in_one_line(deployment):
    done = deployment.run("adtech", "backfill", *BOTH_DAYS, ADTECH_RAW_DATA_DIR="s3://nobodys/feed")

    assert done.returncode == 1
    assert "s3://nobodys/feed: there is no such bucket. Make it" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
