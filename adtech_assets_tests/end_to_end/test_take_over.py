"""Two data folders and one target database: whose it is, and how that changes on purpose."""

from __future__ import annotations

from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.stores.postgres import Postgres
from adtech_assets_tests.end_to_end.conftest import DAYS, new_deployment

BACKFILL = ("backfill", "--from", str(DAYS[0]), "--to", str(DAYS[0]), "--select", "+csv_data_task")


def test_a_second_folder_is_refused_until_it_takes_over(tmp_path, log_files):
    owner = new_deployment(tmp_path / "one", log_files)
    owner.adtech(*BACKFILL)
    loaded = owner.log_tables()["csv_data_task"]
    second = new_deployment(tmp_path / "two", log_files)
    generate_log_files(second.raw_data, DAYS, events_per_day=200, ctr=0.3)
    shared = {"ADTECH_TARGET_DATABASE_URL": Postgres.of(owner.settings, "target").url()}

    refused = second.run("adtech", *BACKFILL, **shared)

    assert refused.returncode == 1
    assert f"belongs to the warehouse {owner.data}/warehouse.duckdb" in refused.stderr
    assert "adtech take-over" in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr
    assert owner.log_tables()["csv_data_task"] == loaded

    told = second.adtech("take-over", "--yes", **shared)
    assert f"{owner.data}/warehouse.duckdb" in told
    second.adtech(*BACKFILL, **shared)
    assert owner.log_tables()["csv_data_task"] != loaded
    assert owner.run("adtech", *BACKFILL, "--rebuild").returncode == 1
