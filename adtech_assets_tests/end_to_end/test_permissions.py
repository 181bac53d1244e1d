"""Who may read what is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.operational.schema import create_schema
from adtech_assets.stores import embedded_postgres
from adtech_assets.stores.outputs import check_folders, written_output
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse

BIN = Path(sys.executable).parent
OTHERS = 0o077


@pytest.mark.parametrize("umask", ["000", "022"])
def test_what_is_below_the_data_folder_is_private_whatever_the_umask(settings, umask):
    with Postgres.of(settings, "source").connect() as connection:
        create_schema(connection)
    settings.data_dir.mkdir()
    environment = os.environ | {
        "ADTECH_DATA_DIR": str(settings.data_dir),
        "ADTECH_OUTPUT_DIR": str(settings.output_dir),
        "ADTECH_RAW_DATA_DIR": str(settings.raw_data_dir),
        "ADTECH_SOURCE_DATABASE_URL": settings.source_database_url.get_secret_value(),
        "ADTECH_TARGET_DATABASE_URL": settings.target_database_url.get_secret_value(),
        "DAGSTER_HOME": str(PROJECT_DIR),
    }
    for command in (
        ["adtech", "logs", "generate", "--from=2022-05-26", "--to=2022-05-26"],
        ["adtech", "backfill", "--from=2022-05-26", "--to=2022-05-26"],
        # Dagster's own command makes its state before it loads our definitions.
        ["dagster", "asset", "materialize", "-m", "adtech_assets.definitions",
         "--select", "exports/campaign_ctr"],
    ):  # fmt: skip
        line = f'umask {umask}; exec "$@"'
        subprocess.run(
            ["sh", "-c", line, "sh", BIN / command[0], *command[1:]],
            env=environment,
            cwd=PROJECT_DIR,
            check=True,
            capture_output=True,
        )
    written = {path: path.stat().st_mode for path in settings.data_dir.rglob("*")}
    assert {"warehouse.duckdb", "warehouse.duckdb.lock", "storage.lock"} <= {
        path.name for path in written
    }
    assert [path for path, mode in written.items() if mode & OTHERS] == []


def test_the_files_of_the_embedded_postgres_are_private(tmp_path):
    embedded_postgres.database_url(tmp_path / "postgres", "analytics")
    assert [
        path
        for path in (tmp_path / "postgres").rglob("*")
        if path.is_file() and path.stat().st_mode & OTHERS
    ] == []


def test_the_embedded_postgres_starts_where_its_socket_lies_elsewhere(tmp_path):
    folder = tmp_path / ("long" * 30) / "postgres"
    url = embedded_postgres.database_url(folder, "analytics")
    assert str(folder) not in url


@pytest.mark.parametrize(("folder", "file"), [(0o700, 0o600), (0o755, 0o644), (0o2770, 0o660)])
def test_a_result_may_be_read_by_those_whom_its_folder_lets_in(tmp_path, folder, file):
    tmp_path.chmod(folder)
    with written_output(tmp_path / "2022-05-26.csv") as partial:
        partial.write_text("event_date\n")
    assert (tmp_path / "2022-05-26.csv").stat().st_mode & 0o777 == file


def test_folders_that_are_made_are_private(settings):
    check_folders(settings)
    for folder in (settings.output_dir, settings.data_dir, settings.archive_dir):
        assert folder.stat().st_mode & OTHERS == 0


def test_a_warehouse_and_its_lock_are_private(settings):
    with Warehouse.of(settings).connect() as connection:
        connection.execute("CREATE TABLE t AS SELECT 1")
    assert [path for path in settings.data_dir.iterdir() if path.stat().st_mode & OTHERS] == []
