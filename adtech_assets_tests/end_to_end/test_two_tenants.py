"""Two deployments on one host and one Postgres server, at once: every number of each its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import psycopg
import pytest

from adtech_assets.operational.schema import create_schema
from adtech_assets.settings import load_settings
from adtech_assets_tests.end_to_end.conftest import SOURCE_ROWS, Deployment
from adtech_assets_tests.end_to_end.test_other_feed import CHROME, OPERATIONAL, SOURCE
from adtech_assets_tests.other_feed import FEED, NOON, deliver, table, write_feed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adtech_assets.settings import Settings


class Tenant(Deployment):
    """With databases on a server that others use too."""

    def __init__(self, folder: Path, source: str, target: str, **own: str) -> None:
        super().__init__(folder)
        folder.mkdir()
        self.own = {
            "ADTECH_SOURCE_DATABASE_URL": source,
            "ADTECH_TARGET_DATABASE_URL": target,
            "ADTECH_BI_ROLE": f"{folder.name}_readers",
            **own,
        }

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | self.own

    @property
    def settings(self) -> Settings:
        own = {name.removeprefix("ADTECH_").lower(): value for name, value in self.own.items()}
        return load_settings(**{**dict(super().settings), **own})


@pytest.fixture
def tenants(
    tmp_path: Path, log_files: Path, new_database: Callable[[], str]
) -> tuple[Tenant, Tenant]:
    """One of the sample's feed, one of another in another time zone, for the same day."""
    sample = Tenant(tmp_path / "sample", new_database(), new_database())
    shutil.copytree(log_files, sample.raw_data)
    with sample.source() as connection:
        create_schema(connection)
        connection.execute(SOURCE_ROWS)
    folder = tmp_path / "shop"
    shop = Tenant(
        folder,
        new_database(),
        new_database(),
        ADTECH_FEED=str(folder / "feed.yaml"),
        ADTECH_USER_AGENT=CHROME,
    )
    write_feed(folder, FEED + OPERATIONAL)
    shop.raw_data.mkdir()
    events = table("impressions", [CHROME] * 3, at=NOON)
    deliver(shop.raw_data, "2022/05/26/12/imp-a.parquet", events)
    with shop.source() as connection:
        connection.execute(SOURCE)
    return sample, shop


def test_two_feeds_are_loaded_at_once(tenants: tuple[Tenant, Tenant], postgres_server: str) -> None:
    sample, shop = tenants
    command = ("adtech", "backfill", "--from", "2022-05-26", "--to", "2022-05-26")

    running = [each.start(*command) for each in tenants]

    told = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    loaded = "SELECT sum(impression_count)::int AS impressions FROM csv_data_task"
    [counted] = shop.query("target", loaded)
    assert counted == {"impressions": 3}
    expected = sum(
        int(line.split(",")[2])
        for line in (sample.output / "2022-05-26.csv").read_text().splitlines()[1:]
    )
    assert sample.query("target", loaded) == [{"impressions": expected}]
    campaigns = "SELECT campaign_name AS name FROM marts.fct_campaign_ctr ORDER BY 1"
    assert [row["name"] for row in shop.query("target", campaigns)] == ["Spring"]
    names = [row["name"] for row in sample.query("target", campaigns)]
    assert "Summer" in names
    owners = {
        str(each.query("target", "SELECT warehouse_at FROM public.target_owner"))
        for each in tenants
    }
    assert len(owners) == 2

    # Nobody who may read the one's marts may read the other's.
    may_read = "SELECT has_table_privilege(%s, 'marts.fct_campaign_ctr', 'SELECT')"
    for mine, other in ((sample, shop), (shop, sample)):
        with psycopg.connect(mine.own["ADTECH_TARGET_DATABASE_URL"]) as postgres:
            roles = [each.own["ADTECH_BI_ROLE"] for each in (mine, other)]
            found = [postgres.execute(may_read, [role]).fetchone() for role in roles]
        assert found == [(True,), (False,)]
    with psycopg.connect(postgres_server, autocommit=True) as postgres:
        for each in tenants:
            with psycopg.connect(each.own["ADTECH_TARGET_DATABASE_URL"]) as own:
                own.execute(f"DROP OWNED BY {each.own['ADTECH_BI_ROLE']}")
            postgres.execute(f"DROP ROLE {each.own['ADTECH_BI_ROLE']}")


def test_a_tenant_does_not_write_to_the_target_of_another(tenants: tuple[Tenant, Tenant]) -> None:
    sample, shop = tenants
    day = ("--from", "2022-05-26", "--to", "2022-05-26")
    sample.adtech("backfill", *day, "--select", "+csv_data_task")
    shop.own["ADTECH_TARGET_DATABASE_URL"] = sample.own["ADTECH_TARGET_DATABASE_URL"]

    done = shop.run("adtech", "backfill", *day)

    assert done.returncode == 1
    assert f"belongs to the warehouse {sample.data}" in done.stderr
