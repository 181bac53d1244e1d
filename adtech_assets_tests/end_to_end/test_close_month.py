"""adtech close-month: what was billed stays as it was, whatever comes later."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from adtech_assets.audit.closing import refuse_incomplete
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.errors import UserError
from adtech_assets.partitions import parse_month
from adtech_assets.sample.log_files import generate_log_files, write_log_file
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end.conftest import Deployment, made_once, new_deployment
from adtech_assets_tests.sample_feed import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from adtech_assets.settings import Settings

MONTH = date(2022, 5, 1)
FIRST, LAST = "2022-05-01", "2022-06-01"
"""May, and the day whose first files tell that it is over."""

ROWS = (
    "SELECT campaign_id, advertiser_id, campaign_name, advertiser_name, days, full_days, "
    "gross_impressions, gross_clicks, valid_impressions, db_impressions, db_clicks, "
    "estimated_spend::text AS estimated_spend, estimated_spend_capped::text AS capped, "
    "is_closed, closed_at FROM marts.fct_campaign_billing_monthly "
    "WHERE billing_month = '2022-05-01' ORDER BY campaign_id"
)

KILLED = """
import os, signal, sys
from adtech_assets import billing
from adtech_assets.cli import billing as command, main

def kill(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[1] == "before the commit":
    billing.digest = kill
else:
    command._renew = kill
sys.argv = ["adtech", "close-month", "2022-05"]
main()
"""


class Month(Deployment):
    """A deployment whose days begin on the first of May."""

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"ADTECH_START_DATE": FIRST}

    @property
    def settings(self) -> Settings:
        return super().settings.model_copy(update={"start_date": MONTH})

    def refused(self, *arguments: str) -> str:
        """The line in which a command is refused."""
        done = self.run("adtech", *arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stderr

    def killed(self, when: str) -> None:
        """Close the month in a process that is killed."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", KILLED, when],
            cwd=PROJECT_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == -9, done.stdout + done.stderr

    def look(self, query: str) -> list[tuple[Any, ...]]:
        with Warehouse.of(self.settings).connect() as warehouse:
            return warehouse.execute(query).fetchall()

    def billed(self) -> dict[str, object]:
        """What each store and file says of the month."""
        with (self.data / "exports" / "campaign_billing.csv").open(newline="") as file:
            lines = [row for row in csv.DictReader(file) if row["billing_month"] == FIRST]
        frame = pl.read_parquet(self.data / "exports" / "campaign_billing.parquet")
        return {
            "warehouse": self.query("warehouse", ROWS.replace("::text", "::varchar")),
            "published": self.query("target", ROWS),
            "csv": lines,
            "parquet": frame.filter(pl.col("billing_month") == MONTH).rows(),
        }

    def differences(self) -> dict[tuple[int, str], tuple[Any, ...]]:
        rows = self.query(
            "target",
            "SELECT campaign_id, measure, closed_value, current_value, difference "
            "FROM marts.fct_campaign_billing_differences",
        )
        return {(row["campaign_id"], row["measure"]): tuple(row.values())[2:] for row in rows}


@pytest.fixture(scope="session")
def backup_of_may(tmp_path_factory: pytest.TempPathFactory, log_files: Path) -> Path:
    """A copy of a deployment that has loaded May."""

    def load(folder: Path) -> None:
        new_deployment(folder / "one", log_files)
        month = Month(folder / "one")
        generate_log_files(month.raw_data, [date(2022, 6, 1)], events_per_day=24, ctr=0.3)
        month.adtech("backfill", "--from", FIRST, "--to", LAST)
        month.adtech("backup", str(folder / "backup"))

    return made_once(tmp_path_factory, "may", load) / "backup"


@pytest.fixture
def may(backup_of_may: Path) -> Month:
    """A deployment that has loaded May; only to be looked at."""
    return Month(backup_of_may.parent / "one")


@pytest.fixture
def month(tmp_path: Path, backup_of_may: Path) -> Month:
    """A deployment of the test's own that has loaded May."""
    month = Month(tmp_path)
    month.raw_data.mkdir()
    shutil.copytree(backup_of_may.parent / "one" / "output", month.output, dirs_exist_ok=True)
    month.adtech("restore", str(backup_of_may), "--yes")
    return month


def deliver_late(month: Month) -> None:
    """One more log file of a day of May, clicks that the database enters late, another name."""
    write_log_file(
        month.raw_data / "impressions_2022052612.parquet",
        "impressions",
        user_agents=["some user agent"] * 3,
        creation_times_ms=[int(datetime(2022, 5, 26, 10, 30, tzinfo=UTC).timestamp() * 1000)] * 3,
        campaign_ids=[1] * 3,
        is_fraud=[False] * 3,
    )
    with month.source() as connection:
        connection.execute(
            "INSERT INTO clicks (campaign_id, created_at) VALUES (1, '2022-05-26 13:00:00');"
            "UPDATE campaign SET name = 'Autumn', bid = 9 WHERE id = 1"
        )


def test_a_closed_month_stays_as_it_is_and_what_changes_is_listed(month):
    open_rows = month.billed()["published"]

    told = month.adtech("close-month", "2022-05")

    assert "2022-05 is closed." in told
    assert "Acme" in told
    assert "unknown advertiser" in told
    closed = month.billed()
    assert all(row["is_closed"] and row["closed_at"] for row in closed["published"])
    opened = {"is_closed": False, "closed_at": None}
    assert [row | opened for row in closed["published"]] == open_rows
    assert closed["published"] == closed["warehouse"]
    assert len(closed["csv"]) == len(closed["parquet"]) == len(open_rows)
    assert month.differences() == {}

    deliver_late(month)
    ran = month.run("adtech", "backfill", "--from", "2022-05-26", "--to", "2022-05-26")

    assert ran.returncode == 0, ran.stderr
    assert "closed_months_are_as_their_days_say" in ran.stderr
    assert month.billed() == closed
    found = month.differences()
    assert found[1, "db_clicks"] == (1, 2, 1)
    assert found[1, "estimated_spend"][2] == 0.5  # at the bid that was in force then
    assert found[1, "gross_impressions"][2] == 3
    assert f"Closed months: 2022-05 ({len(found)} later differences" in month.adtech("status")
    assert "2022-05 was closed at" in month.refused("close-month", "2022-05")


def test_a_kill_leaves_the_month_closed_whole_or_not_at_all(month):
    month.killed("before the commit")
    assert month.look("SELECT * FROM billing.closed_campaign_months") == []
    assert month.look("SELECT * FROM state.versions WHERE part LIKE 'billing.%'") == []

    month.killed("after the commit")
    [(frozen,)] = month.look("SELECT count(*) FROM billing.closed_campaign_months")
    assert frozen == len(month.query("target", ROWS)) > 0
    assert not any(row["is_closed"] for row in month.query("target", ROWS))

    told = month.adtech("close-month", "2022-05")

    assert "closed already; what was left to do is done now" in told
    assert all(row["is_closed"] for row in month.billed()["published"])
    assert all(row["closed_at"] for row in month.billed()["csv"])
    assert "2022-05 was closed at" in month.refused("close-month", "2022-05")


def test_any_run_renews_what_reads_the_closed_months_and_nothing_else(month):
    month.killed("after the commit")
    [(before,)] = month.look("SELECT max(noted_at) FROM state.versions")

    month.adtech("backfill", "--from", LAST, "--to", LAST)

    assert all(row["is_closed"] for row in month.billed()["published"])
    built = month.look(
        f"SELECT DISTINCT part FROM state.versions WHERE noted_at > TIMESTAMP '{before}'"
    )
    parts = {part for (part,) in built if not part.startswith("test.") and "kpi_report" not in part}
    assert parts == {
        # Of the view nothing is noted: its code has not changed.
        "fct_campaign_billing_monthly",
        "fct_campaign_billing_differences",
        "exports/campaign_billing",
    }


def test_a_backup_holds_the_closed_months(month, tmp_path):
    month.adtech("close-month", "2022-05")
    closed = month.look("SELECT * FROM billing.closed_campaign_months ORDER BY ALL")
    month.adtech("backup", str(tmp_path / "copy"))
    month.adtech("reset", "--yes")

    month.adtech("restore", str(tmp_path / "copy"), "--yes")

    assert month.look("SELECT * FROM billing.closed_campaign_months ORDER BY ALL") == closed
    assert "Closed months: 2022-05" in month.adtech("status")


def test_a_warehouse_that_has_begun_anew_publishes_nothing_over_closed_months(month):
    month.adtech("close-month", "2022-05")
    closed = month.query("target", ROWS)
    for path in month.data.glob("warehouse.duckdb*"):
        path.unlink()

    refused = month.refused("backfill", "--from", FIRST, "--to", LAST)

    assert "closed months (2022-05) that the warehouse does not have" in refused
    assert "adtech restore" in refused
    assert month.query("target", ROWS) == closed


# ---- what is not closed --------------------------------------------------------------------------


def test_a_month_that_is_not_over_is_refused(may):
    now = datetime.now(UTC)

    assert f"{now:%Y-%m} is not over" in may.refused("close-month", f"{now:%Y-%m}")


def test_a_month_with_days_that_are_missing_is_refused(may):
    refused = may.refused("close-month", "2022-06")

    assert "missing: 2022-06-02..2022-06-30" in refused
    assert "not full in the logs: 2022-06-01..2022-06-30" in refused
    assert "adtech backfill --from 2022-06-01 --to 2022-07-01" in refused


def test_a_month_with_files_that_wait_is_refused_until_they_are_loaded(month):
    deliver_late(month)

    refused = month.refused("close-month", "2022-05")

    assert "stale: 2022-05-26" in refused
    assert "adtech backfill --from 2022-05-26 --to 2022-05-26" in refused
    month.adtech("backfill", "--from", "2022-05-26", "--to", "2022-05-26")
    month.adtech("close-month", "2022-05")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "part = 'fct_campaign_cost_daily'",
            "is not built from what is there now (fct_campaign_cost_daily",
        ),
        (
            "part LIKE 'test.%.billing_months_total_campaign_days'",
            "has not passed billing_months_total_campaign_days",
        ),
        ("part = 'fct_campaign_billing_monthly'", "has never been built"),
    ],
)
def test_a_mart_that_is_stale_or_unproven_is_not_closed(may, damage, told):
    settings = may.settings
    with (
        Postgres.of(settings, "target").connect(read_only=True) as target,
        Warehouse.of(settings).connect() as warehouse,
    ):
        warehouse.begin()
        warehouse.execute(f"DELETE FROM state.versions WHERE {damage}")
        with pytest.raises(UserError) as refused:
            refuse_incomplete(warehouse, target, settings, PROJECT, parse_month("2022-05"))
        warehouse.rollback()

    assert told in str(refused.value)
    assert "adtech backfill --from 2022-05-01 --to 2022-05-31" in str(refused.value)


def test_nothing_is_closed_where_nothing_was_ever_loaded(tmp_path):
    empty = Month(tmp_path)

    assert "there is no warehouse yet" in empty.refused("close-month", "2022-05")
    assert not (empty.data / "warehouse.duckdb").exists()
