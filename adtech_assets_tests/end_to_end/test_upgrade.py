"""The stores of an earlier version, brought to this one: nothing is lost, every number stays."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest

from adtech_assets import backup
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.settings import load_settings
from adtech_assets.stores import identity, upgrading
from adtech_assets_tests.end_to_end.conftest import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adtech_assets.settings import Settings

BEFORE = PROJECT_DIR / "adtech_assets_tests" / "before"
NEWEST = {
    "warehouse": len(identity.WAREHOUSE_MIGRATIONS),
    "target": len(identity.TARGET_MIGRATIONS),
}
KPIS = {
    "loaded": "SELECT datetime, impression_count, click_count FROM csv_data_task ORDER BY 1",
    "summary": "SELECT event_date, impressions, clicks, ctr FROM marts.fct_daily_summary",
    "campaigns": "SELECT campaign_id, impressions, clicks, ctr FROM marts.fct_campaign_ctr",
}


class Earlier(Deployment):
    """A deployment whose stores an earlier version has filled."""

    def __init__(self, folder: Path, source: str, target: str) -> None:
        super().__init__(folder)
        self.urls = {"source_database_url": source, "target_database_url": target}
        for made in (self.raw_data, self.output, self.data):
            made.mkdir()
        shutil.copy(BEFORE / "warehouse.id", self.data)
        shutil.copy(BEFORE / "2022-05-26.csv", self.output)
        with closing(duckdb.connect(self.data / "warehouse.duckdb")) as warehouse:
            warehouse.execute((BEFORE / "warehouse.sql").read_text("utf-8"))
        for url, name in ((source, "source"), (target, "target")):
            with psycopg.connect(url) as postgres:
                postgres.execute((BEFORE / f"{name}.sql").read_bytes())

    @property
    def environment(self) -> dict[str, str]:
        urls = {f"ADTECH_{name.upper()}": url for name, url in self.urls.items()}
        return super().environment | urls | {"ADTECH_PROCESSED_FILES": "delete"}

    @property
    def settings(self) -> Settings:
        own = {**self.urls, "processed_files": "delete"}
        return load_settings(**{**dict(super().settings), **own})

    def kpis(self) -> dict[str, list[dict[str, object]]]:
        return {name: self.query("target", query) for name, query in KPIS.items()}


@pytest.fixture
def earlier(tmp_path: Path, new_database: Callable[[], str]) -> Earlier:
    return Earlier(tmp_path, new_database(), new_database())


def assert_goes_on(earlier: Earlier, before: dict[str, list[dict[str, object]]]) -> None:
    """The next run leaves every number as it was, and nothing to complain of."""
    earlier.adtech("backfill", "--from", "2022-05-26", "--to", "2022-05-26")
    assert earlier.kpis() == before
    status = json.loads(earlier.adtech("status", "--json"))
    assert status["days"]["2022-05-26"]["state"] == "loaded"
    assert status["days"]["2022-05-26"]["files"] == 9
    assert status["differences"] == []


def test_an_upgrade_backs_up_migrates_and_says_so(earlier: Earlier, tmp_path: Path) -> None:
    was, before = upgrading.versions(earlier.settings), earlier.kpis()
    assert was["warehouse"] is not None
    assert was["warehouse"] < NEWEST["warehouse"]

    told = earlier.adtech("upgrade", "--backup", str(tmp_path / "copy"))

    assert upgrading.versions(earlier.settings) == NEWEST
    assert f"schema version {was['warehouse']}" in told
    assert f"schema version {NEWEST['warehouse']}" in told
    assert str(tmp_path / "copy") in told
    assert earlier.kpis() == before
    assert_goes_on(earlier, before)

    # The way back is the backup, which is of the version before.
    restored = load_settings(**{**dict(earlier.settings), "data_dir": tmp_path / "back"})
    backup.restore(restored, tmp_path / "copy", lambda _: None)
    assert upgrading.versions(restored)["warehouse"] == was["warehouse"]


def test_the_first_run_migrates_alone(earlier: Earlier) -> None:
    before = earlier.kpis()

    assert_goes_on(earlier, before)

    assert upgrading.versions(earlier.settings) == NEWEST


def test_stores_of_newer_code_are_left_alone(earlier: Earlier, tmp_path: Path) -> None:
    with closing(duckdb.connect(earlier.data / "warehouse.duckdb")) as warehouse:
        warehouse.execute("UPDATE state.warehouse SET schema_version = 99")

    done = earlier.run("adtech", "upgrade", "--backup", str(tmp_path / "copy"))

    assert done.returncode == 1
    assert "written by a newer adtech-assets" in done.stderr
    assert not (tmp_path / "copy").exists()
