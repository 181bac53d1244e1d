"""Runs on a bucket that are killed: whatever the moment, the next run completes them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import psycopg
import pytest

from adtech_assets.settings import load_settings
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.buckets import REGION, Bucket, s3, s3_server
from adtech_assets_tests.feed.deliveries import DAY, days, random_bytes, write
from adtech_assets_tests.hostile import killed, log_branch
from adtech_assets_tests.hostile.forks import ForkServer, environment
from adtech_assets_tests.hostile.log_branch import load_days

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets.settings import Settings

__all__ = ["s3", "s3_server"]  # fixtures

FIRST, SECOND = "impressions_2022052611.parquet", "impressions_2022052612.parquet"
COPY = "impressions_2022052612_copy.parquet"
BROKEN = "clicks_2022052611.parquet"


@dataclass
class Stores:
    """A deployment with a landing folder in a bucket, at one place for all tests of the module."""

    settings: Settings
    bucket: Bucket

    def begin(self, delivered: dict[str, bytes]) -> None:
        """Have nothing but a new delivery."""
        self.bucket.stored.keys.clear()
        shutil.rmtree(self.settings.data_dir, ignore_errors=True)
        with psycopg.connect(self.settings.target_database_url.get_secret_value()) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for name, content in delivered.items():
            self.bucket.put(f"landing/{name}", content)

    def files(self) -> dict[tuple[str, str], bytes]:
        """Each file by folder and name, wherever it lies; notes, and numbers of folders aside."""
        local = {
            str(path.relative_to(self.settings.data_dir)): path.read_bytes()
            for folder in ("archive", "quarantine", "spool")
            for path in (self.settings.data_dir / folder).rglob("*")
            if path.is_file()
        }
        everywhere = local | {key: self.bucket.get(key) for key in self.bucket.names()}
        placed = {
            (*_place(key), content)
            for key, content in everywhere.items()
            if not key.endswith("reason.json")
        }
        return {(folder, name): content for folder, name, content in placed}

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with Warehouse.of(self.settings).connect() as warehouse:
            return warehouse.execute(query).fetchall()


def _place(key: str) -> tuple[str, str]:
    folder, _, name = key.rpartition("/")
    return ("quarantine" if "quarantine/" in key else folder), name


@pytest.fixture(scope="module", params=["versions and an archive in the bucket", "neither"])
def stores(request, tmp_path_factory, databases, s3_server) -> Stores:
    client = boto3.client(
        "s3",
        endpoint_url=s3_server,
        region_name=REGION,
        aws_access_key_id="somebody",
        aws_secret_access_key="s3cr3t",
    )
    bucket = Bucket(client, versions=request.param != "neither")
    folder = tmp_path_factory.mktemp("killed")
    archive = "" if request.param == "neither" else f"{bucket.url}/archive"
    settings = load_settings(
        raw_data_dir=f"{bucket.url}/landing",
        archive_dir=archive,
        output_dir=folder / "output",
        data_dir=folder / "data",
        source_database_url=databases["source"],
        target_database_url=databases["target"],
        settle_seconds=0,
        user_agent="*",
    )
    return Stores(settings, bucket)


@pytest.fixture(scope="module")
def server(stores, s3_server) -> Iterator[ForkServer]:
    """Forks runs on these stores."""
    variables = environment(stores.settings) | {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "s3cr3t",
    }
    log = stores.settings.output_dir.with_name("log")
    with ForkServer(log_branch.__name__, killed.__name__, log=log, environment=variables) as server:
        yield server


@pytest.fixture
def delivered(tmp_path: Path) -> dict[str, bytes]:
    """Two good files, a copy of one under another name, and a broken one."""
    random_bytes(tmp_path / BROKEN)
    first, second = write(tmp_path / FIRST, "a"), write(tmp_path / SECOND, "a", "b")
    return {
        FIRST: first.read_bytes(),
        SECOND: second.read_bytes(),
        COPY: second.read_bytes(),
        BROKEN: (tmp_path / BROKEN).read_bytes(),
    }


FEED, OBJECTS = "adtech_assets.feed", "adtech_assets.stores.objects"


@pytest.mark.parametrize(
    ("when", "function", "call"),
    [
        pytest.param("after", f"{OBJECTS}:clock", 1, id="listed"),
        pytest.param("before", f"{OBJECTS}:_object", 6, id="half-of-a-copy"),
        pytest.param("after", f"{FEED}.buckets:Bucket.fingerprint", 2, id="copied-and-hashed"),
        pytest.param("after", f"{FEED}.ledger:Ledger.record", 1, id="ledger-not-committed"),
        pytest.param("before", f"{FEED}.landing:quarantine", 1, id="refused-not-moved"),
        pytest.param("before", f"{FEED}.places:move", 1, id="reason-but-no-file"),
        pytest.param("after", f"{FEED}.landing:quarantine", 1, id="moved-to-quarantine"),
        pytest.param("before", f"{FEED}.landing:archive", 1, id="loaded-not-archived"),
        pytest.param("before", f"{OBJECTS}:delete_exactly", 2, id="copied-not-deleted"),
        pytest.param("after", f"{OBJECTS}:delete_exactly", 2, id="deleted"),
        pytest.param("after", f"{FEED}.landing:archive", 1, id="between-two-moves"),
        pytest.param("after", f"{FEED}.landing:archive_duplicate", 1, id="duplicate-moved"),
        pytest.param("before", f"{FEED}.places:empty_spool", 1, id="all-moved"),
    ],
)
@pytest.mark.usefixtures("s3")
def test_h61_a_run_killed_on_a_bucket_is_completed_by_the_next(  # noqa: PLR0913, PLR0917
    stores, server, delivered, when, function, call
):
    stores.begin(delivered)

    ended = server.run(f"{killed.__name__}:load_around", when, function, str(DAY), str(DAY), call)
    load_days(stores.settings, days())

    assert ended.was_killed, ended.output
    assert stores.files() == {
        (f"archive/impressions/{DAY}", FIRST): delivered[FIRST],
        (f"archive/impressions/{DAY}", SECOND): delivered[SECOND],
        (f"archive/duplicates/impressions/{DAY}", COPY): delivered[COPY],
        ("quarantine", BROKEN): delivered[BROKEN],
    }
    assert stores.ask("SELECT file_name, status FROM raw.log_files ORDER BY ALL") == [
        (BROKEN, "quarantined"),
        (FIRST, "loaded"),
        (SECOND, "loaded"),
        (COPY, "duplicate"),
    ]
    assert stores.ask(
        "SELECT event_hour, user_agent, impression_count "
        "FROM rollup.hourly_user_agent_rollup ORDER BY ALL"
    ) == [(11, "a", 1), (12, "a", 1), (12, "b", 1)]
